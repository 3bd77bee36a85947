"""Reading: pages, positions, old forms as new ones, and nothing believed that is not what was written."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from eventsourcing.persistence import Notification, StoredEvent

from milepost.journal import Append, Attributes, Committed, Journal, JournalCorrupt, JournalUnavailable, Wanted
from milepost_contracts.envelope import EnvelopeError
from milepost_contracts.events import goal as goal_events
from tests.journal.wishes import ACTOR, append, goal, new_id, run_sql, wanted

Opening = Callable[..., Journal]


def fill(journal: Journal, *tenants: str) -> None:
    """Append one event for each of *tenants*, in that order."""
    for tenant in tenants:
        journal.append([append({goal(): 0}, tenant=tenant)])


def test_pages_in_journal_order(journal: Journal) -> None:
    """Paging by position gives every event of all tenants once, in the order of their commits."""
    fill(journal, "b", "a", "b", "a", "c")
    read: list[tuple[str, int]] = []
    position = 0
    while page := journal.after(position, 2):
        read += [(event.tenant, event.sequence) for event in page]
        position = page[-1].position
    assert read == [("b", 1), ("a", 1), ("b", 2), ("a", 2), ("c", 1)]
    assert journal.last_position() == position


def test_counting_along_the_journal(journal: Journal) -> None:
    """The relay can ask how far it is behind, and where the n-th next event is."""
    assert (journal.count_after(0), journal.nth_after(0, 1), journal.last_position()) == (0, None, 0)
    fill(journal, *"abcde")
    positions = [event.position for event in journal.after(0, 10)]
    assert [journal.count_after(position) for position in positions] == [4, 3, 2, 1, 0]
    assert [journal.nth_after(0, count) for count in range(1, 7)] == [*positions, None]
    assert journal.nth_after(positions[1], 2) == positions[3]


def test_pages_of_a_tenant(journal: Journal) -> None:
    """A tenant's events come by its own sequence, with positions, and never another's."""
    fill(journal, "a", "b", "a", "a")
    assert [event.sequence for event in journal.events_after("a", 0, 2)] == [1, 2]
    assert [event.sequence for event in journal.events_after("a", 2, 2)] == [3]
    assert journal.events_after("a", 3, 2) == []
    second = journal.at("a", 2)
    assert second is not None
    assert second.position == journal.after(0, 10)[2].position
    assert journal.at("a", 4) is journal.at("unknown", 1) is None


def test_all_of_a_kind(journal: Journal) -> None:
    """The events of a tenant's goals come the newest first, page by page, and never another's or another kind's."""
    fill(journal, "a", "b", "a-", "a", "a")
    journal.append([append({("mentorship", new_id()): 0}, tenant="a")])
    assert [event.sequence for event in journal.of_kind("a", "goal", 100, 2)] == [3, 2]
    assert [event.sequence for event in journal.of_kind("a", "goal", 2, 2)] == [1]
    assert journal.of_kind("a", "goal", 1, 2) == journal.of_kind("a", "goa", 100, 2) == []
    assert [event.sequence for event in journal.of_kind("a", "mentorship", 100, 2)] == [4]
    assert [event.tenant for event in journal.of_kind("a-", "goal", 100, 2)] == ["a-"]


def test_heads_of_many_tenants(journal: Journal) -> None:
    """Each tenant's last sequence and time; a journal without events has none."""
    assert journal.heads() == {}
    fill(journal, "a", "b", "a", "z_9-")
    heads = journal.heads()
    assert {tenant: head.sequence for tenant, head in heads.items()} == {"a": 2, "b": 1, "z_9-": 1}
    last = journal.at("a", 2)
    assert last is not None
    assert heads["a"].time == last.time


def test_a_goal_of_ten_thousand_events(journal: Journal) -> None:
    """It loads whole and in order, its tail alone, and the next command appends to it."""
    ref = goal()
    for start in range(0, 10_000, 500):
        outcome = journal.append([append({ref: start}, *[ref] * 500)])[0]
        assert isinstance(outcome, Committed)
    loaded = journal.load("acme", ref)
    assert [event.version for event in loaded] == list(range(1, 10_001))
    assert {type(event.event()) for event in loaded} == {goal_events.CommentPosted}
    assert [event.version for event in journal.load("acme", ref, 9_998)] == [9_999, 10_000]
    assert isinstance(journal.append([append({ref: 10_000})])[0], Committed)


