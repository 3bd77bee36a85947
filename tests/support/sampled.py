"""What the events of the sample programme are held to, be they read from a journal or from the bus."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import msgspec

from milepost.sample import named, person


class Ending(NamedTuple):
    """A scenario of DOMAIN.md: what it starts from, the two people who tell it, owner first, and how it ends."""

    starter: str
    people: tuple[str, str]
    result: str
    score: str


ENDINGS = {
    "presentations": Ending("get better at presentations", ("maya", "ben"), "achieved", "1"),
    "leader": Ending("become a better leader", ("maya", "ben"), "achieved", "0.9"),
    "management": Ending("improve management skills", ("lena", "omar"), "partially_achieved", "0.7"),
    "essays": Ending("improve essay writing", ("lena", "omar"), "achieved", "1"),
    "lead-team": Ending("lead a cross-functional team by year-end", ("maya", "ben"), "missed", "0.5"),
    "grades": Ending("two letter grades up within a year", ("lena", "omar"), "achieved", "0.8"),
    "confidence": Ending("a mentee more confident within six months", ("ben", "maya"), "achieved", "0.9"),
    "churn": Ending("Churn down by X % year on year", ("priya", "ines"), "achieved", "1"),
}


def check_scenarios(documents: Iterable[bytes]) -> None:
    """Each scenario begins with `created` and ends `closed` as it should, told by both of its people."""
    events: dict[str, list[dict[str, Any]]] = {}
    for document in documents:
        event = msgspec.json.decode(document)
        events.setdefault(event["subject"], []).append(event)
    for name, ending in ENDINGS.items():
        told = events[f"goal/{named('goal', name)}"]
        assert told[0]["type"] == "goal.created.v1", name
        assert {person(who) for who in ending.people} <= {event["actor"] for event in told}, name
        closed = [event["data"] for event in told if event["type"] == "goal.closed.v1"]
        assert [(one["result"], one["score"]) for one in closed] == [(ending.result, ending.score)], name
        assert told[-1]["type"] == "goal.closed.v1", name
        assert told[-1]["occurredat"][:10] == closed[0]["closed_on"], name


def check_among_them(documents: Iterable[bytes]) -> None:
    """Among the events are the five named ones, a no, a voided yes, a corrected reading, a hit taken back."""
    events = [msgspec.json.decode(document) for document in documents]
    tags = {event["type"].removesuffix(".v1") for event in events}
    assert {"goal.created", "goal.refined", "goal.milestone_hit"} <= tags
    assert {"goal.check_in_held", "goal.deadline_shifted"} <= tags
    assert {"goal.declined", "goal.progress_corrected", "goal.milestone_hit_retracted"} <= tags
    voided = {event["type"] for event in events if event["data"].get("voided")}
    assert {"goal.deadline_shifted.v1", "goal.target_revised.v1"} <= voided
    corrected = [event["data"] for event in events if event["type"] == "goal.progress_corrected.v1"]
    assert {one.get("strike", False) for one in corrected} == {True, False}
    results = {event["data"]["result"] for event in events if event["type"] == "goal.closed.v1"}
    assert results == {"achieved", "partially_achieved", "missed", "abandoned"}
