"""One event explained: who and why, whose yes stood then, what caused it and came of it, is anything gone."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

import msgspec

from milepost.replay import causes
from milepost.replay.desk import Desk, Told
from milepost.replay.explaining_agreed import agreements, terms, yeses
from milepost.replay.explaining_around import place, placed, removed
from milepost.replay.explaining_case import Case, followed
from milepost.replay.explaining_proof import proof
from milepost.replay.explaining_which import which
from milepost.replay.looking import readable
from milepost.replay.recording import READ
from milepost.replay.words import Words
from milepost_contracts.answers import Refused
from milepost_contracts.queries.explain import (
    CausesTold,
    CommandTold,
    Explain,
    ExplainAnswer,
    Linked,
    PluginTold,
    RemovedTold,
    StandsNow,
)

# Of events caused together, and of what came of one: what a person reads; the rest is counted.
SHOWN_MAX = 50


def explain(desk: Desk, tenant: str, query: Explain, reader: str) -> Told:
    """Answer *query*; refused `event_unknown` for what is not there or may not be read."""
    newest = desk.newest(tenant)
    chosen = which(desk.journal, tenant, query, newest)
    if isinstance(chosen, Refused):
        return chosen, {}
    # Not `desk.may_read`: the plugin host has no questions of its own about the past.
    if chosen is None or not desk.entitlement.may_read(tenant, reader, chosen.ref):
        return desk.unknown("event"), {}
    own = desk.journal.load(tenant, chosen.ref)
    words = Words(desk.keys, tenant, chosen.ref, own, reader=reader)
    case = followed(desk, tenant, chosen, own, words)
    later = case.later()
    answer = ExplainAnswer(
        sequence=f"{newest:016d}",
        aggregate=chosen.ref[0],
        id=chosen.ref[1],
        event=case.event,
        changes=case.changes,
        terms=terms(case) if case.of_goal else None,
        agreements=agreements(case) if case.of_goal else None,
        now=_now(case),
        causes=_causes(case, later),
        removed=_removed(case, later),
        proof=proof(desk, tenant, chosen),
    )
    details = {"aggregate": chosen.ref[0], "id": chosen.ref[1], "version": chosen.version, READ: [chosen.ref]}
    return _readable(answer, words), details


def _readable(answer: ExplainAnswer, words: Words) -> ExplainAnswer:
    """Return *answer* with its words opened; those that cannot be read are null and named."""
    return readable(msgspec.convert(words.opened(msgspec.to_builtins(answer)), ExplainAnswer), words)


def _now(case: Case) -> StandsNow:
    last, newest = case.own[-1], case.newest
    of_goal = case.chosen.ref[0] == "goal" and newest is not None
    return StandsNow(
        version=last.version,
        sequence=last.sequence,
        recorded=dt.datetime.fromisoformat(last.time),
        state=getattr(newest, "state", None),
        revision=newest.revision if of_goal else None,
        deadline=newest.deadline if of_goal else None,
        agreed=yeses(case.agreed_now),
    )


def _causes(case: Case, later: list[causes.Link]) -> CausesTold:
    chosen, near = case.chosen, case.near
    command = causes.command(case.desk.journal, chosen, near.events)
    envelope = chosen.envelope
    return CausesTold(
        command=CommandTold(
            id=envelope.causationid,
            hash=envelope.commandhash,
            correlation=envelope.correlationid,
            trace=envelope.traceparent or None,
            events=command.events,
            together=[placed(one) for one in command.together[:SHOWN_MAX]],
            more=len(command.together[SHOWN_MAX:]),
        ),
        plugin=_plugin(case),
        earlier=_links(case.earlier()),
        later=_links(later[:SHOWN_MAX]),
        more=len(later[SHOWN_MAX:]),
    )


def _plugin(case: Case) -> PluginTold | None:
    plugin = causes.plugin_of(case.chosen)
    if plugin is None:
        return None
    before = case.near.before(case.chosen.sequence)
    cause = causes.asked_by(case.chosen, before)
    return PluginTold(name=plugin[0], version=plugin[1], cause=place(cause), sought=len(before))


def _links(links: Sequence[causes.Link]) -> list[Linked]:
    return [Linked(how=one.how, event=placed(one.stored)) for one in links]


def _removed(case: Case, later: list[causes.Link]) -> RemovedTold:
    told = removed(case.chosen, case.near, case.own, case.desk.journal.head(case.tenant, case.chosen.ref))
    taken_back = [one for one in later if one.how in causes.TAKEN_BACK]
    return msgspec.structs.replace(told, taken_back_by=_links(taken_back))
