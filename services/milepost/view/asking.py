"""A question is answered: waited for, built on one state of the tables, its words opened for who asks."""

from __future__ import annotations

import asyncio
import datetime as dt
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from typing import Any

import msgspec

from milepost.database import DatabaseError
from milepost.view.answer import ANSWERS
from milepost.view.answer.asked import Case, Refusal
from milepost.view.keys import KeyCache
from milepost.view.opening import open_words
from milepost.view.sets import OldModel, Sets
from milepost_contracts.answers import Failed, Invalid, Problem, Refused
from milepost_contracts.queries import Query, QueryAnswer

# How long a question waits for `min_sequence`: commit to visible takes milliseconds, so this is a stage that restarts.
WAIT_S = 5.0
# Another copy of this process may write the tables: what it has seen is looked for this often.
LOOK_S = 0.05


class Seen:
    """How far the tables are, by tenant, as the reader in this process tells it."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self._numbers: dict[str, int] = {}
        self._changed = asyncio.Event()

    def advance(self, numbers: Mapping[str, int]) -> None:
        """Note that the tables hold each tenant's events up to a sequence, and wake who waits."""
        self._numbers.update(numbers)
        self._changed.set()
        self._changed = asyncio.Event()

    def begin(self, numbers: Mapping[str, int]) -> None:
        """Note that the tables hold these and no others, as after a switch."""
        self._numbers = {}
        self.advance(numbers)

    def number(self, tenant: str) -> int:
        """Return the tenant's last sequence that is known to be in the tables."""
        return self._numbers.get(tenant, 0)

    async def change(self, timeout_s: float) -> None:
        """Return at the next `advance`, at the latest after *timeout_s* seconds."""
        try:
            async with asyncio.timeout(timeout_s):  # not wait_for, see ordered.py
                await self._changed.wait()
        except TimeoutError:
            return


class Queries:
    """Answers questions from the tables; usable without a bus."""

    def __init__(
        self,
        sets: Sets,
        keys: KeyCache,
        *,
        clock: Callable[[], dt.datetime],
        executor: Executor | None = None,
        seen: Seen | None = None,
        wait_s: float = WAIT_S,
    ) -> None:
        """Take the tables, the keys, a clock (aware), where blocking reads run, and how far the reader is."""
        self._sets = sets
        self._keys = keys
        self._clock = clock
        self._executor = executor
        self._seen = seen or Seen()
        self._wait_s = wait_s

    async def answer(self, tenant: str, query: Query) -> QueryAnswer:
        """Return the answer to *query*; what goes wrong is an answer too."""
        try:
            if query.min_sequence and not await self._arrived(tenant, int(query.min_sequence)):
                return _failed("not_seen_yet", "The view has not read that far yet: ask again.", "min_sequence")
            tree = await self._in_thread(self._build, tenant, query)
        except Refusal as refusal:
            return Invalid(errors=refusal.problems) if refusal.invalid else Refused(errors=refusal.problems)
        except OldModel as error:
            return _failed(error.code, str(error))
        except DatabaseError as error:
            return _failed("view_unavailable", f"The read models cannot be read now ({error.code}): ask again.")
        opened = await open_words(tree, tenant, query.actor, self._keys, query.reason)
        answer: QueryAnswer = msgspec.convert(opened | {"status": "answered"}, type(query).ANSWER)
        return answer

    def _build(self, tenant: str, query: Query) -> dict[str, Any]:
        with self._sets.reading() as connection:
            case = Case(connection, tenant, query.actor, self._clock())
            tree = ANSWERS[type(query)](case, query)
            return tree | {"sequence": case.sequence(), "today": case.today}

    async def _arrived(self, tenant: str, number: int) -> bool:
        """Wait, within bounds, until the tables hold the tenant's events up to *number*; return whether they do."""
        until = time.monotonic() + self._wait_s
        while self._seen.number(tenant) < number:
            stored = await self._in_thread(self._stored, tenant)
            if stored >= number:
                return True
            left = until - time.monotonic()
            if left <= 0:
                return False
            await self._seen.change(min(left, LOOK_S))
        return True

    def _stored(self, tenant: str) -> int:
        with self._sets.reading() as connection:
            found = connection.query("SELECT number FROM sequence WHERE tenant = ?", (tenant,))
            return int(found[0][0]) if found else 0

    async def _in_thread(self, function: Callable[..., Any], *arguments: Any) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._executor, function, *arguments)


def _failed(code: str, message: str, field: str | None = None) -> Failed:
    return Failed(errors=[Problem(code=code, message=message, field=field)])
