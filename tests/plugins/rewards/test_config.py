"""What an operator writes wrongly is told with its place and what is meant; secrets are never told."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import milepost_rewards
import msgspec
import pytest
from milepost_rewards.config import EVENT_NAMES, RULES_MAX, Config
from milepost_rewards.secret import CODE_CHARS_MAX, Pool, Secrets, Unreadable, codes

from milepost_contracts.loading import load
from milepost_contracts.plugin import PluginError
from tests.plugins.rewards.rewarding import rule

PERSON = "user:01990000-0000-7000-8000-000000000001"
VOUCHER = {"kind": "voucher", "title": "Book", "pool": "books"}


def _config(*rules: dict[str, Any], **members: Any) -> Config:
    found: Config = load(milepost_rewards).configured(
        "config_schema", {"rules": list(rules)} | members, source="rewards.toml"
    )
    return found


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (rule(), "it needs on = the event that it rewards, or when = a named condition"),
        (
            rule(on="goal.milestone_hitt"),
            "no event 'goal.milestone_hitt' to reward: did you mean 'goal.milestone_hit'?",
        ),
        (rule(on="person.linked"), "there is no event 'person.linked' to reward"),
        (rule(on="goal.check_in_voided"), "goal.check_in_voided takes back or puts right: nothing is given for it"),
        (rule(on="goal.closure_amended"), "takes back or puts right"),
        (rule(when="streak", n=3, on="goal.closed"), "streak is about goal.check_in_held, not goal.closed"),
        (rule(when="streak"), "a streak needs n = how many check-ins"),
        (rule(when="streak", n=1), "rules[0].n"),
        (rule(when="achieved_early"), "achieved_early needs days = how early"),
        (rule(when="deadline_held", days=3), "days belongs to when = achieved_early"),
        (rule(when="first_milestone", once="goal"), "once belongs to when = event"),
        (rule(on="goal.closed", deadline="present"), "deadline belongs to when = achieved_early or deadline_held"),
        (rule(when="streaks", n=3), "rules[0].when"),
        (rule(on="goal.created", to="everybody"), "rules[0].to"),
        (rule(on="goal.created", too="both"), "rules[0].too: no such setting: did you mean 'to'?"),
        (rule(on="goal.created", only={"kind": "smartt"}), "kind 'smartt' is none: did you mean 'smart'?"),
        (
            rule(on="goal.created", only={"focus": ["skill", "luck"]}),
            "focus 'luck' is none: there are skill, knowledge",
        ),
        (rule(on="goal.created", only={"result": "missed"}), "only a closing has a result"),
        (rule(on="mentorship.completed", to="owner"), "a mentorship has no owner"),
        (rule(on="mentorship.completed", only={"kind": "smart"}), "a mentorship has no kind"),
        (rule(on="goal.created", since="2026-02-01", until="2026-01-31"), "until is before since"),
        (rule(on="goal.created", give={"kind": "points", "title": "P"}), "kind 'points' needs points"),
        (rule(on="goal.created", give={"kind": "voucher", "title": "V"}), "kind 'voucher' needs pool"),
        (rule(on="goal.created", give={"title": "V", "pool": "books"}), "and nothing else has one"),
        (rule(on="goal.created", give={"title": ""}), "rules[0].give.title"),
        (rule(on="goal.created", limit={"at_most": 0, "per": "day"}), "rules[0].limit.at_most"),
        (rule(on="goal.created", limit={"at_most": 1, "per": "decade"}), "rules[0].limit.per"),
        (rule("Rule One", on="goal.created"), "rules[0].id"),
    ],
)
def test_a_wrong_rule_is_told_with_its_place(wrong: dict[str, Any], told: str) -> None:
    """Every mistake in a rule stops the plugin before any event, with a sentence that says what to write."""
    with pytest.raises(PluginError) as error:
        _config(wrong)
    assert error.value.code == "invalid_config"
    assert told in str(error.value)
    assert "rules[0]" in str(error.value)


def test_all_that_is_wrong_with_a_rule_is_told_at_once() -> None:
    """Who mends one mistake does not find the next one afterwards."""
    with pytest.raises(PluginError, match="n belongs to when = streak; until is before since"):
        _config(rule(on="goal.created", n=3, since=dt.date(2026, 2, 1), until=dt.date(2026, 1, 1)))


def test_rules_have_names_of_their_own() -> None:
    """A grant names its rule, so two of one name are refused; so are more than there are places for."""
    with pytest.raises(PluginError, match="two rules are called 'a'"):
        _config(rule("a", on="goal.created"), rule("a", on="goal.closed"))
    many = [rule(f"r{number}", on="goal.created") for number in range(RULES_MAX + 1)]
    assert len(_config(*many[:-1]).rules) == RULES_MAX
    with pytest.raises(PluginError, match=r"rules: "):
        _config(*many)


@pytest.mark.parametrize(
    ("messages", "told"),
    [
        ({"granted": {"title": "{titel}", "body": "b"}}, "no placeholder {titel}: did you mean 'title'?"),
        ({"granted": {"title": "t", "body": "{title.__class__}"}}, "a placeholder is a name in braces"),
        ({"granted": {"title": "t", "body": "{title!r}"}}, "a placeholder is a name in braces"),
        ({"granted": {"title": "t", "body": "{title"}}, "expected '}'"),
        ({"granted": {"title": "t", "body": "{}"}}, "a placeholder is a name in braces"),
        ({"channel": {"title": "t", "body": "{code}"}}, "others read a channel: {code} has no place there"),
        ({"channel": {"title": "{milestone}", "body": "b"}}, "others read a channel: {milestone} has no place there"),
        ({"link": "https://example.com/{id}"}, "link has one placeholder, {goal}"),
        ({"on_revoked": "shout"}, "messages.on_revoked"),
        ({"timeout_s": 60}, "messages.timeout_s"),
    ],
)
def test_wrong_words_are_told_before_they_are_sent(messages: dict[str, Any], told: str) -> None:
    """A message with a placeholder that there is not, or a code in a channel, never leaves."""
    with pytest.raises(PluginError) as error:
        _config(messages=messages)
    assert told in str(error.value)


def test_every_event_that_may_be_rewarded_exists() -> None:
    """The list holds goals' and mentorships' events, and none that takes something back."""
    assert "goal.milestone_hit" in EVENT_NAMES
    assert "mentorship.completed" in EVENT_NAMES
    assert not {"goal.reopened", "goal.check_in_amended", "person.linked", "programme.closed"} & set(EVENT_NAMES)


# Secrets


def _secrets(members: dict[str, Any]) -> Secrets:
    found: Secrets = load(milepost_rewards).configured("secrets_schema", members, source="rewards.secrets.toml")
    return found


@pytest.mark.parametrize(
    ("members", "told"),
    [
        ({"channel": ["mailto//user:hunter22@example.com"]}, "is no URL of Apprise"),
        ({"channel": ["nosuch://user:hunter22@example.com"]}, "of the scheme nosuch:// is no URL of Apprise"),
        ({"people": {PERSON: ["slack://hunter22"]}}, "of the scheme slack:// is no URL of Apprise"),
        ({"people": {"ada": []}}, "people"),
        ({"personal": ["json://hunter22@example.com/"]}, "a personal destination has {person} in it"),
        ({"tenants": {"acme": {"personal": ["json://hunter22@example.com/"]}}}, "tenants"),
        ({"programmes": {"growth": {}}}, "programmes"),
        ({"channels": []}, "channels: no such setting: did you mean 'channel'?"),
        ({"channel": ["json://localhost/"] * 6}, "channel"),
        ({"tenants": {"acme": {"pools": {"books": {}}}}}, "a pool has codes = [...] or file = a path"),
        ({"tenants": {"acme": {"pools": {"books": {"codes": ["a"], "file": "/x"}}}}}, "one of them"),
        ({"tenants": {"acme": {"pools": {"books": {"file": "hunter22.txt"}}}}}, "file needs an absolute path"),
        ({"tenants": {"acme": {"pools": {"books": {"codes": ["hunter22", "hunter22"]}}}}}, "a code is there twice"),
        ({"tenants": {"acme": {"pools": {"books": {"codes": [" hunter22"]}}}}}, "begins or ends with a space"),
        (
            {
                "tenants": {
                    "a": {"pools": {"x": {"codes": ["hunter22"]}}},
                    "b": {"pools": {"x": {"codes": ["hunter22"]}}},
                }
            },
            "two pools have the same code",
        ),
        (
            {"tenants": {"a": {"pools": {"x": {"file": "/hunter22"}, "y": {"file": "/hunter22"}}}}},
            "two pools have the same file",
        ),
    ],
)
def test_wrong_secrets_are_told_without_them(members: dict[str, Any], told: str) -> None:
    """An error says what is wrong and where, and neither a password nor a code nor a path."""
    with pytest.raises(PluginError) as error:
        _secrets(members)
    assert told in str(error.value)
    assert "hunter22" not in str(error.value)


def test_secrets_do_not_show_themselves() -> None:
    """Whoever prints them sees their kind alone."""
    found = _secrets(
        {"channel": ["json://hunter22@localhost/"], "tenants": {"acme": {"pools": {"b": {"codes": ["x"]}}}}}
    )
    assert repr(found) == "<Secrets>"
    assert repr(found.tenants["acme"].pools["b"]) == "<Pool>"


def test_the_nearest_destination_counts() -> None:
    """A person's own, then personal ones of programme, tenant and everybody, then channels in the same order."""
    programme = "01990000-0000-7000-8000-0000000000aa"
    everything = {
        "people": {PERSON: ["json://own/"]},
        "programmes": {programme: {"personal": ["json://p/{person}"], "channel": ["json://pc/"]}},
        "tenants": {"acme": {"personal": ["json://t/{person}"], "channel": ["json://tc/"]}},
        "personal": ["json://e/{person}"],
        "channel": ["json://ec/"],
    }
    steps: list[tuple[str, bool]] = [("json://own/", True)]
    steps += [(f"json://{place}/{PERSON[5:]}", True) for place in "pte"]
    steps += [(f"json://{place}c/", False) for place in "pte"]
    removes: list[Any] = [
        lambda: everything.pop("people"),
        lambda: everything["programmes"][programme].pop("personal"),  # type: ignore[index]  # as it is above
        lambda: everything["tenants"]["acme"].pop("personal"),  # type: ignore[index]  # as it is above
        lambda: everything.pop("personal"),
        lambda: everything.pop("programmes"),
        lambda: everything.pop("tenants"),
        lambda: everything.pop("channel"),
    ]
    for (url, personal), remove in zip(steps, removes, strict=True):
        assert _secrets(everything).destinations("acme", PERSON, programme) == ((url,), personal)
        remove()
    assert _secrets(everything).destinations("acme", PERSON, programme) == ((), False)
    assert _secrets({"programmes": {programme: {"channel": ["json://x/"]}}}).destinations("acme", PERSON, None) == (
        (),
        False,
    )


