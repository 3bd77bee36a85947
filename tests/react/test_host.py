"""The host and a healthy plugin: what it is handed, what it keeps, what goes out, and what administrators do."""

from __future__ import annotations

import msgspec

from milepost_contracts.answers import Refused
from milepost_contracts.queries import AskPlugin, AskPluginAnswer
from milepost_contracts.reviews import Passed, decode_answer
from tests.react.conftest import MakeHost
from tests.support.hosting import Hosting
from tests.support.nats import Connect

HEALTHY = {"healthy": "tests.react.plugins.healthy"}


def told(host: Hosting) -> tuple[str, str]:
    """Tell a short story: a goal, a check-in, a milestone; return (goal, the hit's event id)."""
    story = host.story
    goal = story.goal(story.person("mentee"), story.person("mentor"), title="To speak before many people")
    goal.check_in()
    hit = goal.hit("The very first talk")
    return goal.id, hit.id


async def test_what_happens_live_is_kept_rewarded_said_and_performed(hosting_both: MakeHost) -> None:
    """Events of a live plugin come to state, a grant, facts, an effect that is performed, and a timer that is fired."""
    host = hosting_both(HEALTHY)
    host.configure("healthy", f'folder = "{host.folder}"')
    await host.start()
    await host.until("healthy", lambda report: report.state == "running")
    goal, hit = told(host)
    await host.publish()
    report = await host.until(
        "healthy", lambda report: report.effects_sent == 1 and report.facts_published == 2 and not report.timers
    )
    assert (report.mode, report.grants, report.effects_dead) == ("live", 1, 0)
    assert host.state("healthy") == {f"seen/{goal}": [1, 2, 3]}
    facts = await host.facts("healthy")
    assert {fact["type"] for fact in facts} == {"healthy.reward_granted.v1", "healthy.woken.v1"}
    granted = next(fact for fact in facts if "granted" in fact["type"])
    assert granted["actor"] == "plugin:healthy@1.0.0"
    assert granted["causationid"] == hit
    performed = (host.folder / "performed").read_text().splitlines()
    assert performed == [f"healthy/{hit}/thank {granted['data']['grant']} 1"]


async def test_history_is_replayed_and_nobody_is_congratulated(hosting_both: MakeHost) -> None:
    """A plugin from the beginning goes through history: state and facts come, effects and timers are listed."""
    host = hosting_both(HEALTHY)
    host.configure("healthy", f'folder = "{host.folder}"')
    goal, _ = told(host)
    await host.publish()
    await host.start()
    report = await host.caught_up("healthy")
    assert (report.effects_suppressed, report.effects_sent, report.timers_listed) == (1, 0, 1)
    assert host.state("healthy") == {f"seen/{goal}": [1, 2, 3]}
    assert [fact["type"] for fact in await host.facts("healthy")] == ["healthy.reward_granted.v1"]
    assert not (host.folder / "performed").exists()


async def test_a_restart_goes_on_where_it_was(hosting_both: MakeHost) -> None:
    """Another host on the same store takes what came meanwhile, once, and nothing again."""
    host = hosting_both(HEALTHY)
    host.configure("healthy", f'folder = "{host.folder}"')
    await host.start()
    await host.until("healthy", lambda report: report.state == "running")
    goal, _ = told(host)
    await host.publish()
    await host.until("healthy", lambda report: report.effects_sent == 1)
    await host.stop()
    await host.start()
    host.story.goal(host.story.person("mentee"), name="another")
    await host.publish()
    report = await host.caught_up("healthy")
    assert (report.effects_sent, report.grants, report.handled) == (1, 1, 4)
    assert host.state("healthy")[f"seen/{goal}"] == [1, 2, 3]


async def test_what_is_taken_back_is_revoked(hosting_both: MakeHost) -> None:
    """A retracted hit revokes what was granted for it, and says so."""
    host = hosting_both(HEALTHY)
    host.configure("healthy", f'folder = "{host.folder}"')
    story = host.story
    goal = story.goal(story.person("mentee"), story.person("mentor"))
    hit = goal.hit()
    goal.retract(hit)
    await host.publish()
    await host.start()
    await host.caught_up("healthy")
    assert [fact["type"].split(".")[1] for fact in await host.facts("healthy")] == ["reward_granted", "reward_revoked"]


