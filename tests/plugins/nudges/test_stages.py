"""Each stage: when it comes, to whom, and what makes it go away."""

from __future__ import annotations

import datetime as dt

import msgspec
import pytest

from milepost_contracts.events import goal as events
from milepost_contracts.events import mentorship, programme
from milepost_contracts.testing.host import HookFailed
from milepost_contracts.testing.story import uid
from milepost_contracts.types import Cadence, Party, Placing, TermsChange
from tests.plugins.nudges.cases import (
    ADMIN,
    BERLIN,
    MENTEE,
    MENTOR,
    MENTORSHIP,
    NIUE,
    PROGRAMME,
    Nudged,
    TestedGoal,
    at,
    day,
    requested,
    weekly,
)

OFF = {"on": False}
CHECK_INS_ALONE = {"deadline": OFF, "silent": OFF, "agreement": OFF}


def under_way(nudged: Nudged, cadence: Cadence | None = None) -> TestedGoal:
    """Return a goal in the programme with a weekly rhythm that begins on day 2."""
    return nudged.goal().placed().scheduled(cadence or weekly(day(2))).activated()


# Check-ins


def test_a_check_in_is_due_then_overdue_then_the_mentors_then_the_programmes() -> None:
    """The owner on the day and after the grace, the mentor 4 days later, those who run the programme after 14."""
    nudged = Nudged(stages=CHECK_INS_ALONE)
    under_way(nudged)
    assert nudged.at(at(2) - dt.timedelta(seconds=1)).nudges == []
    due = ("check_in_due", str(day(2)), MENTEE)
    assert nudged.at(at(2)).nudges == [due]
    assert nudged.at(at(6) - dt.timedelta(seconds=1)).nudges == [due]
    overdue = ("check_in_overdue", str(day(2)), MENTEE)
    assert nudged.at(at(6)).nudges == [due, overdue]
    assert nudged.at(at(10) - dt.timedelta(seconds=1)).stages(MENTOR) == []
    assert nudged.at(at(10)).stages(MENTOR) == [("check_in_mentor", str(day(2)))]
    assert nudged.at(at(20) - dt.timedelta(seconds=1)).stages(ADMIN) == []
    assert nudged.at(at(20)).stages(ADMIN) == [("check_in_programme", str(day(2)))]
    nudged.at(at(60))
    assert nudged.stages(MENTOR) == [("check_in_mentor", str(day(2)))]
    assert nudged.stages(ADMIN) == [("check_in_programme", str(day(2)))]
    assert nudged.stages().count(("check_in_overdue", str(day(2)))) == 1


def test_every_due_date_is_told_once_while_nobody_checks_in() -> None:
    """Being overdue is told once; each new date is another reminder."""
    nudged = Nudged(stages=CHECK_INS_ALONE)
    under_way(nudged)
    nudged.at(at(31))
    dues = [due for stage, due in nudged.stages() if stage == "check_in_due"]
    assert dues == [str(day(offset)) for offset in (2, 9, 16, 23, 30)]


def test_a_check_in_in_time_silences_all_that_would_follow() -> None:
    """Early, on the day or within the grace; the next date is next."""
    nudged = Nudged(stages=CHECK_INS_ALONE)
    goal = under_way(nudged)
    nudged.at(at(1))
    goal.check_in(day(1))  # meets the date of day 2
    nudged.at(at(8, 23))
    assert nudged.nudges == []
    nudged.at(at(12, 12))
    goal.check_in(day(12))  # within the grace of day 9
    nudged.at(at(16))
    assert nudged.nudges == [("check_in_due", str(day(9)), MENTEE), ("check_in_due", str(day(16)), MENTEE)]


def test_a_check_in_before_the_mentor_hears_of_it_keeps_it_from_the_mentor() -> None:
    """What is put right is not told."""
    nudged = Nudged(stages=CHECK_INS_ALONE)
    goal = under_way(nudged)
    nudged.at(at(8))
    goal.check_in(day(8))
    nudged.at(at(12))
    assert nudged.stages(MENTOR) == []


