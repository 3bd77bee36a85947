"""What a turn comes to is the same on every delivery: ids, keys and documents, in every mode."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from milepost_contracts import keeping
from milepost_contracts.commands import COMMANDS
from milepost_contracts.commands.goal import TagGoal
from milepost_contracts.context import CommandWanted, EffectWanted, FactWanted, Turn
from milepost_contracts.envelope import decode
from milepost_contracts.keeping import Cause, Kept, keep, of_event, of_timer
from milepost_contracts.plugin import Delivered, Grant, Manifest, Mode, PluginError, stable_id
from milepost_contracts.schemas import envelope_schema
from milepost_contracts.strict import strict
from milepost_contracts.testing.story import NOW, Story, uid
from tests.contracts.kit.plugins import some_event, thanks

MANIFEST = Manifest(id="small", version="1.2", summary="x")
LATER = NOW + dt.timedelta(days=400)
EVENT = some_event()
ENVELOPE = Draft202012Validator(envelope_schema(), format_checker=Draft202012Validator.FORMAT_CHECKER)
PARTS = st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=4), min_size=1, max_size=4)
MODES: list[Mode] = ["live", "replay", "dry_run"]


def granted(revoked_by: str | None = None) -> Grant:
    """Return a reward that was given."""
    reward = thanks(points=5, rule="first", once="goal/1", code="SECRET-CODE")
    return Grant(
        id=uid("grant"), reward=reward, aggregate="goal", aggregate_id=EVENT.aggregate_id, cause=EVENT.id, at=NOW,
        revoked_by=revoked_by,
    )  # fmt: skip


def turn() -> Turn:
    """Return one of everything, and two of some."""
    return Turn(
        writes={"x": b"1", "gone": None},
        effects=[EffectWanted("mail", {"to": "x"}, 60), EffectWanted("call", {})],
        facts=[FactWanted("seen", {"n": 1}), FactWanted("seen", {"n": 2}), FactWanted("told", {}, "goal/1")],
        commands=[CommandWanted("goal", "tag_goal", {"id": EVENT.aggregate_id, "add": ["x"]})] * 2,
        timers={"wake": LATER, "cancelled": None},
        granted=[granted()],
        revoked=[granted(revoked_by=uid("retraction"))],
    )


def kept(mode: Mode = "live", cause: Cause | None = None, now: dt.datetime = NOW, **changes: Any) -> Kept:
    """Return what the turn comes to."""
    made = msgspec.structs.replace(turn(), **changes)
    return keep(MANIFEST, cause or of_event(EVENT), made, mode=mode, now=now)


def test_keys_are_made_of_plugin_event_and_name() -> None:
    """They are what the receiver is promised, and different for each effect and command."""
    keys = [one.key for one in kept().outgoing]
    assert keys == [
        f"small/{EVENT.id}/mail",
        f"small/{EVENT.id}/call",
        f"small/{EVENT.id}/command:goal.tag_goal:0",
        f"small/{EVENT.id}/command:goal.tag_goal:1",
    ]


def test_ids_and_keys_are_the_same_on_every_delivery() -> None:
    """Later, in replay, by another process: the same keys, fact ids, arguments and command ids."""

    def identity(one: Kept) -> list[Any]:
        facts = [(fact.id, fact.subject, decode(fact.document).data) for fact in one.facts]
        return [[(out.key, out.name, out.arguments, out.cause) for out in one.outgoing], facts, one.grants, one.writes]

    first = identity(kept())
    for mode in MODES:
        assert identity(kept(mode, now=LATER)) == first
    other = keep(MANIFEST, of_event(Story("other").goal(EVENT.actor).check_in()), turn(), mode="live", now=NOW)
    ids = {out.key for out in kept().outgoing} | {fact.id for fact in kept().facts}
    assert not ids & ({out.key for out in other.outgoing} | {fact.id for fact in other.facts})


def test_every_id_is_its_own() -> None:
    """Facts of one name and commands of one kind in the same turn are told apart."""
    one = kept()
    assert len({fact.id for fact in one.facts}) == len(one.facts) == 5
    ids = [out.arguments["command_id"] for out in one.outgoing if out.kind == "command"]
    assert len(set(ids)) == 2


@pytest.mark.parametrize("mode", MODES)
def test_modes(mode: Mode) -> None:
    """Effects and commands are only listed in replay and dry run; facts are told in replay; the rest is kept."""
    one = kept(mode)
    assert {out.suppressed for out in one.outgoing} == {mode != "live"}
    assert {fact.suppressed for fact in one.facts} == {mode == "dry_run"}
    assert one.writes == {"x": b"1", "gone": None}
    assert one.timers == {"wake": LATER, "cancelled": None}
    assert [grant.stands for grant in one.grants] == [True, False]


def test_a_command_is_one() -> None:
    """It decodes without mercy, and goes as the plugin whatever its fields said."""
    forged = CommandWanted("goal", "tag_goal", {"id": EVENT.aggregate_id, "add": ["x"], "actor": EVENT.actor})
    (out,) = kept(commands=[forged], effects=[]).outgoing
    command = msgspec.convert(out.arguments, strict(COMMANDS["goal", "tag_goal"]))
    assert isinstance(msgspec.convert(out.arguments, TagGoal), TagGoal)
    assert command.actor == "plugin:small@1.2"  # type: ignore[attr-defined]  # made at run time


def test_an_effect_waits_from_when_it_is_kept() -> None:
    """A delay counts from the turn's keeping; what is to be done at once is due then."""
    mail, call = kept().outgoing[:2]
    assert (mail.due, call.due) == (NOW + dt.timedelta(seconds=60), NOW)
    assert mail.document == EVENT.document


