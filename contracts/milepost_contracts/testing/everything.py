"""A history of two tenants in which everything happens: every event, late ones, what is taken back, an erasure.

It is what `check` gives to a plugin. People say something else each time, so that their words are found wherever a
plugin may have put them.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

from milepost_contracts.commands import COMMANDS, Command
from milepost_contracts.envelope import decode
from milepost_contracts.events import EVENTS, Event, GoalEvent
from milepost_contracts.events import goal as events
from milepost_contracts.events.person import KeysDestroyed
from milepost_contracts.plugin import RETRACTIONS, Delivered
from milepost_contracts.sealing import SealingKey
from milepost_contracts.testing.generic import Generic
from milepost_contracts.testing.story import NOW, Story, StoryGoal, uid
from milepost_contracts.types import Cadence, Measure, Party, Reading, Schedule, TermsChange

TENANTS = ("acme", "globex")
DAY = dt.timedelta(days=1)
BEGIN = NOW - 400 * DAY  # a year and a month: every season, both changes of daylight saving
# Words that have no other meaning than that somebody wrote them, and short ones that the context does not recognise.
_SENTENCE = "{who} once said {number} times that it goes well"
_SHORT = "zq{number:04d}"
_SHORT_EVERY = 3
# These are told in pairs or with care below, and not once more on their own.
_TOLD = {
    *RETRACTIONS,
    "goal.created",
    "goal.milestone_hit",
    "goal.progress_recorded",
    "goal.closed",
    "goal.closure_amended",
    "person.erased",
    "person.keys_destroyed",
}
_LEAVER = "leaver"


class Everything:
    """The documents in the order in which they are recorded, and what a check looks for in what comes of them."""

    def __init__(self) -> None:
        """Let everything happen."""
        self.words: set[str] = set()
        self.retracted: dict[str, str] = {}  # event id -> name of what was taken back and done again by nobody
        self.keys: dict[str, SealingKey] = {}
        self.lost: dict[str, list[str]] = {}  # id of an erasing event -> kids that open nothing from then on
        self.erased: dict[str, str] = {}  # tenant -> the person who was erased there
        self.goals: dict[tuple[str, int | None], dict[str, Any]] = {}
        self.stories = [_Told(self, tenant).story for tenant in TENANTS]
        told = [document for story in self.stories for document in story.documents]
        self.documents = sorted(told, key=lambda document: (decode(document).time, decode(document).tenant))
        self.events = [Delivered(document) for document in self.documents]

    def say(self, who: str, kind: str = "text") -> str:
        """Return something that *who* says, never the same twice, and remember it."""
        number = len(self.words)
        said = _SHORT.format(number=number) if number % _SHORT_EVERY == 0 else _SENTENCE.format(who=who, number=number)
        if kind == "link":
            said = f"https://people.example/{who}/{number}"
        self.words.add(said)
        return said

    def commands(self) -> list[Command]:
        """Return one of each command, as the mentee would send it."""
        person = self.stories[0].person("mentee")
        fill = Generic(person=person, now=NOW, words=lambda kind: self.say("mentee", kind))
        return [fill.of(kind) for kind in COMMANDS.values()]


class _Told:
    """Tells the story of one tenant."""

    def __init__(self, everything: Everything, tenant: str) -> None:
        self._all = everything
        self.story = Story(tenant, now=BEGIN)
        self._people = {name: self.story.person(name) for name in ("mentee", "mentor", "peer", "admin", _LEAVER)}
        self._frame()
        one = self._whole_goal()
        self._late_goal()
        self._others(one)
        self._leaver()
        one.add(events.CommentPosted(comment=uid("last"), text=self._say("mentee")))
        self._goals_as_they_were()

    def _say(self, who: str, kind: str = "text") -> str:
        return self._all.say(who, kind)

    def _pass(self, days: float) -> None:
        self.story.now += days * DAY

    def _fill(self, who: str = "mentee", ids: str = "") -> Generic:
        person = self._people[who]
        return Generic(person=person, now=self.story.now, words=lambda kind: self._say(who, kind), ids=ids)

    # What happens

    def _frame(self) -> None:
        """Let there be a tenant, a programme with a cycle, and a mentorship."""
        for tag, kind in EVENTS.items():
            aggregate, name, _ = tag.split(".")
            if aggregate in ("tenant", "programme") and name not in ("closed", "cycle_closed", "participant_withdrawn"):
                self.story.add(self._fill("admin").of(kind), by="service:sample")
        parties = [Party(ref=self._people["mentee"], role="mentee"), Party(ref=self._people["mentor"], role="mentor")]
        for tag in ("mentorship.requested.v1", "mentorship.accepted.v1", "mentorship.expectations_agreed.v1"):
            given = {"parties": parties} if tag == "mentorship.requested.v1" else {}
            self.story.add(self._fill().of(EVENTS[tag], given), by=self._people["mentee"])

    def _whole_goal(self) -> StoryGoal:
        """Let a goal go all the way: agreed, worked on for months, closed, amended, reopened, closed again."""
        today = self.story.now.date()
        goal = self.story.goal(
            self._people["mentee"], self._people["mentor"], name="whole", title=self._say("mentee", "line"),
            description=self._say("mentee"), deadline=today + 200 * DAY, start_on=today, time_zone="Europe/Stockholm",
        )  # fmt: skip
        goal.mentorship, goal.programme, goal.cycle = uid("mentorship"), uid("programme"), uid("cycle")
        cadence = Cadence(rhythm="weekly", anchor=today)
        goal.add(events.ScheduleSet(before=Schedule(), after=Schedule(start_on=today, cadence=cadence)))
        goal.add(events.MeasureDefined(definition=self._measure(), revision=2))
        goal.add(self._fill().of(events.Evaluated))
        for name, kind in (("mentee", events.Proposed), ("mentor", events.Agreed)):
            goal.add(self._fill(name).of(kind, {"revision": 2, "complete": name == "mentor"}), by=self._people[name])
        goal.add(events.Activated(revision=2, activated_on=today))
        for number in range(1, 5):
            added = events.MilestoneAdded(
                milestone=uid(f"milestone {number}"),
                title=self._say("mentee", "line"),
                due_on=today + 40 * number * DAY,
            )
            goal.add(added)
        for week in range(8):
            self._week(goal, week)
        self._corrections(goal)
        self._closing(goal)
        return goal

    def _measure(self) -> Measure:
        return Measure(
            measure=uid("measure"), name=self._say("mentee", "line"), kind="delta", direction="increase", unit="points",
            baseline="0", target="10", delta_mode="points",
        )  # fmt: skip

    def _week(self, goal: StoryGoal, week: int) -> None:
        """Let a week pass: a talk, a reading, now and then a milestone; one week is told late."""
        self._pass(7)
        day = self.story.now.date()
        late: dict[str, Any] = {"occurred": self.story.now - 9 * DAY} if week == 3 else {}  # noqa: PLR2004  any one of them
        day -= 9 * DAY if late else 0 * DAY
        given = {"check_in": uid(f"check-in {week}"), "held_on": day, "next_on": day + 7 * DAY}
        goal.add(self._fill().of(events.CheckInHeld, given), **late)
        self._reading(goal, f"{week + 1}", **late)
        if week % 2 == 0:
            self._hit(goal, week // 2 + 1, **late)

    def _reading(self, goal: StoryGoal, value: str, **how: Any) -> Delivered:
        progress = f"0.{value}" if len(value) == 1 else "1"
        given = {
            "measure": uid("measure"), "reading": value, "step": None, "on": self.story.now.date(), "current": value,
            "progress": progress, "source": None,
        }  # fmt: skip
        return goal.add(self._fill().of(events.ProgressRecorded, given), **how)

    def _hit(self, goal: StoryGoal, ordinal: int, **how: Any) -> Delivered:
        day = self.story.now.date()
        given = {
            "milestone": uid(f"milestone {ordinal}"), "hit_on": day, "due_on": day + 3 * DAY, "ordinal": ordinal,
            "evidence": [],
        }  # fmt: skip
        return goal.add(self._fill().of(events.MilestoneHit, given), **how)

    def _take_back(self, goal: StoryGoal, event: Delivered) -> None:
        goal.retract(event, self._say("mentee"))
        self._all.retracted[event.id] = event.name

    def _corrections(self, goal: StoryGoal) -> None:
        """Let one of each be taken back; a reading be put right, another struck."""
        fill = self._fill()
        taken = [
            self._hit(goal, 5),
            self._reading(goal, "9"),
            goal.check_in("check-in never", on=self.story.now.date()),
            goal.add(fill.of(events.FeedbackGiven, {"milestone": None, "check_in": None}), by=self._people["peer"]),
            goal.add(fill.of(events.ActionCompleted, {"action": uid("action never")})),
        ]
        self._pass(2)
        for event in taken:
            self._take_back(goal, event)
        given = self._reading(goal, "9")
        right = events.ProgressCorrected(
            corrects=given.id, measure=uid("measure"), before=Reading(reading="9", on=given.data.on),
            after=Reading(reading="8", on=given.data.on), reason=self._say("mentee"), current="8", progress="0.8",
        )  # fmt: skip
        goal.add(right)

    def _closing(self, goal: StoryGoal) -> None:
        """Let the goal be closed early, put right, reopened, and closed for good."""
        self._pass(10)
        first = goal.close(score="1", progress="1", retrospective=self._say("mentee"))
        amended = {"old_result": "achieved", "new_result": "partially_achieved", "old_score": "1", "new_score": "0.7"}
        goal.add(self._fill().of(events.ClosureAmended, amended))
        self._pass(1)
        self._take_back(goal, first)
        self._pass(20)
        goal.close(score="1", progress="1", retrospective=self._say("mentee"))

    def _late_goal(self) -> None:
        """Let a goal without a mentor be told long after it happened, and missed."""
        long_ago = self.story.now - 60 * DAY
        goal = self.story.goal(
            self._people["mentee"], name="late", title=self._say("mentee", "line"), deadline=long_ago.date() + 50 * DAY
        )
        goal.add(events.Activated(revision=1, activated_on=long_ago.date()), occurred=long_ago)
        self._hit(goal, 1, occurred=long_ago + 5 * DAY)
        goal.check_in("check-in late", on=long_ago.date() + 6 * DAY, occurred=long_ago + 6 * DAY)
        goal.close("missed", on=long_ago.date() + 50 * DAY, occurred=long_ago + 50 * DAY, score="0.3")

    def _others(self, parent: StoryGoal) -> None:
        """Let happen whatever has not happened yet, each once, on a goal and in the frame around it."""
        goal = self.story.goal(
            self._people["peer"], self._people["mentor"], name="other", title=self._say("peer", "line")
        )
        told = {decode(document).type for document in self.story.documents}
        today = self.story.now.date()
        given: dict[str, dict[str, Any]] = {
            "aligned": {"parent": parent.id, "weight": "0.5"},
            "unaligned": {"parent": parent.id},
            "deadline_set": {"new": today + 90 * DAY},
            "deadline_shifted": {"old": today + 90 * DAY, "new": today + 120 * DAY, "days": 30},
            "milestone_rescheduled": {"old": today, "new": today + 30 * DAY},
            "party_added": {"party": Party(ref=self._people["admin"], role="peer")},
            "party_removed": {"party": self._people["admin"]},
            "party_replaced": {"old": self._people["mentor"], "new": Party(ref=self._people["admin"], role="mentor")},
            "ownership_transferred": {"old": self._people["peer"], "new": self._people["mentee"]},
            "refined": {"before": TermsChange(kind="smart"), "after": TermsChange(kind="outcome")},
            "visibility_changed": {"old": "private", "new": "tenant"},
            "target_revised": {"old": "10", "new": "12"},
        }
        for tag, kind in EVENTS.items():
            aggregate, name, _ = tag.split(".")
            if tag in told or f"{aggregate}.{name}" in _TOLD or tag == "tenant.closed.v1":
                continue
            self._pass(1)
            event = self._fill("peer", ids="other ").of(kind, given.get(name) if aggregate == "goal" else None)
            self._add(goal, event)

    def _add(self, goal: StoryGoal, event: Event) -> None:
        if isinstance(event, GoalEvent):
            goal.add(event)
        else:
            self.story.add(event, by=self._people["peer"])

    def _leaver(self) -> None:
        """Let somebody have a goal, and be erased."""
        leaver = self._people[_LEAVER]
        goal = self.story.goal(leaver, self._people["mentor"], name="left", title=self._say(_LEAVER, "line"))
        goal.add(events.Activated(revision=1, activated_on=self.story.now.date()))
        for week in range(3):
            self._pass(7)
            given = {"check_in": uid(f"left {week}"), "held_on": self.story.now.date()}
            goal.add(self._fill(_LEAVER).of(events.CheckInHeld, given))
            self._hit(goal, week + 1)
        feedback = {"feedback": uid("left feedback"), "about": leaver, "milestone": None, "check_in": None}
        goal.add(self._fill("mentor").of(events.FeedbackGiven, feedback), by=self._people["mentor"])
        self._pass(30)
        before = dict(self.story.keys)
        self._all.keys |= before
        document = self.story.erase(leaver)
        self._all.lost[decode(document).id] = sorted(before.keys() - self.story.keys.keys())
        self._all.erased[self.story.tenant] = leaver
        destroyed = self._fill("admin").of(KeysDestroyed, {"erased": decode(document).id})
        self.story.add(destroyed, by="service:accept", id_=leaver.partition(":")[2])
        self._pass(1)

    def _goals_as_they_were(self) -> None:
        self._all.keys |= self.story.keys
        told = [Delivered(document) for document in self.story.documents]
        titles = {one.aggregate_id: one.members["title"] for one in told if one.name == "goal.created"}
        for goal in self.story.goals.values():
            self._all.goals[goal.id, None] = {
                "id": goal.id, "owner": goal.owner, "title": titles[goal.id], "state": "active", "kind": "smart",
                "revision": 2,
                "parties": {party.ref: party.role for party in goal.parties}, "deadline": None, "time_zone": "UTC",
                "measures": {}, "milestones": {}, "check_ins": {}, "readings": {}, "actions": {}, "tags": [],
                "mentorship": goal.mentorship, "programme": goal.programme, "cycle": goal.cycle, "archived": False,
            }  # fmt: skip


def known_events() -> set[str]:
    """Return the name of every event there is, `goal.created`."""
    return {tag.rpartition(".")[0] for tag in EVENTS}


def known_commands() -> set[str]:
    """Return the name of every command there is, `goal.create_goal`."""
    return {f"{aggregate}.{name}" for aggregate, name in COMMANDS}
