"""What a handler does to the world by itself is noticed, and kept from happening."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from milepost_contracts.plugin import PluginError

_WAYS = {
    "socket.connect": "connects", "socket.sendto": "sends", "socket.sendmsg": "sends",
    "socket.getaddrinfo": "resolves a name", "socket.gethostbyname": "resolves a name",
    "subprocess.Popen": "starts a program", "os.system": "starts a program", "os.posix_spawn": "starts a program",
    "os.exec": "starts a program", "os.fork": "starts a process",
}  # fmt: skip
_listening = threading.local()
_hooked: list[bool] = []


@contextmanager
def inside() -> Iterator[list[str]]:
    """Give a list of what was tried in the meantime; each try ends with PluginError `outside_effect`."""
    if not _hooked:
        sys.addaudithook(_heard)  # for good: Python has no way to take it away
        _hooked.append(True)
    tried: list[str] = []
    before, _listening.tried = getattr(_listening, "tried", None), tried
    try:
        yield tried
    finally:
        _listening.tried = before


def _heard(event: str, _: tuple[Any, ...]) -> None:
    if event in _WAYS and (tried := getattr(_listening, "tried", None)) is not None:
        tried.append(_WAYS[event])
        raise PluginError("outside_effect", f"a handler {_WAYS[event]} by itself")
