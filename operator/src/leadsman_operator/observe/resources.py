"""From a custom resource as the API server has it to the model of the contract."""

from __future__ import annotations

import logging
from typing import Any

from leadsman_api.loading import AnyResource, InvalidResource, parse_resource
from leadsman_operator.facts import Manifest

_logger = logging.getLogger(__name__)


class InvalidSpec(Exception):
    """The API server has taken a spec that this version of the operator does not understand."""

    def __init__(self, message: str) -> None:
        """Keep what is wrong, one problem a line."""
        super().__init__(message)
        self.message = message


def parsed(manifest: Manifest) -> AnyResource:
    """The resource; evidence or a status that can't be read count as none.

    Raises InvalidSpec for a spec.
    """
    document: dict[str, Any] = {name: manifest[name] for name in manifest if name != "status"}
    try:
        bare = parse_resource(document)
    except InvalidResource as error:
        raise InvalidSpec(str(error)) from error
    status = manifest.get("status")
    if not status:
        return bare
    # Evidence is gathered anew; who serves and who was rolled back can't be.
    without_evidence = {name: status[name] for name in status if name != "evidence"}
    for known in (status, without_evidence):
        try:
            return parse_resource({**document, "status": known})
        except InvalidResource as error:
            # An older or newer operator wrote it: what matters is found out again.
            name = f"{bare.metadata.namespace}/{bare.metadata.name}"
            _logger.warning("The status of %s %s can't be read: %s", bare.kind, name, error)
    return bare