def test_an_old_form_is_read_as_the_new_one(journal: Journal) -> None:
    """A stored v1 stays v1, byte for byte, and is read as the v2 that today's code knows."""
    ref, resource = goal(), new_id()
    data = f'{{"resource":"{resource}","type":"book","title":"enc:v1:AAAA:BBBB","later_member":1}}'.encode()
    old = Wanted(*ref, "goal.resource_attached.v1", new_id(), data)
    journal.append([Append("acme", f"goal/{ref[1]}/{new_id()}", {ref: 0}, [old], Attributes(ACTOR))])
    [stored] = journal.load("acme", ref)
    assert stored.tag == stored.envelope.type == "goal.resource_attached.v1"
    assert bytes(stored.envelope.data) == data
    event = stored.event()
    assert isinstance(event, goal_events.ResourceAttachedV2)
    assert (event.kind, event.resource) == ("book", resource)


def test_no_python_path_is_stored(journal: Journal, url: str) -> None:
    """The topic is the tag; eventsourcing's own selects give the same rows."""
    ref = goal()
    journal.append([append({ref: 0})])
    recorder = journal._store.recorder
    [row] = recorder.select_events(f"acme/goal/{ref[1]}")
    assert (row.topic, row.originator_version) == ("goal.comment_posted.v1", 1)
    [notification] = recorder.select_notifications(1, 10)
    assert isinstance(notification, Notification)
    assert notification.state == row.state
    stored = journal.load("acme", ref)[0]
    assert journal._store.mapper.to_stored_event(stored) == row == StoredEvent(**vars(row))
    assert recorder.max_notification_id() == notification.id


@pytest.mark.parametrize(
    "change",
    [
        "state = '[]'",
        "state = 'not json'",
        "topic = 'goal.created.v1'",
        "originator_version = 2",
        "originator_id = 'other/goal/1'",
    ],
)
def test_a_row_that_does_not_fit_its_document_is_refused(journal: Journal, url: str, change: str) -> None:
    """Whatever was changed behind the journal's back, a column or the document, is noticed when it is read."""
    fill(journal, "acme")
    run_sql(url, f"UPDATE stored_events SET {change}")
    with pytest.raises(JournalCorrupt):
        journal.after(0, 10)


def test_data_of_a_wrong_shape_is_told_when_it_is_wanted(journal: Journal) -> None:
    """Data that does not fit its tag passes the relay, which moves bytes, and is refused as an event."""
    ref = goal()
    bad = Wanted(*ref, "goal.comment_posted.v1", new_id(), b'{"comment":1}')
    journal.append([Append("acme", f"goal/{ref[1]}/{new_id()}", {ref: 0}, [bad], Attributes(ACTOR))])
    [stored] = journal.after(0, 10)
    with pytest.raises(EnvelopeError) as told:
        stored.event()
    assert told.value.code == "invalid_event"


def test_only_events_come_from_the_mapper(journal: Journal) -> None:
    """The mapper writes what it reads and nothing else."""
    with pytest.raises(TypeError):
        journal._store.mapper.to_stored_event(wanted(goal()))  # type: ignore[arg-type]  # this is the point


def test_a_closed_journal_says_so(open_journal: Opening) -> None:
    """Reading and appending after closing is an error with a code, and closing twice is closing once."""
    journal = open_journal()
    journal.close()
    journal.close()
    for read in (lambda: journal.after(0, 1), journal.heads, lambda: journal.append([append({goal(): 0})])):
        with pytest.raises(JournalUnavailable):
            read()


def test_what_is_shown_of_a_journal_and_an_event(journal: Journal, url: str) -> None:
    """A log line names the journal and the event, and shows nothing of its data."""
    fill(journal, "acme")
    [stored] = journal.after(0, 10)
    assert repr(journal) == f"<Journal {url}>"
    assert repr(stored) == f"<Stored goal.comment_posted.v1 acme/goal/{stored.ref[1]} v1 #1>"
