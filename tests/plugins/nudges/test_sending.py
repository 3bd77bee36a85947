"""A nudge reaches its people by way of Apprise: a real HTTP server receives what is sent."""

from __future__ import annotations

import datetime as dt
import json
import logging
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any, NamedTuple

import pytest
from milepost_nudges.addresses import understood
from milepost_nudges.config import Stages

from milepost_contracts.events import goal as events
from milepost_contracts.plugin import Delivered, Later, PluginError
from milepost_contracts.testing.story import uid
from milepost_contracts.types import TermsChange
from tests.plugins.nudges.cases import ADMIN, MENTEE, MENTOR, PROGRAMME, Nudged, at, day, weekly

OFF = {"on": False}
DUE_ALONE = {name: OFF for name in Stages.__struct_fields__ if name != "check_in_due"}


class Message(NamedTuple):
    """What came: where to, with which key, and what it says."""

    path: str
    key: str | None
    title: str
    text: str


class Inbox(HTTPServer):
    """Takes messages on a loopback address; answers with the statuses in `answers`, then with 200."""

    def __init__(self) -> None:
        """Listen on a free port."""
        super().__init__(("127.0.0.1", 0), Exchange)
        self.messages: list[Message] = []
        self.answers: list[int] = []

    def url(self, path: str = "") -> str:
        """Return an address of it as Apprise takes it."""
        return f"json://127.0.0.1:{self.server_port}/{path}"


class Exchange(BaseHTTPRequestHandler):
    """One request."""

    server: Inbox

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        message = Message(self.path, self.headers["idempotency-key"], body["title"], body["message"])
        self.server.messages.append(message)
        self.send_response(self.server.answers.pop(0) if self.server.answers else 200)
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  as the standard library calls it
        """Say nothing: a test looks at what was received."""


def serving() -> Iterator[Inbox]:
    """Yield an inbox that receives."""
    server = Inbox()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def inbox() -> Iterator[Inbox]:
    yield from serving()


def nudged_by(secrets: dict[str, Any], **config: Any) -> Nudged:
    """Return a story in which MENTEE was nudged about a check-in that is due on day 2."""
    nudged = Nudged(secrets=secrets, **({"stages": DUE_ALONE} | config))
    nudged.goal().placed().scheduled(weekly(day(2))).activated()
    nudged.at(at(2, 9))
    return nudged


def test_a_nudge_arrives(inbox: Inbox) -> None:
    """Subject and text as configured, to the default address, which names the person and a key."""
    url = inbox.url("notify/{person}?+Idempotency-Key={key}")
    nudged = nudged_by({"default": [url]}, link="https://goals.example.org/{goal}")
    nudged.host.perform()
    (effect,) = nudged.host.effects
    assert inbox.messages == [
        Message(
            path=f"/notify/{MENTEE.removeprefix('user:')}",
            key=effect.key,
            title="A check-in is due",
            text=f"The check-in on one of your goals is due on {day(2)}. https://goals.example.org/{uid('acme/goal')}",
        )
    ]
    nudged.host.crash_after_commit()
    nudged.host.perform()
    nudged.at(at(3))
    nudged.host.perform()
    assert len(inbox.messages) == 1
    nudged.host.perform(again=True)  # nobody knows whether the first try arrived: the key tells that it did
    assert [message.key for message in inbox.messages] == [effect.key] * 2


def test_addresses_of_the_person_go_before_the_programmes_and_the_default(inbox: Inbox) -> None:
    """Each of a person's own addresses gets the message."""
    secrets = {
        "default": [inbox.url("default")],
        "programmes": {PROGRAMME: [inbox.url("programme")]},
        "people": {MENTOR: [inbox.url("one"), inbox.url("other")]},
    }
    nudged = nudged_by(secrets, stages=DUE_ALONE | {"check_in_due": {"to": ["parties"]}})
    nudged.host.perform()
    assert sorted(message.path for message in inbox.messages) == ["/one", "/other", "/programme"]
    goal = nudged.goal(name="outside").scheduled(weekly(day(4)))
    goal.activated()
    nudged.at(at(4))
    nudged.host.perform()
    assert sorted(message.path for message in inbox.messages[3:]) == ["/default", "/one", "/other"]


def test_an_address_that_fails_is_tried_again_without_the_others(inbox: Inbox) -> None:
    """Each address is an effect of its own."""
    nudged = nudged_by({"default": [inbox.url("one"), inbox.url("other")]})
    inbox.answers = [200, 500, 503, 200]
    nudged.host.perform()
    assert [message.path for message in inbox.messages] == ["/one", "/other", "/other", "/other"]
    assert nudged.host.stored.dead == {}
    assert len(nudged.host.stored.sent) == 2


