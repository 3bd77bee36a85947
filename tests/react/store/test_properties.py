"""Whatever turns come, fail, come again or are lost: what is stored is what the model says."""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from milepost.react.store import Moved, Position, Store
from milepost_contracts.keeping import Kept
from milepost_contracts.plugin import Grant, Mode
from tests.react.turns import BEGIN, NOW, grant, kept
from tests.support.postgres import database

TENANTS = ("acme", "globex")
_numbers = itertools.count()  # a plugin of its own for each example


@pytest.fixture(params=["sqlite", "postgres"], scope="module")
def url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Give the URL of all plugins' tables."""
    if request.param == "sqlite":
        folder: Path = tmp_path_factory.mktemp("react")
        yield f"sqlite:///{folder}/react.sqlite"
        return
    with database() as made:
        yield made


@dataclass(frozen=True)
class Wanted:
    """What a drawn turn wants; whichever event it is for."""

    tenant: str
    writes: dict[str, bytes | None]
    timers: dict[str, dt.datetime | None]
    effects: dict[str, dict[str, Any]]
    facts: dict[str, dict[str, Any]]
    granted: list[int]
    revoked: list[int]
    shifted: int  # its effects and facts are those of the event so many before: keys and ids that are known

    def kept(self, number: int, mode: Mode) -> Kept:
        """Return it as the turn about the event *number*."""
        return kept(
            max(1, number - self.shifted), tenant=self.tenant, mode=mode, writes=self.writes, timers=self.timers,
            effects=self.effects, facts=self.facts, granted=tuple(map(grant, self.granted)),
            revoked=tuple(grant(one, revoked_by=f"event-{number}") for one in self.revoked),
        )  # fmt: skip


_names = st.sampled_from(["a", "b", "a/1"])
_small = st.integers(0, 2)
_wanted = st.builds(
    Wanted,
    tenant=st.sampled_from(TENANTS),
    writes=st.dictionaries(_names, st.none() | _small.map(lambda n: b"%d" % n), max_size=2),
    timers=st.dictionaries(_names, st.none() | _small.map(lambda n: NOW + dt.timedelta(hours=n)), max_size=2),
    effects=st.dictionaries(_names, st.fixed_dictionaries({"n": _small}), max_size=2),
    facts=st.dictionaries(st.sampled_from(["said", "told"]), st.fixed_dictionaries({"n": _small}), max_size=1),
    granted=st.lists(_small, max_size=2, unique=True),
    revoked=st.lists(_small, max_size=1),
    shifted=_small,
)


@dataclass(frozen=True)
class Step:
    """What happens: a batch is kept, fails, comes again or from another copy; a restart, a replay from the start."""

    kind: Literal["keep", "fail", "again", "moved", "restart", "anew"]
    turns: list[Wanted | None]


_steps = st.lists(
    st.builds(
        Step,
        kind=st.sampled_from(["keep", "keep", "keep", "fail", "again", "moved", "restart", "anew"]),
        turns=st.lists(st.none() | _wanted, min_size=1, max_size=4),
    ),
    max_size=8,
)


@dataclass
class Model:
    """What is to be stored."""

    position: Position = BEGIN
    numbers: dict[str, int] = field(default_factory=dict)
    state: dict[tuple[str, str], bytes] = field(default_factory=dict)
    timers: dict[tuple[str, str], dt.datetime] = field(default_factory=dict)
    grants: dict[tuple[str, str], Grant] = field(default_factory=dict)
    effects: dict[str, tuple[str, dict[str, Any]]] = field(default_factory=dict)
    facts: dict[str, bytes] = field(default_factory=dict)

    def keep(self, batch: list[tuple[Kept | None, str, int]]) -> None:
        """Take a batch."""
        for turn, tenant, sequence in batch:
            if sequence <= self.numbers.get(tenant, 0):
                continue
            self.numbers[tenant] = sequence
            if turn is not None:
                self._take(turn)

    def _take(self, turn: Kept) -> None:
        for key, value in turn.writes.items():
            self.state.pop((turn.tenant, key), None)
            if value is not None:
                self.state[turn.tenant, key] = value
        for key, at in turn.timers.items():
            self.timers.pop((turn.tenant, key), None)
            if at is not None:
                self.timers[turn.tenant, key] = at
        for one in turn.grants:
            self.grants[turn.tenant, one.id] = one
        for wish in turn.outgoing:
            self.effects.setdefault(wish.key, ("suppressed" if wish.suppressed else "waiting", wish.arguments))
        for fact in turn.facts:
            self.facts.setdefault(fact.id, fact.document)


