"""People ask what they will be nudged about; people who were erased are forgotten, for good."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from milepost_contracts.events import goal as events
from milepost_contracts.events import programme
from milepost_contracts.testing.host import HookFailed
from milepost_contracts.testing.story import uid
from milepost_contracts.types import Agreement, Origin, Party, Placing, Terms
from tests.plugins.nudges.cases import ADMIN, MENTEE, MENTOR, PROGRAMME, Nudged, at, day, weekly

# Questions


def asked(nudged: Nudged, name: str, by: str = MENTEE, **arguments: Any) -> list[tuple[str, str, str]]:
    """Return (stage, due, at) of the rows of an answer."""
    rows = nudged.host.ask(name, by=by, **arguments)[name]
    return [(row["stage"], row["due"], row["at"]) for row in rows]


def under_way(nudged: Nudged) -> None:
    nudged.goal(deadline=day(30)).placed().scheduled(weekly(day(2))).activated()


def test_what_is_pending_is_told_to_whom_it_concerns() -> None:
    """The earliest first, with the instant at which it will come, quiet hours reckoned with."""
    nudged = Nudged(quiet={})
    under_way(nudged)
    assert asked(nudged, "pending") == [
        ("check_in_due", "2026-03-04", "2026-03-04T08:00:00Z"),
        ("check_in_overdue", "2026-03-04", "2026-03-08T08:00:00Z"),
        ("check_in_due", "2026-03-11", "2026-03-11T08:00:00Z"),
        ("deadline_14", "2026-04-01", "2026-03-18T08:00:00Z"),
        ("silent", "2026-03-23", "2026-03-23T08:00:00Z"),
        ("deadline_3", "2026-04-01", "2026-03-29T08:00:00Z"),
    ]
    assert asked(nudged, "pending", MENTOR) == [("check_in_mentor", "2026-03-04", "2026-03-12T08:00:00Z")]
    assert asked(nudged, "pending", ADMIN) == [("check_in_programme", "2026-03-04", "2026-03-22T08:00:00Z")]
    assert asked(nudged, "pending", nudged.story.person("stranger")) == []


def test_what_was_sent_is_told_the_latest_first() -> None:
    """With the instant at which it was; a goal that rests has a past and nothing pending."""
    nudged = Nudged()
    under_way(nudged)
    resting = nudged.goal(name="resting").activated()
    resting.add(events.Paused(paused_on=day(0), reason="Illness"))
    nudged.at(at(6))
    assert asked(nudged, "sent") == [
        ("check_in_overdue", "2026-03-04", "2026-03-08T00:00:00Z"),
        ("check_in_due", "2026-03-04", "2026-03-04T00:00:00Z"),
    ]
    assert ("check_in_due", "2026-03-04") not in [row[:2] for row in asked(nudged, "pending")]


@pytest.mark.parametrize("role", ["admin", "auditor"])
def test_administrators_see_everybodys(role: str) -> None:
    """All of it, or one person's; a page at a time."""
    nudged = Nudged()
    under_way(nudged)
    everything = asked(nudged, "pending", "service:web", roles=[role])
    assert len(everything) == 8
    assert len(asked(nudged, "pending", "service:web", roles=[role], person=MENTOR)) == 1
    page = nudged.host.ask("pending", by="service:web", roles=[role], limit=3)
    assert (len(page["pending"]), page["more"]) == (3, True)
    assert [(row["stage"], row["due"], row["at"]) for row in page["pending"]] == everything[:3]


def test_nobody_else_asks_about_others() -> None:
    """`not_allowed`; about oneself by name is fine; what is no argument is named."""
    nudged = Nudged()
    under_way(nudged)
    assert len(asked(nudged, "pending", MENTOR, person=MENTOR)) == 1
    for arguments, code in (
        ({"person": MENTEE}, "not_allowed"),
        ({"persn": MENTEE}, "invalid_arguments"),
        ({"person": "me"}, "invalid_arguments"),
        ({"person": ""}, "invalid_arguments"),
        ({"limit": "many"}, "invalid_arguments"),
    ):
        with pytest.raises(HookFailed) as failed:
            nudged.host.ask("pending", by=MENTOR, **arguments)
        assert failed.value.failure is not None
        assert failed.value.failure.code == code


def test_what_a_command_line_types_is_taken() -> None:
    """`limit=1` is a number there; who is no `user:UUID` is told so."""
    nudged = Nudged()
    under_way(nudged)
    assert len(nudged.host.ask("pending", by="service:web", roles=["admin"], limit="1")["pending"]) == 1
    with pytest.raises(HookFailed, match="pending: person='maya' is no user:UUID"):
        nudged.host.ask("pending", by="service:web", roles=["admin"], person="maya")


def test_other_questions_are_unknown() -> None:
    """None, as the kit wants it."""
    assert Nudged().host.ask("weather", by=MENTEE) is None


