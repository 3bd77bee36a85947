"""Tells its secrets wherever something can be told."""

from __future__ import annotations

import msgspec

from milepost_contracts.context import Context
from milepost_contracts.hooks import hook
from milepost_contracts.plugin import Delivered, Manifest, PluginError
from tests.react.plugins.torture.common import SHARED, seen, who

config_schema, on_person_erased = SHARED


class Secrets(msgspec.Struct):
    password: str


@hook
def manifest() -> Manifest:
    return who()


@hook
def secrets_schema() -> type[msgspec.Struct]:
    return Secrets


@hook
def on_event(event: Delivered, context: Context) -> None:

    if not context.config.broken:
        seen(event, context)
        return
    secret = context.secrets.password
    match event.sequence % 6:
        case 0:
            context.log("the password", password=secret)
        case 1:
            context.fact("password", {"is": secret})
        case 2:
            context.effect("send", {"password": secret})
        case 3:
            context.state.set("password", secret)
        case 4:
            raise ValueError(secret)
        case _:
            raise PluginError("wrong_password", f"it is not {secret}")


@hook
def perform() -> None:
    raise AssertionError("nothing of it may be done")
