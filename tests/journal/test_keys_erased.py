"""Keys are destroyed for good: the tombstone, the others wrapped anew, the old wrapping key gone."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from milepost.journal import KeyErased, KeyStore, WrappingKeyError
from milepost.journal.wrapping import KeyDirectory
from milepost_contracts.sealing import kid_of
from tests.journal.wishes import goal, new_id, run_sql

GONE = "user:0199c0de-0000-7000-8000-0000000000a1"
STAYS = "user:0199c0de-0000-7000-8000-0000000000a2"
POINTS = ("keys.before_commit", "keys.after_commit", "keys.before_destroy")
Opening = Callable[..., KeyStore]


class CutError(Exception):
    """The test ends the work here, as a crash would."""


@pytest.fixture
def open_keys(url: str, tmp_path: Path) -> Iterator[Opening]:
    """Open key stores at the test's URL and directory, as several processes would; closed at its end."""
    opened: list[KeyStore] = []

    def opening(**options: object) -> KeyStore:
        opened.append(KeyStore(url, tmp_path / "wrapping", **options))  # type: ignore[arg-type]  # those of KeyStore
        return opened[-1]

    yield opening
    for keys in opened:
        keys.close()


def files(tmp_path: Path) -> list[str]:
    """Return the names of the wrapping keys that are there."""
    return sorted(path.name for path in (tmp_path / "wrapping").iterdir())


def sealed(keys: KeyStore, author: str | None, owner: str | None) -> str:
    """Return words of *author* on a goal of *owner*, sealed and flushed."""
    words = keys.sealing_key("acme", goal(), "parties", author, owner).seal("speak up", "e1", "/title")
    keys.flush()
    return words


def opened(keys: KeyStore, words: str) -> str | None:
    """Return *words* opened, None where they are erased."""
    key = keys.derived("acme", [kid_of(words)])[kid_of(words)].key
    return key.open(words, "e1", "/title") if key is not None else None


def test_an_erasure_takes_one_persons_words_and_nobody_elses(open_keys: Opening, tmp_path: Path) -> None:
    """What the person said or owned opens no more, here and in another process; the rest opens as before."""
    keys, other = open_keys(), open_keys()
    by, of = sealed(keys, GONE, STAYS), sealed(keys, STAYS, GONE)
    left = [sealed(keys, STAYS, STAYS), sealed(keys, None, STAYS), sealed(keys, None, None)]
    key_id = keys.person_key("acme", GONE).key_id
    other.person_key("acme", GONE)
    done = keys.erase("acme", GONE)
    assert (done.person, done.key_ids, done.derived, done.keys) == (GONE, [key_id], 2, 2)
    assert (done.generation_before, done.generation_after) == (1, 2)
    assert files(tmp_path) == ["acme.2.key"]
    assert other.renew() == {"acme"}
    for store in (keys, other, open_keys()):
        assert [opened(store, words) for words in (by, of)] == [None, None]
        assert [opened(store, words) for words in left] == ["speak up"] * 3
        assert store.is_erased("acme", GONE)
        assert not store.is_erased("acme", STAYS)
        assert not store.is_erased("globex", GONE)
        with pytest.raises(KeyErased):
            store.person_key("acme", GONE)
        with pytest.raises(KeyErased):
            store.sealing_key("acme", goal(), "parties", STAYS, GONE)
        assert store.sealing_key("acme", goal(), "parties", STAYS, None)


def test_a_person_is_erased_once(open_keys: Opening, tmp_path: Path) -> None:
    """Asked again, by this process or another, what was done is told, and nothing is wrapped anew."""
    keys = open_keys()
    keys.person_key("acme", GONE)
    done = keys.erase("acme", GONE)
    assert [keys.erase("acme", GONE), open_keys().erase("acme", GONE)] == [done, done]
    assert keys.rewrappings() == [done]
    assert files(tmp_path) == ["acme.2.key"]


def test_somebody_without_a_key_is_erased(open_keys: Opening) -> None:
    """For whom nothing was ever sealed nothing ever will be."""
    keys = open_keys()
    assert keys.erase("acme", GONE).key_ids == []
    with pytest.raises(KeyErased):
        open_keys().person_key("acme", GONE)


def test_a_rotation_changes_the_wrapping_key_alone(open_keys: Opening, tmp_path: Path) -> None:
    """After it every key is the same and lies under the next generation; each rotation is another one."""
    keys = open_keys()
    words, secret = sealed(keys, GONE, STAYS), keys.person_key("acme", GONE).secret
    first, second = keys.rotate("acme"), keys.rotate("acme")
    assert [(one.person, one.key_ids, one.keys, one.generation_after) for one in (first, second)] == [
        (None, [], 2, 2),
        (None, [], 2, 3),
    ]
    assert files(tmp_path) == ["acme.3.key"]
    assert opened(open_keys(), words) == opened(keys, words) == "speak up"
    assert open_keys().person_key("acme", GONE).secret == secret


