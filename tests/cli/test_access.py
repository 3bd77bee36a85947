"""`milepost access` against a running Milepost: who read what, told to whom it concerns."""

from __future__ import annotations

import pytest

from tests.cli.conftest import new_person
from tests.support.shell import Shell


@pytest.fixture
def talk(shell: Shell) -> Shell:
    """Give a shell of somebody new with a goal, whose history priya (an admin) has looked at."""
    shell.done('goal create "Give a talk" --deadline 2027-06-30')
    goal = shell.done("goal list --json").document["goals"][0]["id"]
    shell.done(f'history {goal} --as priya --reason "A claim about the hall"')
    return shell


def test_the_owner_sees_who_read_it(talk: Shell) -> None:
    """Whose goal it is sees who read it and when, and not why: that is for admins, auditors and who gave it."""
    told = talk.done("access --goal talk").out
    assert "priya" in told
    assert "history" in told
    assert "(not for you)" in told
    assert "claim" not in told
    document = talk.done("access --goal talk --kind history --json").document
    (entry,) = document["accesses"]
    assert (entry["via"], entry["everything"], entry["reason"]) == ("service:cli", False, None)
    assert [unread["why"] for unread in document["unread"]] == ["not_entitled"]
    assert "Nobody read anything here." in talk.done(f"access --goal talk --reader {new_person()}").err


def test_an_admin_sees_why(talk: Shell) -> None:
    """Admins see the reasons, of a reader, of a kind, from a day on; a page leads to the next."""
    assert "A claim about the hall" in talk.done("access --as priya --reader priya --kind history").out
    page = talk.done("access --as priya --limit 1")
    assert "More: --cursor " in page.err
    cursor = page.err.split("--cursor ")[1].split()[0]
    assert talk.done(f"access --as priya --limit 1 --cursor {cursor}").out != page.out
    assert "Nobody read anything here." in talk.done("access --as priya --until 2020-01-01").err
    assert "A claim" in talk.done("access --as priya --since today --until today --kind history").out


def test_what_one_read_oneself(talk: Shell) -> None:
    """Everybody sees what they read themselves, with the reasons that they gave."""
    talk.done("goal show talk")
    entries = talk.done("access --reader me --json").document["accesses"]
    assert {entry["kind"] for entry in entries} == {"keys"}


def test_others_are_nobodys_business(talk: Shell) -> None:
    """Who is no party learns nothing of a goal's readers, nor of what somebody else reads; typing errors are told."""
    goal = talk.done("goal list --json").document["goals"][0]["id"]
    for line in (f"access --goal {goal} --as {new_person()}", "access --reader priya", "access"):
        ended = talk(line)
        assert (ended.status, "access_unknown" in ended.err) == (1, True)
    assert talk("access --since yesterweek").status == 2
    assert talk("access --reader nobody-known").status == 2
    assert talk("access --reader service:view --as priya").status == 0
