"""Writes garbage to the socket on which it is asked."""

from __future__ import annotations

import os
import socket
import sys

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
    if context.config.broken:
        with socket.socket(fileno=os.dup(int(sys.argv[1]))) as line:
            line.sendall(b"\xff" + os.urandom(100_000))  # no length of a frame: one that could be is waited for
    seen(event, context)
