"""Appending: what holds is kept whole, what does not is dropped alone, and each event gets its one place."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import pytest
from eventsourcing.persistence import NotSupportedError

from milepost.journal import (
    Append,
    Attributes,
    Committed,
    Dropped,
    Journal,
    JournalError,
    Nothing,
    Outcome,
    Reader,
    Ref,
    Wanted,
)
from milepost_contracts.envelope import decode
from milepost_contracts.events import goal as goal_events
from tests.journal.wishes import ACTOR, append, goal, mentorship, new_id, wanted

Opening = Callable[..., Journal]
REF: Ref = ("goal", "0199c0de-0000-7000-8000-0000000000aa")


def refs(outcome: Outcome) -> list[tuple[Ref, int, int]]:
    """Return (reference, version, sequence) of each event of a Committed."""
    assert isinstance(outcome, Committed), outcome
    return [(event.ref, event.version, event.sequence) for event in outcome.events]


def test_a_batch_gets_dense_versions_and_sequences(journal: Journal) -> None:
    """Versions count per aggregate, sequences per tenant, positions over everything, in the order of the batch."""
    first, second, third = goal(), goal(), mentorship()
    outcomes = journal.append(
        [
            append({first: 0, third: 0}, first, third, first),
            append({second: 0}, tenant="other"),
            append({first: 2}),
        ]
    )
    assert refs(outcomes[0]) == [(first, 1, 1), (third, 1, 2), (first, 2, 3)]
    assert refs(outcomes[1]) == [(second, 1, 1)]
    assert refs(outcomes[2]) == [(first, 3, 4)]
    positions = [event.position for outcome in outcomes if isinstance(outcome, Committed) for event in outcome.events]
    assert positions == sorted(set(positions))
    assert [event.position for event in journal.after(0, 10)] == positions


def test_the_document_is_the_one_of_the_wire(open_journal: Opening) -> None:
    """Every member stands in the envelope's order with the bytes that WIRE.md shows; what is empty is absent."""
    journal = open_journal(clock_us=lambda: 1_772_357_400_123_456)
    ref, event_id, command_id = goal(), new_id(), new_id()
    event = Wanted(
        *ref, "goal.comment_posted.v1", event_id, b'{"comment":"' + new_id().encode() + b'","text":"x"}', "h"
    )
    attributes = Attributes(ACTOR, "user:b", "jwt", command_id, command_id, "2026-01-01T00:00:00Z", "00-a-b-01")
    wish = Append("acme", f"goal/{ref[1]}/{command_id}", {ref: 0}, [event, wanted(ref)], attributes)
    [outcome] = journal.append([wish])
    assert isinstance(outcome, Committed)
    assert (
        outcome.events[0].document
        == (
            f'{{"specversion":"1.0","id":"{event_id}","source":"/milepost/acme","type":"goal.comment_posted.v1",'
            f'"subject":"goal/{ref[1]}","time":"2026-03-01T09:30:00.123456Z","datacontenttype":"application/json",'
            '"dataschema":"urn:milepost:schema:goal.comment_posted.v1","tenant":"acme","version":1,'
            f'"sequence":"0000000000000001","actor":"{ACTOR}","onbehalfof":"user:b","authnby":"jwt",'
            f'"correlationid":"{command_id}","causationid":"{command_id}","commandhash":"h",'
            f'"occurredat":"2026-01-01T00:00:00Z","traceparent":"00-a-b-01","data":{event.data.decode()}}}'
        ).encode()
    )
    assert "commandhash" not in outcome.events[1].document.decode()
    for stored in outcome.events:
        assert msgspec.json.encode(stored.envelope) == stored.document
        assert journal.at("acme", stored.sequence) == stored


def test_what_was_appended_is_what_is_read(journal: Journal) -> None:
    """Every way to read gives the same documents, typed."""
    first, second = goal(), goal()
    wish = append({first: 0, second: 0}, first, second, first)
    [outcome] = journal.append([wish])
    assert isinstance(outcome, Committed)
    committed = outcome.events
    documents = [event.document for event in committed]
    assert [event.document for event in journal.after(0, 10)] == documents
    assert [event.document for event in journal.events_after("acme", 0, 10)] == documents
    assert [event.document for event in journal.load("acme", first)] == [documents[0], documents[2]]
    assert [event.document for event in journal.load("acme", first, 1)] == [documents[2]]
    assert journal.head("acme", first) == 2
    assert journal.head("acme", goal()) == 0
    assert journal.load("other", first) == []
    event = journal.load("acme", second)[0].event()
    assert isinstance(event, goal_events.CommentPosted)
    assert event.text == "enc:v1:AAAA:BBBB"


