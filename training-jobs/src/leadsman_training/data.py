"""The data of a training run: read by its address, known by its digest, split once for all."""

from __future__ import annotations

import difflib
import hashlib
import io
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from leadsman_api.reasons import Reason
from leadsman_api.v1alpha1.data import Data, DataFormat, DataSource, HoldoutBy
from leadsman_training.errors import NoUse
from leadsman_training.sources import read
from leadsman_training.times import in_order

_MOST_NAMED = 12
_FEW_CLASSES = 20


@dataclass(frozen=True, slots=True)
class Table:
    """Rows with named columns, and the digest of all that they were read from."""

    frame: pd.DataFrame
    digest: str
    revision: str | None = None
    """What the source calls the state that was read, such as the commit of a repository."""


@dataclass(frozen=True, slots=True)
class Split:
    """The rows to learn from, and those that nobody learns from."""

    train_x: pd.DataFrame
    train_y: pd.Series
    test_x: pd.DataFrame
    test_y: pd.Series
    classification: bool
    by_time: bool = False
    """Whether the rows stand in the order of their time, those that are held out being the last."""


def load(source: DataSource, folder: Path) -> Table:
    """Read the data; NoUse says what is wrong with its address or its content.

    `folder` is where a claim or a ConfigMap is mounted.
    """
    content = read(source.uri, folder)
    digest = f"sha256:{hashlib.sha256(content.data).hexdigest()}"
    if source.digest is not None and source.digest != digest:
        raise NoUse(
            Reason.DATA_CHANGED,
            f"{source.uri} has the digest {digest}, spec.data.source.digest asks for"
            f" {source.digest}",
        )
    form = _format(source, content.name)
    try:
        frame = _parsers()[form](content.data)
    except (ValueError, OSError, KeyError) as error:
        raise NoUse(Reason.DATA_UNREADABLE, f"{source.uri} is no {form}: {error}"[:900]) from error
    return Table(frame, digest, content.revision)


def split(table: Table, data: Data, seed: int, *, classification: bool | None) -> Split:
    """Part the rows, the same way for everybody; `classification` None goes by the target."""
    check_columns(table.frame, data)
    frame, dropped = table.frame, {data.target, *data.exclude}
    column = data.holdout.time_column
    if column is not None:
        # No row that the model is asked about later is of a time that it has seen.
        frame, dropped = in_order(frame, column), {*dropped, column}
    target = frame[data.target]
    if target.isna().any():
        raise NoUse(
            Reason.DATA_INVALID,
            f"{int(target.isna().sum())} rows have no value in the target {data.target!r}",
        )
    features = frame.drop(columns=list(dropped))
    classes = is_class(target) if classification is None else classification
    test = _held_out(target, data, seed, classes=classes)
    parts = features[~test], target[~test], features[test], target[test]
    return Split(*parts, classes, by_time=column is not None)


def is_class(target: pd.Series) -> bool:
    """Whether a column holds classes: words, truths, or a few whole numbers."""
    if not pd.api.types.is_numeric_dtype(target) or pd.api.types.is_bool_dtype(target):
        return True
    return bool(pd.api.types.is_integer_dtype(target)) and target.nunique() <= _FEW_CLASSES


def check_columns(frame: pd.DataFrame, data: Data) -> None:
    """NoUse for a column that the spec names and the data does not have."""
    wanted = [("target", data.target), *(("exclude", name) for name in data.exclude)]
    if data.holdout.time_column is not None:
        wanted.append(("holdout.timeColumn", data.holdout.time_column))
    known = [str(name) for name in frame.columns]
    for field, name in wanted:
        if name in known:
            continue
        near = difflib.get_close_matches(name, known, 1)
        meant = f"; did you mean {near[0]!r}?" if near else ""
        more = ", …" if len(known) > _MOST_NAMED else ""
        raise NoUse(
            Reason.DATA_INVALID,
            f"spec.data.{field}: there is no column {name!r}{meant}"
            f" The data has {', '.join(known[:_MOST_NAMED])}{more}",
        )


def _held_out(target: pd.Series, data: Data, seed: int, *, classes: bool) -> pd.Series:
    """Which rows are held out; by time the last ones."""
    from sklearn.model_selection import train_test_split  # noqa: PLC0415 - slow to import

    by, fraction = data.holdout.by, data.holdout.fraction
    rows = range(len(target))
    if by is HoldoutBy.TIME:
        late = [row + 1 > len(target) * (1 - fraction) for row in rows]
        return pd.Series(late, index=target.index)
    stratify = target if by is HoldoutBy.STRATIFIED or (by is HoldoutBy.AUTO and classes) else None
    try:
        _, test = train_test_split(rows, test_size=fraction, random_state=seed, stratify=stratify)
    except ValueError as error:
        raise NoUse(Reason.DATA_INVALID, f"the rows can't be parted: {error}") from error
    chosen = pd.Series(data=False, index=target.index)
    chosen.iloc[test] = True
    return chosen


def _format(source: DataSource, name: str) -> DataFormat:
    if source.format is not DataFormat.AUTO:
        return source.format
    endings = {
        ".parquet": DataFormat.PARQUET,
        ".arrow": DataFormat.ARROW,
        ".feather": DataFormat.ARROW,
    }
    return endings.get(Path(name).suffix.lower(), DataFormat.CSV)


def _parsers() -> dict[DataFormat, Callable[[bytes], pd.DataFrame]]:
    return {
        DataFormat.CSV: lambda content: pd.read_csv(io.BytesIO(content)),
        DataFormat.PARQUET: lambda content: pd.read_parquet(io.BytesIO(content)),
        DataFormat.ARROW: lambda content: pd.read_feather(io.BytesIO(content)),
    }
