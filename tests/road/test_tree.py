"""The log on the whole road: a journal that was changed while Milepost was down is never signed, and said to be so."""

from __future__ import annotations

import asyncio
import json
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from milepost_contracts.answers import Failed
from milepost_contracts.queries import EventsAfter, EventsAfterAnswer, Proof, ProofAnswer
from tests.journal.wishes import run_sql
from tests.support.road import Road
from tests.support.waiting import until

ASKER = "service:cli"


async def ready(road: Road) -> tuple[int, Any]:
    """Return what `/readyz` answers: status and document."""

    def asked() -> tuple[int, Any]:
        try:
            with urllib.request.urlopen(f"{road.http}/readyz", timeout=10) as answer:  # noqa: S310  our own port
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.load(error)

    return await asyncio.to_thread(asked)


async def proved(road: Road, sequence: int) -> Any:
    """Return what the query `proof` answers."""
    client = await road.connect()
    try:
        return await road.asker(client, patience_s=5.0).query("sample", Proof(actor=ASKER, sequence=sequence))
    finally:
        await client.close()


async def test_a_changed_journal_is_told_and_the_rest_goes_on(tmp_path: Path) -> None:
    """After a change behind its back `/readyz` and the query name the tenant; events are answered, no note is new."""
    road = Road(tmp_path / "road", sample=True, flags=("--checkpoint-s", "0.1"))
    try:
        await road.start()

        async def signed() -> bool:
            return isinstance(await proved(road, 3), ProofAnswer)

        await until(signed)
        assert (await ready(road))[0] == 200
        await road.stop()
        notes = sorted((tmp_path / "road" / "proofs" / "sample" / "checkpoints").iterdir())
        last = int(notes[-1].name)
        changed = """CAST(replace(CAST(state AS TEXT), '"time":"20', '"time":"19') AS BLOB)"""
        url = f"sqlite:///{tmp_path / 'road' / 'journal.sqlite'}"
        run_sql(url, f"UPDATE stored_events SET state = {changed} WHERE tenant = 'sample' AND sequence = {last}")
        await road.start()

        async def told() -> bool:
            return (await ready(road))[0] == 503

        await until(told)
        assert (await ready(road))[1]["waiting_for"] == ["tree_diverged: sample"]
        answer = await proved(road, 3)
        assert isinstance(answer, Failed)
        assert answer.errors[0].code == "tree_diverged"
        client = await road.connect()
        events = await road.asker(client).query("sample", EventsAfter(actor=ASKER, sequence=0, limit=3))
        await client.close()
        assert isinstance(events, EventsAfterAnswer)
        assert len(events.events) == 3
        assert "tree_diverged" in road.log_path.read_text()
        assert sorted((tmp_path / "road" / "proofs" / "sample" / "checkpoints").iterdir()) == notes
    finally:
        await road.kill()