def test_stale_commands_are_dropped_alone(journal: Journal) -> None:
    """A command that read an old version is dropped and told which; those before and after it are kept."""
    busy, calm = goal(), goal()
    journal.append([append({busy: 0})])
    outcomes = journal.append(
        [append({calm: 0}), append({busy: 0}), append({busy: 1}), append({calm: 0, busy: 2}, calm)]
    )
    assert refs(outcomes[0]) == [(calm, 1, 2)]
    assert outcomes[1] == Dropped([busy])
    assert refs(outcomes[2]) == [(busy, 2, 3)]
    assert outcomes[3] == Dropped([calm])
    assert [event.sequence for event in journal.events_after("acme", 0, 10)] == [1, 2, 3]


def test_versions_that_were_only_read_are_checked(journal: Journal) -> None:
    """A frame that moved since it was read drops the command, although what it writes did not move."""
    frame, target = mentorship(), goal()
    journal.append([append({frame: 0})])
    assert journal.append([append({target: 0, frame: 0}, target)]) == [Dropped([frame])]
    assert isinstance(journal.append([append({target: 0, frame: 1}, target)])[0], Committed)


def test_what_was_built_on_a_dropped_command_is_dropped(journal: Journal) -> None:
    """A chain of pending commands falls with its first, a neighbour that merely follows does not."""
    ref, other = goal(), goal()
    journal.append([append({ref: 0})])
    stale = append({ref: 0})
    second = append({ref: 2}, built_on=[stale])
    third = append({ref: 3}, built_on=[second])
    outcomes = journal.append([stale, second, third, append({other: 0})])
    assert outcomes[:3] == [Dropped([ref])] * 3
    assert refs(outcomes[3]) == [(other, 1, 2)]


def test_what_was_built_on_a_kept_command_is_kept(journal: Journal) -> None:
    """Commands decided on pending ones commit with them in one batch, and in the next."""
    ref = goal()
    first = append({ref: 0})
    second = append({ref: 1}, built_on=[first])
    third = append({ref: 2}, built_on=[second])
    assert [refs(outcome) for outcome in journal.append([first, second])] == [[(ref, 1, 1)], [(ref, 2, 2)]]
    assert refs(journal.append([third])[0]) == [(ref, 3, 3)]
    assert [wish.built_on for wish in (first, second, third)] == [(), (), ()]


def test_an_equal_version_does_not_hide_a_lost_foundation(journal: Journal) -> None:
    """Built on a dropped command, a later one is dropped even where another's event has brought the same version."""
    ref = goal()
    lost = append({ref: 0}, ref)
    journal.append([append({ref: 0})])
    assert journal.append([lost]) == [Dropped([ref])]
    assert journal.append([append({ref: 1}, built_on=[lost])]) == [Dropped([])]
    assert journal.append([append({ref: 1}, built_on=[append({ref: 0})])]) == [Dropped([])]


def test_deciding_again_inside_the_lock(journal: Journal) -> None:
    """Redecide sees the journal and what the batch has kept so far, and its result is committed at once."""
    ref = goal()
    journal.append([append({ref: 0})])
    seen: list[tuple[int, list[int]]] = []

    def again(reader: Reader) -> Append:
        version = reader.head("acme", ref)
        seen.append((version, [event.version for event in reader.load("acme", ref)]))
        assert [event.version for event in reader.load("acme", ref, 1)] == [2]
        assert (reader.load("acme", goal()), reader.head("acme", goal())) == ([], 0)
        assert reader.load("other", ref) == []
        return append({ref: version}, command=wish.command, answer=b"again")

    wish = append({ref: 0}, redecide=again, answer=b"first")
    outcomes = journal.append([append({ref: 1}), wish])
    assert refs(outcomes[1]) == [(ref, 3, 3)]
    assert seen == [(2, [1, 2])]
    known = journal.by_command("acme", wish.command)
    assert known is not None
    assert known.answer == b"again"


def test_deciding_again_may_come_to_nothing(journal: Journal) -> None:
    """Where the command causes nothing any more, nothing is written, and the neighbours are."""
    ref = goal()
    outcomes = journal.append([append({ref: 0}), append({ref: 0}, redecide=lambda _: None), append({ref: 1})])
    assert outcomes[1] == Nothing()
    assert refs(outcomes[2]) == [(ref, 2, 2)]


def test_deciding_again_on_what_is_stale_is_dropped(journal: Journal) -> None:
    """A result that does not rest on what the reader showed is dropped like any other."""
    ref = goal()
    wish = append({ref: 0}, redecide=lambda _: append({ref: 0}, command=wish.command))
    assert journal.append([append({ref: 0}), wish])[1] == Dropped([ref])


def test_what_was_built_on_a_command_decided_again_is_dropped(journal: Journal) -> None:
    """It folded events that were not the ones committed."""
    ref = goal()
    wish = append({ref: 0}, redecide=lambda _: append({ref: 1}, command=wish.command))
    above = append({ref: 2}, built_on=[wish])
    later = append({ref: 2}, built_on=[wish])
    outcomes = journal.append([append({ref: 0}), wish, above])
    assert refs(outcomes[1]) == [(ref, 2, 2)]
    assert outcomes[2] == Dropped([])
    assert journal.append([later]) == [Dropped([])]


