"""A plugin asks its host for a goal as it was: of its words those are open that the manifest permits, and no others."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from milepost.asking import AskedGoals, Asker
from milepost.broker import EmbeddedBroker
from milepost.logs import logger
from milepost.replay import ReplayService
from milepost.wiring import subscribing
from milepost_contracts.plugin import Delivered
from tests.react.conftest import MakeHost
from tests.support.accepting import Acceptance, create, ident
from tests.support.hosting import Hosting
from tests.support.nats import Connect

PLUGIN = {"remembering": "tests.react.plugins.remembering"}
TITLE = "Speak freely before a large audience"


@pytest.fixture
async def past(tmp_path: Path, broker: EmbeddedBroker, connect: Connect) -> AsyncIterator[AskedGoals]:
    """Give what asks replay, on the bus and with its own journal and keys, in which there is a goal."""
    (tmp_path / "accept").mkdir()
    accept = Acceptance(tmp_path / "accept")
    accept.open_tenant()
    accept.accepted(create(TITLE, description="In the big hall, with a microphone"))
    options = subscribing(broker.options("replay"))
    service = ReplayService(
        options, accept.journal, accept.keys, gateways=frozenset(), log=logger("replay"), ask=accept.asked
    )
    await service.start()
    yield AskedGoals(Asker(await connect("react"), "react"), "service:react")
    await service.stop()
    accept.close()


def told(host: Hosting) -> Delivered:
    """Let something have happened that makes the plugin ask."""
    story = host.story
    story.goal(story.person("mentee"), title=TITLE, description="In the big hall")
    return Delivered(story.documents[-1])


@pytest.mark.parametrize("inside", [frozenset(), frozenset(PLUGIN)], ids=["process", "inside"])
async def test_the_permitted_words_are_opened_and_kept_nowhere(
    inside: frozenset[str], hosting: MakeHost, past: AskedGoals
) -> None:
    """From the journal's side over the bus to the handler and `perform`; the host's log refuses them as an event's."""
    host: Hosting = hosting(PLUGIN, inside=inside)
    host.goal_at = past
    host.configure("remembering", f'goal = "{ident(TITLE)}"')
    await host.start()
    await host.caught_up("remembering")
    told(host)
    await host.publish()
    report = await host.until("remembering", lambda report: report.effects_sent == 1)
    assert (report.effects_sent, report.effects_dead, report.parked) == (1, 0, 0)
    assert host.state("remembering") == {
        "1": {"title": len(TITLE), "kept": "words_kept", "description": None, "number": "None"}
    }


async def test_a_dry_run_reads_them_too(hosting: MakeHost, past: AskedGoals) -> None:
    """What a plugin would do does not depend on the mode."""
    host: Hosting = hosting(PLUGIN)
    host.goal_at = past
    host.configure("remembering", f'goal = "{ident(TITLE)}"')
    told(host)
    await host.publish()
    await host.start()
    await host.caught_up("remembering")
    dry = (await host.told("replay", "remembering", dry_run=True)).dry
    assert dry is not None
    assert (dry.failed, dry.effects) == ([], {f"read_{len(TITLE)}": 1})


async def test_an_erased_persons_words_stay_sealed_and_numbers_have_any_size(hosting: MakeHost) -> None:
    """A goal whose words nobody can open is told as it is, with numbers that no frame has room for."""
    host: Hosting = hosting(PLUGIN)
    created = told(host)
    host.goals[created.aggregate_id] = {"title": created.members["title"], "number": 2**200}
    await host.publish()
    await host.start()
    await host.caught_up("remembering")
    assert host.state("remembering")["1"]["title"] == len(TITLE)
    host.story.erase(host.story.person("mentee"))
    host.story.goals[created.aggregate_id].hit(by=host.story.person("mentor"))
    await host.publish()
    await host.caught_up("remembering")
    assert host.state("remembering")["2"] == {"title": None, "kept": "", "description": None, "number": str(2**200)}
