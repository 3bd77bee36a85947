"""An event is held against rules; the first that gives anything for it wins, and who gets it is told.

on_retracted   its cause was taken back: what was given for it is
on_event       what is known of the goal changes; what no longer rests on it is taken back; owed codes are served
decide_reward  rule after rule, each a part
on_granted     what it rests on is kept, its person is told
"""

from __future__ import annotations

import datetime as dt
from typing import Any

import msgspec

from milepost_contracts.context import Context
from milepost_contracts.hooks import hook
from milepost_contracts.plugin import (
    Delivered,
    Effect,
    Grant,
    Health,
    Manifest,
    Outcome,
    Permissions,
    Question,
    Reward,
)
from milepost_rewards import answering, facts, giving, telling, vouchers
from milepost_rewards.conditions import GIVEN, Case, looks_at
from milepost_rewards.config import RULES_MAX, Config
from milepost_rewards.secret import Secrets

REFILL = "refill"
REFILL_PAUSE = dt.timedelta(minutes=15)  # before an empty pool is looked at again when nothing else happens


class Rule:
    """The rule at one place of the configuration, which is read later than parts are made."""

    def __init__(self, place: int) -> None:
        """Take its place, from 0."""
        self._place = place

    @hook
    def decide_reward(self, context: Context) -> list[Reward] | None:
        """Give what the rule gives; None: the next one is asked."""
        if self._place >= len(context.config.rules):
            return None
        case = _turn.case(context)
        return giving.give(context.config.rules[self._place], case) if case is not None else None


class _Turn:
    """The case of the event at hand: made by `on_event`, looked at by the rules; a process takes one at a time."""

    def __init__(self) -> None:
        self._context: Context | None = None
        self._case: Case | None = None

    def begin(self, context: Context, case: Case) -> None:
        self._context, self._case = context, case

    def case(self, context: Context) -> Case | None:
        """Return the case of the turn; None where its event is not one for rules, or came before."""
        return self._case if self._context is context else None


_turn = _Turn()


@hook
def manifest() -> Manifest:
    """Say who this is."""
    return Manifest(
        id="rewards",
        version="0.1.0",
        summary="Rewards by rules: recognition, badges, points and voucher codes, told by mail, chat and push",
        subscriptions=("goal.*", "mentorship.*", "programme.created", "programme.cadence_set"),
        start="beginning",
        stores=True,
        # A message names the milestone that it is for: its title is read when it is sent, and kept nowhere.
        permissions=Permissions(words=("goal.milestone_hit/title",)),
        effect_timeout_s=40.0,  # a transport connects and answers some times, each within messages.timeout_s
    )


@hook
def parts() -> list[Rule]:
    """Return one part for each rule that there may be, in the order of the configuration."""
    return [Rule(place) for place in range(RULES_MAX)]


@hook
def config_schema() -> type[msgspec.Struct]:
    """Say what `rewards.toml` holds."""
    return Config


@hook
def secrets_schema() -> type[msgspec.Struct]:
    """Say what `rewards.secrets.toml` holds."""
    return Secrets


@hook
def on_event(event: Delivered, context: Context) -> None:
    """Follow what happens, take back what no longer holds, and serve who waits for a code."""
    if not facts.followed(event.name) and not any(looks_at(rule, event.name) for rule in context.config.rules):
        return
    known = facts.known(context, event.aggregate, event.aggregate_id)
    if event.version <= known.version:
        return  # it came before; whatever follows from it has followed
    facts.follow(known, event, context)
    if not isinstance(known, facts.Programme):
        case = Case(event, context, known)
        _turn.begin(context, case)
        giving.settle(case)
    _serve(context)


@hook
def on_retracted(event: Delivered, grants: list[Grant]) -> list[Grant]:
    """Give back what was given for what is taken back; a reading that was put right was still recorded.

    What rests on several events, and what is amended, is settled in `on_event`.
    """
    if event.name == "goal.progress_corrected":
        return grants if event.data.strike else []
    return [] if event.name in ("goal.closure_amended", "goal.check_in_amended") else grants


@hook
def on_granted(grant: Grant, context: Context) -> None:
    """Keep what it rests on, and tell."""
    case = _turn.case(context)
    assert case is not None  # noqa: S101  a rule has just given for it
    giving.granted(grant, case)
    if grant.reward.kind == "voucher" and grant.reward.code is None:
        claim = vouchers.claim_of(grant.reward, context)
        context.fact("voucher_owed", vouchers.told(claim.pool, claim.number, grant), once=grant.id)
        context.wake_at(REFILL, context.now + REFILL_PAUSE)
    telling.of_granted(grant, context)


@hook
def on_revoked(grant: Grant, context: Context) -> None:
    """Tell, and forget what it rested on."""
    telling.of_revoked(grant, context)
    context.state.delete(GIVEN + grant.id)


@hook
def on_timer(context: Context) -> None:
    """Look whether a pool was refilled; that is the only timer there is."""
    _serve(context)


@hook
def act(question: Question, context: Context) -> Any:
    """Do what an administrator asks for: `serve` looks at once whether pools were refilled."""
    if question.name != "serve":
        return None
    return {"served": _serve(context), "waiting": vouchers.waits(context)}


@hook
def on_person_erased(person: str, context: Context) -> None:
    """Forget what is kept of a person; that a code was used stays, and that nothing is given or told any more."""
    giving.forget(person, context)


@hook
def perform(effect: Effect, context: Context) -> None:
    """Send a message."""
    telling.deliver(effect, context)


@hook
def on_performed(effect: Effect, outcome: Outcome, context: Context) -> None:
    """Note who has been told what."""
    if outcome.ok:
        telling.sent(effect, context)


@hook
def answer(question: Question, context: Context) -> Any:
    """Show what was granted."""
    return answering.answered(question, context)


@hook
def health(context: Context) -> Health:
    """Say whether every voucher has its code."""
    return answering.health(context)


def _serve(context: Context) -> int:
    """Serve who waits for a code; return how many got theirs."""
    if not vouchers.waits(context):
        return 0
    served = vouchers.serve(context)
    for grant in served:
        claim = vouchers.claim_of(grant.reward, context)
        context.fact("voucher_served", vouchers.told(claim.pool, claim.number, grant), once=grant.id)
        telling.of_served(grant, context)
    if vouchers.waits(context):
        context.wake_at(REFILL, context.now + REFILL_PAUSE)
    return len(served)
