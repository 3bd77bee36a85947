"""Keys: made once, durable before use, wrapped, the same for every process, and gone for ever once erased."""

from __future__ import annotations

import multiprocessing
import sqlite3
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from milepost.journal import HolderKey, KeyErased, KeyStore, KeysUnavailable, WrappingKeyError
from milepost.journal.wrapping import KeyDirectory
from milepost_contracts.sealing import SealError, derive, info, kid_of
from tests.journal.wishes import goal, new_id, run_sql

AUTHOR = "user:0199c0de-0000-7000-8000-0000000000a1"
OWNER = "user:0199c0de-0000-7000-8000-0000000000a2"


@pytest.fixture
def open_keys(url: str, tmp_path: Path) -> Iterator[Callable[[], KeyStore]]:
    """Open key stores at the test's URL and directory, as several processes would; closed at its end."""
    opened: list[KeyStore] = []

    def opening() -> KeyStore:
        opened.append(KeyStore(url, tmp_path / "wrapping"))
        return opened[-1]

    yield opening
    for keys in opened:
        keys.close()


def erase(url: str, person: str) -> None:
    """Leave of *person*'s key what erasing will leave: a tombstone."""
    run_sql(url, f"UPDATE holders SET wrapped = NULL, erased_us = 1 WHERE holder = '{person}'")


def test_words_are_opened_by_another_process(open_keys: Callable[[], KeyStore]) -> None:
    """What one process sealed and flushed, another opens with the keys it derives from the kid alone."""
    writing, reading = open_keys(), open_keys()
    ref = goal()
    sealed = writing.sealing_key("acme", ref, "parties", AUTHOR, OWNER).seal("learn to listen", "e1", "/title")
    writing.flush()
    derived = reading.derived("acme", [kid_of(sealed)])[kid_of(sealed)]
    assert derived.key is not None
    assert derived.key.open(sealed, "e1", "/title") == "learn to listen"
    assert (derived.ref, derived.audience, derived.author, derived.owner) == (ref, "parties", AUTHOR, OWNER)
    with pytest.raises(SealError):
        derived.key.open(sealed, "e1", "/description")


def test_the_key_is_the_one_of_the_wire(open_keys: Callable[[], KeyStore]) -> None:
    """A sealing key is HKDF over the author's and the owner's keys with the info that WIRE.md fixes."""
    keys, ref = open_keys(), goal()
    author, owner = keys.person_key("acme", AUTHOR), keys.person_key("acme", OWNER)
    place = info("acme", f"goal/{ref[1]}", "author", author.key_id, owner.key_id)
    expected = derive(author.secret, owner.secret, place)
    made = keys.sealing_key("acme", ref, "author", AUTHOR, OWNER)
    assert (made.kid, made.secret) == (expected.kid, expected.secret)


def test_every_place_has_its_own_key(open_keys: Callable[[], KeyStore]) -> None:
    """Tenant, aggregate, audience, author and owner each make another key; the same place makes the same one."""
    keys, ref = open_keys(), goal()
    places = [
        ("acme", ref, "parties", AUTHOR, OWNER),
        ("other", ref, "parties", AUTHOR, OWNER),
        ("acme", goal(), "parties", AUTHOR, OWNER),
        ("acme", ref, "author", AUTHOR, OWNER),
        ("acme", ref, "parties", OWNER, OWNER),
        ("acme", ref, "parties", AUTHOR, AUTHOR),
        ("acme", ref, "parties", None, OWNER),
        ("acme", ref, "parties", AUTHOR, None),
        ("acme", ref, "parties", None, None),
    ]
    made = [keys.sealing_key(*place) for place in places]
    assert len({key.secret for key in made}) == len({key.kid for key in made}) == len(places)
    again = open_keys()
    assert [again.sealing_key(*place).secret for place in places] == [key.secret for key in made]


def test_the_organisation_seals_for_whoever_is_no_person(open_keys: Callable[[], KeyStore]) -> None:
    """Words of a service under no person's ownership come back as the organisation's."""
    keys = open_keys()
    kid = keys.sealing_key("acme", goal(), "parties", None, None).kid
    keys.flush()
    derived = keys.derived("acme", [kid])[kid]
    assert (derived.author, derived.owner) == (None, None)
    assert derived.key is not None


def test_unflushed_and_foreign_kids_are_unknown(open_keys: Callable[[], KeyStore]) -> None:
    """A kid is known after the flush, to its own tenant alone."""
    keys = open_keys()
    kid = keys.sealing_key("acme", goal(), "parties", AUTHOR, OWNER).kid
    assert keys.derived("acme", [kid, "nonsense"]) == {}
    keys.flush()
    assert keys.derived("acme", [kid, "nonsense"]).keys() == {kid}
    assert keys.derived("other", [kid]) == {}
    assert keys.derived("acme", []) == {}


