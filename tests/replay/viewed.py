"""Replay beside a live view: what the view answered at a sequence is what replay says it was."""

from __future__ import annotations

import datetime as dt
from base64 import urlsafe_b64decode
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from milepost.replay.asof import as_of
from milepost.replay.desk import Desk
from milepost.replay.unlocking import keys
from milepost.view.applying import Applying, Position
from milepost.view.asking import Queries
from milepost.view.keys import KeyCache
from milepost.view.keys import Keys as AsksKeys
from milepost.view.sets import Sets
from milepost_contracts.queries import PAGE_MAX, AsOf, AsOfAnswer, Goal, GoalAnswer, Keys, KeysAnswer
from milepost_contracts.queries.answers import GoalDetail
from milepost_contracts.sealing import SealingKey

# Members that both tell alike.
ALIKE = (
    "title", "description", "kind", "focus", "priority", "horizon", "state", "archived", "visibility", "owner",
    "accountable", "mentorship", "programme", "cycle", "time_zone", "progress_from", "external_ref", "revision",
    "agreement_open",
)  # fmt: skip
STANDING = ("progress", "expected", "health", "health_set", "next_check_in_on")


class Live:
    """A view that is told events one by one, and replay on the journal that has them all."""

    def __init__(self, folder: Path, desk: Desk, tenant: str, every_key: AsksKeys | None = None) -> None:
        """Make an empty view in *folder*; its clock stands at `now`. It has its keys of replay, or of *every_key*.

        With keys of its own the events are golden ones: some are older than the progress that they would tell now.
        """
        self._progress_told = every_key is None
        self.desk = desk
        self.tenant = tenant
        self.now = dt.datetime.min.replace(tzinfo=dt.UTC)
        self._sets = Sets(f"sqlite:///{folder / 'live.sqlite'}")
        self._sets.open()
        self._applying = Applying(self._sets)
        self._applying.load()
        self._queries = Queries(self._sets, KeyCache(every_key or self._keys), clock=lambda: self.now)
        self._written = 0

    def tell(self, document: bytes) -> None:
        """Apply one more event."""
        self._written += 1
        self._applying.apply([document], Position(1, self._written))

    async def same(self, goal: str, reader: str, moment: str) -> None:
        """Check that *goal* is in the view, at `now`, as replay says that it was at *moment*."""
        answer = await self._queries.answer(self.tenant, Goal(actor=reader, id=goal, limit=PAGE_MAX))
        assert isinstance(answer, GoalAnswer), answer
        past, _ = as_of(self.desk, self.tenant, AsOf(actor=reader, id=goal, at=moment), reader)
        assert isinstance(past, AsOfAnswer), past
        assert past.at == self.now
        assert past.version == answer.goal.version
        alike(answer.goal, past, progress_told=self._progress_told)

    def close(self) -> None:
        """End every connection."""
        self._applying.close()
        self._sets.close()

    async def _keys(
        self, tenant: str, reader: str, kids: Iterable[str], *, reason: str | None = None
    ) -> dict[str, SealingKey | None]:
        asked = Keys(actor="service:view", on_behalf_of=reader, kids=list(kids), reason=reason)
        answer, _ = keys(self.desk, tenant, asked, reader)
        assert isinstance(answer, KeysAnswer)
        return {
            one.kid: SealingKey(one.kid, urlsafe_b64decode(f"{one.key}=")) if one.key else None for one in answer.keys
        }


