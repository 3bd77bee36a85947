"""The story's frame: a tenant, a programme and a mentorship are set up, and in the end brought to a close."""

from __future__ import annotations

import datetime as dt

from milepost_contracts.events import mentorship, person, programme, tenant
from milepost_contracts.types import Account, Cadence, GoalDisposition, Measure, Party, Rubric, SurveyScore
from tests.support.golden.story import Story
from tests.support.golden.world import (
    ACCEPT,
    CIRCLE,
    CYCLE,
    IMPORTER,
    INES,
    LEFT,
    LENA,
    MARA,
    MENTORSHIP,
    NEXT_CYCLE,
    NOOR,
    PROGRAMME,
    PUBLISH,
    REFUSED,
    SETUP,
    TALKS,
    TEMPLATE,
    TENANT_ID,
    TOM,
    ZOE,
    uid,
)

day = dt.date.fromisoformat
MONTHLY = Cadence(rhythm="monthly", anchor=day("2026-01-31"))
FORTNIGHTLY = Cadence(rhythm="bi_weekly", anchor=day("2026-01-14"))


def opening(story: Story) -> None:
    """Open the tenant and the programme, and pair Mara with Tom."""
    story.day("2026-01-05")
    story.tell(SETUP, TENANT_ID, tenant.Opened(title="Acme mentoring", admins=[INES.ref]))
    story.tell(INES.ref, TENANT_ID, tenant.RoleGranted(ref=IMPORTER, role="importer"))
    accounts = [Account(system="oidc", account="mara@acme.example")]
    story.tell(INES.ref, MARA.id, person.Linked(name="Mara Lindqvist", accounts=accounts))
    _programme(story)
    _mentorship(story)


def _programme(story: Story) -> None:
    story.day("2026-01-07")
    story.tell(
        INES.ref,
        PROGRAMME,
        programme.Created(
            title="Leadership 2026",
            description="Mentees grow into leading teams; \U0001f331 small steps count.",
            admins=[INES.ref],
            cap=3,
            cadence=MONTHLY,
        ),
    )
    criteria = ["specific", "measurable", "achievable", "relevant", "time-bound"]
    story.tell(INES.ref, PROGRAMME, programme.RubricSet(rubric=Rubric(id="acme-smart", version=2, criteria=criteria)))
    story.tell(INES.ref, PROGRAMME, programme.CadenceSet(before=MONTHLY, after=FORTNIGHTLY))
    story.tell(INES.ref, PROGRAMME, programme.CapSet(old=3, new=2))
    held = Measure(
        measure=uid(0x40), name="{{topic}} talks held", kind="count", direction="increase", unit="talks", target="3"
    )
    template = programme.TemplatePublished(
        template=TEMPLATE, version=1, title="Speak about {{topic}}", focus="skill", horizon="short", measures=[held]
    )
    story.tell(INES.ref, PROGRAMME, template)
    story.tell(INES.ref, PROGRAMME, programme.ParticipantEnrolled(participant=MARA.ref, role="mentee"))
    planned = programme.CyclePlanned(
        cycle=CYCLE, title="First cycle", starts_on=day("2026-01-12"), ends_on=day("2026-12-31")
    )
    story.tell(INES.ref, PROGRAMME, planned)
    story.tell(INES.ref, PROGRAMME, programme.CycleOpened(cycle=CYCLE))
    later = programme.CyclePlanned(
        cycle=NEXT_CYCLE, title="Second cycle", starts_on=day("2026-07-01"), ends_on=day("2027-06-30")
    )
    story.tell(INES.ref, PROGRAMME, later)


def _mentorship(story: Story) -> None:
    story.day("2026-01-12")
    pair = [Party(ref=MARA.ref, role="mentee"), Party(ref=TOM.ref, role="mentor")]
    wish = "Speaking in front of people without notes"
    requested = mentorship.Requested(
        requester=MARA.ref, parties=pair, format="one_to_one", purpose=wish, programme=PROGRAMME, cadence=FORTNIGHTLY
    )
    story.tell(MARA.ref, MENTORSHIP, requested)
    story.tell(TOM.ref, MENTORSHIP, mentorship.Accepted(party=TOM.ref, complete=True))
    expected = "We are on time, we speak openly, and nothing leaves the room."
    story.tell(TOM.ref, MENTORSHIP, mentorship.ExpectationsAgreed(party=TOM.ref, expectations=expected))
    story.tell(MARA.ref, MENTORSHIP, mentorship.PurposeSet(purpose="Speaking well, and later leading a team"))
    story.tell(TOM.ref, MENTORSHIP, mentorship.CadenceSet(before=FORTNIGHTLY, after=MONTHLY))
    story.tell(TOM.ref, MENTORSHIP, mentorship.CapSet(old=2, new=3))
    story.tell(TOM.ref, MENTORSHIP, mentorship.QuorumSet(old="all", new="owner_plus_one"))
    book = mentorship.ResourceAttached(
        resource=uid(0x50), kind="book", title="The charisma of silence", url="https://books.example/silence?id=7"
    )
    story.tell(TOM.ref, MENTORSHIP, book)
    story.day("2026-01-14")
    held = mentorship.SessionHeld(
        session=uid(0x51),
        held_on=day("2026-01-13"),
        attendees=[MARA.ref, TOM.ref],
        notes="No goals yet; we talked about what went well last year.",
        next_on=day("2026-01-28"),
    )
    story.tell(TOM.ref, MENTORSHIP, held, occurred_at="2026-01-13T15:00:00.000000Z")
    diary = "I felt heard today."
    story.tell(MARA.ref, MENTORSHIP, mentorship.ReflectionRecorded(reflection=uid(0x52), author=MARA.ref, text=diary))
    alone = [Party(ref=MARA.ref, role="mentor"), Party(ref=NOOR.ref, role="mentee")]
    story.tell(NOOR.ref, REFUSED, mentorship.Requested(requester=NOOR.ref, parties=alone, format="reverse"))
    story.tell(MARA.ref, REFUSED, mentorship.Rejected(party=MARA.ref, reason="One mentorship at a time, I am sorry."))


