"""Voucher codes: in the order of the list, each once ever, owed while there is none, and to be seen by one person."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pytest

from milepost_contracts.events import goal as events
from milepost_contracts.testing import Host, Story, StoryGoal
from milepost_contracts.testing.story import uid
from tests.plugins.rewards.rewarding import active, amended, day, given, hosted, rule

VOUCHER = {"kind": "voucher", "title": "Book", "pool": "books"}
HIT = rule("hit", on="goal.milestone_hit", give=VOUCHER)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Return the list of codes; it is empty."""
    (tmp_path / "books.txt").touch()
    return tmp_path / "books.txt"


def _secrets(file: Path, **members: Any) -> dict[str, Any]:
    return {"tenants": {"acme": {"pools": {"books": {"file": str(file)}}}}} | members


def _add(file: Path, *codes: str) -> None:
    with file.open("a") as opened:
        opened.writelines(f"{code}\n" for code in codes)


def _codes(host: Host, *names: str) -> list[str | None]:
    """Return the codes that people see, in the order in which they were granted."""
    found = []
    for name in names or ("mentee", "mentor"):
        person = host.story.person(name)
        found += [(grant["at"], grant["code"]) for grant in host.ask("granted", by=person)["granted"]]
    return [code for _, code in sorted(found, key=lambda one: one[0])]


def _hits(story: Story, count: int) -> StoryGoal:
    goal = active(story)
    for number in range(count):
        goal.hit(f"{number}")
    return goal


def test_codes_are_given_in_the_order_of_the_list(file: Path) -> None:
    """Two rewards get the first two codes, and nothing but their person's answer holds them."""
    _add(file, "BOOK-0001", "BOOK-0002", "BOOK-0003")
    story = Story()
    _hits(story, 2)
    host = hosted(story, HIT, secrets=_secrets(file, channel=["json://127.0.0.1:9/"]))
    host.deliver(*story.documents)
    assert _codes(host) == ["BOOK-0001", "BOOK-0002"]
    _nowhere(host, "BOOK-")


def _nowhere(host: Host, code: str) -> None:
    """Assert that no fact, effect, log line or state holds a code."""
    kept = [*host.stored.state.values(), *(fact.document for fact in host.stored.facts.values())]
    assert not any(code.encode() in one for one in kept)
    assert code not in str([one.arguments for one in host.stored.outbox.values()])
    assert code not in str([*host.stored.outbox, *host.log])


def test_codes_in_the_secrets_themselves_are_given_too() -> None:
    """A short list needs no file; the kit's own guard keeps those codes out of state."""
    story = Story()
    _hits(story, 2)
    secrets = {"tenants": {"acme": {"pools": {"books": {"codes": ["BOOK-0001", "BOOK-0002"]}}}}}
    host = hosted(story, HIT, secrets=secrets)
    host.deliver(*story.documents)
    assert _codes(host) == ["BOOK-0001", "BOOK-0002"]
    _nowhere(host, "BOOK-")


def test_a_reward_that_is_given_anew_has_the_same_code(file: Path) -> None:
    """Revoked and given again for the same closing: no second code is used."""
    _add(file, "A", "B")
    story = Story()
    goal = active(story, deadline=day(9))
    closed = goal.close(on=day(1))
    host = hosted(story, rule("held", when="deadline_held", give=VOUCHER), secrets=_secrets(file))
    host.deliver(*story.documents)
    host.deliver(amended(goal, "achieved", "missed"), amended(goal, "missed", "achieved"))
    assert _codes(host) == ["A"]
    host.deliver(goal.retract(closed), goal.close(on=day(2)))
    assert _codes(host) == ["A"]
    assert host.ask("owed", by="service:admin", roles=["admin"])["pools"] == [
        {"pool": "books", "given": 1, "owed": 0, "free": 1}
    ]


def test_a_code_of_a_revoked_reward_is_not_given_to_anybody_else(file: Path) -> None:
    """Whoever had it may have used it."""
    _add(file, "A", "B")
    story = Story()
    goal = active(story)
    first = goal.hit("0")
    goal.retract(first)
    goal.hit("1")
    host = hosted(story, HIT, secrets=_secrets(file))
    host.deliver(*story.documents)
    assert _codes(host) == ["B"]


