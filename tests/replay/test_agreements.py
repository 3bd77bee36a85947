"""Whose yes stood at any point, which event gave it and which ended it: held against the states at every step."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from milepost.decide import evolve
from milepost.journal import Stored
from milepost.replay.agreements import Agreements, waiting_for
from milepost_contracts.commands import goal as commands
from milepost_contracts.events import goal as events
from milepost_contracts.types import Agreement, Origin, Party, Placing, Terms, TermsChange
from tests.support.goals import BOTH
from tests.support.scenario import GOAL, IMPORTER, MENTEE, MENTOR, PEER, Scenario, acme, day

REF = ("goal", GOAL)


def stored(version: int) -> Stored:
    """Return what remembers that an event was the goal's *version*-th."""
    return Stored(tenant="acme", ref=REF, version=version, tag="", sequence=version, event_id="", document=b"")


def followed(scenario: Scenario) -> Agreements:
    """Return the agreements of the goal after all that happened, and check each step against the state after it."""
    agreements, state = Agreements(), None
    told = [recorded for ref, recorded in scenario.history if ref == REF]
    for version, recorded in enumerate(told, start=1):
        before, state = state, evolve(state, recorded)
        agreements.follow(before, state, stored(version), recorded.event)
        standing = {party: yes.revision for party, yes in agreements.standing.items()}
        assert standing == dict(state.agreements.items())
        for yes in [*agreements.standing.values(), *(one.yes for one in agreements.ended)]:
            gave = told[yes.given.version - 1].event
            assert isinstance(gave, events.Proposed | events.Agreed | events.Imported)
            assert isinstance(gave, events.Imported) or (gave.party, gave.revision) == (yes.party, yes.given_to)
            assert yes.given_to <= yes.revision
        assert all(one.yes.given.version < one.ended.version for one in agreements.ended)
    return agreements


def shared() -> Scenario:
    """Return a draft of MENTEE's that MENTOR is a party of, outside any mentorship."""
    created = events.Created(title="Talk", owner=MENTEE, deadline=day(60), revision=1)
    placed = events.Placed(before=Placing(), after=Placing(parties=BOTH), revision=2)
    return acme().given(created, placed)


def agreed() -> Scenario:
    """Return the draft agreed to by both."""
    scenario = shared().done(MENTEE, commands.ProposeGoal, revision=2)
    return scenario.done(MENTOR, commands.AgreeGoal, revision=2)


@pytest.mark.parametrize(
    ("by", "command", "fields", "ended"),
    [
        (MENTEE, commands.ShiftDeadline, {"new": day(90), "reason": "x", "reason_code": "other"}, {MENTOR: "voided"}),
        (MENTOR, commands.WithdrawAgreement, {"reason": "x"}, {MENTOR: "withdrawn"}),
        (MENTOR, commands.DeclineGoal, {"reason": "x"}, {MENTOR: "declined"}),
        (MENTEE, commands.RemoveParty, {"party": MENTOR, "reason": "x"}, {MENTOR: "voided"}),
    ],
)
def test_why_a_yes_ended(by: str, command: type[Any], fields: dict[str, Any], ended: dict[str, str]) -> None:
    """Each way to end a yes is told by its name, with the event that did it, and nobody agreed again."""
    scenario = agreed().done(by, command, **fields)
    agreements = followed(scenario)
    assert {one.yes.party: one.why for one in agreements.ended} == ended
    assert {one.ended.version for one in agreements.ended} == {5}
    assert [agreements.again(one) for one in agreements.ended] == [None]
    assert [one.yes.party for one in agreements.last_ended([MENTOR, PEER])] == [MENTOR]


def test_better_words_alone_carry_every_yes_on() -> None:
    """An editorial change moves both yeses to the new revision; they are still those that were given before."""
    changes = TermsChange(title="A talk")
    scenario = agreed().done(
        MENTEE, commands.RefineGoal, changes=changes, trigger="other", editorial=True, reason="Spelling"
    )
    yeses = followed(scenario).standing
    assert {party: (yes.given_to, yes.revision, yes.given.version) for party, yes in yeses.items()} == {
        MENTEE: (2, 3, 3),
        MENTOR: (2, 3, 4),
    }


def test_an_import_tells_whose_yes_it_had_and_since_when() -> None:
    """A goal that came in agreed has its yeses from the import, each with the day that was told."""
    terms = Terms(title="Talk", owner=MENTEE, parties=[Party(ref=MENTOR, role="mentor")], deadline=day(9))
    scenario = acme().when(
        IMPORTER, commands.ImportGoal, origin=Origin(system="old"), as_of=day(-3), state="active", terms=terms,
        agreements=[Agreement(party=MENTEE, on=day(-30)), Agreement(party=MENTOR)],
    )  # fmt: skip
    yeses = followed(scenario).standing
    assert {party: (yes.given.version, yes.on) for party, yes in yeses.items()} == {
        MENTEE: (1, day(-30)),
        MENTOR: (1, None),
    }


def test_a_copy_stays_as_it_is() -> None:
    """What was known at a point is not changed by what follows; the new yes is found later."""
    scenario = agreed().done(MENTEE, commands.ShiftDeadline, new=day(90), reason="x", reason_code="other")
    then = followed(scenario)
    copied = then.copy()
    assert (copied.standing, copied.ended) == (then.standing, then.ended)
    scenario.done(MENTEE, commands.ProposeGoal, revision=3).done(MENTOR, commands.AgreeGoal, revision=3)
    now = followed(scenario)
    again = now.again(copied.ended[0])
    assert again is not None
    assert again.version == 7
    assert waiting_for(scenario.goal, "all") == waiting_for(None, "all") == []


STEPS: dict[str, tuple[type[Any], dict[str, Any]]] = {
    "propose": (commands.ProposeGoal, {}),
    "agree": (commands.AgreeGoal, {}),
    "decline": (commands.DeclineGoal, {"reason": "x"}),
    "withdraw": (commands.WithdrawAgreement, {"reason": "x"}),
    "remove": (commands.RemoveParty, {"party": MENTOR, "reason": "x"}),
    "add": (commands.AddParty, {"party": Party(ref=MENTOR, role="mentor"), "reason": "x"}),
    "join": (commands.AddParty, {"party": Party(ref=PEER, role="peer"), "reason": "x"}),
    "hand over": (commands.TransferOwnership, {"owner": MENTOR, "reason": "x"}),
}


@settings(max_examples=60, deadline=None)
@given(
    steps=st.lists(
        st.tuples(st.sampled_from([*STEPS, "refine", "polish", "shift"]), st.sampled_from([MENTEE, MENTOR, PEER])),
        max_size=25,
    )
)
def test_any_history_is_followed(steps: list[tuple[str, str]]) -> None:
    """However people agree, change their minds and come and go: at every step it is what the state says."""
    scenario = shared()
    for place, (step, by) in enumerate(steps):
        revision = scenario.goal.revision
        if step in ("refine", "polish"):
            changes, editorial = TermsChange(title=f"Talk {place}"), step == "polish"
            fields: dict[str, Any] = {"changes": changes, "trigger": "other", "editorial": editorial, "reason": "x"}
            scenario.when(by, commands.RefineGoal, **fields)
        elif step == "shift":
            scenario.when(by, commands.ShiftDeadline, new=day(60 + place), reason="x", reason_code="other")
        else:
            command, fields = STEPS[step]
            named = {"revision": revision} if step in ("propose", "agree") else {}
            scenario.when(by, command, **fields, **named)
    agreements = followed(scenario)
    for one in agreements.ended:
        again = agreements.again(one)
        assert again is None or again.version > one.ended.version
