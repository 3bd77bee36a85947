"""The story's goals: Mara's talks from a vague wish to closing, the goal they serve, and one that was imported.

Longer than other files, because a story is told in one piece.
"""

from __future__ import annotations

import datetime as dt

from milepost_contracts.events import goal, mentorship
from milepost_contracts.types import (
    Agreement,
    Cadence,
    Criterion,
    Measure,
    MeasureResult,
    Origin,
    Party,
    Placing,
    Reading,
    RubricRef,
    Schedule,
    SeenAt,
    TemplateRef,
    Terms,
    TermsChange,
    Waiver,
    Warned,
)
from tests.support.golden.story import Story
from tests.support.golden.world import (
    CYCLE,
    GRADES,
    IMPORTER,
    INES,
    LEAD,
    LENA,
    MARA,
    MENTORSHIP,
    NEXT_CYCLE,
    NOOR,
    PROGRAMME,
    TALKS,
    TEMPLATE,
    TOM,
    ZOE,
    uid,
)

day = dt.date.fromisoformat
MENTEE, MENTOR, NEW_MENTOR = (
    Party(ref=MARA.ref, role="mentee"),
    Party(ref=TOM.ref, role="mentor"),
    Party(ref=LENA.ref, role="mentor"),
)
PEER, MEMBER = Party(ref=NOOR.ref, role="peer"), Party(ref=ZOE.ref, role="member")
COUNT, SCORE, POSTS = uid(0x70), uid(0x71), uid(0x72)
FIRST, SECOND = uid(0x80), uid(0x81)
SHADOW, MODULE = uid(0x90), uid(0x91)
CHECK_IN, NEVER_HELD = uid(0xA0), uid(0xA1)
FEEDBACK, OBSTACLE = uid(0xB0), uid(0xB1)


def drafting(story: Story) -> None:
    """Bring a starter goal, put it into a mentorship and make it SMART."""
    story.day("2026-01-19")
    story.belongs(LEAD, owner=MARA.ref, parties=[])
    lead = goal.Created(
        title="Lead a cross-functional team by year-end",
        owner=MARA.ref,
        focus="career",
        priority=1,
        horizon="long",
        time_zone="Europe/Stockholm",
        deadline=day("2026-12-31"),
        visibility="programme",
        template=TemplateRef(
            programme=PROGRAMME, id=TEMPLATE, version=1, values={"topic": "leading", "and/or ~": "listening"}
        ),
        external_ref="HR-2026-118",
        tags=["leadership"],
        revision=1,
    )
    story.tell(MARA.ref, LEAD, lead)
    story.belongs(TALKS, owner=MARA.ref, parties=[])
    story.tell(MARA.ref, TALKS, goal.Created(title="get better at presentations", owner=MARA.ref, revision=1))
    story.tell(MARA.ref, TALKS, goal.Tagged(added=["speaking", "größer denken"]))
    story.belongs(
        TALKS, owner=MARA.ref, parties=[MENTEE, MENTOR], mentorship=MENTORSHIP, programme=PROGRAMME, cycle=CYCLE
    )
    placing = Placing(mentorship=MENTORSHIP, programme=PROGRAMME, cycle=CYCLE, parties=[MENTEE, MENTOR])
    story.tell(MARA.ref, TALKS, goal.Placed(before=Placing(), after=placing, revision=2))
    story.tell(MARA.ref, MENTORSHIP, mentorship.GoalJoined(goal=TALKS, owner=MARA.ref), same=True)
    _terms(story)
    _agreement(story)