def test_a_check_in_that_was_not_held_after_all_leaves_its_date_open() -> None:
    """Voiding brings the date back, and amending moves it."""
    nudged = Nudged(stages=CHECK_INS_ALONE)
    goal = under_way(nudged)
    goal.check_in(day(0), "talk")
    nudged.at(at(3))
    assert nudged.nudges == []
    goal.add(events.CheckInVoided(check_in=uid("talk"), reason="We did not meet"))
    nudged.at(at(4))
    assert nudged.nudges == [("check_in_due", str(day(2)), MENTEE)]
    goal.check_in(day(4), "next talk")
    goal.add(events.CheckInAmended(check_in=uid("next talk"), held_on=day(-4)))
    nudged.at(at(6))
    assert nudged.stages()[-1] == ("check_in_overdue", str(day(2)))


def test_a_check_in_that_is_dated_tomorrow_where_the_goal_is_hides_none_of_today() -> None:
    """At UTC-11 it is still yesterday for whoever writes down today's date."""
    nudged = Nudged(stages=CHECK_INS_ALONE)
    goal = nudged.goal(zone=NIUE).scheduled(weekly(day(2)), NIUE).activated()
    nudged.at(at(2, 12))
    goal.check_in(day(2))
    goal.check_in(day(3))
    assert nudged.host.ask("pending", by=MENTEE)["pending"][0]["due"] == str(day(9))


def test_the_date_that_people_settle_goes_before_the_rhythm() -> None:
    """With or without a rhythm, the next check-in is due when the last one said."""
    for cadence in (weekly(day(2)), None):
        nudged = Nudged(stages=CHECK_INS_ALONE)
        goal = nudged.goal().scheduled(cadence).activated()
        goal.check_in(day(0), next_on=day(12))
        nudged.at(at(15, 23))
        assert nudged.nudges == [("check_in_due", str(day(12)), MENTEE)]
        nudged.at(at(16))
        assert nudged.stages()[1:] == [("check_in_overdue", str(day(12)))]


def test_without_a_rhythm_nothing_is_due() -> None:
    """A goal that nobody gave one is left alone."""
    nudged = Nudged(stages=CHECK_INS_ALONE)
    nudged.goal().activated()
    assert nudged.at(at(60)).nudges == []


def test_a_mentorships_or_programmes_rhythm_holds_where_the_goal_has_none() -> None:
    """The nearest one holds, and a new one counts at once, for goals that wait for the old one too."""
    nudged = Nudged(stages=CHECK_INS_ALONE)
    goal = nudged.goal().placed(mentorship=MENTORSHIP).activated()
    assert nudged.at(at(1)).nudges == []
    nudged.tell(programme.CadenceSet(after=weekly(day(3))), by=ADMIN, id_=PROGRAMME)
    nudged.at(at(3))
    nudged.tell(requested(), id_=MENTORSHIP)
    goal.check_in(day(3))  # meets the first date of whatever rhythm follows
    nudged.tell(mentorship.CadenceSet(after=weekly(day(5))), id_=MENTORSHIP)
    assert nudged.at(at(12) - dt.timedelta(seconds=1)).stages() == [("check_in_due", str(day(3)))]
    assert nudged.at(at(12)).stages()[1:] == [("check_in_due", str(day(12)))]
    goal.scheduled(weekly(day(6)))
    assert nudged.at(at(13)).stages()[2:] == [("check_in_due", str(day(13)))]


def test_a_programme_that_is_told_again_changes_nothing() -> None:
    """Not even for a moment: since when something is overdue stays known, and with it when the mentor hears of it."""
    nudged = Nudged(stages=CHECK_INS_ALONE)
    nudged.goal().placed().activated()
    nudged.tell(programme.CadenceSet(after=weekly(day(2))), by=ADMIN, id_=PROGRAMME)
    nudged.at(at(8))
    before = nudged.host.state
    nudged.host.redeliver(forgotten=True)
    assert nudged.host.state == before
    assert nudged.at(at(10)).stages(MENTOR) == [("check_in_mentor", str(day(2)))]


def test_a_programmes_new_rhythm_reaches_more_goals_than_one_turn_takes() -> None:
    """Eighty goals are looked at a few at a time, in the turns that follow or by a timer; then nothing is left."""
    nudged = Nudged(stages={"deadline": OFF, "silent": OFF})
    for number in range(80):
        nudged.goal(name=f"goal {number}").placed().activated()
    nudged.tell(programme.CadenceSet(after=weekly(day(3))), by=ADMIN, id_=PROGRAMME)
    assert "chores" in nudged.host.state
    nudged.at(nudged.host.now + dt.timedelta(seconds=5))
    assert "chores" not in nudged.host.state
    assert sum(key.startswith("check_in_due/") for key in nudged.timers) == 2 * 80
    nudged.at(at(3))
    assert len(nudged.nudges) == 80


