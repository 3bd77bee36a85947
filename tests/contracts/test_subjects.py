"""Subjects: only what is safe becomes part of one."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from milepost_contracts import subjects

ID = "0199c0de-0000-7000-8000-000000000030"


def test_subjects_of_the_wire() -> None:
    """Every kind of message travels where the wire says."""
    assert subjects.event("acme", "goal", ID, "milestone_hit") == f"goals.event.v1.acme.goal.{ID}.milestone_hit"
    assert subjects.command("acme", "web", "goal", "shift_deadline") == "goals.command.v1.acme.web.goal.shift_deadline"
    assert subjects.query("acme", "web", "inbox") == "goals.query.v1.acme.web.inbox"
    assert subjects.review("acme", "okr") == "goals.review.v1.acme.okr"
    assert subjects.fact("acme", "rewards", "badge_given") == "goals.plugin.v1.acme.rewards.badge_given"
    assert subjects.dead("acme", "rewards") == "goals.dead.v1.acme.rewards"


BUILDERS: list[Callable[[str], str]] = [
    lambda token: subjects.event(token, "goal", ID, "created"),
    lambda token: subjects.event("acme", "goal", ID, token),
    lambda token: subjects.command(token, "web", "goal", "x"),
    lambda token: subjects.command("acme", token, "goal", "x"),
    lambda token: subjects.query("acme", "web", token),
    lambda token: subjects.review("acme", token),
    lambda token: subjects.fact("acme", token, "x"),
    lambda token: subjects.dead(token, "x"),
]


@given(st.text(max_size=70), st.sampled_from(BUILDERS))
@example("a.b", BUILDERS[0])
@example("*", BUILDERS[0])
@example(">", BUILDERS[3])
@example("acme\n", BUILDERS[0])
@example("", BUILDERS[0])
@example("a" * 64, BUILDERS[0])
@example("\u0430cme", BUILDERS[0])
def test_no_token_breaks_out_of_its_place(token: str, build: Callable[[str], str]) -> None:
    """A token is a plain name or is refused: it never adds a level, a wildcard or a blank to a subject."""
    if re.fullmatch(r"[a-z0-9][a-z0-9_-]{0,62}", token):
        assert token in build(token).split(".")
        return
    with pytest.raises(subjects.SubjectError) as caught:
        build(token)
    assert caught.value.code == "invalid_subject"


@pytest.mark.parametrize("token", ["", "x", ID.upper(), f"{ID}\n", f"{ID}.x", "*"])
def test_ids_and_aggregates_are_checked(token: str) -> None:
    """Only a UUID in lower case is an id, only the five kinds are aggregates."""
    with pytest.raises(subjects.SubjectError):
        subjects.event("acme", "goal", token, "created")
    with pytest.raises(subjects.SubjectError):
        subjects.event("acme", token, ID, "created")


def test_a_tenant_has_one_id_for_ever() -> None:
    """The id of a tenant's aggregate is derived from its name and is published; it must never change."""
    assert subjects.tenant_id("acme") == "33f662d2-2837-568b-b037-9e78fa27fd2a"
    with pytest.raises(subjects.SubjectError):
        subjects.tenant_id("Acme")
