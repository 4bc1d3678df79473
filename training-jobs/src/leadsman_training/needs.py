"""What a model needs where it is loaded: packages with their versions, and modules of none.

A model says by its parts which modules it comes from; a module of the user's own says by its
imports which others it needs.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

import cloudpickle
from typing_extensions import override

_TABLES = ("numpy", "pandas")
"""Rows come as tables, whatever the model is."""


@dataclass(frozen=True, slots=True)
class Needs:
    """What has to be there before a model can be loaded."""

    requirements: tuple[str, ...]
    """Packages as pip writes them, each with its version."""
    code: tuple[str, ...]
    """Files and folders of modules that belong to no package."""


def needs_of(model: object, storage: str) -> Needs:
    """The needs of a fitted model that is stored by a package."""
    known = metadata.packages_distributions()
    packages, code = {storage, *_TABLES}, {}
    waiting = sorted(_modules_of(model))
    seen: set[str] = set()
    while waiting:
        root = waiting.pop()
        if root in seen or root in sys.stdlib_module_names:
            continue
        seen.add(root)
        place = _place_of(root)
        if root in known:
            packages.update(known[root])
        elif place is not None:
            code[root] = str(place)
            waiting.extend(_imports_of(place))
    requirements = sorted(f"{name}=={metadata.version(name)}" for name in packages)
    return Needs(tuple(requirements), tuple(code[root] for root in sorted(code)))


def _modules_of(model: object) -> set[str]:
    """The top modules of all parts of a model."""
    nothing = _Nowhere()
    looking = _Looking(nothing)
    try:
        looking.dump(model)
    except Exception:  # noqa: BLE001 - another flavor's model need not be one that can be pickled
        looking.seen.add(type(model).__module__)
    return {name.partition(".")[0] for name in looking.seen}


class _Nowhere:
    """A file of which only the writing is asked."""

    def write(self, content: Any) -> int:  # noqa: ANN401 - whatever has a length
        """Keep nothing."""
        return len(content)


class _Looking(cloudpickle.Pickler):  # type: ignore[misc]  # it has no types
    """Goes through a model as if to store it, and notes where its parts come from."""

    def __init__(self, file: _Nowhere) -> None:
        """Look at nothing yet."""
        super().__init__(file)
        self.seen: set[str] = set()

    @override
    def reducer_override(self, obj: Any) -> Any:
        """Note a part; how it is stored stays as it is."""
        if isinstance(obj, ModuleType):
            self.seen.add(obj.__name__)
        else:
            named = obj if isinstance(obj, (type, FunctionType)) else type(obj)
            self.seen.add(str(named.__module__))
        return super().reducer_override(obj)


def _place_of(root: str) -> Path | None:
    """The file of a module, or the folder of a package; None for what has none."""
    file = getattr(sys.modules.get(root), "__file__", None)
    if file is None:
        return None
    return Path(file).parent if Path(file).name == "__init__.py" else Path(file)


def _imports_of(place: Path) -> Iterator[str]:
    """The top modules that a module or the modules of a package import."""
    files: Iterable[Path] = place.rglob("*.py") if place.is_dir() else (place,)
    for file in files:
        for node in ast.walk(ast.parse(file.read_bytes())):
            if isinstance(node, ast.Import):
                yield from (one.name.partition(".")[0] for one in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                yield node.module.partition(".")[0]
