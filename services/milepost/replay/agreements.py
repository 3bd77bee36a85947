"""Each event shows whose yes it gave, carried on or ended: who had agreed to what at any point of a goal's history."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

from milepost.decide.goal.agreement import agreed, missing
from milepost.journal import Stored
from milepost_contracts.events import Event, TermsEvent
from milepost_contracts.events.goal import Agreed, AgreementWithdrawn, Declined, Imported, Proposed

if TYPE_CHECKING:
    from milepost.decide.goal.state import Goal


class Yes(NamedTuple):
    """A party's yes for `revision`: given to `given_to` by the event `given`; `on` is the day that an import tells."""

    party: str
    revision: int
    given_to: int
    given: Stored
    on: dt.date | None = None


class Ended(NamedTuple):
    """A yes, the event that ended it, and why: voided, withdrawn, declined, or the party left."""

    yes: Yes
    ended: Stored
    why: str


class Agreements:
    """Whose yes stands, and every yes that ended, as a goal's events are followed one after the other.

    What an event does to agreements is read off the states before and after it, so that there is one telling of the
    rules: decide's. Here the events are remembered that each yes came from and went with.
    """

    def __init__(self) -> None:
        """Begin before the goal's first event."""
        self.standing: dict[str, Yes] = {}
        self.ended: list[Ended] = []

    def copy(self) -> Agreements:
        """Return the same, which further events leave as it is."""
        copied = Agreements()
        copied.standing, copied.ended = dict(self.standing), list(self.ended)
        return copied

    def follow(self, before: Goal | None, after: Goal | None, stored: Stored, event: Event) -> None:
        """Take note of what *event*, stored as *stored*, made of agreements: *before* and *after* are the goal's."""
        if after is None or (
            before is not None and before.agreements is after.agreements and not isinstance(event, Proposed | Agreed)
        ):
            return  # the way of almost all events
        was = dict(before.agreements.items()) if before is not None else {}
        now = dict(after.agreements.items())
        for party in sorted(was.keys() - now.keys()):
            if party in self.standing:
                self.ended.append(Ended(self.standing.pop(party), stored, _why(party, event)))
        told = {agreement.party: agreement.on for agreement in event.agreements} if isinstance(event, Imported) else {}
        said = event.party if isinstance(event, Proposed | Agreed) else None
        for party, revision in now.items():
            if party == said or party not in self.standing:
                self.standing[party] = Yes(party, revision, revision, stored, told.get(party))
            else:
                self.standing[party] = self.standing[party]._replace(revision=revision)

    def again(self, ended: Ended) -> Stored | None:
        """Return the event by which the party of *ended* said yes anew, as far as has been followed here."""
        known = [*(one.yes for one in self.ended), *self.standing.values()]
        given = [yes.given for yes in known if yes.party == ended.yes.party and yes.given.version > ended.ended.version]
        return min(given, key=lambda stored: stored.version, default=None)

    def last_ended(self, people: Iterable[str]) -> list[Ended]:
        """Return of each of *people* whose yes does not stand how the last one ended, where there was one."""
        last = {one.yes.party: one for one in self.ended}
        return [last[who] for who in sorted(people) if who in last and who not in self.standing]


def _why(party: str, event: Event) -> str:
    if isinstance(event, Declined):
        return "declined"
    if isinstance(event, AgreementWithdrawn):
        return "withdrawn"
    return "voided" if isinstance(event, TermsEvent) and party in event.voided else "left"


def waiting_for(goal: Goal | None, quorum: str) -> list[str]:
    """Return whose yes to the present revision of *goal* is still needed by *quorum*; empty: agreed."""
    return [] if goal is None else missing(goal, agreed(goal), quorum)
