# ruff: noqa: ARG005  handlers name what they are given
"""A plugin reads the words that its manifest lists and no others, and words of people are kept nowhere."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from milepost_contracts.context import Context
from milepost_contracts.envelope import decode
from milepost_contracts.events import EVENTS, WORDS
from milepost_contracts.events import goal as events
from milepost_contracts.permitted import opened, shown, wanted_kids, words_of
from milepost_contracts.plugin import Delivered, Effect, Permissions, PluginError, readable
from milepost_contracts.sealing import PREFIX
from milepost_contracts.testing import Host, Story
from milepost_contracts.testing.host import HookFailed
from milepost_contracts.testing.story import StoryGoal, uid
from milepost_contracts.types import TermsChange
from tests.contracts.kit.plugins import MENTEE, MENTOR, made

TITLE = "Speak freely before a large audience"
WINS = ["A colleague asked when the next one will be", "The first outline stands"]


@pytest.fixture
def goal() -> StoryGoal:
    return Story().goal(MENTEE, MENTOR, title=TITLE, description="In the big hall, with a microphone that works")


def reading(goal: StoryGoal, event: bytes, *words: str) -> dict[str, Any] | None:
    """Return the data of *event* as a plugin with these permissions sees it."""
    return opened(Permissions(words=words), decode(event), goal.story.keys)


@pytest.mark.parametrize("pattern", ["goal.created/title", "goal.*/title"])
def test_only_permitted_members_are_opened(pattern: str, goal: StoryGoal) -> None:
    """A member that is listed is in the clear, its neighbour stays sealed."""
    members = reading(goal, goal.story.documents[0], pattern)
    assert members is not None
    assert members["title"] == TITLE
    assert members["description"].startswith(PREFIX)


@pytest.mark.parametrize("pattern", ["goal.created/*", "goal.*/*", "*"])
def test_all_of_an_event_may_be_permitted(pattern: str, goal: StoryGoal) -> None:
    """A star stands for every member, every event, everything."""
    members = reading(goal, goal.story.documents[0], pattern)
    assert members is not None
    assert not any(str(value).startswith(PREFIX) for value in members.values())


@pytest.mark.parametrize("pattern", ["goal.closed/title", "mentorship.*/*", "goal.created/tags"])
def test_what_is_permitted_elsewhere_opens_nothing_here(pattern: str, goal: StoryGoal) -> None:
    """Another event's or another member's permission changes nothing, and asks for no keys."""
    assert list(words_of(decode(goal.story.documents[0]), reading(goal, goal.story.documents[0], pattern))) == []
    assert wanted_kids(Permissions(words=(pattern,)), decode(goal.story.documents[0])) == set()


@pytest.mark.parametrize("pattern", ["goal.created", "goal.created/ti*le", "title", "goal.created/", "*/title", "/"])
def test_what_is_no_pattern(pattern: str) -> None:
    """A permission that could mean something else is refused."""
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"words": [pattern]}, Permissions)


def test_nothing_is_permitted_by_default(goal: StoryGoal) -> None:
    """Without permissions no key is asked for and everything stays sealed; `readable` says so."""
    document = goal.story.documents[0]
    assert reading(goal, document) is None
    assert wanted_kids(Permissions(), decode(document)) == set()
    assert readable(Delivered(document).data.title) is None
    assert readable(Delivered(document, reading(goal, document, "*")).data.title) == TITLE


def test_erased_words_stay_sealed(goal: StoryGoal) -> None:
    """What an erased person wrote is opened for nobody, permitted or not."""
    goal.story.erase(MENTEE)
    members = reading(goal, goal.story.documents[0], "*")
    assert members is not None
    assert readable(members["title"]) is None


def test_a_diary_is_its_authors_alone(goal: StoryGoal) -> None:
    """Reflections are opened for no plugin, whatever its manifest says; every such member is found by its schema."""
    private = [(tag, path) for tag, words in WORDS.items() for path, audience, _ in words if audience == "author"]
    assert ("goal.reflection_recorded.v1", ("text",)) in private
    told = goal.add(events.ReflectionRecorded(reflection=uid("r"), author=MENTEE, text="I was afraid of it"))
    members = reading(goal, told.document, "*", "goal.reflection_recorded/text", "goal.*/*")
    assert members is not None
    assert members["text"].startswith(PREFIX)
    assert wanted_kids(Permissions(words=("*",)), decode(told.document)) == set()


def test_what_only_looks_sealed_is_left_alone() -> None:
    """A text that begins as sealed words do, and is none, neither opens nor stops anything."""
    story = Story()
    story.goal(MENTEE, title=TITLE)
    document = story.documents[0].replace(b"enc:v1:", b"enc:v1:::::", 1)
    envelope = decode(document)
    assert wanted_kids(Permissions(words=("*",)), envelope) == set()
    members = opened(Permissions(words=("*",)), envelope, story.keys)
    assert members is not None
    assert readable(members["title"]) is None


def test_words_are_opened_in_lists_too(goal: StoryGoal) -> None:
    """Every item of a permitted list is opened, and what was opened is known word for word."""
    held = events.CheckInHeld(check_in=uid("c"), held_on=goal.story.now.date(), attendees=[MENTEE], wins=WINS)
    told = goal.add(held)
    members = reading(goal, told.document, "goal.check_in_held/wins")
    assert list(words_of(decode(told.document), members)) == WINS
    assert Delivered(told.document, members).data.wins == WINS


def test_every_event_with_words_can_be_opened() -> None:
    """The events whose words are sealed are events that a permission can name."""
    for tag, words in WORDS.items():
        for path, _, _ in words:
            msgspec.convert({"words": [f"{tag.rpartition('.')[0]}/{path[0]}"]}, Permissions)
    assert len(EVENTS) > 100


def test_a_command_is_shown_without_words_unless_permitted() -> None:
    """Who reviews commands sees their words as it sees those of events."""
    fields = {"result": "achieved", "retrospective": "It felt slow, and worked", "justification": "All agreed"}
    assert shown(Permissions(), "goal", "close_goal", fields) == {"result": "achieved"}
    permitted = Permissions(words=("goal.close_goal/justification",))
    assert shown(permitted, "goal", "close_goal", fields) == {"result": "achieved", "justification": "All agreed"}
    assert shown(Permissions(words=("*",)), "goal", "close_goal", fields) == fields
    assert shown(Permissions(), "goal", "unknown", {"x": 1}) == {"x": 1}


def test_a_diary_is_shown_to_no_reviewer() -> None:
    """Who reviews commands reads no diary before it is recorded, whatever the manifest says."""
    fields = {"reflection": uid("r"), "text": "I was afraid of it"}
    everything = Permissions(words=("*", "goal.record_reflection/text"))
    assert shown(everything, "goal", "record_reflection", fields) == {"reflection": uid("r")}


KEPT: list[Any] = [
    lambda words, context: context.state.set("title", words),
    lambda words, context: context.state.set(words, 1),
    lambda words, context: context.state.set("deep", [{"in": f"it says: {words}"}]),
    lambda words, context: context.state.set("deep", {words: 1}),
    lambda words, context: context.effect("mail", {"subject": words}),
    lambda words, context: context.effect(words),
    lambda words, context: context.fact("said", {"title": words}),
    lambda words, context: context.fact("said", once=words),
    lambda words, context: context.log(words),
    lambda words, context: context.log("said", title=words),
    lambda words, context: context.wake_at(words, context.now),
]


@pytest.mark.parametrize("keeps", KEPT)
def test_words_are_kept_nowhere(keeps: Any, goal: StoryGoal) -> None:
    """Words that a handler has read cannot get into state, facts, effects, timers or logs, nor into their names."""
    plugin = made(
        _manifest={"stores": True},
        _permissions={"words": ("*",)},
        on_event=lambda event, context: keeps(event.data.title, context),
        perform=lambda effect: None,
        on_timer=lambda key: None,
    )
    with Host(plugin, story=goal.story) as host, pytest.raises(HookFailed) as caught:
        host.deliver(*goal.story.documents)
    assert caught.value.failure is not None
    assert caught.value.failure.code == "words_kept"
    assert TITLE not in str(caught.value.failure)


PAST = {"words": ("goal.created/title", "goal.refined/after"), "history": True}


def as_it_was(goal: StoryGoal) -> dict[str, Any]:
    """Return the state that the goal had when it was created, words sealed as in its event."""
    members = Delivered(goal.story.documents[0]).members
    return {"title": members["title"], "description": members["description"], "tags": [], "state": "drafted"}


def test_of_a_goal_as_it_was_the_permitted_words_are_opened(goal: StoryGoal) -> None:
    """A word is opened where the event that brought it may be read; what is not permitted stays sealed."""
    seen: list[Any] = []
    plugin = made(_permissions=PAST, on_timer=lambda context: seen.append(context.goal_at(goal.id)))
    with Host(plugin, story=goal.story) as host:

        def asks() -> None:
            host.stored.timers[goal.story.tenant, "ask"] = host.now
            host.advance(host.now)

        host.goals[goal.id, None] = as_it_was(goal)
        asks()
        assert (seen[0]["title"], seen[0]["state"]) == (TITLE, "drafted")
        assert readable(seen[0]["description"]) is None
        change: dict[str, Any] = {
            "before": TermsChange(),
            "after": TermsChange(title="Listen"),
            "reason": "It is harder",
        }
        after = goal.add(events.Refined(**change, trigger="new_information"))
        host.goals[goal.id, None] = {"title": after.members["after"]["title"], "reason": after.members["reason"]}
        asks()
        assert seen[1]["title"] == "Listen"
        assert readable(seen[1]["reason"]) is None
        goal.story.erase(MENTEE)
        asks()
        assert readable(seen[2]["title"]) is None


@pytest.mark.parametrize("permissions", [{"history": True}, {"history": True, "words": ("goal.closed/*",)}])
def test_of_a_goal_as_it_was_nothing_is_opened_by_default(permissions: dict[str, Any], goal: StoryGoal) -> None:
    """Who may ask for goals as they were does not read words for that alone, nor those of other events."""
    seen: list[Any] = []
    plugin = made(_permissions=permissions, on_event=lambda context: seen.append(context.goal_at(goal.id)))
    with Host(plugin, story=goal.story) as host:
        host.goals[goal.id, None] = as_it_was(goal)
        host.deliver(*goal.story.documents)
        assert seen == [as_it_was(goal)]


@pytest.mark.parametrize("keeps", KEPT)
def test_words_of_a_goal_as_it_was_are_kept_nowhere(keeps: Any, goal: StoryGoal) -> None:
    """They are held to the rule for those of events, from when they were read."""
    plugin = made(
        _manifest={"stores": True},
        _permissions=PAST,
        on_event=lambda event, context: keeps(context.goal_at(goal.id)["title"], context),
        perform=lambda effect: None,
        on_timer=lambda key: None,
    )
    told = goal.add(events.CommentPosted(comment=uid("c"), text="Fine"))
    with Host(plugin, story=goal.story) as host:
        host.goals[goal.id, None] = as_it_was(goal)
        with pytest.raises(HookFailed) as caught:
            host.deliver(told)
    assert caught.value.failure is not None
    assert caught.value.failure.code == "words_kept"
    assert TITLE not in str(caught.value.failure)


def test_errors_tell_no_words_of_a_goal_as_it_was(goal: StoryGoal) -> None:
    """A handler that fails over a title does not tell it."""

    def handler(context: Context) -> None:
        raise PluginError("sad", f"Cannot do {context.goal_at(goal.id)['title']}")

    plugin = made(_permissions=PAST, on_event=handler)
    told = goal.add(events.CommentPosted(comment=uid("c"), text="Fine"))
    with Host(plugin, story=goal.story) as host:
        host.goals[goal.id, None] = as_it_was(goal)
        failure = host.run(told.document).failure
        assert failure is not None
        assert failure.code == "sad"
        assert TITLE not in str(failure)


def test_words_sent_back_in_a_command_are_refused(goal: StoryGoal) -> None:
    """A command would keep them under the plugin's own name."""
    from milepost_contracts.commands.goal import PostComment

    plugin = made(
        _permissions={"words": ("*",), "commands": ("goal.post_comment",)},
        on_event=lambda event, context: context.command(PostComment, comment=uid("c"), text=event.data.title),
    )
    with Host(plugin, story=goal.story) as host, pytest.raises(HookFailed, match="words_kept"):
        host.deliver(*goal.story.documents)


