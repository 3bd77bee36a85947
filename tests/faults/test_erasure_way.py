"""An erasure under SIGKILL at every named point: in the end the keys are gone, once, and nothing of others is."""

from __future__ import annotations

import asyncio
import uuid
from pathlib import Path

import pytest

from milepost.asking import Asker
from milepost.broker import EmbeddedBroker
from milepost.journal import Journal, KeyErased, KeyStore
from milepost.journal.keys_rewrapping import place_of
from milepost_contracts.answers import Accepted
from milepost_contracts.commands import Command, goal, person, tenant
from milepost_contracts.sealing import kids
from milepost_contracts.subjects import tenant_id
from tests.support.erased import opens, raw_files
from tests.support.road import Road

pytestmark = pytest.mark.faults

TENANT = "acme"
GONE, STAYS, ADMIN = (f"user:{uuid.uuid4()}" for _ in range(3))
# The erasure's commit is the first after the start, the record's the second; the keys' points come between.
POINTS = (
    "journal.before_commit",
    "journal.after_commit",
    "keys.before_commit",
    "keys.after_commit",
    "keys.before_destroy",
    "journal.before_commit:2",
    "journal.after_commit:2",
)


async def _accepted(asker: Asker, command: Command) -> Accepted:
    """Send *command* until it is accepted, whoever dies meanwhile."""
    answer = await asker.command(TENANT, command)
    assert isinstance(answer, Accepted), answer
    return answer


def _goal(owner: str) -> goal.CreateGoal:
    title = f"Goal of {owner}"
    return goal.CreateGoal(command_id=str(uuid.uuid4()), id=str(uuid.uuid4()), actor=owner, owner=owner, title=title)


async def _live(asker: Asker) -> None:
    """Let there be an admin, and two people with a goal each."""
    opening = {"command_id": str(uuid.uuid4()), "id": tenant_id(TENANT), "actor": "service:cli", "admins": [ADMIN]}
    await _accepted(asker, tenant.Open(**opening))  # type: ignore[arg-type]  # by name
    for owner in (GONE, STAYS):
        await _accepted(asker, _goal(owner))


def _wrapped(keys: KeyStore) -> tuple[bytes, str]:
    """Return the wrapped key of who goes, as a backup may hold it for ever, and its place."""
    held = keys.person_key(TENANT, GONE)
    with keys._database.transaction(writes=False) as run:
        ((wrapped,),) = run("SELECT wrapped FROM holders WHERE holder = %s", (GONE,))
    return bytes(wrapped), place_of(TENANT, GONE, held.key_id)


def _check(journal_url: str, keys_url: str, data: Path, kept: tuple[bytes, str]) -> None:
    """Check that it happened once and whole, and that the others' words are as they were."""
    with Journal(journal_url, writes=False) as journal, KeyStore(keys_url, data / "keys", finishes=False) as keys:
        tags = [one.tag for one in journal.load(TENANT, ("person", GONE.partition(":")[2]))]
        assert tags == ["person.erased.v1", "person.keys_destroyed.v1"]
        with pytest.raises(KeyErased):
            keys.person_key(TENANT, GONE)
        assert [(one.person, one.generation_after) for one in keys.rewrappings()] == [(GONE, 2)]
        created = [one for one in journal.events_after(TENANT, 0, 100) if one.tag == "goal.created.v1"]
        opened = [keys.derived(TENANT, kids(one.envelope.data)) for one in created]
        assert [{one.key is not None for one in found.values()} for found in opened] == [{False}, {True}]
    assert [path.name for path in (data / "keys").iterdir()] == [f"{TENANT}.2.key"]
    assert opens(raw_files(data), *kept) == []


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
@pytest.mark.parametrize("point", POINTS)
async def test_an_erasure_survives_a_death(
    tmp_path: Path, point: str, database: str, request: pytest.FixtureRequest
) -> None:
    """Killed at a named point while it erases and started again, the same command is accepted and all of it is done."""
    data = tmp_path / "data"
    urls = {name: f"sqlite:///{data / name}.sqlite" for name in ("journal", "keys")}
    if database == "postgresql":
        urls = dict.fromkeys(urls, request.getfixturevalue("postgres_url"))
    flags = [part for name, url in urls.items() for part in (f"--{name}-url", url)]
    erase = person.Erase(command_id=str(uuid.uuid4()), id=GONE.partition(":")[2], actor=ADMIN, reason="Asked for")
    async with EmbeddedBroker(tmp_path / "broker") as broker:
        road = Road(data, broker=broker, flags=flags)
        await road.start()
        client = await road.connect()
        asker = road.asker(client)
        await _live(asker)
        await road.stop()
        with KeyStore(urls["keys"], data / "keys") as keys:
            kept = _wrapped(keys)
        assert opens(raw_files(data), *kept)
        assert await road.start(point)
        asking = asyncio.create_task(_accepted(asker, erase))
        await road.ended()
        assert not asking.done()
        await road.start()
        first = await asking
        assert await _accepted(asker, erase) == first
        await client.close()
        assert await road.stop() == 0
    _check(urls["journal"], urls["keys"], data, kept)
