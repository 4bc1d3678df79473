"""One state of the data for a whole search.

The first worker that has read and checked the data writes down which state it saw. Whoever comes
after it, a pod that takes the place of another or the conclusion, reads that state and no other.
"""

from __future__ import annotations

from dataclasses import dataclass

import optuna
from optuna.storages import RDBStorage

from leadsman_api.reasons import Reason
from leadsman_api.studies import StudyAttribute
from leadsman_api.v1alpha1.data import DataSource
from leadsman_training.data import Table
from leadsman_training.errors import NoUse
from leadsman_training.sources import at_revision
from leadsman_training.study import alone


@dataclass(frozen=True, slots=True)
class Pin:
    """A state of the data."""

    digest: str
    revision: str | None
    """What the source calls it; None where the source keeps one state only."""

    def of(self, source: DataSource) -> DataSource:
        """The source at this state, as far as it can be asked for."""
        return source.model_copy(update={"uri": at_revision(source.uri, self.revision)})

    def check(self, table: Table, uri: str) -> None:
        """NoUse when other data was read: rows that are held out might have been learnt from."""
        if table.digest == self.digest:
            return
        raise NoUse(
            Reason.DATA_CHANGED,
            f"{uri} has the digest {table.digest} now, and the search began with {self.digest}:"
            " make another TrainingRun, or put the data where its states stay, such as a"
            " repository of DVC or lakeFS",
        )


def pin_of(study: optuna.Study) -> Pin | None:
    """The state that a search began with; None before anybody has read the data."""
    known = study.user_attrs
    digest = known.get(StudyAttribute.DATA_DIGEST)
    return None if digest is None else Pin(digest, known.get(StudyAttribute.DATA_REVISION))


def pin_all(storage: RDBStorage, study: optuna.Study, table: Table) -> Pin:
    """Have everybody read the state of this table, unless another one was faster: then that one."""
    with alone(storage, study.study_name):
        found = pin_of(study)
        if found is None:
            # The digest last: who reads it finds the revision as well.
            study.set_user_attr(StudyAttribute.DATA_REVISION, table.revision)
            study.set_user_attr(StudyAttribute.DATA_DIGEST, table.digest)
            found = Pin(table.digest, table.revision)
        return found


def began_with(study: optuna.Study) -> Pin:
    """The state that the trials of a study saw; NoUse when nobody wrote it down."""
    found = pin_of(study)
    if found is None:
        raise NoUse(
            Reason.DATA_CHANGED,
            f"study {study.study_name} does not say which data its trials saw, so nobody knows"
            " which rows are new to them: make another TrainingRun",
        )
    return found
