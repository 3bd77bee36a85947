"""Given a goal, when somebody adds to it, then ..."""

from __future__ import annotations

from typing import Any

import pytest

from milepost.decide.goal.state import Feedback
from milepost_contracts.commands.goal import (
    AttachResource,
    GiveFeedback,
    PostComment,
    RecordReflection,
    RemoveContributor,
    RetractFeedback,
    TagGoal,
)
from milepost_contracts.events.goal import (
    CheckInHeld,
    CommentPosted,
    ContributorAdded,
    FeedbackGiven,
    FeedbackRetracted,
    MilestoneAdded,
    ReflectionRecorded,
    ResourceAttached,
    ResourceAttachedV2,
    Tagged,
)
from tests.support.goals import active, closed, drafted
from tests.support.scenario import ADMIN, MANAGER, MENTEE, MENTOR, PEER, STRANGER, TODAY, Scenario, acme, day, uid

NEW = uid("new")


def peered(scenario: Scenario | None = None) -> Scenario:
    """Return an active goal to which PEER and MANAGER contribute."""
    return (scenario or active()).given(
        ContributorAdded(ref=PEER, role="peer"), ContributorAdded(ref=MANAGER, role="manager")
    )


def attach(scenario: Scenario, by: str = MENTEE, **fields: Any) -> Scenario:
    return scenario.when(by, AttachResource, **({"resource": NEW, "kind": "book", "title": "On talks"} | fields))


def give(scenario: Scenario, by: str = PEER, **fields: Any) -> Scenario:
    return scenario.when(by, GiveFeedback, **({"feedback": NEW, "text": "Speak slower"} | fields))


def given_feedback(scenario: Scenario | None = None) -> Scenario:
    return (scenario or peered()).given(FeedbackGiven(feedback=NEW, text="Speak slower"), by=PEER)


def retract(scenario: Scenario, by: str = PEER, **fields: Any) -> Scenario:
    return scenario.when(by, RetractFeedback, **({"feedback": NEW} | fields))


def reflect(scenario: Scenario, by: str = MENTEE, **fields: Any) -> Scenario:
    return scenario.when(by, RecordReflection, **({"reflection": NEW, "text": "I was nervous"} | fields))


def comment(scenario: Scenario, by: str = MENTEE, **fields: Any) -> Scenario:
    return scenario.when(by, PostComment, **({"comment": NEW, "text": "Good plan"} | fields))


def tag(scenario: Scenario, by: str = MENTEE, **fields: Any) -> Scenario:
    return scenario.when(by, TagGoal, **({"add": ["speaking"]} | fields))


STEPS = [attach, give, reflect, comment, tag]


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("by", [MENTEE, MENTOR, PEER])
def test_parties_and_contributors_add(step: Any, by: str) -> None:
    """Each of the five things, also to a draft and to a closed goal, to which people look back."""
    for scenario in (peered(), peered(drafted()), peered(closed()).at(day(9))):
        assert step(scenario, by).events


@pytest.mark.parametrize("step", [*STEPS, retract])
@pytest.mark.parametrize("by", [STRANGER, ADMIN])
def test_others_do_not(step: Any, by: str) -> None:
    """Strangers and admins are refused, and learn no more; unknown goals are told."""
    step(peered(), by).refused("not_allowed")
    step(given_feedback(), by).refused("not_allowed")
    step(acme(), by).refused("goal_unknown")


def test_a_resource_is_attached_in_the_newest_form() -> None:
    """The second version of the event is what is written; both are read."""
    scenario = attach(active(), url="https://example.org/book")
    scenario.then(ResourceAttachedV2(resource=NEW, kind="book", title="On talks", url="https://example.org/book"))
    attach(scenario, title=" ").refused("resource_id_taken", "title_missing")
    scenario.given(ResourceAttached(resource=uid("old"), type="book", title="On slides"))
    assert set(scenario.goal.resources) == {NEW, uid("old")}


@pytest.mark.parametrize(
    "url",
    [
        "http://example.org",
        "https://example.org:8080/a?b=c#d",
        "HTTPS://EXAMPLE.ORG",
        "mailto:host@example.org",
        "https://[::1]/",
        "https://münchen.example/",
    ],
)
def test_links_that_only_open_are_safe(url: str) -> None:
    """http, https and mailto."""
    attach(active(), url=url).tags("resource_attached")


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)",
        "java\nscript:alert(1)",
        " https://example.org",
        "\x01javascript:alert(1)",
        "data:text/html,x",
        "file:///etc/passwd",
        "vbscript:x",
        "example.org",
        "//example.org",
        "/path",
        "https:",
        "https://",
        "mailto:",
        "https://[::1",
        "https://exa mple.org",
    ],
)
def test_other_links_are_unsafe(url: str) -> None:
    """Whatever a browser might run, or take for a place of its own."""
    attach(active(), url=url).refused("unsafe_link")


