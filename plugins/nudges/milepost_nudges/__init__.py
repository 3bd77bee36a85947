"""Nudges: events come in, timers fire, and whoever is meant hears of it once, at a decent hour."""

from __future__ import annotations

from typing import Any

import msgspec

from milepost_contracts.context import Context
from milepost_contracts.envelope import EnvelopeError
from milepost_contracts.hooks import hook
from milepost_contracts.plugin import Delivered, Effect, GiveUp, Health, Manifest, Permissions, Question
from milepost_nudges import answering, chores, erased, frames, sending, turns
from milepost_nudges.config import Config, Secrets

VERSION = "0.1.0"


@hook
def manifest() -> Manifest:
    """Say who this is: it sees all history, keeps no words, and opens titles for its messages alone."""
    return Manifest(
        id="nudges",
        version=VERSION,
        summary="Reminds people of check-ins, deadlines, silent goals and open agreements, once each",
        subscriptions=("goal.*", *frames.SUBSCRIPTIONS),
        start="beginning",
        stores=True,
        # A title is what the goal was created or imported with, or changed to since; messages ask for it as it is then.
        permissions=Permissions(
            words=("goal.created/title", "goal.imported/terms", "goal.refined/after"), history=True
        ),
        timeout_s=15.0,  # an administrator asks about thousands of goals at once
        effect_timeout_s=60.0,  # a mail server may take its time
    )


@hook
def config_schema() -> type[msgspec.Struct]:
    """Return what `nudges.toml` has to fit."""
    return Config


@hook
def secrets_schema() -> type[msgspec.Struct]:
    """Return what `nudges.secrets.toml` has to fit."""
    return Secrets


@hook
def health(context: Context) -> Health:
    """Say so where nobody can be reached: nudges are facts alone then."""
    secrets = context.secrets
    if not (secrets.default or secrets.programmes or secrets.people):
        return Health(message="there is no address in the secrets: nudges are told as facts and sent to nobody")
    return Health()


@hook
def on_event(event: Delivered, context: Context) -> None:
    """Take an event of a goal, a mentorship or a programme."""
    turns.floor(context)
    if _known(event):
        if event.aggregate == "goal":
            turns.happened(event, context)
        elif frames.framed(event, context):
            chores.add(context, chores.LOOK, event.aggregate_id)
    chores.go_on(context)


@hook
def on_timer(key: str, context: Context) -> None:
    """Take a timer: of a goal, or of what is left to do."""
    if key != chores.KEY:
        turns.due(key, context)
    chores.go_on(context)


@hook
def on_person_erased(person: str, context: Context) -> None:
    """Forget the person."""
    erased.mark(context, person)
    chores.add(context, chores.FORGET, person)


@hook
def perform(effect: Effect, context: Context) -> None:
    """Send a nudge to one address."""
    if erased.is_gone(context, effect.arguments["to"]):
        raise GiveUp("person_erased")
    sending.send(effect, context)


@hook
def answer(question: Question, context: Context) -> Any:
    """Answer `pending` and `sent`."""
    return answering.answer(question, context)


def _known(event: Delivered) -> bool:
    """Whether this version of the contracts knows the event; one of a later release says nothing here."""
    try:
        return event.data is not None
    except EnvelopeError as error:
        if error.code == "unknown_event":
            return False
        raise