def test_an_error_while_deciding_again_writes_nothing(journal: Journal) -> None:
    """What redecide raises comes out, the whole batch is undone, and the journal goes on."""
    ref, other = goal(), goal()

    def broken(_: Reader) -> Append:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        journal.append([append({other: 0}), append({ref: 7}, redecide=broken)])
    assert journal.last_position() == 0
    assert isinstance(journal.append([append({other: 0})])[0], Committed)


def test_an_append_that_was_undone_keeps_its_foundation(journal: Journal) -> None:
    """After an error the same wish may be sent again, and still falls with what it was built on."""
    ref = goal()

    def broken(_: Reader) -> Append:
        raise ZeroDivisionError

    below = append({ref: 0})
    above = append({ref: 1}, built_on=[below])
    with pytest.raises(ZeroDivisionError):
        journal.append([below, above, append({ref: 7}, redecide=broken)])
    journal.append([append({ref: 0})])
    assert journal.append([above]) == [Dropped([])]


def test_deciding_again_must_stay_the_same_command(journal: Journal) -> None:
    """A redecide that answers with another command is a mistake that is told."""
    ref = goal()
    with pytest.raises(ValueError, match="was decided again as"):
        journal.append([append({ref: 7}, redecide=lambda _: append({ref: 0}))])


def test_one_command_twice_in_a_batch(journal: Journal) -> None:
    """The second is not written, even where no version stands in its way; the first answer is found."""
    target, first, second = goal(), mentorship(), mentorship()
    command = f"goal/{target[1]}/{new_id()}"
    outcomes = journal.append(
        [
            append({target: 0, first: 0}, first, command=command, answer=b"one"),
            append({target: 0, second: 0}, second, command=command, answer=b"two"),
        ]
    )
    assert refs(outcomes[0]) == [(first, 1, 1)]
    assert outcomes[1] == Dropped([], known=True)
    known = journal.by_command("acme", command)
    assert known is not None
    assert known.answer == b"one"
    assert [event.ref for event in known.events] == [first]


def test_one_command_twice_in_two_batches(journal: Journal) -> None:
    """The unique command holds where versions do not: the second is dropped as known, its neighbours are kept."""
    target, first, second, other = goal(), mentorship(), mentorship(), goal()
    command = f"goal/{target[1]}/{new_id()}"
    journal.append([append({target: 0, first: 0}, first, first, command=command)])
    calls: list[int] = []

    def again(reader: Reader) -> Append:
        calls.append(reader.head("acme", first))
        return append({first: 2}, command=wish.command)

    wish = append({first: 0}, redecide=again)
    outcomes = journal.append(
        [append({other: 0}), append({target: 0, second: 0}, second, command=command), append({other: 1}), wish]
    )
    assert refs(outcomes[0]) == [(other, 1, 3)]
    assert outcomes[1] == Dropped([], known=True)
    assert refs(outcomes[2]) == [(other, 2, 4)]
    assert refs(outcomes[3]) == [(first, 3, 5)]
    assert journal.head("acme", second) == 0
    known = journal.by_command("acme", command)
    assert known is not None
    assert [event.sequence for event in known.events] == [1, 2]
    assert calls == [2, 2]


def test_a_command_id_belongs_to_its_aggregate(journal: Journal) -> None:
    """The same command id on another aggregate, or in another tenant, is another command."""
    first, second, command_id = goal(), goal(), new_id()
    outcomes = journal.append(
        [
            append({first: 0}, command=f"goal/{first[1]}/{command_id}"),
            append({second: 0}, command=f"goal/{second[1]}/{command_id}"),
            append({first: 0}, command=f"goal/{first[1]}/{command_id}", tenant="other"),
        ]
    )
    assert all(isinstance(outcome, Committed) for outcome in outcomes)
    assert journal.by_command("acme", f"goal/{new_id()}/{command_id}") is None


def test_time_never_runs_backward(open_journal: Opening) -> None:
    """When the clock jumps back, events keep the tenant's last time; another tenant is not held up by it."""
    clock = iter([2_000_000, 1_000_000, 1_500_000, 3_000_000])
    journal = open_journal(clock_us=lambda: next(clock))
    ref = goal()
    for version in range(2):
        journal.append([append({ref: version})])
    journal.append([append({goal(): 0}, tenant="other"), append({ref: 2})])
    journal.append([append({ref: 3})])
    assert [event.time[17:] for event in journal.events_after("acme", 0, 10)] == [
        "02.000000Z",
        "02.000000Z",
        "02.000000Z",
        "03.000000Z",
    ]
    assert journal.heads() == {"acme": (4, "1970-01-01T00:00:03.000000Z"), "other": (1, "1970-01-01T00:00:01.500000Z")}