def test_many_kids_at_once(open_keys: Callable[[], KeyStore]) -> None:
    """A page of a thousand kids is flushed and answered whole."""
    keys = open_keys()
    kids = {keys.sealing_key("acme", goal(), "parties", AUTHOR, OWNER).kid for _ in range(1000)}
    keys.flush()
    assert keys.derived("acme", kids).keys() == kids


@pytest.mark.parametrize("erased", [AUTHOR, OWNER], ids=["author", "owner"])
def test_an_erased_person_takes_the_words_along(open_keys: Callable[[], KeyStore], url: str, erased: str) -> None:
    """Without the author's or the owner's key nothing is derived any more, at once, and no new key is made."""
    keys = open_keys()
    kid = keys.sealing_key("acme", goal(), "parties", AUTHOR, OWNER).kid
    keys.flush()
    erase(url, erased)
    derived = keys.derived("acme", [kid])[kid]
    assert derived.key is None
    assert (derived.author, derived.owner) == (AUTHOR, OWNER)
    fresh = open_keys()
    with pytest.raises(KeyErased):
        fresh.person_key("acme", erased)
    with pytest.raises(KeyErased):
        fresh.sealing_key("acme", goal(), "parties", AUTHOR, OWNER)


def test_key_ids_tell_nothing_of_persons(open_keys: Callable[[], KeyStore]) -> None:
    """A key id is random: the same person in another tenant has another, and neither contains the person's id."""
    keys = open_keys()
    first, second = keys.person_key("acme", AUTHOR), keys.person_key("other", AUTHOR)
    assert first.key_id != second.key_id
    assert first.secret != second.secret
    assert AUTHOR.removeprefix("user:") not in first.key_id


def test_no_key_lies_in_the_clear(tmp_path: Path) -> None:
    """Neither a person's key nor a wrapping key is to be found in any file of the database."""
    keys = KeyStore(f"sqlite:///{tmp_path / 'keys.db'}", tmp_path / "wrapping")
    made = [keys.person_key("acme", f"user:{new_id()}").secret for _ in range(50)]
    made.append(keys.sealing_key("acme", goal(), "parties", AUTHOR, OWNER).secret)
    keys.flush()
    made.append((tmp_path / "wrapping" / "acme.1.key").read_bytes())
    texts = [path.read_bytes() for path in tmp_path.glob("keys.db*")]
    keys.close()
    texts += [path.read_bytes() for path in tmp_path.glob("keys.db*")]
    assert not [secret for secret in made for text in texts if secret in text or secret.hex().encode() in text]


def test_nothing_shows_a_key(open_keys: Callable[[], KeyStore], tmp_path: Path, postgres_url: str) -> None:
    """Neither keys nor a URL's password appear in what objects show of themselves."""
    keys = open_keys()
    held, sealing = keys.person_key("acme", AUTHOR), keys.sealing_key("acme", goal(), "parties", AUTHOR, OWNER)
    wrapping = KeyDirectory(tmp_path / "wrapping").read("acme", 1)
    shown = repr([keys, held, sealing, wrapping, vars(keys)])
    for secret in (held.secret, sealing.secret, (tmp_path / "wrapping" / "acme.1.key").read_bytes()):
        assert repr(secret)[2:-1] not in shown
        assert secret.hex() not in shown
    with KeyStore(postgres_url.replace("milepost@", "milepost:hunter2@"), tmp_path / "wrapping2") as other:
        assert "hunter2" not in repr(other)


def test_files_are_private(open_keys: Callable[[], KeyStore], tmp_path: Path) -> None:
    """The directory is 0700, a wrapping key 0600 and 32 bytes, and nothing half made is left beside it."""
    open_keys().person_key("acme", AUTHOR)
    folder = tmp_path / "wrapping"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert [path.name for path in folder.iterdir()] == ["acme.1.key"]
    assert stat.S_IMODE((folder / "acme.1.key").stat().st_mode) == 0o600
    assert (folder / "acme.1.key").stat().st_size == 32


def spoil_mode(path: Path) -> None:
    path.chmod(0o644)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:31])


def replace_key(path: Path) -> None:
    path.write_bytes(bytes(32))


@pytest.mark.parametrize("spoil", [spoil_mode, cut, replace_key, Path.unlink])
def test_a_spoiled_directory_is_told(
    open_keys: Callable[[], KeyStore], tmp_path: Path, spoil: Callable[[Path], None]
) -> None:
    """A wrapping key open to all, damaged, exchanged or missing is an error, for old keys and for new ones."""
    open_keys().person_key("acme", AUTHOR)
    spoil(tmp_path / "wrapping" / "acme.1.key")
    keys = open_keys()
    for person in (AUTHOR, OWNER):
        with pytest.raises(WrappingKeyError):
            keys.person_key("acme", person)