def test_what_cannot_be_delivered_is_given_up_with_its_code(inbox: Inbox) -> None:
    """After all tries: not_delivered."""
    nudged = nudged_by({"default": [inbox.url()]})
    inbox.answers = [500] * 10
    nudged.host.perform()
    assert list(nudged.host.stored.dead.values()) == ["not_delivered"]


def test_without_an_address_a_nudge_is_a_fact_alone() -> None:
    """The fact says that nothing is sent, and the plugin's health says why."""
    nudged = nudged_by({})
    assert nudged.host.effects == []
    (fact,) = [fact for name, fact in nudged.host.facts if name == "nudged"]
    assert fact == {
        "goal": uid("acme/goal"), "stage": "check_in_due", "due": str(day(2)), "to": MENTEE, "days": 0, "sent": False,
    }  # fmt: skip
    assert "no address" in nudged.host.runner.health().result.message
    assert nudged_by({"default": ["json://localhost"]}).host.runner.health().result.message == ""


def test_the_title_is_told_where_the_operator_wants_it_and_it_can_be_read(inbox: Inbox) -> None:
    """On one line, in quotes, and never sealed; without it a phrase stands there."""
    titles: list[Any] = ["Speak freely\nand  often", "enc:v1:abc:def", None, "", "{title}", "x" * 300]
    for title in titles:
        nudged = nudged_by({"default": [inbox.url()]}, titles=True)
        nudged.host.goals[uid("acme/goal"), None] = {"title": title}
        nudged.host.perform()
    unknown = nudged_by({"default": [inbox.url()]}, titles=True)
    unknown.host.perform()
    told = [message.text.removeprefix("The check-in on ").partition(" is due")[0] for message in inbox.messages]
    untitled = "one of your goals"
    assert told == ["“Speak freely and often”", untitled, untitled, untitled, "“{title}”", f"“{'x' * 200}”", untitled]
    assert all("enc:" not in message.text for message in inbox.messages)


def titled(nudged: Nudged) -> None:
    """Let the goal be asked for with its title as the event has it that brought it: sealed."""
    created = Delivered(next(one for one in nudged.story.documents if b'"goal.created.v1"' in one))
    nudged.host.goals[created.aggregate_id, None] = {"title": created.members["title"]}


def test_a_title_is_opened_when_a_message_that_a_timer_asked_for_is_written(inbox: Inbox) -> None:
    """No event brings it then: the goal is asked for, and its title is open as the manifest says."""
    nudged = nudged_by({"default": [inbox.url()]}, titles=True)
    titled(nudged)
    assert nudged.host.effects[0].document is None
    nudged.host.perform()
    assert [message.text for message in inbox.messages] == [f"The check-in on “Speak freely” is due on {day(2)}."]


def test_a_title_that_was_changed_is_opened_too(inbox: Inbox) -> None:
    """It comes with another event, whose words the manifest lists as well."""
    nudged = Nudged(secrets={"default": [inbox.url()]}, stages=DUE_ALONE, titles=True)
    goal = nudged.goal().placed().scheduled(weekly(day(2))).activated()
    changed = events.Refined(
        before=TermsChange(title="Speak freely"), after=TermsChange(title="Listen"), trigger="new_information"
    )
    told = goal.add(changed)
    nudged.host.goals[goal.id, None] = {"title": told.members["after"]["title"]}
    nudged.at(at(2, 9))
    nudged.host.perform()
    assert [message.text for message in inbox.messages] == [f"The check-in on “Listen” is due on {day(2)}."]


def test_the_title_of_somebody_who_was_erased_is_told_to_nobody(inbox: Inbox) -> None:
    """Whoever shares the goal is nudged without it."""
    stages = DUE_ALONE | {"check_in_due": {"to": ["parties"]}}
    nudged = nudged_by({"people": {MENTOR: [inbox.url()]}}, titles=True, stages=stages)
    titled(nudged)
    nudged.host.deliver(nudged.story.erase(MENTEE))
    nudged.host.perform()
    assert [message.text for message in inbox.messages] == [f"The check-in on one of your goals is due on {day(2)}."]


