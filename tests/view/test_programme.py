"""A programme in numbers, for those who run it; its frame, for those who take part."""

from __future__ import annotations

import datetime as dt
from typing import Any

from milepost_contracts.answers import Refused
from milepost_contracts.events import goal as events
from milepost_contracts.events import mentorship, tenant
from milepost_contracts.events import programme as programmes
from milepost_contracts.queries import (
    MentorLoad,
    MentorLoadAnswer,
    Mentorships,
    MentorshipsAnswer,
    Programme,
    ProgrammeAnswer,
)
from milepost_contracts.types import Cadence, Party, Placing, Rubric, Schedule, SurveyScore
from tests.support.documents import History
from tests.support.goals import BOTH, TALKS
from tests.support.scenario import ADMIN, MENTEE, MENTOR, MENTORSHIP, NOW, PEER, PROGRAMME, STRANGER, day, person, uid
from tests.view.conftest import View

RUNNER = person("runner")
CYCLE = uid("cycle")


def organised() -> History:
    """Return a history with a programme, its people, a cycle, a template, a survey and sums of money."""
    history = History()
    history.add(ADMIN, tenant.Opened(admins=[ADMIN]))
    history.add(RUNNER, programmes.Created(title="Growing", description="Together", admins=[RUNNER], cap=2))
    for who, role in ((MENTEE, "mentee"), (MENTOR, "mentor"), (PEER, "peer")):
        history.add(RUNNER, programmes.ParticipantEnrolled(participant=who, role=role))
    history.add(RUNNER, programmes.ParticipantWithdrawn(participant=PEER))
    history.add(RUNNER, programmes.RubricSet(rubric=Rubric(id="smart", version=2, criteria=["specific"])))
    planned = programmes.CyclePlanned(cycle=CYCLE, title="This year", starts_on=day(-100), ends_on=day(200))
    history.add(RUNNER, planned)
    history.add(RUNNER, programmes.CycleOpened(cycle=CYCLE))
    for version in (1, 2):
        published = programmes.TemplatePublished(template=uid("template"), version=version, title=f"Version {version}")
        history.add(RUNNER, published)
    survey = programmes.SurveyRecorded(
        survey=uid("survey"), title="Half-way", held_on=day(0), invited=8, answered=6,
        scores=[SurveyScore(question="useful", mean="4.5", answers=6)],
    )  # fmt: skip
    history.add(RUNNER, survey)
    for number, (amount, currency) in enumerate((("100.50", "EUR"), ("99.50", "EUR"), ("10", "USD"))):
        cost = programmes.CostRecorded(cost=uid(f"cost {number}"), amount=amount, currency=currency, on=day(0))
        history.add(RUNNER, cost)
    history.add(RUNNER, programmes.BenefitRecorded(benefit=uid("benefit"), amount="500", currency="EUR", on=day(0)))
    return history


def place(history: History, name: str, cycle: str | None = CYCLE) -> None:
    """Let MENTEE have a goal called *name* in the programme."""
    history.add(MENTEE, events.Created(title=name, owner=MENTEE, deadline=day(50), start_on=day(-50)), uid(name))
    after = Placing(programme=PROGRAMME, mentorship=MENTORSHIP, cycle=cycle, parties=BOTH)
    history.add(MENTEE, events.Placed(before=Placing(), after=after), uid(name))


def lived() -> History:
    """Return that history with four goals: a draft, an active, a closed and an abandoned one; another in no cycle."""
    history = organised()
    for name in ("draft", "active", "closed", "abandoned"):
        place(history, name)
    place(history, "elsewhere", cycle=None)
    history.pass_days(2)
    for name in ("active", "closed"):
        history.add(MENTEE, events.Proposed(party=MENTEE, revision=0), uid(name))
        history.pass_days(4)
        history.add(MENTOR, events.Agreed(party=MENTOR, revision=0, complete=True), uid(name))
        history.add(MENTEE, events.Activated(revision=0, activated_on=day(6)), uid(name))
    shifts = (("active", 5, "illness"), ("active", 10, "scope"), ("closed", -2, "scope"))
    for name, days, why in shifts:
        shifted = events.DeadlineShifted(old=day(50), new=day(50 + days), days=days, reason="x", reason_code=why)
        history.add(MENTEE, shifted, uid(name))
    history.add(MENTEE, events.CheckInHeld(check_in=uid("c"), held_on=day(9), attendees=[MENTEE]), uid("active"))
    history.add(MENTOR, events.FeedbackGiven(feedback=uid("f"), text="Great"), uid("active"))
    history.add(MENTOR, events.FeedbackGiven(feedback=uid("g"), text="Oh"), uid("active"))
    history.add(MENTOR, events.FeedbackRetracted(feedback=uid("g"), feedback_event=uid("e")), uid("active"))
    history.add(MENTEE, events.Closed(result="achieved", closed_on=day(10), score="0.9"), uid("closed"))
    history.add(MENTEE, events.Closed(result="abandoned", closed_on=day(10)), uid("abandoned"))
    return history


