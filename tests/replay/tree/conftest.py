"""A journal on both databases, what grows its trees, and a clock that only tests move."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from milepost.journal import Journal
from milepost.logs import logger
from milepost.replay.tree import Grower, Options, SigningKeys
from tests.journal.wishes import append, goal, new_id
from tests.support.nats import broker, connect  # noqa: F401  fixtures
from tests.support.postgres import postgres_url  # noqa: F401  fixture

ORIGIN = "milepost.test"


class Log:
    """A journal that is written to, and growers on its folder."""

    def __init__(self, url: str, folder: Path) -> None:
        """Open the journal for writing."""
        self.url = url
        self.proofs, self.signing = folder / "proofs", folder / "signing"
        self.journal = Journal(url)
        self.now = 1000.0
        self.points: list[str] = []
        self.at: Callable[[str], None] = self.points.append
        self._opened: list[Grower] = []

    def passed(self, point: str) -> None:
        """Pass a fault point, as `at` says now."""
        self.at(point)

    def write(self, count: int, tenant: str = "acme") -> None:
        """Have *count* events of *tenant* stored."""
        for begun in range(0, count, 500):
            refs = [goal() for _ in range(min(500, count - begun))]
            self.journal.append([append({ref: 0}, tenant=tenant) for ref in refs])

    def record(self, tenant: str, command: str) -> int:
        """Have an event stored as what the command `{aggregate}/{id}/{command_id}` wrote; return its sequence."""
        ref = goal()
        self.journal.append([append({ref: 0}, tenant=tenant, command=command)])
        return self.journal.heads()[tenant].sequence

    def keys(self) -> SigningKeys:
        """Return the signing keys."""
        return SigningKeys(self.signing, ORIGIN)

    def grower(self, events: int = 1000, seconds: float = 60.0, *, opened: bool = True) -> Grower:
        """Return a grower; closed at the end of the test unless somebody did before."""
        grower = Grower(
            self.journal, self.proofs, self.keys(), Options(events, seconds), log=logger("replay"),
            clock=lambda: self.now, at=self.passed,
        )  # fmt: skip
        self._opened.append(grower)
        if opened:
            grower.open()
        return grower

    def documents(self, tenant: str = "acme") -> list[bytes]:
        """Return every document of *tenant*."""
        return [row.document for row in self.journal.bare_of(tenant, 0, 1_000_000)]

    def close(self) -> None:
        """Close everything."""
        self.at = self.points.append
        for grower in self._opened:
            grower.close()
        self.journal.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def log(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Log]:
    """Give a journal and its log: each test that takes it runs on both databases."""
    url = f"sqlite:///{tmp_path / 'journal.db'}"
    if request.param == "postgresql":
        url = request.getfixturevalue("postgres_url")
    made = Log(url, tmp_path)
    yield made
    made.close()


__all__ = ["ORIGIN", "Log", "new_id"]
