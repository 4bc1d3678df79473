"""MLflow servers, as a `Registry`: models and versions, and the runs of trainings."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from mlflow.entities import Run, RunStatus, RunTag, ViewType
from mlflow.entities.model_registry import ModelVersion, ModelVersionTag, RegisteredModel
from typing_extensions import override

from leadsman_api.labels import Tag
from leadsman_operator.adapters.mlflow_calls import Calls, Server
from leadsman_operator.errors import EdgeError, Refused
from leadsman_operator.facts import ModelFacts, RunFacts, VersionFacts
from leadsman_operator.ports import Clock, Endpoint

_PAGE = 1000
_VERSION_KEPT = timedelta(seconds=60)
_FORGOTTEN = timedelta(minutes=10)
_PROMPT = "mlflow.prompt.is_prompt"
_USER = "leadsman"
_PARENT = "mlflow.parentRunId"

OnChange = Callable[[str], None]


@dataclass(slots=True)
class _Watched:
    """What is known of the models of one server, and who asked for them."""

    asked: dict[str, datetime] = field(default_factory=dict)
    models: dict[str, ModelFacts | None] = field(default_factory=dict)
    read_at: datetime | None = None
    error: EdgeError | None = None
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


class MlflowRegistry:
    """MLflow servers; the models of each are read together, once a tick, whoever asks."""

    def __init__(self, clock: Clock, tick: timedelta, on_change: OnChange) -> None:
        """`on_change` hears the name of a model whose aliases or stages have moved."""
        self._clock, self._tick, self._on_change = clock, tick, on_change
        self._calls = Calls()
        self._watched: dict[Endpoint, _Watched] = {}
        self._versions: dict[tuple[Endpoint, str, int], tuple[datetime, VersionFacts | None]] = {}

    async def model(self, endpoint: Endpoint, name: str) -> ModelFacts | None:
        """A registered model with its aliases, at most one tick old; None when there is none."""
        watched = self._watched.setdefault(_frozen(endpoint), _Watched())
        now = self._clock.now()
        new = name not in watched.asked
        watched.asked[name] = now
        if new or watched.read_at is None or now - watched.read_at >= self._tick:
            await self._read(endpoint, watched)
        if watched.error is not None:
            raise watched.error
        return watched.models.get(name)

    async def poll(self) -> None:
        """Read the models of every server again; called once a tick."""
        for endpoint, watched in list(self._watched.items()):
            limit = self._clock.now() - _FORGOTTEN
            watched.asked = {name: at for name, at in watched.asked.items() if at > limit}
            if watched.asked:
                await self._read(endpoint, watched)

    def ages(self) -> Mapping[str, timedelta]:
        """How old what is known of each server is, by its address."""
        now = self._clock.now()
        return {
            endpoint.address: now - watched.read_at
            for endpoint, watched in self._watched.items()
            if watched.read_at is not None
        }

    async def _read(self, endpoint: Endpoint, watched: _Watched) -> None:
        began = self._clock.now()
        async with watched.lock:
            is_read = watched.read_at is not None and watched.read_at > began
            if is_read and watched.asked.keys() <= watched.models.keys():
                return  # somebody else has read all of them while this one waited
            names = sorted(watched.asked)
            try:
                found = await self._search(endpoint, names)
            except EdgeError as error:
                watched.error = error
                return
            before = watched.models
            watched.models = {name: found.get(name) for name in names}
            watched.read_at, watched.error = self._clock.now(), None
        for name, facts in watched.models.items():
            if name in before and before[name] != facts:
                self._on_change(name)

    async def _search(self, endpoint: Endpoint, names: list[str]) -> dict[str, ModelFacts]:
        found: dict[str, ModelFacts] = {}
        for first in range(0, len(names), _PAGE):
            quoted = ", ".join(f"'{name}'" for name in names[first : first + _PAGE])
            page = await self._calls(endpoint, _models(f"name IN ({quoted})"), "its models")
            found.update((model.name, model) for model in page or ())
        return found

    async def version(self, endpoint: Endpoint, name: str, version: int) -> VersionFacts | None:
        """A version; None when there is none."""
        key, now = (_frozen(endpoint), name, version), self._clock.now()
        kept = self._versions.get(key)
        if kept is not None and now - kept[0] < _VERSION_KEPT:
            return kept[1]
        found = await self._calls(
            endpoint,
            lambda server: server.registry.get_model_version(name, str(version)),
            f"version {version} of {name}",
        )
        facts = _version(found) if found is not None else None
        # A version that is not there may come, one that is being written will be ready soon.
        if facts is not None and facts.status == "READY":
            self._versions[key] = (now, facts)
        return facts

    async def alias(self, endpoint: Endpoint, name: str, alias: str) -> int | None:
        """The version that an alias points at right now; None for nowhere."""
        try:
            found = await self._calls(
                endpoint,
                lambda server: server.registry.get_model_version_by_alias(name, alias),
                f"alias {alias} of {name}",
            )
        except Refused:
            # MLflow answers 400 for an alias that is not set.
            return None
        return int(found.version) if found is not None else None

    async def set_alias(self, endpoint: Endpoint, name: str, alias: str, version: int) -> None:
        """Point an alias at a version."""
        await self._calls(
            endpoint,
            lambda server: server.registry.set_registered_model_alias(name, alias, str(version)),
            f"setting alias {alias} of {name}",
        )
        watched = self._watched.get(_frozen(endpoint))
        if watched is not None:
            watched.read_at = None

    async def tag_version(
        self, endpoint: Endpoint, name: str, version: int, tags: Mapping[str, str]
    ) -> None:
        """Write tags on a version."""

        def write(server: Server) -> None:
            for key, value in tags.items():
                tag = ModelVersionTag(str(key), value)
                server.registry.set_model_version_tag(name, str(version), tag)

        await self._calls(endpoint, write, f"tags of version {version} of {name}")

    async def ensure_run(
        self, endpoint: Endpoint, experiment: str, name: str, tags: Mapping[str, str]
    ) -> RunFacts:
        """The run that carries the tag TRAINING_RUN_UID of `tags`; made when there is none."""
        uid = tags[Tag.TRAINING_RUN_UID]
        now = round(self._clock.now().timestamp() * 1000)

        def ensure(server: Server) -> RunFacts:
            found = server.tracking.get_experiment_by_name(experiment)
            number = found.experiment_id if found else server.tracking.create_experiment(experiment)
            condition = f"tags.`{Tag.TRAINING_RUN_UID}` = '{uid}' AND tags.`{Tag.STUDY}` != ''"
            runs = server.tracking.search_runs([number], condition, ViewType.ACTIVE_ONLY, 1)
            if runs:
                return _run(runs[0])
            made = [RunTag(str(key), value) for key, value in tags.items()]
            return _run(server.tracking.create_run(number, _USER, now, made, name))

        found = await self._calls(endpoint, ensure, f"run {name}")
        if found is None:
            raise RuntimeError("a run that is made sure of is there")
        return found

    async def run(self, endpoint: Endpoint, run_id: str) -> RunFacts | None:
        """A run; None when there is none."""
        found = await self._calls(
            endpoint, lambda server: server.tracking.get_run(run_id), f"run {run_id}"
        )
        return _run(found) if found is not None else None

    async def end_run(
        self, endpoint: Endpoint, run_id: str, status: str, tags: Mapping[str, str]
    ) -> None:
        """End a run with MLflow's word for how, and those below it that are open as killed."""
        now = round(self._clock.now().timestamp() * 1000)

        def end(server: Server) -> None:
            for below in _open_below(server, run_id):
                server.tracking.update_run_info(below, RunStatus.KILLED, now, None)
            for key, value in tags.items():
                server.tracking.set_tag(run_id, RunTag(str(key), value))
            word = RunStatus.from_string(status)
            server.tracking.update_run_info(run_id, word, now, None)

        await self._calls(endpoint, end, f"the end of run {run_id}")


