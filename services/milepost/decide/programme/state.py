"""The state of a programme: what its events have made of it, as far as deciding needs to know."""

from __future__ import annotations

import datetime as dt

import msgspec
from rpds import HashTrieMap

from milepost_contracts.events import Event
from milepost_contracts.events.programme import Created, TemplatePublished
from milepost_contracts.types import Cadence, Rubric


class Cycle(msgspec.Struct, frozen=True, kw_only=True):
    """A period: planned, active or closed; both dates belong to it."""

    title: str
    starts_on: dt.date
    ends_on: dt.date
    state: str = "planned"


class Template(msgspec.Struct, frozen=True, kw_only=True):
    """A goal to start from, in all its versions; those up to `retired` are offered no longer."""

    versions: HashTrieMap[int, TemplatePublished] = HashTrieMap()
    latest: int = 0
    retired: int = 0


class Programme(msgspec.Struct, frozen=True, kw_only=True):
    """A programme after its events so far; maps are persistent, so older states stay as they were."""

    id: str
    state: str = "open"  # or `closed`
    created: Created  # as it began, to tell a repeated wish from another programme's
    admins: frozenset[str] = frozenset()
    cap: int | None = None
    cadence: Cadence | None = None
    rubric: Rubric | None = None  # the one that goals are evaluated with
    rubrics: HashTrieMap[str, Rubric] = HashTrieMap()  # the last version of each that was ever set
    templates: HashTrieMap[str, Template] = HashTrieMap()
    participants: HashTrieMap[str, str] = HashTrieMap()  # person -> role
    cycles: HashTrieMap[str, Cycle] = HashTrieMap()
    surveys: HashTrieMap[str, Event] = HashTrieMap()
    costs: HashTrieMap[str, Event] = HashTrieMap()
    benefits: HashTrieMap[str, Event] = HashTrieMap()

    def template(self, id: str, version: int) -> TemplatePublished | None:  # noqa: A002  the wire's word
        """Return that version of a template, None where it is unknown or offered no longer."""
        template = self.templates.get(id)
        if template is None or version <= template.retired:
            return None
        return template.versions.get(version)
