"""Somebody is erased from a running installation: no file has a word or a usable key of theirs, the rest goes on."""

from __future__ import annotations

import sqlite3
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import psycopg
import pytest

from milepost.journal import Journal, KeyErased, KeyStore
from milepost.journal.keys_rewrapping import place_of
from milepost.journal.opening import opened_members
from milepost.replay.erasure import Difference, differences
from milepost_contracts.proofs.certificate import open_certificate
from milepost_contracts.proofs.notes import VerifierKey
from milepost_contracts.sealing import kids
from tests.support.erased import found_secrets, found_words, opens, raw_files
from tests.support.postgres import database, server
from tests.support.receiving import Receiver
from tests.support.serving import Served
from tests.support.shell import Shell

TENANT = "acme"
GONE, STAYS, ADMIN = (f"user:{uuid.uuid4()}" for _ in range(3))
SEEN_S = 30.0  # until views, plugins and checkpoints have followed, on a loaded machine
# What nobody may find afterwards: said by the person, or by others on what is the person's.
OF_GONE = [
    "Ada Quittenbaum",
    "ada.quittenbaum@example.org",
    "Stop blushing in meetings",
    "My voice trembles when Ruth listens",
    "I was proud of myself on Tuesday",
    "Tell nobody that I practise at night",
    "Your shoulders hang, dear colleague",
    "Shy since the school play",
    "Asked for in the claim of March",
]
OF_STAYS = ["Lead the orchestra of interns", "Rehearse with the whole crew"]
LAST_WORD = "You lead like a lighthouse"  # of the person, on the goal of who stays
WHY = "Asked for in writing on the tenth"


class House(NamedTuple):
    """A running installation and its shell, where its databases are, and every folder that it writes to."""

    served: Served
    shell: Shell
    urls: dict[str, str]
    folders: list[Path]

    @property
    def files(self) -> dict[Path, bytes]:
        """Everything on its disk, as it lies there."""
        if not self.urls["journal"].startswith("sqlite:"):
            with psycopg.connect(server().url("postgres"), autocommit=True) as connection:
                connection.execute("CHECKPOINT")  # what only lies in the server's memory gets to its files
        return raw_files(*self.folders)

    def keys(self) -> KeyStore:
        """Open the key store as somebody who has its file and folder could."""
        return KeyStore(self.urls["keys"], self.served.folder / "keys", finishes=False)

    def document(self, line: str, as_: str = STAYS) -> Any:
        """Return what *line* prints as a document."""
        return self.shell.done(f"{line} --json", MILEPOST_AS=as_).document


