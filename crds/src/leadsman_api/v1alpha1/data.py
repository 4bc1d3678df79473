"""The data that a model is trained on, and the rows that are held out."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from leadsman_api.contract import Contract, nested
from leadsman_api.lists import Distinct
from leadsman_api.patterns import compiled
from leadsman_api.rules import Rule, needed_with, only_with
from leadsman_api.v1alpha1.pods import ObjectReference
from leadsman_api.values import Column, Digest, Form
from leadsman_api.vocabulary import Term

DataUri = Annotated[
    str,
    Form(
        r"^(sklearn://[a-z0-9_]+"
        r"|configmap://[-.a-z0-9]+/[-._a-zA-Z0-9]+"
        r"|pvc://[-.a-z0-9]+/\S+"
        r"|(https?|s3|gs|az|lakefs|mlflow)://\S+"
        r"|dvc\+(https|file)://[^@\s]+@[^:\s]+:\S+)$",
        "write where the data is: sklearn://breast_cancer, configmap://name/key, "
        "pvc://claim/path, https://…, s3://bucket/key, gs://…, az://…, lakefs://…, mlflow://… or "
        "dvc+https://repository@revision:path",
        longest=1024,
    ),
]


_OUTSIDE = "^(pvc|configmap)://[^/]+/(/|(.*/)?[.][.](/|$))"


def is_outside(uri: str) -> bool:
    """Whether an address names a file outside of the claim or the ConfigMap that it names."""
    return compiled(_OUTSIDE).search(uri) is not None


class DataFormat(Term):
    """Form of the file."""

    AUTO = "Auto", "by the ending of its name."
    PARQUET = "Parquet", "Apache Parquet."
    CSV = "CSV", "text with a header line."
    ARROW = "Arrow", "Arrow IPC file, also called Feather."


class HoldoutBy(Term):
    """How the held-out rows are chosen."""

    AUTO = "auto", "stratified where the target is a class, otherwise random."
    RANDOM = "random", "at random, by the seed."
    STRATIFIED = "stratified", "at random, with the same share of each class."
    TIME = "time", "the latest ones by timeColumn."


class DataSource(Contract):
    """Where the data is."""

    invariants = (
        Rule(
            cel=f"!self.uri.matches('{_OUTSIDE}')",
            check=lambda source: not is_outside(source.uri),
            message="uri must stay within its claim or ConfigMap: write a path from the top of it,"
            " without ..",
            field="uri",
        ),
    )

    uri: DataUri
    """Address of the data; its scheme says how it is read."""
    format: DataFormat = DataFormat.AUTO
    """Form of the file."""
    secret_ref: ObjectReference | None = None
    """Secret with the credentials, as environment variables."""
    digest: Digest | None = None
    """Content that the data must have; training stops when it has another."""

    @property
    def scheme(self) -> str:
        """The part of the address that says how it is read."""
        return self.uri.partition("://")[0]


class Holdout(Contract):
    """The rows that no trial sees and that champion and challenger are compared on."""

    invariants = (
        only_with("timeColumn", by="by", values=["time"]),
        needed_with(
            "timeColumn", by="by", value="time", advice="write the column that holds the time"
        ),
    )

    fraction: Annotated[float, Field(gt=0, le=0.5)] = 0.2
    """Share of the rows that is held out."""
    by: HoldoutBy = HoldoutBy.AUTO
    """How the rows are chosen."""
    time_column: Column | None = None
    """Column that says when a row was made."""


class OnDrift(Term):
    """What becomes of a run whose data has drifted."""

    WARN = "Warn", "it goes on, and the columns stand in its log and its report."
    FAIL = "Fail", "it ends before the first trial, with the columns in its message."


class DriftCheck(Contract):
    """How far the data may be from that of the champion."""

    psi: Annotated[float, Field(gt=0, le=10)] = 0.2
    """Population stability index, beyond what chance gives, above which a column has drifted."""
    action: OnDrift = OnDrift.WARN
    """What becomes of the run."""


class Data(Contract):
    """What a model is trained on."""

    invariants = (
        Rule(
            cel="!has(self.exclude) || !(self.target in self.exclude)",
            check=lambda data: data.target not in data.exclude,
            message="exclude must not hold the target column: take it out of exclude",
            field="exclude",
        ),
    )

    source: DataSource
    """Where the data is."""
    target: Column
    """Column that is predicted."""
    exclude: Annotated[tuple[Column, ...], Field(max_length=256), Distinct()] = ()
    """Columns that the model must not see, such as identifiers."""
    holdout: Holdout = nested(Holdout)
    """The rows that are held out."""
    drift: DriftCheck = nested(DriftCheck)
    """How the columns are compared with those that the champion was trained on."""
