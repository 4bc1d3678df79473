"""The end of a search: the best parameters are fitted again, judged, and registered once.

The model is logged before the version is made, and the version with all its tags: whenever this
process is killed, there is a whole version or none. Run again, it finds what is there by its tag.
"""

from __future__ import annotations

import hashlib
import json
import logging
import tempfile
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import optuna
from mlflow import MlflowClient
from mlflow.artifacts import download_artifacts
from mlflow.entities.model_registry import ModelVersion
from mlflow.exceptions import MlflowException
from mlflow.models import get_model_info

from leadsman_api.conclusion import Conclusion
from leadsman_api.digests import digest_of
from leadsman_api.labels import Tag
from leadsman_api.recorded_spec import RecordedSpec
from leadsman_api.reference_profile import PROFILE_FILE
from leadsman_api.studies import TrialAttribute
from leadsman_api.v1alpha1.objective import SignaturePolicy
from leadsman_api.v1alpha1.training_run_status import (
    GateStatus,
    Provenance,
    TrialSummary,
)
from leadsman_training import champion, choice, footprint, gate, provenance
from leadsman_training.candidate import Candidate, predict
from leadsman_training.checkpoints import FOLDER, RunCheckpoints
from leadsman_training.data import Table
from leadsman_training.logged import log_model, signature_of
from leadsman_training.report import writing
from leadsman_training.scores import Predictions, score, usual
from leadsman_training.served import from_registry, judged
from leadsman_training.settings import Settings
from leadsman_training.sources import at_revision
from leadsman_training.spread import profile_of
from leadsman_training.tracking import once, patiently, settle

_logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Conclude:
    """What is needed to end a search."""

    settings: Settings
    study: optuna.Study
    candidate: Candidate
    table: Table
    client: MlflowClient

    def run(self) -> Conclusion:
        """Fit, judge, register, and write down what was found."""
        made = self._registered()
        made = self._register() if made is None else self._judged_again(made)
        conclusion = self._conclusion(made)
        self._write(conclusion)
        return conclusion

    @cached_property
    def _best(self) -> optuna.trial.FrozenTrial:
        """The trial whose parameters are concluded."""
        return choice.best(self.study, self.candidate)

    def _versions(self) -> dict[str | None, ModelVersion]:
        """The versions of this training, by the study and trial that they are of."""
        name = self.settings.resource.spec.model.name
        condition = f"name = '{name}' and tags.`{Tag.TRAINING_RUN_UID}` = '{self.settings.uid}'"
        found = patiently(lambda: self.client.search_model_versions(condition), self._where)
        return {version.tags.get(Tag.STUDY): version for version in found}

    def _registered(self) -> ModelVersion | None:
        """The version of the best trial that an earlier try has made."""
        return self._versions().get(self._trial)

    @cached_property
    def _home(self) -> str:
        """The MLflow run that the version belongs to: that of the search, or of its trial.

        What is written there says how one version was made, so that a later one of the same
        search goes elsewhere.
        """
        versions = self._versions()
        made = versions.get(self._trial)
        if made is not None:
            return str(made.run_id)
        return str(self._best.user_attrs[TrialAttribute.RUN_ID]) if versions else self._parent

    def _register(self) -> ModelVersion:
        best = self._best
        # Apart from those of the trial, and of another one that was fitted before.
        kept = RunCheckpoints(self.client, self._parent, folder=f"{FOLDER}-fit-{best.number}")
        model = self.candidate.fit(choice.one_of(best), kept)
        _logger.info("Fitted.", extra={"trial": best.number, "parameters": best.params})
        said = predict(model, self.candidate.split.test_x)
        verdict, metrics = self._judge(model, said)
        logged = log_model(model, self.candidate.split, self._home, metrics)
        self._log_profile(logged, said)
        with tempfile.TemporaryDirectory() as folder:
            path, files = self._fetched(logged, folder)
            verdict = self._bounded(verdict, path)
        self._log_gate(verdict)
        self._log_report(model, verdict)
        self._log_provenance(verdict)
        name = self.settings.resource.spec.model.name
        self._ensure_model(name)
        tags = {
            Tag.DIGEST: digest_of(files),
            Tag.TRAINING_RUN_UID: self.settings.uid,
            Tag.TRAINING_RUN: self.settings.training_run,
            Tag.DATA_DIGEST: self.table.digest,
            Tag.DATA_REVISION: self.table.revision,
            Tag.SPEC_HASH: self._spec_hash(),
            Tag.SPEC: self._recorded_spec(),
            Tag.TRIGGER: self.settings.trigger,
            Tag.GIT_COMMIT: self.settings.commit,
            Tag.POD_UID: self.settings.pod_uid,
            Tag.STUDY: self._trial,
            Tag.GATE: verdict.model_dump_json(by_alias=True, exclude_none=True),
        }
        named = {str(tag): value for tag, value in tags.items() if value}
        return patiently(lambda: self._made_once(logged, named), self._where)

    def _made_once(self, logged: str, tags: dict[str, str]) -> ModelVersion:
        """The version of a logged model, if its trial has none; asked again it finds that one."""
        earlier = self._registered()
        if earlier is not None:
            return earlier
        name = self.settings.resource.spec.model.name
        with once():
            return self.client.create_model_version(
                name, f"models:/{logged}", run_id=self._home, tags=tags, model_id=logged
            )

    def _judged_again(self, made: ModelVersion) -> ModelVersion:
        """A version of an earlier try; judged anew if it was against another champion."""
        name = self.settings.resource.spec.model.name
        before = GateStatus.model_validate_json(made.tags[Tag.GATE])
        if self._champion() in (before.champion_version, int(made.version)):
            return made
        place = f"models:/{name}/{made.version}"
        split = self.candidate.split
        model = judged(from_registry(place), split)
        verdict, _ = self._judge(model, predict(model, split.test_x))
        with tempfile.TemporaryDirectory() as folder:
            verdict = self._bounded(verdict, Path(download_artifacts(place, dst_path=folder)))
        self._log_gate(verdict)
        text = verdict.model_dump_json(by_alias=True, exclude_none=True)
        self.client.set_model_version_tag(name, made.version, str(Tag.GATE), text)
        return self.client.get_model_version(name, made.version)

    def _judge(
        self,
        model: Any,  # noqa: ANN401 - any estimator
        challenger: Predictions,
    ) -> tuple[GateStatus, dict[str, float]]:
        """The gate, and the metrics, from what the model says of the held-out rows."""
        split, spec = self.candidate.split, self.settings.resource.spec
        truth = split.test_y.to_numpy()
        name, version = spec.model.name, self._champion()
        judged = gate.Judged(
            truth=truth,
            challenger=challenger,
            champion=champion.answers(name, version, split) if version else None,
            champion_version=version,
            columns=lambda name: split.test_x[name].to_numpy(),
        )
        verdict = gate.judge(spec.gate, spec.objective, judged, self.settings.search.seed)
        if version is not None and spec.gate.signature is SignaturePolicy.COMPATIBLE:
            known = get_model_info(f"models:/{name}/{version}").signature
            found = champion.check_signature(known, signature_of(model, split))
            verdict = gate.with_check(verdict, found)
        names = {spec.objective.metric, *usual(classification=split.classification)}
        metrics = {f"holdout_{name}": score(name, truth, challenger) for name in sorted(names)}
        _logger.info("Judged.", extra={"passed": verdict.passed, **metrics})
        return verdict, {name: value for name, value in metrics.items() if value == value}  # noqa: PLR0124 - not NaN

    def _champion(self) -> int | None:
        spec = self.settings.resource.spec
        return champion.champion_version(self.client, spec.model.name, spec.gate.against)

    def _bounded(self, verdict: GateStatus, folder: Path) -> GateStatus:
        """The verdict with the bounds on what the files weigh and what a row costs."""
        bounds = self.settings.resource.spec.gate
        for check in footprint.checks(bounds, folder):
            verdict = gate.with_check(verdict, check)
        return verdict

    def _ensure_model(self, name: str) -> None:
        try:
            self.client.create_registered_model(name)
        except MlflowException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise

    def _fetched(self, model_id: str, folder: str) -> tuple[Path, dict[str, str]]:
        """The files as MLflow has them, which is what a server will fetch, with their sha256."""
        path = Path(download_artifacts(artifact_uri=f"models:/{model_id}", dst_path=folder))
        files = {
            file.relative_to(path).as_posix(): hashlib.sha256(file.read_bytes()).hexdigest()
            for file in sorted(path.rglob("*"))
            if file.is_file()
        }
        manifest = json.dumps(files, indent=2)
        self.client.log_text(self._home, manifest, "manifest.json")
        return path, files

    def _log_profile(self, logged: str, said: Predictions) -> None:
        """How the rows are spread that it has learnt from, beside its files."""
        found = profile_of(self.candidate.split, said.values)
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / PROFILE_FILE
            file.write_text(found.to_text(), encoding="utf-8")
            self.client.log_model_artifact(logged, str(file))

    def _log_provenance(self, verdict: GateStatus) -> None:
        """What the version was made from, so that it can be made again."""
        settings, best = self.settings, self._best
        made = provenance.Made(
            spec=settings.resource.spec,
            data_digest=self.table.digest,
            rows=len(self.table.frame),
            seed=settings.search.seed,
            parameters=best.params,
            commit=settings.commit,
        )
        text = provenance.record(
            made,
            image=settings.image,
            revision=self.table.revision,
            study=settings.study,
            trial=best.number,
            trigger=settings.trigger,
            training_run_uid=settings.uid,
            champion_version=verdict.champion_version,
            search=settings.search.to_wire(),
        )
        self.client.log_text(self._home, text, provenance.FILE)

    def _log_gate(self, verdict: GateStatus) -> None:
        """Every number as a file, where a tag may be too short for all of them."""
        text = verdict.model_dump_json(by_alias=True, exclude_none=True, indent=2)
        self.client.log_text(self._home, text, "gate.json")

    def _log_report(self, model: Any, verdict: GateStatus) -> None:  # noqa: ANN401 - any estimator
        """What people look at before they say yes."""
        split = self.candidate.split
        subject = writing.Subject(self.settings, self.study, split, self._best, model, verdict)
        for name, text in writing.files(subject).items():
            self.client.log_text(self._home, text, f"{writing.FOLDER}/{name}")

    def _conclusion(self, made: ModelVersion) -> Conclusion:
        best = self._best
        verdict = GateStatus.model_validate_json(made.tags[Tag.GATE])
        return Conclusion(
            model_version=int(made.version),
            digest=made.tags[Tag.DIGEST],
            gate=verdict,
            best=TrialSummary(
                number=best.number,
                value=best.values[0],
                parameters=best.params,
                run_id=best.user_attrs.get(TrialAttribute.RUN_ID),
            ),
            pod_uid=made.tags.get(Tag.POD_UID),
            provenance=Provenance(
                data_digest=self.table.digest,
                data_revision=self.table.revision,
                rows=len(self.table.frame),
                spec_hash=made.tags.get(Tag.SPEC_HASH),
                git_commit=made.tags.get(Tag.GIT_COMMIT),
                image_digest=made.tags.get(Tag.IMAGE_DIGEST),
                trigger=made.tags.get(Tag.TRIGGER),
            ),
        )

    def _write(self, conclusion: Conclusion) -> None:
        run = self._parent
        text = conclusion.to_text()
        # MLflow changes no parameter; the run of a trial has its own.
        parameters = conclusion.best.parameters if self._home == run else {}

        def write() -> None:
            settle(self.client, run, self.settings.uid, self.study)
            self.client.set_tag(run, str(Tag.CONCLUSION), text)
            for name, value in parameters.items():
                self.client.log_param(run, name, value)
            if conclusion.best.value is not None:
                metric = self.settings.resource.spec.objective.metric
                self.client.log_metric(run, f"best_{metric}", conclusion.best.value)
            self.client.set_terminated(run, "FINISHED")

        patiently(write, self._where)

    def _recorded_spec(self) -> str:
        """What is trained again, with the data at the revision that was read."""
        spec = self.settings.resource.spec
        uri = at_revision(spec.data.source.uri, self.table.revision)
        return RecordedSpec.of(spec, uri).to_text()

    def _spec_hash(self) -> str:
        text = json.dumps(self.settings.resource.spec.to_wire(), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    @property
    def _trial(self) -> str:
        """The best trial, as the tag of its version names it."""
        return f"{self.settings.study}#{self._best.number}"

    @property
    def _parent(self) -> str:
        """The MLflow run of the whole search."""
        return self.settings.parent_run

    @property
    def _where(self) -> str:
        return self.settings.tracking_uri