async def figures(view: View, **asked: Any) -> Any:
    """Return the programme's figures as they are for RUNNER."""
    answer = await view.ask(Programme(actor=RUNNER, id=PROGRAMME, **asked), ProgrammeAnswer)
    assert answer.figures is not None
    return answer.figures


async def test_figures(view: View) -> None:
    """Funnel, results, time to agreement, slip, engagement, attrition, surveys and return are told."""
    view.write(lived())
    view.now = lambda: NOW + dt.timedelta(days=11)
    told = await figures(view, cycle=CYCLE)
    assert told.goals == 4
    assert told.funnel == {"drafted": 1, "proposed": 0, "active": 1, "paused": 0, "closed": 2}
    assert told.reached == {"created": 4, "proposed": 2, "agreed": 2, "activated": 2, "closed": 2}
    assert (told.results, told.mean_score, told.health) == ({"achieved": 1, "abandoned": 1}, "0.9", {"unknown": 1})
    agreement = told.time_to_agreement
    assert (agreement.goals, agreement.median_days, agreement.p90_days) == (2, "8", "10")
    slip = told.deadline_slip
    assert (slip.shifts, slip.goals, slip.days, slip.by_reason) == (3, 2, 13, {"illness": 1, "scope": 2})
    engaged = told.engagement
    assert (engaged.participants, engaged.with_goal, engaged.active_last_30_days) == (2, 2, 2)
    assert (engaged.check_ins, engaged.check_ins_per_goal, engaged.feedback) == (1, "0.25", 1)
    left = told.attrition
    assert (left.enrolled, left.withdrawn, left.rate, left.goals_abandoned) == (3, 1, "0.3333", 1)
    assert [(one.title, one.response, one.scores[0].mean) for one in told.surveys] == [("Half-way", "0.75", "4.5")]
    assert [(one.currency, one.cost, one.benefit, one.return_on_investment) for one in told.money] == [
        ("EUR", "200.00", "500", "2.5"),
        ("USD", "10", None, None),
    ]
    assert (await figures(view)).goals == 5


async def test_nobody_is_at_it(view: View) -> None:
    """After a month without anything recorded nobody is engaged; an empty programme has figures without a division."""
    view.write(lived())
    view.now = lambda: NOW + dt.timedelta(days=60)
    assert (await figures(view)).engagement.active_last_30_days == 0
    history = History("globex", view.history.vault)
    history.add(RUNNER, programmes.Created(title="Empty", admins=[RUNNER]))
    view.write(history)
    told = await figures(view)
    assert (told.mean_score, told.attrition.rate, told.time_to_agreement.median_days) == (None, None, None)
    assert (told.engagement.check_ins_per_goal, told.money, told.surveys) == (None, [], [])


async def test_the_frame_is_for_participants(view: View) -> None:
    """Who takes part sees cycles, templates and rubric, but no figures and no list of people."""
    view.write(organised())
    answer = await view.ask(Programme(actor=MENTEE, id=PROGRAMME), ProgrammeAnswer)
    assert (answer.title, answer.description, answer.state, answer.cap) == ("Growing", "Together", "open", 2)
    assert [(one.title, one.state) for one in answer.cycles] == [("This year", "active")]
    assert [(one.title, one.version) for one in answer.templates] == [("Version 2", 2)]
    assert (answer.rubric.version if answer.rubric else None, answer.participants, answer.figures) == (2, [], None)
    ran = await view.ask(Programme(actor=ADMIN, id=PROGRAMME), ProgrammeAnswer)
    assert [(one.participant, one.withdrawn_on) for one in ran.participants] == [
        (MENTEE, None),
        (MENTOR, None),
        (PEER, NOW.date()),
    ]


async def test_others_see_no_programme(view: View) -> None:
    """To a stranger, and to who has left, the programme is unknown."""
    view.write(organised())
    unknown = await view.asked(Programme(actor=RUNNER, id=uid("none")))
    assert isinstance(unknown, Refused)
    for who in (STRANGER, PEER):
        assert await view.asked(Programme(actor=who, id=PROGRAMME)) == unknown


def mentored() -> History:
    """Return that history with a mentorship of MENTEE and MENTOR, and one that PEER asks MENTOR for."""
    history = lived()
    asked = mentorship.Requested(
        requester=MENTEE, parties=BOTH, format="one_to_one", purpose="Courage", programme=PROGRAMME
    )
    history.add(MENTEE, asked)
    history.add(MENTOR, mentorship.Accepted(party=MENTOR))
    for name in ("draft", "active"):
        history.add(MENTEE, mentorship.GoalJoined(goal=uid(name), owner=MENTEE))
    history.add(MENTEE, mentorship.KeyAreaOpened(goal=uid("active"), owner=MENTEE))
    met = mentorship.SessionHeld(session=uid("s"), held_on=day(9), attendees=[MENTEE, MENTOR], next_on=day(20))
    history.add(MENTEE, met)
    wanted = [Party(ref=PEER, role="mentee"), Party(ref=MENTOR, role="mentor")]
    history.add(PEER, mentorship.Requested(requester=PEER, parties=wanted, format="one_to_one"), uid("wanted"))
    return history


