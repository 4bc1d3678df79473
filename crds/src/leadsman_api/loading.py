"""From text or mapping to a resource, with every problem named at once.

Each problem has the path of its field as the wire writes it, and says what to write instead.
The types are as strict as those of the API server: `"3"` is no number here either.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import yaml
from pydantic import ValidationError

from leadsman_api.advice import Problem, problems_of
from leadsman_api.labels import API_VERSION
from leadsman_api.v1alpha1 import ModelDeployment, TrainingRun

if TYPE_CHECKING:
    from collections.abc import Sequence

AnyResource = ModelDeployment | TrainingRun

RESOURCES: tuple[type[AnyResource], ...] = (ModelDeployment, TrainingRun)


class InvalidResource(ValueError):
    """A resource that the contract does not allow."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        """Keep the problems and show them one a line."""
        self.problems = tuple(problems)
        super().__init__("\n".join(problem.line for problem in problems))


def parse_resource(source: str | Mapping[str, Any]) -> AnyResource:
    """Read one ModelDeployment or TrainingRun; raise InvalidResource with all that is wrong."""
    document = _read_yaml(source) if isinstance(source, str) else source
    if not isinstance(document, Mapping):
        raise InvalidResource([Problem("", "write a resource: apiVersion, kind, metadata, spec")])
    resource = _resource_of(document)
    try:
        text = json.dumps(document)
    except TypeError as error:
        raise InvalidResource([Problem("", f"this is no JSON: {error}")]) from error
    try:
        return resource.model_validate_json(text, strict=True)
    except ValidationError as error:
        raise InvalidResource(problems_of(error, document, resource)) from error


def check_update(new: AnyResource, old: AnyResource) -> None:
    """Raise InvalidResource for each field that may not change and did."""
    if new.kind != old.kind:
        raise InvalidResource([Problem("kind", "can't be changed: make another resource")])
    problems = [
        Problem(immutable.field, immutable.message)
        for immutable in new.immutable
        if not immutable.holds(new, old)
    ]
    if problems:
        raise InvalidResource(problems)


def _resource_of(document: Mapping[str, Any]) -> type[AnyResource]:
    by_kind = {resource.names.kind: resource for resource in RESOURCES}
    problems = []
    if document.get("apiVersion") != API_VERSION:
        problems.append(Problem("apiVersion", f"write {API_VERSION}"))
    if document.get("kind") not in list(by_kind):
        problems.append(Problem("kind", f"write {' or '.join(by_kind)}"))
    if problems:
        raise InvalidResource(problems)
    return by_kind[document["kind"]]


class _Loader(yaml.SafeLoader):
    """YAML as the API server understands it: no dates, no field written twice."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, form) for tag, form in resolvers if not tag.endswith(":timestamp")]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def _mapping(loader: _Loader, node: yaml.MappingNode) -> dict[Any, Any]:
    """Refuse a key that was written before."""
    seen = set()
    for key_node, _ in node.value:
        if key_node.tag == "tag:yaml.org,2002:merge":
            continue
        key = loader.construct_object(key_node, deep=True)
        if not isinstance(key, str | int | float | bool | None):
            raise InvalidResource([Problem("", f"{key} can't be the name of a field")])
        if key in seen:
            line = key_node.start_mark.line + 1
            raise InvalidResource([Problem("", f"line {line} writes {key} a second time")])
        seen.add(key)
    return loader.construct_mapping(node, deep=True)


_Loader.add_constructor("tag:yaml.org,2002:map", _mapping)


def _read_yaml(text: str) -> object:
    try:
        return yaml.load(text, _Loader)  # noqa: S506 - a SafeLoader
    except yaml.YAMLError as error:
        raise InvalidResource([Problem("", f"this is no YAML: {error}")]) from error
