"""Over random histories, told late, taken back, delivered again, with crashes in between: what was promised holds."""

from __future__ import annotations

import datetime as dt
import tempfile
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import milepost_rewards
from hypothesis import given, settings
from hypothesis import strategies as st
from milepost_rewards.streaks import Rhythm, chains

from milepost_contracts.events import goal as events
from milepost_contracts.plugin import Delivered, Grant
from milepost_contracts.testing import Host, Story, StoryGoal
from milepost_contracts.types import Schedule
from tests.plugins.rewards.rewarding import TODAY, WEEKLY, amended, day, moved, rule, shifted

VOUCHER = {"kind": "voucher", "title": "Book", "pool": "books"}
RULES = [
    rule("first", when="first_milestone", to="both", give=VOUCHER),
    rule("hit", on="goal.milestone_hit", give={"kind": "points", "title": "Hit", "points": 5}),
    rule("streak", when="streak", n=2, repeat=True, gap_days=7, to="both", give=VOUCHER),
    rule("talk", on="goal.check_in_held", to="mentor", limit={"at_most": 2, "per": "month"}),
    rule("held", when="deadline_held", to="both", give=VOUCHER),
    rule("closed", on="goal.closed", to="both"),
    rule("reading", on="goal.progress_recorded", give=VOUCHER),
]
GOALS = ("with a rhythm", "without")
PEOPLE = ("mentee", "mentor")
STEPS = (
    "hit", "retract", "check_in", "check_in", "void", "move", "reading", "strike", "close", "amend", "reopen", "shift",
    "pause", "resume", "refill", "crash", "again", "forgotten", "erase",
)  # fmt: skip
steps = st.tuples(st.sampled_from(STEPS), st.sampled_from(GOALS), st.integers(0, 9), st.integers(0, 60))


class Life:
    """A goal as it is told: what stands of it."""

    def __init__(self, story: Story, name: str) -> None:
        self.goal: StoryGoal = story.goal(*map(story.person, PEOPLE), name=name, deadline=day(30))
        if name == GOALS[0]:
            self.goal.add(events.ScheduleSet(before=Schedule(), after=Schedule(cadence=WEEKLY)))
        self.goal.add(events.Activated(revision=1, activated_on=TODAY))
        self.rhythm = Rhythm(WEEKLY if name == GOALS[0] else None, 7)
        self.deadline = day(30)
        self.hits: list[Delivered] = []
        self.held: dict[str, tuple[dt.date, Delivered]] = {}
        self.readings: list[Delivered] = []
        self.closed: tuple[str, dt.date, list[str]] | None = None
        self.pauses: list[tuple[dt.date, dt.date | None]] = []
        self.gone: set[str] = set()  # events that were taken back
        self.told = 0

    def happen(self, step: str, number: int, on: dt.date) -> None:
        """Let *step* happen where it can; otherwise nothing does."""
        getattr(self, step)(number, on)

    def hit(self, _: int, on: dt.date) -> None:
        self.told += 1
        self.hits.append(self.goal.hit(f"{self.told}", on=on))

    def retract(self, number: int, _: dt.date) -> None:
        if self.hits:
            self._back(self.hits.pop(number % len(self.hits)))

    def check_in(self, _: int, on: dt.date) -> None:
        self.told += 1
        name = f"{self.goal.id} {self.told}"
        self.held[name] = (on, self.goal.check_in(name, on=on))

    def void(self, number: int, _: dt.date) -> None:
        if self.held:
            self._back(self.held.pop(sorted(self.held)[number % len(self.held)])[1])

    def move(self, number: int, on: dt.date) -> None:
        if self.held:
            name = sorted(self.held)[number % len(self.held)]
            self.held[name] = (on, self.held[name][1])
            moved(self.goal, name, on)

    def reading(self, number: int, on: dt.date) -> None:
        self.readings.append(self.goal.reading(f"{number}", on=on))

    def strike(self, number: int, _: dt.date) -> None:
        if self.readings:
            self._back(self.readings.pop(number % len(self.readings)))

    def close(self, number: int, on: dt.date) -> None:
        if self.closed is None:
            result = ("achieved", "missed")[number % 2]
            self.closed = (result, on, [self.goal.close(result, on=on).id])

    def amend(self, number: int, _: dt.date) -> None:
        if self.closed is not None:
            result = ("achieved", "missed", "partially_achieved")[number % 3]
            event = amended(self.goal, self.closed[0], result)
            self.closed = (result, self.closed[1], [*self.closed[2], event.id])

    def reopen(self, number: int, _: dt.date) -> None:
        if self.closed is None:
            return
        closed_on, ids = self.closed[1:]
        reopened_on = closed_on + dt.timedelta(days=number)
        self.goal.add(events.Reopened(reopened_on=reopened_on, revision=1, reason="Not yet"))
        self.gone.update(ids)
        self.closed = None
        if self.pauses and self.pauses[-1][1] is None:
            self.pauses[-1] = (self.pauses[-1][0], reopened_on)
        else:
            self.pauses.append((closed_on, reopened_on))

    def shift(self, _: int, on: dt.date) -> None:
        if self.closed is None and on != self.deadline:
            shifted(self.goal, self.deadline, on)
            self.deadline = on

    def pause(self, _: int, on: dt.date) -> None:
        if self.closed is None and not (self.pauses and self.pauses[-1][1] is None):
            self.pauses.append((on, None))
            self.goal.add(events.Paused(paused_on=on, reason="Away"))

    def resume(self, number: int, _: dt.date) -> None:
        if self.pauses and self.pauses[-1][1] is None:
            start = self.pauses[-1][0]
            self.pauses[-1] = (start, start + dt.timedelta(days=number))
            self.goal.add(events.Resumed(resumed_on=start + dt.timedelta(days=number), revision=1))

    def _back(self, event: Delivered) -> None:
        self.goal.retract(event)
        self.gone.add(event.id)


