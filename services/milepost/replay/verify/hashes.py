"""Keyed hashes are computed again where the keys are there: of terms from the goal as it was, of commands in part.

Words are opened for it, in memory alone; nothing is made, changed or recorded in the key store.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

import msgspec

from milepost.decide import Ref, evolve
from milepost.decide.goal.terms import terms_of
from milepost.evolving import recorded
from milepost.journal.errors import JournalCorrupt, JournalUnavailable, KeyErased
from milepost.journal.keys import KeyStore
from milepost.journal.opening import opened_event, sealing_key
from milepost.replay.verify.findings import Check, Finding, Progress, failed_or_passed, joined
from milepost.replay.verify.oddities import octets
from milepost.replay.verify.rows import Rows, open_rows
from milepost_contracts.envelope import Envelope, EnvelopeError, decode
from milepost_contracts.events import OF_ORGANISATION, TermsEvent
from milepost_contracts.events.goal import Agreed, Proposed
from milepost_contracts.sealing import PREFIX

_HASH = re.compile(r"[A-Za-z0-9_-]{43}", re.ASCII)  # 32 bytes
_SEALED = f'"{PREFIX}'.encode()
_TOLD_EVERY = 500  # events between two signs of progress
_TODO = "Look at the goal's history: a hash that does not fit was made from other terms than the events tell."


class NoKey(KeyErased):
    """The key store has no key of this person or organisation, and none was destroyed either."""


class KeysToLookAt(KeyStore):
    """The key store, for who must not make anything in it."""

    def __init__(self, url: str, directory: Path) -> None:
        """Open the store, which must be there; raises as KeyStore does."""
        super().__init__(url, directory, finishes=False)

    def _made(self, tenant: str, holder: str) -> NoReturn:
        raise NoKey(f"there is no key of {holder} in {tenant}")

    def flush(self) -> None:
        """Forget what was derived: it is known already, or it is not to be."""
        with self._noting:
            self._kids.clear()


def check_hashes(
    url: str, keys: KeyStore, total: int, progress: Progress = lambda _done, _total: None
) -> tuple[list[Check], list[Finding]]:
    """Return what became of computing the hashes in the journal at *url* again; raises BadURL, JournalUnavailable."""
    rows = open_rows(url)
    try:
        checking = _Checking(keys)
        try:
            for done, document in enumerate(_documents(rows), 1):
                checking.take(document)
                if done % _TOLD_EVERY == 0:
                    progress(done, max(done, total))
        except rows.errors as error:
            raise JournalUnavailable(str(error)) from error
        return checking.checks(), joined(checking.findings)
    finally:
        rows.close()


def _documents(rows: Rows) -> Iterator[Envelope]:
    """Yield what can be read, in the order of commits; what cannot is named by who checks the rows."""
    rows.lenient()
    for row in rows.after(rows.bounds().first - 1):
        try:
            yield decode(octets(row[-1]))
        except EnvelopeError:
            continue


class _Checking:
    def __init__(self, keys: KeyStore) -> None:
        self._keys = keys
        self._states: dict[tuple[str, Ref], Any] = {}
        self._lost: set[tuple[str, Ref]] = set()  # aggregates that cannot be folded any further
        self._hashes: dict[str, str] = {}  # of the present command, by the key that they were made with
        self._cause = ""
        self._seen: Counter[str] = Counter()
        self.findings: list[Finding] = []

    def take(self, envelope: Envelope) -> None:
        ref = (envelope.aggregate, envelope.aggregate_id)
        if envelope.commandhash:
            self._command(envelope, ref)
        if ref[0] == "goal" and (envelope.tenant, ref) not in self._lost:
            self._goal(envelope, ref)

    def checks(self) -> list[Check]:
        """Return what was checked, and what could not be."""
        terms = [one for one in self.findings if one.code in ("terms_hash_differs", "words_broken", "goal_unreadable")]
        commands = [one for one in self.findings if one.code == "command_hash_differs"]
        seen = self._seen
        checks = [
            failed_or_passed("hashes of terms", seen["terms"], "hashes", "computed again from the terms then", terms),
            failed_or_passed(
                "hashes of commands", seen["commands"], "hashes", "well formed, the same in all events of a command",
                commands,
            ),
        ]  # fmt: skip
        if seen["commands"]:
            said = "the commands themselves are not kept: whoever has one can compare its hash"
            checks.append(
                Check(name="bodies of commands", status="not_checkable", count=seen["commands"], of="hashes", said=said)
            )
        for name, said in (("erased", "no longer checkable: erased"), ("no_key", "the key store has no key for them")):
            if seen[name]:
                checks.append(
                    Check(name="hashes of terms", status="not_checkable", count=seen[name], of="hashes", said=said)
                )
        return checks

    def _command(self, envelope: Envelope, ref: Ref) -> None:
        self._seen["commands"] += 1
        if envelope.causationid != self._cause:
            self._cause = envelope.causationid
            self._hashes.clear()
        members = msgspec.json.decode(envelope.data)
        context = members.get("context") or {} if isinstance(members, dict) else {}
        under = "/".join(
            map(str, (*ref, context.get("owner"), context.get("accountable"), envelope.type in OF_ORGANISATION))
        )
        if not _HASH.fullmatch(envelope.commandhash):
            self._say("command_hash_differs", "commandhash is no hash.", envelope)
        elif self._hashes.setdefault(under, envelope.commandhash) != envelope.commandhash:
            self._say("command_hash_differs", "Two events of one command have different hashes of it.", envelope)

    def _goal(self, envelope: Envelope, ref: Ref) -> None:
        place = (envelope.tenant, ref)
        before = self._states.get(place)
        try:
            event = opened_event(self._keys, envelope.tenant, ref, envelope)
            state = self._states[place] = evolve(before, recorded(ref, envelope, event))
        except JournalCorrupt as error:
            self._say("words_broken", f"Words are not what was sealed: {error}.", envelope)
            self._lost.add(place)
            return
        except (EnvelopeError, LookupError, TypeError, ValueError, AttributeError, AssertionError) as error:
            self._say("goal_unreadable", f"The goal cannot be told any further: {error}.", envelope)
            self._lost.add(place)
            return
        if isinstance(event, TermsEvent):
            self._terms(envelope, ref, state, event.terms_hash)
        elif isinstance(event, Proposed | Agreed) and event.terms_hash and before is not None:
            self._seen["terms"] += 1
            if event.terms_hash != before.terms_hash:
                self._say("terms_hash_differs", "They agreed to other terms than those of the revision.", envelope)

    def _terms(self, envelope: Envelope, ref: Ref, state: Any, told: str) -> None:
        terms = terms_of(state)
        try:
            key = sealing_key(self._keys, envelope.tenant, ref, envelope, msgspec.json.decode(envelope.data))
        except NoKey:
            self._seen["no_key"] += 1
            return
        except KeyErased:
            self._seen["erased"] += 1
            return
        if _SEALED in terms:  # words of somebody else who was erased are part of these terms
            self._seen["erased"] += 1
            return
        self._seen["terms"] += 1
        if key.hash(terms) != told:
            message = "terms_hash is not that of the terms which the events tell."
            self._say("terms_hash_differs", message, envelope)

    def _say(self, code: str, message: str, envelope: Envelope) -> None:
        self.findings.append(
            Finding(
                code=code, message=message, tenant=envelope.tenant, first=envelope.number, last=envelope.number,
                place=f"{envelope.subject} version {envelope.version}", todo=_TODO,
            )
        )  # fmt: skip
