"""What is asked about plugins goes to the plugin host over the bus; its answer comes back, or ends the verb."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import msgspec

from milepost.cli.errors import failed
from milepost.cli.session import connection
from milepost.cli.where import Where
from milepost_contracts.subjects import ADMIN

if TYPE_CHECKING:
    from nats.aio.client import Client

    from milepost.react.reports import Refusal, Report, Request, Told

# A verb may wait for a plugin's process to end, and for another one to start on a busy machine.
ANSWER_S = 60.0
LOOK_S = 0.3  # how often a long work is looked at: a bar that moves for the eye
# Where several hosts run, each plugin is at one of them, and the bus hands a question to any: so it is asked again. So
# it is where the plugin is just starting.
AGAIN_S = 5.0
PAUSE_S = 0.1


async def asked(nc: Client, request: Request, *, answer_s: float = ANSWER_S) -> Told:
    """Return what the plugin host says to *request*; raises VerbError with its code where it refuses."""
    from milepost.react.reports import Refusal

    answer: Told | Refusal = await _once(nc, request, answer_s)
    until = time.monotonic() + AGAIN_S
    while _elsewhere(answer) and time.monotonic() < until:
        await asyncio.sleep(PAUSE_S)
        answer = await _once(nc, request, answer_s)
    if isinstance(answer, Refusal):
        ends = answer.message.endswith((".", "?", "!"))
        raise failed(answer.code, answer.message if ends else f"{answer.message}.")
    return answer


def told(where: Where, request: Request, *, answer_s: float = ANSWER_S) -> Told:
    """Return what the plugin host says to *request*, on a connection of its own; raises VerbError."""

    async def work() -> Told:
        async with connection(where, lasting=True) as nc:
            return await asked(nc, request, answer_s=answer_s)

    return asyncio.run(work())


async def reports(nc: Client) -> list[Report]:
    """Return how every plugin is, by the host that has it."""
    from milepost.react.reports import Request

    found = {one.plugin: one for one in (await asked(nc, Request(verb="list"))).plugins}
    until = time.monotonic() + AGAIN_S
    while any(map(waits, found.values())) and time.monotonic() < until:
        await asyncio.sleep(PAUSE_S)
        again = (await asked(nc, Request(verb="list"))).plugins
        found |= {one.plugin: one for one in again if not waits(one)}
    return list(found.values())


def waits(report: Report) -> bool:
    """Whether the host that reports only waits for the plugin, which another one has."""
    return report.state == "waiting"


def _elsewhere(answer: object) -> bool:
    from milepost.react.reports import Refusal, Told

    if isinstance(answer, Refusal):
        return answer.code in ("held_elsewhere", "not_ready")
    return isinstance(answer, Told) and len(answer.plugins) == 1 and waits(answer.plugins[0])


async def _once(nc: Client, request: Request, answer_s: float) -> Told | Refusal:
    import nats.errors

    from milepost.react.reports import Refusal, Told

    decoder: msgspec.json.Decoder[Told | Refusal] = msgspec.json.Decoder(Told | Refusal)
    subject = f"{ADMIN}.react.{request.verb}"
    try:
        reply = await nc.request(subject, msgspec.json.encode(request), timeout=answer_s)
    except nats.errors.NoRespondersError as error:
        hint = "`milepost serve` runs one; by itself it is `milepost run react`."
        raise failed("react_unreachable", "No plugin host answers.", hint=hint) from error
    except (nats.errors.Error, OSError, TimeoutError) as error:
        message = f"The plugin host did not answer: {error or type(error).__name__}."
        raise failed(
            "no_answer", message, hint="Whether it was done is not known; `milepost plugins show` tells."
        ) from error
    return decoder.decode(reply.data)
