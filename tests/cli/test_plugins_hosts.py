"""Where several hosts run, the command line speaks to the one that has the plugin."""

from __future__ import annotations

from milepost.cli.plugins_bus import asked, reports
from milepost.cli.plugins_looking import request
from tests.react.conftest import MakeHost, hosting  # noqa: F401  fixture
from tests.support.nats import Connect, broker, connect  # noqa: F401  fixtures

HEALTHY = {"healthy": "tests.react.plugins.healthy"}
TIMES = 10  # the bus hands a question to either host


async def test_the_host_that_has_it_answers(hosting: MakeHost, connect: Connect) -> None:  # noqa: F811  fixtures
    """Lists, reports and changes are those of the host that runs the plugin, never of the one that waits for it."""
    first = hosting(HEALTHY)
    await first.start()
    await first.until("healthy", lambda report: report.state == "running")
    second = hosting(HEALTHY, folder="second", url=f"sqlite:///{first.folder / 'react' / 'react.sqlite'}")
    await second.start()
    await second.until("healthy", lambda report: report.state == "waiting")
    nc = await connect("cli")
    for _ in range(TIMES):
        assert [one.state for one in await reports(nc)] == ["running"]
        assert (await asked(nc, request("show", "healthy"))).plugins[0].state == "running"
    for _ in range(TIMES):
        assert (await asked(nc, request("pause", "healthy"))).plugins[0].state == "paused"