@pytest.mark.parametrize("person", [GONE, None], ids=["erase", "rotate"])
@pytest.mark.parametrize("point", POINTS)
def test_a_crash_is_finished_by_the_next_start(
    open_keys: Opening, tmp_path: Path, point: str, person: str | None
) -> None:
    """Ended at any point, nothing of others is lost; the next start, or asking again, destroys what was to go."""

    def cut(passed: str) -> None:
        if passed == point:
            raise CutError

    keys = open_keys(at=cut)
    by, left = sealed(keys, GONE, STAYS), sealed(keys, STAYS, STAYS)
    with pytest.raises(CutError):
        keys.erase("acme", person) if person else keys.rotate("acme")
    assert opened(keys, left) == "speak up"
    fresh = open_keys()
    committed = point != "keys.before_commit"
    assert files(tmp_path) == (["acme.2.key"] if committed else ["acme.1.key", "acme.2.key"])
    assert opened(fresh, left) == "speak up"
    assert opened(fresh, by) == (None if committed and person else "speak up")
    if person:
        assert fresh.erase("acme", person).generation_after == 2
        assert files(tmp_path) == ["acme.2.key"]
        assert opened(fresh, by) is None


def test_who_only_reads_destroys_nothing(open_keys: Opening, tmp_path: Path) -> None:
    """A store that was opened to read leaves a crash's files to the one that writes."""

    def cut(passed: str) -> None:
        if passed == "keys.before_destroy":
            raise CutError

    keys = open_keys(at=cut)
    left = sealed(keys, STAYS, STAYS)
    with pytest.raises(CutError):
        keys.erase("acme", GONE)
    assert opened(open_keys(finishes=False), left) == "speak up"
    assert files(tmp_path) == ["acme.1.key", "acme.2.key"]


def test_a_folder_of_somebody_else_is_left_alone(open_keys: Opening, tmp_path: Path) -> None:
    """Where the present wrapping key is another one than the store's, no older one is destroyed."""
    open_keys().rotate("acme")
    folder = KeyDirectory(tmp_path / "wrapping")
    folder.make("acme", 1)
    (tmp_path / "wrapping" / "acme.2.key").write_bytes(bytes(32))
    with pytest.raises(WrappingKeyError, match="is not the one"):
        open_keys()
    assert files(tmp_path) == ["acme.1.key", "acme.2.key"]


def test_an_older_key_store_says_what_to_do(tmp_path: Path) -> None:
    """A key store from before an erasure opens nothing, and the error tells which backup is needed."""
    url, older = f"sqlite:///{tmp_path / 'keys.db'}", tmp_path / "older.db"
    with KeyStore(url, tmp_path / "wrapping") as keys:
        words = sealed(keys, STAYS, STAYS)
    shutil.copy(tmp_path / "keys.db", older)
    with KeyStore(url, tmp_path / "wrapping") as keys:
        keys.erase("acme", GONE)
    with KeyStore(f"sqlite:///{older}", tmp_path / "wrapping") as restored:
        for use in (lambda: opened(restored, words), lambda: restored.erase("acme", GONE)):
            with pytest.raises(WrappingKeyError, match=r"older than its directory.*Restore a backup"):
                use()


def test_nobody_is_left_behind_by_erasures_at_once(open_keys: Opening) -> None:
    """New people come while others are erased, by two processes: every key that was made is there afterwards."""
    first, second = open_keys(), open_keys()
    first.person_key("acme", STAYS)
    came = {f"user:{new_id()}": b"" for _ in range(20)}
    going = [f"user:{new_id()}" for _ in range(6)]

    def come() -> None:
        for number, person in enumerate(came):
            came[person] = (first, second)[number % 2].person_key("acme", person).secret

    def go(keys: KeyStore, people: list[str]) -> None:
        for person in people:
            keys.erase("acme", person)

    threads = [
        threading.Thread(target=come),
        threading.Thread(target=go, args=(first, going[:3])),
        threading.Thread(target=go, args=(second, going[3:])),
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    fresh = open_keys()
    assert {person: fresh.person_key("acme", person).secret for person in came} == came
    assert [one.person for one in fresh.rewrappings()].count(None) == 0
    assert sorted(str(one.person) for one in fresh.rewrappings()) == sorted(going)
    assert [one.generation_after for one in fresh.rewrappings()] == list(range(2, 8))


def test_places_tell_what_an_erasure_would_take(open_keys: Opening) -> None:
    """Where the person wrote, and where others wrote on goals of theirs; nothing else."""
    keys = open_keys()
    own, shared, others = goal(), goal(), goal()
    for ref, author, owner in ((own, GONE, GONE), (own, STAYS, GONE), (shared, GONE, STAYS), (others, STAYS, STAYS)):
        keys.sealing_key("acme", ref, "parties", author, owner)
    keys.flush()
    places = keys.places("acme", GONE)
    assert {(place.ref, place.author, place.owner) for place in places} == {
        (own, GONE, GONE),
        (own, STAYS, GONE),
        (shared, GONE, STAYS),
    }


def test_a_restored_row_does_not_bring_a_key_back(open_keys: Opening, url: str) -> None:
    """Somebody who puts an erased row back from a log finds that nothing unwraps it."""
    keys = open_keys()
    keys.person_key("acme", GONE)
    run_sql(url, f"CREATE TABLE kept AS SELECT wrapped FROM holders WHERE holder = '{GONE}'")
    keys.erase("acme", GONE)
    run_sql(url, f"UPDATE holders SET wrapped = (SELECT wrapped FROM kept) WHERE holder = '{GONE}'")
    for generation in (1, 2):
        run_sql(url, f"UPDATE holders SET generation = {generation} WHERE holder = '{GONE}'")
        with pytest.raises(WrappingKeyError):
            open_keys().person_key("acme", GONE)
