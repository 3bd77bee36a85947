"""Rewards that were given: found again, taken back, rebuilt from facts, and none in a dry run."""

from __future__ import annotations

import msgspec

from milepost.react.store import Store
from tests.react.turns import PERSON, TENANT, event_id, grant, kept


def test_grants(store: Store) -> None:
    """Grants are found by tenant, goal and person, in the order in which they were given, revoked ones too."""
    ann = f"user:{event_id(9)}"
    store.keep_apart(kept(2, granted=(grant(2), grant(1, person=ann))))
    store.keep_apart(kept(3, granted=(grant(3),), tenant="other"))
    store.keep_apart(kept(4, revoked=(grant(2, revoked_by=event_id(4)),), granted=(grant(4),)))
    assert store.grants(TENANT) == [grant(2, revoked_by=event_id(4)), grant(1, person=ann), grant(4)]
    assert store.grants(TENANT, person=ann) == [grant(1, person=ann)]
    assert store.grants(TENANT, goal=grant(4).aggregate_id, person=PERSON) == [grant(4)]
    assert store.grants("nobody") == []
    listed = store.given()
    assert [(one.tenant, one.grant.cause, one.dry) for one in listed] == [
        (TENANT, event_id(2), False), (TENANT, event_id(1), False), ("other", event_id(3), False),
        (TENANT, event_id(4), False),
    ]  # fmt: skip
    assert store.given(after=listed[0].number, limit=1) == listed[1:2]
    assert store.given(tenant="other") == listed[2:3]
    assert store.given(person=ann) == listed[1:2]
    assert store.given(goal=grant(4).aggregate_id) == listed[3:]


def test_grants_from_facts(store: Store) -> None:
    """Grants that the facts tell are added, those that are known stay as they are, with their codes."""
    store.keep_apart(kept(1, granted=(grant(1),)))
    told = [
        msgspec.structs.replace(grant(n), reward=msgspec.structs.replace(grant(n).reward, code=None)) for n in (1, 2)
    ]
    assert store.seed_grants([(TENANT, told[0]), (TENANT, told[1]), (TENANT, told[1])]) == 1
    assert store.grants(TENANT) == [grant(1), told[1]]
    assert store.seed_grants([]) == 0


def test_a_dry_run_grants_and_revokes_nothing(store: Store) -> None:
    """In a dry run the plugin sees what it granted and revoked; when it ends, nothing of that was."""
    store.keep_apart(kept(1, granted=(grant(1),)))
    store.set_mode("dry_run", 50)
    store.keep_apart(kept(2, mode="dry_run", granted=(grant(2),), revoked=(grant(1, revoked_by=event_id(2)),)))
    assert store.grants(TENANT) == [grant(1, revoked_by=event_id(2)), grant(2)]
    assert [(one.grant.id, one.dry) for one in store.given()] == [(grant(1).id, True), (grant(2).id, True)]
    assert store.counts().grants == 2
    store.set_mode("dry_run", 60)
    assert len(store.grants(TENANT)) == 2
    store.set_mode("live")
    assert store.grants(TENANT) == [grant(1)]
    assert (store.status().mode, store.status().replay_until) == ("live", 0)