def test_a_restart_goes_on_where_it_stopped(open_journal: Opening) -> None:
    """A journal that is opened again knows versions, sequences, times and commands; none of it was in memory."""
    ref = goal()
    first = open_journal(clock_us=lambda: 9_000_000)
    wish = append({ref: 0}, answer=b"warned")
    first.append([wish])
    first.close()
    second = open_journal(clock_us=lambda: 1)
    assert second.append([append({ref: 0})]) == [Dropped([ref])]
    assert second.append([append({ref: 1}, command=wish.command)]) == [Dropped([], known=True)]
    outcome = second.append([append({ref: 1})])[0]
    assert refs(outcome) == [(ref, 2, 2)]
    assert isinstance(outcome, Committed)
    assert outcome.events[0].time == "1970-01-01T00:00:09.000000Z"
    known = second.by_command("acme", wish.command)
    assert known is not None
    assert ([event.version for event in known.events], known.answer) == ([1], b"warned")


def test_nothing_to_append(journal: Journal) -> None:
    """An empty batch has no outcomes and asks nothing of the database."""
    assert journal.append([]) == []


def test_a_reader_cannot_append(open_journal: Opening) -> None:
    """A journal opened for reading refuses to append, and shows what the writer appended."""
    writer = open_journal()
    reader = open_journal(writes=False)
    with pytest.raises(JournalError, match="for reading"):
        reader.append([append({goal(): 0})])
    ref = goal()
    writer.append([append({ref: 0})])
    assert reader.head("acme", ref) == 1


def test_nobody_appends_past_the_lock(journal: Journal) -> None:
    """The insert of eventsourcing itself is closed: its rows would have no sequence and no time."""
    with pytest.raises(NotSupportedError):
        journal._store.recorder.insert_events([])


@pytest.mark.parametrize(
    "changed",
    [
        {"tag": "goal.unheard_of.v1"},
        {"tag": "mentorship.key_area_opened.v1"},
        {"id": "not-an-id"},
        {"id": "0199C0DE-0000-7000-8000-0000000000AA"},
        {"event_id": 'x","evil":"'},
        {"data": b"[]"},
        {"data": b""},
    ],
)
def test_an_event_that_could_not_be_read_is_refused(changed: dict[str, str]) -> None:
    """It is told to the one who makes it, so that no batch ever fails because of it."""
    good = wanted(goal())
    with pytest.raises(ValueError, match=r".+"):
        Wanted(**{field: getattr(good, field) for field in good.__struct_fields__} | changed)


@pytest.mark.parametrize(
    ("tenant", "reads", "actor", "command"),
    [
        ("Acme", [REF], ACTOR, ""),
        ("acme\n", [REF], ACTOR, ""),
        ("acme", [], ACTOR, ""),
        ("acme", [("planet", ACTOR.removeprefix("user:"))], ACTOR, ""),
        ("acme", [REF], "user:\ud800", ""),
        ("acme", [REF], ACTOR, "no-slashes"),
        ("acme", [REF], ACTOR, "goal/x/"),
    ],
)
def test_a_wish_that_could_not_be_stored_is_refused(tenant: str, reads: list[Ref], actor: str, command: str) -> None:
    """Bad tenants, references, surrogates, commands, and events outside the reads are told when the wish is made."""
    target = goal() if not reads or reads[0][0] != "goal" else reads[0]
    with pytest.raises(ValueError, match=r".+"):
        Append(
            tenant=tenant,
            command=command or f"goal/{target[1]}/{new_id()}",
            reads=dict.fromkeys(reads, 0) | ({target: 0} if reads else {}),
            events=[wanted(target)],
            attributes=Attributes(actor=actor),
        )


def test_a_wish_without_events_is_refused() -> None:
    """A command that changes nothing is answered without the journal."""
    with pytest.raises(ValueError, match="without events"):
        Append("acme", f"goal/{new_id()}/{new_id()}", {goal(): 0}, [], Attributes(actor=ACTOR))


def test_whatever_an_attribute_holds_is_escaped(journal: Journal) -> None:
    """Quotes, controls and any script in an attribute stay inside it."""
    odd = 'user:"},"data":{}\\\n\u2028\x00é日'
    ref = goal()
    wish = Append("acme", f"goal/{ref[1]}/{new_id()}", {ref: 0}, [wanted(ref)], Attributes(odd, traceparent=odd))
    [outcome] = journal.append([wish])
    assert isinstance(outcome, Committed)
    envelope = decode(outcome.events[0].document)
    assert (envelope.actor, envelope.traceparent) == (odd, odd)
    assert msgspec.json.encode(envelope) == outcome.events[0].document
