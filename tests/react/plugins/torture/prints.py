"""Prints what it should keep to itself."""

from __future__ import annotations

import logging
import sys
import warnings

import msgspec

from milepost_contracts.context import Context
from milepost_contracts.hooks import hook
from milepost_contracts.plugin import Delivered, Manifest
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

    for stream in (sys.stdout, sys.stderr, sys.__stdout__):
        print(context.secrets.password, file=stream, flush=True)
    logging.error("the password is %s", context.secrets.password)  # noqa: LOG015  as above
    warnings.warn(context.secrets.password, stacklevel=1)
    seen(event, context)
