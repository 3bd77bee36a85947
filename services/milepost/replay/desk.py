"""Where questions to the journal are answered from: what is read, who may read it, and what is said where not."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any, NamedTuple

from milepost.decide import Ref
from milepost.journal import Journal, KeyStore
from milepost.replay.activity import Activity
from milepost.replay.entitlement import PLUGIN_HOST, TRUSTED, Entitlement
from milepost.replay.export.scoping import Searches
from milepost.replay.histories import Histories
from milepost.replay.moments import Then, then
from milepost.replay.tree.logs import Logs
from milepost_contracts.answers import Failed, Problem, Refused
from milepost_contracts.queries import Query, QueryAnswer

Told = tuple[QueryAnswer, dict[str, Any]]
"""An answer, and what the log line says of it beside the usual."""


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


class Desk(NamedTuple):
    """Journal, keys, folded histories, who may read them, what time it is (aware, UTC), and the logs that prove it."""

    journal: Journal
    keys: KeyStore
    histories: Histories
    entitlement: Entitlement
    clock: Callable[[], dt.datetime] = _now
    logs: Logs | None = None
    activity: Activity | None = None  # who took part in what, and when last
    searches: Searches | None = None  # for the events of what is exported

    def then(self, tenant: str, ref: Ref | None, moment: str, field: str = "at") -> Then | Refused:
        """Return the last sequence that counts as of *moment*, and its instant; a version is one of *ref*.

        Refused (naming *field*): what is no moment, in the future, or a version or sequence that is not reached.
        """
        return then(self.journal, tenant, ref, moment, now=self.clock(), field=field)

    def newest(self, tenant: str) -> int:
        """Return the tenant's last sequence; 0: it has none."""
        head = self.journal.heads().get(tenant)
        return head.sequence if head else 0

    def not_yet(self, tenant: str, sequence: int) -> Failed | None:
        """Return what to answer who has seen *sequence* already where the journal has not; None where it has."""
        newest = self.newest(tenant)
        if newest >= sequence:
            return None
        message = f"The journal of this tenant ends at {newest}; sequence {sequence} is not there."
        return Failed(errors=[Problem(code="not_yet", field="min_sequence", message=message)])

    def may_read(self, tenant: str, reader: str, ref: Ref) -> bool:
        """Whether *reader* may read what the parties of *ref* may, or is the plugin host."""
        return reader == PLUGIN_HOST or self.entitlement.may_read(tenant, reader, ref)

    def unknown(self, aggregate: str) -> Refused:
        """Return the refusal of what is not there, and of what may not be read: they look the same."""
        message = "There is none that you may read."
        return Refused(errors=[Problem(code=f"{aggregate}_unknown", field="id", message=message)])


def reader_of(query: Query) -> str:
    """Return whom *query* is asked for: stages that answer people ask on their behalf."""
    return query.on_behalf_of if query.actor in TRUSTED and query.on_behalf_of else query.actor
