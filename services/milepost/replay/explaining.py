"""One event explained: who and why, whose yes stood then, what caused it and came of it, is anything gone."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from milepost.journal import Stored
from milepost.replay import causes
from milepost.replay.agreements import Agreements, Ended, waiting_for
from milepost.replay.agreements import Yes as Given
from milepost.replay.desk import Desk, Told
from milepost.replay.explaining_around import Around, around, place, placed, removed
from milepost.replay.explaining_fields import Fields
from milepost.replay.explaining_proof import proof
from milepost.replay.explaining_which import which
from milepost.replay.looking import readable
from milepost.replay.recording import READ
from milepost.replay.story import Story
from milepost.replay.telling import Telling
from milepost.replay.words import Words
from milepost_contracts.answers import Refused
from milepost_contracts.queries.explain import (
    AgreementsThen,
    CausesTold,
    CommandTold,
    Explain,
    ExplainAnswer,
    FieldThen,
    Linked,
    MeasureThen,
    PluginTold,
    RemovedTold,
    StandsNow,
    TermsThen,
    Yes,
    YesEnded,
)
from milepost_contracts.queries.history import HistoryEntry
from milepost_contracts.types import Party

if TYPE_CHECKING:
    from milepost.decide.goal.state import Goal

# Of events caused together, and of what came of one: what a person reads; the rest is counted.
SHOWN_MAX = 50
_ENDS = {"voided": "voids", "withdrawn": "withdraws", "declined": "declines", "left": "ends"}


class Case(NamedTuple):
    """All that is known of an event: its aggregate's events and states, the tenant's events around it."""

    desk: Desk
    tenant: str
    chosen: Stored
    own: list[Stored]  # all events of its aggregate, in order
    before: Any  # the aggregate's state before it, None where it began it
    after: Any
    newest: Any
    event: HistoryEntry
    changes: list[FieldThen]
    agreed_before: Agreements
    agreed_after: Agreements
    agreed_now: Agreements
    near: Around


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
    case = _case(desk, tenant, chosen, own, words)
    of_goal = chosen.ref[0] == "goal" and case.after is not None
    answer = ExplainAnswer(
        sequence=f"{newest:016d}",
        aggregate=chosen.ref[0],
        id=chosen.ref[1],
        event=case.event,
        changes=case.changes,
        terms=_terms(case) if of_goal else None,
        agreements=_agreements(case) if of_goal else None,
        now=_now(case),
        causes=_causes(case),
        removed=_removed(case),
        proof=proof(desk, tenant, chosen),
    )
    details = {"aggregate": chosen.ref[0], "id": chosen.ref[1], "version": chosen.version, READ: [chosen.ref]}
    return _readable(answer, words), details


def _readable(answer: ExplainAnswer, words: Words) -> ExplainAnswer:
    """Return *answer* with its words opened; those that cannot be read are null and named."""
    return readable(msgspec.convert(words.opened(msgspec.to_builtins(answer)), ExplainAnswer), words)


def _case(desk: Desk, tenant: str, chosen: Stored, own: list[Stored], words: Words) -> Case:
    """Follow the event's aggregate from its first event to its last, and keep what it was around *chosen*."""
    story = Story(chosen.ref, own, words)
    telling = Telling(story)
    at = next(place for place, stored in enumerate(own) if stored.version == chosen.version)
    fields = Fields(telling.before(at), telling.after(at), words)
    agreements = Agreements()
    was = then = agreements
    for number, (stored, event) in enumerate(zip(own, story.events, strict=True)):
        was = agreements.copy() if number == at else was
        if chosen.ref[0] == "goal":
            agreements.follow(telling.before(number).state, telling.after(number).state, stored, event)
        then = agreements.copy() if number == at else then
        if number > at:
            fields.follow(telling.after(number), stored)
    newest = telling.known[-1]
    near = around(desk.journal, tenant, chosen.sequence, desk.newest(tenant))
    return Case(
        desk, tenant, chosen, own, telling.before(at).state, telling.after(at).state, newest.state,
        telling.entry(at, []), fields.told(newest, words), was, then, agreements, near,
    )  # fmt: skip


