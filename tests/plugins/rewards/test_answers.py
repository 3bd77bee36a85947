"""Who asks sees what was granted: people their own, administrators everybody's without codes, others nothing."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pytest

from milepost_contracts.events import mentorship
from milepost_contracts.testing import Host, Story
from milepost_contracts.testing.host import HookFailed
from milepost_contracts.testing.story import uid
from milepost_contracts.types import Party
from tests.plugins.rewards.rewarding import active, given, hosted, rule

ADMIN: dict[str, Any] = {"by": "service:admin", "roles": ["admin"]}


def _hosted(tmp_path: Path) -> Host:
    (tmp_path / "books.txt").write_text("BOOK-0001\n")
    story = Story()
    goal = active(story)
    hit = goal.hit("First")
    goal.check_in()
    goal.retract(hit)
    goal.hit("Second")
    rules = (
        rule("points", on="goal.milestone_hit", give={"kind": "points", "title": "Hit", "points": 5}, to="both"),
        rule("book", on="goal.check_in_held", give={"kind": "voucher", "title": "Book", "pool": "books", "points": 1}),
    )
    pools = {"books": {"file": str(tmp_path / "books.txt")}}
    host = hosted(story, *rules, secrets={"tenants": {"acme": {"pools": pools}}})
    host.deliver(*story.documents)
    return host


def test_people_see_their_own_rewards(tmp_path: Path) -> None:
    """Standing ones, with the code; with `revoked` those that were taken back, too, and by what."""
    host = _hosted(tmp_path)
    mentee = host.story.person("mentee")
    found = host.ask("granted", by=mentee)
    assert found["person"] == mentee
    assert [(one["rule"], one["kind"], one["title"], one["points"]) for one in found["granted"]] == [
        ("book", "voucher", "Book", 1),
        ("points", "points", "Hit", 5),
    ]
    book = found["granted"][0]
    assert (book["code"], book["owed"]) == ("BOOK-0001", False)
    assert (book["aggregate"], book["id"]) == ("goal", host.grants[0].aggregate_id)
    assert dt.datetime.fromisoformat(book["at"]) == host.grants[0].at
    everything = host.ask("granted", by=mentee, revoked=True)["granted"]
    assert [("revoked_by" in one, one["rule"]) for one in everything] == [
        (True, "points"),
        (False, "book"),
        (False, "points"),
    ]
    assert host.ask("granted", by=host.story.person("third"))["granted"] == []


def test_administrators_see_what_a_person_has_but_no_code(tmp_path: Path) -> None:
    """A code is its person's; others than administrators see nothing of somebody else."""
    host = _hosted(tmp_path)
    mentee, mentor = host.story.person("mentee"), host.story.person("mentor")
    book = host.ask("granted", person=mentee, **ADMIN)["granted"][0]
    assert "code" not in book
    assert book["owed"] is False
    for name, arguments in (
        ("granted", {"person": mentee}),
        ("points", {"person": mentee}),
        ("points", {"everybody": True}),
    ):
        with pytest.raises(HookFailed, match="not_allowed"):
            host.ask(name, by=mentor, **arguments)
    with pytest.raises(HookFailed, match="not_allowed"):
        host.ask("owed", by=mentor)


def test_points_are_the_sum_of_what_stands(tmp_path: Path) -> None:
    """What was revoked counts no more; administrators see everybody's."""
    host = _hosted(tmp_path)
    mentee, mentor = host.story.person("mentee"), host.story.person("mentor")
    assert host.ask("points", by=mentee) == {"person": mentee, "points": 6}
    assert host.ask("points", person=mentor, **ADMIN) == {"person": mentor, "points": 5}
    assert host.ask("points", everybody=True, **ADMIN) == {"points": {mentee: 6, mentor: 5}}
    assert host.ask("points", by=host.story.person("third"))["points"] == 0


def test_unknown_questions_and_arguments_are_told_apart(tmp_path: Path) -> None:
    """A question that there is not has no answer; an argument that is misspelt is an error."""
    host = _hosted(tmp_path)
    assert host.ask("leaders", by=host.story.person("mentee")) is None
    for name in ("granted", "points", "owed"):
        with pytest.raises(HookFailed, match=r"invalid_arguments: .*persn"):
            host.ask(name, by=host.story.person("mentee"), persn="x")


@pytest.mark.parametrize("name", ["granted", "points"])
@pytest.mark.parametrize("person", ["maya", "", "user:maya", "service:web", 7, "user:{}\n"])
def test_who_is_asked_about_is_named_by_id(tmp_path: Path, name: str, person: Any) -> None:
    """What is no `user:UUID` is refused, rather than answered as if somebody had nothing."""
    host = _hosted(tmp_path)
    typed = str(person).format(uid("nobody")) if person != 7 else person
    with pytest.raises(HookFailed, match=r"invalid_arguments: .*is no user:UUID"):
        host.ask(name, person=typed, **ADMIN)
    nobody = host.story.person("nobody")
    assert host.ask(name, person=nobody, **ADMIN) == {"person": nobody, name: {"granted": [], "points": 0}[name]}


def test_yes_and_no_are_taken_as_a_command_line_types_them(tmp_path: Path) -> None:
    """`revoked=false` is no."""
    host = _hosted(tmp_path)
    mentee = host.story.person("mentee")
    found = {typed: len(host.ask("granted", by=mentee, revoked=typed)["granted"]) for typed in ("true", "false")}
    assert found == {"true": 3, "false": 2}
    assert host.ask("points", by=mentee, everybody="false")["person"] == mentee


def test_an_erased_person_is_shown_to_nobody_and_given_nothing(tmp_path: Path) -> None:
    """Their rewards and points are gone from answers, also administrators'; the others' stay."""
    host = _hosted(tmp_path)
    mentee, mentor = host.story.person("mentee"), host.story.person("mentor")
    pair = uid("pair")
    parties = [Party(ref=mentee, role="mentee"), Party(ref=mentor, role="mentor")]
    requested = mentorship.Requested(requester=mentee, parties=parties, format="one_to_one")
    host.deliver(host.story.add(requested, by=mentee, id_=pair))
    assert [party["ref"] for party in host.state[f"mentorship/{pair}"]["parties"]] == [mentee, mentor]
    host.deliver(host.story.erase(mentee))
    assert [party["ref"] for party in host.state[f"mentorship/{pair}"]["parties"]] == [mentor]
    assert {key for key, value in host.state.items() if mentee in key or mentee in str(value)} == {f"erased/{mentee}"}
    assert host.ask("granted", person=mentee, **ADMIN)["granted"] == []
    assert host.ask("points", everybody=True, **ADMIN) == {"points": {mentor: 5}}
    third = active(host.story, name="third")
    before = given(host)
    host.deliver(*host.story.documents, third.hit())
    assert given(host) == sorted([*before, "points mentor"])


def test_a_plugin_without_rules_is_well_and_gives_nothing() -> None:
    """Installed and not configured, it follows what happens and does nothing; its health says what is lacking."""
    story = Story()
    active(story).hit()
    host = hosted(story)
    host.deliver(*story.documents)
    assert host.grants == []
    health = host.runner.health().result
    assert (health.ok, health.message) == (True, "there are no rules in rewards.toml: nobody is given anything")
