"""Words stay sealed in the tables and are opened for who may read them; what cannot be opened is null and named."""

from __future__ import annotations

import msgspec
import pytest

from milepost.view.applying import Position
from milepost.view.keys import KeyCache
from milepost.view.rows import Words
from milepost_contracts.events import goal as events
from milepost_contracts.queries import Goal, GoalAnswer, GoalsAnswer, GoalsOf, Unread
from tests.support.documents import History, Vault
from tests.support.scenario import GOAL, MENTEE, MENTOR, day, uid
from tests.view.conftest import View, contents
from tests.view.test_goal import starter

SECRETS = (b"Present", b"afraid", b"Stage", b"stage", b"Great", b"http")


def spoken() -> History:
    """Return a history in which two people said something."""
    history = starter()
    history.add(MENTEE, events.VisibilityChanged(old="private", new="tenant"))
    history.add(MENTEE, events.ReflectionRecorded(reflection=uid("r"), author=MENTEE, text="I was afraid"))
    history.add(MENTEE, events.ObstacleRaised(obstacle=uid("o"), title="Stage fright"))
    history.add(MENTOR, events.FeedbackGiven(feedback=uid("f"), text="Great talk", rating=5))
    attached = events.ResourceAttachedV2(resource=uid("x"), kind="book", title="Stage", url="https://x.example/")
    history.add(MENTEE, attached)
    return history


def test_tables_hold_no_words(view: View) -> None:
    """Nothing that anybody said can be read in any table."""
    view.write(spoken())
    for table, found in contents(view.sets).items():
        for row in found:
            assert not any(secret in msgspec.msgpack.encode(row) for secret in SECRETS), table


async def test_erased_words_are_null_and_named(view: View) -> None:
    """What an erased person said is null, with the reason; what others said is still read."""
    history = spoken()
    view.write(history)
    history.vault.erased.add(MENTOR)
    answer = await view.ask(Goal(actor=MENTEE, id=GOAL), GoalAnswer)
    assert (answer.goal.title, answer.goal.feedback[0].text, answer.goal.feedback[0].rating) == (
        "Present well",
        None,
        5,
    )
    assert answer.unread == [Unread(at="/goal/feedback/0/text", why="erased")]
    history.vault.erased.add(MENTEE)
    answer = await view.ask(Goal(actor=MENTEE, id=GOAL), GoalAnswer)
    assert {one.why for one in answer.unread} == {"erased"}
    assert "/goal/title" in {one.at for one in answer.unread}


async def test_without_keys_the_rest_is_answered(view: View) -> None:
    """When the keys cannot be asked for, dates, states and numbers come all the same."""
    history = spoken()
    view.write(history)
    history.vault.reachable = False
    answer = await view.ask(GoalsOf(actor=MENTEE), GoalsAnswer)
    assert (answer.goals[0].title, answer.goals[0].deadline) == (None, day(90))
    assert answer.unread == [Unread(at="/goals/0/title", why="unavailable")]


async def test_words_that_were_moved_are_broken(sqlite: View) -> None:
    """Sealed words put in another place of the tables are not opened there."""
    sqlite.write(spoken())
    folding = sqlite.applying._folding
    goal = folding._goals._found[("acme", GOAL)]
    assert goal.card.title is not None
    goal.detail.description = Words(goal.card.title.sealed, goal.card.title.event, "/description")
    goal.card.title = Words("enc:v1:broken", goal.card.title.event, "/title")
    connection = sqlite.sets.connect(1)
    folding._goals.change(("acme", GOAL))
    with connection.writing():
        folding.write(connection)
    connection.close()
    answer = await sqlite.ask(Goal(actor=MENTEE, id=GOAL), GoalAnswer)
    assert answer.unread[:2] == [Unread(at="/goal/title", why="broken"), Unread(at="/goal/description", why="broken")]


