"""Given an access log's events, when a reading is recorded, then it is known once, with its reason."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from milepost_contracts.commands.access import Record
from milepost_contracts.events.access import Recorded
from milepost_contracts.events.tenant import Closed, Opened
from milepost_contracts.subjects import access_id
from milepost_contracts.types import Scope
from tests.support.scenario import (
    ADMIN,
    GOAL,
    MENTEE,
    PROGRAMME,
    TENANT,
    TODAY,
    Scenario,
    given,
    person,
    uid,
)

REPLAY = "service:replay"
AUDITOR = person("auditor")
LOG = access_id(TENANT, AUDITOR, TODAY)
TALK, BOOK = Scope(aggregate="goal", id=GOAL), Scope(aggregate="goal", id=uid("book"))


def opened() -> Scenario:
    """Return a tenant of which nobody has read anything."""
    return given(Opened(admins=[ADMIN]))


def fields(**more: Any) -> dict[str, Any]:
    """Return what replay sends of the auditor's look at the history of a goal, or what differs."""
    told: dict[str, Any] = {"reader": AUDITOR, "day": TODAY, "kind": "history", "scopes": [TALK]}
    told |= {"on_behalf_of": AUDITOR} | more
    return {"id": access_id(TENANT, told["reader"], told["day"])} | told


def test_a_reading_is_recorded() -> None:
    """The first reading of a day begins the log; all that is known of it is in the event."""
    scenario = opened().when(
        REPLAY, Record, **fields(kind="diff", via="service:cli", moments=["v1", "2026-03-01T09:30Z"], reason="A claim")
    )
    told = scenario.caused(Recorded)
    assert told == Recorded(
        reader=AUDITOR, day=TODAY, kind="diff", via="service:cli", scopes=[TALK], moments=["v1", "2026-03-01T09:30Z"],
        reason="A claim",
    )  # fmt: skip
    state = scenario.state("access", LOG)
    assert (state.id, state.reader, state.day, len(state.known)) == (LOG, AUDITOR, TODAY, 1)


def test_the_same_is_recorded_once() -> None:
    """The same kind, aggregate and reason cause nothing more on that day; each that differs is recorded."""
    scenario = opened().when(REPLAY, Record, **fields(reason="A claim")).tags("recorded")
    scenario.when(REPLAY, Record, **fields(reason="A claim", moments=["v3"], via="service:web")).nothing()
    for more in ({"reason": None}, {"reason": "Another"}, {"kind": "as_of"}, {"scopes": [BOOK]}):
        scenario.when(REPLAY, Record, **fields(**more)).tags("recorded")
        scenario.when(REPLAY, Record, **fields(**more)).nothing()
    everything = fields(kind="export", scopes=[], everything=True)
    scenario.when(REPLAY, Record, **everything).tags("recorded")
    scenario.when(REPLAY, Record, **everything).nothing()
    assert len(scenario.state("access", LOG).known) == 6
    assert all(len(digest) == 16 for digest in scenario.state("access", LOG).known)


def test_only_what_is_new_is_told() -> None:
    """Of several aggregates those that are recorded already are left out, and none is told twice."""
    scenario = opened().when(REPLAY, Record, **fields(kind="keys"))
    told = scenario.when(REPLAY, Record, **fields(kind="keys", scopes=[TALK, BOOK, BOOK])).caused(Recorded)
    assert told.scopes == [BOOK]
    scenario.when(REPLAY, Record, **fields(kind="keys", scopes=[TALK, BOOK])).nothing()


def test_a_day_is_a_log_of_its_own() -> None:
    """On the next day the same reading is recorded again, in another log; a clock a little off is taken."""
    scenario = opened().when(REPLAY, Record, **fields()).tags("recorded")
    for days in (-1, 1):
        scenario.when(REPLAY, Record, **fields(day=TODAY + dt.timedelta(days=days))).tags("recorded")
    for days in (-2, 2):
        scenario.when(REPLAY, Record, **fields(day=TODAY + dt.timedelta(days=days))).refused("not_today")


def test_logs_are_named_by_reader_and_day() -> None:
    """A log's id follows from tenant, reader and day; a plugin's is the same whatever its version."""
    scenario = opened().when(REPLAY, Record, **(fields() | {"id": uid("mine")})).refused("access_id_wrong")
    assert scenario.problem("access_id_wrong").details == {"id": LOG}
    assert access_id("acme", "plugin:okr@1.0", TODAY) == access_id("acme", "plugin:okr@2.0", TODAY)
    logs = {access_id(name, reader, TODAY) for name in ("acme", "globex") for reader in (AUDITOR, MENTEE)}
    assert len(logs) == 4


@pytest.mark.parametrize("reader", ["service:react", "plugin:okr@1.0", "service:payroll"])
def test_readers_who_are_no_people(reader: str) -> None:
    """The plugin host, plugins and services have logs as people have, and nobody stands behind them."""
    opened().when(REPLAY, Record, **fields(reader=reader, on_behalf_of=None)).tags("recorded")
    opened().when(REPLAY, Record, **fields(reader=reader, on_behalf_of=MENTEE)).refused("reader_not_named")


def test_words_are_the_readers() -> None:
    """A reader who is a person is named as whom it is sealed for: nobody else's erasure takes the reason away."""
    for behalf in (None, MENTEE):
        opened().when(REPLAY, Record, **fields(on_behalf_of=behalf)).refused("reader_not_named")


@pytest.mark.parametrize("kind", ["verify", "export"])
def test_who_reads_the_databases_records_it(kind: str) -> None:
    """Whoever verifies or exports past the stages records that of themselves, and of nobody else."""
    own = fields(kind=kind, on_behalf_of=None, scopes=[], everything=True)
    opened().when(AUDITOR, Record, **own).tags("recorded")
    opened().when(ADMIN, Record, **own).refused("not_allowed")
    opened().when("service:payroll", Record, **own).refused("not_allowed")
    opened().when("service:payroll", Record, **fields(reader="service:payroll", on_behalf_of=None)).refused(
        "not_allowed"
    )
    opened().when(AUDITOR, Record, **fields(on_behalf_of=None)).refused("not_allowed")


def test_something_was_read() -> None:
    """A reading of nothing is none, and everything is not something."""
    opened().when(REPLAY, Record, **fields(scopes=[])).refused("scope_missing")
    opened().when(REPLAY, Record, **fields(everything=True)).refused("scope_missing")


def test_closed_tenants_are_read_too() -> None:
    """What is read of a closed tenant is recorded there; of one that does not exist nothing can be read."""
    scenario = opened().given(Closed(successor="globex"))
    programme = fields(kind="evolution", scopes=[Scope(aggregate="programme", id=PROGRAMME)])
    scenario.when(REPLAY, Record, **programme).tags("recorded")
    Scenario().when(REPLAY, Record, **fields()).refused("tenant_unknown")
