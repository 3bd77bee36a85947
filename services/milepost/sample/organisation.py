"""The frame of the sample: tenant, people, programme, and two mentorships in their second year."""

from __future__ import annotations

from milepost.sample.telling import PEOPLE, SMART, TENANT, Story, named, person
from milepost_contracts.commands import mentorship, programme, tenant
from milepost_contracts.commands import person as persons
from milepost_contracts.types import Cadence, Measure, Party, Rubric

# A programme's year is 52 weeks, so that meetings fall on the same days of it as in the year before.
YEAR_DAYS = 364
PAIRS = (("maya", "ben"), ("lena", "omar"))


def organisation(year: Story) -> None:
    """Tell of the tenant, its programme and template, and two mentorships, which begin with *year*."""
    year.at(0)
    year.say("service:cli", tenant.Open, TENANT, title="Sample organisation", admins=[person("priya")])
    for name, full in PEOPLE.items():
        year.say("priya", persons.Link, name, name=full)
    _programme(year)
    roles = {"maya": "mentee", "ben": "mentor", "lena": "mentee", "omar": "mentor", "tom": "peer"}
    for name, role in roles.items():
        year.say("priya", programme.EnrolParticipant, "growth", participant=person(name), role=role)
    for mentee, mentor in PAIRS:
        pair = f"{mentee}-{mentor}"
        year.say(
            mentee,
            mentorship.Request,
            pair,
            format="one_to_one",
            programme=named("programme", "growth"),
            purpose="To find out what I could become, and how.",
            parties=[Party(ref=person(mentee), role="mentee"), Party(ref=person(mentor), role="mentor")],
        )
        year.say(mentor, mentorship.Accept, pair)
        year.say(mentee, mentorship.SetCadence, pair, cadence=_fortnightly(year))
        _meet(year, 0, mentee, mentor, "Got to know each other; no goals yet.")


def cycle(year: Story) -> None:
    """Open the programme's period that *year* is told of; it begins on day zero."""
    id_, title = named("cycle", year.cycle), year.cycle.capitalize()
    starts_on, ends_on = year.day(0), year.day(YEAR_DAYS - 1)
    year.at(0)
    year.say("priya", programme.PlanCycle, "growth", cycle=id_, title=title, starts_on=starts_on, ends_on=ends_on)
    year.say("priya", programme.OpenCycle, "growth", cycle=id_)


def cycle_over(year: Story) -> None:
    """End the programme's period that *year* was told of."""
    year.at(YEAR_DAYS)
    year.say("priya", programme.CloseCycle, "growth", cycle=named("cycle", year.cycle))


def on_we_go(year: Story) -> None:
    """Tell how both mentorships go on with *year*; what the mentors expect now, the mentees have yet to agree to."""
    for mentee, mentor in PAIRS:
        _meet(year, 14, mentee, mentor, "Looked back on last year, and ahead: fewer goals, and one of them slow.")
        expectations = "We meet every other week, come prepared, and keep what is said between us."
        year.say(mentor, mentorship.AgreeExpectations, f"{mentee}-{mentor}", expectations=expectations)


def _programme(year: Story) -> None:
    year.say(
        "priya",
        programme.Create,
        "growth",
        title="Growing together",
        cap=3,
        description="Mentoring for everybody who wants to grow, with goals both sides agree to.",
        cadence=_fortnightly(year),
    )
    year.say("priya", programme.SetRubric, "growth", rubric=Rubric(id="smart-growth", version=1, criteria=list(SMART)))
    talks = Measure(
        measure=named("template", "speaking", "talks"),
        name="Talks given",
        kind="count",
        direction="increase",
        unit="talks",
        baseline="0",
        target="3",
    )
    year.say(
        "priya",
        programme.PublishTemplate,
        "growth",
        template=named("template", "speaking"),
        version=1,
        title="Give {{number}} talks about {{topic}}",
        focus="skill",
        horizon="short",
        description="Pick a friendly audience first; ask for feedback each time.",
        measures=[talks],
    )


def _fortnightly(year: Story) -> Cadence:
    return Cadence(rhythm="bi_weekly", anchor=year.day(0))


def _meet(year: Story, days: int, mentee: str, mentor: str, notes: str) -> None:
    year.at(days)
    pair = f"{mentee}-{mentor}"
    year.say(
        mentor,
        mentorship.HoldSession,
        pair,
        session=named("session", pair, year.cycle),
        held_on=year.day(days),
        attendees=[person(mentee), person(mentor)],
        notes=notes,
        next_on=year.day(days + 14),
    )
