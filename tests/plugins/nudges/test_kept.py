"""What the plugin keeps of a goal is what deciding knows of it, whatever happened to it in whatever order."""

from __future__ import annotations

import datetime as dt
import random
from pathlib import Path
from typing import Any

import milepost_nudges
import msgspec
import pytest
from milepost_nudges.alarms import seen
from milepost_nudges.clock import day_in
from milepost_nudges.config import Config
from milepost_nudges.following import Followed, progress_on
from milepost_nudges.frames import admins_of, cadence_of
from milepost_nudges.kept import Goal, goal_of

from milepost.decide import BEGINNINGS
from milepost.decide.cadence import standing
from milepost.decide.goal.health import health_of
from milepost.decide.goal.progress import results
from milepost_contracts import envelope
from milepost_contracts.context import Around, Context
from milepost_contracts.envelope import SCHEMA_PREFIX, Envelope
from milepost_contracts.events import GoalEvent
from milepost_contracts.testing import Host
from milepost_contracts.testing.host import MemoryPort
from tests.decide.test_invariants import Asking
from tests.support.scenario import GOAL, TENANT, Scenario
from tests.support.scenario import given as scenario_of

GOLDEN = Path(__file__).parents[3] / "contracts" / "examples" / "golden"


def documents_of(scenario: Scenario) -> list[bytes]:
    """Return the history of *scenario* as the bus would bring it, words in the clear."""
    versions: dict[Any, int] = {}
    made = []
    for number, (ref, recorded) in enumerate(scenario.history, start=1):
        versions[ref] = versions.get(ref, 0) + 1
        tag = recorded.event.TAG
        made.append(
            envelope.encode(
                Envelope(
                    specversion="1.0", id=recorded.id, source=f"/milepost/{TENANT}", type=tag, subject="/".join(ref),
                    time=recorded.recorded.isoformat(), datacontenttype="application/json",
                    dataschema=f"{SCHEMA_PREFIX}{tag}", tenant=TENANT, version=versions[ref],
                    sequence=f"{number:016d}", actor=recorded.actor,
                    occurredat=recorded.occurred.isoformat() if recorded.occurred else "",
                    data=msgspec.Raw(msgspec.json.encode(recorded.event)),
                )
            )
        )  # fmt: skip
    return made


def context_of(host: Host, now: dt.datetime) -> Context:
    """Return a context that reads what the plugin keeps."""
    return Context(Around(host.manifest, MemoryPort(host.stored, {}), Config()), TENANT, now, writable=False)


def told(scenario: Scenario) -> Host:
    """Return a host that was told the history of *scenario* in a replay."""
    host = Host(milepost_nudges, mode="replay", now=scenario.now)
    host.deliver(*documents_of(scenario))
    return host


def same(host: Host, scenario: Scenario, id_: str) -> None:
    """Check that what is kept of a goal is its state, and makes the same due dates, progress and health of it."""
    state = scenario.state("goal", id_)
    context = context_of(host, scenario.now)
    kept = goal_of(context, id_)
    if state is None:
        assert kept is None
        return
    assert kept is not None
    owner = state.owner if state.owner.startswith("user:") else state.accountable or ""
    assert (kept.owner, kept.parties) == (owner, dict(state.parties))
    assert kept.people == state.people
    assert (kept.state, kept.zone, kept.start, kept.deadline, kept.cadence) == (
        state.state, state.time_zone, state.start_on, state.deadline, state.cadence,
    )  # fmt: skip
    assert (kept.mentorship, kept.programme, kept.activated) == (state.mentorship, state.programme, state.activated_on)
    assert (kept.revision, kept.agreement_open, kept.yes) == (
        state.revision, state.agreement_open, dict(state.agreements),
    )  # fmt: skip
    assert kept.pauses == list(state.pauses)
    assert kept.override == state.health
    assert {name for name, measure in kept.measures.items() if not measure.retired} == set(state.measures)
    assert set(kept.parents) == set(state.parents)
    same_frame(context, kept, scenario)
    if state.state == "active":
        same_dues(context, kept, scenario, state)
        same_health(context, kept, scenario, state, id_)


def same_frame(context: Context, kept: Goal, scenario: Scenario) -> None:
    """Check who runs its programme, and whose rhythm holds."""
    mentorship = scenario.state("mentorship", kept.mentorship) if kept.mentorship else None
    programme = scenario.state("programme", kept.programme) if kept.programme else None
    admins = programme.admins if programme is not None and programme.state == "open" else frozenset()
    assert set(admins_of(context, kept)) == admins
    rhythms = [kept.cadence, mentorship and mentorship.cadence, programme and programme.cadence]
    assert cadence_of(context, kept) == next((one for one in rhythms if one is not None), None)