def test_a_paused_goal_is_left_alone_and_takes_up_its_rhythm_again() -> None:
    """Nothing stands while it rests, dates within the pause are nobody's, and then the rhythm goes on."""
    nudged = Nudged(stages=CHECK_INS_ALONE)
    goal = under_way(nudged)
    nudged.at(at(1))
    goal.add(events.Paused(paused_on=day(1), reason="Illness"))
    assert nudged.timers == {}
    nudged.at(at(17))
    goal.add(events.Resumed(resumed_on=day(17), revision=1))
    nudged.at(at(22))
    assert nudged.nudges == []
    nudged.at(at(23))
    assert nudged.nudges == [("check_in_due", str(day(23)), MENTEE)]


def test_a_date_within_a_pause_that_is_over_is_expected_of_nobody() -> None:
    """Neither due nor to become overdue, though its grace has not run out."""
    nudged = Nudged(stages=CHECK_INS_ALONE)
    goal = under_way(nudged)
    goal.add(events.Paused(paused_on=day(1), reason="Illness"))
    nudged.at(at(3))
    goal.add(events.Resumed(resumed_on=day(3), revision=1))
    pending = nudged.host.ask("pending", by=MENTEE)["pending"]
    assert [(row["stage"], row["due"]) for row in pending] == [("check_in_due", str(day(9)))]


def test_after_a_pause_mentors_have_their_days_of_patience_anew() -> None:
    """What was overdue before counts for others from when the goal goes on."""
    nudged = Nudged(stages=CHECK_INS_ALONE)
    goal = under_way(nudged)
    nudged.at(at(7))
    goal.add(events.Paused(paused_on=day(7), reason="Illness"))
    nudged.at(at(40))
    goal.add(events.Resumed(resumed_on=day(40), revision=1))
    nudged.at(at(43, 23))
    assert nudged.stages(MENTOR) == []
    nudged.at(at(44))
    assert nudged.stages(MENTOR) == [("check_in_mentor", str(day(2)))]
    assert nudged.at(at(53, 23)).stages(ADMIN) == []
    assert nudged.at(at(54)).stages(ADMIN) == [("check_in_programme", str(day(2)))]


def test_what_turns_out_to_be_overdue_is_not_told_to_everybody_at_once() -> None:
    """A goal that is told of late, active since last month, is overdue today; the mentor hears of it in 4 days."""
    nudged = Nudged(stages=CHECK_INS_ALONE)
    nudged.goal().scheduled(weekly(day(-33))).activated(day(-30))
    nudged.at(at(1))
    missed = str(day(-26))
    assert nudged.stages() == []  # before the plugin was there: nobody's news
    assert nudged.at(at(40)).stages(ADMIN) == []
    later = Nudged(stages=CHECK_INS_ALONE)
    later.at(at(60))
    later.goal().placed().scheduled(weekly(day(27))).activated(day(27))
    later.at(at(63))
    missed = str(day(27))
    assert ("check_in_overdue", missed) in later.stages()
    assert later.at(at(63, 23)).stages(MENTOR) == []
    assert later.at(at(64)).stages(MENTOR) == [("check_in_mentor", missed)]
    assert later.at(at(74)).stages(ADMIN) == [("check_in_programme", missed)]


def test_a_closed_goal_is_left_alone_until_it_is_reopened() -> None:
    """No timer stands; reopened, it has a rhythm again."""
    nudged = Nudged()
    goal = under_way(nudged)
    goal.add(events.Closed(result="abandoned", closed_on=day(0)))
    assert nudged.timers == {}
    assert nudged.at(at(30)).nudges == []
    goal.add(events.Reopened(reopened_on=day(30), revision=1, reason="Not done yet"))
    nudged.at(at(30, 23))
    assert nudged.stages() == [("check_in_due", str(day(30)))]


def test_a_stage_that_fires_late_is_told_only_where_it_is_still_true() -> None:
    """The host slept for five days: that the check-in is due is no news any more, that it is overdue is."""
    nudged = Nudged(stages=CHECK_INS_ALONE)
    under_way(nudged)
    nudged.sleep(at(7))
    nudged.at(at(7))
    assert nudged.nudges == [("check_in_overdue", str(day(2)), MENTEE)]


