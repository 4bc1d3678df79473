"""The generator: models to CRD manifests, chart templates and the reference page.

`python -m leadsman_api.crdgen [OUTPUT_DIR] [--check]`
"""

from __future__ import annotations

from leadsman_api.crdgen.files import generated_files

__all__ = ["generated_files"]