def same_dues(context: Context, kept: Goal, scenario: Scenario, state: Any) -> None:
    """Check the date that waits and the first one missed, on days to come."""
    stand = [one for one in state.check_ins.values() if not one.voided]
    # The one recorded later is the last of a day, which the state does not tell: histories here have one a day.
    last = max(stand, key=lambda one: one.held_on, default=None)
    agreed = last.next_on if last and last.next_on and last.next_on > last.held_on else None
    if len({one.held_on for one in stand}) < len(stand):
        agreed = kept.next_on
    for ahead in (0, 1, 9, 40):
        now = scenario.now + dt.timedelta(days=ahead)
        today = day_in(kept.zone, now)
        they = standing(
            cadence_of(context, kept), [one.held_on for one in stand], today,
            since=state.activated_on, pauses=state.pauses, agreed=agreed,
        )  # fmt: skip
        we = seen(context, kept, now).dues
        assert (we.next_due, we.overdue_since) == (they.next_due, they.overdue_since)


def same_health(context: Context, kept: Goal, scenario: Scenario, state: Any, id_: str) -> None:
    """Check progress and health on every day to come, as far as children have no zone of their own."""
    progress = progress_on(context, id_, kept)
    followed = Followed(kept, lambda: progress, 0)
    today = day_in(kept.zone, scenario.now)
    for ahead in range(0, 120, 3):
        day = today + dt.timedelta(days=ahead)
        share = results(state, today=day, child=lambda ref: scenario.state("goal", ref))[1]
        assert progress(day) == share, (id_, day, kept)
        assert followed.health_on(day) == health_of(state, share, day)


@pytest.mark.parametrize("seed", range(25))
def test_whatever_happens(seed: int) -> None:
    """Hundreds of commands of all kinds: states, people, yeses, rhythm, due dates, progress and health are the same."""
    asking = Asking(random.Random(seed).choice)  # noqa: S311  no secret depends on it
    for _ in range(6):
        asking.go_on(40)
        scenario = asking.watch.scenario
        host = told(scenario)
        for id_ in {ref[1] for ref, _ in scenario.history if ref[0] == "goal"}:
            same(host, scenario, id_)


@pytest.mark.parametrize("agreed", [True, False])
@pytest.mark.parametrize("started", ["2025-01-01", "2026-12-31", None])
@pytest.mark.parametrize("state", ["drafted", "proposed", "active", "paused", "closed"])
def test_imported_goals(state: str, started: str | None, agreed: bool) -> None:  # noqa: FBT001  a case of the table
    """A goal that was imported in whatever state is the same, and so it is when it is resumed or reopened."""
    document = envelope.decode((GOLDEN / "goal.imported.v1.json").read_bytes())
    members = msgspec.json.decode(document.data)
    members |= {"state": state} | ({} if agreed else {"agreements": []})
    members["terms"] |= {"start_on": started}
    members.pop("context", None)
    imported: Any = msgspec.convert(members, type(document.event()))
    for later in ("", "goal.resumed.v1", "goal.reopened.v1"):
        scenario = scenario_of(imported)
        if later:
            then: Any = envelope.decode((GOLDEN / f"{later}.json").read_bytes()).event()
            scenario.given(msgspec.structs.replace(then, context=None))
        same(told(scenario), scenario, GOAL)


def released(aggregate: str) -> list[Any]:
    """Return one event of every released tag."""
    found = [envelope.decode(path.read_bytes()).event() for path in sorted(GOLDEN.glob(f"{aggregate}.*.json"))]
    return [msgspec.structs.replace(one, context=None) if isinstance(one, GoalEvent) else one for one in found]


@pytest.mark.parametrize("seed", range(30))
def test_events_in_any_order(seed: int) -> None:
    """No order of released events raises, and what is kept of state, people and yeses is the same."""
    rng = random.Random(seed)  # noqa: S311  no secret depends on it
    events = released("goal")
    scenario = scenario_of(rng.choice([one for one in events if isinstance(one, BEGINNINGS)]))
    for event in rng.choices([one for one in events if not isinstance(one, BEGINNINGS)], k=40):
        scenario.given(event)
    context = context_of(told(scenario), scenario.now)
    kept, state = goal_of(context, GOAL), scenario.goal
    assert kept is not None
    assert (kept.state, kept.people, kept.revision, kept.agreement_open) == (
        state.state, state.people, state.revision, state.agreement_open,
    )  # fmt: skip
    assert {who: one for who, one in kept.yes.items() if who in kept.people} == {
        who: one for who, one in state.agreements.items() if who in state.people
    }
    assert kept.pauses == list(state.pauses)


def test_a_goal_whose_beginning_was_never_seen_is_left_alone() -> None:
    """Events of a goal that is unknown here keep nothing of it."""
    events = {one.NAME: one for one in released("goal")}
    scenario = scenario_of(events["created"], events["activated"])
    host = Host(milepost_nudges, mode="replay", now=scenario.now)
    host.deliver(documents_of(scenario)[1])
    assert set(host.state) == {"since"}
