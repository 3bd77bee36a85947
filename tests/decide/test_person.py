"""Given a person's events, when names and accounts are linked, holds are set or the person is erased, then ..."""

from __future__ import annotations

from typing import Any

import pytest

from milepost_contracts.commands.person import Erase, Hold, Link, RecordKeysDestroyed, Release
from milepost_contracts.events.person import Erased, Held, KeysDestroyed, Linked, Released
from milepost_contracts.events.tenant import Closed, Opened, RoleGranted
from milepost_contracts.types import Account
from tests.support.scenario import ADMIN, MENTEE, MENTOR, Scenario, day, given, person, uid

AUDITOR = person("auditor")
SERVICE = "service:directory"
WHO = uid("mentee")
MAIL = Account(system="idp", account="mentee@example.org")
CHAT = Account(system="chat", account="mentee")


def directory() -> Scenario:
    """Return a tenant with an admin and an auditor, in which nobody is known."""
    return given(Opened(admins=[ADMIN]), RoleGranted(ref=AUDITOR, role="auditor"))


@pytest.mark.parametrize("actor", [MENTEE, ADMIN, SERVICE])
def test_linking(actor: str) -> None:
    """The person, an admin and a service link a name and accounts."""
    scenario = directory().when(actor, Link, id=WHO, name="Ada", accounts=[MAIL]).warned()
    scenario.then(Linked(name="Ada", accounts=[MAIL]))
    state = scenario.state("person", WHO)
    assert (state.id, state.name, dict(state.accounts.items())) == (WHO, "Ada", {"idp": MAIL.account})


@pytest.mark.parametrize("actor", [MENTOR, AUDITOR, "plugin:okr@1.0.0"])
def test_others_link_nothing(actor: str) -> None:
    """Nobody else writes another person's entry."""
    directory().when(actor, Link, id=WHO, name="Ada").refused("not_allowed")


def test_linking_tells_what_is_new() -> None:
    """What is known already is left out of the event; nothing new changes nothing; an account replaces its system's."""
    scenario = directory().done(MENTEE, Link, id=WHO, name="Ada", accounts=[MAIL])
    scenario.when(MENTEE, Link, id=WHO, name="Ada", accounts=[MAIL, CHAT]).then(Linked(accounts=[CHAT]))
    scenario.when(MENTEE, Link, id=WHO, name="Ada", accounts=[CHAT, MAIL]).nothing()
    moved = Account(system="idp", account="ada@example.org")
    scenario.when(MENTEE, Link, id=WHO, accounts=[moved]).then(Linked(accounts=[moved]))
    assert dict(scenario.state("person", WHO).accounts.items()) == {"idp": "ada@example.org", "chat": "mentee"}
    assert scenario.state("person", WHO).name == "Ada"


def test_linking_needs_something_once() -> None:
    """An empty link, two accounts in one system and too many accounts are refused."""
    scenario = directory()
    scenario.when(MENTEE, Link, id=WHO).refused("nothing_to_link")
    scenario.when(MENTEE, Link, id=WHO, accounts=[MAIL, MAIL]).refused("account_twice")
    scenario.limited(items=1).when(MENTEE, Link, id=WHO, accounts=[MAIL, CHAT]).refused("limit_reached")


@pytest.mark.parametrize("actor", [ADMIN, AUDITOR])
def test_holding_and_releasing(actor: str) -> None:
    """An admin and an auditor set a hold, also on a person unknown to the directory, and release it."""
    scenario = directory().when(actor, Hold, id=WHO, reason="A claim").then(Held(reason="A claim"))
    assert scenario.state("person", WHO).held(day(5000))
    scenario.when(actor, Hold, id=WHO, reason="A claim").nothing()
    scenario.when(actor, Hold, id=WHO, reason="A claim", until=day(30)).then(Held(reason="A claim", until=day(30)))
    assert scenario.state("person", WHO).held(day(30))
    assert not scenario.state("person", WHO).held(day(31))
    scenario.when(actor, Release, id=WHO, reason="Settled").then(Released(reason="Settled"))
    assert not scenario.state("person", WHO).held(day(0))
    scenario.when(actor, Release, id=WHO).refused("not_held")


@pytest.mark.parametrize("actor", [MENTEE, MENTOR, SERVICE])
def test_others_hold_and_release_nothing(actor: str) -> None:
    """Neither the person, nor others, nor services set or release holds."""
    directory().when(actor, Hold, id=WHO, reason="A claim").refused("not_allowed")
    directory().given(Held(reason="A claim"), id=WHO).when(actor, Release, id=WHO).refused("not_allowed")


def test_a_hold_has_a_reason_and_a_last_day_to_come() -> None:
    """Every reason against a hold comes at once; a hold until today stands."""
    scenario = directory().when(ADMIN, Hold, id=WHO, reason="  ", until=day(-1)).refused("reason_missing", "until_past")
    scenario.when(ADMIN, Hold, id=WHO, reason="A claim", until=day(0)).tags("held")


def test_releasing_an_unknown_person() -> None:
    """There is nothing to release on a person nobody knows."""
    directory().when(ADMIN, Release, id=WHO).refused("not_held")


