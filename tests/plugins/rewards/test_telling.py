"""Who is told what: only what stands, nothing private where others read, nothing of the past, no second time."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from milepost_contracts.events import goal as events
from milepost_contracts.testing import Host, Story
from milepost_contracts.testing.story import uid
from tests.plugins.rewards.rewarding import active, amended, day, hosted, rule
from tests.support.receiving import Receiver

HIT = rule("hit", on="goal.milestone_hit", give={"kind": "badge", "title": "Well done", "points": 5})
HELD = rule("held", when="deadline_held")
VOUCHER = rule("hit", on="goal.milestone_hit", give={"kind": "voucher", "title": "Book", "pool": "books"})


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as found:
        yield found


def _http(receiver: Receiver, path: str = "{person}") -> str:
    return f"json://127.0.0.1:{receiver.port}/{path}"


def _sent(receiver: Receiver) -> list[dict[str, str]]:
    """Return title and message of every request, in order."""
    return [json.loads(one.body) for one in receiver.received]


def test_a_channel_hears_nothing_private(receiver: Receiver, tmp_path: Path) -> None:
    """Where others read, a message has no milestone, no code and no person; and revocations are not told there."""
    (tmp_path / "books.txt").write_text("BOOK-0001\n")
    story = Story()
    goal = active(story)
    hit = goal.hit("First talk")
    secrets = {"tenants": {"acme": {"pools": {"books": {"file": str(tmp_path / "books.txt")}}}}}
    host = hosted(story, VOUCHER, secrets=secrets | {"channel": [_http(receiver, "all")]})
    host.deliver(*story.documents)
    host.perform()
    (told,) = _sent(receiver)
    assert told["title"] == "Book"
    assert told["message"].split("\n")[0] == "A reward was given: Book"
    for word in (b"BOOK-0001", b"First talk", story.person("mentee")[5:].encode()):
        assert word not in receiver.received[0].body
    host.deliver(goal.retract(hit))
    host.perform()
    assert len(receiver.received) == 1


def test_who_has_no_destination_gets_the_reward_all_the_same() -> None:
    """No message is asked for; the reward is there for whoever looks."""
    story = Story()
    active(story).hit()
    host = hosted(story, HIT)
    host.deliver(*story.documents)
    assert host.effects == []
    assert [one["title"] for one in host.ask("granted", by=story.person("mentee"))["granted"]] == ["Well done"]


def test_a_destination_that_is_gone_is_given_up() -> None:
    """Between asking and sending an operator removed it: nothing is left to try."""
    story = Story()
    active(story).hit()
    host = hosted(story, HIT, secrets={"channel": ["json://127.0.0.1:9/"]})
    host.deliver(*story.documents)
    other = hosted(story, HIT)
    other.stored = host.stored
    other.crash_after_commit()
    other.perform()
    assert list(other.stored.dead.values()) == ["no_destination"]
    for kept in (other.stored.dead, other.stored.attempts, other.stored.grants):
        kept.clear()
    other.perform()
    assert list(other.stored.dead.values()) == ["unknown_grant"]


def test_nobody_is_told_of_the_past(receiver: Receiver) -> None:
    """In a replay messages are listed, not sent; what is revoked afterwards was never told, and is not told now."""
    story = Story()
    goal = active(story)
    hit = goal.hit()
    host = hosted(story, HIT, secrets={"personal": [_http(receiver)]})
    host.deliver(*story.documents, mode="replay")
    assert len(host.suppressed) == len(host.grants) == 1
    host.deliver(goal.retract(hit))
    host.perform()
    assert (host.grants, receiver.received) == ([], [])


def test_a_reward_that_is_taken_back_is_told_or_not(receiver: Receiver) -> None:
    """By message, or silently; a reward given anew after silence is not told a second time."""
    story = Story()
    goal = active(story, deadline=day(9))
    goal.close(on=day(1))
    amends = [amended(goal, "achieved", "missed"), amended(goal, "missed", "achieved")]
    secrets = {"personal": [_http(receiver)]}
    for on_revoked, titles in (("message", ["Held", "Taken back: Held", "Held"]), ("silent", ["Held"])):
        receiver.received.clear()
        host = hosted(story, HELD, secrets=secrets, on_revoked=on_revoked)
        for document in story.documents[:-2]:
            host.deliver(document)
        host.perform()
        for amend in amends:
            host.deliver(amend)
            host.perform()
        assert [one["title"] for one in _sent(receiver)] == titles


def test_only_what_stands_is_told(receiver: Receiver) -> None:
    """Taken back before its message left: neither the reward nor its end is told; what was given anew is."""
    story = Story()
    goal = active(story, deadline=day(9))
    goal.close(on=day(1))
    first = goal.hit("First")
    goal.retract(first)
    amended(goal, "achieved", "missed")
    amended(goal, "missed", "achieved")
    host = hosted(story, HIT, HELD, secrets={"personal": [_http(receiver)]})
    host.deliver(*story.documents)
    host.perform()
    assert {one["title"] for one in _sent(receiver)} == {"Held"}


def test_a_streak_that_is_given_anew_at_once_bothers_nobody(receiver: Receiver) -> None:
    """Revoked and granted in one turn: its person, who has been told, hears nothing."""
    story = Story()
    goal = active(story)
    for number in range(4):
        goal.check_in(f"{number}", on=day(number))
    host = hosted(story, rule("streak", when="streak", n=3), secrets={"personal": [_http(receiver)]})
    host.deliver(*story.documents)
    host.perform()
    host.deliver(goal.add(events.CheckInVoided(check_in=uid("0"), reason="Not held")))
    host.perform()
    assert len(host.grants) == 1
    assert [one["title"] for one in _sent(receiver)] == ["Streak"]


def test_an_erased_person_is_told_nothing(receiver: Receiver) -> None:
    """A message that waits when its person is erased does not leave; later causes give them nothing."""
    story = Story()
    goal = active(story)
    goal.hit("First")
    host = hosted(story, HIT, secrets={"personal": [_http(receiver)]})
    host.deliver(*story.documents)
    host.deliver(story.erase(story.person("mentee")), goal.hit("Second", by=story.person("mentor")))
    host.perform()
    assert receiver.received == []
    assert len(host.grants) == 1


def test_a_code_comes_with_its_message_or_later(receiver: Receiver, tmp_path: Path) -> None:
    """With a code the message has it; without one it says that it follows, and then it does."""
    file = tmp_path / "books.txt"
    file.write_text("BOOK-0001\n")
    story = Story()
    goal = active(story)
    goal.hit("1"), goal.hit("2"), goal.hit("3")
    secrets = {"tenants": {"acme": {"pools": {"books": {"file": str(file)}}}}, "personal": [_http(receiver)]}
    host = hosted(story, VOUCHER, secrets=secrets)
    host.deliver(*story.documents)
    host.perform()
    file.write_text("BOOK-0001\nBOOK-0002\nBOOK-0003\n")
    host.act("serve")
    host.perform()
    lines = [one["message"].split("\n") for one in _sent(receiver)]
    assert "Your code: BOOK-0001" in lines[0]
    assert all("Your code follows." in one for one in lines[1:3])
    assert [(one["title"], line) for one, (_, line, *_) in zip(_sent(receiver)[3:], lines[3:], strict=True)] == [
        ("Your code: Book", "Your code: BOOK-0002"),
        ("Your code: Book", "Your code: BOOK-0003"),
    ]


def test_codes_owed_since_a_replay_come_silently(receiver: Receiver, tmp_path: Path) -> None:
    """Who was rewarded for the past finds the code without being told."""
    (tmp_path / "books.txt").touch()
    story = Story()
    active(story).hit()
    secrets = {"tenants": {"acme": {"pools": {"books": {"file": str(tmp_path / "books.txt")}}}}}
    host = hosted(story, VOUCHER, secrets=secrets | {"personal": [_http(receiver)]})
    host.deliver(*story.documents, mode="replay")
    (tmp_path / "books.txt").write_text("BOOK-0001\n")
    assert host.act("serve")["served"] == 1
    host.perform()
    assert receiver.received == []
    assert host.ask("granted", by=story.person("mentee"))["granted"][0]["code"] == "BOOK-0001"


def test_a_mentorships_reward_names_no_goal(receiver: Receiver) -> None:
    """What is rewarded of a mentorship has no link to a goal."""
    from milepost_contracts.events import mentorship
    from milepost_contracts.types import Party

    story = Story()
    mentee = story.person("mentee")
    parties = [Party(ref=mentee, role="mentee")]
    story.add(mentorship.Requested(requester=mentee, parties=parties, format="peer"), by=mentee, id_=uid("pair"))
    story.add(mentorship.Completed(completed_on=day(9)), by=mentee, id_=uid("pair"))
    host: Host = hosted(
        story,
        rule(on="mentorship.completed"),
        secrets={"personal": [_http(receiver)]},
        link="https://example.com/goals/{goal}",
    )
    host.deliver(*story.documents)
    host.perform()
    (told,) = _sent(receiver)
    assert "example.com" not in told["message"]