def test_feedback_is_given() -> None:
    """On the goal, or on a milestone or a check-in that is there."""
    scenario = peered().given(
        MilestoneAdded(milestone=uid("first"), title="First talk", due_on=day(9)),
        CheckInHeld(check_in=uid("talk"), held_on=TODAY, attendees=[MENTEE]),
    )
    told: dict[str, Any] = {"rating": 4, "about": MENTEE, "milestone": uid("first"), "check_in": uid("talk")}
    give(scenario, **told).then(FeedbackGiven(feedback=NEW, text="Speak slower", **told))
    assert scenario.goal.feedback[NEW] == Feedback(author=PEER, event=scenario.last(FeedbackGiven))
    give(scenario, text=" ", milestone=uid("no"), check_in=uid("no")).refused(
        "feedback_id_taken", "text_missing", "milestone_unknown", "check_in_unknown"
    )


def test_feedback_is_taken_back_by_its_author() -> None:
    """The event names the one in which it was given; a second time changes nothing."""
    scenario = retract(given_feedback(), reason="Too harsh")
    scenario.then(FeedbackRetracted(feedback=NEW, feedback_event=scenario.last(FeedbackGiven), reason="Too harsh"))
    retract(scenario).nothing()


@pytest.mark.parametrize("by", [MENTEE, MENTOR, MANAGER])
def test_nobody_takes_back_what_another_said(by: str) -> None:
    """Not even the owner."""
    retract(given_feedback(), by).refused("not_author")


def test_who_has_left_takes_its_feedback_back() -> None:
    """It stays one's own."""
    scenario = given_feedback().done(MENTEE, RemoveContributor, ref=PEER)
    retract(scenario).tags("feedback_retracted")


def test_unknown_feedback_is_told() -> None:
    """To those who may know."""
    retract(peered()).refused("feedback_unknown")


def test_a_reflection_is_its_authors() -> None:
    """The event says whose it is."""
    scenario = reflect(active(), MENTOR)
    scenario.then(ReflectionRecorded(reflection=NEW, author=MENTOR, text="I was nervous"))
    assert scenario.goal.reflections[NEW] == MENTOR
    reflect(scenario, text="\t").refused("reflection_id_taken", "text_missing")


def test_a_comment_is_posted_or_replied_to() -> None:
    """Replies are to comments that are there."""
    scenario = comment(active())
    scenario.then(CommentPosted(comment=NEW, text="Good plan"))
    comment(scenario, MENTOR, comment=uid("reply"), reply_to=NEW).tags("comment_posted")
    comment(scenario, text="", reply_to=uid("no")).refused("comment_id_taken", "text_missing", "comment_unknown")
    assert scenario.goal.comments[uid("reply")] == MENTOR


def test_tags_are_put_on_and_taken_off() -> None:
    """The event says what changed; what is as asked for changes nothing."""
    scenario = tag(active(), add=["speaking", "speaking", "2026"])
    scenario.then(Tagged(added=["speaking", "2026"]))
    tag(scenario, add=["speaking"], remove=["nothing"]).nothing()
    tag(scenario, add=["speaking", "slides"], remove=["2026", "2026", "nothing"]).then(
        Tagged(added=["slides"], removed=["2026"])
    )
    assert scenario.goal.tags == {"speaking", "slides"}


def test_tags_that_make_no_sense_are_refused() -> None:
    """Empty ones, too many, and those to be put on and taken off at once."""
    tag(active().limited(tags=1), add=[" ", "one", "two"], remove=["one"]).refused(
        "tag_empty", "limit_reached", "tag_added_and_removed"
    )
    tag(tag(active().limited(tags=1)), add=["other"], remove=["speaking"]).tags("tagged")


def test_events_of_unknown_feedback_are_folded() -> None:
    """Evolving never refuses."""
    scenario = active()
    before = scenario.goal
    assert scenario.given(FeedbackRetracted(feedback=NEW, feedback_event=NEW)).goal == before