@pytest.fixture(params=["sqlite", "postgresql"])
def house(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[House]:
    """Run everything, with a plugin that sends words away, on either database."""
    data = tmp_path / "data"
    with ExitStack() as stack:
        receiver = stack.enter_context(Receiver())
        folders = [tmp_path]
        flags = ["--plugins", "webhooks-words", "--checkpoint-s", "1"]
        urls = {name: f"sqlite:///{data / name}.sqlite" for name in ("journal", "keys")}
        if request.param == "postgresql":
            urls = {name: stack.enter_context(database()) for name in ("journal", "keys", "view", "react")}
            flags += [part for name, url in urls.items() for part in (f"--{name}-url", url)]
            folders.append(server()._data)
        _plugin(data / "plugins", receiver.port)
        served = stack.enter_context(Served(data, *flags))
        variables = {f"MILEPOST_{name.upper()}_URL": url for name, url in urls.items()}
        shell = Shell(tmp_path, MILEPOST_DATA_DIR=str(data), MILEPOST_TENANT=TENANT, MILEPOST_AS=STAYS, **variables)
        house = House(served, shell, urls, folders)
        _until(lambda: "running" in shell("plugins list").out)  # it is told of what happens from then on
        _live(house)
        _until(lambda: any(OF_GONE[2].encode() in one.body for one in receiver.received))
        yield house


def _plugin(folder: Path, port: int) -> None:
    folder.mkdir(parents=True)
    (folder / "webhooks-words.toml").write_text(
        f'ports = [{port}]\nallow_http = true\nallow_private = ["127.0.0.0/8"]\n'
        f'[[endpoints]]\nid = "crm"\nurl = "http://127.0.0.1:{port}/hook"\ntenants = ["{TENANT}"]\nwords = true\n'
    )
    secrets = folder / "webhooks-words.secrets.toml"
    secrets.write_text('[endpoints.crm]\nsigning = ["whsec_AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA="]\n')
    secrets.chmod(0o600)


def _live(house: House) -> None:
    """Let both have names, goals and words, on their own and on each other's."""
    said = house.shell.done
    said(f"tenant open {TENANT} --title Acme --admin {ADMIN}", MILEPOST_AS="service:cli")
    said(f'person link me --name "{OF_GONE[0]}" --account idp:{OF_GONE[1]}', MILEPOST_AS=GONE)
    said('person link me --name "Ruth Stays"', MILEPOST_AS=STAYS)
    own = house.document(f'goal create "{OF_GONE[2]}" --description "{OF_GONE[3]}"', GONE)["id"]
    said(f"goal place {own} --party me=mentee --party {STAYS}=mentor", MILEPOST_AS=GONE)
    said(f"goal propose {own}", MILEPOST_AS=GONE)
    said(f'goal check-in {own} --win "{OF_GONE[4]}"', MILEPOST_AS=GONE)
    said(f'goal record-reflection {own} "{OF_GONE[5]}"', MILEPOST_AS=GONE)
    said(f'goal post-comment {own} "{OF_GONE[6]}"')
    said(f'goal raise-obstacle {own} "{OF_GONE[7]}"', MILEPOST_AS=GONE)
    other = house.document(f'goal create "{OF_STAYS[0]}" --description "{OF_STAYS[1]}"')["id"]
    said(f"goal place {other} --party me=mentee --party {GONE}=mentor")
    said(f'goal post-comment {other} "{LAST_WORD}"', MILEPOST_AS=GONE)
    said(f'person hold {GONE} --reason "{OF_GONE[8]}"', MILEPOST_AS=ADMIN)


def _until(holds: Callable[[], bool]) -> None:
    ends = time.monotonic() + SEEN_S
    while not holds():
        assert time.monotonic() < ends, "it did not come about"
        time.sleep(0.05)


class Before(NamedTuple):
    """What somebody could have kept of the keys before: unwrapped, wrapped, and the wrapping key."""

    secrets: list[bytes]
    wrapped: bytes
    place: str
    wrapping: bytes


def _kept_before(house: House) -> Before:
    wrapping = (house.served.folder / "keys" / f"{TENANT}.1.key").read_bytes()
    with house.keys() as keys, Journal(house.urls["journal"], writes=False) as journal:
        held = keys.person_key(TENANT, GONE)
        sealed = {kid for one in journal.events_after(TENANT, 0, 1000) for kid in kids(one.envelope.data)}
        derived = keys.derived(TENANT, sealed).values()
        secrets = [one.key.secret for one in derived if one.key is not None and GONE in (one.author, one.owner)]
        with keys._database.transaction(writes=False) as run:
            ((wrapped,),) = run("SELECT wrapped FROM holders WHERE holder = %s", (GONE,))
    return Before([held.secret, *secrets, wrapping], bytes(wrapped), place_of(TENANT, GONE, held.key_id), wrapping)


def _check_files(house: House, before: Before) -> None:
    """Check that no file has words or keys of the person, or opens a wrapped copy that somebody may have kept."""
    files = house.files
    assert found_words(files, [*OF_GONE, LAST_WORD, *OF_STAYS, WHY]) == []
    assert found_secrets(files, before.secrets) == []
    assert opens(files, before.wrapped, before.place) == []
    assert [path.name for path in files if path.parent == house.served.folder / "keys"] == [f"{TENANT}.2.key"]


def _shown(house: House, goal: str) -> str:
    return msgspec.json.encode(house.document(f"goal show {goal}")).decode()


def _check_rest(house: House, own: str, other: str) -> None:
    """Check that others read what is theirs, and see that something is gone."""
    mine = house.document(f"goal show {other}")
    assert mine["goal"]["title"] == OF_STAYS[0]
    assert mine["goal"]["description"] == OF_STAYS[1]
    assert {one["why"] for one in mine["unread"]} == {"erased"}
    assert LAST_WORD not in msgspec.json.encode(mine).decode()
    theirs = house.document(f"goal show {own}")
    assert theirs["goal"]["title"] is None
    assert {"at": "/goal/title", "why": "erased"} in theirs["unread"]
    assert not [words for words in OF_GONE if words in msgspec.json.encode(theirs).decode()]


def test_an_erased_person_is_nowhere_and_everything_else_goes_on(house: House, tmp_path: Path) -> None:
    """From the hold that forbids it to a refilled stream and a certificate; every raw file is searched."""
    shell = house.shell
    goals = {one["title"]: one["id"] for who in (GONE, STAYS) for one in house.document("goal list", who)["goals"]}
    own, other = goals[OF_GONE[2]], goals[OF_STAYS[0]]
    before = _kept_before(house)
    # The search finds what is there to be found.
    assert opens(house.files, before.wrapped, before.place) == [str(house.served.folder / "keys" / f"{TENANT}.1.key")]
    assert [path for path, content in house.files.items() if before.wrapped in content]
    (tmp_path / "planted").write_text(OF_GONE[5])
    assert found_words(house.files, OF_GONE)
    assert found_secrets(house.files, before.secrets)
    (tmp_path / "planted").unlink()
    copy = _copy(house, tmp_path)
    # What it would take is told first; a hold forbids it.
    told = house.document(f"person erasure {GONE}", ADMIN)
    assert (told["goals_owned"], told["goals_shared"], told["held"], told["erased"]) == (1, 1, True, None)
    assert told["own_words_elsewhere"] == 1
    assert told["others_words"] >= 2  # a comment, and the reason of the hold
    assert shell(f'person erase {GONE} --reason "{WHY}"', MILEPOST_AS=ADMIN).status == 1
    refused = shell(f'person erase {GONE} --reason "{WHY}" --yes', MILEPOST_AS=ADMIN)
    assert (refused.status, "legal_hold" in refused.err) == (1, True)
    shell.done(f"person release {GONE}", MILEPOST_AS=ADMIN)
    shell.done(f'person erase {GONE} --reason "{WHY}" --yes', MILEPOST_AS=ADMIN)
    # From the answer on: keys are gone, and nothing more is taken from or for the person.
    with house.keys() as keys, pytest.raises(KeyErased):
        keys.person_key(TENANT, GONE)
    for line, who in (
        (f'goal post-comment {other} "once more"', GONE),
        (f'goal post-comment {own} "once more"', STAYS),
        (f'person link {GONE} --name "Ada again"', ADMIN),
    ):
        typed = shell(line, MILEPOST_AS=who)
        assert (typed.status, "person_erased" in typed.err) == (1, True), typed.err
    shell.done(f'person erase {GONE} --reason "Once more" --yes', MILEPOST_AS=ADMIN)
    _until(lambda: not any(words in _shown(house, own) for words in OF_GONE))
    _check_rest(house, own, other)
    _check_files(house, before)
    # The read models and the stream are made again out of the journal.
    shell.done("view rebuild --accept-differences")
    shell.done("publish refill --yes")
    _check_rest(house, own, other)
    _check_certificate(house, tmp_path)
    house.served.stop()
    _check_files(house, before)
    house.served.start()
    _check_rest(house, own, other)
    _check_older_journal(house, copy)
    assert "tombstone_without_event" not in shell("verify --json").out
    older = shell("verify --json", MILEPOST_JOURNAL_URL=copy)
    assert "tombstone_without_event" in older.out, older.out + older.err
    shell.done("keys rotate", MILEPOST_AS=ADMIN)
    _check_rest(house, own, other)
    assert [path.name for path in (house.served.folder / "keys").iterdir()] == [f"{TENANT}.3.key"]
    with Journal(house.urls["journal"], writes=False) as journal:
        assert journal.events_after(TENANT, 0, 1000)[-1].tag == "tenant.wrapping_key_rotated.v1"


def _check_certificate(house: House, tmp_path: Path) -> None:
    """Check that the certificate holds under the log's public line, and names what was destroyed."""
    file = tmp_path / "certificate"
    _until(lambda: house.shell(f"person certificate {GONE} -o {file}", MILEPOST_AS=ADMIN).status == 0)
    line = (house.served.folder / "signing" / f"{TENANT}.1.vkey").read_text().strip()
    told, checkpoint = open_certificate(file.read_bytes(), [VerifierKey.parse(line)])
    assert (told.tenant, told.person, told.generation_before, told.generation_after) == (TENANT, GONE, 1, 2)
    assert len(told.key_ids) == 1
    assert checkpoint.size > told.destroyed.leaf > told.erased.leaf
    typed = house.shell.done(f'verify-certificate {file} --key "{line}"')
    assert told.key_ids[0] in typed.out
    file.write_text(file.read_text().replace(told.key_ids[0], "0" * 32))
    assert house.shell(f'verify-certificate {file} --key "{line}"').status == 1


def _copy(house: House, tmp_path: Path) -> str:
    """Return a copy of the journal as it is now, as a backup makes it."""
    if house.urls["journal"].startswith("sqlite:"):
        kept = tmp_path / "backup" / "journal.sqlite"
        kept.parent.mkdir()
        with sqlite3.connect(house.urls["journal"].removeprefix("sqlite:///")) as live, sqlite3.connect(kept) as into:
            live.backup(into)
        into.close()
        live.close()
        return f"sqlite:///{kept}"
    name = f"copy{uuid.uuid4().hex}"
    with (
        psycopg.connect(house.urls["journal"]) as live_,
        psycopg.connect(server().url("postgres"), autocommit=True) as making,
    ):
        making.execute(f"CREATE DATABASE {name}")
        with Journal(server().url(name)):
            pass
        with psycopg.connect(server().url(name)) as copied:
            columns = "originator_id, originator_version, topic, tenant, sequence, recorded_us, event_id, command"
            columns += ", command_events, answer, notification_id, state"
            with (
                live_.cursor().copy(f"COPY stored_events ({columns}) TO STDOUT") as out,
                copied.cursor().copy(f"COPY stored_events ({columns}) FROM STDIN") as into_,
            ):
                for part in out:
                    into_.write(part)
    return server().url(name)


def _check_older_journal(house: House, copy: str) -> None:
    """Check that a journal from before the erasure opens no word of the person, and is known to be older."""
    with Journal(copy, writes=False) as journal, house.keys() as keys:
        stored = journal.events_after(TENANT, 0, 1000)
        assert stored
        read = [msgspec.json.encode(opened_members(keys, TENANT, one.ref, one.envelope)).decode() for one in stored]
        assert not [words for words in [*OF_GONE, LAST_WORD] if any(words in text for text in read)]
        assert [words for words in OF_STAYS if any(words in text for text in read)] == OF_STAYS
        assert differences(journal, keys) == [Difference("tombstone_without_event", TENANT, GONE)]
    with Journal(house.urls["journal"], writes=False) as journal, house.keys() as keys:
        assert differences(journal, keys) == []