def test_what_is_pending_is_known_right_after_a_replay() -> None:
    """It is worked out when asked, not read from timers."""
    nudged = Nudged(mode="replay")
    under_way(nudged)
    assert [row[0] for row in asked(nudged, "pending")][:2] == ["check_in_due", "check_in_overdue"]


# Erasure


def holds(nudged: Nudged, person: str) -> list[str]:
    """Return the keys under which something of *person* is kept, timers too."""
    state = [
        key
        for key, value in nudged.host.state.items()
        if person in key or person in msgspec.json.encode(value).decode()
    ]
    return state + [key for key in nudged.timers if person in key]


@pytest.mark.parametrize("person", [MENTEE, MENTOR, ADMIN])
def test_an_erased_person_is_forgotten(person: str) -> None:
    """As owner, party, who runs the programme, in what was nudged and is pending; the others go on."""
    nudged = Nudged()
    under_way(nudged)
    nudged.at(at(21))
    assert holds(nudged, person)
    before = {who: len(nudged.stages(who)) for who in (MENTEE, MENTOR, ADMIN)}
    nudged.host.deliver(nudged.story.erase(person))
    assert holds(nudged, person) == []
    nudged.at(at(50))
    after = {who: len(nudged.stages(who)) for who in (MENTEE, MENTOR, ADMIN)}
    assert after[person] == before[person]
    assert (after[MENTEE] > before[MENTEE]) is (person != MENTEE)


def test_later_events_that_name_an_erased_person_bring_nothing_back() -> None:
    """Contexts, imports, enrolments and agreements go on naming the id; it is kept no more."""
    nudged = Nudged()
    goal = nudged.goal(deadline=day(30)).placed().scheduled(weekly(day(2))).activated()
    nudged.host.deliver(nudged.story.erase(MENTOR))
    nudged._read = len(nudged.story.documents)
    goal.add(events.CommentPosted(comment=uid("comment"), text="Thank you"))
    goal.add(events.Placed(before=Placing(), after=Placing(parties=[Party(ref=MENTOR, role="mentor")]), revision=2))
    terms = Terms(title="x", owner=MENTEE, parties=[Party(ref=MENTOR, role="mentor")])
    imported = events.Imported(
        origin=Origin(system="old"), as_of=day(0), state="active", terms=terms, revision=1,
        agreements=[Agreement(party=MENTEE), Agreement(party=MENTOR)],
    )  # fmt: skip
    nudged.goal(name="other").add(imported)
    nudged.tell(programme.Created(title="New", admins=[MENTOR, ADMIN]), by=ADMIN, id_=uid("new programme"))
    nudged.tell(programme.ParticipantEnrolled(participant=MENTOR, role="admin"), by=ADMIN, id_=PROGRAMME)
    nudged.at(at(30))
    assert holds(nudged, MENTOR) == []
    assert nudged.stages(MENTOR) == []
    assert nudged.nudges


def test_a_person_of_many_goals_is_forgotten_a_few_goals_at_a_time() -> None:
    """No turn comes to more than a host takes; in a replay, which fires no timers, the next events go on with it."""
    nudged = Nudged()
    for number in range(130):
        nudged.goal(name=f"goal {number}").scheduled(weekly(day(2))).activated()
    nudged.at(at(3))
    nudged.host.deliver(nudged.story.erase(MENTEE))
    nudged._read = len(nudged.story.documents)
    assert holds(nudged, MENTEE)
    nudged.host.mode = "replay"
    for number in range(3):
        nudged.tell(programme.CapSet(new=number), by=ADMIN, id_=PROGRAMME)
        nudged.tell(programme.CadenceSet(after=weekly(day(number))), by=ADMIN, id_=PROGRAMME)
    nudged.host.mode = "live"
    nudged.at(at(4))
    assert holds(nudged, MENTEE) == []
    assert "chores" not in nudged.host.state


def test_a_goal_that_was_erased_whole_is_no_concern() -> None:
    """Erasing somebody of whom nothing is kept keeps but the mark."""
    nudged = Nudged()
    before = set(nudged.host.state)
    nudged.host.deliver(nudged.story.erase(nudged.story.person("stranger")))
    (mark,) = set(nudged.host.state) - before
    assert mark.startswith("gone/")
    assert uid("stranger") not in mark


def test_no_words_are_kept() -> None:
    """Whatever people write is in no state, fact, effect or timer."""
    nudged = Nudged(secrets={"default": ["json://localhost"]})
    words = "Speak freely in front of the whole board"
    goal = nudged.goal(title=words, description=words, deadline=day(30)).placed().measured()
    goal.add(events.Paused(paused_on=day(0), reason=words))
    goal.add(events.Resumed(resumed_on=day(0), revision=2))
    goal.scheduled(weekly(day(2))).check_in(day(0), obstacles=[words], next_step=words)
    nudged.at(at(40))
    stored = nudged.host.stored
    everything = [*stored.state.values(), *(one.document for one in stored.facts.values())]
    everything += [msgspec.json.encode(one.arguments) for one in stored.outbox.values()]
    assert everything
    assert not any(b"Speak" in one or b"enc:v1" in one for one in everything)