def _terms(story: Story) -> None:
    story.day("2026-01-28")
    better = TermsChange(
        title="Hold three internal presentations that people ask to hear again",
        description="Without notes, ten minutes each.\nOne of them to another department.",
        focus="skill",
        priority=2,
        horizon="short",
    )
    vague = TermsChange(title="get better at presentations", description=None, focus=None, priority=None, horizon=None)
    story.tell(MARA.ref, TALKS, goal.Refined(before=vague, after=better, trigger="new_information", revision=3))
    held = Measure(
        measure=COUNT, name="presentations held", kind="count", direction="increase", unit="talks", target="3"
    )
    story.tell(MARA.ref, TALKS, goal.MeasureDefined(definition=held, revision=4))
    score = Measure(
        measure=SCORE,
        name="score given by listeners",
        kind="average",
        direction="increase",
        unit="points",
        target="7.5",
        baseline="5",
        weight="2",
        samples_min=3,
        sources=[NOOR.ref, ZOE.ref],
    )
    story.tell(MARA.ref, TALKS, goal.MeasureDefined(definition=score, revision=5))
    posts = Measure(
        measure=POSTS,
        name="posts about it",
        kind="recurring",
        direction="increase",
        unit="posts",
        target="1",
        period="month",
        periods_required=6,
    )
    story.tell(MARA.ref, TALKS, goal.MeasureDefined(definition=posts, revision=6))
    revised = goal.TargetRevised(measure=SCORE, old="7.5", new="8", old_baseline="5", new_baseline="5", revision=7)
    story.tell(MARA.ref, TALKS, revised)
    retired = goal.MeasureRetired(measure=POSTS, reason="Posting is not speaking.", revision=8)
    story.tell(MARA.ref, TALKS, retired)
    story.tell(MARA.ref, TALKS, goal.DeadlineSet(new=day("2026-09-30"), reason="End of the third quarter", revision=9))
    rhythm = Cadence(rhythm="days", anchor=day("2026-02-02"), days=14)
    after = Schedule(time_zone="Europe/Stockholm", start_on=day("2026-02-02"), cadence=rhythm)
    story.tell(MARA.ref, TALKS, goal.ScheduleSet(before=Schedule(), after=after))


def _agreement(story: Story) -> None:
    story.day("2026-01-30")
    met = {"specific": True, "measurable": True, "achievable": True, "relevant": True, "time-bound": True}
    criteria = [
        Criterion(criterion=name, met=yes, note="Counted in the calendar" if name == "measurable" else None)
        for name, yes in met.items()
    ]
    rubric = RubricRef(id="acme-smart", version=2)
    story.tell(
        TOM.ref, TALKS, goal.Evaluated(rubric=rubric, criteria=criteria, passed=True, revision=9, trigger="periodic")
    )
    story.tell(MARA.ref, TALKS, goal.Proposed(party=MARA.ref, revision=9, note="Is it too much?"))
    story.tell(TOM.ref, TALKS, goal.Declined(party=TOM.ref, revision=9, reason="Sleep on it once more."))
    story.day("2026-02-02")
    story.tell(MARA.ref, TALKS, goal.Proposed(party=MARA.ref, revision=9))
    story.tell(TOM.ref, TALKS, goal.Agreed(party=TOM.ref, revision=9, complete=True, note="Gladly."))
    waived = [Waiver(check="evaluation", reason="Evaluated three days ago, nothing changed.")]
    frame = [
        SeenAt(aggregate="mentorship", id=MENTORSHIP, version=11),
        SeenAt(aggregate="programme", id=PROGRAMME, version=9),
    ]
    warned = [Warned(code="networking_before_learning", field="focus")]
    story.tell(
        MARA.ref,
        TALKS,
        goal.Activated(revision=9, activated_on=day("2026-02-02"), waivers=waived, frame=frame, warnings=warned),
    )
    story.tell(MARA.ref, MENTORSHIP, mentorship.KeyAreaOpened(goal=TALKS, owner=MARA.ref), same=True)


def working(story: Story) -> None:
    """Reach milestones, do actions, read, check in, meet obstacles and get feedback."""
    story.day("2026-02-03")
    _plan(story)
    _talk(story)
    _readings(story)
    _company(story)


