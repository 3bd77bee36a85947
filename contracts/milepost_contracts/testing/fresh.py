"""A plugin anew, as after a restart of its process: what it kept in variables is gone."""

from __future__ import annotations

import copy
import importlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import EntryPoint
from types import ModuleType
from typing import Any

from milepost_contracts.loading import Plugin
from milepost_contracts.plugin import PluginError


def fresh(plugin: object) -> Any:
    """Return *plugin* (a module, an object or an EntryPoint) as its own code makes it, without what has happened to it.

    Modules of its package are imported again, in place of those that were there (see `put_back`). A module that was not
    imported by name, and an object that cannot be copied, stay as they are. Raises PluginError `import_failed`.
    """
    if isinstance(plugin, EntryPoint):
        return _again(plugin.module, plugin)
    if isinstance(plugin, ModuleType):
        spec = plugin.__spec__
        return (
            plugin if spec is None or spec.name not in sys.modules else _again(spec.name, EntryPoint("", spec.name, ""))
        )
    if isinstance(plugin, Plugin):
        return plugin
    try:
        return copy.deepcopy(plugin)
    except Exception:  # noqa: BLE001  foreign code runs in here: then it stays what it is
        return plugin


def _again(name: str, entry_point: EntryPoint) -> Any:
    """Import the module *name* and those beside and below it again."""
    top = name.rpartition(".")[0] or name
    for key in [key for key in sys.modules if key == top or key.startswith(f"{top}.")]:
        del sys.modules[key]
    importlib.invalidate_caches()
    try:
        return entry_point.load()
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        message = f"{entry_point.value} cannot be imported: {type(error).__name__}: {error}"
        raise PluginError("import_failed", message) from error


@contextmanager
def put_back() -> Iterator[None]:
    """Have the modules in the end that there were in the beginning; those that came meanwhile stay."""
    before = dict(sys.modules)
    try:
        yield
    finally:
        sys.modules.update(before)