def shown(store: Store) -> Model:
    """Return what is stored."""
    return Model(
        position=store.status().position,
        numbers=store.numbers(),
        state={(tenant, key): value for tenant in TENANTS for key, value in store.scan(tenant, "")},
        timers={(one.tenant, one.key): one.at for one in store.list_timers()},
        grants={(tenant, one.id): one for tenant in TENANTS for one in store.grants(tenant)},
        effects={one.key: (one.state, one.arguments or {}) for one in store.effects()},
        facts={one.id: one.document or b"" for one in store.facts()},
    )


class Run:
    """Drives a store and the model side by side."""

    def __init__(self, url: str) -> None:
        self.store = Store(url, f"p{next(_numbers)}", clock=lambda: NOW)
        self.store.open()
        self.store.begin(BEGIN, "live")
        self.model = Model()
        self.mode: Mode = "live"
        self.last: list[tuple[Kept | None, str, int]] = []

    def step(self, step: Step) -> None:
        """Do *step*."""
        if step.kind == "restart":
            self.store.close()
            self.store.open()
        elif step.kind == "anew":
            self.mode = "replay"
            self.store.begin(BEGIN, "replay", 99, anew=True)
            model = self.model
            self.model = Model(grants=model.grants, effects=model.effects, facts=model.facts)
        elif step.kind == "again":
            self._keep(self.last)
        else:
            batch = self._batch(step.turns)
            if step.kind == "fail":
                self._fail(batch)
            elif step.kind == "moved":
                elsewhere = self.model.position._replace(stream_sequence=self.model.position.stream_sequence + 1)
                with pytest.raises(Moved):
                    self.store.keep(batch, elsewhere, before=elsewhere)
            else:
                self._keep(batch)
                self.last = batch

    def _keep(self, batch: list[tuple[Kept | None, str, int]]) -> None:
        position = Position(1, self.model.position.stream_sequence + len(batch))
        self.store.keep(batch, position, before=self.model.position)
        self.model.keep(batch)
        self.model.position = position

    def _fail(self, batch: list[tuple[Kept | None, str, int]]) -> None:
        """Let the last thing that is written of *batch* be one that cannot be, after all else was."""
        bad = msgspec.structs.replace(kept(99), replays=[msgspec.json.decode("1")])
        position = Position(1, self.model.position.stream_sequence + len(batch) + 1)
        with pytest.raises(AttributeError):
            self.store.keep([*batch, (bad, "acme", 10_000)], position, before=self.model.position)

    def _batch(self, turns: list[Wanted | None]) -> list[tuple[Kept | None, str, int]]:
        numbers = dict(self.model.numbers)
        batch: list[tuple[Kept | None, str, int]] = []
        for turn in turns:
            tenant = turn.tenant if turn is not None else TENANTS[0]
            numbers[tenant] = numbers.get(tenant, 0) + 1
            batch.append((turn.kept(numbers[tenant], self.mode) if turn is not None else None, tenant, numbers[tenant]))
        return batch


@settings(max_examples=80)
@given(steps=_steps)
def test_what_is_stored_is_what_the_model_says(url: str, steps: list[Step]) -> None:
    """Over random batches, failures in the middle, redeliveries, rivals, restarts and replays, nothing differs."""
    run = Run(url)
    for step in steps:
        run.step(step)
        assert shown(run.store) == run.model
        effects = run.store.effects()
        assert [one.key for one in effects] == list(run.model.effects)
        assert len({one.number for one in effects}) == len(effects)
        assert not run.store.looks_emptied()
    run.store.close()