def test_errors_tell_no_words(goal: StoryGoal) -> None:
    """Neither the message of an error nor its code carries words out, however short they are."""
    goal.add(events.Tagged(added=["Zen"]))
    errors: list[BaseException] = [
        PluginError("sad", f"Cannot do {TITLE}"), PluginError("Zen", "no code"), PluginError("sad", "Zen"),
        ValueError(TITLE), PluginError(TITLE, "x"),
    ]  # fmt: skip

    def handler(event: Delivered) -> None:
        raise errors.pop()

    plugin = made(_permissions={"words": ("*",)}, on_event=handler)
    with Host(plugin, story=goal.story) as host:
        for document in [goal.story.documents[0], goal.story.documents[0], *[goal.story.documents[1]] * 2]:
            failure = host.run(document).failure
            assert failure is not None
            assert "Zen" not in str(failure)
            assert TITLE not in str(failure)


def test_an_effect_is_done_with_words_opened_and_logs_none(goal: StoryGoal) -> None:
    """`perform` gets the event with the permitted words; what it logs is held to the same rule."""
    seen: list[Any] = []

    def perform(effect: Effect, context: Context) -> None:
        seen.append(effect.event.data.title)
        context.log("done", key=effect.key)
        with pytest.raises(PluginError, match="words of people"):
            context.log(effect.event.data.title)

    plugin = made(
        _permissions={"words": ("goal.created/title",)},
        on_event=lambda context: context.effect("mail"),
        perform=perform,
    )
    with Host(plugin, story=goal.story) as host:
        host.deliver(*goal.story.documents)
        host.perform()
        assert seen == [TITLE]
        assert [line.message for line in host.log] == ["done"]


def test_after_an_erasure_an_effect_finds_words_sealed(goal: StoryGoal) -> None:
    """An effect that waits longer than the person stays finds no words any more."""
    seen: list[Any] = []
    plugin = made(
        _permissions={"words": ("*",)},
        on_event=lambda context: context.effect("mail"),
        perform=lambda effect: seen.append(readable(effect.event.data.title)),
    )
    with Host(plugin, story=goal.story) as host:
        host.deliver(*goal.story.documents)
        goal.story.erase(MENTEE)
        host.perform()
        assert seen == [None]


def test_short_words_are_anybodys(goal: StoryGoal) -> None:
    """A goal that somebody calls `points` does not stop a plugin that gives points."""
    story = Story()
    story.goal(MENTEE, title="points")
    plugin = made(
        _manifest={"stores": True},
        _permissions={"words": ("*",)},
        on_event=lambda event, context: context.state.set("points", event.data.title),
    )
    with Host(plugin, story=story) as host:
        host.deliver(*story.documents)
        assert host.state == {"points": "points"}
