"""Objectives and key results out of goals: the hooks of the plugin, each handing over to the module that does it."""

from __future__ import annotations

import datetime as dt
from typing import Any

from milepost_contracts.context import Context
from milepost_contracts.hooks import hook
from milepost_contracts.plugin import Delivered, Health, Manifest, Permissions, Question
from milepost_okr import answering, mapping, reviewing, working
from milepost_okr.config import Config
from milepost_okr.turn import Turn

__version__ = "0.1.0"

_GOALS = (
    "created", "imported", "placed", "carried_over", "refined", "deadline_set", "deadline_shifted", "schedule_set",
    "measure_defined", "target_revised", "measure_retired", "activated", "progress_recorded", "progress_corrected",
    "check_in_held", "check_in_amended", "check_in_voided", "aligned", "unaligned", "ownership_transferred",
    "party_added", "party_removed", "party_replaced", "closed", "closure_amended", "reopened",
)  # fmt: skip


@hook
def manifest() -> Manifest:
    """Ask for what numbers come from, from the beginning, and to be asked when a goal is closed; no words."""
    return Manifest(
        id="okr",
        version=__version__,
        summary="Rolls goals up into objectives and key results",
        subscriptions=(*(f"goal.{name}" for name in _GOALS), "programme.cycle_planned"),
        start="beginning",
        stores=True,
        permissions=Permissions(reviews=("goal.close_goal",)),
    )


@hook
def parts() -> tuple[object, ...]:
    """Return what maps goals, by rules and by whom they serve (rules come first), and what reviews their closing."""
    return (*mapping.PARTS, reviewing)


@hook
def config_schema() -> type[Config]:
    """Return what `okr.toml` has to fit."""
    return Config


@hook
def health(context: Context) -> Health:
    """Say what is lacking where no number can come of goals."""
    config: Config = context.config
    if not config.objectives:
        return Health(message="there are no objectives in okr.toml: no goal counts for anything")
    if not (config.rules or config.alignments):
        return Health(message="there are no rules and no alignments in okr.toml: no goal counts for any objective")
    return Health()


@hook
def on_event(event: Delivered, context: Context) -> None:
    """Take what changes a number."""
    turn = Turn(context)
    turn.take(event)
    working.go_on(turn)


@hook
def on_timer(key: str, at: dt.datetime, context: Context) -> None:  # noqa: ARG001  there is one timer, due at once
    """Go on with what is left to do."""
    working.go_on(Turn(context))


@hook
def on_person_erased(person: str, context: Context) -> None:
    """Forget the confidence that *person* told."""
    working.erased(Turn(context), person)


@hook
def act(question: Question, context: Context) -> Any:
    """Do what an administrator asks for: `settle` goes on with what is left to do where nothing happens by itself."""
    if question.name != "settle":
        return None
    turn = Turn(context)
    working.go_on(turn)
    return {"settled": working.settled(turn)}


@hook
def answer(question: Question, context: Context) -> Any:
    """Answer `objectives`, `key_result`, `cycles` and `export`."""
    return answering.answer(question, Turn(context))
