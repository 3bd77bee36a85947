"""What a person calls a thing becomes its id: a name of the sample, a part of the id, or words of its title."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

from milepost.cli.errors import misused
from milepost.cli.session import Session
from milepost_contracts.queries import (
    PAGE_MAX,
    Goal,
    GoalAnswer,
    GoalsAnswer,
    GoalsOf,
    Mentorships,
    MentorshipsAnswer,
    Programme,
    ProgrammeAnswer,
)
from milepost_contracts.queries.answers import GoalDetail
from milepost_contracts.queries.lists import MentorshipShown
from milepost_contracts.types import ID_PATTERN, Party

# Shorter parts of ids match too much: among 500 goals one of four hex digits is unique in 99 of 100 cases.
_PART = re.compile(r"[0-9a-f-]{4,36}")
NEWEST = "last"


class Known(NamedTuple):
    """Something that can be meant: its id, and the words it is called by; `open` ones come first."""

    id: str
    words: str
    open: bool = True


def chosen(ref: str, known: Iterable[Known], what: str, *, hint: str = "") -> str:
    """Return the id of the one among *known* that *ref* means; raises VerbError where it is none or several."""
    candidates = list(known)
    if ref == NEWEST and candidates:
        return candidates[0].id
    found: list[Known] = []
    if _PART.fullmatch(ref):
        part = ref.replace("-", "")
        plain = [(one, one.id.replace("-", "")) for one in candidates]
        found = [one for one, id_ in plain if id_.startswith(part) or id_.endswith(part)]
    if not found:
        words = ref.casefold()
        found = [one for one in candidates if one.words.casefold() == words]
        found = found or [one for one in candidates if words in one.words.casefold()]
    if len(found) > 1:
        found = [one for one in found if one.open] or found
    if len(found) == 1:
        return found[0].id
    if found:
        listed = "\n".join(f"  {one.id}  {one.words}" for one in found[:10])
        raise misused(
            "ambiguous", f"{ref!r} may mean {len(found)} {what}s: say more, or give the id.", what, hint=listed
        )
    raise misused("unknown", f"No {what} that you can see is {ref!r} by name or id.", what, hint=hint)


class Finder:
    """Looks things up through the view, each at most once."""

    def __init__(self, session: Session) -> None:
        """Take who asks."""
        self._session = session
        self._goals: dict[str, GoalDetail] = {}
        self._programmes: dict[str, ProgrammeAnswer] = {}

    async def goal(self, ref: str) -> str:
        """Return the id of the goal called *ref*."""
        ref = self._session.names.goals.get(ref, ref)
        if re.match(ID_PATTERN, ref):
            return ref
        cards, cursor = [], None
        while True:
            page = await self._session.ask(GoalsOf, GoalsAnswer, limit=PAGE_MAX, cursor=cursor)
            cards += page.goals
            if (cursor := page.next) is None:
                break
        known = [Known(card.id, card.title or "", card.state != "closed") for card in cards]
        return chosen(ref, known, "goal", hint="milepost goal list shows yours; others' goals are called by their id.")

    async def goal_detail(self, goal_id: str) -> GoalDetail:
        """Return everything about a goal."""
        if goal_id not in self._goals:
            self._goals[goal_id] = (await self._session.ask(Goal, GoalAnswer, id=goal_id)).goal
        return self._goals[goal_id]

    async def of_goal(self, goal_id: str, what: str, ref: str) -> str:
        """Return the id of a goal's measure, milestone, action, check_in ... called *ref*; `last` is the newest."""
        if re.match(ID_PATTERN, ref):
            return ref
        detail = await self.goal_detail(goal_id)
        known = _PARTS[what](detail)
        listed = "\n".join(f"  {one.id}  {one.words}" for one in known)
        return chosen(ref, known, what.replace("_", "-"), hint=f"It has these:\n{listed}" if listed else "It has none.")

    async def mentorship(self, ref: str) -> str:
        """Return the id of the mentorship called *ref*."""
        ref = self._session.names.mentorships.get(ref, ref)
        if re.match(ID_PATTERN, ref):
            return ref
        page = await self._session.ask(Mentorships, MentorshipsAnswer, limit=PAGE_MAX)
        ended = {"rejected", "completed", "cancelled"}
        known = [
            # Who is in it is what most people call it by.
            Known(one.id, " ".join([one.purpose or "", *map(self._called, one.parties)]), one.state not in ended)
            for one in page.mentorships
        ]
        return chosen(ref, known, "mentorship", hint="milepost mentorship list shows yours.")

    def _called(self, party: Party) -> str:
        return self._session.names.name_of(party.ref) or party.ref

    async def mentorship_shown(self, mentorship_id: str) -> MentorshipShown:
        """Return a mentorship; raises VerbError where there is none that the asker may see."""
        page = await self._session.ask(Mentorships, MentorshipsAnswer, id=mentorship_id)
        if not page.mentorships:
            raise misused("mentorship_unknown", "There is no such mentorship that you may see.", "mentorship")
        return page.mentorships[0]

    async def programme(self, ref: str) -> str:
        """Return the id of the programme called *ref*: a name of the sample, or its id."""
        ref = self._session.names.programmes.get(ref, ref)
        if not re.match(ID_PATTERN, ref):
            raise misused("unknown", f"{ref!r} is no programme: give its id.", "programme")
        return ref

    async def programme_answer(self, programme_id: str) -> ProgrammeAnswer:
        """Return a programme with its cycles and templates."""
        if programme_id not in self._programmes:
            self._programmes[programme_id] = await self._session.ask(Programme, ProgrammeAnswer, id=programme_id)
        return self._programmes[programme_id]

    async def of_programme(self, programme_id: str, what: str, ref: str) -> str:
        """Return the id of a programme's cycle or template called *ref*."""
        if re.match(ID_PATTERN, ref):
            return ref
        answer = await self.programme_answer(programme_id)
        if what == "cycle":
            known = [Known(one.cycle, one.title or "", one.state != "closed") for one in answer.cycles]
        else:
            known = [Known(one.template, one.title or "", not one.retired) for one in answer.templates]
        return chosen(ref, known, what)

    async def revision(self, goal_id: str) -> int:
        """Return the newest revision of a goal's terms."""
        return (await self.goal_detail(goal_id)).revision


_PARTS = {
    "measure": lambda goal: [Known(one.measure, one.name or "", not one.retired) for one in goal.measures],
    "milestone": lambda goal: [Known(one.milestone, one.title or "", not one.dropped) for one in goal.milestones],
    "action": lambda goal: [
        Known(one.action, one.title or "", not (one.dropped or one.completed_on)) for one in goal.actions
    ],
    "check_in": lambda goal: [Known(one.check_in, str(one.held_on), not one.voided) for one in goal.check_ins],
    "obstacle": lambda goal: [Known(one.obstacle, one.title or "", not one.resolved) for one in goal.obstacles],
    "resource": lambda goal: [Known(one.resource, one.title or "") for one in goal.resources],
    "feedback": lambda goal: [Known(one.feedback, one.text or "", not one.retracted) for one in goal.feedback],
    "comment": lambda goal: [Known(one.comment, one.text or "") for one in goal.comments],
    "reading": lambda goal: [Known(one.event, f"{one.on} {one.reading}", not one.struck) for one in goal.readings],
}
