"""Starts processes that would outlive it: of its session, of their own, and whose parent is gone."""

from __future__ import annotations

import os
import subprocess
import time

from milepost_contracts.context import Context
from milepost_contracts.hooks import hook
from milepost_contracts.plugin import Delivered, Manifest
from tests.react.plugins.torture.common import SHARED, seen, who

config_schema, on_person_erased = SHARED


@hook
def manifest() -> Manifest:
    return who()


@hook
def on_event(event: Delivered, context: Context) -> None:

    if context.config.broken and event.sequence == 1:
        subprocess.Popen(["/bin/sleep", "3600"])
        subprocess.Popen(["/bin/sleep", "3600"], start_new_session=True)
        if os.fork() == 0:
            os.setsid()
            if os.fork() == 0:
                time.sleep(3600)
            os._exit(0)
        os.wait()
    seen(event, context)