def test_a_file_of_codes_is_read_when_it_changes(tmp_path: Path) -> None:
    """Remarks, blank lines, spaces around and repetitions are no codes; what is added is there at once."""
    file = tmp_path / "books.txt"
    pool = Pool(file=str(file))
    with pytest.raises(Unreadable, match=r"cannot be read \(FileNotFoundError\)"):
        codes(pool)
    file.write_text("\ufeff# books\nA-1\n\n  B#2 \r\nA-1\n", "utf-8")
    assert codes(pool) == ("A-1", "B#2")
    assert codes(pool) is codes(pool)
    file.write_text("A-1\nB#2\nC-3\n", "utf-8")
    assert codes(pool) == ("A-1", "B#2", "C-3")
    file.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(Unreadable, match="no UTF-8 text"):
        codes(pool)
    file.write_text("A-1\n" + "x" * (CODE_CHARS_MAX + 1), "utf-8")
    with pytest.raises(Unreadable, match="line 2 of its file is longer"):
        codes(pool)


def test_a_file_that_is_no_list_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """More bytes or codes than a list may have are refused, with how many it may."""
    file = tmp_path / "books.txt"
    file.write_text("A\nB\nC\n", "utf-8")
    monkeypatch.setattr("milepost_rewards.secret.CODES_MAX", 2)
    with pytest.raises(Unreadable, match="more than 2 codes"):
        codes(Pool(file=str(file)))
    monkeypatch.setattr("milepost_rewards.secret.FILE_BYTES_MAX", 5)
    file.write_text("A\nB\nC\nD\n", "utf-8")
    with pytest.raises(Unreadable, match="larger than 5 bytes"):
        codes(Pool(file=str(file)))


def test_the_configuration_survives_its_way_to_the_process() -> None:
    """As MessagePack without dates of its own, the form in which a host hands it over, it means the same."""
    members = {"rules": [rule(on="goal.created", since=dt.date(2026, 1, 1))]}
    handed = msgspec.msgpack.decode(msgspec.msgpack.encode(members))
    assert _config(*handed["rules"]) == _config(*members["rules"])