def test_a_stage_that_fires_late_is_told_late_rather_than_never() -> None:
    """The host slept for a day: it is due still."""
    nudged = Nudged(stages=CHECK_INS_ALONE)
    under_way(nudged)
    nudged.sleep(at(3, 15))
    assert nudged.at(at(3, 15)).nudges == [("check_in_due", str(day(2)), MENTEE)]


def test_the_grace_and_the_days_are_as_set() -> None:
    """Other graces and days than the defaults, and stages that are off."""
    stages = CHECK_INS_ALONE | {"check_in_due": OFF, "check_in_mentor": {"days": 0}, "check_in_programme": {"days": 1}}
    nudged = Nudged(stages=stages, grace_days=0)
    under_way(nudged)
    nudged.at(at(3))
    assert nudged.nudges == [
        ("check_in_mentor", str(day(2)), MENTOR),
        ("check_in_overdue", str(day(2)), MENTEE),
    ]
    assert nudged.at(at(4)).stages(ADMIN) == [("check_in_programme", str(day(2)))]


def test_the_grace_of_a_daily_rhythm_ends_before_the_next_date() -> None:
    """Each day is met or missed by itself."""
    nudged = Nudged(stages=CHECK_INS_ALONE)
    nudged.goal().scheduled(Cadence(rhythm="days", anchor=day(1), days=1)).activated()
    nudged.at(at(2))
    assert nudged.stages() == [
        ("check_in_due", str(day(1))), ("check_in_due", str(day(2))), ("check_in_overdue", str(day(1))),
    ]  # fmt: skip


# Deadlines


def test_a_deadline_is_told_so_many_days_before_once_for_each() -> None:
    """14 days before and 3 days before, from the beginning of the day."""
    nudged = Nudged()
    nudged.goal(deadline=day(60)).activated()
    nudged.at(at(46) - dt.timedelta(seconds=1))
    assert all(stage == "silent" for stage, _ in nudged.stages())
    nudged.at(at(46))
    assert nudged.stages()[-1] == ("deadline_14", str(day(60)))
    nudged.at(at(90))
    assert [stage for stage, _ in nudged.stages() if stage != "silent"] == ["deadline_14", "deadline_3"]


def test_a_deadline_that_is_shifted_away_and_back_is_told_once() -> None:
    """The same days before the same date are told once, whatever happened in between."""
    nudged = Nudged(stages={"silent": OFF})
    goal = nudged.goal(deadline=day(20)).activated()
    nudged.at(at(6, 12))
    away = events.DeadlineShifted(old=day(20), new=day(60), days=40, reason="r", reason_code="scope", revision=1)
    goal.add(away)
    back = events.DeadlineShifted(old=day(60), new=day(20), days=-40, reason="r", reason_code="scope", revision=1)
    goal.add(back)
    nudged.at(at(30))
    assert nudged.stages() == [("deadline_14", str(day(20))), ("deadline_3", str(day(20)))]


def test_a_deadline_that_was_near_when_it_was_set_is_no_news() -> None:
    """Those who have just set or shifted it know; what lies ahead of that is told."""
    nudged = Nudged(stages={"silent": OFF})
    goal = nudged.goal().activated()
    goal.add(events.DeadlineSet(new=day(10), revision=1))
    assert nudged.at(at(6)).nudges == []
    assert nudged.at(at(7)).stages() == [("deadline_3", str(day(10)))]


def test_a_deadline_that_came_near_while_the_goal_rested_is_no_news() -> None:
    """Resuming is deciding anew; the next number of days is told."""
    nudged = Nudged(stages={"silent": OFF})
    goal = nudged.goal(deadline=day(20)).activated()
    goal.add(events.Paused(paused_on=day(0), reason="Illness"))
    nudged.at(at(10))
    goal.add(events.Resumed(resumed_on=day(10), revision=1))
    nudged.at(at(16))
    assert nudged.nudges == []
    assert nudged.at(at(17)).stages() == [("deadline_3", str(day(20)))]


