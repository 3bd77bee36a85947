"""An operator configures okr after everything has happened: a real host is started again, and asked."""

from __future__ import annotations

from typing import Any

from milepost.asking import Asker
from milepost_contracts.queries import AskPlugin, AskPluginAnswer
from tests.plugins.okr.telling import Company
from tests.react.conftest import MakeHost
from tests.support.nats import Connect

SETTINGS = """
cycles = [{ key = "q1", starts_on = 2026-01-01, ends_on = 2026-03-31 }]
objectives = [{ key = "grow-1", cycle = "q1", key_results = [{ key = "sales-1" }] }]
rules = [{ to = "sales-1", focus = ["business"] }]
"""


async def test_a_first_configuration_is_answered_by_at_once(hosting: MakeHost, connect: Connect) -> None:
    """No event comes after it: the numbers are there all the same, and `settle` begins to keep them."""
    host, company = hosting({"okr": "milepost_okr"}), Company()
    for number in range(3):
        goal = company.goal(f"goal {number}")
        goal.reading("7")
    host.story = company.story
    await host.start()
    await host.until("okr", lambda report: report.state == "running")
    await host.publish()
    await host.caught_up("okr")
    asker = Asker(await connect("cli"), "cli")

    async def asked() -> Any:
        question = AskPlugin(actor="service:cli", plugin="okr", name="objectives", arguments={"goals": False})
        answer = await asker.query("acme", question)
        assert isinstance(answer, AskPluginAnswer), answer
        return answer.result

    assert await asked() == {"objectives": [], "settled": True}
    assert "no objectives" in (await host.told("show", "okr")).plugins[0].health
    await host.stop()
    host.configure("okr", SETTINGS)
    await host.start()
    await host.until("okr", lambda report: report.state == "running")
    before = await asked()
    assert before["settled"] is True
    assert [(one["key"], one["score"]) for one in before["objectives"]] == [("grow-1", "0.5")]
    assert (await host.told("show", "okr")).plugins[0].health == ""
    assert await host.facts("okr") == []
    told = await host.told("act", "okr", tenant="acme", actor="service:cli", name="settle", id="1")
    assert told.result == {"settled": False}
    assert (await host.report("okr")).timers == 1  # which goes on with it
    assert await asked() == before
