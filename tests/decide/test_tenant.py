"""Given a tenant's events, when it is opened, given roles, refilled or closed, then ..."""

from __future__ import annotations

import pytest

from milepost_contracts.commands import goal as goal_commands
from milepost_contracts.commands import person as person_commands
from milepost_contracts.commands.tenant import (
    Close,
    GrantRole,
    Open,
    RecordKeyRotation,
    RecordRefill,
    RecordSigningKey,
    RevokeRole,
    SetRetention,
)
from milepost_contracts.events.tenant import (
    Closed,
    Opened,
    RetentionSet,
    RoleGranted,
    RoleRevoked,
    SigningKeyRotated,
    StreamRefilled,
    WrappingKeyRotated,
)
from milepost_contracts.subjects import tenant_id
from tests.support.scenario import ADMIN, MENTEE, STRANGER, Scenario, given, person, uid

SERVICE = "service:setup"
RELAY = "service:publish"
OPENED = Opened(title="Acme", admins=[ADMIN])
FIRST, LAST, LATER = "0000000000000001", "0000000000000007", "0000000000000009"

KEYS = [f"milepost.local/acme+0000000{n}+{'A' * 44}" for n in range(3)]


def test_a_service_opens() -> None:
    """A service opens a tenant, whose admins then have the role."""
    scenario = Scenario().when(SERVICE, Open, title="Acme", admins=[ADMIN, "plugin:okr@1.0.0"]).warned()
    scenario.then(Opened(title="Acme", admins=[ADMIN, "plugin:okr@1.0.0"]))
    state = scenario.state("tenant")
    assert state.id == scenario.history[0][0][1]
    assert state.state == "open"
    assert state.roles_of(ADMIN) == {"admin"}
    assert state.roles_of("plugin:okr") == state.roles_of("plugin:okr@2.1.0") == {"admin"}
    assert state.roles_of(STRANGER) == frozenset()


@pytest.mark.parametrize("actor", [ADMIN, MENTEE, "plugin:okr@1.0.0"])
def test_nobody_else_opens(actor: str) -> None:
    """Only services open tenants."""
    Scenario().when(actor, Open, admins=[actor]).refused("not_allowed")


def test_opening_for_too_many() -> None:
    """More admins than the limit allows are refused: roles are granted one by one."""
    Scenario().limited(items=1).when(SERVICE, Open, admins=[ADMIN, MENTEE]).refused("limit_reached")


def test_opening_again() -> None:
    """The same opening again changes nothing, whatever roles were given since; another one is refused."""
    scenario = given(OPENED, RoleGranted(ref=MENTEE, role="auditor"))
    scenario.when(SERVICE, Open, title="Acme", admins=[ADMIN]).nothing()
    scenario.when(SERVICE, Open, title="Other", admins=[ADMIN]).refused("tenant_taken")
    scenario.when(SERVICE, Open, title="Acme", admins=[ADMIN, MENTEE]).refused("tenant_taken")


def test_the_id_of_a_tenant_is_derived() -> None:
    """A command on a tenant with any other id is refused, with the right one in the details."""
    scenario = Scenario().when(SERVICE, Open, id=uid("another")).refused("tenant_id_wrong")
    assert scenario.problem("tenant_id_wrong").details["id"] == tenant_id("acme")


def test_nothing_without_a_tenant() -> None:
    """Every command but opening is refused where the tenant does not exist."""
    Scenario().when(SERVICE, GrantRole, ref=ADMIN, role="admin").refused("tenant_unknown")
    Scenario().when(RELAY, RecordRefill, generation=2, first=FIRST, last=LAST).refused("tenant_unknown")
    Scenario().when(MENTEE, goal_commands.CreateGoal, title="Lead", owner=MENTEE).refused("tenant_unknown")


