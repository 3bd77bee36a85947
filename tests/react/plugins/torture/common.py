"""What every plugin here has beside its misbehaviour: a manifest, a configuration, and what it does when mended."""

from __future__ import annotations

import sys
from pathlib import Path
from types import FrameType
from typing import Any

import msgspec

from milepost_contracts.context import Context
from milepost_contracts.hooks import hook
from milepost_contracts.plugin import Delivered, Manifest

SHORT_S = 0.2  # a limit of handlers for those that hang


class Config(msgspec.Struct, forbid_unknown_fields=True):
    """Whether it misbehaves, and where it leaves its marks."""

    broken: bool = True
    folder: str = ""


def who(**more: Any) -> Manifest:
    """Return the manifest, with *more* in it."""
    given: dict[str, Any] = {
        "summary": "Misbehaves",
        "subscriptions": ("goal.*",),
        "start": "beginning",
        "stores": True,
    }
    return Manifest(id="torture", version="1.0.0", **(given | more))


@hook
def config_schema() -> type[msgspec.Struct]:
    return Config


@hook
def on_person_erased(person: str, context: Context) -> None:
    context.state.set("erased", person)


SHARED = (config_schema, on_person_erased)


def seen(event: Delivered, context: Context) -> None:
    """Do what a plugin should."""
    context.state.set(f"seen/{event.sequence:04d}", event.id)


def mark(context: Context, text: str) -> None:
    """Leave a mark outside, for the test."""
    with (Path(context.config.folder) / "marks").open("a", encoding="utf-8") as file:
        file.write(f"{text}\n")


def question() -> int:
    """Return the number of the question that is being answered, as whoever wants to forge an answer finds it."""
    frame: FrameType | None = sys._getframe()
    while frame is not None and frame.f_code.co_name != "serve":
        frame = frame.f_back
    assert frame is not None
    return int(frame.f_locals["number"])
