"""Effects, commands and facts: each key once, tried until done, known for ever."""

from __future__ import annotations

import datetime as dt

import msgspec

from milepost.react.outbox import ARGUMENTS_KEPT_DAYS
from milepost.react.store import Store
from milepost_contracts.envelope import decode
from tests.react.turns import HOUR, MANIFEST, NOW, TENANT, kept, key


def test_an_effect_key_has_one_content(store: Store) -> None:
    """The first decision about a key stands, in whatever mode it comes again; other content is counted, not kept."""
    store.keep_apart(kept(1, effects={"mail": {"a": 1, "b": [1]}}))
    store.keep_apart(kept(1, effects={"mail": {"b": [1], "a": 1}}, now=NOW + HOUR))  # only the time differs
    assert store.effects(changed=True) == []
    store.keep_apart(kept(1, effects={"mail": {"a": 2}}, mode="replay"))
    store.keep_apart(kept(2, effects={"mail": {"a": 1}}, mode="replay"))
    store.keep_apart(kept(2, effects={"mail": {"a": 1}}))
    first, second = store.effects()
    assert (first.key, first.state, first.arguments, first.changed) == (
        key(1, "mail"),
        "waiting",
        {"a": 1, "b": [1]},
        1,
    )
    assert (second.state, second.changed, second.document) == ("suppressed", 0, None)
    assert store.effects(changed=True) == [first]
    assert store.effects("suppressed") == store.effects(after=first.number) == [second]
    assert (store.counts().changed, store.counts().suppressed) == (1, 1)
    twice = kept(3, effects={"mail": {"a": 1}})
    store.keep_apart(
        msgspec.structs.replace(twice, outgoing=[*twice.outgoing, *kept(3, effects={"mail": {}}).outgoing])
    )
    assert store.effect(key(3, "mail")) == store.effects(changed=True)[1]
    assert store.effect("none") is None


def test_a_command_by_a_later_version_is_the_same(store: Store) -> None:
    """Which version of the plugin asks for a command, or says something, makes it no other one."""
    newer = msgspec.structs.replace(MANIFEST, version="2.0.0")
    for manifest in (MANIFEST, newer):
        turn = kept(1, commands={"post_comment": {"id": "x"}}, facts={"said": {"n": 1}}, manifest=manifest)
        store.keep_apart(turn)
    assert [one.changed for one in store.effects()] == [0]
    assert [one.changed for one in store.facts()] == [0]


def test_effects_on_their_way(store: Store) -> None:
    """An effect waits until it is due, is tried again when it is said, and counts its attempts."""
    store.keep_apart(kept(1, effects={"late": {}}, delay_s=60))
    store.keep_apart(kept(1, effects={"soon": {}}))
    assert [one.name for one in store.due_effects(NOW, 5)] == ["soon"]
    assert [one.name for one in store.due_effects(NOW + HOUR, 5)] == ["soon", "late"]
    assert [one.name for one in store.due_effects(NOW + HOUR, 1)] == ["soon"]
    assert store.next_effect() == NOW
    assert store.effect_failed(key(1, "soon"), "http_500", NOW + HOUR)
    assert store.effect_failed(key(1, "soon"), "not_yet", NOW + 2 * HOUR, tried=False)
    assert store.next_effect() == NOW + dt.timedelta(seconds=60)
    assert store.effect_sent(key(1, "late"), NOW + HOUR)
    (failed,) = store.due_effects(NOW + 2 * HOUR, 5)
    assert (failed.attempts, failed.tries, failed.last_code, failed.state) == (1, 1, "not_yet", "waiting")
    assert store.effect_dead(failed.key, "gave\0up")
    assert store.next_effect() is None
    (dead,) = store.effects("dead")
    assert (dead.attempts, dead.last_code, dead.document) == (2, "gaveup", b'{"sealed":1}')
    assert (store.counts().dead, store.counts().sent) == (1, 1)
    assert not store.effect_sent(dead.key, NOW)
    assert store.retry_effect(dead.key, NOW)
    assert not store.retry_effect(dead.key, NOW)
    (again,) = store.due_effects(NOW, 5)
    assert (again.attempts, again.tries) == (2, 0)


def test_what_telling_of_an_effect_comes_to(store: Store) -> None:
    """What the plugin makes of an outcome is kept with the outcome, and not where the effect no longer waits."""
    store.keep_apart(kept(1, effects={"a": {}, "b": {}, "c": {}}))
    assert store.effect_sent(key(1, "a"), NOW, kept(2, writes={"told": b"1"}))
    assert store.effect_failed(key(1, "b"), "x", NOW, kept(2, writes={"told": b"2"}))
    assert store.effect_dead(key(1, "c"), "x", kept(2, writes={"told": b"3"}))
    assert not store.effect_sent(key(1, "c"), NOW, kept(2, writes={"told": b"4"}))
    assert store.get(TENANT, "told") == b"3"


def test_what_stays_of_effects(store: Store) -> None:
    """The event goes when an effect is done, its arguments after a time; key and hash stay and go on preventing."""
    later = NOW + dt.timedelta(days=ARGUMENTS_KEPT_DAYS)
    store.keep_apart(kept(1, effects={"sent": {"a": 1}, "waits": {"a": 1}}))
    store.keep_apart(kept(2, effects={"listed": {"a": 1}}, mode="replay"))
    store.effect_sent(key(1, "sent"), NOW)
    assert (store.effects("sent")[0].document, store.effects("sent")[0].arguments) == (None, {"a": 1})
    assert store.trim(later - HOUR) == 0
    assert store.trim(later) == 2
    assert store.trim(later) == 0
    assert [one.arguments for one in store.effects()] == [None, {"a": 1}, None]
    store.keep_apart(kept(1, effects={"sent": {"a": 2}}))
    assert (store.counts().sent, store.counts().changed, store.counts().waiting) == (1, 1, 1)


def test_facts(store: Store) -> None:
    """Facts wait in order until they are published, each id once; one that a dry run listed is told when it is real."""
    one, two = kept(1, facts={"said": {"n": 1}}), kept(2, facts={"said": {"n": 2}})
    dry = kept(3, facts={"said": {"n": 3}}, mode="dry_run")
    again = kept(3, facts={"said": {"n": 8}}, mode="dry_run")
    for turn in (dry, again, one, two, one, kept(2, facts={"said": {"n": 9}})):
        store.keep_apart(turn)
    assert store.facts(limit=1)[0].document == dry.facts[0].document
    ids = [turn.facts[0].id for turn in (one, two)]
    assert [fact.id for fact in store.facts_waiting(9)] == ids
    assert [fact.id for fact in store.facts_waiting(1)] == ids[:1]
    store.facts_published(ids[:1])
    store.keep_apart(one)
    assert [fact.id for fact in store.facts_waiting(9)] == ids[1:]
    assert [(fact.state, fact.changed, fact.document is None) for fact in store.facts()] == [
        ("suppressed", 1, False), ("published", 0, True), ("waiting", 1, False),
    ]  # fmt: skip
    store.keep_apart(kept(3, facts={"said": {"n": 4}}))
    store.keep_apart(dry)
    (_, real) = store.facts("waiting")
    assert bytes(decode(real.document or b"").data) == b'{"n":4}'
    assert real.changed == 1
    counts = store.counts()
    assert (counts.facts_waiting, counts.facts_published, counts.facts_suppressed) == (2, 1, 0)
    store.facts_published([])
