"""What the data of a TrainingRun becomes: a table with a digest, and the rows held out."""

from __future__ import annotations

import functools
import io
import threading
from collections.abc import Callable, Iterator
from datetime import date
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from typing_extensions import override

from leadsman_api.reasons import Reason
from leadsman_api.v1alpha1.data import Data, DataSource
from leadsman_training.data import Table, is_class, load, split
from leadsman_training.errors import NoUse
from leadsman_training.sources import read
from leadsman_training.times import in_order

ROWS = pd.DataFrame({"age": [31, 45, 27], "plan": ["a", "b", "a"]})


def as_csv(frame: pd.DataFrame) -> bytes:
    """As text with a header line."""
    text: str = frame.to_csv(index=False)
    return text.encode()


def as_parquet(frame: pd.DataFrame) -> bytes:
    """As Apache Parquet."""
    buffer = io.BytesIO()
    frame.to_parquet(buffer)
    return buffer.getvalue()


def as_arrow(frame: pd.DataFrame) -> bytes:
    """As an Arrow IPC file."""
    buffer = io.BytesIO()
    frame.to_feather(buffer)
    return buffer.getvalue()


def a_source(uri: str, **more: Any) -> DataSource:
    """The source as it is written in a resource."""
    return DataSource.model_validate({"uri": uri, **more})


def some_data(target: str = "plan", **more: Any) -> Data:
    """The data of a spec; where it came from does not matter any more."""
    source = {"uri": "sklearn://iris"}
    return Data.model_validate({"source": source, "target": target, **more})


def why_not(source: DataSource, folder: Path) -> tuple[Reason, str]:
    """What a source that can't be read says."""
    with pytest.raises(NoUse) as refused:
        load(source, folder)
    return refused.value.reason, refused.value.message


class _Quiet(SimpleHTTPRequestHandler):
    @override
    def log_message(self, *_arguments: object) -> None:
        """Say nothing."""


@pytest.fixture
def web(tmp_path: Path) -> Iterator[str]:
    """The address of a server that has the files of the test's folder."""
    handler = functools.partial(_Quiet, directory=str(tmp_path))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(
    ("name", "form", "written"),
    [
        pytest.param("rows.csv", None, as_csv, id="csv"),
        pytest.param("rows", None, as_csv, id="no ending"),
        pytest.param("rows.PARQUET", None, as_parquet, id="parquet"),
        pytest.param("rows.arrow", None, as_arrow, id="arrow"),
        pytest.param("rows.feather", None, as_arrow, id="feather"),
        pytest.param("rows.txt", "Parquet", as_parquet, id="parquet by the spec"),
        pytest.param("rows.parquet", "CSV", as_csv, id="the spec before the ending"),
    ],
)
def test_the_format_goes_by_the_spec_and_else_by_the_ending(
    tmp_path: Path, name: str, form: str | None, written: Callable[[pd.DataFrame], bytes]
) -> None:
    """A file on a claim is read whatever its form."""
    (tmp_path / name).write_bytes(written(ROWS))
    source = a_source(f"pvc://claim/{name}", **({"format": form} if form else {}))

    pd.testing.assert_frame_equal(load(source, tmp_path).frame, ROWS)


@pytest.mark.parametrize(
    ("name", "form"),
    [("rows.csv", "CSV"), ("rows.parquet", "Parquet"), ("rows.arrow", "Arrow")],
)
def test_content_of_another_form_names_address_and_form(
    tmp_path: Path, name: str, form: str
) -> None:
    """Whoever wrote the wrong ending sees both."""
    (tmp_path / name).write_bytes(b"\xff\xfe\x00\x81 no table \x00")

    reason, message = why_not(a_source(f"configmap://files/{name}"), tmp_path)

    assert reason is Reason.DATA_UNREADABLE
    assert message.startswith(f"configmap://files/{name} is no {form}: ")


def test_an_empty_file_is_no_csv(tmp_path: Path) -> None:
    """There is not even a header."""
    (tmp_path / "rows.csv").touch()

    reason, message = why_not(a_source("configmap://files/rows.csv"), tmp_path)

    assert (reason, "is no CSV" in message) == (Reason.DATA_UNREADABLE, True)


def test_a_missing_file_says_which_there_are(tmp_path: Path) -> None:
    """A misspelt key shows itself; an unmounted folder has nothing."""
    (tmp_path / "b.csv").touch()
    (tmp_path / "a.csv").touch()

    _, message = why_not(a_source("configmap://files/c.csv"), tmp_path)
    assert message == "configmap://files/c.csv: No such file or directory; there is a.csv, b.csv"
    _, message = why_not(a_source("pvc://claim/x.csv"), tmp_path / "nowhere")
    assert message == "pvc://claim/x.csv: No such file or directory; there is nothing"


