"""A configuration that does not fit together is refused by name, and what fits is laid out by tenant."""

from __future__ import annotations

import datetime as dt
from typing import Any

import milepost_okr
import msgspec
import pytest
from milepost_okr.config import Config

from milepost_contracts.plugin import PluginError
from milepost_contracts.testing import Host
from tests.plugins.okr.telling import Q1, Q2, Company, config

ONE = {"key": "a", "cycle": "q1"}


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"cycles": [Q1, Q1]}, "two of cycle 'q1'"),
        ({"cycles": [Q1 | {"ends_on": dt.date(2025, 1, 1)}]}, "ends before it starts"),
        ({"objectives": [ONE, ONE]}, "two of objective or key result 'a'"),
        ({"objectives": [ONE | {"key_results": [{"key": "a"}]}]}, "two of objective or key result 'a'"),
        ({"objectives": [ONE | {"cycle": "q9"}]}, "objective a: there is no cycle 'q9'"),
        ({"objectives": [ONE | {"parent": "b"}]}, "objective a: there is no objective 'b'"),
        (
            {"objectives": [ONE | {"parent": "b"}, ONE | {"key": "b", "parent": "a"}]},
            "to count for itself: a -> b",
        ),
        ({"objectives": [ONE | {"parent": "b"}, ONE | {"key": "b", "tenant": "x"}]}, "b belongs to another tenant"),
        (
            {"objectives": [ONE | {"key": f"o{n}"} | ({"parent": f"o{n - 1}"} if n else {}) for n in range(12)]},
            "more than 10 levels",
        ),
        ({"objectives": [ONE | {"weight": 0}]}, "> 0"),
        ({"objectives": [ONE | {"weight": 1.5}]}, "<= 1"),
        ({"objectives": [ONE | {"kind": "hopeful"}]}, "hopeful"),
        ({"objectives": [ONE | {"yellow": 0.8}]}, "a: yellow begins at 0.8, above its target 0.7"),
        ({"objectives": [ONE | {"key_results": [{"key": "b", "target": 0.3}]}]}, "b: yellow begins at 0.4"),
        ({"bands": {"committed": {"yellow": 1.0, "green": 0.5}}}, "yellow begins above green"),
        ({"rules": [{"to": "grow-1"}]}, "the rule for grow-1 names no goals: give at least one of goals"),
        ({"rules": [{"to": "nowhere", "focus": ["skill"]}]}, "rule 1: there is no objective or key result 'nowhere'"),
        ({"alignments": [{"to": "nowhere", "parents": ["x"]}]}, "alignment 1: there is no objective"),
        ({"alignments": [{"to": "grow-1", "parents": []}]}, "alignments"),
        ({"scoring": {"carried_over": "some"}}, "scoring.carried_over"),
        ({"objektives": []}, "objektives"),
        ({"objectives": [{"cycle": "q1"}]}, "key"),
    ],
)
def test_what_does_not_fit_is_refused_by_name(wrong: dict[str, Any], said: str) -> None:
    """Each mistake is told with the thing it is about and what is wrong with it."""
    told = config(**wrong)
    if "objectives" in wrong:
        told["rules"] = []
    with pytest.raises(PluginError, match="config") as refused:
        Host(milepost_okr, config=told)
    assert refused.value.code == "invalid_config"
    assert said in str(refused.value)


def test_no_configuration_is_one() -> None:
    """Installed and enabled before anything is written, the plugin runs and knows no objectives."""
    company = Company(cycles=[], objectives=[], rules=[])
    company.goal().reading("7")
    assert company.answer("objectives") == {"objectives": [], "settled": True}
    assert company.host.facts == []


def test_weights_are_the_decimals_that_were_written() -> None:
    """0.1 in the file is a tenth, not the nearest binary fraction."""
    plan = msgspec.convert(config(objectives=[ONE | {"weight": 0.1}], rules=[]), Config).plan("acme")
    assert str(plan.nodes["a"].weight) == "0.1"


def test_a_tenant_sees_its_own_objectives_alone() -> None:
    """An objective of one tenant is nothing to another: it is not shown there, and no goal of it counts."""
    objectives = [
        {"key": "ours", "cycle": "q1", "tenant": "acme", "key_results": [{"key": "here"}]},
        {"key": "theirs", "cycle": "q1", "tenant": "globex", "key_results": [{"key": "there"}]},
        {"key": "anybody", "cycle": "q1"},
    ]
    rules = [{"to": key, "focus": ["business"]} for key in ("here", "there", "anybody")]
    company = Company(cycles=[Q1, Q2], objectives=objectives, rules=rules)
    company.goal().reading("7")
    assert [one["key"] for one in company.answer("objectives")["objectives"]] == ["ours", "anybody"]
    assert {data["key"] for _, data in company.host.facts} == {"ours", "here", "anybody"}
    with pytest.raises(AssertionError, match="unknown_key"):
        company.node("there")


def test_health_says_what_is_lacking() -> None:
    """Without objectives, or without anything that goals count by, it is well and says so."""
    objectives = {"cycles": [Q1], "objectives": [ONE], "rules": []}
    said = [Host(milepost_okr, config=given).runner.health().result for given in ({}, objectives, config())]
    assert [one.ok for one in said] == [True] * 3
    assert "no objectives in okr.toml" in said[0].message
    assert "no rules and no alignments in okr.toml" in said[1].message
    assert said[2].message == ""
