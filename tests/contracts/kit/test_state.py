"""What a plugin keeps reads back as it was written: within a turn, after it, and as any dict would."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from milepost_contracts.context import Around, Context
from milepost_contracts.plugin import Manifest, PluginError
from milepost_contracts.testing.host import MemoryPort, Stored
from milepost_contracts.testing.story import NOW

MANIFEST = Manifest(id="small", version="1", summary="x", stores=True)
KEYS = st.sampled_from(["a", "a/b", "a/b/c", "ab", "b", "ä", "\U0001f600", " "])
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)


def context(stored: Stored, tenant: str = "acme") -> Context:
    """Return the context of a turn."""
    return Context(Around(MANIFEST, MemoryPort(stored, {})), tenant, NOW)


class Overlay(RuleBasedStateMachine):
    """Turns over a store, against a dict: some are kept, some are not."""

    def __init__(self) -> None:
        """Begin with nothing kept."""
        super().__init__()
        self.stored = Stored()
        self.kept: dict[str, Any] = {}
        self.begin()

    def begin(self) -> None:
        """Begin a turn."""
        self.context = context(self.stored)
        self.model = dict(self.kept)

    @rule(key=KEYS, value=VALUES)
    def set(self, key: str, value: Any) -> None:
        """Write."""
        self.context.state.set(key, value)
        self.model[key] = value

    @rule(key=KEYS)
    def delete(self, key: str) -> None:
        """Delete, also what is not there."""
        self.context.state.delete(key)
        self.model.pop(key, None)

    @rule()
    def keep(self) -> None:
        """Keep the turn, as a host does."""
        for key, value in self.context.turn.writes.items():
            if value is None:
                self.stored.state.pop(("acme", key), None)
            else:
                self.stored.state["acme", key] = value
        self.kept = self.model
        self.begin()

    @rule()
    def lose(self) -> None:
        """Keep nothing of the turn."""
        self.begin()

    @rule(key=KEYS)
    def other_tenant(self, key: str) -> None:
        """Write in another tenant."""
        self.stored.state["other", key] = b"1"

    @invariant()
    def reads_as_a_dict_would(self) -> None:
        """Every way of reading agrees with the dict."""
        state = self.context.state
        assert dict(state.items()) == self.model
        assert [key for key, _ in state.items()] == sorted(self.model)
        assert dict(state.items("a/")) == {key: value for key, value in self.model.items() if key.startswith("a/")}
        for key in ("a", "a/b", "nowhere"):
            assert state.get(key, default="none") == self.model.get(key, "none")
            assert (key in state) == (key in self.model)


TestOverlay = Overlay.TestCase


@given(VALUES)
def test_a_value_comes_back(value: Any) -> None:
    """JSON goes in and the same comes out."""
    one = context(Stored())
    one.state.set("x", value)
    assert one.state.get("x") == value


class Streak(msgspec.Struct):
    """Something typed."""

    days: int = 0


def test_typed_values_come_back_typed() -> None:
    """A Struct that is kept is read as one; what does not fit it is an error and not something else."""
    one = context(Stored())
    one.state.set("streak/1", Streak(3))
    one.state.set("streak/2", {"days": 4})
    assert one.state.get("streak/1", Streak) == Streak(3)
    assert dict(one.state.items("streak/", Streak)) == {"streak/1": Streak(3), "streak/2": Streak(4)}
    one.state.set("streak/1", "x")
    with pytest.raises(msgspec.ValidationError):
        one.state.get("streak/1", Streak)


def test_writing_while_going_through() -> None:
    """What is written in the middle of a loop over items neither disturbs it nor is in it."""
    one = context(Stored())
    for number in range(3):
        one.state.set(f"k{number}", number)
    for key, value in one.state.items():
        one.state.delete(key)
        one.state.set(f"new-{key}", value)
    assert dict(one.state.items()) == {"new-k0": 0, "new-k1": 1, "new-k2": 2}


def test_the_runners_own_keys_are_not_seen() -> None:
    """Notes of the runner are in no list, and their keys cannot be reached."""
    stored = Stored()
    stored.state["acme", "~noted/x"] = b"1"
    one = context(stored)
    assert dict(one.state.items()) == dict(one.state.items("~")) == {}
    for reach in (lambda: one.state.get("~noted/x"), lambda: one.state.set("~noted/x", 2)):
        with pytest.raises(PluginError) as caught:
            reach()
        assert caught.value.code == "bad_key"


def test_a_tenant_sees_its_own() -> None:
    """The same key of two tenants is two keys."""
    stored = Stored()
    stored.state["acme", "x"], stored.state["other", "x"] = b"1", b"2"
    assert [context(stored, tenant).state.get("x") for tenant in ("acme", "other", "third")] == [1, 2, None]
