"""A mentee gets better at presentations, told by two people over two quarters, with the mistakes that people make."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from milepost_contracts.events import goal as events
from milepost_contracts.testing import Story
from milepost_contracts.testing.story import uid
from milepost_contracts.types import Cadence, Measure, Schedule, TermsChange
from tests.plugins.rewards.rewarding import amended, given, hosted, rule, shifted
from tests.support.smtp import Mailbox

RULES = (
    rule("first", when="first_milestone", to="both", give={"kind": "badge", "title": "A first step"}),
    rule(
        "rhythm", when="streak", n=4, repeat=True, to="both", give={"kind": "points", "title": "Rhythm", "points": 20}
    ),
    rule(
        "early",
        when="achieved_early",
        days=7,
        deadline="original",
        give={"kind": "voucher", "title": "A book", "pool": "books"},
    ),
    rule("held", when="deadline_held", to="both", give={"kind": "recognition", "title": "On time"}),
)


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    with Mailbox() as box:
        yield box


def _date(text: str) -> dt.date:
    return dt.date.fromisoformat(text)


def test_get_better_at_presentations(mailbox: Mailbox, tmp_path: Path) -> None:  # noqa: PLR0915  one story
    """Starter goal, agreement, talks every two weeks, presentations, a deadline that moves, a closing too early."""
    (tmp_path / "books.txt").write_text("BOOK-0001\nBOOK-0002\n")
    story = Story(now=dt.datetime(2026, 3, 20, 9, 0, tzinfo=dt.UTC))
    mentee, mentor = story.person("mentee"), story.person("mentor")
    to = {"from": "milepost@example.com", "to": "{person}@example.com"}
    secrets: dict[str, Any] = {
        "personal": [mailbox.url(**to)],
        "tenants": {"acme": {"pools": {"books": {"file": str(tmp_path / "books.txt")}}}},
    }
    host = hosted(story, *RULES, secrets=secrets)

    def told() -> list[str]:
        """Let everything reach the plugin, and every message its person; return the new ones."""
        before = len(mailbox.received)
        host.deliver(*story.documents)
        host.perform()
        names = {f"{person[5:]}@example.com": name for name, person in (("mentee", mentee), ("mentor", mentor))}
        return sorted(f"{mail.subject} ({names[mail.recipients[0]]})" for mail in mailbox.received[before:])

    # A starter goal becomes SMART over several sittings; nothing of it is an achievement yet.
    goal = story.goal(mentee, mentor, title="get better at presentations", time_zone="Europe/Berlin")
    better = "Give three internal presentations by the end of the third quarter"
    before, after = TermsChange(title="get better at presentations"), TermsChange(title=better)
    goal.add(events.Refined(before=before, after=after, trigger="new_information", revision=2), by=mentor)
    definition = Measure(
        measure=uid("talks"),
        name="internal presentations",
        kind="count",
        direction="increase",
        unit="talks",
        target="3",
    )
    goal.add(events.MeasureDefined(definition=definition, revision=3))
    goal.add(events.DeadlineSet(new=_date("2026-08-31"), revision=4))
    shifted(goal, _date("2026-08-31"), _date("2026-09-30"))
    fortnightly = Cadence(rhythm="bi_weekly", anchor=_date("2026-04-06"))
    goal.add(events.ScheduleSet(before=Schedule(), after=Schedule(time_zone="Europe/Berlin", cadence=fortnightly)))
    goal.add(events.Proposed(party=mentee, revision=5))
    goal.add(events.Agreed(party=mentor, revision=5, complete=True), by=mentor)
    goal.add(events.Activated(revision=5, activated_on=_date("2026-04-01")))
    assert (told(), given(host)) == ([], [])

    # Talks every two weeks; the third is recorded weeks after the fourth.
    for date in ("2026-04-06", "2026-04-21", "2026-05-18"):
        goal.check_in(date, on=_date(date))
    assert told() == []
    goal.check_in("2026-05-04", on=_date("2026-05-04"), by=mentor)
    assert told() == ["Rhythm (mentee)", "Rhythm (mentor)"]

    # The first presentation is entered on the wrong goal, taken back, and held a week later.
    wrong = goal.hit("First presentation", on=_date("2026-05-20"))
    assert told() == ["A first step (mentee)", "A first step (mentor)"]
    goal.retract(wrong)
    assert told() == ["Taken back: A first step (mentee)", "Taken back: A first step (mentor)"]
    goal.hit("The first, really", on=_date("2026-05-27"))
    assert told() == ["A first step (mentee)", "A first step (mentor)"]
    goal.hit("Second presentation", on=_date("2026-06-24"))
    assert told() == []

    # Holidays break no rhythm, a talk that did not take place does.
    for date in ("2026-06-01", "2026-06-15", "2026-06-29"):
        goal.check_in(date, on=_date(date))
    goal.add(events.Paused(paused_on=_date("2026-07-06"), reason="Holidays"))
    goal.add(events.Resumed(resumed_on=_date("2026-08-03"), revision=5))
    goal.check_in("2026-08-10", on=_date("2026-08-10"))
    assert told() == ["Rhythm (mentee)", "Rhythm (mentor)"]
    goal.add(events.CheckInVoided(check_in=uid("2026-06-15"), reason="It was cancelled"), by=mentor)
    assert told() == ["Taken back: Rhythm (mentee)", "Taken back: Rhythm (mentor)"]
    assert host.ask("points", by=mentee)["points"] == 20

    # Closed on the last Monday before the deadline moved: early against what was agreed, and amended twice.
    shifted(goal, _date("2026-09-30"), _date("2026-10-31"))
    goal.hit("Third presentation", on=_date("2026-09-21"))
    closed = goal.close(on=_date("2026-09-21"))
    assert told() == ["A book (mentee)"]
    assert "Your code: BOOK-0001" in mailbox.received[-1].text
    amended(goal, "achieved", "partially_achieved")
    assert told() == ["Taken back: A book (mentee)"]
    amended(goal, "partially_achieved", "achieved")
    assert told() == ["A book (mentee)"]
    assert "Your code: BOOK-0001" in mailbox.received[-1].text

    # Reopened: the third presentation was not internal. Closed again on the last day of the deadline that stands.
    goal.retract(closed)
    assert told() == ["Taken back: A book (mentee)"]
    goal.close(on=_date("2026-10-31"))
    assert told() == ["On time (mentee)", "On time (mentor)"]
    assert given(host) == [
        "first mentee", "first mentor", "held mentee", "held mentor", "rhythm mentee", "rhythm mentor",
    ]  # fmt: skip
    # Told anew to a plugin that knows nothing, the story comes to the same, and nobody is told again.
    again = hosted(story, *RULES, secrets=secrets)
    again.deliver(*story.documents, mode="replay")
    again.perform()
    assert {grant.id for grant in again.grants} == {grant.id for grant in host.grants}
    assert told() == []