def test_each_stage_has_its_words(inbox: Inbox) -> None:
    """All stages with their own texts, days counted, of a programme where it has others."""
    words = {
        name: {"subject": f"{name} {{days}}", "text": "{goal} {due} {link}{{}}"} for name in Stages.__struct_fields__
    }
    changes = {"stages": {"silent": {"subject": "Hello? {days}"}}}
    nudged = Nudged(
        secrets={"default": [inbox.url("{person}")]}, stages=words, programmes={PROGRAMME: changes}, link="at {goal}"
    )
    goal = nudged.goal(deadline=day(60)).placed().scheduled(weekly(day(2))).activated()
    goal.add(events.AgreementWithdrawn(party=MENTOR, revision=1, open=True))
    nudged.at(at(60))
    nudged.host.perform()
    seen = {message.title for message in inbox.messages}
    assert seen == {
        "check_in_due 0", "check_in_overdue 4", "check_in_mentor 8", "check_in_programme 18", "deadline 14",
        "deadline 3", "Hello? 21", "agreement 5",
    }  # fmt: skip
    assert inbox.messages[0].text == f"{goal.id} {day(2)} at {goal.id}{{}}"
    of_mentor = [message.title for message in inbox.messages if uid("mentor") in message.path]
    assert of_mentor == ["agreement 5", "check_in_mentor 8"]
    assert [message.title for message in inbox.messages if uid("admin") in message.path] == ["check_in_programme 18"]


def test_nothing_is_sent_to_somebody_who_was_erased_meanwhile(inbox: Inbox) -> None:
    """The effect was asked for, the person went, the effect is given up."""
    nudged = nudged_by({"default": [inbox.url()]})
    nudged.host.deliver(nudged.story.erase(MENTEE))
    nudged.host.perform()
    assert inbox.messages == []
    assert list(nudged.host.stored.dead.values()) == ["person_erased"]


@pytest.mark.parametrize(
    ("secrets", "code"),
    [({}, "address_gone"), ({"default": ["json://localhost/{person}"]}, None)],
)
def test_an_address_that_is_configured_no_more_is_given_up(secrets: dict[str, Any], code: str | None) -> None:
    """The secrets were changed between asking and sending."""
    nudged = nudged_by({"default": ["json://localhost:1", "json://localhost:1"]})
    other = Nudged(secrets=secrets)
    other.host.stored = nudged.host.stored
    other.host.now = nudged.host.now
    other.host.perform()
    assert set(other.host.stored.dead.values()) == {code or "not_delivered", "address_gone"}


def test_addresses_are_never_logged(inbox: Inbox, caplog: pytest.LogCaptureFixture) -> None:
    """Apprise would name them in its lines; a wrong one is refused by its place alone."""
    caplog.set_level(logging.DEBUG)
    for wrong in ("nonsense://hunter2@example.org", "json://", "not an address: hunter2"):
        with pytest.raises(PluginError) as error:
            Nudged(secrets={"people": {ADMIN: ["json://localhost", wrong]}})
        assert f"people.{ADMIN}[1]" in str(error.value)
        assert "hunter2" not in str(error.value)
    inbox.answers = [500] * 10
    nudged_by({"default": [inbox.url("hunter2")]}).host.perform()
    assert "hunter2" not in caplog.text


def test_the_services_that_people_have_are_understood() -> None:
    """Mail, chat and push by address, with who it is for filled in."""
    for url in (
        "mailto://me:secret@example.org?to={person}@example.org", "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ",
        "ntfys://ntfy.example.org/{person}", "jsons://gateway.example.org/notify/{person}?+Idempotency-Key={key}",
    ):  # fmt: skip
        assert understood(url), url
    assert not understood("pigeon://coop/{person}")


class SilentOnce(dict[Any, Any]):
    """Goals of a journal that is silent at first."""

    asked = False

    def get(self, *_: Any) -> Any:
        if not self.asked:
            self.asked = True
            raise Later(5, "journal_silent")
        return {"title": "Speak freely"}


def test_a_nudge_that_waits_for_the_journal_is_sent_later(inbox: Inbox) -> None:
    """What the host cannot tell yet is asked again, and nothing is sent meanwhile."""
    nudged = nudged_by({"default": [inbox.url()]}, titles=True)
    nudged.host.goals = SilentOnce()
    nudged.host.crash_after_commit()
    nudged.host.perform()
    assert inbox.messages == []
    nudged.at(nudged.host.now + dt.timedelta(seconds=5))
    nudged.host.perform()
    assert [message.text[:29] for message in inbox.messages] == ["The check-in on “Speak freely"]