def _plan(story: Story) -> None:
    first = goal.MilestoneAdded(milestone=FIRST, title="First talk held", due_on=day("2026-03-15"))
    second = goal.MilestoneAdded(milestone=SECOND, title="Workshop attended", due_on=day("2026-05-31"))
    story.tell(MARA.ref, TALKS, first)
    story.tell(MARA.ref, TALKS, second)
    moved = goal.MilestoneRescheduled(
        milestone=FIRST, old=day("2026-03-15"), new=day("2026-03-31"), reason="The team day was moved."
    )
    story.tell(MARA.ref, TALKS, moved)
    story.tell(MARA.ref, TALKS, goal.MilestoneDropped(milestone=SECOND, reason="Fully booked"))
    shadow = goal.ActionAdded(
        action=SHADOW, title="Watch Ines present to the board", due_on=day("2026-02-20"), assignee=MARA.ref
    )
    story.tell(TOM.ref, TALKS, shadow)
    story.tell(MARA.ref, TALKS, goal.ActionAdded(action=MODULE, title="Ask for a course in the next quarter"))
    done = goal.ActionCompleted(action=SHADOW, completed_on=day("2026-02-03"), note="She never reads out a slide.")
    story.tell(MARA.ref, TALKS, done)
    story.tell(MARA.ref, TALKS, goal.ActionReopened(action=SHADOW, reason="It was the rehearsal only."))
    story.tell(MARA.ref, TALKS, goal.ActionDropped(action=MODULE, reason="Tom teaches it himself."))
    older = goal.ResourceAttached(
        resource=uid(0x53), type="video", title="How to begin", url="https://talks.example/begin"
    )
    story.tell(TOM.ref, TALKS, older)
    newer = goal.ResourceAttachedV2(
        resource=uid(0x54), kind="course", title="Voice and posture", url="https://courses.example/voice"
    )
    story.tell(TOM.ref, TALKS, newer)


def _talk(story: Story) -> None:
    story.day("2026-02-16")
    held = goal.CheckInHeld(
        check_in=CHECK_IN,
        held_on=day("2026-02-16"),
        attendees=[MARA.ref, TOM.ref],
        session=uid(0x51),
        progress="0.1",
        confidence=6,
        obstacles=["My voice shakes."],
        adjustments=["Rehearse in the real room"],
        wins=["The first outline stands", "A colleague asked when it will be"],
        next_step="Rehearse before two people",
        help_wanted="Somebody who films me",
        next_on=day("2026-03-02"),
    )
    story.tell(MARA.ref, TALKS, held)
    story.tell(TOM.ref, TALKS, goal.CheckInAcknowledged(check_in=CHECK_IN, party=TOM.ref, note="Well done."))
    amended = goal.CheckInAmended(check_in=CHECK_IN, reason="It was a seven.", confidence=7)
    story.tell(MARA.ref, TALKS, amended)
    never = goal.CheckInHeld(check_in=NEVER_HELD, held_on=day("2026-02-15"), attendees=[MARA.ref])
    story.tell(MARA.ref, TALKS, never, occurred_at="2026-02-15T10:00:00.000000Z")
    story.tell(MARA.ref, TALKS, goal.CheckInVoided(check_in=NEVER_HELD, reason="Entered twice"))
    blocked = goal.ObstacleRaised(obstacle=OBSTACLE, title="No room", description="Booked until April")
    story.tell(MARA.ref, TALKS, blocked)
    story.tell(TOM.ref, TALKS, goal.ObstacleResolved(obstacle=OBSTACLE, resolution="We use the canteen."))
    diary = goal.ReflectionRecorded(reflection=uid(0xB2), author=MARA.ref, text="I was proud, and I did not say so.")
    story.tell(MARA.ref, TALKS, diary)


def _readings(story: Story) -> None:
    story.day("2026-03-31")
    talk = goal.ProgressRecorded(
        measure=COUNT,
        reading="1",
        on=day("2026-03-30"),
        source=MARA.ref,
        evidence=["https://intranet.example/talks/17"],
        note="Forty people came.",
        current="1",
        progress="0.111111111",
    )
    story.tell(MARA.ref, TALKS, talk, occurred_at="2026-03-30T13:00:00.000000Z")
    recorded = story.event_id()
    corrected = goal.ProgressCorrected(
        corrects=recorded,
        measure=COUNT,
        before=Reading(reading="1", on=day("2026-03-30")),
        after=Reading(reading="1", on=day("2026-03-27")),
        reason="It was on Friday.",
        current="1",
        progress="0.111111111",
    )
    story.tell(MARA.ref, TALKS, corrected)
    hit = goal.MilestoneHit(
        milestone=FIRST,
        hit_on=day("2026-03-27"),
        title="First talk held",
        due_on=day("2026-03-31"),
        ordinal=1,
        evidence=["https://intranet.example/talks/17"],
    )
    story.tell(MARA.ref, TALKS, hit)
    mistaken = goal.MilestoneHitRetracted(
        milestone=FIRST, hit_event=story.event_id(), reason="It was cut short; it does not count for me."
    )
    story.tell(MARA.ref, TALKS, mistaken)
    story.tell(
        TOM.ref,
        TALKS,
        goal.HealthSet(health="on_track", reason="She is better than the figures", until=day("2026-05-01")),
    )