def test_nothing_in_a_closed_tenant() -> None:
    """A closed tenant refuses everything and names its successor; only refills of its stream are still recorded."""
    scenario = given(OPENED, Closed(successor="globex"))
    for command, fields in (
        (Open, {"title": "Acme", "admins": [ADMIN]}),
        (GrantRole, {"ref": MENTEE, "role": "admin"}),
        (Close, {}),
        (person_commands.Hold, {"reason": "A claim"}),
        (goal_commands.CreateGoal, {"title": "Lead", "owner": MENTEE}),
    ):
        scenario.when(ADMIN, command, **fields).refused("tenant_closed")
        assert scenario.problem("tenant_closed").details == {"successor": "globex"}
    scenario.when(RELAY, RecordRefill, generation=2, first=FIRST, last=LAST).tags("stream_refilled")


@pytest.mark.parametrize("actor", [ADMIN, SERVICE])
def test_roles_are_granted_and_revoked(actor: str) -> None:
    """Admins and services grant and revoke; what holds already changes nothing."""
    scenario = given(OPENED)
    scenario.when(actor, GrantRole, ref=MENTEE, role="importer").then(RoleGranted(ref=MENTEE, role="importer"))
    scenario.when(actor, GrantRole, ref=MENTEE, role="importer").nothing()
    scenario.done(actor, GrantRole, ref=MENTEE, role="auditor")
    assert scenario.state("tenant").roles_of(MENTEE) == {"importer", "auditor"}
    scenario.when(actor, RevokeRole, ref=MENTEE, role="importer").then(RoleRevoked(ref=MENTEE, role="importer"))
    scenario.when(actor, RevokeRole, ref=MENTEE, role="importer").nothing()
    scenario.done(actor, RevokeRole, ref=MENTEE, role="auditor").warned()
    assert MENTEE not in scenario.state("tenant").roles


def test_roles_of_a_plugin_hold_for_its_versions() -> None:
    """A role given to one version of a plugin holds for every other, and is taken back from all."""
    scenario = given(OPENED).done(ADMIN, GrantRole, ref="plugin:okr@1.0.0", role="importer")
    scenario.when(ADMIN, GrantRole, ref="plugin:okr@1.1.0", role="importer").nothing()
    scenario.done(ADMIN, RevokeRole, ref="plugin:okr@1.1.0", role="importer")
    assert scenario.state("tenant").roles_of("plugin:okr@1.0.0") == frozenset()


@pytest.mark.parametrize("actor", [MENTEE, "plugin:okr@1.0.0"])
def test_others_give_no_roles_and_close_nothing(actor: str) -> None:
    """Who is neither admin nor service may not grant, revoke or close, not even with another role."""
    scenario = given(OPENED, RoleGranted(ref=actor, role="auditor"))
    scenario.when(actor, GrantRole, ref=actor, role="admin").refused("not_allowed")
    scenario.when(actor, RevokeRole, ref=ADMIN, role="admin").refused("not_allowed")
    scenario.when(actor, Close).refused("not_allowed")


def test_the_last_admin_may_go_with_a_warning() -> None:
    """Revoking the last admin is accepted and warned of; one of two is not."""
    scenario = given(OPENED).done(ADMIN, GrantRole, ref=MENTEE, role="admin")
    scenario.done(ADMIN, RevokeRole, ref=ADMIN, role="admin").warned()
    scenario.done(MENTEE, RevokeRole, ref=MENTEE, role="admin").warned("no_admin_left")


def test_a_refill_is_recorded_once() -> None:
    """The relay records a refill; the same one again changes nothing; the next has a higher generation."""
    scenario = given(OPENED)
    scenario.when(RELAY, RecordRefill, generation=2, first=FIRST, last=LAST)
    scenario.then(StreamRefilled(generation=2, first=FIRST, last=LAST))
    assert scenario.state("tenant").generation == 2
    scenario.when(RELAY, RecordRefill, generation=2, first=FIRST, last=LAST).nothing()
    scenario.when(RELAY, RecordRefill, generation=2, first=FIRST, last=LATER).refused("generation_not_rising")
    scenario.when(RELAY, RecordRefill, generation=1, first=LAST, last=FIRST).refused(
        "generation_not_rising", "range_empty"
    )
    scenario.done(RELAY, RecordRefill, generation=3, first=FIRST, last=LATER)


