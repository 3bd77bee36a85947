"""What went out long ago takes little room, and goes on preventing that anything goes out twice."""

from __future__ import annotations

import asyncio
import datetime as dt
from pathlib import Path

from milepost.logs import logger
from milepost.react.outbox import ARGUMENTS_KEPT_DAYS, TRIMMED_MAX
from milepost.react.ports import Shared
from milepost.react.store import Store
from milepost.react.trimming import trim
from milepost.tasks import end
from tests.react.conftest import MakeHost
from tests.react.turns import BEGIN, NOW, kept, key
from tests.support.hosting import Hosting
from tests.support.waiting import until

LONG = dt.timedelta(days=ARGUMENTS_KEPT_DAYS + 1)


async def test_a_running_plugin_is_rid_of_what_is_old(hosting: MakeHost) -> None:
    """A host drops what was listed long ago, more than fits one transaction, and nothing newer; all keys stay."""
    host = hosting({"healthy": "tests.react.plugins.healthy"})
    now = dt.datetime.now(dt.UTC)
    _listed(host, 0, now - LONG, TRIMMED_MAX + 1)
    _listed(host, 1, now, 1)
    service = await host.start()
    worker = service.workers["healthy"]

    def with_arguments(store: Store) -> list[str]:
        return [one.key for one in store.effects(limit=TRIMMED_MAX * 2) if one.arguments is not None]

    await host.until("healthy", lambda report: report.state == "running")

    async def trimmed() -> bool:
        return await worker.shared.run(with_arguments) == [key(1, "letter 0")]

    await until(trimmed)
    assert (await host.report("healthy")).effects_suppressed == TRIMMED_MAX + 2


def _listed(host: Hosting, number: int, at: dt.datetime, count: int) -> None:
    """Have the event *number* come to *count* effects that were listed *at* then."""
    store = Store(f"sqlite:///{host.folder}/react/react.sqlite", "healthy", clock=lambda: at)
    store.open()
    store.begin(BEGIN, "live")
    store.keep_apart(kept(number, effects={f"letter {place}": {"a": place} for place in range(count)}, mode="replay"))
    store.close()


async def test_it_is_done_again_and_again(tmp_path: Path) -> None:
    """What gets old while a plugin runs is dropped when it is old, not only at the start."""
    times = [NOW]
    store = Store(f"sqlite:///{tmp_path}/react.sqlite", "rewards", clock=lambda: NOW)
    store.open()
    store.begin(BEGIN, "live")
    store.keep_apart(kept(1, effects={"listed": {"a": 1}}, mode="replay"))
    shared, looked = Shared(store), asyncio.Event()

    def clock() -> dt.datetime:
        looked.set()
        return times[-1]

    running = asyncio.create_task(trim(shared, clock, 0.01, logger("react")))
    await looked.wait()
    (before,) = await shared.run(Store.effects)
    times.append(NOW + LONG)

    async def trimmed() -> bool:
        return (await shared.run(Store.effects))[0].arguments is None

    await until(trimmed)
    await end(running)
    store.close()
    assert before.arguments == {"a": 1}
