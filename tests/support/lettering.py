"""The dead letters of a plugin, read out of GOALS_DEAD and held against their contract."""

from __future__ import annotations

from base64 import b64decode
from typing import Any, NamedTuple

import msgspec
from nats.aio.client import Client

from milepost_contracts.envelope import Envelope, decode
from milepost_contracts.letters import EventParked, parked


class Letter(NamedTuple):
    """A message of the stream: where it stands, on which subject, with which headers, and what it says."""

    sequence: int
    subject: str
    headers: dict[str, str]
    envelope: Envelope
    said: EventParked


async def letters(client: Client, plugin: str) -> list[Letter]:
    """Return those of *plugin* in every tenant, in order; *client* is connected as react or cli."""
    found: list[Letter] = []
    while True:
        after = found[-1].sequence + 1 if found else 1
        body = msgspec.json.encode({"seq": after, "next_by_subj": f"goals.dead.v1.*.{plugin}"})
        answer = await client.request("$JS.API.STREAM.MSG.GET.GOALS_DEAD", body, timeout=5)
        told: dict[str, Any] = msgspec.json.decode(answer.data)
        if "error" in told:
            assert told["error"]["err_code"] == 10037, told
            return found
        message = told["message"]
        lines = b64decode(message["hdrs"]).decode().split("\r\n")[1:]
        headers = {name: value.strip() for name, _, value in (line.partition(":") for line in lines) if name}
        envelope = decode(b64decode(message["data"]))
        found.append(Letter(message["seq"], message["subject"], headers, envelope, parked(envelope)))