def test_a_linked_person_is_held_and_keeps_the_name() -> None:
    """A hold leaves the directory's entry as it is."""
    scenario = directory().done(MENTEE, Link, id=WHO, name="Ada").done(ADMIN, Hold, id=WHO, reason="A claim")
    scenario.when(ADMIN, Release, id=uid("mentor")).refused("not_held")
    assert scenario.state("person", WHO).name == "Ada"


@pytest.mark.parametrize("actor", [MENTEE, ADMIN])
def test_erasing(actor: str) -> None:
    """The person and an admin erase, once and for all: asked again, nothing changes, whoever asks."""
    scenario = directory().done(MENTEE, Link, id=WHO, name="Ada", accounts=[MAIL])
    scenario.when(actor, Erase, id=WHO, reason="Asked for").then(Erased(reason="Asked for")).warned()
    state = scenario.state("person", WHO)
    assert (state.name, dict(state.accounts.items()), state.destroyed) == (None, {}, False)
    assert state.erased == scenario.last(Erased)
    scenario.when(ADMIN, Erase, id=WHO, reason="Once more").nothing()
    scenario.when(MENTEE, Erase, id=WHO, reason="Once more").nothing()


@pytest.mark.parametrize("actor", [MENTOR, AUDITOR, SERVICE, "plugin:okr@1.0.0"])
def test_others_erase_nobody(actor: str) -> None:
    """Nobody else erases a person, and learns nothing of a hold either."""
    directory().given(Held(reason="A claim"), id=WHO).when(actor, Erase, id=WHO, reason="Why not").refused(
        "not_allowed"
    )


def test_an_unknown_person_is_erased() -> None:
    """Goals may name people whom the directory does not know: they are erased like others."""
    directory().when(ADMIN, Erase, id=WHO, reason="Asked for").tags("erased")


def test_erasing_has_a_reason() -> None:
    """Whoever erases says why."""
    directory().when(ADMIN, Erase, id=WHO, reason="  ").refused("reason_missing")


def test_a_hold_forbids_erasing() -> None:
    """A hold forbids it and says until when; with its last day, or with its release, it ends."""
    scenario = directory().done(ADMIN, Hold, id=WHO, reason="A claim", until=day(30))
    scenario.when(MENTEE, Erase, id=WHO, reason="Asked for").refused("legal_hold")
    assert scenario.problem("legal_hold").details == {"until": day(30).isoformat()}
    scenario.done(ADMIN, Hold, id=WHO, reason="A claim").when(ADMIN, Erase, id=WHO, reason="Asked for")
    assert scenario.problem("legal_hold").details == {"until": None}
    scenario.done(ADMIN, Release, id=WHO).when(ADMIN, Erase, id=WHO, reason="Asked for").tags("erased")
    lapsed = directory().done(ADMIN, Hold, id=WHO, reason="A claim", until=day(30)).at(day(31))
    lapsed.when(MENTEE, Erase, id=WHO, reason="Asked for").tags("erased")


def test_nothing_is_kept_of_an_erased_person() -> None:
    """Neither links nor holds come after an erasure, not even from the directory's own service."""
    scenario = directory().done(ADMIN, Erase, id=WHO, reason="Asked for")
    scenario.when(SERVICE, Link, id=WHO, name="Ada").refused("person_erased")
    scenario.when(ADMIN, Hold, id=WHO, reason="A claim").refused("person_erased")
    scenario.when(ADMIN, Release, id=WHO).refused("person_erased")


def test_people_of_a_closed_tenant_are_erased() -> None:
    """A tenant that is closed keeps its people's words no longer than an open one."""
    closed = directory().given(Closed())
    closed.when(ADMIN, Link, id=WHO, name="Ada").refused("tenant_closed")
    closed.when(ADMIN, Erase, id=WHO, reason="Asked for").tags("erased")


def test_destroyed_keys_are_recorded() -> None:
    """Accept records what it destroyed, once; nobody else does, and nothing that no event asked for."""
    accept = "service:accept"
    given_: dict[str, Any] = {
        "key_ids": ["5f" * 16],
        "derived": 3,
        "survivors": 2,
        "generation_before": 1,
        "generation_after": 2,
    }
    scenario = directory().done(ADMIN, Erase, id=WHO, reason="Asked for")
    erased = scenario.last(Erased)
    scenario.when(ADMIN, RecordKeysDestroyed, id=WHO, erased=erased, **given_).refused("not_allowed")
    scenario.when(accept, RecordKeysDestroyed, id=WHO, erased=uid("other"), **given_).refused("erasure_unknown")
    scenario.when(accept, RecordKeysDestroyed, id=WHO, erased=erased, **given_)
    scenario.then(KeysDestroyed(erased=erased, **given_))
    assert scenario.state("person", WHO).destroyed
    scenario.when(accept, RecordKeysDestroyed, id=WHO, erased=erased, **given_).nothing()
    scenario.when(accept, RecordKeysDestroyed, id=uid("mentor"), erased=erased, **given_).refused("erasure_unknown")
