"""Every resource that the models can be made into, against the schema made from the models."""

from __future__ import annotations

from functools import cache
from typing import Any

import jsonschema
import yaml
from hypothesis import HealthCheck, Phase, given, settings

from leadsman_api import ModelDeployment, TrainingRun, parse_resource
from leadsman_api.custom_resource import Resource
from leadsman_api.labels import API_VERSION
from leadsman_api.structural import structural_schema
from support.resources import resources_of

Document = dict[str, Any]


@cache
def validator(kind: type[Resource]) -> jsonschema.Draft4Validator:
    """The structural schema, by the rules of JSON schema that OpenAPI v3 is made of."""
    return jsonschema.Draft4Validator(structural_schema(kind))


# A resource has hundreds of parts: to shrink one takes minutes, and the message of a failure
# names the part already.
thoroughly = settings(
    max_examples=20,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)


@thoroughly
@given(resources_of(ModelDeployment))
def test_any_model_deployment_fits_its_schema_and_survives_yaml(document: Document) -> None:
    """What the model takes fits the schema, and reads back from YAML as it was written."""
    assert_fits_and_survives(ModelDeployment, document)


@thoroughly
@given(resources_of(TrainingRun))
def test_any_training_run_fits_its_schema_and_survives_yaml(document: Document) -> None:
    """What the model takes fits the schema, and reads back from YAML as it was written."""
    assert_fits_and_survives(TrainingRun, document)


def assert_fits_and_survives(kind: type[Resource], document: Document) -> None:
    """Write the resource down, check it against the schema, and read it again."""
    resource = parse_resource(document | {"apiVersion": API_VERSION, "kind": kind.names.kind})

    written = resource.to_wire()

    validator(kind).validate(written)
    assert parse_resource(yaml.safe_dump(written)) == resource
    assert parse_resource(written).to_wire() == written