def alike(goal: GoalDetail, past: AsOfAnswer, *, progress_told: bool = True) -> None:
    """Check that the view's *goal* is the state, the words and the standing in *past*.

    progress_told: False for events that are older than the progress they tell now, which the view keeps.
    """
    state, standing = past.state, past.standing
    assert standing is not None
    for name in ALIKE:
        assert getattr(goal, name) == state[name], name
    for name in ("deadline", "start_on", "activated_on"):
        assert _text(getattr(goal, name)) == state[name], name
    if progress_told or goal.progress is not None or not state["measures"]:
        for name in STANDING:
            assert getattr(goal, name) == getattr(standing, name), (name, past.version)
        assert goal.health_today.derived == standing.derived
    assert sorted(filter(None, goal.tags)) == sorted(filter(None, state["tags"]))
    assert {one.ref: one.role for one in goal.parties} == state["parties"]
    assert {one.ref: one.role for one in goal.contributors} == state["contributors"]
    assert {one.party: one.revision for one in goal.agreements} == state["agreements"]
    _measures(goal, past)
    _items(goal, state)
    _ending(goal, state)


def _measures(goal: GoalDetail, past: AsOfAnswer) -> None:
    assert past.standing is not None
    shown = {one.measure: (one.current, one.progress, one.met) for one in goal.measures if not one.retired}
    assert shown == {one.measure: (one.current, one.progress, one.met) for one in past.standing.measures}
    named = {one.measure: (one.name, one.target, one.baseline) for one in goal.measures}
    assert named == {
        id_: (one["name"], one["target"], one.get("baseline"))
        for id_, one in (past.state["retired"] | past.state["measures"]).items()
    }


def _items(goal: GoalDetail, state: dict[str, Any]) -> None:
    _same(goal.milestones, "milestone", state["milestones"], ("title", "due_on", "hit_on", "dropped"))
    _same(goal.actions, "action", state["actions"], ("title", "due_on", "assignee", "completed_on", "dropped", "note"))
    talk = ("held_on", "attendees", "confidence", "progress", "wins", "obstacles", "adjustments", "next_step", "voided")
    _same(goal.check_ins, "check_in", state["check_ins"], talk)
    _same(goal.obstacles, "obstacle", state["obstacles"], ("title", "description", "resolved", "resolution"))
    _same(goal.resources, "resource", state["resources"], ("kind", "title", "url"))
    _same(goal.feedback, "feedback", state["feedback"], ("text", "rating", "retracted"))
    _same(goal.comments, "comment", state["comments"], ("text", "reply_to"))
    _same(goal.readings, "event", state["readings"], ("measure", "step", "on", "struck", "note", "source", "evidence"))
    values = {one.event: one.reading for one in goal.readings}
    assert values == {id_: one["value"] for id_, one in state["readings"].items()}
    assert {one.reflection: one.text for one in goal.reflections} == {
        id_: one["text"] for id_, one in state["reflections"].items() if one["text"] is not None
    }


def _same(shown: Iterable[Any], key: str, items: dict[str, Any], names: tuple[str, ...]) -> None:
    told = {getattr(one, key): {name: _text(getattr(one, name)) or None for name in names} for one in shown}
    assert told == {id_: {name: one.get(name) or None for name in names} for id_, one in items.items()}, key


def _ending(goal: GoalDetail, state: dict[str, Any]) -> None:
    pauses = [[_text(one.paused_on), _text(one.resumed_on)] for one in goal.pauses]
    # While a goal was closed its clock stood still too: the state keeps that among its pauses.
    assert pauses == [one for one in map(list, state["pauses"]) if one in pauses]
    assert (goal.closure is None) == (state["closure"] is None)
    if goal.closure is not None:
        for name in ("result", "closed_on", "score", "justification", "retrospective"):
            assert _text(getattr(goal.closure, name)) == state["closure"].get(name), name
    assert (goal.evaluation is None) == (state["evaluation"] is None)
    if goal.evaluation is not None:
        for name in ("revision", "passed"):
            assert getattr(goal.evaluation, name) == state["evaluation"][name]
        noted = [(one.criterion, one.met, one.note) for one in goal.evaluation.criteria]
        assert noted == [(one["criterion"], one["met"], one.get("note")) for one in state["evaluation"]["criteria"]]


def _text(value: Any) -> Any:
    return value.isoformat() if isinstance(value, dt.date) else value