@pytest.mark.parametrize("path", ["../rows.csv", "a/../../rows.csv", "/rows.csv"])
def test_no_file_is_read_beside_the_claim(tmp_path: Path, path: str) -> None:
    """Whoever wrote the address, and whatever it was checked by."""
    (tmp_path / "claim" / "a").mkdir(parents=True)
    (tmp_path / "rows.csv").write_text("a\n1\n")
    if path.startswith("/"):
        path = f"{tmp_path}{path}"

    with pytest.raises(NoUse, match="is not within its claim"):
        read(f"pvc://claim/{path}", tmp_path / "claim")


def test_http_data_is_known_by_its_path_without_the_query(tmp_path: Path, web: str) -> None:
    """A signed address ends in its signature, not in the name of the file."""
    (tmp_path / "rows.parquet").write_bytes(as_parquet(ROWS))

    table = load(a_source(f"{web}/rows.parquet?signature=a.csv"), Path())

    pd.testing.assert_frame_equal(table.frame, ROWS)


@pytest.mark.parametrize(
    ("address", "words"),
    [
        pytest.param("{web}/nowhere.csv", "404", id="not found"),
        pytest.param("http://127.0.0.1:1/rows.csv", "refused", id="no server"),
    ],
)
def test_http_data_that_is_not_there_names_the_address(web: str, address: str, words: str) -> None:
    """The server's answer stands beside it."""
    uri = address.format(web=web)

    reason, message = why_not(a_source(uri), Path())

    assert reason is Reason.DATA_UNREADABLE
    assert message.startswith(f"{uri}: ")
    assert words in message


