"""All that an explanation is made of: the event's aggregate followed from first to last, and what is around it."""

from __future__ import annotations

from typing import Any, NamedTuple

import msgspec

from milepost.journal import Stored
from milepost.replay import causes
from milepost.replay.agreements import Agreements
from milepost.replay.desk import Desk
from milepost.replay.explaining_around import Around, around
from milepost.replay.explaining_fields import Fields
from milepost.replay.story import Story
from milepost.replay.telling import Telling
from milepost.replay.words import Words
from milepost_contracts.queries.explain import FieldThen
from milepost_contracts.queries.history import HistoryEntry

_ENDS = {"voided": "voids", "withdrawn": "withdraws", "declined": "declines", "left": "ends"}


class Case(NamedTuple):
    """All that is known of an event: its aggregate's events and states, the tenant's events around it."""

    desk: Desk
    tenant: str
    own: list[Stored]  # all events of its aggregate, in order
    at: int  # the place of the event among them
    before: Any  # the aggregate's state before it, None where it began it
    after: Any
    newest: Any
    event: HistoryEntry
    changes: list[FieldThen]
    agreed_before: Agreements
    agreed_after: Agreements
    agreed_now: Agreements
    near: Around

    @property
    def chosen(self) -> Stored:
        """The event that is explained."""
        return self.own[self.at]

    @property
    def of_goal(self) -> bool:
        """Whether it is an event of a goal that is there."""
        return self.chosen.ref[0] == "goal" and self.after is not None

    def earlier(self) -> list[causes.Link]:
        """Return what the event is about among those before it."""
        told = [_told(one) for one in self.own[: self.at + 1]]
        return causes.earlier(told[-1], told[:-1])

    def later(self) -> list[causes.Link]:
        """Return what came of the event: steps that name or end it, ends of its yes, what plugins asked for on it."""
        own, at, chosen = self.own, self.at, self.chosen
        told = [_told(one) for one in own]
        links = causes.later(told[at], told[:at], told[at + 1 :])
        links += [
            causes.Link(_ENDS[one.why], one.ended)
            for one in self.agreed_now.ended
            if one.yes.given.version == chosen.version
        ]
        followed = {one.sequence: one for one in [*own[at + 1 :], *self.near.after(chosen.sequence)]}
        links += [causes.Link("causes", one) for one in causes.caused_by(chosen, followed.values())]
        return sorted(links, key=lambda link: link.stored.sequence)


def followed(desk: Desk, tenant: str, chosen: Stored, own: list[Stored], words: Words) -> Case:
    """Follow the event's aggregate from its first event to its last, and keep what it was around *chosen*."""
    story = Story(chosen.ref, own, words)
    telling = Telling(story)
    at = next(place for place, stored in enumerate(own) if stored.version == chosen.version)
    fields = Fields(telling.before(at), telling.after(at), words)
    agreements = Agreements()
    was = then = agreements
    for number, (stored, event) in enumerate(zip(own, story.events, strict=True)):
        was = agreements.copy() if number == at else was
        if chosen.ref[0] == "goal":
            agreements.follow(telling.before(number).state, telling.after(number).state, stored, event)
        then = agreements.copy() if number == at else then
        if number > at:
            fields.follow(telling.after(number), stored)
    newest = telling.known[-1]
    near = around(desk.journal, tenant, chosen.sequence, desk.newest(tenant))
    return Case(
        desk, tenant, own, at, telling.before(at).state, telling.after(at).state, newest.state,
        telling.entry(at, []), fields.told(newest, words), was, then, agreements, near,
    )  # fmt: skip


def _told(stored: Stored) -> causes.Told:
    return causes.Told(stored, msgspec.json.decode(stored.envelope.data))