def test_days_that_are_superseded_are_not_told() -> None:
    """The host slept from 20 until 2 days before: only the last number of days is true."""
    nudged = Nudged(stages={"silent": OFF, "deadline": {"days": [0, 14, 3, 3]}})
    nudged.goal(deadline=day(22)).activated()
    nudged.sleep(at(20))
    assert nudged.at(at(20)).stages() == [("deadline_3", str(day(22)))]
    assert nudged.at(at(22)).stages()[1:] == [("deadline_0", str(day(22)))]


# Silence


def test_a_goal_that_nothing_happens_to_is_told_once_a_silence() -> None:
    """21 days after the last sign of life of a person; the next silence is another."""
    nudged = Nudged()
    goal = nudged.goal().activated()
    nudged.at(at(10, 15))
    goal.add(events.CommentPosted(comment=uid("comment"), text="Still on it"), by=MENTOR)
    nudged.at(at(31) - dt.timedelta(seconds=1))
    assert nudged.nudges == []
    nudged.at(at(60))
    assert nudged.stages() == [("silent", str(day(31)))]
    goal.add(events.CommentPosted(comment=uid("other comment"), text="Sorry"))
    nudged.at(at(81))
    assert nudged.stages()[1:] == [("silent", str(day(81)))]


def test_what_services_and_plugins_do_is_no_sign_of_life() -> None:
    """A reading that a service brings does not break the silence."""
    nudged = Nudged()
    goal = nudged.goal().activated()
    nudged.at(at(10))
    goal.add(events.CommentPosted(comment=uid("comment"), text="Nightly import"), by="service:importer")
    assert nudged.at(at(21)).stages() == [("silent", str(day(21)))]


def test_no_goal_is_silent_before_work_on_it_began() -> None:
    """A service activates it long after somebody last did something: the days count from then."""
    nudged = Nudged()
    goal = nudged.goal()
    nudged.at(at(10))
    goal.add(events.Activated(revision=1, activated_on=day(10)), by="service:importer")
    assert nudged.at(at(60)).stages() == [("silent", str(day(31)))]


def test_what_is_told_late_counts_when_it_happened() -> None:
    """A sign of life of last week is one of last week."""
    nudged = Nudged()
    goal = nudged.goal().activated()
    nudged.at(at(15))
    comment = events.CommentPosted(comment=uid("comment"), text="Told late")
    goal.add(comment, occurred=at(5))
    assert nudged.at(at(26)).stages() == [("silent", str(day(26)))]
    goal.add(events.CommentPosted(comment=uid("older"), text="Older still"), occurred=at(2))
    assert nudged.at(at(40)).stages() == [("silent", str(day(26)))]


# Agreement


def proposed(nudged: Nudged, *people: str) -> TestedGoal:
    goal = nudged.goal(*people)
    goal.add(events.Proposed(party=MENTEE, revision=1))
    return goal


def test_whoever_has_not_agreed_after_some_days_is_asked() -> None:
    """Those whose yes is there are not."""
    nudged = Nudged()
    goal = proposed(nudged, MENTEE, MENTOR, ADMIN)
    nudged.at(at(2))
    goal.add(events.Agreed(party=ADMIN, revision=1), by=ADMIN)
    assert nudged.at(at(5) - dt.timedelta(seconds=1)).nudges == []
    assert nudged.at(at(5)).nudges == [("agreement", str(day(5)), MENTOR)]
    assert len(nudged.at(at(60)).nudges) == 1


def test_a_complete_agreement_asks_nobody() -> None:
    """Where the quorum needs no more, the others are left in peace."""
    nudged = Nudged()
    goal = proposed(nudged, MENTEE, MENTOR, ADMIN)
    goal.add(events.Agreed(party=MENTOR, revision=1, complete=True), by=MENTOR)
    assert nudged.at(at(30)).nudges == []
    assert all(key.startswith("look/") for key in nudged.timers)


def test_a_declined_proposal_asks_nobody() -> None:
    """It is a draft again, and a draft has no timers."""
    nudged = Nudged()
    proposed(nudged).add(events.Declined(party=MENTOR, revision=1), by=MENTOR)
    assert nudged.timers == {}