def test_an_empty_pool_owes_and_a_refilled_one_serves_in_order(file: Path) -> None:
    """Three rewards find one code: two are owed, told as facts, and served first when the list grows."""
    _add(file, "A")
    story = Story()
    goal = _hits(story, 3)
    host = hosted(story, HIT, secrets=_secrets(file))
    host.deliver(*story.documents)
    assert _codes(host) == ["A", None, None]
    assert [name for name, _ in host.facts if name.startswith("voucher")] == ["voucher_owed"] * 2
    owed = host.ask("owed", by="service:admin", roles=["admin"])
    assert [(one["number"], one["title"]) for one in owed["owed"]] == [(2, "Book"), (3, "Book")]
    assert owed["pools"] == [{"pool": "books", "given": 1, "owed": 2, "free": 0}]
    health = host.runner.health().result
    assert (health.ok, health.message) == (False, "acme: the pool books is empty; vouchers owed: 2")
    _add(file, "B", "C", "D")
    host.deliver(goal.hit("3"))
    assert _codes(host) == ["A", "B", "C", "D"]
    assert [(name, data["number"]) for name, data in host.facts if name == "voucher_served"] == [
        ("voucher_served", 2),
        ("voucher_served", 3),
    ]
    assert host.runner.health().result.ok
    _nowhere(host, '"B"')


def test_who_waits_is_served_without_an_event(file: Path) -> None:
    """A timer looks every quarter of an hour, and an administrator may ask at once."""
    story = Story()
    _hits(story, 2)
    host = hosted(story, HIT, secrets=_secrets(file))
    host.deliver(*story.documents)
    host.advance(host.now + dt.timedelta(minutes=40))
    assert _codes(host) == [None, None]
    _add(file, "A")
    host.advance(host.now + dt.timedelta(minutes=20))
    assert _codes(host) == ["A", None]
    _add(file, "B")
    assert host.act("serve") == {"served": 1, "waiting": False}
    assert host.act("serve", id_="2") == {"served": 0, "waiting": False}
    assert host.act("other") is None
    assert _codes(host) == ["A", "B"]
    host.advance(host.now + dt.timedelta(hours=1))
    assert host.stored.timers == {}


