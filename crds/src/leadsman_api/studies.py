"""Names that workers and operator use in an Optuna study."""

from __future__ import annotations

from leadsman_api.vocabulary import Term


class TrialAttribute(Term):
    """User attributes of a trial."""

    POD_UID = "leadsman:pod_uid", "uid of the pod that runs it."
    RUN_ID = "leadsman:run_id", "its MLflow run."
    METRICS = "leadsman:metrics", "all that was measured, by name, for its MLflow run."
    ERROR = "leadsman:error", "why it failed, as one sentence."
    DISRUPTED = "leadsman:disrupted", "true when its pod was taken away: it counts for nothing."
    ATTEMPT = "leadsman:attempt", "number of the attempt that it was run in."
    DOUBLINGS = (
        "leadsman:doublings",
        "how often the memory has to be doubled for it, because it ran out.",
    )
    RETRY_OF = "leadsman:retry_of", "number of the disrupted trial that it runs again."


class StudyAttribute(Term):
    """User attributes of a study."""

    BASELINE = "leadsman:baseline", "value of the estimator with its default parameters."
    DATA_DIGEST = "leadsman:data_digest", "sha256 over the data that its trials are trained on."
    DATA_REVISION = "leadsman:data_revision", "the source's own name for that state of the data."
    ROWS = "leadsman:rows", "rows of that data."
    CHOSEN = "leadsman:chosen", "the trial that was concluded, and of how many."
    END = "leadsman:end", "the reason for which the search ended."


def study_name(namespace: str, name: str, uid: str) -> str:
    """Name of the study of a TrainingRun; the uid tells it from an earlier one of its name."""
    return f"{namespace}/{name}/{uid}"


_POSTGRESQL = ("postgres", "postgresql")


def study_database(url: str) -> str:
    """The address of a study's database, with the driver that the images carry.

    People write it as libpq knows it, `postgresql://user:password@host/name` or `postgres://…`;
    an address that names a driver, or another database, stays as it is.
    """
    scheme, separator, rest = url.partition("://")
    return f"postgresql+psycopg://{rest}" if separator and scheme in _POSTGRESQL else url