class World:
    """Two goals and their host; the codes that anybody ever saw."""

    def __init__(self, file: Path) -> None:
        self.story = Story()
        self.file = file
        file.write_text("CODE-0\nCODE-1\n")
        self.codes = 2
        self.delivered = 0
        self.lives = {name: Life(self.story, name) for name in GOALS}
        self.secrets = {"tenants": {"acme": {"pools": {"books": {"file": str(file)}}}}}
        self.host = self.hosted()
        self.erased: set[str] = set()
        self.seen: dict[str, set[str]] = defaultdict(set)
        self.deliver()

    def hosted(self) -> Host:
        return Host(milepost_rewards, config={"rules": RULES}, secrets=self.secrets, story=self.story)

    def take(self, step: str, goal: str, number: int, on: dt.date) -> None:
        match step:
            case "refill":
                with self.file.open("a") as opened:
                    opened.writelines(f"CODE-{self.codes + place}\n" for place in range(number))
                self.codes += number
            case "crash":
                self.host.crash_after_commit()
            case "again" | "forgotten":
                before = self.host.stored.grants.copy()
                self.host.redeliver(forgotten=step == "forgotten")
                assert self.host.stored.grants == before
            case "erase":
                person = self.story.person(PEOPLE[number % 2])
                if number > 7 and person not in self.erased:
                    self.erased.add(person)
                    self.story.erase(person)
            case _:
                self.lives[goal].happen(step, number, on)
        self.deliver()
        self.look(self.host)

    def deliver(self) -> None:
        """Hand over what has not been handed over yet."""
        self.host.deliver(*self.story.documents[self.delivered :])
        self.delivered = len(self.story.documents)

    def look(self, host: Host) -> None:
        """Note every code that a person sees now."""
        for person in map(self.story.person, PEOPLE):
            for grant in host.ask("granted", by=person)["granted"]:
                if (code := grant.get("code")) is not None:
                    self.seen[code].add(person)

    # What has to hold

    def check(self, host: Host) -> None:
        grants = [grant for _, grant in host.stored.grants.values()]
        standing = [grant for grant in grants if grant.stands]
        assert (
            max(Counter((one.reward.rule, one.reward.once, one.reward.to) for one in standing).values(), default=0) <= 1
        )
        assert max(Counter((one.cause, one.reward.to) for one in grants).values(), default=0) <= 1
        assert all(len(people) == 1 for people in self.seen.values())
        claims = Counter(one.reward.code for one in standing if one.reward.code)
        assert max(claims.values(), default=0) <= 1
        for name, life in self.lives.items():
            of_it = [grant for grant in standing if grant.aggregate_id == life.goal.id]
            assert not {grant.cause for grant in of_it} & life.gone, name
            for person in map(self.story.person, PEOPLE):
                if person not in self.erased:
                    self.check_person(life, [grant for grant in of_it if grant.reward.to == person], person)

    def check_person(self, life: Life, grants: list[Grant], person: str) -> None:
        by_rule = Counter(grant.reward.rule for grant in grants)
        assert by_rule["first"] == bool(life.hits)
        held = {name: on for name, (on, _) in life.held.items()}
        until = life.closed[1] if life.closed else None
        found = chains(held, life.rhythm, since=TODAY, until=until, pauses=life.pauses)
        assert by_rule["hit"] <= len(life.hits)
        earned = "" if life.closed is None else "closed"
        if life.closed is not None and life.closed[0] == "achieved" and life.closed[1] <= life.deadline:
            earned = "held"
        assert (by_rule["held"], by_rule["closed"]) == (earned == "held", earned == "closed")
        if person == self.story.person("mentee"):
            assert by_rule["reading"] == len(life.readings)
        if life.closed is None and not life.pauses:
            assert by_rule["streak"] <= sum(len(chain) // 2 for chain in found)


def _claims(host: Host, people: list[str]) -> dict[str, Any]:
    """Return the code of each standing grant."""
    return {
        grant["grant"]: grant.get("code") for person in people for grant in host.ask("granted", by=person)["granted"]
    }


@settings(max_examples=60, deadline=None)
@given(st.lists(steps, max_size=40))
def test_what_was_promised_holds_over_any_history(taken: list[tuple[str, str, int, int]]) -> None:
    """No reward twice for one cause, every standing one's cause stands, no code to two people, also after a replay."""
    with tempfile.TemporaryDirectory() as folder:
        world = World(Path(folder) / "books.txt")
        for step, goal, number, on in taken:
            world.take(step, goal, number, day(on))
            world.check(world.host)
        people = [world.story.person(name) for name in PEOPLE]
        live = {id_: grant for id_, (_, grant) in world.host.stored.grants.items()}
        for keeps_grants in (False, True):
            again = world.hosted()
            if keeps_grants:
                again.stored.grants.update(world.host.stored.grants)
            again.deliver(*world.story.documents, mode="replay")
            again.act("serve")
            world.look(again)
            world.check(again)
            assert {id_: grant.stands for id_, (_, grant) in again.stored.grants.items()} == {
                id_: grant.stands for id_, grant in live.items()
            }
            world.host.act("serve", id_="last")
            assert _claims(again, people) == _claims(world.host, people)
