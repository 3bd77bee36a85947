"""Histories that Milepost itself decided, command by command, as the documents that a plugin gets."""

from __future__ import annotations

import datetime as dt
from typing import Any

import msgspec

from milepost.decide import Recorded, Ref
from milepost_contracts import envelope
from milepost_contracts.commands import goal as asked
from milepost_contracts.commands import programme as programmes
from milepost_contracts.envelope import SCHEMA_PREFIX, Envelope
from milepost_contracts.types import TermsChange, Waiver
from tests.plugins.okr.telling import Q1_END, Q2_END
from tests.support.scenario import ADMIN, TENANT, Scenario, acme, person, uid

OWNER = person("mentee")
BEGIN = dt.datetime(2026, 1, 5, 9, 30, tzinfo=dt.UTC)
CYCLES = {"Q1": (dt.date(2026, 1, 1), Q1_END), "Q2": (dt.date(2026, 4, 1), Q2_END)}


def company() -> Scenario:
    """Return a tenant with a programme that has two open cycles."""
    scenario = acme().at(BEGIN)
    scenario.done(ADMIN, programmes.Create, title="Growth", admins=[ADMIN])
    for name, (first, last) in CYCLES.items():
        cycle = uid(name)
        scenario.done(ADMIN, programmes.PlanCycle, cycle=cycle, title=name, starts_on=first, ends_on=last)
        scenario.done(ADMIN, programmes.OpenCycle, cycle=cycle)
    return scenario


def begun(scenario: Scenario, name: str, *measures: dict[str, Any], **terms: Any) -> str:
    """Let a goal of OWNER's be created, measured, agreed and begun; return its id."""
    id_ = uid(name)
    scenario.done(OWNER, asked.CreateGoal, id=id_, title=name, owner=OWNER, **terms)
    for number, measure in enumerate(measures):
        told = {"measure": uid(f"{name}/{number}"), "name": "M", "unit": "u", "direction": "increase"} | measure
        scenario.done(OWNER, asked.DefineMeasure, id=id_, **told)
    revision = scenario.state("goal", id_).revision
    scenario.done(OWNER, asked.ProposeGoal, id=id_, revision=revision)
    waived = [Waiver(check=check, reason="-") for check in ("deadline", "measures", "evaluation", "placeholder")]
    scenario.done(OWNER, asked.ActivateGoal, id=id_, revision=revision, waivers=waived)
    return id_


def from_children(scenario: Scenario, id_: str, source: str = "children") -> None:
    """Let a goal take its progress from elsewhere."""
    changes = TermsChange(progress_from=source)
    scenario.when(OWNER, asked.RefineGoal, id=id_, changes=changes, trigger="other", reason="-")


def documents(scenario: Scenario, history: list[tuple[Ref, Recorded]] | None = None) -> list[bytes]:
    """Return the exact documents of everything that happened; words are in the clear, nobody reads them.

    history: the same in another order, in which each goal's own events keep theirs.
    """
    versions: dict[str, int] = {}
    found: list[bytes] = []
    for number, ((aggregate, id_), recorded) in enumerate(history or scenario.history, start=1):
        subject, tag = f"{aggregate}/{id_}", recorded.event.TAG
        versions[subject] = versions.get(subject, 0) + 1
        found.append(
            envelope.encode(
                Envelope(
                    specversion="1.0", id=recorded.id, source=f"/milepost/{TENANT}", type=tag, subject=subject,
                    time=_text(recorded.recorded), datacontenttype="application/json",
                    dataschema=f"{SCHEMA_PREFIX}{tag}", tenant=TENANT, version=versions[subject],
                    sequence=f"{number:016d}", actor=recorded.actor,
                    occurredat=_text(recorded.occurred) if recorded.occurred else "",
                    data=msgspec.Raw(msgspec.json.encode(recorded.event)),
                )
            )
        )  # fmt: skip
    return found


def _text(moment: dt.datetime) -> str:
    return moment.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
