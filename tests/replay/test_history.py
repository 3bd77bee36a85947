"""What the history of an aggregate tells, to whom, and how it is narrowed."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import pytest

from milepost.journal import KeyStore
from milepost.replay.desk import Desk
from milepost.replay.differing import diff
from milepost.replay.effective import DAY_OF
from milepost.replay.history import history
from milepost.replay.said import SAYINGS
from milepost.replay.sentences import SENTENCES
from milepost.view.fold import occurring
from milepost_contracts.answers import Invalid, Refused
from milepost_contracts.commands import goal
from milepost_contracts.events import EVENTS
from milepost_contracts.queries import Diff, DiffAnswer, History, HistoryAnswer, HistoryEntry
from milepost_contracts.subjects import tenant_id
from milepost_contracts.types import TermsChange
from tests.journal.wishes import run_sql
from tests.replay.goldens import TENANT as GOLDEN_TENANT
from tests.replay.goldens import desk_of, documents, journal_of, keys_of
from tests.support.accepting import TENANT, Acceptance, create, ident, user

ME, OTHER = user("mentee"), user("mentor")
ID = ident("talk")
WHO: dict[str, Any] = {"id": ID, "actor": ME}


@pytest.fixture
def acceptance(tmp_path: Path) -> Iterator[Acceptance]:
    """Give accept with a goal of eight events, one of them told late."""
    accept = Acceptance(tmp_path)
    accept.open_tenant()
    accept.accepted(create("talk", deadline=dt.date(2099, 6, 30)))
    accept.accepted(goal.AddContributor(command_id=ident("c"), ref=OTHER, role="peer", **WHO))
    refined = goal.RefineGoal(
        command_id=ident("r"), changes=TermsChange(title="Give three talks"), trigger="new_information", **WHO
    )
    accept.accepted(refined)
    accept.accepted(
        goal.ShiftDeadline(
            command_id=ident("s"), new=dt.date(2099, 7, 31), reason="The hall is closed", reason_code="dependency",
            occurred_at=dt.datetime(2026, 1, 5, 9, tzinfo=dt.UTC), **WHO,
        )
    )  # fmt: skip
    due: dict[str, Any] = {"title": "First", "due_on": dt.date(2099, 1, 1)}
    accept.accepted(goal.AddMilestone(command_id=ident("m"), milestone=ident("m"), **due, **WHO))
    accept.accepted(goal.TagGoal(command_id=ident("t1"), add=["speaking", "work"], **WHO))
    accept.accepted(goal.TagGoal(command_id=ident("t2"), remove=["work"], **WHO))
    accept.accepted(goal.RecordReflection(command_id=ident("d"), reflection=ident("d"), text="I was afraid", **WHO))
    yield accept
    accept.close()


@pytest.fixture
def desk(acceptance: Acceptance) -> Desk:
    """Give a desk on the same databases."""
    return desk_of(acceptance.journal, acceptance.keys)


def asked(desk: Desk, reader: str = ME, **members: Any) -> HistoryAnswer:
    """Return the answer to who may read it."""
    answer, _ = history(desk, TENANT, History(actor=reader, id=ID, **members), reader)
    assert isinstance(answer, HistoryAnswer), answer
    return answer


def entry(desk: Desk, name: str, **members: Any) -> HistoryEntry:
    """Return the newest entry with this name."""
    return asked(desk, events=[name], **members).entries[0]


def test_an_entry_tells_everything(desk: Desk) -> None:
    """Who, authenticated how, what, recorded and claimed when, why, by which command, and what it changed."""
    told = entry(desk, "deadline-shifted")
    assert (told.actor, told.authenticated) == (ME, "gateway:tests")
    assert told.sentence == "moved the deadline from 2099-06-30 to 2099-07-31 (31 days)"
    assert told.occurred == told.counts_from == dt.datetime(2026, 1, 5, 9, tzinfo=dt.UTC)
    assert told.recorded > told.occurred
    assert (told.reason, told.reason_code, told.command) == ("The hall is closed", "dependency", ident("s"))
    changed = {one.field: (one.before, one.after) for one in told.changes}
    assert changed["deadline"] == ("2099-06-30", "2099-07-31")
    assert changed["revision"] == (2, told.revision) == (2, 3)
    assert (told.state, told.standing) == (None, None)
    with_state = entry(desk, "goal.deadline_shifted.v1", state=True)
    assert with_state.state is not None
    assert (with_state.state["deadline"], with_state.state["title"]) == ("2099-07-31", "Give three talks")
    assert with_state.standing is not None
    refined = entry(desk, "refined")
    assert (refined.trigger, refined.data["before"], refined.data["after"]) == (
        "new_information", {"title": "talk"}, {"title": "Give three talks"},
    )  # fmt: skip


def test_what_is_added_and_taken_off(desk: Desk) -> None:
    """An item that came has its words after it, and is called by them; labels are followed by their words."""
    (added,) = entry(desk, "milestone_added").changes
    assert (added.field, added.change, added.before) == (f"milestones.{ident('m')}", "added", None)
    assert (added.after["title"], added.title) == ("First", "First")
    (on, off) = (one.changes[0] for one in reversed(asked(desk, fields=["tags"]).entries))
    assert (on.before, on.after, off.after) == ([], ["speaking", "work"], ["speaking"])


FILTERS: list[tuple[dict[str, Any], list[int]]] = [
    ({}, [8, 7, 6, 5, 4, 3, 2, 1]),
    ({"oldest_first": True, "limit": 2}, [1, 2]),
    ({"events": ["tagged", "created"]}, [7, 6, 1]),
    ({"actors": [OTHER]}, []),
    ({"actors": [ME], "fields": ["deadline", "milestones"]}, [5, 4, 1]),
    ({"fields": [f"milestones.{ident('m')}"]}, [5]),
    ({"since": "v3", "until": "v5"}, [5, 4, 3]),
    ({"until": "2026-01-06T00:00Z", "by": "occurred"}, [4]),
    ({"since": "2026-01-05T09:00Z", "until": "2026-01-05", "by": "occurred"}, [4]),
    ({"since": "2999-01-01"}, []),
    ({"until": "2000-01-01"}, []),
    ({"caused_by": ident("m")}, [5]),
    ({"cursor": "history-3"}, [2, 1]),
    ({"cursor": "history-6", "oldest_first": True}, [7, 8]),
]


@pytest.mark.parametrize(("members", "versions"), FILTERS)
def test_it_is_narrowed(desk: Desk, members: dict[str, Any], versions: list[int]) -> None:
    """By event, actor, field, time of recording or happening, and cause; in either order, page by page."""
    assert [one.version for one in asked(desk, **members).entries] == versions


def test_a_diary_is_its_authors(desk: Desk) -> None:
    """Others are told that there is an entry, and that its words are not for them."""
    assert entry(desk, "reflection_recorded").data["text"] == "I was afraid"
    answer = asked(desk, OTHER, events=["reflection_recorded"], state=True)
    assert answer.entries[0].data["text"] is None
    assert ("/entries/0/data/text", "not_entitled") in [(one.at, one.why) for one in answer.unread]
    assert "afraid" not in str(msgspec.json.encode(answer))


def test_what_is_erased_is_shown_as_erased(acceptance: Acceptance, tmp_path: Path) -> None:
    """Without the author's key every word is null and named as erased; dates, numbers and who did what stay."""
    url = f"sqlite:///{tmp_path / 'keys.sqlite'}"
    run_sql(url, f"UPDATE holders SET wrapped = NULL, erased_us = 1 WHERE holder = '{ME}'")
    with closing(KeyStore(url, tmp_path / "keys")) as keys:
        left = desk_of(acceptance.journal, keys)
        answer = asked(left, state=True)
        shifted = entry(left, "deadline_shifted")
        assert (shifted.reason, shifted.data["new"], shifted.sentence[:18]) == (
            None,
            "2099-07-31",
            "moved the deadline",
        )
        assert entry(left, "created").sentence == "brought the goal (erased)"
    why = {one.at: one.why for one in answer.unread}
    assert set(why.values()) == {"erased"}
    places = {at.rpartition("/")[2] for at in why}
    assert {"title", "reason", "text"} <= places
    assert b"enc:v1:" not in msgspec.json.encode(answer)
    assert answer.title is None