async def test_a_replay_from_the_beginning_gives_nothing_twice(hosting_both: MakeHost) -> None:
    """`replay` builds the state anew from all history; what was granted, said and performed stays as it was."""
    host = hosting_both(HEALTHY)
    host.configure("healthy", f'folder = "{host.folder}"')
    await host.start()
    await host.until("healthy", lambda report: report.state == "running")
    goal, _ = told(host)
    await host.publish()
    await host.until("healthy", lambda report: report.effects_sent == 1 and report.facts_published == 2)
    before = await host.facts("healthy")
    await host.told("replay", "healthy")
    report = await host.caught_up("healthy")
    assert (report.grants, report.effects_sent, report.effects_suppressed) == (1, 1, 0)
    assert host.state("healthy") == {f"seen/{goal}": [1, 2, 3]}
    assert await host.facts("healthy") == before
    assert len((host.folder / "performed").read_text().splitlines()) == 1


async def test_a_dry_run_tells_what_would_be_done(hosting_both: MakeHost) -> None:
    """`replay --dry-run` goes through history beside the live plugin, counts what would go out, changes nothing."""
    host = hosting_both(HEALTHY)
    host.configure("healthy", f'folder = "{host.folder}"')
    goal, _ = told(host)
    await host.publish()
    await host.start()
    before = await host.caught_up("healthy")
    dry = (await host.told("replay", "healthy", dry_run=True)).dry
    assert dry is not None
    assert (dry.events, dry.effects, dry.facts, dry.failed) == (3, {"thank": 1}, {"reward_granted": 1}, [])
    after = await host.report("healthy")
    assert (after.effects_suppressed, after.handled) == (before.effects_suppressed, before.handled)
    assert not (host.folder / "performed").exists()
    assert host.state("healthy") == {f"seen/{goal}": [1, 2, 3]}


async def test_commands_go_out_as_the_plugin(hosting_both: MakeHost) -> None:
    """A command is sent once it is kept, with the plugin as its actor; a refusal is listed."""
    host = hosting_both(HEALTHY)
    host.configure("healthy", f'folder = "{host.folder}"\ncomments = true')
    host.answers = Refused(errors=[])
    await host.start()
    await host.until("healthy", lambda report: report.state == "running")
    goal, _ = told(host)
    await host.publish()
    await host.until("healthy", lambda report: report.effects_dead == 1 and not report.effects_waiting)
    (command,) = host.commands
    assert (command.actor, command.id) == ("plugin:healthy@1.0.0", goal)


async def test_questions_are_answered_and_reviews_given(hosting_both: MakeHost, connect: Connect) -> None:
    """Over the bus: a question with its asker's roles, one that nobody knows, and a review that says no, or yes."""
    host = hosting_both(HEALTHY)
    host.configure("healthy", f'folder = "{host.folder}"')
    goal, _ = told(host)
    await host.publish()
    await host.start()
    await host.caught_up("healthy")
    cli, accept = await connect("cli"), await connect("accept")
    query = AskPlugin(actor="service:cli", plugin="healthy", name="seen")
    subject = "goals.query.v1.acme.cli.ask_plugin"
    answer = await cli.request(subject, msgspec.json.encode(query), timeout=10)
    assert msgspec.json.decode(answer.data, type=AskPluginAnswer).result == {f"seen/{goal}": [1, 2, 3]}
    unknown = msgspec.json.encode(msgspec.structs.replace(query, name="nothing"))
    assert b"question_unknown" in (await cli.request(subject, unknown, timeout=10)).data
    for result, expected in (("abandoned", "not_yet"), ("achieved", "")):
        body = {"command_id": goal, "id": goal, "actor": "service:cli", "result": result, "closed_on": "2026-03-01"}
        review = {"aggregate": "goal", "command": "close_goal", "version": 3, "body": body}
        given = await accept.request("goals.review.v1.acme.healthy", msgspec.json.encode(review), timeout=10)
        said = decode_answer(given.data)
        if expected:
            assert isinstance(said, Refused)
            assert said.errors[0].code == expected
        else:
            assert isinstance(said, Passed)


async def test_a_plugin_is_paused_resumed_disabled_and_enabled(hosting_both: MakeHost) -> None:
    """What comes while a plugin is paused or disabled waits for it, and is taken afterwards."""
    host = hosting_both(HEALTHY)
    host.configure("healthy", f'folder = "{host.folder}"')
    await host.start()
    await host.until("healthy", lambda report: report.state == "running")
    for stop, go in (("pause", "resume"), ("disable", "enable")):
        await host.told(stop, "healthy")
        await host.until("healthy", lambda report: report.state in ("paused", "disabled"))
        goal, _ = told(host)
        await host.publish()
        await host.told(go, "healthy")
        await host.caught_up("healthy")
    assert host.state("healthy")[f"seen/{goal}"] == [1, 2, 3, 4, 5, 6]
