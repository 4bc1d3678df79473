"""Which version of the registered model a ModelDeployment asks for."""

from __future__ import annotations

from collections.abc import Iterable

from leadsman_api import ModelDeployment
from leadsman_api.reasons import Reason
from leadsman_operator.facts import Missing, ModelFacts, Unknown


def target_version(
    resource: ModelDeployment, model: ModelFacts | Missing | Unknown
) -> int | Missing | Unknown:
    """The number of the version, before anyone has looked whether it is there."""
    wanted = resource.spec.model
    if not isinstance(model, ModelFacts):
        return model
    if model.is_prompt:
        return Missing(Reason.NOT_A_MODEL, f"{wanted.name} is a prompt, not a model: name a model")
    if wanted.version is not None:
        return wanted.version
    if wanted.alias is not None:
        return model.aliases.get(wanted.alias) or Missing(
            Reason.ALIAS_NOT_FOUND,
            f"model {wanted.name} has no alias {wanted.alias}; it has {_words(model.aliases)}",
        )
    stage = str(wanted.stage)
    return model.stages.get(stage) or Missing(
        Reason.STAGE_EMPTY, f"no version of {wanted.name} is in stage {stage}"
    )


def _words(names: Iterable[str]) -> str:
    return ", ".join(sorted(names)) or "none"