def test_who_may_not_read_it(desk: Desk) -> None:
    """A stranger is told what those are told who ask for nothing that there is; a cursor of another query is none."""
    stranger = user("stranger")
    invisible, _ = history(desk, TENANT, History(actor=stranger, id=ID), stranger)
    unknown, _ = history(desk, TENANT, History(actor=ME, id=ident("nowhere")), ME)
    assert isinstance(invisible, Refused)
    assert invisible == unknown
    wrong, _ = history(desk, TENANT, History(actor=ME, id=ID, cursor="diff-1"), ME)
    assert isinstance(wrong, Invalid)
    nothing, _ = history(desk, TENANT, History(actor=ME, id=ID, since="v99"), ME)
    assert isinstance(nothing, Refused)
    assert (nothing.errors[0].code, nothing.errors[0].field) == ("version_unknown", "since")


def test_two_points_in_pages(desk: Desk) -> None:
    """Changes come first and then the events between, each once, however small the pages are."""
    whole, _ = diff(desk, TENANT, Diff(actor=ME, id=ID, a="v1", limit=500), ME)
    assert isinstance(whole, DiffAnswer)
    changes, entries, cursor = [], [], None
    while True:
        page, _ = diff(desk, TENANT, Diff(actor=ME, id=ID, a="v1", limit=2, cursor=cursor), ME)
        assert isinstance(page, DiffAnswer)
        assert 0 < len(page.changes) + len(page.entries) <= 2
        changes += page.changes
        entries += page.entries
        if (cursor := page.next) is None:
            break
    assert (changes, entries) == (whole.changes, whole.entries)
    assert (len(entries), whole.events_between) == (7, 7)
    narrow, _ = diff(desk, TENANT, Diff(actor=ME, id=ID, a="v0", b="v8", fields=["deadline"]), ME)
    assert isinstance(narrow, DiffAnswer)
    assert [(one.field, one.before, one.after) for one in narrow.changes] == [("deadline", None, "2099-07-31")]
    assert narrow.a.version == 0


