"""Before an answer leaves, it is recorded who is about to be given what, through a command like any other's."""

from __future__ import annotations

import asyncio
import datetime as dt
import functools
import hashlib
import secrets
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, NamedTuple

import msgspec
from structlog.typing import FilteringBoundLogger
from uuid_utils import uuid7

from milepost.decide import Ref
from milepost.replay.desk import Desk, reader_of
from milepost.replay.entitlement import TRUSTED, holder_of
from milepost_contracts import answers
from milepost_contracts.answers import Accepted, Failed, Problem, Refused
from milepost_contracts.commands import Command
from milepost_contracts.commands.access import MOMENTS_MAX, SCOPES_MAX, Record
from milepost_contracts.queries import Answer, Export, Query, QueryAnswer
from milepost_contracts.queries.evolution import Evolution
from milepost_contracts.queries.moments import MOMENT_PATTERN
from milepost_contracts.subjects import access_id
from milepost_contracts.types import Scope

READ = "read"
"""Under this name a module says in its details which aggregates its answer tells of, where the query does not."""
# The words of events stay sealed, and whoever hears the tenant's events has them; proofs are of hashes alone.
UNRECORDED = frozenset({"events_after", "proof"})
# Recorded whoever asks: keys open words for good, and an export leaves the house. The others where no party asks.
OF_EVERYBODY = frozenset({"keys", "export"})
# What is known to be recorded today, so that asking again costs nothing; some 20 MB. Beyond it all is forgotten, and
# accept, which knows it too, says that there is nothing new.
KNOWN_MAX = 100_000
# How long accept is asked for while it is not there: whoever asked us waits for 5 s, and asks again by itself.
RECORDED_S = 1.0

Ask = Callable[[str, Command], Awaitable[answers.Answer]]
"""(tenant, command) -> accept's answer."""


class Access(NamedTuple):
    """A reading that is about to happen; without `refs` it is of everything."""

    tenant: str
    reader: str
    via: str | None
    kind: str
    refs: tuple[Ref, ...]
    moments: tuple[str, ...]
    reason: str | None


class Recorder:
    """Records readings by commands, and knows which of today's are recorded."""

    def __init__(
        self,
        desk: Desk,
        ask: Ask,
        *,
        reasons_required: bool,
        log: FilteringBoundLogger,
        clock: Callable[[], dt.datetime],
        known_max: int = KNOWN_MAX,
    ) -> None:
        """Take what tells parties from others, how accept is asked, and whether reading by role needs a reason."""
        self._desk = desk
        self._ask = ask
        self._reasons_required = reasons_required
        self._log = log
        self._clock = clock
        self._known_max = known_max
        self._known: dict[tuple[str, str, str, bytes], set[Ref | None]] = {}
        self._count = 0
        self._day = dt.date.min
        self._secret = secrets.token_bytes(16)  # reasons are people's words: what is kept of them tells nothing

    async def answered(
        self, tenant: str, caller: str, query: Query, answer: QueryAnswer, read: Iterable[Ref] | None
    ) -> QueryAnswer:
        """Return *answer* when it is recorded who gets it, or need not be; else why nothing can be given.

        *read*: the aggregates it tells of; None: what the query names, or everything.
        """
        if not isinstance(answer, Answer) or query.NAME in UNRECORDED:
            return answer
        access = _access(tenant, caller, query, _named(query, answer) if read is None else read)
        today = self._today()
        known: set[Ref | None] = self._known.get(self._place(access), set())
        if access.refs != () and known.issuperset(access.refs):
            return answer  # the way of almost all: a look into a set
        if read is not None and not access.refs:
            return answer  # nothing is told of anything
        wanted, by_role = await asyncio.to_thread(self._sorted, access, known)
        if by_role and self._reasons_required and not (access.reason or "").strip() and access.reader not in TRUSTED:
            message = "Reading what is not your own needs a reason here: say why in `reason`."
            return Refused(errors=[Problem(code="reason_missing", field="reason", message=message)])
        return answer if not wanted else await self._record(access, today, wanted) or answer

    def _sorted(self, access: Access, known: set[Ref | None]) -> tuple[list[Ref | None], bool]:
        """Return what is still to be recorded, and whether it takes a reason where reasons are required."""
        if not access.refs:
            return ([] if None in known else [None]), True
        tenant, reader, rights = access.tenant, access.reader, self._desk.entitlement
        # Who is in a programme is no party of its goals, all of which its evolution tells of.
        others = [
            ref
            for ref in access.refs
            if (access.kind, ref[0]) == ("evolution", "programme") or not rights.is_party(tenant, reader, ref)
        ]
        wanted = access.refs if access.kind in OF_EVERYBODY else others
        by_role = access.kind == "export" or any(rights.by_role(tenant, reader, ref) for ref in others)
        return [ref for ref in wanted if ref not in known], by_role

    async def _record(self, access: Access, today: dt.date, wanted: list[Ref | None]) -> QueryAnswer | None:
        """Record that *wanted* is about to be read; returns what is said instead where that fails."""
        for start in range(0, len(wanted), SCOPES_MAX):
            part = wanted[start : start + SCOPES_MAX]
            said = await self._ask(access.tenant, _command(access, today, part))
            if not isinstance(said, Accepted):
                return self._not_recorded(access, said)
            if today == self._day:  # else the day went by meanwhile
                self._remember(access, part)
        return None

    def _not_recorded(self, access: Access, said: answers.Answer) -> QueryAnswer:
        codes = [problem.code for problem in getattr(said, "errors", ())]
        self._log.warning("not_recorded", tenant=access.tenant, reader=access.reader, query=access.kind, codes=codes)
        if isinstance(said, Failed):
            message = "It cannot be recorded now that you read this, so it is not given; ask again."
            return Failed(errors=[Problem(code="not_recorded", message=message)])
        assert not isinstance(said, Accepted)  # noqa: S101  that one was recorded
        return said  # such as the reader's having been erased: no reading of theirs is recorded any more

    def _today(self) -> dt.date:
        today = self._clock().date()
        if today != self._day:
            self._day = today
            self._known.clear()
            self._count = 0
        return today

    def _remember(self, access: Access, refs: list[Ref | None]) -> None:
        if self._count + len(refs) > self._known_max:
            self._known.clear()
            self._count = 0
        self._known.setdefault(self._place(access), set()).update(refs)
        self._count += len(refs)

    def _place(self, access: Access) -> tuple[str, str, str, bytes]:
        reason = hashlib.blake2b((access.reason or "").encode(), key=self._secret, digest_size=16).digest()
        return access.tenant, holder_of(access.reader), access.kind, reason


