"""The sample is sent over the bus like anybody's commands, once."""

from __future__ import annotations

import datetime as dt
from collections.abc import Awaitable, Callable

import msgspec

from milepost.sample.telling import TENANT, Step
from milepost_contracts.answers import Accepted, Answer
from milepost_contracts.commands import Command

Ask = Callable[[str, Command], Awaitable[Answer]]


class SampleError(RuntimeError):
    """A step of the sample was not accepted; `code` is `sample_refused`."""

    code = "sample_refused"


async def load(ask: Ask, steps: list[Step]) -> int:
    """Send every step and return the tenant's last sequence; raises SampleError for the first that is not accepted."""
    caused: list[str] = []
    sequence = 0
    for number, step in enumerate(steps):
        command = step.command
        if step.corrects is not None:
            command = msgspec.structs.replace(command, corrects=caused[step.corrects])
        answer = await ask(TENANT, command)
        if not isinstance(answer, Accepted):
            reasons = "; ".join(f"{problem.code}: {problem.message}" for problem in answer.errors)
            raise SampleError(f"step {number}, {command.AGGREGATE}.{command.NAME} by {command.actor}: {reasons}")
        caused.append(answer.events[0].id if answer.events else "")
        sequence = max(sequence, int(answer.sequence or 0))
    return sequence


def today() -> dt.date:
    """Return the day on whose date the sample hangs."""
    return dt.datetime.now(dt.UTC).date()
