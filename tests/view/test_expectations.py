"""Who has yet to agree to what the parties of a mentorship expect of each other."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path

from hypothesis import example, given, settings
from hypothesis import strategies as st

from milepost_contracts.commands.mentorship import AgreeExpectations, RemoveParty, ReplaceParty
from milepost_contracts.events import goal, mentorship
from milepost_contracts.queries import Inbox, InboxAnswer, Mentorships, MentorshipsAnswer
from milepost_contracts.types import Party
from tests.decide.mentorship.cases import THIRD, circle
from tests.support.documents import History
from tests.support.goals import mentored
from tests.support.scenario import ADMIN, MENTEE, MENTOR, PEER, Scenario, day
from tests.view.conftest import View

PEOPLE = (MENTEE, MENTOR, THIRD, PEER)


async def asked(view: View, who: str, *, by: str | None = None) -> list[tuple[str, object]]:
    """Return (kind, since) of all that waits for *who*, as *by* is told."""
    answer = await view.ask(Inbox(actor=by or who, person=who), InboxAnswer)
    return [(todo.kind, todo.since) for todo in answer.todos]


def both() -> History:
    """Return a history in which MENTOR wrote expectations on the first day and MENTEE agreed on the second."""
    history = History()
    history.scenario(mentored())
    for who in (MENTOR, MENTEE):
        history.add(who, mentorship.ExpectationsAgreed(party=who, expectations="Be on time"))
        history.pass_days(1)
    return history


async def test_expectations_that_are_rewritten(view: View) -> None:
    """When one party rewrites the expectations, the other is asked again, since that day, until it says the same."""
    history = both()
    view.write(history)
    assert await asked(view, MENTEE) == await asked(view, MENTOR) == []
    history.add(MENTOR, mentorship.ExpectationsAgreed(party=MENTOR, expectations="Be on time, and prepared"))
    view.write(history)
    assert await asked(view, MENTEE) == [("agree_expectations", day(2))]
    assert await asked(view, MENTEE, by=ADMIN) == [("agree_expectations", day(2))]
    assert await asked(view, MENTOR) == []
    history.pass_days(1)
    history.add(MENTEE, mentorship.ExpectationsAgreed(party=MENTEE, expectations="Be prepared"))
    view.write(history)
    assert (await asked(view, MENTEE), await asked(view, MENTOR)) == ([], [("agree_expectations", day(3))])
    history.add(MENTOR, mentorship.ExpectationsAgreed(party=MENTOR, expectations="Be prepared"))
    view.write(history)
    assert await asked(view, MENTEE) == await asked(view, MENTOR) == []


async def test_words_that_come_back(sqlite: View) -> None:
    """A yes that other words voided is asked again, also when the words are then the ones that it was said to."""
    history = both()
    for words in ("Be prepared", "Be on time"):
        history.add(MENTOR, mentorship.ExpectationsAgreed(party=MENTOR, expectations=words))
    sqlite.write(history)
    assert await asked(sqlite, MENTEE) == [("agree_expectations", day(2))]


async def test_erased_words_are_agreed_to_by_nobody_else(sqlite: View) -> None:
    """What can be read no more cannot be what somebody else said yes to; who said it is not asked."""
    history = both()
    sqlite.write(history)
    history.vault.erased.add(MENTEE)
    assert await asked(sqlite, MENTOR) == [("agree_expectations", day(1))]
    assert await asked(sqlite, MENTEE) == []


async def test_without_keys_nobody_is_asked_again(sqlite: View) -> None:
    """While the keys cannot be asked for, who has said something is not asked, and who has not still is."""
    history = History()
    history.scenario(mentored())
    history.add(MENTOR, mentorship.ExpectationsAgreed(party=MENTOR, expectations="Be on time"))
    history.vault.reachable = False
    sqlite.write(history)
    assert await asked(sqlite, MENTEE) == [("agree_expectations", day(0))]
    history.add(MENTEE, mentorship.ExpectationsAgreed(party=MENTEE, expectations="Be prepared"))
    sqlite.write(history)
    assert await asked(sqlite, MENTEE) == await asked(sqlite, MENTOR) == []
    history.vault.reachable = True
    assert await asked(sqlite, MENTOR) == [("agree_expectations", day(0))]


async def test_pages_go_on_behind_what_is_left_out(sqlite: View) -> None:
    """A page may turn out shorter than asked for; the cursor goes on behind it all the same."""
    history = both()
    history.pass_days(1)
    history.add(MENTOR, goal.Created(title="Listen more", owner=MENTOR))
    sqlite.write(history)
    first = await sqlite.ask(Inbox(actor=MENTOR, limit=1), InboxAnswer)
    assert first.todos == []
    second = await sqlite.ask(Inbox(actor=MENTOR, limit=1, cursor=first.next), InboxAnswer)
    assert ([todo.kind for todo in second.todos], second.next) == (["propose"], None)


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("say"), st.sampled_from(PEOPLE), st.sampled_from(["on time", "prepared"])),
        st.tuples(st.sampled_from(["leave", "mentee", "mentor"]), st.sampled_from(PEOPLE), st.sampled_from(PEOPLE)),
    ),
    max_size=14,
)


@settings(max_examples=60, deadline=None)
@given(steps=STEPS)
@example(steps=[("say", MENTEE, "on time"), ("say", MENTOR, "prepared"), ("leave", MENTOR, "")])
@example(steps=[("say", MENTEE, "on time"), ("say", THIRD, "on time"), ("mentor", MENTEE, PEER)])
@example(steps=[("say", THIRD, "on time"), ("say", MENTEE, "prepared"), ("say", THIRD, "prepared")])
def test_they_are_asked_who_have_not_said_yes(steps: list[tuple[str, str, str]]) -> None:
    """Whoever speaks, leaves, comes back or gets another role: whom deciding has no yes of is asked, nobody else."""
    scenario = circle()
    for what, who, other in steps:
        if what == "say":
            scenario.when(who, AgreeExpectations, expectations=other)
        elif what == "leave":
            scenario.when(ADMIN, RemoveParty, party=who, reason="Moved")
        else:
            scenario.when(ADMIN, ReplaceParty, old=who, new=Party(ref=other, role=what), reason="Moved")
    asyncio.run(_same(scenario))


async def _same(scenario: Scenario) -> None:
    history = History()
    history.scenario(scenario)
    state = scenario.state("mentorship")
    with tempfile.TemporaryDirectory() as folder:
        view = View(f"sqlite:///{Path(folder) / 'view.sqlite'}")
        view.write(history)
        told = {who for who in PEOPLE if await asked(view, who)}
        shown = await view.ask(Mentorships(actor=ADMIN, id=state.id), MentorshipsAnswer)
        view.close()
    assert told == set(state.parties) - state.expectations_agreed
    expected = shown.mentorships[0].expectations
    assert expected.keys() >= state.expectations_agreed
    assert expected.keys() <= set(state.parties)
    assert {expected[who] for who in state.expectations_agreed} <= {state.expectations}
