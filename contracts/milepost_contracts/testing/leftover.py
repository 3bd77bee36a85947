"""What a plugin has left behind and should not have: rewards without a cause, people who were erased, words."""

from __future__ import annotations

from collections.abc import Iterator

from milepost_contracts.plugin import Grant
from milepost_contracts.testing.everything import Everything
from milepost_contracts.testing.trial import Ran, general, mentions, texts

Left = tuple[str, str, str]
"""The code of a finding, its place, and what it is about."""


def left_over(everything: Everything, ran: Ran) -> Iterator[Left]:
    """Yield what is left of a run through *everything*."""
    yield from _granted(everything, ran)
    yield from _erased(everything, ran)
    yield from _said(everything, ran)


def _granted(everything: Everything, ran: Ran) -> Iterator[Left]:
    for (what, _, _), grant in ran.looks().items():
        if what == "grant" and isinstance(grant, Grant) and grant.stands and grant.cause in everything.retracted:
            cause = everything.retracted[grant.cause]
            yield "grant_stands", cause, f"{grant.reward.title!r} for {cause}"


def _erased(everything: Everything, ran: Ran) -> Iterator[Left]:
    for tenant, person in everything.erased.items():
        id_ = person.partition(":")[2]
        for what, _, key in sorted(mentions(ran.looks(), tenant, id_) - ran.marks):
            place = f"{what} {general(key)}"
            yield "person_kept", place, place


def _said(everything: Everything, ran: Ran) -> Iterator[Left]:
    for place, text in texts(ran):
        if found := next((words for words in everything.words if words in text), None):
            where = general(place.replace(found, "WORDS"))
            yield "words_kept", where, where
