"""The manifests as templates of the chart leadsman-crds, which can be upgraded and kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

from leadsman_api.crdgen.manifest import manifest

if TYPE_CHECKING:
    from leadsman_api.custom_resource import Resource

_KEEP = """\
  annotations:
    {{- if .Values.keep }}
    helm.sh/resource-policy: keep
    {{- end }}
"""
_ANCHOR = "metadata:\n"


def template(resource: type[Resource]) -> str:
    """The manifest with Helm's annotation that keeps it when the release goes."""
    text = manifest(resource)
    # What looks like Helm's own must reach the cluster as it was written.
    escaped = text.replace("{{", '{{ "{{" }}')
    return escaped.replace(_ANCHOR, _ANCHOR + _KEEP, 1)
