"""A goal's page: everything that was said about it, opened for who may read it."""

from __future__ import annotations

from milepost_contracts.events import goal as events
from milepost_contracts.queries import Goal, GoalAnswer, GoalsAnswer, GoalsOf
from tests.support.documents import History
from tests.support.scenario import GOAL, MENTEE, MENTOR, STRANGER, day, uid
from tests.view.conftest import View


def starter() -> History:
    """Return a history with one starter goal."""
    history = History()
    history.add(
        MENTEE,
        events.Created(title="Present well", owner=MENTEE, tags=["stage", "voice"], deadline=day(90), revision=1),
    )
    return history


async def test_words_are_opened(view: View) -> None:
    """A goal's owner reads its title, and labels that were taken off are gone."""
    history = starter()
    history.add(MENTEE, events.Tagged(added=["team"], removed=["stage"]))
    answer = await view.write(history).ask(Goal(actor=MENTEE, id=GOAL), GoalAnswer)
    assert (answer.goal.title, answer.goal.tags, answer.unread) == ("Present well", ["voice", "team"], [])
    assert (answer.goal.version, answer.sequence) == (2, "0000000000000002")


async def test_invisible_looks_unknown(view: View) -> None:
    """Who may not see a goal is told the same as about one that does not exist."""
    view.write(starter())
    assert await view.asked(Goal(actor=STRANGER, id=GOAL)) == await view.asked(Goal(actor=STRANGER, id=uid("none")))


async def test_reflections_are_their_authors_alone(view: View) -> None:
    """A reflection is shown to who wrote it and to nobody else."""
    history = starter()
    history.add(MENTEE, events.VisibilityChanged(old="private", new="tenant"))
    history.add(MENTEE, events.ReflectionRecorded(reflection=uid("r"), author=MENTEE, text="I was afraid"))
    view.write(history)
    mine = await view.ask(Goal(actor=MENTEE, id=GOAL), GoalAnswer)
    assert [one.text for one in mine.goal.reflections] == ["I was afraid"]
    assert (await view.ask(Goal(actor=MENTOR, id=GOAL), GoalAnswer)).goal.reflections == []


async def test_a_portfolio(view: View) -> None:
    """A person's goals are listed for that person; a stranger who asks for them sees none."""
    view.write(starter())
    answer = await view.ask(GoalsOf(actor=MENTEE), GoalsAnswer)
    assert [(card.id, card.title) for card in answer.goals] == [(GOAL, "Present well")]
    assert (await view.ask(GoalsOf(actor=STRANGER, of=MENTEE), GoalsAnswer)).goals == []
