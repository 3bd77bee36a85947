"""The healthy plugin under two more names: neighbours of one that misbehaves."""

from __future__ import annotations

from types import SimpleNamespace

import msgspec

from milepost_contracts.hooks import HOOKS, hook
from milepost_contracts.plugin import Manifest
from tests.react.plugins import healthy


def named(id_: str, version: str = "1.0.0") -> SimpleNamespace:
    """Return the healthy plugin as one whose manifest says *id_* and *version*."""

    @hook
    def manifest() -> Manifest:
        return msgspec.structs.replace(healthy.manifest(), id=id_, version=version)

    hooks = {name: getattr(healthy, name) for name in HOOKS if hasattr(healthy, name)}
    return SimpleNamespace(**(hooks | {"manifest": manifest}))


left = named("left")
right = named("right")
later = named("healthy", "2.0.0")