def parting(story: Story) -> None:
    """Let Tom hand over to Lena, with every open goal kept."""
    story.day("2026-06-01")
    keep = [GoalDisposition(goal=TALKS, disposition="keep")]
    replaced = mentorship.PartyReplaced(
        old=TOM.ref, new=Party(ref=LENA.ref, role="mentor"), goals=keep, reason="Tom is on parental leave from June."
    )
    story.tell(TOM.ref, MENTORSHIP, replaced)


def circle(story: Story) -> None:
    """Let a circle of peers lose a member and be cancelled."""
    story.day("2026-06-03")
    peers = [Party(ref=person.ref, role="peer") for person in (LENA, NOOR, ZOE)]
    story.tell(ZOE.ref, CIRCLE, mentorship.Requested(requester=ZOE.ref, parties=peers, format="circle"))
    story.tell(NOOR.ref, CIRCLE, mentorship.Accepted(party=NOOR.ref, complete=False))
    story.tell(LENA.ref, CIRCLE, mentorship.Accepted(party=LENA.ref, complete=True))
    story.tell(ZOE.ref, CIRCLE, mentorship.PartyRemoved(party=NOOR.ref, reason="Noor changed to another site."))
    story.tell(ZOE.ref, CIRCLE, mentorship.Cancelled(cancelled_on=day("2026-06-03"), reason="Two are no circle."))


def closing(story: Story) -> None:
    """Count what the programme brought, and close everything."""
    story.day("2026-12-14")
    well = "Mara leads her own team now \U0001f389"
    story.tell(MARA.ref, MENTORSHIP, mentorship.Completed(completed_on=day("2026-12-14"), retrospective=well))
    story.day("2026-12-15")
    story.tell(INES.ref, PROGRAMME, programme.TemplateRetired(template=TEMPLATE, reason="Nobody used it twice."))
    story.tell(INES.ref, PROGRAMME, programme.ParticipantWithdrawn(participant=MARA.ref, reason="Graduated."))
    survey = programme.SurveyRecorded(
        survey=uid(0x60),
        title="End of the first cycle",
        held_on=day("2026-12-10"),
        cycle=CYCLE,
        invited=24,
        answered=19,
        scores=[SurveyScore(question="would-recommend", mean="8.7", answers=19)],
    )
    story.tell(INES.ref, PROGRAMME, survey, occurred_at="2026-12-10T16:00:00.000000Z")
    on = day("2026-12-15")
    cost = programme.CostRecorded(cost=uid(0x61), amount="12500.00", currency="EUR", on=on, note="Trainers")
    story.tell(INES.ref, PROGRAMME, cost)
    benefit = programme.BenefitRecorded(
        benefit=uid(0x62), amount="31000", currency="EUR", on=on, note="Two vacancies filled from within"
    )
    story.tell(INES.ref, PROGRAMME, benefit)
    story.tell(INES.ref, PROGRAMME, programme.CycleClosed(cycle=CYCLE))
    story.tell(INES.ref, PROGRAMME, programme.Closed(closed_on=day("2026-12-31"), reason="A new programme follows."))
    story.tell(INES.ref, TOM.id, person.Held(reason="Claim of the works council", until=day("2027-03-31")))
    story.day("2026-12-31")
    story.tell(INES.ref, TOM.id, person.Released(reason="The claim was settled."))
    story.tell(INES.ref, TENANT_ID, tenant.RoleRevoked(ref=IMPORTER, role="importer"))
    refilled = tenant.StreamRefilled(generation=2, first="0000000000000001", last="0000000000000100")
    story.tell(PUBLISH, TENANT_ID, refilled)
    story.tell(INES.ref, TENANT_ID, tenant.Closed(successor="acme-group", reason="Acme was merged into its group."))


def erasing(story: Story) -> None:
    """Erase somebody who left, and change the key that wraps keys; the examples have no words of theirs."""
    story.day("2027-01-04")
    story.tell(INES.ref, TENANT_ID, tenant.RetentionSet(months=24))
    story.tell(INES.ref, LEFT, person.Erased(reason="Asked for in writing after leaving."))
    destroyed = person.KeysDestroyed(
        erased=story.event_id(), key_ids=["5f" * 16], derived=3, survivors=6, generation_before=1,
        generation_after=2,
    )  # fmt: skip
    story.tell(ACCEPT, LEFT, destroyed)
    rotated = tenant.WrappingKeyRotated(keys=6, generation_before=2, generation_after=3)
    story.tell(SETUP, TENANT_ID, rotated)
