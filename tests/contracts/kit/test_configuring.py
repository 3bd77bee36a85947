"""What an operator has written becomes the plugin's Struct, or an error that names the place and tells no secret."""

from __future__ import annotations

import traceback
from typing import Annotated, Any, Literal

import msgspec
import pytest
from msgspec import Meta

from milepost_contracts.configuring import HIDDEN, convert_config, secrets_in
from milepost_contracts.plugin import PluginError


class Rule(msgspec.Struct, frozen=True, tag_field="kind", tag="rule"):
    """One kind of a thing in a list."""

    event: str
    points: Annotated[int, Meta(ge=1)] = 1


class Quiet(msgspec.Struct, frozen=True, tag_field="kind", tag="quiet"):
    """Another one."""

    hours: list[int] = []


class Config(msgspec.Struct, frozen=True, rename="kebab"):
    """Things in things."""

    rules: list[Rule | Quiet] = []
    by_tenant: dict[str, Rule] = {}
    own_rule: Rule | None = None
    level: Literal["low", "high"] = "low"
    who: str | list[Rule] = ""
    counts: str | dict[str, int] = ""


@pytest.mark.parametrize(
    ("members", "place", "said"),
    [
        ({"ruls": []}, "ruls", "did you mean 'rules'?"),
        ({"xyzzy": 1}, "xyzzy", "there are rules, by-tenant, own-rule, level, who, counts"),
        ({"by_tenant": {}}, "by_tenant", "did you mean 'by-tenant'?"),
        ({"rules": [{"kind": "rule", "event": "x", "pionts": 3}]}, "rules[0].pionts", "did you mean 'points'?"),
        ({"rules": [{"kind": "quiet", "points": 3}]}, "rules[0].points", "there are hours"),
        ({"by-tenant": {"acme": {"event": "x", "evnt": "y"}}}, "by-tenant.acme.evnt", "did you mean 'event'?"),
        ({"own-rule": {"event": "x", "kinds": "rule"}}, "own-rule.kinds", "there are event, points"),
        ({"rules": [{"kind": "rule", "event": "x", "points": 0}]}, "rules[0].points", "Expected `int` >= 1"),
        ({"level": "middle"}, "level", "Invalid enum value 'middle'"),
        ({"who": [{"kind": "rule", "event": "x", "pts": 1}]}, "who[0].pts", "did you mean 'points'?"),
        ({"counts": {"x": "many"}}, "counts[...]", "Expected `int`, got `str`"),
        ({"rules": 7}, "rules", "Expected `array`, got `int`"),
        ({"rules": [{"kind": "other"}]}, "rules[0].kind", "Invalid value 'other'"),
    ],
)
def test_every_mistake_names_its_place(members: dict[str, Any], place: str, said: str) -> None:
    """A setting that does not exist, at any depth, is an error with its nearest neighbour, like a wrong value."""
    with pytest.raises(PluginError) as caught:
        convert_config(members, Config, source="small.toml")
    assert (caught.value.code, caught.value.details) == ("invalid_config", {"field": place})
    assert str(caught.value).startswith(f"small.toml: {place}: ")
    assert said in str(caught.value)


def test_what_is_right_is_taken() -> None:
    """Defaults, numbers written as text, and Structs of either kind."""
    rules = [{"kind": "rule", "event": "x", "points": "3"}, {"kind": "quiet", "hours": [1]}]
    config = convert_config({"rules": rules, "own-rule": {"kind": "rule", "event": "y"}}, Config, source="x")
    assert config == Config(rules=[Rule("x", 3), Quiet([1])], own_rule=Rule("y"))
    assert convert_config({}, Config, source="x") == Config()


SECRET = "hunter2-hunter2"  # noqa: S105  of nobody


class Secrets(msgspec.Struct, frozen=True):
    """Secrets, with a check of their own that tells too much."""

    token: str = ""
    kind: Literal["a", "b"] = "a"
    more: dict[str, str] = {}

    def __post_init__(self) -> None:
        """Refuse a token, telling it."""
        if self.token.startswith("hunter"):
            raise ValueError(f"the token {self.token!r} is too well known")


@pytest.mark.parametrize("members", [{"token": SECRET}, {"kind": SECRET}, {"more": {"x": SECRET}, "kind": SECRET}])
def test_errors_tell_no_secret(members: dict[str, Any]) -> None:
    """Neither the message nor the traceback of a refused secret has it in it."""
    with pytest.raises(PluginError) as caught:
        convert_config(members, Secrets, source="small.secrets.toml", secret=True)
    told = "".join(traceback.format_exception(caught.value))
    assert HIDDEN in told
    assert str(caught.value).startswith("small.secrets.toml: ")
    # The example itself is in the traceback's lines of source, but nowhere in what is said.
    assert SECRET not in str(caught.value)
    assert caught.value.__cause__ is None


def test_what_counts_as_a_secret() -> None:
    """Long texts at any depth; names of members, numbers and short words are everywhere."""
    assert secrets_in(Secrets(token="short", more={"passwords": SECRET})) == {SECRET}  # noqa: S106  of nobody
    assert secrets_in(None) == frozenset()