@pytest.mark.parametrize("actor", [ADMIN, SERVICE, person("relay")])
def test_only_the_relay_records_refills(actor: str) -> None:
    """Nobody but service:publish may say what happened to the stream."""
    given(OPENED).when(actor, RecordRefill, generation=2, first=FIRST, last=LAST).refused("not_allowed")


@pytest.mark.parametrize("actor", [ADMIN, SERVICE])
def test_closing(actor: str) -> None:
    """Admins and services close a tenant; a merge names the successor, which is not the tenant itself."""
    scenario = given(OPENED).when(actor, Close, successor="acme").refused("successor_is_itself")
    scenario.when(actor, Close, successor="globex", reason="Merged").then(Closed(successor="globex", reason="Merged"))
    assert scenario.state("tenant").state == "closed"
    assert scenario.state("tenant").successor == "globex"
    given(OPENED).when(actor, Close).then(Closed())


def test_retention_is_set_and_taken_away() -> None:
    """Admins and services say after how many months people are due for erasure; the same again changes nothing."""
    scenario = given(OPENED).when(ADMIN, SetRetention, months=24).then(RetentionSet(months=24))
    assert scenario.state("tenant").retention_months == 24
    scenario.when(SERVICE, SetRetention, months=24).nothing()
    scenario.when(SERVICE, SetRetention).then(RetentionSet(months=None))
    scenario.when(MENTEE, SetRetention, months=1).refused("not_allowed")


def test_a_new_wrapping_key_is_recorded_once() -> None:
    """A service records it, of a closed tenant too; generations rise."""
    scenario = given(OPENED)
    scenario.when(SERVICE, RecordKeyRotation, keys=3, generation_before=1, generation_after=2)
    scenario.then(WrappingKeyRotated(keys=3, generation_before=1, generation_after=2))
    scenario.when(SERVICE, RecordKeyRotation, keys=3, generation_before=1, generation_after=2).nothing()
    for before, after in ((0, 1), (4, 4), (4, 3)):
        asked = scenario.when(SERVICE, RecordKeyRotation, keys=3, generation_before=before, generation_after=after)
        asked.refused("generation_not_rising")
    scenario.when(ADMIN, RecordKeyRotation, keys=3, generation_before=2, generation_after=3).refused("not_allowed")
    closed = given(OPENED, Closed()).when(SERVICE, RecordKeyRotation, keys=3, generation_before=1, generation_after=2)
    closed.tags("wrapping_key_rotated")


def test_a_new_signing_key_is_recorded_once() -> None:
    """The log alone records it, of a closed tenant too; each follows the one before, and is another."""
    replay = "service:replay"
    scenario = given(OPENED).when(replay, RecordSigningKey, old=KEYS[0], new=KEYS[1])
    scenario.then(SigningKeyRotated(old=KEYS[0], new=KEYS[1]))
    assert scenario.state("tenant").signing_key == KEYS[1]
    scenario.when(replay, RecordSigningKey, old=KEYS[0], new=KEYS[1]).nothing()
    scenario.when(replay, RecordSigningKey, old=KEYS[0], new=KEYS[2]).refused("signing_key_stale")
    scenario.done(replay, RecordSigningKey, old=KEYS[1], new=KEYS[2])
    given(OPENED).when(replay, RecordSigningKey, old=KEYS[0], new=KEYS[0]).refused("signing_key_same")
    for actor in (ADMIN, SERVICE):
        given(OPENED).when(actor, RecordSigningKey, old=KEYS[0], new=KEYS[1]).refused("not_allowed")
    given(OPENED, Closed()).when(replay, RecordSigningKey, old=KEYS[0], new=KEYS[1]).tags("signing_key_rotated")
