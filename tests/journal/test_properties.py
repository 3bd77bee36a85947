"""Whatever batches come: outcomes as a plain model says, dense numbers, monotone time, documents that decode."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from milepost.journal import Append, Attributes, Committed, Dropped, Journal, Outcome, Ref, Wanted
from milepost.journal.batch import instant
from milepost_contracts.envelope import decode
from tests.journal.wishes import append, goal, mentorship, new_id
from tests.support.postgres import database

REFS: list[Ref] = [goal(), goal(), mentorship()]
_tenants = (f"t{number}" for number in itertools.count())


class Clock:
    """Microseconds that a test sets."""

    now = 0

    def __call__(self) -> int:
        return self.now


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def shared(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Journal, Clock]]:
    """One journal for all examples; each takes a tenant of its own."""
    clock = Clock()
    if request.param == "sqlite":
        path: Path = tmp_path_factory.mktemp("journal") / "journal.db"
        with Journal(f"sqlite:///{path}", clock_us=clock) as journal:
            yield journal, clock
    else:
        with database() as url, Journal(url, clock_us=clock) as journal:
            yield journal, clock


class Draw(msgspec.Struct):
    """One command: how far behind each reference it reads (0: not at all), what it writes, what it is built on."""

    reads: dict[int, int]
    writes: list[int]
    behind: bool
    repeats: int
    built_on: int


_command = st.builds(
    Draw,
    reads=st.dictionaries(st.integers(0, 2), st.just(0)),
    writes=st.lists(st.integers(0, 2), min_size=1, max_size=3),
    behind=st.booleans(),
    repeats=st.integers(0, 6),
    built_on=st.integers(0, 3),
)
_batches = st.lists(st.tuples(st.integers(0, 4_000_000), st.lists(_command, min_size=1, max_size=6)), max_size=5)


class Model:
    """What must become of each append, by the algorithm's own words."""

    def __init__(self) -> None:
        self.versions = dict.fromkeys(REFS, 0)
        self.commands: set[str] = set()
        self.kept: list[Append] = []

    def expect(self, wish: Append) -> bool | Dropped:
        stale = [ref for ref, version in wish.reads.items() if self.versions[ref] != version]
        if wish.command in self.commands:
            return Dropped(stale, known=True)
        if stale or any(below not in self.kept for below in wish.built_on):
            return Dropped(stale)
        for event in wish.events:
            self.versions[event.aggregate, event.id] += 1
        self.commands.add(wish.command)
        self.kept.append(wish)
        return True


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(batches=_batches)
def test_outcomes_are_those_of_the_model(shared: tuple[Journal, Clock], batches: list[tuple[int, list[Draw]]]) -> None:
    """Over any batches, with stale reads, repeated commands and chains, exactly what holds is kept."""
    journal, clock = shared
    tenant, model = next(_tenants), Model()
    made: list[Append] = []
    for now, draws in batches:
        clock.now = now
        simulated = dict(model.versions)
        batch: list[Append] = []
        below: list[Append] = []
        for draw in draws:
            refs = {REFS[place] for place in (*draw.reads, *draw.writes)}
            # What was folded in: the versions that pending commands of this batch would leave.
            reads = {ref: max(0, simulated[ref] - draw.behind) for ref in refs}
            below = (made + batch)[-draw.built_on :] if draw.built_on else []
            again = (made + batch)[draw.repeats].command if draw.repeats < len(made + batch) else ""
            wish = append(reads, *(REFS[place] for place in draw.writes), tenant=tenant, command=again, built_on=below)
            batch.append(wish)
            for place in draw.writes:
                simulated[REFS[place]] += 1
        expected = [model.expect(wish) for wish in batch]
        check(journal.append(batch), expected)
        made += batch
    stored = journal.events_after(tenant, 0, 1000)
    assert [event.sequence for event in stored] == list(range(1, len(stored) + 1))
    assert len(stored) == sum(len(wish.events) for wish in model.kept)
    times = [event.time for event in stored]
    assert times == sorted(times)
    for ref, version in model.versions.items():
        assert [event.version for event in journal.load(tenant, ref)] == list(range(1, version + 1))


def check(outcomes: list[Outcome], expected: list[bool | Dropped]) -> None:
    """Compare what became of a batch with what the model says."""
    for outcome, wanted in zip(outcomes, expected, strict=True):
        if isinstance(wanted, Dropped):
            assert isinstance(outcome, Dropped)
            # A known command that would be dropped anyway is not looked up.
            assert (outcome.known and wanted.known) or sorted(outcome.stale) == sorted(wanted.stale)
            assert outcome.known <= wanted.known
        else:
            assert isinstance(outcome, Committed)


_text = st.text(st.characters(codec="utf-8"), max_size=40)


@settings(deadline=None)
@given(
    attributes=st.builds(Attributes, _text.filter(bool), _text, _text, _text, _text, _text, _text),
    commandhash=_text,
    members=st.dictionaries(_text, _text | st.integers() | st.none(), max_size=4),
)
def test_any_attribute_and_data_make_the_envelope_s_own_bytes(
    attributes: Attributes, commandhash: str, members: dict[str, object]
) -> None:
    """A document put together from pieces is what encoding its envelope gives, byte for byte."""
    ref = goal()
    event = Wanted(*ref, "goal.comment_posted.v1", new_id(), msgspec.json.encode(members), commandhash)
    [draft] = Append("acme", f"goal/{ref[1]}/{new_id()}", {ref: 0}, [event], attributes).drafts
    document = draft.document(b"2026-03-01T09:30:00.123456Z", 7, 1234)
    envelope = decode(document)
    assert msgspec.json.encode(envelope) == document
    assert (envelope.actor, envelope.commandhash, envelope.occurredat) == (
        attributes.actor,
        commandhash,
        attributes.occurredat,
    )
    assert (envelope.version, envelope.sequence, envelope.number) == (7, "0000000000001234", 1234)
    assert msgspec.json.decode(envelope.data) == members


@given(earlier=st.integers(0, 4_000_000_000_000_000), later=st.integers(0, 4_000_000_000_000_000))
def test_times_sort_as_texts(earlier: int, later: int) -> None:
    """The text of a time keeps the order of the clock, to the microsecond."""
    assert (instant(earlier) < instant(later)) == (earlier < later)
    assert len(instant(earlier)) == len("2026-03-01T09:30:00.123456Z")
