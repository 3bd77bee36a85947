"""What README.md tells operators is true: its examples load and do what it says."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import milepost_rewards
import pytest
from milepost_rewards.config import RULES_MAX, STREAK_MAX, Config, Messages
from milepost_rewards.secret import DESTINATIONS_MAX, Secrets

from milepost_contracts.events import goal as events
from milepost_contracts.loading import load
from milepost_contracts.testing import Host, Story, check
from milepost_contracts.testing.story import uid
from tests.plugins.rewards.rewarding import active, day, given

README = (Path(__file__).parents[3] / "plugins" / "rewards" / "README.md").read_text("utf-8")
CONFIG, SECRETS = re.findall(r"```toml\n(.*?)```", README, re.DOTALL)


def test_the_example_of_rules_loads() -> None:
    """As it is written; what it calls defaults are the defaults."""
    found: Config = load(milepost_rewards).configured("config_schema", tomllib.loads(CONFIG), source="rewards.toml")
    assert [rule.id for rule in found.rules] == [
        "first-milestone", "four-in-a-row", "early", "held", "hit", "first-feedback", "together",
    ]  # fmt: skip
    defaults = Messages()
    for name in ("on_revoked", "timeout_s", "owed", "served", "revoked", "channel"):
        assert getattr(found.messages, name) == getattr(defaults, name)
    assert found.messages.granted.body.strip() == defaults.granted.body.strip()
    assert found.messages.granted.title == defaults.granted.title


def test_the_example_of_secrets_loads() -> None:
    """As it is written; the nearest destination of the example's person is their own."""
    found: Secrets = load(milepost_rewards).configured("secrets_schema", tomllib.loads(SECRETS), source="secrets")
    (person,) = found.people
    assert found.destinations("acme", person, None) == (found.people[person], True)
    assert found.destinations("acme", "user:x", None) == (("jsons://gateway.example.com/notify/x",), True)
    assert found.pool("acme", "books") is not None


def test_the_example_does_what_it_says(tmp_path: Path) -> None:
    """A year of a goal under the rules of the example: each gives what its comment promises."""
    (tmp_path / "books.txt").write_text("BOOK-0001\n")
    secrets = SECRETS.replace("/etc/milepost/books.txt", str(tmp_path / "books.txt"))
    story = Story()
    host = Host(milepost_rewards, config=tomllib.loads(CONFIG), secrets=tomllib.loads(secrets), story=story)
    goal = active(story, deadline=day(60), visibility="tenant")
    goal.hit("First", on=day(1)), goal.hit("Second", on=day(2))
    for number in range(4):
        goal.check_in(f"{number}", on=day(10 * number))
    goal.add(events.FeedbackGiven(feedback=uid("feedback"), text="Well done"))
    goal.close(on=day(40))
    host.deliver(*story.documents)
    assert given(host) == [
        "early mentee", "first-feedback mentee", "first-milestone mentee", "first-milestone mentor",
        "four-in-a-row mentee", "four-in-a-row mentor", "hit mentee",
    ]  # fmt: skip
    assert host.ask("points", by=story.person("mentee"))["points"] == 10 + 20 + 5


def test_the_example_stands_the_check_of_the_kit(tmp_path: Path) -> None:
    """Everything happens to it, twice, in every mode, across restarts and tenants: nothing is to be put right."""
    (tmp_path / "books.txt").write_text("BOOK-0001\nBOOK-0002\n")
    secrets = tomllib.loads(SECRETS.replace("/etc/milepost/books.txt", str(tmp_path / "books.txt")))
    checked = check(milepost_rewards, config=tomllib.loads(CONFIG), secrets=secrets)
    assert checked.findings == []
    assert checked.grants > 0
    assert checked.effects > 0


@pytest.mark.parametrize(
    "words", [f"{RULES_MAX} rules; streaks of up to {STREAK_MAX}", "up to five each", "within 15 minutes"]
)
def test_the_limits_are_those_that_hold(words: str) -> None:
    """Numbers in the text are those of the code."""
    assert words in README
    assert DESTINATIONS_MAX == 5
    assert milepost_rewards.REFILL_PAUSE.total_seconds() == 15 * 60
