"""Replay of every golden and sample history equals the live view's answers at each sequence."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path

import msgspec

from milepost.decide.goal.state import Goal
from milepost.replay.desk import Desk
from milepost.sample import story
from milepost.sample.loading import load
from milepost.view.keys import Keys as AsksKeys
from milepost_contracts.answers import Answer
from milepost_contracts.commands import Command
from milepost_contracts.envelope import decode
from milepost_contracts.sealing import SealingKey
from tests.replay.goldens import EXAMPLES, TENANT, desk_of, documents, journal_of, keys_of
from tests.replay.viewed import Live
from tests.support.accepting import Acceptance
from tests.support.scenario import NOW


async def published(
    _tenant: str, _reader: str, kids: Iterable[str], *, reason: str | None = None
) -> dict[str, SealingKey | None]:
    """Give the published keys to everybody: the golden documents were made without a key store."""
    known = {
        one["kid"]: SealingKey.from_text(one["kid"], one["key"])
        for one in msgspec.json.decode((EXAMPLES / "keys.json").read_bytes())["keys"]
    }
    return {kid: known[kid] for kid in kids if kid in known}


async def compared(
    folder: Path, desk: Desk, tenant: str, stream: list[bytes], every_key: AsksKeys | None = None
) -> int:
    """Tell a view *stream* and compare each goal after each of its events; returns how often that was."""
    live = Live(folder, desk, tenant, every_key)
    count = 0
    with closing(live):
        for document in stream:
            live.tell(document)
            event = decode(document)
            if event.aggregate != "goal":
                continue
            live.now = dt.datetime.fromisoformat(event.time)
            ref = ("goal", event.aggregate_id)
            then, now = desk.histories.then(tenant, ref, event.number)[0], desk.histories.newest(tenant, ref)
            # Who may read it now, and might then.
            if readers := sorted(_people(then) & _people(now)):
                await live.same(event.aggregate_id, readers[0], f"s{event.number}")
                count += 1
    return count


def _people(goal: Goal) -> frozenset[str]:
    return goal.people


async def test_the_golden_stream(tmp_path: Path) -> None:
    """Every event that there is, one after the other, with the published keys."""
    stream = documents()
    keys = keys_of(tmp_path)
    with closing(journal_of(tmp_path, stream)) as journal, closing(keys):
        count = await compared(tmp_path, desk_of(journal, keys), TENANT, stream, published)
    assert count > 0.9 * sum(decode(document).aggregate == "goal" for document in stream)


async def test_the_sample(tmp_path: Path) -> None:
    """Two years of the sample programme, most of it told late."""
    accept = Acceptance(tmp_path, clock=lambda: NOW)

    async def ask(tenant: str, command: Command) -> Answer:
        return accept.ask(command, tenant)

    with closing(accept):
        last = await load(ask, story(NOW.date()))
        stream = [one.document for one in accept.journal.events_after("sample", 0, last)]
        count = await compared(tmp_path, desk_of(accept.journal, accept.keys), "sample", stream)
    assert count > 0.9 * sum(decode(document).aggregate == "goal" for document in stream)