async def test_not_entitled(sqlite: View) -> None:
    """Words whose key the asker is not given are told apart from erased ones."""
    history = starter()
    sqlite.write(history)
    history.vault = Vault()
    answer = await sqlite.ask(Goal(actor=MENTEE, id=GOAL), GoalAnswer)
    assert answer.unread[0] == Unread(at="/goal/title", why="not_entitled")


async def test_older_forms_are_opened_where_they_were_sealed(view: View) -> None:
    """A resource that was stored in the first form of its event is shown in the newest, its words opened."""
    history = starter()
    history.add(MENTEE, events.ResourceAttached(resource=uid("x"), type="course", title="Speaking"))
    answer = await view.write(history).ask(Goal(actor=MENTEE, id=GOAL), GoalAnswer)
    assert [(one.kind, one.title) for one in answer.goal.resources] == [("course", "Speaking")]


async def test_keys_are_kept_for_a_moment() -> None:
    """Keys are asked for once a reader and minute, and again when they are forgotten."""
    vault = Vault()
    key = vault.key("acme", ("goal", GOAL), "parties", MENTEE, MENTEE)
    now = 0.0
    cache = KeyCache(vault, clock=lambda: now, kept_s=60)
    for _ in range(2):
        assert await cache.get("acme", MENTEE, {key.kid}) == {key.kid: key}
    await cache.get("acme", MENTOR, {key.kid})
    assert [reader for _, reader, _ in vault.asked] == [MENTEE, MENTOR]
    cache.forget("globex")
    await cache.get("acme", MENTEE, {key.kid})
    assert len(vault.asked) == 2
    cache.forget("acme")
    await cache.get("acme", MENTEE, {key.kid})
    assert len(vault.asked) == 3
    now = 61.0
    await cache.get("acme", MENTEE, {key.kid})
    assert len(vault.asked) == 4


async def test_reasons_go_with_the_question(view: View) -> None:
    """Who says why a view is looked at says so to who gives the keys; for another reason they are asked for again."""
    await view.write(starter()).ask(Goal(actor=MENTEE, id=GOAL, reason="A claim"), GoalAnswer)
    assert view.history.vault.reasons == ["A claim"]
    cache = KeyCache(view.history.vault)
    for reason in ("A claim", "A claim", "Another", None):
        await cache.get("acme", MENTEE, set(view.history.vault.asked[0][2]), reason)
    assert view.history.vault.reasons[1:] == ["A claim", "Another", None]


async def test_few_keys_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """When too many keys are kept, those of who asked longest ago go."""
    monkeypatch.setattr("milepost.view.keys.KEPT_MAX", 2)
    vault = Vault()
    kids = [vault.key("acme", ("goal", uid(f"goal {number}")), "parties", MENTEE, MENTEE).kid for number in range(4)]
    cache = KeyCache(vault)
    await cache.get("acme", MENTEE, set(kids[:2]))
    await cache.get("acme", MENTOR, set(kids[2:]))
    await cache.get("acme", MENTOR, set(kids[2:]))
    assert len(vault.asked) == 2
    await cache.get("acme", MENTEE, set(kids[:2]))
    assert len(vault.asked) == 3


async def test_an_erasure_on_the_stream_forgets_keys(sqlite: View) -> None:
    """The writer tells in which tenant a person was erased, so that no kept key opens that person's words."""
    history = starter()
    history.add_raw("service:accept", "person", "person.erased.v1", {"reason": "Asked for"}, MENTEE.partition(":")[2])
    applied = sqlite.applying.apply(history.documents, Position(1, 1))
    assert applied.erased == {"acme"}
    told = {
        "erased": uid("e"),
        "key_ids": [],
        "derived": 0,
        "survivors": 1,
        "generation_before": 1,
        "generation_after": 2,
    }
    history.add_raw("service:accept", "person", "person.keys_destroyed.v1", told, MENTEE.partition(":")[2])
    again = sqlite.applying.apply(history.documents[-1:], Position(1, 2))
    assert again.erased == {"acme"}  # keys may have been asked for between the two
