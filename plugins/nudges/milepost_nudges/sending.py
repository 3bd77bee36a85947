"""A nudge that was decided leaves the house: the message is written, and Apprise takes it to one address."""

from __future__ import annotations

from typing import Any

import apprise

from milepost_contracts.context import Context
from milepost_contracts.plugin import Effect, GiveUp, PluginError, readable
from milepost_nudges.addresses import service_of
from milepost_nudges.config import rules_of, stage_of

UNTITLED = "one of your goals"
TITLE_CHARS_MAX = 200  # a title is a line; push services cut sooner


def send(effect: Effect, context: Context) -> None:
    """Send the message of *effect* to one of its person's addresses; raises GiveUp, PluginError, Later."""
    told = effect.arguments
    person, place = told["to"], told["address"]
    addresses = context.secrets.addresses(person, told["programme"])
    if place >= len(addresses):
        raise GiveUp("address_gone", "the address that it was meant for is not configured any more")
    service = service_of(addresses[place], person.partition(":")[2], effect.key)
    assert service is not None  # noqa: S101  the secrets were checked when they were read
    subject, text = message(told, context)
    with_apprise = apprise.Apprise()
    with_apprise.add(service)
    if not with_apprise.notify(body=text, title=subject, body_format=apprise.NotifyFormat.TEXT):
        raise PluginError("not_delivered", "the service did not take the message")


def message(told: dict[str, Any], context: Context) -> tuple[str, str]:
    """Return subject and text of the nudge *told*; the goal's title is in it where it may be, and can be read."""
    stage = stage_of(rules_of(context.config, told["programme"]), told["stage"])
    filled = {
        "title": _title(told["goal"], context) if context.config.titles else UNTITLED,
        "due": told["due"],
        "days": told["days"],
        "goal": told["goal"],
        "link": context.config.link.replace("{goal}", told["goal"]),
    }
    return stage.subject.format_map(filled).strip(), stage.text.format_map(filled).strip()


def _title(goal: str, context: Context) -> str:
    try:
        title = readable(context.goal_at(goal).get("title"))
    except PluginError:  # the goal cannot be had: a nudge without its title is better than none
        return UNTITLED
    line = " ".join((title or "").split())[:TITLE_CHARS_MAX]
    return f"“{line}”" if line else UNTITLED
