"""The frame of the sample: tenant, people, programme, and two mentorships."""

from __future__ import annotations

from milepost.sample.telling import PEOPLE, SMART, TENANT, Story, named, person
from milepost_contracts.commands import mentorship, programme, tenant
from milepost_contracts.commands import person as persons
from milepost_contracts.types import Cadence, Measure, Party, Rubric


def organisation(tale: Story) -> None:
    """Tell of the tenant, its programme with cycle and template, two mentorships."""
    tale.say("service:cli", tenant.Open, TENANT, title="Sample organisation", admins=[person("priya")])
    for name, full in PEOPLE.items():
        tale.say("priya", persons.Link, name, name=full)
    tale.say(
        "priya",
        programme.Create,
        "growth",
        title="Growing together",
        cap=3,
        description="Mentoring for everybody who wants to grow, with goals both sides agree to.",
        cadence=Cadence(rhythm="bi_weekly", anchor=tale.day(-112)),
    )
    tale.say("priya", programme.SetRubric, "growth", rubric=Rubric(id="smart-growth", version=1, criteria=list(SMART)))
    tale.say(
        "priya",
        programme.PlanCycle,
        "growth",
        cycle=named("cycle", "year"),
        title="This year",
        starts_on=tale.day(-200),
        ends_on=tale.day(400),
    )
    tale.say("priya", programme.OpenCycle, "growth", cycle=named("cycle", "year"))
    roles = {"maya": "mentee", "ben": "mentor", "lena": "mentee", "omar": "mentor", "tom": "peer"}
    for name, role in roles.items():
        tale.say("priya", programme.EnrolParticipant, "growth", participant=person(name), role=role)
    tale.say(
        "priya",
        programme.PublishTemplate,
        "growth",
        template=named("template", "speaking"),
        version=1,
        title="Give {{number}} talks about {{topic}}",
        focus="skill",
        horizon="short",
        description="Pick a friendly audience first; ask for feedback each time.",
        measures=[
            Measure(
                measure=named("template", "speaking", "talks"),
                name="Talks given",
                kind="count",
                direction="increase",
                unit="talks",
                baseline="0",
                target="3",
            )
        ],
    )
    for mentee, mentor in (("maya", "ben"), ("lena", "omar")):
        pair = f"{mentee}-{mentor}"
        tale.say(
            mentee,
            mentorship.Request,
            pair,
            format="one_to_one",
            programme=named("programme", "growth"),
            purpose="To find out what I could become, and how.",
            parties=[Party(ref=person(mentee), role="mentee"), Party(ref=person(mentor), role="mentor")],
        )
        tale.say(mentor, mentorship.Accept, pair)
        tale.say(
            mentor,
            mentorship.AgreeExpectations,
            pair,
            expectations="We meet every other week, come prepared, and keep what is said between us.",
        )
        tale.say(mentee, mentorship.SetCadence, pair, cadence=Cadence(rhythm="bi_weekly", anchor=tale.day(-112)))
        tale.say(
            mentor,
            mentorship.HoldSession,
            pair,
            session=named("session", pair, "first"),
            held_on=tale.day(-112),
            attendees=[person(mentee), person(mentor)],
            notes="Got to know each other; no goals yet.",
            next_on=tale.day(-98),
        )
