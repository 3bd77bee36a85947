"""What events name is looked for among what came before them; what is not there yet waits for earlier stretches."""

from __future__ import annotations

from typing import Any

import msgspec

from milepost.replay.verify.findings import Finding
from milepost.replay.verify.references import ACROSS, Reader, at, in_context, readers

Wanted = dict[str, tuple[int, str]]
"""Key -> the first sequence that names it, and its tenant."""


class Names(msgspec.Struct):
    """What a stretch brings and what it names without having it. Keys: `{kind} {where} {id}`, `seen {originator} {n}`.

    An aggregate is named by its originator: `aggregate acme/goal/0199...`.
    """

    brought: set[str] = set()
    wanted: Wanted = {}
    count: int = 0


class Naming:
    """Notes what the events of one stretch bring and name; *versions* are those seen so far, by originator."""

    def __init__(self, versions: dict[str, int]) -> None:
        """Take where versions are noted."""
        self.readers = readers()
        self.names = Names()
        self.unknown: dict[str, int] = {}
        self._versions = versions

    def note(self, reader: Reader, members: Any, originator: str, tenant: str, sequence: int, event_id: str) -> None:
        """Note what an event's *members* bring and name."""
        names = self.names
        for name, kind, brings, across in reader.plain:
            if (value := getattr(members, name)) is not None:
                if brings:
                    names.brought.add(f"{kind} {tenant if across else originator} {value}")
                else:
                    self._name(kind, value, originator, tenant, sequence)
        for name, kind, brings, path in reader.nested:
            if (node := getattr(members, name)) is None:
                continue
            for value in at(node, path):
                if brings:
                    names.brought.add(f"{kind} {tenant if kind in ACROSS else originator} {value}")
                else:
                    self._name(kind, value, originator, tenant, sequence)
        if reader.is_named:
            names.brought.add(f"event {originator} {event_id}")

    def context(self, context: bytes, originator: str, tenant: str, sequence: int) -> None:
        """Note what a goal's *context* names; raises msgspec's errors."""
        for kind, value in in_context(context):
            self._name(kind, value, originator, tenant, sequence)

    def _name(self, kind: str, value: Any, originator: str, tenant: str, sequence: int) -> None:
        names = self.names
        if kind == "owner":
            if value.startswith("user:"):
                return  # people need no entry in the directory
            owner, _, value = value.partition(":")
            kind = f"aggregate:{owner}"
        names.count += 1
        if kind.startswith("aggregate:"):
            named = f"{tenant}/{kind.removeprefix('aggregate:')}/{value}"
            if named not in self._versions:
                names.wanted.setdefault(f"aggregate {named}", (sequence, tenant))
        elif kind == "seen":
            self._seen(value, tenant, sequence)
        else:
            key = f"{kind} {tenant if kind in ACROSS else originator} {value}"
            if key not in names.brought:
                names.wanted.setdefault(key, (sequence, tenant))

    def _seen(self, value: Any, tenant: str, sequence: int) -> None:
        """Note a version at which a decision read an aggregate; 0: it did not exist."""
        named = f"{tenant}/{value.get('aggregate')}/{value.get('id')}"
        version = value.get("version") or 0
        if self._versions.get(named, 0) < version:
            self.names.wanted.setdefault(f"seen {named} {version}", (sequence, tenant))


class Resolving:
    """Puts the stretches' names together, in their order."""

    def __init__(self) -> None:
        """Begin with nothing brought."""
        self._brought: set[str] = set()
        self.count = 0
        self.findings: list[Finding] = []

    def take(self, names: Names, before: dict[str, int]) -> None:
        """Resolve what *names* wants; *before*: each originator's last version before the stretch."""
        for key, (sequence, tenant) in names.wanted.items():
            kind, _, rest = key.partition(" ")
            if kind == "aggregate":
                known = rest in before
            elif kind == "seen":
                named, _, version = rest.rpartition(" ")
                known = before.get(named, 0) >= int(version)
            else:
                known = key in self._brought
            if not known:
                self._unresolved(key, sequence, tenant)
        self._brought |= names.brought
        self.count += names.count

    def _unresolved(self, key: str, sequence: int, tenant: str) -> None:
        self.findings.append(
            Finding(
                code="reference_unresolved",
                message=f"The event names what was not there before it: {key}.",
                tenant=tenant,
                first=sequence,
                last=sequence,
                place=f"sequence {sequence}",
                todo="Look whether an event before it is missing: `milepost history` shows the aggregate.",
            )
        )