def test_a_wrapped_key_opens_in_its_own_row_alone(open_keys: Callable[[], KeyStore], url: str) -> None:
    """Somebody who can write the database cannot put one person's key in the place of another's."""
    keys = open_keys()
    keys.person_key("acme", AUTHOR)
    keys.person_key("acme", OWNER)
    run_sql(
        url,
        f"UPDATE holders SET wrapped = (SELECT wrapped FROM holders WHERE holder = '{OWNER}')"
        f" WHERE holder = '{AUTHOR}'",
    )
    with pytest.raises(WrappingKeyError):
        open_keys().person_key("acme", AUTHOR)


def rotate(url: str, tmp_path: Path, person: str, key: HolderKey) -> None:
    """Leave the tenant as erasing somebody else will leave it: *person*'s key wrapped anew, the old file gone."""
    second = KeyDirectory(tmp_path / "wrapping").make("acme", 2)
    wrapped = second.wrap(key.secret, f"acme\0{person}\0{key.key_id}").hex()
    form = "x'{}'" if url.startswith("sqlite:") else "'\\x{}'::bytea"
    run_sql(url, f"UPDATE holders SET wrapped = {form.format(wrapped)}, generation = 2")
    run_sql(url, f"UPDATE wrapping SET generation = 2, fingerprint = {form.format(second.fingerprint.hex())}")
    (tmp_path / "wrapping" / "acme.1.key").unlink()


def test_a_new_wrapping_generation_is_taken_up(open_keys: Callable[[], KeyStore], url: str, tmp_path: Path) -> None:
    """A running process wraps new keys under the generation that an erasure left, and reads those re-wrapped by it."""
    keys = open_keys()
    old = keys.person_key("acme", AUTHOR)
    rotate(url, tmp_path, AUTHOR, old)
    new = keys.person_key("acme", OWNER)
    fresh = open_keys()
    assert fresh.person_key("acme", AUTHOR).secret == old.secret
    assert fresh.person_key("acme", OWNER).secret == new.secret


def test_no_key_is_left_behind_by_an_erasure(
    open_keys: Callable[[], KeyStore], url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A key that was being wrapped while the wrapping key changed is wrapped again, not lost with the old file."""
    keys = open_keys()
    old = keys.person_key("acme", AUTHOR)
    current = keys._current
    found = iter([current("acme")])
    rotate(url, tmp_path, AUTHOR, old)
    monkeypatch.setattr(keys, "_current", lambda tenant: next(found, None) or current(tenant))
    new = keys.person_key("acme", OWNER)
    assert open_keys().person_key("acme", OWNER).secret == new.secret


def test_a_full_cache_forgets_what_was_used_least(
    open_keys: Callable[[], KeyStore], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bounded cache changes nothing but the time it takes: evicted keys are derived again, the same."""
    monkeypatch.setattr("milepost.journal.keys._CACHED_MAX", 2)
    keys = open_keys()
    refs = [goal() for _ in range(4)]
    first = [keys.sealing_key("acme", ref, "parties", AUTHOR, OWNER) for ref in refs]
    assert keys.sealing_key("acme", refs[3], "parties", AUTHOR, OWNER) is first[3]
    again = keys.sealing_key("acme", refs[0], "parties", AUTHOR, OWNER)
    assert again is not first[0]
    assert again.secret == first[0].secret
    keys.flush()
    assert len(keys.derived("acme", [key.kid for key in first])) == 4


def test_a_busy_key_store_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where another process holds the store, flushing says so and keeps what was to be flushed."""
    monkeypatch.setattr("milepost.journal.key_database._WAIT_S", 0)
    path = tmp_path / "keys.db"
    with KeyStore(f"sqlite:///{path}", tmp_path / "wrapping") as keys:
        kid = keys.sealing_key("acme", goal(), "parties", AUTHOR, OWNER).kid
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(KeysUnavailable):
            keys.flush()
        other.close()
        keys.flush()
        assert kid in keys.derived("acme", [kid])


def _key_of(url: str, folder: Path, person: str, found: multiprocessing.Queue[tuple[str, bytes]]) -> None:
    with KeyStore(url, folder) as keys:
        key = keys.person_key("acme", person)
        found.put((key.key_id, key.secret))


def test_two_processes_agree_on_a_key(url: str, tmp_path: Path) -> None:
    """Processes that meet a person, a tenant and an empty store at the same moment end with one and the same key."""
    context = multiprocessing.get_context("spawn")
    found: multiprocessing.Queue[tuple[str, bytes]] = context.Queue()
    arguments = (url, tmp_path / "wrapping", AUTHOR, found)
    racing = [context.Process(target=_key_of, args=arguments) for _ in range(4)]
    for process in racing:
        process.start()
    keys = {found.get(timeout=60) for _ in racing}
    for process in racing:
        process.join()
    assert len(keys) == 1
