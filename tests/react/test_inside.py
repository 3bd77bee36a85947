"""A trusted plugin in the host's own process: the same results, and the host outlives its mistakes."""

from __future__ import annotations

from milepost.react.inside import Inside
from milepost.react.policy import Policy
from tests.react.conftest import MakeHost
from tests.react.plugins import stuck

HEALTHY = "tests.react.plugins.healthy"
QUICK = Policy(event_pause_s_min=0.01, event_pause_s_max=0.02, grace_s=0.3, load_again_s=0.2, pause_s_max=0.1)


async def test_inside_comes_to_the_same_without_a_process(hosting: MakeHost) -> None:
    """State, grants, facts and effects of a plugin inside the host are those of one in a process of its own."""
    host = hosting({"healthy": HEALTHY}, inside=frozenset({"healthy"}))
    host.configure("healthy", f'folder = "{host.folder}"')
    service = await host.start()
    await host.until("healthy", lambda report: report.state == "running")
    running = service.workers["healthy"]._process
    assert isinstance(running, Inside)
    assert running.pid is None
    story = host.story
    goal = story.goal(story.person("mentee"), story.person("mentor"), title="To speak before many people")
    goal.check_in()
    hit = goal.hit("The very first talk")
    await host.publish()
    report = await host.until(
        "healthy", lambda report: report.effects_sent == 1 and report.facts_published == 2 and not report.timers
    )
    assert (report.grants, report.effects_dead) == (1, 0)
    assert host.state("healthy") == {f"seen/{goal.id}": [1, 2, 3]}
    assert (host.folder / "performed").read_text().split()[0] == f"healthy/{hit.id}/thank"
    await host.stop()
    await host.start()
    goal.retract(hit)
    await host.publish()
    await host.until("healthy", lambda report: report.facts_published == 3)
    assert host.state("healthy") == {f"seen/{goal.id}": [1, 2, 3, 4]}


async def test_one_that_fails_or_hangs_inside_leaves_its_neighbours_alone(hosting: MakeHost) -> None:
    """What raises is parked; a handler that never comes back keeps its plugin out, is told, and delays nobody else."""
    stuck.GO.clear()
    plugins = {"stuck": "tests.react.plugins.stuck", "healthy": HEALTHY}
    host = hosting(plugins, inside=frozenset({"stuck"}), policy=QUICK)
    host.configure("healthy", f'folder = "{host.folder}"')
    story = host.story
    goal = story.goal(story.person("mentee"), story.person("mentor"))
    goal.check_in()
    await host.publish()
    await host.start()
    try:
        told = await host.until("stuck", lambda report: "hangs_inside" in report.why)
        assert told.parked == 1
        await host.caught_up("healthy")
        assert host.state("healthy") == {f"seen/{goal.id}": [1, 2]}
    finally:
        stuck.GO.set()
    await host.until("stuck", lambda report: report.state == "running" and report.lag == 0)