def _company(story: Story) -> None:
    story.day("2026-04-01")
    frame = [SeenAt(aggregate="goal", id=LEAD, version=1)]
    story.tell(MARA.ref, TALKS, goal.Aligned(parent=LEAD, weight="0.4", frame=frame))
    story.tell(MARA.ref, LEAD, goal.ChildAligned(child=TALKS, weight="0.4"), same=True)
    story.tell(MARA.ref, TALKS, goal.ContributorAdded(ref=NOOR.ref, role="supporter"))
    given = goal.FeedbackGiven(
        feedback=FEEDBACK, text="You looked at us, and not at the wall.", rating=4, about=MARA.ref, milestone=FIRST
    )
    story.tell(NOOR.ref, TALKS, given)
    taken_back = goal.FeedbackRetracted(
        feedback=FEEDBACK, feedback_event=story.event_id(), reason="I want to say it to her myself."
    )
    story.tell(NOOR.ref, TALKS, taken_back)
    story.tell(TOM.ref, TALKS, goal.CommentPosted(comment=uid(0xB3), text="Next time without the slides \U0001f600?"))
    story.tell(MARA.ref, TALKS, goal.ContributorRemoved(ref=NOOR.ref, reason="She becomes a party."))
    shifted = goal.DeadlineShifted(
        old=day("2026-09-30"),
        new=day("2026-10-31"),
        days=31,
        reason="The room is closed in September.",
        reason_code="dependency",
        revision=10,
        voided=[TOM.ref],
    )
    story.tell(MARA.ref, TALKS, shifted)
    story.tell(TOM.ref, TALKS, goal.Agreed(party=TOM.ref, revision=10, complete=True))
    story.tell(TOM.ref, TALKS, goal.AgreementWithdrawn(party=TOM.ref, revision=10, open=True, reason="Too late"))
    story.tell(TOM.ref, TALKS, goal.Agreed(party=TOM.ref, revision=10, complete=True))
    story.tell(MARA.ref, TALKS, goal.VisibilityChanged(old="private", new="programme", reason="Others may learn"))


def changing(story: Story) -> None:
    """Let work rest and go on."""
    story.day("2026-05-04")
    rest = goal.Paused(paused_on=day("2026-05-04"), reason="Project in the critical phase", until=day("2026-05-25"))
    story.tell(MARA.ref, TALKS, rest)
    story.tell(MARA.ref, MENTORSHIP, mentorship.KeyAreaReleased(goal=TALKS, owner=MARA.ref), same=True)
    story.day("2026-05-25")
    story.tell(MARA.ref, TALKS, goal.Resumed(resumed_on=day("2026-05-25"), revision=10))
    story.tell(MARA.ref, MENTORSHIP, mentorship.KeyAreaOpened(goal=TALKS, owner=MARA.ref), same=True)


def handing_over(story: Story) -> None:
    """Put Lena in Tom's place in the goal too; let others join and leave."""
    parties = [MENTEE, NEW_MENTOR]
    where = {"mentorship": MENTORSHIP, "programme": PROGRAMME, "cycle": CYCLE}
    story.belongs(TALKS, owner=MARA.ref, parties=parties, **where)
    replaced = goal.PartyReplaced(old=TOM.ref, new=NEW_MENTOR, reason="Tom is on parental leave.", revision=11)
    story.tell(TOM.ref, TALKS, replaced, same=True)
    story.day("2026-06-02")
    story.belongs(TALKS, owner=MARA.ref, parties=[*parties, PEER], **where)
    story.tell(MARA.ref, TALKS, goal.PartyAdded(party=PEER, revision=12, voided=[]))
    story.belongs(TALKS, owner=MARA.ref, parties=parties, **where)
    story.tell(MARA.ref, TALKS, goal.PartyRemoved(party=NOOR.ref, reason="She changed to another site.", revision=13))
    story.tell(LENA.ref, TALKS, goal.Agreed(party=LENA.ref, revision=13, complete=True))


