"""What a plugin has granted is read again from what it has said: a reward can be rebuilt from GOALS_PLUGIN."""

from __future__ import annotations

from typing import Any

import msgspec
from nats.aio.client import Client
from nats.errors import Error as NatsError

from milepost_contracts.envelope import decode
from milepost_contracts.plugin import Grant, Reward
from milepost_contracts.subjects import STREAM_PLUGIN

REQUEST_S = 5.0
NO_MESSAGE = 10037


async def granted(nc: Client, plugin: str) -> list[tuple[str, Grant]]:
    """Return (tenant, grant) of every grant that *plugin* has told, as it stands; raises NatsError, TimeoutError.

    The code of a voucher is in no fact: the plugin finds it again by what it knows of the grant.
    """
    found: dict[str, tuple[str, Grant]] = {}
    sequence = 1
    while True:
        subject = f"goals.plugin.v1.*.{plugin}.*"
        body = msgspec.json.encode({"seq": sequence, "next_by_subj": subject})
        message = await nc.request(f"$JS.API.STREAM.MSG.GET.{STREAM_PLUGIN}", body, timeout=REQUEST_S)
        answer: dict[str, Any] = msgspec.json.decode(message.data)
        if error := answer.get("error"):
            if error.get("err_code") == NO_MESSAGE:
                return list(found.values())
            raise NatsError(f"{STREAM_PLUGIN}: {error.get('description')}")
        sequence = answer["message"]["seq"] + 1
        envelope = decode(msgspec.json.decode(msgspec.json.encode(answer["message"]["data"]), type=bytes))
        if envelope.name in ("reward_granted", "reward_revoked"):
            grant = _grant(envelope.data)
            if envelope.name == "reward_revoked" or grant.id not in found:  # what is revoked never stands again
                found[grant.id] = (envelope.tenant, grant)


def _grant(data: bytes | msgspec.Raw) -> Grant:
    told: dict[str, Any] = msgspec.json.decode(data)
    reward = Reward(
        to=told["to"], kind=told["kind"], title=told["title"], points=told["points"], rule=told["rule"],
        once=told["once"],
    )  # fmt: skip
    members = {
        "id": told["grant"], "reward": msgspec.to_builtins(reward), "aggregate": told["aggregate"],
        "aggregate_id": told["id"], "cause": told["cause"], "at": told["at"], "revoked_by": told.get("revoked_by"),
    }  # fmt: skip
    return msgspec.convert(members, Grant)
