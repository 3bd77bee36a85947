"""Timers know of what came before them."""

from __future__ import annotations

import datetime as dt

from milepost.react.store import Store
from tests.react.conftest import MakeHost
from tests.react.turns import kept

REMINDING = {"reminding": "tests.react.plugins.reminding"}


async def test_what_came_before_a_timer_is_handled_before_it(hosting: MakeHost) -> None:
    """A host that was down while a timer came due takes the events of that time first: one of them cancels it."""
    host = hosting(REMINDING)
    await host.start()
    await host.until("reminding", lambda report: report.state == "running")
    await host.stop()
    store = Store(f"sqlite:///{host.folder}/react/react.sqlite", "reminding")
    store.open()
    due = dt.datetime.now(dt.UTC)
    store.keep_apart(kept(timers={"overdue": due, "other": due}, tenant=host.story.tenant))
    store.close()
    goal = host.story.goal(host.story.person("mentee"))
    for _ in range(1_500):  # more than are read at once
        goal.hit()
    goal.check_in()
    await host.publish()
    await host.start()
    await host.until("reminding", lambda report: not report.timers and report.facts_published > 0)
    assert [fact["data"]["key"] for fact in await host.facts("reminding")] == ["other"]
