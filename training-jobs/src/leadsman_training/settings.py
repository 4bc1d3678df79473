"""What the environment tells the process; the only module that reads it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from leadsman_api.environment import MlflowVariable, Variable
from leadsman_api.loading import InvalidResource, parse_resource
from leadsman_api.reasons import Reason
from leadsman_api.termination import TERMINATION_PATH
from leadsman_api.v1alpha1 import TrainingRun
from leadsman_api.v1alpha1.search import Search, SearchMode
from leadsman_training.errors import NoUse

TERMINATION = "LEADSMAN_TERMINATION_PATH"
_NEEDED = (
    Variable.TRAINING_SPEC,
    Variable.STUDY,
    Variable.STUDY_URL,
    Variable.PARENT_RUN,
    MlflowVariable.TRACKING_URI,
)
_OF_THE_STUDY = (Variable.STUDY, Variable.STUDY_URL)


@dataclass(frozen=True, slots=True)
class Settings:
    """What one worker or conclusion is about."""

    resource: TrainingRun
    study: str
    study_url: str
    parent_run: str
    tracking_uri: str
    worker: int
    pod_uid: str
    data_dir: Path
    image: str = ""
    commit: str = ""
    trigger: str = ""
    attempt: int = 1
    """Of the search: its timeout begins anew with each."""
    doublings: int = 0
    """How often the memory of this worker was doubled."""

    @property
    def search(self) -> Search:
        """The search that is meant; the defaults where a version is trained again."""
        return self.resource.spec.effective_search or Search()

    @property
    def is_for_one_trial(self) -> bool:
        """Whether this process ends after its first trial."""
        return self.search.mode is SearchMode.JOB_PER_TRIAL

    @property
    def uid(self) -> str:
        """Identity of the TrainingRun."""
        return self.resource.metadata.uid or ""

    @property
    def training_run(self) -> str:
        """Namespace and name of the TrainingRun."""
        metadata = self.resource.metadata
        return f"{metadata.namespace}/{metadata.name}"


def read_settings(environment: Mapping[str, str]) -> Settings:
    """Read them; NoUse names every variable that is missing."""
    file = environment.get(Variable.TRAINING_SPEC)
    resource = _resource(Path(file)) if file else None
    searches = resource is None or resource.spec.reproduce is None
    needed = [name for name in _NEEDED if searches or name not in _OF_THE_STUDY]
    missing = [str(name) for name in needed if not environment.get(name)]
    if missing or resource is None:
        raise NoUse(Reason.SPEC_INVALID, f"set {', '.join(missing)}")
    return Settings(
        resource=resource,
        study=environment.get(Variable.STUDY, ""),
        study_url=environment.get(Variable.STUDY_URL, ""),
        parent_run=environment[Variable.PARENT_RUN],
        tracking_uri=environment[MlflowVariable.TRACKING_URI],
        worker=int(environment.get(Variable.WORKER) or 0),
        pod_uid=environment.get(Variable.POD_UID, ""),
        data_dir=Path(environment.get(Variable.DATA_DIR, ".")),
        image=environment.get(Variable.IMAGE, ""),
        commit=environment.get(Variable.GIT_COMMIT, ""),
        trigger=environment.get(Variable.TRIGGER, ""),
        attempt=int(environment.get(Variable.ATTEMPT) or 1),
        doublings=int(environment.get(Variable.DOUBLINGS) or 0),
    )


def describe_settings() -> str:
    """Each variable and what it is for, as `--help` prints it."""
    ours = [f"  {variable}\n      {variable.sentence}" for variable in _ALL]
    return "\n".join([*ours, f"  {TERMINATION}\n      file for the last words; {TERMINATION_PATH}"])


_OPTIONAL = (
    Variable.WORKER, Variable.POD_UID, Variable.DATA_DIR, Variable.IMAGE, Variable.GIT_COMMIT,
    Variable.TRIGGER, Variable.ATTEMPT, Variable.DOUBLINGS,
)  # fmt: skip
_ALL = (*_NEEDED, *_OPTIONAL)


def _resource(file: Path) -> TrainingRun:
    try:
        found = parse_resource(json.loads(file.read_text(encoding="utf-8")))
    except (OSError, ValueError, InvalidResource) as error:
        raise NoUse(Reason.SPEC_INVALID, f"{file} holds no TrainingRun: {error}"[:900]) from error
    if not isinstance(found, TrainingRun):
        raise NoUse(Reason.SPEC_INVALID, f"{file} holds a {found.kind}, not a TrainingRun")
    return found