async def test_mentor_load(view: View) -> None:
    """What rests on a mentor: mentorships, goals and how they go, proposals and requests that wait, sessions."""
    history = mentored()
    weekly = Schedule(start_on=day(-50), cadence=Cadence(rhythm="weekly", anchor=day(0)))
    history.add(MENTEE, events.ScheduleSet(before=Schedule(), after=weekly), uid("active"))
    history.add(MENTEE, events.MeasureDefined(definition=TALKS), uid("active"))
    history.add(MENTEE, events.Proposed(party=MENTEE, revision=0), uid("draft"))
    view.write(history)
    view.now = lambda: NOW + dt.timedelta(days=40)
    load = (await view.ask(MentorLoad(actor=MENTOR), MentorLoadAnswer)).mentors[0]
    assert (load.mentor, load.mentorships, load.mentees, load.goals_open, load.goals_active) == (MENTOR, 1, 1, 3, 1)
    assert (load.goals_at_risk, load.goals_off_track, load.check_ins_overdue) == (0, 1, 1)
    assert (load.proposals_waiting, load.requests_waiting) == (1, 1)
    assert (load.sessions_last_30_days, load.last_session_on) == (0, day(9))


async def test_who_sees_a_load(view: View) -> None:
    """One's own load is for everybody, those of a programme for its admins, all for the tenant's."""
    view.write(mentored())
    for query in (
        MentorLoad(actor=ADMIN),
        MentorLoad(actor=ADMIN, mentor=MENTOR),
        MentorLoad(actor=RUNNER, programme=PROGRAMME),
        MentorLoad(actor=MENTOR, mentor=MENTOR),
    ):
        assert [load.mentor for load in (await view.ask(query, MentorLoadAnswer)).mentors] == [MENTOR]
    assert (await view.ask(MentorLoad(actor=MENTEE), MentorLoadAnswer)).mentors == []
    for query in (MentorLoad(actor=MENTEE, mentor=MENTOR), MentorLoad(actor=RUNNER, mentor=MENTOR)):
        assert isinstance(await view.asked(query), Refused)


async def test_pages_of_mentors(view: View) -> None:
    """Mentors come in pages."""
    history = organised()
    mentors = [person(f"mentor {number}") for number in range(3)]
    for mentor in mentors:
        parties = [Party(ref=MENTEE, role="mentee"), Party(ref=mentor, role="mentor")]
        requested = mentorship.Requested(requester=MENTEE, parties=parties, format="one_to_one")
        history.add(MENTEE, requested, uid(mentor))
    view.write(history)
    seen, cursor = [], None
    for _ in range(2):
        answer = await view.ask(MentorLoad(actor=ADMIN, limit=2, cursor=cursor), MentorLoadAnswer)
        seen += [load.mentor for load in answer.mentors]
        cursor = answer.next
    assert (seen, cursor) == (sorted(mentors), None)


async def test_mentorships(view: View) -> None:
    """A person's mentorships, and one by its id, for its parties and for those who run its programme."""
    view.write(mentored())
    mine = (await view.ask(Mentorships(actor=MENTOR), MentorshipsAnswer)).mentorships
    assert sorted(one.state for one in mine) == ["active", "requested"]
    one = (await view.ask(Mentorships(actor=RUNNER, id=MENTORSHIP), MentorshipsAnswer)).mentorships[0]
    assert (one.purpose, one.cap, one.goals_open, one.goals_active) == ("Courage", 2, 2, 1)
    assert (one.sessions, one.last_session_on, one.next_session_on) == (1, day(9), day(20))
    assert one.started_on == NOW.date() + dt.timedelta(days=10)
    only = (await view.ask(Mentorships(actor=ADMIN, of=PEER, states=["requested"]), MentorshipsAnswer)).mentorships
    assert [(found.id, found.cap) for found in only] == [(uid("wanted"), 3)]
    assert (await view.ask(Mentorships(actor=STRANGER, of=MENTOR), MentorshipsAnswer)).mentorships == []
    refused = await view.asked(Mentorships(actor=STRANGER, id=MENTORSHIP))
    assert isinstance(refused, Refused)
    assert refused == await view.asked(Mentorships(actor=STRANGER, id=uid("none")))
    page = await view.ask(Mentorships(actor=MENTOR, limit=1), MentorshipsAnswer)
    rest = await view.ask(Mentorships(actor=MENTOR, limit=1, cursor=page.next), MentorshipsAnswer)
    assert (page.mentorships + rest.mentorships, rest.next) == (mine, None)
