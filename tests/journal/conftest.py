"""Journals on both databases, and what the tests append to them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from milepost.journal import Journal
from tests.support.postgres import postgres_url

__all__ = ["postgres_url"]


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Give a journal's URL: each test that takes it runs on both databases."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'journal.db'}"
    found: str = request.getfixturevalue("postgres_url")
    return found


@pytest.fixture
def open_journal(url: str) -> Iterator[Callable[..., Journal]]:
    """Open journals at the test's URL; they are closed at its end."""
    opened: list[Journal] = []

    def opening(**options: object) -> Journal:
        opened.append(Journal(url, **options))  # type: ignore[arg-type]  # options are those of Journal
        return opened[-1]

    yield opening
    for journal in opened:
        journal.close()


@pytest.fixture
def journal(open_journal: Callable[..., Journal]) -> Journal:
    """Open a writing journal at the test's URL."""
    return open_journal()
