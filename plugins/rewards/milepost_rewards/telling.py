"""What was granted, served or taken back becomes a message to whoever has a destination, and is sent in its turn.

An effect names the grant and the place in the list of destinations, nothing else: its words, its code and the URL are
looked up when it is sent. What fell in the meantime is not told. That somebody has been told is noted when a message
has left: only then is it told that the same thing was taken back, or that its code has come; and a thing that is given
anew, which its person was never told to have lost, is not told again.
"""

from __future__ import annotations

from milepost_contracts.context import Context
from milepost_contracts.plugin import Effect, GiveUp, Grant, PluginError, readable
from milepost_rewards import vouchers
from milepost_rewards.conditions import rests_on
from milepost_rewards.config import Text, placeholders
from milepost_rewards.giving import ERASED, TOLD
from milepost_rewards.sending import send
from milepost_rewards.vouchers import key_of


def of_granted(grant: Grant, context: Context) -> None:
    """Tell of a grant."""
    if not _was_told(grant, context):
        _tell("granted", grant, context, to_channel=True)


def of_revoked(grant: Grant, context: Context) -> None:
    """Tell that *grant* was taken back."""
    if context.config.messages.on_revoked == "message" and _was_told(grant, context):
        _tell("revoked", grant, context)


def of_served(grant: Grant, context: Context) -> None:
    """Tell that a code has come; where the grant is not told yet, it will be told with its code."""
    if _was_told(grant, context):
        _tell("served", grant, context)


def sent(effect: Effect, context: Context) -> None:
    """Note that the message of *effect* has left, or was no longer to be sent."""
    what, grants = effect.name.partition("/")[0], context.grants(person=effect.arguments["to"], standing=False)
    grant = next((grant for grant in grants if grant.id == effect.arguments["grant"]), None)
    if grant is None or ERASED + grant.reward.to in context.state:
        return
    key = TOLD + key_of(grant.reward)
    if what == "granted" and grant.stands:
        context.state.set(key, 1)
    if what == "revoked" and not _stands(grant, grants):
        context.state.delete(key)


def _was_told(grant: Grant, context: Context) -> bool:
    return TOLD + key_of(grant.reward) in context.state


def _stands(grant: Grant, grants: list[Grant]) -> bool:
    """Whether the same thing stands, by this grant or another."""
    return any(one.stands and key_of(one.reward) == key_of(grant.reward) for one in grants)


def _tell(what: str, grant: Grant, context: Context, *, to_channel: bool = False) -> None:
    rests = rests_on(context, grant)
    programme = rests.programme if rests is not None else None
    urls, personal = context.secrets.destinations(context.tenant, grant.reward.to, programme)
    if not (personal or to_channel):
        return
    for place in range(len(urls)):
        arguments = {"grant": grant.id, "to": grant.reward.to, "programme": programme, "place": place}
        context.effect(f"{what}/{grant.id}/{place}", arguments)


def deliver(effect: Effect, context: Context) -> None:
    """Send the message that *effect* is; raises GiveUp, PluginError `not_delivered` to have it tried again."""
    what, person = effect.name.partition("/")[0], effect.arguments["to"]
    grants = context.grants(person=person, standing=False)
    grant = next((grant for grant in grants if grant.id == effect.arguments["grant"]), None)
    if grant is None:
        raise GiveUp("unknown_grant")
    if ERASED + person in context.state:
        return
    if _stands(grant, grants) if what == "revoked" else not grant.stands:
        return
    urls, personal = context.secrets.destinations(context.tenant, person, effect.arguments["programme"])
    place = effect.arguments["place"]
    if place >= len(urls) or (what != "granted" and not personal):
        raise GiveUp("no_destination")
    messages = context.config.messages
    values = _values(grant, effect, context, personal=personal)
    text: Text = getattr(messages, what)
    if not personal:
        text = messages.channel
    elif what == "granted" and grant.reward.kind == "voucher" and not values["code"]:
        text = messages.owed
    title = " ".join(text.title.format_map(values).split())
    if not send(urls[place], title, written(text.body, values), key=effect.key, timeout_s=messages.timeout_s):
        raise PluginError("not_delivered", "the destination did not take the message")


def written(body: str, values: dict[str, str]) -> str:
    """Return *body* with *values* in their places, without the lines in which one is empty."""
    lines = [line for line in body.splitlines() if all(values[name] for name in placeholders(line))]
    return "\n".join(line.format_map(values) for line in lines).strip()


def _values(grant: Grant, effect: Effect, context: Context, *, personal: bool) -> dict[str, str]:
    reward, messages = grant.reward, context.config.messages
    values = dict.fromkeys(("milestone", "code"), "")
    if personal:
        event = effect.event
        if event is not None and event.name == "goal.milestone_hit":
            values["milestone"] = readable(event.data.title) or ""
        values["code"] = vouchers.code_of(reward, context) or ""
    return values | {
        "title": reward.title,
        "kind": reward.kind,
        "points": str(reward.points or ""),
        "link": messages.link.format(goal=grant.aggregate_id) if grant.aggregate == "goal" else "",
        "reference": grant.id[:8],
        "person": reward.to.partition(":")[2],
    }