def test_more_who_wait_than_fit_a_turn_are_served_in_several(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The rest comes with the next event or timer, still in order."""
    monkeypatch.setattr("milepost_rewards.vouchers.SERVED_MAX", 2)
    story = Story()
    _hits(story, 5)
    host = hosted(story, HIT, secrets=_secrets(file))
    host.deliver(*story.documents)
    _add(file, *"ABCDE")
    assert host.act("serve") == {"served": 2, "waiting": True}
    assert _codes(host) == ["A", "B", None, None, None]
    host.advance(host.now + dt.timedelta(hours=1))
    assert _codes(host) == [*"ABCDE"]


def test_who_lost_the_reward_while_waiting_keeps_the_place(file: Path) -> None:
    """The code of a revoked claim is set aside, so that reading history again gives everybody the same."""
    story = Story()
    goal = active(story)
    first = goal.hit("0")
    goal.hit("1")
    host = hosted(story, HIT, secrets=_secrets(file))
    host.deliver(*story.documents, goal.retract(first))
    assert [one["number"] for one in host.ask("owed", by="service:admin", roles=["admin"])["owed"]] == [2]
    _add(file, "A", "B")
    host.act("serve")
    assert _codes(host) == ["B"]
    assert [data["number"] for name, data in host.facts if name == "voucher_served"] == [2]
    again = hosted(story, HIT, secrets=_secrets(file))
    again.deliver(*story.documents, mode="replay")
    assert _codes(again) == ["B"]


def test_a_claim_that_is_given_anew_while_it_waits_waits_on(file: Path) -> None:
    """Amended twice while the pool is empty: one claim, one code."""
    story = Story()
    goal = active(story, deadline=day(9))
    goal.close(on=day(1))
    amended(goal, "achieved", "missed")
    amended(goal, "missed", "achieved")
    host = hosted(story, rule("held", when="deadline_held", give=VOUCHER), secrets=_secrets(file))
    host.deliver(*story.documents)
    _add(file, "A", "B")
    assert host.act("serve") == {"served": 1, "waiting": False}
    assert _codes(host) == ["A"]
    assert host.ask("owed", by="service:admin", roles=["admin"])["pools"][0]["free"] == 1


@pytest.mark.parametrize("keeps", [(), ("grants",)], ids=["everything is lost", "grants are kept"])
def test_history_read_again_gives_the_same_codes(file: Path, keeps: tuple[str, ...]) -> None:
    """State is emptied and history replayed: every grant has the code it had, also one that was owed first."""
    _add(file, "A")
    story = Story()
    goal = _hits(story, 3)
    host = hosted(story, HIT, secrets=_secrets(file))
    host.deliver(*story.documents)
    _add(file, "B", "C", "D", "E")
    host.deliver(goal.hit("3"))
    before, codes = {grant.id for grant in host.grants}, _codes(host)
    again = hosted(story, HIT, secrets=_secrets(file))
    if keeps:
        again.stored.grants.update(host.stored.grants)
    again.deliver(*story.documents, mode="replay")
    assert {grant.id for grant in again.grants} == before
    assert _codes(again) == codes == [*"ABCD"]
    again.deliver(goal.hit("4"))
    assert _codes(again) == [*"ABCDE"]


def test_the_list_may_be_rewritten(file: Path) -> None:
    """Codes that were given before are passed over wherever they stand, and new ones are found before them."""
    _add(file, "A", "B")
    story = Story()
    goal = _hits(story, 2)
    host = hosted(story, HIT, secrets=_secrets(file))
    host.deliver(*story.documents)
    file.write_text("Z\nB\nA\n")
    host.deliver(goal.hit("2"))
    assert _codes(host) == ["A", "B", "Z"]
    file.write_text("Y\n")
    host.deliver(goal.hit("3"))
    assert _codes(host) == ["A", "B", "Z", "Y"]


def test_a_code_that_left_the_list_after_it_was_owed_cannot_be_shown(file: Path) -> None:
    """What was served later is found by its hash: without the list, its person sees that it was given, not the code."""
    story = Story()
    _hits(story, 1)
    host = hosted(story, HIT, secrets=_secrets(file))
    host.deliver(*story.documents)
    _add(file, "A")
    host.act("serve")
    file.write_text("")
    (shown,) = host.ask("granted", by=story.person("mentee"))["granted"]
    assert (shown["owed"], shown["code"]) == (False, None)


def test_a_pool_that_cannot_be_read_or_is_not_there_owes(file: Path) -> None:
    """The goal goes on, health says what is missing, and nothing is lost once it is there."""
    story = Story()
    _hits(story, 1)
    file.unlink()
    host = hosted(story, HIT, secrets=_secrets(file))
    host.deliver(*story.documents)
    message = host.runner.health().result.message
    assert message.startswith("acme: the pool books: its file cannot be read (FileNotFoundError); acme: the pool books")
    assert str(file) not in message
    assert host.ask("owed", by="service:admin", roles=["admin"])["pools"][0]["free"] is None
    _add(file, "A")
    assert host.act("serve")["served"] == 1
    none = hosted(story, HIT)
    none.deliver(*story.documents)
    assert _codes(none) == [None]
    assert none.runner.health().result.message == "no tenant has a pool books"


def test_tenants_share_no_codes(file: Path) -> None:
    """What another tenant has to give is not given here."""
    _add(file, "A")
    story = Story("other")
    _hits(story, 1)
    host = hosted(story, HIT, secrets=_secrets(file))
    host.deliver(*story.documents)
    assert _codes(host) == [None]


def test_an_erased_person_leaves_the_code_used_and_the_place_taken(file: Path) -> None:
    """What is kept of a person goes; no code that was theirs, or that was to be theirs, comes to somebody else."""
    _add(file, "A")
    story = Story()
    goal = active(story)
    both = HIT | {"to": "both"}
    host = hosted(story, both, secrets=_secrets(file))
    goal.hit("0")
    host.deliver(*story.documents)
    mentee, mentor = story.person("mentee"), story.person("mentor")
    assert (_codes(host, "mentee"), _codes(host, "mentor")) == (["A"], [None])
    host.deliver(story.erase(mentee), story.erase(mentor))
    kept = {key: value for key, value in host.state.items() if not key.startswith(("goal/", "held/"))}
    assert {key.partition("/")[0] for key in kept} == {"used", "pool", "owed", "erased"}
    assert not any(person in str(value) for person in (mentee, mentor) for value in kept.values())
    assert host.ask("granted", by=mentee)["granted"] == []
    _add(file, "B", "C")
    other = story.goal(story.person("third"), name="other")
    host.deliver(*story.documents, other.hit("1"), goal.hit("2"))
    assert _codes(host, "third") == ["C"]
    assert given(host)[-1] == "hit third"
    assert [data for name, data in host.facts if name == "voucher_served"] == []


def test_vouchers_of_a_streak_are_told_apart(file: Path) -> None:
    """Each repetition has a code of its own, and one that breaks and is earned again the one it had."""
    _add(file, "A", "B", "C")
    story = Story()
    goal = active(story)
    for number in range(4):
        goal.check_in(f"{number}", on=day(number))
    host = hosted(story, rule("streak", when="streak", n=2, repeat=True, give=VOUCHER), secrets=_secrets(file))
    host.deliver(*story.documents)
    assert _codes(host) == ["A", "B"]
    host.deliver(goal.add(events.CheckInVoided(check_in=uid("0"), reason="Not held")))
    assert _codes(host) == ["B"]
    host.deliver(goal.check_in("0 again", on=day(0)))
    assert sorted(map(str, _codes(host))) == ["A", "B"]
