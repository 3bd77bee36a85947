"""A bundle's events are opened and told, history by history: report, tables, and keys where those were asked for."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import IO, Any, Self

import msgspec

from milepost.replay.export.collecting import Advance
from milepost.replay.export.folding import Called, Story, told
from milepost.replay.export.opening import MARK, AskKeys, Opener, kids_of
from milepost.replay.export.plan import Plan
from milepost.replay.export.report import Report
from milepost.replay.export.shelf import Shelf
from milepost.replay.export.tables import Tables
from milepost_contracts.envelope import Envelope, decode_members
from milepost_contracts.proofs import bundle
from milepost_contracts.proofs.bundle import KeyLine

NAMES_MAX = 20_000  # people and records by name, in some 4 MB; others are told by the end of their ids
# Who is told first gives names to those after.
_FIRST = ("person", "programme", "goal")
PAGE = 1_000  # events opened at once; their keys take one question


class Telling:
    """Reads events.ndjson of *folder* again and writes what is made of it."""

    def __init__(self, folder: Path, plan: Plan, keys: AskKeys | None, called: Called) -> None:
        """Index the events; raises OSError and EnvelopeError."""
        self._folder = folder
        self._plan = plan
        self._elsewhere_called = called
        self._names: dict[str, str] = {}
        self._shelf = Shelf(folder / bundle.EVENTS)
        self._opener = Opener(keys, _readable(plan, self._shelf))
        self._report = Report(folder / f"{bundle.REPORT}.parts", plan, self._called)
        self._tables = Tables(folder / bundle.TABLES, self._called) if plan.tables else None
        self._keys: IO[bytes] | None = (folder / bundle.DERIVED_KEYS).open("wb") if plan.with_keys else None

    @property
    def tags(self) -> set[str]:
        """The types of all events."""
        return self._shelf.tags

    async def run(self, advance: Advance) -> int:
        """Tell every history; returns how many there are."""
        done = 0
        for subject in sorted(self._shelf.subjects, key=_order):
            events = self._shelf.events(subject)
            opened: list[tuple[Envelope, dict[str, Any]]] = []
            for start in range(0, len(events), PAGE):
                page = events[start : start + PAGE]
                opened += zip(page, await self._opener.open(page), strict=True)
            self._keep_keys(events)
            story = told(opened, subject, self._called, whole=self._shelf.whole(subject))
            self._learn(story)
            self._report.add(story)
            if self._tables is not None:
                self._tables.add(story)
            done += len(events)
            advance("Telling", done, len(self._shelf))
        self._report.finish(self._folder / bundle.REPORT, len(self._shelf))
        return len(self._shelf.subjects)

    def _called(self, ref: str) -> str:
        """Return what a person or record is called: as its own events say, else as the exporter knows it."""
        return self._names.get(ref) or self._elsewhere_called(ref)

    def _learn(self, story: Story) -> None:
        """Keep what a person, goal or programme is called, for what is told after it."""
        if len(self._names) < NAMES_MAX and story.title and MARK not in story.title:
            aggregate, _, id_ = story.subject.partition("/")
            self._names[f"user:{id_}" if aggregate == "person" else id_] = (
                story.title if aggregate == "person" else f"“{story.title}”"
            )

    def _keep_keys(self, events: list[Envelope]) -> None:
        if self._keys is not None:
            for kid, key in self._opener.given({kid for event in events for kid in kids_of(event)}):
                self._keys.write(msgspec.json.encode(KeyLine(kid=kid, key=key)) + b"\n")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for part in (self._shelf, self._report, self._tables, self._keys):
            if part is not None:
                part.close()


def _order(subject: str) -> int:
    aggregate = subject.partition("/")[0]
    return _FIRST.index(aggregate) if aggregate in _FIRST else len(_FIRST)


def _readable(plan: Plan, shelf: Shelf) -> Callable[[Envelope], bool]:
    """Return whether words of an event may be shown in this bundle, whatever keys the exporter is given.

    What somebody with more rights exports for a person is for that person's eyes: words that the person wrote, and
    those on goals and mentorships that the person has a part in now.
    """
    person = f"user:{plan.scope.id}"
    if plan.scope.kind != "person" or plan.by == person:
        return lambda _: True
    needle = person.encode()
    own: dict[str, bool] = {}

    def readable(event: Envelope) -> bool:
        if person in (event.actor, event.onbehalfof):
            return True
        if event.subject not in own:
            own[event.subject] = shelf.whole(event.subject) and _part_in(shelf.last(event.subject), needle)
        return own[event.subject]

    return readable


def _part_in(newest: Envelope, person: bytes) -> bool:
    """Whether the person is in the context of the goal's *newest* event; other records have none."""
    if newest.aggregate != "goal":
        return True
    context = decode_members(newest.data).get("context") or {}
    return person in msgspec.json.encode(context)
