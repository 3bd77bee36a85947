"""Who was erased stands in the journal and in the key store: where only one of them knows, the other is older."""

from __future__ import annotations

from milepost.journal import Journal, KeyStore
from milepost.journal.errors import JournalCorrupt
from milepost.replay.erasure import differences
from milepost.replay.verify.findings import Check, Finding, failed_or_passed

NAME = "erasures"
_SAID = {
    "tombstone_without_event": (
        "The key store has destroyed this person's keys, and the journal does not tell of it: it is older.",
        "Restore a newer journal, or erase the person again to have it recorded; the words stay closed either way.",
    ),
    "event_without_tombstone": (
        "The journal has erased this person, and the key store still has their keys: it is older, or was interrupted.",
        "Start accept: it destroys them before it takes anything.",
    ),
}


def check_erasures(url: str, keys: KeyStore) -> tuple[Check, list[Finding]]:
    """Return what comes of holding the journal at *url* against *keys*; raises BadURL, JournalUnavailable."""
    try:
        with Journal(url, writes=False, create=False) as journal:
            found = differences(journal, keys)
            count = len({(one.tenant, one.ref) for one in journal.erasures()})
    except JournalCorrupt as error:
        return Check(name=NAME, status="not_checkable", of="people", said=f"an event of an erasure: {error}"), []
    findings = [
        Finding(code=one.code, message=_SAID[one.code][0], tenant=one.tenant, place=one.person, todo=_SAID[one.code][1])
        for one in found
    ]
    said = "erased in the journal and in the key store alike"
    return failed_or_passed(NAME, count, "people", said, findings), findings
