"""Which model is meant: its registry, and a version of it by alias, number or stage."""

from __future__ import annotations

from leadsman_api.contract import Contract
from leadsman_api.rules import exactly_one_of
from leadsman_api.v1alpha1.pods import ObjectReference
from leadsman_api.values import Alias, HttpUri, Label, ModelName, VersionNumber
from leadsman_api.vocabulary import Term


class Stage(Term):
    """A stage of MLflow's old registry."""

    STAGING = "Staging", "on trial."
    PRODUCTION = "Production", "in production."
    ARCHIVED = "Archived", "put away."


class Loading(Term):
    """What may be loaded in the serving pod."""

    SAFE = "Safe", "data-only formats and allow-listed skops types."
    TRUSTED = "Trusted", "pickle and code too: whoever can write the model can run code."


class Registry(Contract):
    """The MLflow server that holds the registered model."""

    tracking_uri: HttpUri
    """Address of the MLflow server."""
    secret_ref: ObjectReference | None = None
    """Secret with username and password, or a token, under MLflow's own variable names."""
    workspace: Label | None = None
    """MLflow workspace of the model; the server's default when left out."""


class ModelReference(Contract):
    """The version of a registered model that should serve."""

    invariants = (exactly_one_of("alias", "version", "stage"),)

    name: ModelName
    """Name of the registered model."""
    alias: Alias | None = None
    """Serve what this alias points at, and follow it when it moves."""
    version: VersionNumber | None = None
    """Serve this version and no other."""
    stage: Stage | None = None
    """Serve the newest version of this stage; only to ease a migration, prefer an alias."""
    registry: Registry | None = None
    """Registry of the model; the operator's when left out."""
    loading: Loading = Loading.SAFE
    """What may be loaded in the serving pod."""