def _open_below(server: Server, run_id: str) -> list[str]:
    """The runs of a run that have not ended."""
    experiment = server.tracking.get_run(run_id).info.experiment_id
    condition = f"tags.`{_PARENT}` = '{run_id}' AND attributes.status = 'RUNNING'"
    found = server.tracking.search_runs([experiment], condition, ViewType.ACTIVE_ONLY, _PAGE)
    return [run.info.run_id for run in found]


def _frozen(endpoint: Endpoint) -> Endpoint:
    """An endpoint that can be a key: credentials are a mapping."""
    return Endpoint(endpoint.address, _Hashable(endpoint.credentials), endpoint.workspace)


class _Hashable(dict[str, str]):
    """A mapping that never changes."""

    @override
    def __hash__(self) -> int:  # type: ignore[override]
        """By its items."""
        return hash(frozenset(self.items()))


def _models(condition: str) -> Callable[[Server], list[ModelFacts]]:
    def search(server: Server) -> list[ModelFacts]:
        found: list[ModelFacts] = []
        token = None
        while True:
            page = server.registry.search_registered_models(condition, _PAGE, None, token)
            found.extend(_model(model) for model in page)
            token = page.token
            if not token:
                return found

    return search


def _model(model: RegisteredModel) -> ModelFacts:
    stages = {one.current_stage: int(one.version) for one in model.latest_versions or ()}
    return ModelFacts(
        name=model.name,
        aliases={name: int(version) for name, version in (model.aliases or {}).items()},
        stages=stages,
        is_prompt=str((model.tags or {}).get(_PROMPT, "")).lower() == "true",
    )


def _version(version: ModelVersion) -> VersionFacts:
    return VersionFacts(
        name=version.name,
        version=int(version.version),
        created_at=datetime.fromtimestamp(version.creation_timestamp / 1000, tz=UTC),
        source=str(version.source),
        status=str(version.status),
        run_id=version.run_id or None,
        tags=dict(version.tags or {}),
    )


def _run(run: Run) -> RunFacts:
    tags: dict[str, Any] = run.data.tags
    return RunFacts(run_id=run.info.run_id, status=str(run.info.status), tags=dict(tags))
