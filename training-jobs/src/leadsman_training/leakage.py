"""What lets a model know more than it will when it is used: answers among the columns, and
held-out rows among those that are learnt from.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from leadsman_training.data import Split
from leadsman_training.scores import Array

NEARLY_ALL = 0.99
"""Balanced accuracy, or share of the variance, from which a column alone says nearly all."""
_SAME = 1 - 1e-12
"""Correlation from which two columns of numbers are one."""
_MOST_ROWS = 5_000
_MOST_LEAVES = 32


def copies(features: pd.DataFrame, target: pd.Series, *, classes: bool) -> Iterator[str]:
    """Columns that are the target under another name: nobody has them when it is asked for."""
    if target.nunique() < 2:  # noqa: PLR2004 - a constant is a copy of any other
        return
    for name, values in features.items():
        if _is_renamed(values, target) if classes else _is_scaled(values, target):
            yield str(name)


def _is_renamed(values: pd.Series, target: pd.Series) -> bool:
    """Whether each class has one value of its own, and each value one class."""
    if values.isna().any() or values.nunique() != target.nunique():
        return False
    pairs = pd.DataFrame({"value": values.to_numpy(), "class": target.to_numpy()})
    return bool(len(pairs.drop_duplicates()) == target.nunique())


def _is_scaled(values: pd.Series, target: pd.Series) -> bool:
    """Whether numbers are the target's, in other units perhaps."""
    if not pd.api.types.is_numeric_dtype(values) or values.isna().any() or values.nunique() < 2:  # noqa: PLR2004 - no spread
        return False
    pairs = np.corrcoef(values.astype(float), target.astype(float))
    return bool(abs(pairs[0, 1]) >= _SAME)


def tells_nearly_all(split: Split) -> Iterator[tuple[str, float]]:
    """Columns that alone foretell the target almost perfectly, and how well they do.

    A small tree learns from the column; it must be right of the rows that it has seen and of
    those that are held out, so that a few lucky rows are no finding.
    """
    from sklearn.metrics import balanced_accuracy_score, r2_score  # noqa: PLC0415 - slow to import
    from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor  # noqa: PLC0415

    kind = DecisionTreeClassifier if split.classification else DecisionTreeRegressor
    worth = balanced_accuracy_score if split.classification else r2_score
    train_x, train_y = _some(split.train_x, split.train_y)
    test_x, test_y = _some(split.test_x, split.test_y)
    if train_y.nunique() < 2 or test_y.nunique() < 2:  # noqa: PLR2004 - right by saying one thing
        return
    for name in train_x:
        learnt, judged = _numbered(train_x[name], test_x[name])
        if np.isnan(learnt).all():
            continue
        tree = kind(max_leaf_nodes=_MOST_LEAVES, random_state=0).fit(learnt, train_y)
        least = min(worth(train_y, tree.predict(learnt)), worth(test_y, tree.predict(judged)))
        if least >= NEARLY_ALL:
            yield str(name), float(least)


def _some(features: pd.DataFrame, target: pd.Series) -> tuple[pd.DataFrame, pd.Series]:
    """At most so many rows, the same each time."""
    if len(target) <= _MOST_ROWS:
        return features, target
    rows = np.sort(np.random.default_rng(0).choice(len(target), _MOST_ROWS, replace=False))
    return features.iloc[rows], target.iloc[rows]


def _numbered(train: pd.Series, test: pd.Series) -> tuple[Array, Array]:
    """A column as numbers; words by their order, those that are new as missing."""
    if pd.api.types.is_numeric_dtype(train) and pd.api.types.is_numeric_dtype(test):
        both = [one.to_numpy(dtype=np.float32, na_value=np.nan) for one in (train, test)]
    else:
        words = sorted(set(train.dropna().astype(str)))
        order = pd.Series(np.arange(len(words), dtype=np.float32), index=words)
        both = [one.astype(str).map(order).to_numpy(dtype=np.float32) for one in (train, test)]
    learnt, judged = (np.where(np.isfinite(one), one, np.nan).reshape(-1, 1) for one in both)
    return learnt, judged


def repeated(split: Split) -> int:
    """Held-out rows that are, target included, among those to learn from as well."""
    train, test = (
        _hashes(features, target)
        for features, target in ((split.train_x, split.train_y), (split.test_x, split.test_y))
    )
    return int(test.isin(train).sum())


def _hashes(features: pd.DataFrame, target: pd.Series) -> pd.Series:
    rows = features.assign(**{f"target {target.name}": target})
    texts = rows.select_dtypes(exclude=["number", "bool"]).columns
    return pd.util.hash_pandas_object(rows.astype(dict.fromkeys(texts, str)), index=False)
