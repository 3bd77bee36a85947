"""What an event's goal was agreed to be, by whom, before the event and after it, and whose yes it ended."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from milepost.replay.agreements import Agreements, Ended, waiting_for
from milepost.replay.agreements import Yes as Given
from milepost.replay.explaining_around import place, placed
from milepost.replay.explaining_case import Case
from milepost_contracts.queries.explain import AgreementsThen, MeasureThen, TermsThen, Yes, YesEnded
from milepost_contracts.types import Party

if TYPE_CHECKING:
    from milepost.decide.goal.state import Goal


def terms(case: Case) -> TermsThen:
    """Return the terms as the event left them, words sealed."""
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


def agreements(case: Case) -> AgreementsThen:
    """Return whose yes stood when the event came, what it did to each, and whose stood after it."""
    goal, was = case.after, case.before
    rule_before, rule = _quorum(case, was, case.chosen.sequence - 1), _quorum(case, goal, case.chosen.sequence)
    by_this = [one for one in case.agreed_after.ended if one.ended.version == case.chosen.version]
    people = was.people if was is not None else ()
    waiting = waiting_for(goal, rule)
    return AgreementsThen(
        quorum=rule,
        revision_before=was.revision if was is not None else 0,
        before=yeses(case.agreed_before),
        complete_before=was is not None and not waiting_for(was, rule_before),
        ended=_endings(case, by_this),
        ended_before=_endings(case, case.agreed_before.last_ended(people)),
        after=yeses(case.agreed_after),
        complete=not waiting,
        waiting_for=waiting,
    )


def _quorum(case: Case, goal: Goal | None, sequence: int) -> str:
    """Return the rule of the goal's mentorship as it was at *sequence*; everybody outside any."""
    if goal is None or goal.mentorship is None:
        return "all"
    mentorship, _ = case.desk.histories.then(case.tenant, ("mentorship", goal.mentorship), sequence)
    return mentorship.quorum if mentorship is not None else "all"


def yeses(agreements: Agreements) -> list[Yes]:
    """Return each yes that stands, with the event that gave it."""

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