def test_a_yes_that_was_voided_is_asked_for_anew_after_some_days() -> None:
    """A running goal whose terms changed asks those whose yes that voided, and again after the next change."""
    nudged = Nudged(stages={"silent": OFF})
    goal = proposed(nudged)
    goal.add(events.Agreed(party=MENTOR, revision=1, complete=True), by=MENTOR)
    goal.activated()
    nudged.at(at(10))
    change = events.Refined(
        before=TermsChange(title="Speak freely"), after=TermsChange(title="Speak up"), trigger="other", revision=2,
        voided=[MENTOR],
    )  # fmt: skip
    goal.add(change)
    assert nudged.at(at(15)).nudges == [("agreement", str(day(15)), MENTOR)]
    goal.add(events.Agreed(party=MENTOR, revision=2, complete=True), by=MENTOR)
    nudged.at(at(20))
    goal.add(events.AgreementWithdrawn(party=MENTOR, revision=2, open=True), by=MENTOR)
    nudged.at(at(22))
    goal.add(events.DeadlineSet(new=day(300), revision=3))
    nudged.at(at(26))
    assert len(nudged.nudges) == 1
    assert nudged.at(at(40)).nudges[1:] == [("agreement", str(day(27)), MENTOR)]


# People, programmes, zones


def test_roles_say_who_is_told() -> None:
    """Parties by their role, everybody, those who run the programme, each but once."""
    stages = CHECK_INS_ALONE | {
        "check_in_due": {"to": ["parties", "owner", "mentor"]},
        "check_in_overdue": {"to": ["member", "programme"]},
    }
    nudged = Nudged(stages=stages)
    member = nudged.story.person("member")
    nudged.goal(MENTEE, MENTOR, member).placed().scheduled(weekly(day(2))).activated()
    nudged.at(at(6))
    assert nudged.nudges == [
        *(("check_in_due", str(day(2)), who) for who in sorted((MENTEE, MENTOR, member))),
        *(("check_in_overdue", str(day(2)), who) for who in sorted((member, ADMIN))),
    ]


def test_of_a_shared_goal_whoever_is_accountable_is_told() -> None:
    """A mentorship's goal has one accountable person; while it has none, nobody is its owner."""
    nudged = Nudged(stages=CHECK_INS_ALONE)
    goal = under_way(nudged)
    shared = f"mentorship:{MENTORSHIP}"
    for offset, accountable in ((2, None), (3, MENTOR)):
        event = events.OwnershipTransferred(old=shared, new=shared, new_accountable=accountable, revision=1)
        context = msgspec.structs.replace(goal.told.context, owner=shared, accountable=accountable)
        nudged.tell(event, id_=goal.id, context=context)
        assert nudged.at(at(offset)).stages() == []
    assert nudged.nudges == [("check_in_due", str(day(2)), MENTOR)]


def test_those_who_run_the_programme_come_and_go() -> None:
    """Admins are enrolled, given another role, withdrawn; a programme that is closed has none."""
    nudged = Nudged(stages=CHECK_INS_ALONE | {"check_in_due": {"to": ["programme"]}, "check_in_overdue": OFF,
                                              "check_in_mentor": OFF, "check_in_programme": OFF})  # fmt: skip
    under_way(nudged)
    other, third = nudged.story.person("other"), nudged.story.person("third")
    enrol = programme.ParticipantEnrolled
    for person in (other, third):
        nudged.tell(enrol(participant=person, role="admin"), by=ADMIN, id_=PROGRAMME)
    nudged.tell(programme.ParticipantWithdrawn(participant=ADMIN), by=ADMIN, id_=PROGRAMME)
    nudged.tell(enrol(participant=third, role="mentor"), by=ADMIN, id_=PROGRAMME)
    nudged.tell(enrol(participant=MENTEE, role="mentee"), by=ADMIN, id_=PROGRAMME)
    assert nudged.at(at(2)).nudges == [("check_in_due", str(day(2)), other)]
    nudged.tell(programme.Closed(closed_on=day(2)), by=other, id_=PROGRAMME)
    assert len(nudged.at(at(30)).nudges) == 1


