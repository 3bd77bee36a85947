"""What events name must have been there before them."""

from __future__ import annotations

from milepost.replay.verify.checking import Evidence, check_journal
from milepost.replay.verify.references import BROUGHT_BY, FREE, namings, readers, unclassified
from milepost_contracts.events import EVENTS
from tests.replay.verify.samples import Sample
from tests.replay.verify.tampering import Table, rewritten


def test_every_id_in_every_event_is_said_to_name_something_or_not() -> None:
    """A new event, or a new member that is an id, has to be placed before it is released."""
    assert unclassified() == []
    assert {tag for brought in BROUGHT_BY.values() for tag in brought} <= EVENTS.keys()
    assert {tag for tag, _ in FREE} <= EVENTS.keys()
    assert readers().keys() >= EVENTS.keys()


def test_what_brings_a_thing_is_told_from_what_names_it() -> None:
    """A milestone is brought by its adding, and named by what happens to it."""
    assert [(one.kind, one.brings) for one in namings("goal.milestone_added.v1") if one.path[0] != "context"] == [
        ("milestone", True)
    ]
    assert [
        (one.kind, one.brings) for one in namings("goal.milestone_hit_retracted.v1") if one.path[0] != "context"
    ] == [
        ("milestone", False),
        ("event", False),
    ]


def test_each_kind_of_name_that_leads_nowhere_is_found(copy: Sample) -> None:
    """Names of goals, mentorships, measures, milestones, cycles, events and versions read are each resolved."""
    table = Table(copy.journal)
    rows = table.rows("sample")
    changes = {
        "goal.placed.v1": b'"mentorship":"',
        "goal.aligned.v1": b'"parent":"',
        "goal.progress_recorded.v1": b'"measure":"',
        "goal.milestone_hit.v1": b'"milestone":"',
        "goal.progress_corrected.v1": b'"corrects":"',
        "goal.milestone_hit_retracted.v1": b'"hit_event":"',
        "mentorship.key_area_opened.v1": b'"goal":"',
        "programme.cycle_opened.v1": b'"cycle":"',
        "goal.activated.v1": b'"frame":[{"aggregate":"goal","id":"',
    }
    wanted = {}
    for tag, member in changes.items():
        row = next((row for row in rows if row["topic"] == tag and member in row["state"]), None)
        if row is None:
            continue
        at = row["state"].rindex(member) + len(member)
        table.update(row, state=row["state"][:at] + b"00000000" + row["state"][at + 8 :])
        wanted[row["sequence"]] = tag
    assert len(wanted) >= 7, wanted
    table.close()
    report = check_journal(copy.url, Evidence())
    found = {one.first for one in report.findings if one.code == "reference_unresolved"}
    assert found >= wanted.keys(), {wanted[sequence] for sequence in wanted.keys() - found}


def test_a_version_that_was_not_there_yet_is_found(copy: Sample) -> None:
    """A decision cannot have read a version of an aggregate that came later."""
    table = Table(copy.journal)
    row = next(row for row in table.rows("sample") if b'"frame":[{' in row["state"])
    at = row["state"].index(b'"version":', row["state"].index(b'"frame":[{')) + len(b'"version":')
    table.update(row, state=row["state"][:at] + b"99" + row["state"][at:])
    table.close()
    report = check_journal(copy.url, Evidence())
    assert ("reference_unresolved", row["sequence"]) in {(one.code, one.first) for one in report.findings}


def test_kinds_of_events_that_are_not_known_are_counted(copy: Sample) -> None:
    """An event of a later version is no fault: it is told as not checkable."""
    table = Table(copy.journal)
    row = table.rows("sample")[100]
    tag = "goal.danced.v1"
    state = rewritten(row["state"], type=tag, dataschema=f"urn:milepost:schema:{tag}")
    table.update(row, topic=tag, state=state)
    table.close()
    report = check_journal(copy.url, Evidence())
    assert report.verified, report.findings
    (unknown,) = [check for check in report.checks if check.name == "unknown kinds"]
    assert (unknown.status, unknown.count) == ("not_checkable", 1)
    assert tag in unknown.said
