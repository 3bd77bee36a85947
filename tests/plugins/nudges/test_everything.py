"""Everything that can happen, in two tenants, over a year: told live with timers, and in a replay."""

from __future__ import annotations

import milepost_nudges
import msgspec
import pytest

from milepost_contracts.plugin import Delivered, Mode
from milepost_contracts.testing import Host
from milepost_contracts.testing.everything import BEGIN, Everything


@pytest.mark.parametrize("mode", ["live", "replay", "dry_run"])
def test_every_event_there_is(mode: Mode) -> None:
    """Nothing fails, nothing is asked for twice with other contents, no words and nobody who was erased are kept."""
    everything = Everything()
    host = Host(milepost_nudges, secrets={"default": ["json://localhost"]}, mode=mode, now=BEGIN)
    for document in everything.documents:
        host.advance(Delivered(document).recorded)
        host.deliver(document)
    before = dict(host.stored.state)
    host.redeliver()
    host.redeliver(forgotten=True)
    assert host.stored.state == before
    assert host.conflicts == []
    assert bool([name for name, _ in host.facts if name == "nudged"]) is (mode == "live")
    kept = {key: value.decode() for key, value in host.stored.state.items()}
    kept |= {("", key): msgspec.json.encode(one.arguments).decode() for key, one in host.stored.outbox.items()}
    facts = [fact.document.decode() for fact in host.stored.facts.values()]
    assert not [said for said in everything.words if any(said in text for text in [*kept.values(), *facts])]
    for tenant, person in everything.erased.items():
        holding = [key for (of, key), text in kept.items() if of == tenant and (person in key or person in text)]
        assert holding == []
        assert not [key for of, key in host.stored.timers if of == tenant and person in key]