def ending(story: Story) -> None:
    """Carry the goal over, close it, put the closing right and archive it."""
    story.day("2026-07-01")
    story.tell(MARA.ref, TALKS, goal.Unaligned(parent=LEAD, reason="Leading turned out to be another thing."))
    story.tell(MARA.ref, LEAD, goal.ChildUnaligned(child=TALKS), same=True)
    story.belongs(
        TALKS,
        owner=MARA.ref,
        parties=[MENTEE, NEW_MENTOR],
        mentorship=MENTORSHIP,
        programme=PROGRAMME,
        cycle=NEXT_CYCLE,
    )
    story.tell(INES.ref, TALKS, goal.CarriedOver(old=CYCLE, new=NEXT_CYCLE, reason="It runs until October."))
    story.day("2026-10-30")
    final = [
        MeasureResult(measure=COUNT, current="3", progress="1", met=True),
        MeasureResult(measure=SCORE, current="7.9", progress="0.966666667", met=False),
    ]
    closed = goal.Closed(
        result="partially_achieved",
        closed_on=day("2026-10-30"),
        score="0.9",
        justification="A tenth of a point short.",
        retrospective="The canteen was the best idea.",
        measures=final,
        progress="0.977777778",
    )
    story.tell(MARA.ref, TALKS, closed)
    story.tell(MARA.ref, MENTORSHIP, mentorship.KeyAreaReleased(goal=TALKS, owner=MARA.ref), same=True)
    story.tell(MARA.ref, MENTORSHIP, mentorship.GoalLeft(goal=TALKS), same=True)
    amended = goal.ClosureAmended(
        old_result="partially_achieved",
        new_result="achieved",
        old_score="0.9",
        new_score="1",
        justification="One sheet was counted twice; the score is 8.1.",
        reason="The listeners' sheets were counted again.",
    )
    story.tell(MARA.ref, TALKS, amended)
    story.day("2026-11-02")
    story.tell(INES.ref, TALKS, goal.Archived(reason="End of the year"))


def importing(story: Story) -> None:
    """Import a closed goal from another system, open it again and give it to another owner."""
    story.day("2026-11-09")
    story.belongs(GRADES, owner=ZOE.ref, parties=[MEMBER])
    grade = Measure(
        measure=uid(0x73),
        name="grade in mathematics",
        kind="delta",
        direction="increase",
        unit="steps",
        target="2",
        baseline="0",
        delta_mode="points",
        scale=["F", "D", "C", "B", "A"],
    )
    terms = Terms(
        title="Two letter grades up within a year",
        owner=ZOE.ref,
        focus="knowledge",
        parties=[MEMBER],
        deadline=day("2026-08-31"),
        start_on=day("2025-09-01"),
        measures=[grade],
        tags=["school"],
        external_ref="old-4711",
    )
    imported = goal.Imported(
        origin=Origin(system="moodle", ref="goal/4711"),
        as_of=day("2026-09-01"),
        state="closed",
        terms=terms,
        agreements=[Agreement(party=ZOE.ref, on=day("2025-09-01"))],
        revision=1,
    )
    story.tell(IMPORTER, GRADES, imported)
    again = goal.Reopened(reopened_on=day("2026-11-09"), revision=1, reason="She was promised another year.")
    story.tell(ZOE.ref, GRADES, again)
    story.belongs(GRADES, owner=MARA.ref, parties=[MEMBER])
    given = goal.OwnershipTransferred(
        old=ZOE.ref, new=MARA.ref, reason="Zoe left; Mara tries it herself.", revision=2, voided=[ZOE.ref]
    )
    story.tell(ZOE.ref, GRADES, given)
