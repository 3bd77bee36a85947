"""Who speaks on which subject: what every stage checks before it believes a request."""

from __future__ import annotations

import re
from typing import NamedTuple

from milepost_contracts.answers import Problem
from milepost_contracts.types import NAME_PATTERN

_NAME = re.compile(NAME_PATTERN)


class Asked(NamedTuple):
    """A request's subject taken apart: `goals.{command|query}.v1.{tenant}.{caller}.{rest...}`."""

    tenant: str
    caller: str
    rest: tuple[str, ...]


def parse_subject(subject: str) -> Asked | None:
    """Return the parts of a request's *subject*, None where a token is no name."""
    parts = subject.split(".")
    if len(parts) < 6 or not all(_NAME.match(part) for part in parts[3:]):  # noqa: PLR2004  four fixed, caller, name
        return None
    return Asked(parts[3], parts[4], tuple(parts[5:]))


def actor_problem(caller: str, actor: str, gateways: frozenset[str]) -> Problem | None:
    """Return why *actor* may not speak through *caller*, None where it may.

    The broker pins `caller` to the connection; only callers listed as gateways may name somebody else than themselves.
    """
    if caller in gateways or actor == f"service:{caller}" or actor.partition("@")[0] == f"plugin:{caller}":
        return None
    return Problem(
        code="actor_mismatch",
        field="actor",
        message=f"This connection speaks as {caller!r} and may not name another actor; gateways are set by "
        "MILEPOST_GATEWAYS.",
    )


def authenticated_by(caller: str, actor: str, gateways: frozenset[str]) -> str:
    """Return how the actor was authenticated, for the event: by the broker, or by which gateway."""
    return f"gateway:{caller}" if caller in gateways and actor != f"service:{caller}" else "nats"