def test_an_event_that_fills_a_message_alone(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """What would not fit beside it is left out and named; who, what and when are told all the same."""
    whole = entry(desk, "created", state=True)
    monkeypatch.setattr("milepost.replay.history.PAGE_BYTES_MAX", len(msgspec.json.encode(whole)) - 1)
    without = entry(desk, "created", state=True)
    assert (without.state, without.left_out) == (None, ["state"])
    assert without.changes == whole.changes
    monkeypatch.setattr("milepost.replay.history.PAGE_BYTES_MAX", 1_800)
    least = asked(desk, state=True)
    assert [(one.version, one.left_out) for one in least.entries] == [(8, ["state"])]
    assert least.next == "history-8"
    created = entry(desk, "created", state=True)
    assert created.left_out[:2] == ["state", "changes"]
    assert (created.sentence, created.changes) == ("brought the goal “talk”", [])


def test_every_event_is_told(tmp_path: Path) -> None:
    """Every event of the golden stream is in the history of its aggregate, with a sentence that has no gap."""
    stream = documents()
    keys = keys_of(tmp_path)
    journal = journal_of(tmp_path, stream)
    desk = desk_of(journal, keys)
    told: set[str] = set()
    auditor = _auditor(desk)
    for ref in {one.ref for one in journal.events_after(GOLDEN_TENANT, 0, 10_000)}:
        query = History(actor=auditor, aggregate=ref[0], id=ref[1], limit=500)
        answer, _ = history(desk, GOLDEN_TENANT, query, auditor)
        assert isinstance(answer, HistoryAnswer), (ref, answer)
        for one in answer.entries:
            told.add(one.type)
            assert "“”" not in one.sentence, one
            assert "  " not in one.sentence
    keys.close()
    journal.close()
    assert told == set(map(_tag, stream))


def _auditor(desk: Desk) -> str:
    directory = desk.histories.newest(GOLDEN_TENANT, ("tenant", tenant_id(GOLDEN_TENANT)))
    found: str = next(ref for ref, roles in directory.roles.items() if {"admin", "auditor"} & roles)
    return found


def _tag(document: bytes) -> str:
    tag: str = msgspec.json.decode(document)["type"]
    return tag


def test_every_event_has_a_sentence() -> None:
    """What an event says is written down for each one that there is, in members that it has."""
    assert {tag.rpartition(".v")[0] for tag in EVENTS} <= SENTENCES.keys()
    for event, saying in SAYINGS.items():
        wanted = {*saying.members, *({saying.item} - {"", "event"})}
        assert wanted <= set(event.__struct_fields__), event


def test_days_are_those_of_the_view() -> None:
    """The day that an event tells of itself is the same in replay and in the view's figures."""
    assert occurring.DAY_OF.items() <= DAY_OF.items()