def _terms(case: Case) -> TermsThen:
    goal: Goal = case.after
    return TermsThen(
        revision=goal.revision,
        revision_before=case.before.revision if case.before is not None else 0,
        terms_hash=goal.terms_hash,
        title=goal.title,
        description=goal.description,
        kind=goal.kind,
        owner=goal.owner,
        accountable=goal.accountable,
        parties=[Party(ref=ref, role=role) for ref, role in sorted(goal.parties.items())],
        deadline=goal.deadline,
        measures=[
            MeasureThen(
                measure=one.measure, name=one.name, kind=one.kind, direction=one.direction, unit=one.unit,
                baseline=one.baseline, target=one.target,
            )
            for one in sorted(goal.measures.values(), key=lambda measure: measure.measure)
        ],
    )  # fmt: skip


def _agreements(case: Case) -> AgreementsThen:
    goal, was = case.after, case.before
    rule_before, rule = _quorum(case, was, case.chosen.sequence - 1), _quorum(case, goal, case.chosen.sequence)
    by_this = [one for one in case.agreed_after.ended if one.ended.version == case.chosen.version]
    people = was.people if was is not None else ()
    waiting = waiting_for(goal, rule)
    return AgreementsThen(
        quorum=rule,
        revision_before=was.revision if was is not None else 0,
        before=_yeses(case.agreed_before),
        complete_before=was is not None and not waiting_for(was, rule_before),
        ended=_endings(case, by_this),
        ended_before=_endings(case, case.agreed_before.last_ended(people)),
        after=_yeses(case.agreed_after),
        complete=not waiting,
        waiting_for=waiting,
    )


def _quorum(case: Case, goal: Goal | None, sequence: int) -> str:
    """Return the rule of the goal's mentorship as it was at *sequence*; everybody outside any."""
    if goal is None or goal.mentorship is None:
        return "all"
    mentorship, _ = case.desk.histories.then(case.tenant, ("mentorship", goal.mentorship), sequence)
    return mentorship.quorum if mentorship is not None else "all"


def _yeses(agreements: Agreements) -> list[Yes]:
    def told(one: Given) -> Yes:
        return Yes(party=one.party, revision=one.revision, given_to=one.given_to, given=placed(one.given), on=one.on)

    return [told(one) for _, one in sorted(agreements.standing.items())]


def _endings(case: Case, ended: Iterable[Ended]) -> list[YesEnded]:
    return [
        YesEnded(
            party=one.yes.party, revision=one.yes.revision, given=placed(one.yes.given), ended=placed(one.ended),
            why=one.why, again=place(case.agreed_now.again(one)),
        )
        for one in ended
    ]  # fmt: skip


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
        agreed=_yeses(case.agreed_now),
    )


def _causes(case: Case) -> CausesTold:
    chosen, near = case.chosen, case.near
    command = causes.command(case.desk.journal, chosen, near.events)
    envelope = chosen.envelope
    later = _later(case)
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
        earlier=_links(causes.earlier(_told(chosen), [_told(one) for one in case.own[: chosen.version - 1]])),
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


def _later(case: Case) -> list[causes.Link]:
    """Return what came of the event: steps that name or end it, ends of its yes, what plugins asked for on it."""
    chosen, own = case.chosen, case.own
    told = [_told(one) for one in own]
    at = next(place for place, one in enumerate(own) if one.version == chosen.version)
    links = causes.later(told[at], told[:at], told[at + 1 :])
    links += [
        causes.Link(_ENDS[one.why], one.ended)
        for one in case.agreed_now.ended
        if one.yes.given.version == chosen.version
    ]
    followed = {one.sequence: one for one in [*own[at + 1 :], *case.near.after(chosen.sequence)]}
    links += [causes.Link("causes", one) for one in causes.caused_by(chosen, followed.values())]
    return sorted(links, key=lambda link: link.stored.sequence)


def _told(stored: Stored) -> causes.Told:
    return causes.Told(stored, msgspec.json.decode(stored.envelope.data))


def _links(links: Sequence[causes.Link]) -> list[Linked]:
    return [Linked(how=one.how, event=placed(one.stored)) for one in links]


def _removed(case: Case) -> RemovedTold:
    own = case.own
    told = removed(case.chosen, case.near, own, case.desk.journal.head(case.tenant, case.chosen.ref))
    taken_back = [one for one in _later(case) if one.how in causes.TAKEN_BACK]
    return msgspec.structs.replace(told, taken_back_by=_links(taken_back))
