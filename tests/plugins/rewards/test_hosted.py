"""In a process of its own, over a real broker, with a real mail server: rewards live, replayed, and asked for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from milepost_contracts.plugin import Question
from tests.plugins.rewards.rewarding import active, day
from tests.react.conftest import MakeHost
from tests.support.hosting import Hosting
from tests.support.smtp import LATER, Mailbox

REWARDS = {"rewards": "milepost_rewards"}
RULES = """
[[rules]]
id = "first"
when = "first_milestone"
give = { kind = "badge", title = "A first step" }
to = "both"
since = 2026-01-01

[[rules]]
id = "held"
when = "deadline_held"
give = { kind = "voucher", title = "A book", pool = "books" }
"""


def _configured(host: Hosting, box: Mailbox, file: Path) -> None:
    host.configure("rewards", RULES)
    url = box.url(**{"from": "milepost@example.com", "to": "{person}@example.com"})
    secrets = host.folder / "plugins" / "rewards.secrets.toml"
    secrets.write_text(f'personal = ["{url}"]\n[tenants.acme.pools.books]\nfile = "{file}"\n')
    secrets.chmod(0o600)


async def _granted(host: Hosting, name: str) -> list[dict[str, Any]]:
    assert host.service is not None
    person = host.story.person(name)
    worker = host.service.workers["rewards"]
    answer = await worker.answer(Question(name="granted", tenant=host.story.tenant, actor=person))
    found: list[dict[str, Any]] = answer["granted"]
    return found


async def test_rewards_are_told_once_and_a_replay_tells_nobody(hosting: MakeHost, tmp_path: Path) -> None:
    """Live, two rewards go out by mail, one at the second try; a replay from an emptied state changes nothing."""
    file = tmp_path / "books.txt"
    file.write_text("BOOK-0001\nBOOK-0002\n")
    with Mailbox() as box:
        host = hosting(REWARDS)
        _configured(host, box, file)
        await host.start()
        await host.until("rewards", lambda report: report.state == "running" and report.mode == "live")
        goal = active(host.story, deadline=day(9))
        first = goal.hit("First talk")
        goal.retract(first)
        goal.hit("First talk, really")
        goal.close(on=day(2))
        await host.publish()
        report = await host.until("rewards", lambda report: report.effects_sent >= 5 and not report.effects_waiting)
        assert report.parked == report.effects_dead == 0
        standing = [mail.subject for mail in box.received if not mail.subject.startswith("Taken back")]
        assert standing.count("A book") == 1
        assert "Your code: BOOK-0001" in next(mail for mail in box.received if mail.subject == "A book").text
        before = {name: await _granted(host, name) for name in ("mentee", "mentor")}
        assert [(one["rule"], one.get("code")) for one in before["mentee"]] == [("first", None), ("held", "BOOK-0001")]
        assert [one["rule"] for one in before["mentor"]] == ["first"]
        mails = len(box.received)
        await host.told("replay", "rewards")
        await host.until("rewards", lambda report: report.mode == "live" and report.lag == 0)
        await host.caught_up("rewards")
        assert {name: await _granted(host, name) for name in before} == before
        assert len(box.received) == mails
        facts = await host.facts("rewards")
        assert (
            sorted(fact["type"] for fact in facts)
            == ["rewards.reward_granted.v1"] * 5 + ["rewards.reward_revoked.v1"] * 2
        )
        assert b"BOOK-" not in str(facts).encode()


async def test_history_gives_rewards_and_says_nothing(hosting: MakeHost, tmp_path: Path) -> None:
    """Installed when everything has happened: rewards are there to be seen, an empty pool is told by health."""
    file = tmp_path / "books.txt"
    file.touch()
    with Mailbox(LATER) as box:
        host = hosting(REWARDS)
        _configured(host, box, file)
        goal = active(host.story, deadline=day(9))
        goal.hit("First talk")
        goal.close(on=day(2))
        await host.publish()
        await host.start()
        await host.caught_up("rewards")
        assert [one["rule"] for one in await _granted(host, "mentee")] == ["first", "held"]
        report = await host.report("rewards")
        assert (report.effects_sent, report.effects_suppressed) == (0, 3)
        assert host.service is not None
        health = await host.service.workers["rewards"].health()
        assert (health.ok, health.message) == (False, "acme: the pool books is empty; vouchers owed: 1")
        file.write_text("BOOK-0001\n")
        told = await host.told("act", "rewards", name="serve", tenant="acme", actor="service:admin", id="1")
        assert told.result == {"served": 1, "waiting": False}
        assert [one.get("code") for one in await _granted(host, "mentee")] == [None, "BOOK-0001"]
        assert box.received == []