def _access(tenant: str, caller: str, query: Query, read: Iterable[Ref]) -> Access:
    reader = reader_of(query)
    own = (f"service:{caller}", f"plugin:{caller}")
    return Access(
        tenant=tenant,
        reader=reader,
        via=None if holder_of(reader) in own else f"service:{caller}",
        kind=query.NAME,
        refs=tuple(dict.fromkeys(read)),
        moments=_moments(query)[:MOMENTS_MAX],
        reason=query.reason,
    )


def _named(query: Query, answer: Answer) -> tuple[Ref, ...]:
    """Return the aggregate that *query* is about, which its answer may name instead; none: it is about everything.

    A question of a kind that is not known here is about everything too, so that none is forgotten.
    """
    if isinstance(query, Export):
        return () if query.scope.id is None or query.scan else ((query.scope.kind, query.scope.id),)
    if isinstance(query, Evolution):
        return () if query.id is None or query.aggregate == "tenant" else ((query.aggregate, query.id),)
    for named in (answer, query):
        kind, id_ = getattr(named, "aggregate", None), getattr(named, "id", None)
        if isinstance(kind, str) and isinstance(id_, str):
            return ((kind, id_),)
    return ()


def _moments(query: Query) -> tuple[str, ...]:
    """Return the points in time that *query* names, in the order of its members."""
    found = [getattr(query, name) for name in _moment_names(type(query))]
    version = getattr(query, "version", None)
    return tuple(one for one in (*found, f"v{version}" if version else None) if one is not None)


@functools.cache  # looking through a type takes a millisecond
def _moment_names(kind: type[Query]) -> tuple[str, ...]:
    info = msgspec.inspect.type_info(kind)
    assert isinstance(info, msgspec.inspect.StructType)  # noqa: S101  queries are Structs
    return tuple(field.name for field in info.fields if _is_moment(field.type))


def _is_moment(node: Any) -> bool:
    if isinstance(node, msgspec.inspect.Metadata):
        return _is_moment(node.type)
    if isinstance(node, msgspec.inspect.UnionType):
        return any(_is_moment(part) for part in node.types)
    return isinstance(node, msgspec.inspect.StrType) and node.pattern == MOMENT_PATTERN


def _command(access: Access, today: dt.date, refs: list[Ref | None]) -> Record:
    return Record(
        command_id=str(uuid7()),
        id=access_id(access.tenant, access.reader, today),
        actor="service:replay",
        on_behalf_of=access.reader if access.reader.startswith("user:") else None,
        reader=access.reader,
        day=today,
        kind=access.kind,
        via=access.via,
        scopes=[Scope(aggregate=ref[0], id=ref[1]) for ref in refs if ref is not None],
        everything=None in refs,
        moments=list(access.moments),
        reason=access.reason,
    )