def test_a_programme_has_its_own_rules() -> None:
    """What is set for a programme holds for its goals alone, the rest is as everywhere."""
    changes = {"grace_days": 1, "stages": {"deadline": {"days": [30]}, "silent": OFF}}
    nudged = Nudged(programmes={PROGRAMME: changes}, stages={"check_in_due": OFF})
    for name in ("inside", "outside"):
        goal = nudged.goal(name=name, deadline=day(40))
        goal.placed(in_programme=PROGRAMME if name == "inside" else None).scheduled(weekly(day(2))).activated()
    nudged.at(at(6))
    told = {(fact["goal"], fact["stage"]): fact["days"] for name, fact in nudged.host.facts if name == "nudged"}
    inside, outside = uid("acme/inside"), uid("acme/outside")
    assert told == {(inside, "check_in_overdue"): 2, (outside, "check_in_overdue"): 4}
    nudged.at(at(26))
    stages = [(fact["goal"], fact["stage"]) for name, fact in nudged.host.facts if name == "nudged"]
    assert (inside, "deadline_30") in stages
    assert (outside, "deadline_14") in stages
    assert (outside, "silent") in stages
    assert (inside, "silent") not in stages


def test_a_goal_that_changes_places_and_people_is_told_to_those_who_are_there() -> None:
    """Who left is not told, who came is."""
    nudged = Nudged(stages=CHECK_INS_ALONE | {"check_in_due": {"to": ["mentor"]}})
    goal = under_way(nudged)
    other = nudged.story.person("other mentor")
    goal.told.parties = [Party(ref=MENTEE, role="mentee"), Party(ref=other, role="mentor")]
    goal.told.programme = None
    goal.add(events.Placed(before=Placing(), after=Placing(), revision=2))
    assert nudged.at(at(30)).stages(MENTOR) == nudged.stages(ADMIN) == []
    assert nudged.stages(other)[0] == ("check_in_due", str(day(2)))


def test_the_zone_of_a_goal_can_change() -> None:
    """From then on days begin there; what was told is not told again."""
    nudged = Nudged(stages=CHECK_INS_ALONE)
    goal = under_way(nudged)
    goal.scheduled(weekly(day(2)), BERLIN)
    nudged.at(at(1, 22, 59))
    assert nudged.nudges == []
    nudged.at(at(1, 23))
    assert len(nudged.nudges) == 1
    goal.scheduled(weekly(day(2)), "UTC")
    assert len(nudged.at(at(5)).nudges) == 1


@pytest.mark.parametrize("name", ["goal.levitated", "goal.created"])
def test_events_of_a_later_release_are_passed_over(name: str) -> None:
    """What this release cannot read changes nothing, and what follows is read."""
    nudged = Nudged()
    goal = under_way(nudged)
    before = nudged.host.state
    strange = goal.add(events.CommentPosted(comment=uid("comment"), text="x"))
    assert nudged.host.state != before
    before = nudged.host.state
    document = strange.document.replace(b'"goal.comment_posted.v1"', f'"{name}.v9"'.encode())
    number, later = f"{strange.sequence:016d}".encode(), f"{strange.sequence + 1:016d}".encode()
    document = document.replace(number, later).replace(strange.id.encode(), uid("strange").encode())
    nudged.host.deliver(document)
    assert nudged.host.state == before


def test_an_event_that_is_none_is_no_silence() -> None:
    """What does not fit its tag fails, so that somebody looks at it."""
    nudged = Nudged()
    goal = under_way(nudged)
    event = goal.told.add(events.HealthSet(health="at_risk", reason="r", until=day(9)))
    with pytest.raises(HookFailed):
        nudged.host.deliver(event.document.replace(b'"until"', b'"untill"'))


def test_a_goal_without_context_keeps_its_people() -> None:
    """Events of another system may lack it."""
    nudged = Nudged(stages=CHECK_INS_ALONE)
    goal = under_way(nudged)
    nudged.tell(events.CommentPosted(comment=uid("comment"), text="x"), id_=goal.id)
    assert nudged.at(at(2)).stages() == [("check_in_due", str(day(2)))]


def test_a_timer_of_a_goal_that_is_unknown_is_let_go() -> None:
    """It may stand longer than what is kept."""
    nudged = Nudged()
    for key in (f"look/{uid('nobody')}/0", f"health/{uid('nobody')}"):
        done = nudged.host.runner.fire("acme", key, nudged.host.now)
        assert (done.failure, done.turn.count) == (None, 0)


def test_a_timer_that_nobody_set_nudges_nobody() -> None:
    """Of a stage that is no more, or of an occurrence that was never one."""
    nudged = Nudged()
    goal = under_way(nudged)
    for stage in ("check_in_due", "retired_stage"):
        nudged.host.runner.fire("acme", f"{stage}/{goal.id}/2026-03-03/{MENTEE}", nudged.host.now)
    assert nudged.nudges == []
