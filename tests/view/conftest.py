"""What the tests of the view share: tables on both databases, and questions on a history's events."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import pytest

from milepost.view import tables
from milepost.view.applying import Applying, Position
from milepost.view.asking import Queries
from milepost.view.keys import KeyCache
from milepost.view.sets import Sets
from milepost_contracts.queries import Answer, Query
from tests.support.documents import History
from tests.support.nats import broker, connect  # noqa: F401  fixtures
from tests.support.postgres import postgres_url  # noqa: F401  fixture
from tests.support.scenario import NOW

A = TypeVar("A", bound=Answer)


@pytest.fixture
def sqlite_view(tmp_path: Path) -> str:
    """Give the URL of a view that does not exist yet."""
    return f"sqlite:///{tmp_path / 'alone.sqlite'}"


@pytest.fixture(params=["sqlite", "postgres"])
def view_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Give the URL of a view that does not exist yet, on either database."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'view.sqlite'}"
    url: str = request.getfixturevalue("postgres_url")
    return url


class View:
    """Tables with a history's events in them, to be asked."""

    def __init__(self, url: str) -> None:
        """Make the first set of tables."""
        self.url = url
        self.sets = Sets(url)
        self.sets.open()
        self.applying = Applying(self.sets)
        self.applying.load()
        self.now: Callable[[], dt.datetime] = lambda: NOW
        self._written = 0

    def write(self, history: History) -> View:
        """Write what *history* has beyond what was written."""
        self._written += 1
        self.applying.apply(history.documents, Position(1, self._written))
        self.history = history
        return self

    async def ask(self, query: Query, answer: type[A]) -> A:
        """Return the answer, which must be one of the kind *answer*."""
        answered = await self.asked(query)
        assert isinstance(answered, answer), answered
        return answered

    async def asked(self, query: Query) -> Any:
        """Return whatever the answer is."""
        queries = Queries(self.sets, KeyCache(self.history.vault), clock=self.now, wait_s=0.05)
        return await queries.answer(self.history.tenant, query)

    def close(self) -> None:
        """End every connection."""
        self.applying.close()
        self.sets.close()


@pytest.fixture
def view(view_url: str) -> Iterator[View]:
    """Give empty tables on either database."""
    opened = View(view_url)
    yield opened
    opened.close()


@pytest.fixture
def sqlite(sqlite_view: str) -> Iterator[View]:
    """Give empty tables on SQLite, for what does not depend on the database."""
    opened = View(sqlite_view)
    yield opened
    opened.close()


def contents(sets: Sets) -> dict[str, list[Any]]:
    """Return every row of the current set, by table, in the order of their keys."""
    with sets.reading() as connection:
        return {table.name: list(connection.scan(table)) for table in tables.MODELS}