@pytest.fixture
def bucket(web: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """S3 as far as reading goes: a folder is a bucket."""
    for name, value in (
        ("AWS_ENDPOINT_URL_S3", web),
        ("AWS_ACCESS_KEY_ID", "someone"),
        ("AWS_SECRET_ACCESS_KEY", "something"),
        ("AWS_DEFAULT_REGION", "eu-central-1"),
        ("AWS_MAX_ATTEMPTS", "1"),
    ):
        monkeypatch.setenv(name, value)


@pytest.mark.usefixtures("bucket")
def test_an_object_of_a_bucket_is_read_with_the_credentials_of_the_environment(
    tmp_path: Path,
) -> None:
    """The key may have slashes, and its ending says the form."""
    (tmp_path / "lake" / "daily").mkdir(parents=True)
    (tmp_path / "lake" / "daily" / "rows.parquet").write_bytes(as_parquet(ROWS))

    table = load(a_source("s3://lake/daily/rows.parquet"), Path())

    pd.testing.assert_frame_equal(table.frame, ROWS)


@pytest.mark.usefixtures("bucket")
@pytest.mark.parametrize(
    "uri",
    [pytest.param("s3://lake/none.csv", id="no object"), pytest.param("s3://lake", id="no key")],
)
def test_an_object_that_is_not_there_names_the_address(uri: str) -> None:
    """What the server says comes after it."""
    reason, message = why_not(a_source(uri), Path())

    assert reason is Reason.DATA_UNREADABLE
    assert message.startswith(f"{uri}: ")


def test_a_scheme_of_a_later_version_says_what_this_one_reads() -> None:
    """A newer contract may know more of them than an older image."""
    with pytest.raises(NoUse) as refused:
        read("ftp://place/rows.csv", Path())

    assert refused.value.reason is Reason.DATA_UNREADABLE
    assert refused.value.message.endswith("mlflow, dvc+https and dvc+file, not ftp")


def test_a_bundled_set_is_a_table_with_its_target() -> None:
    """The same bytes each time, so that the digest stays."""
    table = load(a_source("sklearn://iris"), Path())

    assert table.frame.shape == (150, 5)
    assert "target" in table.frame
    assert table.digest == load(a_source("sklearn://iris"), Path()).digest


@pytest.mark.parametrize("name", ["nowhere", "files", "sample_image", "svmlight_file"])
def test_what_scikit_learn_has_no_table_of_names_the_tables(name: str) -> None:
    """Neither a typing error, nor a loader of something else, ends in a stack trace."""
    reason, message = why_not(a_source(f"sklearn://{name}"), Path())

    assert reason is Reason.DATA_UNREADABLE
    known = "breast_cancer, diabetes, digits, iris, linnerud, wine"
    assert message == f"scikit-learn has no set {name}: {known}"


def test_the_digest_is_the_contents_own(tmp_path: Path) -> None:
    """Content that the spec asks for is taken, any other is not."""
    (tmp_path / "rows.csv").write_bytes(as_csv(ROWS))
    uri = "configmap://files/rows.csv"
    digest = load(a_source(uri), tmp_path).digest

    assert load(a_source(uri, digest=digest), tmp_path).digest == digest
    (tmp_path / "rows.csv").write_bytes(as_csv(ROWS.head(2)))
    reason, message = why_not(a_source(uri, digest=digest), tmp_path)
    assert reason is Reason.DATA_CHANGED
    assert message.startswith(f"{uri} has the digest sha256:")
    assert message.endswith(f"asks for {digest}")


def a_table(rows: int = 50, **columns: Any) -> Table:
    """Rows of two features and a target of two unequal classes."""
    frame = pd.DataFrame(
        {
            "id": range(rows),
            "age": [20 + row % 40 for row in range(rows)],
            "plan": ["rare" if row % 5 == 0 else "usual" for row in range(rows)],
            **columns,
        }
    )
    return Table(frame, "sha256:0")


@pytest.mark.parametrize("by", ["auto", "stratified", "random"])
def test_rows_are_parted_once_for_all(by: str) -> None:
    """A seed gives the same rows to everybody; none is on both sides, and none is lost."""
    data = some_data(exclude=["id"], holdout={"fraction": 0.2, "by": by})
    parts = split(a_table(), data, 3, classification=None)
    again = split(a_table(), data, 3, classification=None)

    assert list(parts.train_x.columns) == ["age"]
    assert sorted([*parts.train_x.index, *parts.test_x.index]) == list(range(50))
    assert len(parts.test_x) == 10
    assert list(parts.test_x.index) == list(again.test_x.index) == list(parts.test_y.index)
    other = split(a_table(), data, 4, classification=None)
    assert list(parts.test_x.index) != list(other.test_x.index)
    if by != "random":
        assert parts.test_y.value_counts().to_dict() == {"usual": 8, "rare": 2}


def test_the_latest_rows_are_held_out_by_time() -> None:
    """Wherever they stand in the file."""
    days = [f"2026-01-{1 + (row * 7) % 50 % 28:02}" for row in range(50)]
    data = some_data(holdout={"fraction": 0.2, "by": "time", "timeColumn": "day"})
    parts = split(a_table(day=days), data, 3, classification=None)
    learnt, held_out = ([days[row] for row in rows.index] for rows in (parts.train_x, parts.test_x))

    assert parts.by_time
    assert len(held_out) == 10
    assert [*learnt, *held_out] == sorted(days)
    assert list(parts.train_y.index) == list(parts.train_x.index)


def test_the_time_of_a_row_is_no_feature() -> None:
    """Whoever asks the model asks of a time that it has not seen; other splits keep the column."""
    table = a_table(day=[f"2026-01-{1 + row % 28:02}" for row in range(50)])
    by_time = some_data(holdout={"by": "time", "timeColumn": "day"}, exclude=["id", "day"])

    assert list(split(table, by_time, 3, classification=None).test_x) == ["age"]
    assert "day" in split(table, some_data(), 3, classification=None).test_x


@pytest.mark.parametrize(
    ("data", "message"),
    [
        pytest.param(
            some_data("plans"),
            "spec.data.target: there is no column 'plans'; did you mean 'plan'?"
            " The data has id, age, plan",
            id="target",
        ),
        pytest.param(
            some_data(exclude=["customer"]),
            "spec.data.exclude: there is no column 'customer' The data has id, age, plan",
            id="exclude",
        ),
        pytest.param(
            some_data(holdout={"by": "time", "timeColumn": "agee"}),
            "spec.data.holdout.timeColumn: there is no column 'agee'; did you mean 'age'?"
            " The data has id, age, plan",
            id="time",
        ),
    ],
)
def test_a_column_that_is_not_there_names_its_field(data: Data, message: str) -> None:
    """With the nearest name and those that there are."""
    with pytest.raises(NoUse) as refused:
        split(a_table(), data, 3, classification=None)

    assert (refused.value.reason, refused.value.message) == (Reason.DATA_INVALID, message)


def rows_in_time(*times: Any, index: list[int] | None = None) -> list[str]:
    """The names of rows, which are letters as they stand in the file, from the earliest on."""
    frame = pd.DataFrame({"t": times, "name": list("abcdef")[: len(times)]}, index=index)
    return list(in_order(frame, "t")["name"])


@pytest.mark.parametrize(
    ("times", "rows"),
    [
        pytest.param((20261001, 20260201), "ba", id="numbers"),
        pytest.param(("2026-10-01", "2026-02-01"), "ba", id="days"),
        pytest.param(("2026-02-01 10:00", "2026-02-01", "2026-01"), "cba", id="of several lengths"),
        pytest.param(
            ("2026-01-01T00:30:00+02:00", "2025-12-31T23:00:00Z"), "ab", id="in several zones"
        ),
        pytest.param(("13/2/2026", "1/10/2025"), "ba", id="day first"),
        pytest.param(("2/13/2026", "10/1/2025"), "ba", id="month first"),
        pytest.param(("01.02.2026", "13.01.2026"), "ba", id="as a later row shows"),
        pytest.param(("Feb 5, 2026", "Oct 1, 2025"), "ba", id="months by name"),
        pytest.param((date(2026, 10, 1), date(2026, 2, 1)), "ba", id="days of a Parquet file"),
        pytest.param(pd.to_datetime(["2026-10-01", "2026-02-01"]), "ba", id="times"),
        pytest.param((2, 1, 2, 1), "bdac", id="of one time as they stand"),
    ],
)
def test_times_are_compared_as_times(times: tuple[Any, ...], rows: str) -> None:
    """However they are written: as text, 10/1 would come before 2/13."""
    assert rows_in_time(*times) == list(rows)


def test_rows_that_share_a_label_stay_single() -> None:
    """A Parquet file may bring an index of its own."""
    assert rows_in_time(3, 1, 2, index=[0, 0, 0]) == ["b", "c", "a"]


@pytest.mark.parametrize(
    ("times", "words"),
    [
        pytest.param(("2/1/2026", "10/1/2026"), "'t' day and month can't be told", id="day, month"),
        pytest.param(("week-05", "week-01"), "no times, or are written in several", id="no times"),
        pytest.param(("2026-01-01", "13/2/2026"), "written in several ways", id="several ways"),
        pytest.param(("2026-01-01", None), "1 rows have no value in 't'", id="missing"),
        pytest.param((None, None), "2 rows have no value in 't'", id="none at all"),
    ],
)
def test_a_time_that_is_not_sure_is_refused(times: tuple[Any, ...], words: str) -> None:
    """A guess could put rows of the future among those that are learnt from."""
    with pytest.raises(NoUse, match=r"^spec\.data\.holdout\.timeColumn: ") as refused:
        rows_in_time(*times)

    assert refused.value.reason is Reason.DATA_INVALID
    assert words in refused.value.message


def test_of_many_columns_the_first_are_named() -> None:
    """A message is for people, and columns may be thousands."""
    wide = a_table(**{f"c{number}": 0 for number in range(30)})
    with pytest.raises(NoUse, match=r"The data has id, age, plan, c0, .*, c8, …$"):
        split(wide, some_data("zz"), 3, classification=None)


def test_rows_without_a_target_are_counted() -> None:
    """Nothing is dropped in silence."""
    table = a_table(plan=["a", "b", None, None] + ["a"] * 46)
    with pytest.raises(NoUse, match="2 rows have no value in the target 'plan'") as refused:
        split(table, some_data(), 3, classification=None)
    assert refused.value.reason is Reason.DATA_INVALID


def test_a_class_of_one_row_cant_be_parted() -> None:
    """It would be on one side only."""
    table = a_table(plan=["a"] * 49 + ["b"])
    with pytest.raises(NoUse, match="the rows can't be parted: ") as refused:
        split(table, some_data(), 3, classification=None)
    assert refused.value.reason is Reason.DATA_INVALID


@pytest.mark.parametrize(
    ("values", "classes"),
    [
        pytest.param(["a", "b"] * 30, True, id="words"),
        pytest.param([True, False] * 30, True, id="truths"),
        pytest.param([0, 1, 2] * 20, True, id="few whole numbers"),
        pytest.param(list(range(60)), False, id="many whole numbers"),
        pytest.param([0.0, 1.0] * 30, False, id="numbers with a point"),
    ],
)
def test_the_target_says_what_is_predicted(values: list[Any], *, classes: bool) -> None:
    """Unless the spec says it."""
    assert is_class(pd.Series(values)) is classes
    table = a_table(60, plan=values)
    random = some_data(holdout={"by": "random"})
    assert split(table, random, 3, classification=None).classification is classes
    assert split(table, random, 3, classification=not classes).classification is not classes
