"""Answers with what is well made and means nothing."""

from __future__ import annotations

import os
import socket
import sys

import msgspec

from milepost_contracts.context import Context
from milepost_contracts.hooks import hook
from milepost_contracts.plugin import Delivered, Manifest
from tests.react.plugins.torture.common import SHARED, question, seen, who

config_schema, on_person_erased = SHARED


@hook
def manifest() -> Manifest:
    return who()


@hook
def on_event(event: Delivered, context: Context) -> None:
    if context.config.broken:
        content = msgspec.msgpack.encode((question(), "", {"count": 7_000, "turns": "none"}))
        with socket.socket(fileno=os.dup(int(sys.argv[1]))) as line:
            line.sendall(len(content).to_bytes(4, "big") + content)
        os._exit(0)
    seen(event, context)
