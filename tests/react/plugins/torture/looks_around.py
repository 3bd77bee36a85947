"""Looks at what its process was given."""

from __future__ import annotations

import os
from pathlib import Path

from milepost_contracts.context import Context
from milepost_contracts.hooks import hook
from milepost_contracts.plugin import Delivered, Manifest
from tests.react.plugins.torture.common import SHARED, mark, seen, who

config_schema, on_person_erased = SHARED


@hook
def manifest() -> Manifest:
    return who()


@hook
def on_event(event: Delivered, context: Context) -> None:

    if event.sequence == 1:
        mark(context, f"cwd {Path.cwd()}")
        for name in os.environ:
            mark(context, f"variable {name}")
        for number in os.listdir("/proc/self/fd"):  # noqa: PTH208  of names alone
            try:
                mark(context, f"open {os.readlink(f'/proc/self/fd/{number}')}")  # noqa: PTH115  as above
            except OSError:
                continue  # what read the folder
    seen(event, context)
