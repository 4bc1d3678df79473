"""From the gate's word to the alias: approval, a champion that changed, and the move itself."""

from __future__ import annotations

from collections.abc import Mapping

from leadsman_api.conditions import ConditionStatus, ConditionType
from leadsman_api.reasons import Reason
from leadsman_api.v1alpha1.training_run_status import GateStatus, RunPhase
from leadsman_operator.facts import ModelFacts
from leadsman_operator.planner.conditions import Change
from leadsman_operator.planner.plan import Action, SetAlias
from leadsman_operator.planner.training.concluding import against, refusal
from leadsman_operator.planner.training.course import AT_ONCE, LATER, Course
from leadsman_operator.planner.training.scene import Scene

MOST_JUDGEMENTS = 3
"""How often a version is judged again because the champion changed in the meantime."""


def promoting(scene: Scene) -> Course:
    """Move the alias to a version that passed the gate, if nothing speaks against it."""
    gate, version = scene.status.gate, scene.status.model_version
    if gate is None or version is None:
        raise ValueError("a promotion needs a version and what the gate said of it")
    if not gate.passed:
        return _reject(scene, version, Reason.GATE_FAILED, refusal(gate))
    if _aliases(scene).get(scene.spec.promotion.alias) == version:
        return _succeed(scene, gate, version, ())
    if _champion_changed(scene, gate, version):
        return _judge_again(scene, gate, version)
    if not _is_approved(scene, version):
        return _wait(scene, gate, version)
    return _succeed(scene, gate, version, (_move(scene, gate, version),))


def _aliases(scene: Scene) -> Mapping[str, int]:
    model = scene.observation.model
    return model.aliases if isinstance(model, ModelFacts) else {}


def _champion_changed(scene: Scene, gate: GateStatus, version: int) -> bool:
    """Whether the alias that was judged against points at another version by now."""
    alias = scene.spec.gate.against.alias
    if alias is None:
        return False
    return _aliases(scene).get(alias) not in (gate.champion_version, version)


def _judge_again(scene: Scene, gate: GateStatus, version: int) -> Course:
    alias = scene.spec.gate.against.alias or ""
    now = _aliases(scene).get(alias)
    moved = (
        f"alias {alias} points at {_number(now)} by now, and version {version} was judged against"
        f" {_number(gate.champion_version)}"
    )
    before = sum(one.reason is Reason.CHAMPION_CHANGED for one in scene.status.history)
    if before >= MOST_JUDGEMENTS:
        message = f"{moved}: this has happened {before + 1} times, make another TrainingRun"
        return _reject(scene, version, Reason.CHAMPION_CHANGED, message)
    change = Change(
        ConditionType.GATE_PASSED, ConditionStatus.UNKNOWN, Reason.CHAMPION_CHANGED, moved
    )
    return Course(
        RunPhase.CONCLUDING,
        Reason.CHAMPION_CHANGED,
        f"{moved}: it is judged again",
        look_again_in=AT_ONCE,
        changes={"attempt": scene.attempt + 1, "gate": None},
        conditions=(change,),
        is_news=True,
    )


def _number(version: int | None) -> str:
    return f"version {version}" if version is not None else "no version"


def _is_approved(scene: Scene, version: int) -> bool:
    """Whether nobody has to say yes, or somebody said it to this very version."""
    approval = scene.spec.promotion.approval
    granted = approval.granted
    return not approval.required or (granted is not None and granted.version == version)


def _wait(scene: Scene, gate: GateStatus, version: int) -> Course:
    granted = scene.spec.promotion.approval.granted
    other = f"; the grant for version {granted.version} is for another one" if granted else ""
    message = (
        f"version {version} passed the gate{against(gate)} and waits for a grant in"
        f" spec.promotion.approval.granted{other}"
    )
    change = Change(
        ConditionType.PROMOTED, ConditionStatus.FALSE, Reason.WAITING_FOR_APPROVAL, message
    )
    return Course(
        RunPhase.WAITING_FOR_APPROVAL,
        Reason.WAITING_FOR_APPROVAL,
        message,
        look_again_in=LATER,
        conditions=(change,),
    )


def _move(scene: Scene, gate: GateStatus, version: int) -> SetAlias:
    """The alias must still point where it did when the gate judged, or nothing is moved."""
    model, alias = scene.spec.model.name, scene.spec.promotion.alias
    same = scene.spec.gate.against.alias == alias
    expected = gate.champion_version if same else _aliases(scene).get(alias)
    because = f"version {version} of {model} passed the gate{against(gate)}"
    return SetAlias(model, alias, version, expected, because)


def _succeed(scene: Scene, gate: GateStatus, version: int, actions: tuple[Action, ...]) -> Course:
    alias = scene.spec.promotion.alias
    granted = scene.spec.promotion.approval.granted
    said_yes = granted is not None and granted.version == version
    by = f", approved by {granted.by}" if granted is not None and said_yes else ""
    message = (
        f"version {version} of {scene.spec.model.name} passed the gate{against(gate)} and"
        f" carries alias {alias}{by}"
    )
    change = Change(ConditionType.PROMOTED, ConditionStatus.TRUE, Reason.ALIAS_MOVED, message)
    return Course(RunPhase.SUCCEEDED, Reason.ALIAS_MOVED, message, actions, conditions=(change,))


def _reject(scene: Scene, version: int, reason: Reason, why: str) -> Course:
    message = f"version {version} of {scene.spec.model.name} is registered and gets no alias: {why}"
    change = Change(ConditionType.PROMOTED, ConditionStatus.FALSE, reason, message)
    return Course(RunPhase.REJECTED, reason, message, conditions=(change,))