def test_facts_are_envelopes() -> None:
    """Each is a document of the published form, without sequence and version, signed by the plugin, with its cause."""
    for fact in kept().facts:
        ENVELOPE.validate(json.loads(fact.document))
        told = decode(fact.document)
        assert (told.id, told.tenant, told.actor) == (fact.id, "acme", "plugin:small@1.2")
        assert (told.causationid, told.correlationid) == (EVENT.id, EVENT.envelope.correlationid)
        assert (told.subject, told.sequence, told.version) == (EVENT.envelope.subject, "", 0)
        assert fact.subject == f"goals.plugin.v1.acme.small.{told.name}"
        assert told.type == f"small.{told.name}.v1"


def test_a_reward_can_be_rebuilt_from_its_fact() -> None:
    """The fact says all of a grant but a voucher's code, and of a revocation what took it back."""
    facts = {decode(fact.document).name: msgspec.json.decode(decode(fact.document).data) for fact in kept().facts}
    assert facts["reward_granted"] == {
        "grant": uid("grant"), "to": granted().reward.to, "kind": "recognition", "title": "Well done", "points": 5,
        "rule": "first", "once": "goal/1", "aggregate": "goal", "id": EVENT.aggregate_id, "cause": EVENT.id,
        "at": "2026-03-02T09:00:00Z",
    }  # fmt: skip
    assert facts["reward_revoked"] == facts["reward_granted"] | {"revoked_by": uid("retraction")}
    assert "SECRET" not in str(facts)


def test_a_timer_is_a_cause() -> None:
    """What it brings about is told of the tenant, under an id made of plugin, tenant, key and instant."""
    cause = of_timer(MANIFEST, "acme", "wake", NOW)
    assert cause.id == stable_id("timer", "small", "acme", "wake", NOW.isoformat())
    one = kept(cause=cause)
    assert one.outgoing[0].key == f"small/{cause.id}/mail"
    for fact in one.facts:
        ENVELOPE.validate(json.loads(fact.document))
        assert decode(fact.document).aggregate == "tenant"
    others = [of_timer(MANIFEST, *of) for of in [("b", "wake", NOW), ("acme", "w", NOW), ("acme", "wake", LATER)]]
    assert len({cause.id, *(one.id for one in others)}) == 4


def test_a_name_that_would_be_no_subject_is_refused() -> None:
    """Whoever made the turn: a fact's name becomes part of a subject and is checked here too."""
    for name in ("", "Upper", "a.b", "a>", "a\n", "1a", "a" * 64):
        with pytest.raises(PluginError) as caught:
            kept(facts=[FactWanted(name, {})])
        assert caught.value.code == "bad_name"


@given(PARTS, PARTS)
def test_ids_are_of_their_parts(one: list[str], other: list[str]) -> None:
    """The same parts have the same id, others another."""
    assert (stable_id(*one) == stable_id(*other)) == (one == other)


@pytest.mark.parametrize("zone", [dt.UTC, dt.timezone(dt.timedelta(hours=-7))])
def test_times_are_told_in_utc(zone: dt.timezone) -> None:
    """Whatever zone the host's clock has, a fact's time is UTC in the published form."""
    (fact,) = kept(now=NOW.astimezone(zone), facts=[FactWanted("seen", {})], granted=[], revoked=[]).facts
    assert decode(fact.document).time == "2026-03-02T09:00:00.000000Z"


def test_an_event_is_a_cause() -> None:
    """Its id is the event's, so that what it brings about is found from the event."""
    event = Delivered(EVENT.document)
    assert of_event(event) == keeping.Cause(
        id=event.id, tenant="acme", subject=f"goal/{event.aggregate_id}", correlation=event.envelope.correlationid,
        document=event.document,
    )  # fmt: skip
