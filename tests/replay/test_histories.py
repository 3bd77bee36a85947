"""What replay folds is what accept folds when it loads anew."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

from milepost.accept.states import Opener, States
from milepost.decide import Ref
from milepost.replay.histories import Histories
from milepost.sample import named, story
from milepost.sample.loading import load
from milepost_contracts.answers import Answer
from milepost_contracts.commands import Command
from milepost_contracts.envelope import decode
from tests.support.accepting import Acceptance
from tests.support.scenario import NOW


async def test_states_are_what_accept_decides_on(tmp_path: Path) -> None:
    """Every aggregate of the sample, most of it told late, has with its words opened the state that accept loads."""
    accept = Acceptance(tmp_path, clock=lambda: NOW)

    async def ask(tenant: str, command: Command) -> Answer:
        return accept.ask(command, tenant)

    last = await load(ask, story(NOW.date()))
    envelopes = [decode(one.document) for one in accept.journal.events_after("sample", 0, last)]
    newest: dict[Ref, tuple[int, str]] = {
        (one.aggregate, one.aggregate_id): (one.version, one.sequence) for one in envelopes
    }
    histories = Histories(accept.journal, accept.keys)
    states = States(accept.journal.load, Opener(accept.keys))
    for ref, (version, sequence) in newest.items():
        loaded = states.get("sample", ref)
        assert histories.as_of("sample", ref, None, opened=True) == (loaded.state, version, sequence, [])
        assert loaded.version == version
    accept.close()
    assert {kind for kind, _ in newest} == {"goal", "mentorship", "person", "programme", "tenant"}


async def test_what_is_told_late_is_folded_as_it_happened(tmp_path: Path) -> None:
    """A goal that is told late was brought on the day that is claimed, words sealed or opened."""
    accept = Acceptance(tmp_path, clock=lambda: NOW)

    async def ask(tenant: str, command: Command) -> Answer:
        return accept.ask(command, tenant)

    await load(ask, story(NOW.date()))
    ref = ("goal", named("goal", "presentations"))
    histories = Histories(accept.journal, accept.keys)
    first = next(iter(accept.journal.load("sample", ref)))
    created_on = dt.datetime.fromisoformat(first.envelope.occurredat).date()
    assert created_on < NOW.date()
    opened = histories.as_of("sample", ref, 1, opened=True)[0]
    sealed = histories.as_of("sample", ref, 1, opened=False)[0]
    assert (opened.created_on, sealed.created_on) == (created_on, created_on)
    assert (opened.title, sealed.title[:4]) == ("get better at presentations", "enc:")
    accept.close()
