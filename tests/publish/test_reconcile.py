"""Reconciling: every gap, duplicate and difference between journal and stream has its name and place."""

from __future__ import annotations

import pytest
from nats.aio.client import Client

from milepost.journal import Journal
from milepost.publish import Finding
from milepost.publish.jetstream import JetStream
from milepost.publish.reconcile import PAGE, reconcile
from milepost.publish.relay import Place
from milepost.publish.reports import no_progress
from milepost_contracts.subjects import STREAM
from tests.publish.events import Copy, Publish, both_databases, caught_up, fill, in_journal, remove_last
from tests.support.nats import Connect


async def _put(client: Client, copies: list[Copy]) -> None:
    """Publish *copies* as they are, as somebody could who has the relay's key."""
    stream = JetStream(client, STREAM)
    for number, copy in enumerate(copies):
        # An id of their own where the event's would be taken for a duplicate.
        twice = copy in copies[:number]
        await stream.publish(copy.subject, copy.document, {} if twice else {"Nats-Msg-Id": copy.id})


async def _findings(client: Client, journal: Journal) -> list[Finding]:
    stream = JetStream(client, STREAM)
    place = Place((await stream.info()).state.last_seq, journal.last_position(), "")
    return (await reconcile(stream, journal, place, no_progress)).findings


def _told(found: Finding) -> tuple[str, str, int, int]:
    return (found.kind, found.tenant, int(found.first or 0), int(found.last or 0))


@both_databases
async def test_what_agrees_has_no_findings(journal: Journal, publish: Publish) -> None:
    """Proves that over several pages of both nothing is found where nothing is wrong, with progress to the end."""
    fill(journal, 2 * PAGE + 300)
    publisher = await publish()
    await caught_up(publisher, journal)
    told: list[tuple[int, int]] = []
    report = await publisher.reconcile(lambda done, total: told.append((done, total)))
    assert (report.events, report.messages, report.findings) == (2300, 2300, [])
    assert told == [(1000, 2300), (2000, 2300), (2300, 2300)]


async def test_what_the_relay_has_not_published_yet_is_no_gap(journal: Journal, publish: Publish) -> None:
    """Proves that lag is not told as loss: comparing ends where the relay is."""
    fill(journal, 5)
    publisher = await publish(poll_s=3600)
    await caught_up(publisher, journal)
    fill(journal, 5)
    report = await publisher.reconcile()
    assert (report.events, report.findings) == (5, [])


async def test_a_deleted_tail_is_named_by_tenant_and_sequences(
    journal: Journal, publish: Publish, connect: Connect
) -> None:
    """Proves that the gap which the relay must not fill by itself is told, neighbours as one."""
    fill(journal, 9)
    publisher = await publish()
    await caught_up(publisher, journal)
    await remove_last(await connect("publish"), 6)
    found = (await publisher.reconcile()).findings
    assert [_told(finding) for finding in found] == [("missing", "acme", 3, 6), ("missing", "globex", 2, 3)]
    assert [finding.count for finding in found] == [4, 2]


@pytest.mark.parametrize(
    ("order", "told"),
    [
        ([0, 1, 2, 3, 4, 5], []),
        ([0, 1, 2, 5], [("missing", "acme", 3, 3), ("missing", "globex", 2, 2)]),
        ([0, 1, 2, 1, 3, 4, 5], [("duplicate", "globex", 1, 1)]),
        ([0, 1, 2, 4, 3, 5], [("out_of_order", "acme", 3, 3)]),
        ([3, 4, 5], [("missing", "acme", 1, 2), ("missing", "globex", 1, 1)]),
        ([], [("missing", "acme", 1, 4), ("missing", "globex", 1, 2)]),
        ([0, 1, 2, 3, 4, 5, 0, 1], [("duplicate", "acme", 1, 1), ("duplicate", "globex", 1, 1)]),
    ],
    ids=["all", "gap", "twice", "late", "head_lost", "all_lost", "again_at_the_end"],
)
async def test_gaps_duplicates_and_order(
    journal: Journal, connect: Connect, order: list[int], told: list[tuple[str, str, int, int]]
) -> None:
    """Proves each kind of finding on a stream that holds the journal's events in *order*."""
    fill(journal, 6)  # acme 1, globex 1, acme 2, acme 3, globex 2, acme 4
    events = in_journal(journal)
    client = await connect("publish")
    await _put(client, [events[number] for number in order])
    duplicates = [("different_id", *place) for kind, *place in told if kind == "duplicate"]
    found = [_told(finding) for finding in await _findings(client, journal)]
    assert sorted(found) == sorted([*told, *duplicates])


async def test_differences_of_one_event(journal: Journal, connect: Connect) -> None:
    """Proves that other bytes, another id and another subject are told apart, each at its place on the stream."""
    fill(journal, 4)
    first, second, third, fourth = in_journal(journal)
    client = await connect("publish")
    changed = [
        first._replace(document=first.document.replace(b"enc:v1:", b"enc:v1:X")),
        second._replace(id="0199c0de-0000-7000-8000-000000000001"),
        third._replace(subject=third.subject.replace("comment_posted", "created")),
        fourth,
    ]
    await _put(client, changed)
    found = await _findings(client, journal)
    assert [(_told(finding), finding.stream_first) for finding in found] == [
        (("different_bytes", "acme", 1, 1), 1),
        (("different_subject", "acme", 2, 2), 3),
        (("different_id", "globex", 1, 1), 2),
    ]


async def test_what_the_journal_does_not_know(journal: Journal, connect: Connect) -> None:
    """Proves that forged events and what is no event at all are told with where they lie."""
    fill(journal, 3)
    first, second, third = in_journal(journal)
    client = await connect("publish")
    ahead = first._replace(document=first.document.replace(b'"0000000000000001"', b'"0000000000000999"'), id="forged")
    await _put(client, [first, ahead, second, Copy("goals.event.v1.acme.goal.x.y", "junk", b"\xff"), third])
    found = await _findings(client, journal)
    assert [(_told(finding), finding.stream_first) for finding in found] == [
        (("unknown", "", 0, 0), 4),
        (("unknown", "acme", 999, 999), 2),
    ]


async def test_a_halted_relay_can_be_reconciled(journal: Journal, publish: Publish, connect: Connect) -> None:
    """Proves that after a halt, when it matters most, both are compared up to their ends."""
    fill(journal, 3)
    publisher = await publish()
    await caught_up(publisher, journal)
    await _put(await connect("publish"), [Copy("goals.event.v1.acme.goal.x.y", "junk", b"{}")])
    fill(journal, 1)
    report = await publisher.reconcile()
    assert ("unknown", "", 0, 0) in [_told(finding) for finding in report.findings]
