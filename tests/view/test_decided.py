"""What the view shows of an aggregate is what deciding knows of it, whatever happened in whatever order."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from milepost.decide import BEGINNINGS, Recorded, evolve
from milepost.decide.goal.terms import context_of
from milepost.view.fold import FOLDS, At, GoalRows, applied
from milepost.view.rows import CardRow, DetailRow, MentorshipRow, ProgrammeRow, TenantRow
from milepost_contracts import envelope
from milepost_contracts.events import GoalEvent
from tests.support.scenario import MENTEE, MENTOR

GOLDEN = Path(__file__).parents[2] / "contracts" / "examples" / "golden"
ROWS = {"mentorship": MentorshipRow, "programme": ProgrammeRow, "tenant": TenantRow}


def released(aggregate: str) -> list[envelope.Envelope]:
    """Return one document of every released tag of *aggregate*."""
    return [envelope.decode(path.read_bytes()) for path in sorted(GOLDEN.glob(f"{aggregate}.*.json"))]


def folded(aggregate: str, documents: list[envelope.Envelope]) -> tuple[Any, Any]:
    """Return the state that deciding makes of *documents*, and the rows that the view makes."""
    state: Any = None
    rows: Any = GoalRows(CardRow(), DetailRow(), {}) if aggregate == "goal" else ROWS[aggregate]()
    for version, document in enumerate(documents, start=1):
        event = document.event()
        at = At(msgspec.structs.replace(document, version=version), event)
        state = evolve(state, Recorded(event, document.id, document.actor, at.moment, None, document.aggregate_id))
        if isinstance(event, GoalEvent):
            event = msgspec.structs.replace(event, context=context_of(state))
            applied(rows, event, at)
        FOLDS[type(event)](rows, event, at)
    return state, rows


@st.composite
def histories(draw: st.DrawFn, aggregate: str) -> list[envelope.Envelope]:
    """Draw a beginning and up to forty events after it, in any order."""
    documents = released(aggregate)
    beginning = [document for document in documents if isinstance(document.event(), BEGINNINGS)]
    later = [document for document in documents if document not in beginning]
    return [draw(st.sampled_from(beginning)), *draw(st.lists(st.sampled_from(later), max_size=40))]


@settings(max_examples=200, deadline=None)
@given(documents=histories("goal"))
def test_goals(documents: list[envelope.Envelope]) -> None:
    """State, people, terms, agreement, evaluation, check-ins, milestones, actions and closing are the same."""
    same(*folded("goal", documents))


@pytest.mark.parametrize("agreed", [True, False])
@pytest.mark.parametrize("started", ["2025-01-01", "2026-12-31", None])
@pytest.mark.parametrize("in_state", ["drafted", "proposed", "active", "paused", "closed"])
def test_imported_goals(in_state: str, started: str | None, agreed: bool) -> None:  # noqa: FBT001  a case of the table
    """A goal that was imported, in whatever state, is the same; so it is when it is resumed or reopened."""
    documents = {document.type: document for document in released("goal")}
    imported = documents["goal.imported.v1"]
    members = msgspec.json.decode(imported.data)
    members |= {"state": in_state} | ({} if agreed else {"agreements": []})
    members["terms"] |= {"start_on": started}
    imported = msgspec.structs.replace(imported, data=msgspec.Raw(msgspec.json.encode(members)))
    same(*folded("goal", [imported]))
    for later in ("goal.resumed.v1", "goal.reopened.v1", "goal.agreed.v1"):
        same(*folded("goal", [imported, documents[later]]))


def same(state: Any, rows: Any) -> None:
    """Check that the rows of a goal tell what its state is."""
    card, detail = rows.card, rows.detail
    for name in (
        "state", "archived", "revision", "agreement_open", "owner", "accountable", "kind", "focus", "priority",
        "horizon", "deadline", "time_zone", "start_on", "cadence", "progress_from", "visibility", "mentorship",
        "programme", "cycle", "external_ref", "created_on", "activated_on", "health",
    ):  # fmt: skip
        assert getattr(card, name) == getattr(state, name), name
    assert card.people == state.people
    for name in ("parties", "contributors", "agreements", "parents", "children"):
        assert getattr(card, name) == dict(getattr(state, name)), name
    assert tuple(card.pauses) == state.pauses
    assert (detail.evaluation and (detail.evaluation.revision, detail.evaluation.passed)) == (
        state.evaluation and (state.evaluation.revision, state.evaluation.passed)
    )
    assert {id_ for id_, row in detail.measures.items() if not row.retired} == set(state.measures)
    assert {id_: (row.terms["target"], row.terms.get("baseline")) for id_, row in detail.measures.items()} == {
        id_: (measure.target, measure.baseline)
        for id_, measure in {**dict(state.retired), **dict(state.measures)}.items()
    }
    assert {
        id_: (row.held_on, row.by, tuple(row.attendees), row.next_on, frozenset(row.acknowledged), row.voided)
        for id_, row in detail.held.items()
    } == {
        id_: (one.held_on, one.recorded_by, one.attendees, one.next_on, one.acknowledged_by, one.voided)
        for id_, one in state.check_ins.items()
    }
    assert {id_: (row.due_on, row.hit_on, row.dropped) for id_, row in detail.milestones.items()} == {
        id_: (one.due_on, one.hit_on, one.dropped) for id_, one in state.milestones.items()
    }
    assert {id_: (row.due_on, row.assignee, row.completed_on, row.dropped) for id_, row in detail.actions.items()} == {
        id_: (one.due_on, one.assignee, one.completed_on, one.dropped) for id_, one in state.actions.items()
    }
    assert (card.result, card.score, card.closed_on) == (
        (state.closure.result, state.closure.score, state.closure.closed_on) if state.closure else (None, None, None)
    )


@settings(max_examples=100, deadline=None)
@given(documents=histories("mentorship"))
def test_mentorships(documents: list[envelope.Envelope]) -> None:
    """Parties, frame, goals and sessions are the same."""
    state, row = folded("mentorship", documents)
    for name in ("state", "requester", "format", "programme", "cadence", "cap", "quorum", "ended_on"):
        assert getattr(row, name) == getattr(state, name), name
    for name in ("parties", "goals", "key_areas", "sessions"):
        assert getattr(row, name) == dict(getattr(state, name)), name
    assert set(row.accepted) == state.accepted


@settings(max_examples=100, deadline=None)
@given(documents=histories("programme"))
def test_programmes(documents: list[envelope.Envelope]) -> None:
    """Admins, participants, cycles and frame are the same."""
    state, row = folded("programme", documents)
    for name in ("state", "cap", "cadence"):
        assert getattr(row, name) == getattr(state, name), name
    assert set(row.admins) == state.admins
    assert {who: one.role for who, one in row.participants.items() if not one.withdrawn} == dict(state.participants)
    assert {id_: one.state for id_, one in row.cycles.items()} == {id_: one.state for id_, one in state.cycles.items()}
    assert (row.rubric and row.rubric[:2]) == (state.rubric and (state.rubric.id, state.rubric.version))


ENROLMENTS = st.lists(
    st.tuples(st.sampled_from(["mentee", "admin", "withdrawn"]), st.sampled_from([MENTEE, MENTOR])), max_size=8
)


@settings(max_examples=100, deadline=None)
@given(enrolments=ENROLMENTS)
def test_admins_come_and_go(enrolments: list[tuple[str, str]]) -> None:
    """Who enrols as an admin runs the programme until another role is given, or that person leaves."""
    documents = {document.type: document for document in released("programme")}
    told = [documents["programme.created.v1"]]
    for role, who in enrolments:
        tag = "programme.participant_withdrawn.v1" if role == "withdrawn" else "programme.participant_enrolled.v1"
        data = msgspec.json.encode({"participant": who, "role": role})
        told.append(msgspec.structs.replace(documents[tag], data=msgspec.Raw(data)))
    state, row = folded("programme", told)
    assert set(row.admins) == state.admins
    assert {who: one.role for who, one in row.participants.items() if not one.withdrawn} == dict(state.participants)


@settings(max_examples=50, deadline=None)
@given(documents=histories("tenant"))
def test_tenants(documents: list[envelope.Envelope]) -> None:
    """Roles are the same."""
    state, row = folded("tenant", documents)
    assert {ref: frozenset(roles) for ref, roles in row.roles.items()} == dict(state.roles)


@pytest.mark.parametrize("aggregate", ["goal", "mentorship", "programme", "tenant", "person"])
def test_every_event_is_folded(aggregate: str) -> None:
    """There is no released tag that the view has no function for."""
    assert [one.type for one in released(aggregate) if type(one.event()) not in FOLDS] == []
