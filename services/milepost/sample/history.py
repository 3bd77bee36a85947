"""The sample's commands become events in this process alone, each recorded on the day of what it tells.

No broker is needed, and nothing stays: journal and key store lie in a temporary folder while the history is made.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import datetime as dt
import logging
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple, Self

import msgspec
import structlog

from milepost.accept import Committer, Decoder, Ticket
from milepost.accept.decoding import Decoded
from milepost.decide import Limits, Ref, evolve
from milepost.evolving import recorded
from milepost.journal import Journal, KeyStore
from milepost.replay.histories import members_of
from milepost.sample import TENANT, Step, story
from milepost.sample.loading import load
from milepost.settings import Settings
from milepost_contracts import sealing
from milepost_contracts.answers import Answer
from milepost_contracts.commands import Command
from milepost_contracts.envelope import decode
from milepost_contracts.sealing import SealingKey

CALLER = "cli"
ANSWER_S = 30.0  # of one command on a busy disk
EVENTS_MAX = 1_000_000  # far more than the sample has
TICK = dt.timedelta(seconds=1)  # between two commands of one day


class History(NamedTuple):
    """The events of the sample in order, each its exact document, and the keys that open their words, by kid.

    goals: (id, version, state) after each event of a goal, words sealed.
    """

    documents: list[bytes]
    keys: dict[str, SealingKey]
    goals: list[tuple[str, int, dict[str, Any]]]


def made(today: dt.date) -> History:
    """Return the history that the sample has on the day *today*; raises SampleError."""
    with tempfile.TemporaryDirectory(prefix="milepost-sample-") as folder, _Accept(Path(folder)) as accept:
        asyncio.run(load(accept.ask, as_it_happened(story(today))))
        return accept.history()


def as_it_happened(steps: Sequence[Step]) -> list[Step]:
    """Return *steps*, which are told goal by goal, in the order in which they happened."""
    order = sorted(range(len(steps)), key=lambda number: _happened(steps[number].command))
    place = {number: place for place, number in enumerate(order)}
    moved = [steps[number] for number in order]
    return [step if step.corrects is None else step._replace(corrects=place[step.corrects]) for step in moved]


def _happened(command: Command) -> dt.datetime:
    assert command.occurred_at is not None, command  # noqa: S101  the sample says it of every command
    return command.occurred_at


class _Accept:
    """What decides and commits, on databases in a folder and a clock that stands where the story is."""

    def __init__(self, folder: Path) -> None:
        self._now = dt.datetime.fromtimestamp(0, dt.UTC)
        settings = Settings()
        self._journal = Journal(f"sqlite:///{folder / 'journal.sqlite'}", clock_us=self._now_us)
        self._keys = KeyStore(f"sqlite:///{folder / 'keys.sqlite'}", folder / "keys")
        self._committer = Committer(
            self._journal,
            self._keys,
            clock=lambda: self._now,
            limits=Limits(),
            log=structlog.wrap_logger(
                structlog.PrintLogger(sys.stderr), wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR)
            ),
        )
        self._decoder = Decoder(
            gateways=frozenset({CALLER}), line_chars=settings.line_chars, text_chars=settings.text_chars
        )

    def _now_us(self) -> int:
        return round(self._now.timestamp() * 1_000_000)

    def __enter__(self) -> Self:
        self._committer.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._committer.stop()
        self._keys.close()
        self._journal.close()

    async def ask(self, tenant: str, command: Command) -> Answer:
        """Have *command* decided and committed as if it were sent when it says that it happened."""
        subject = f"goals.command.v1.{tenant}.{CALLER}.{command.AGGREGATE}.{command.NAME}"
        decoded = self._decoder.decode(subject, msgspec.json.encode(command), None)
        if not isinstance(decoded, Decoded):
            return decoded
        self._now = max(self._now + TICK, _happened(command))
        answered: concurrent.futures.Future[Answer] = concurrent.futures.Future()
        began = time.monotonic()
        self._committer.submit(Ticket(decoded, lambda _, answer: answered.set_result(answer), began, began + ANSWER_S))
        return await asyncio.wrap_future(answered)

    def history(self) -> History:
        """Return what has come of all that was asked."""
        stored = self._journal.events_after(TENANT, 0, EVENTS_MAX)
        kids = {kid for one in stored for kid in sealing.kids(decode(one.document).data)}
        derived = self._keys.derived(TENANT, kids)
        keys = {kid: one.key for kid, one in derived.items() if one.key is not None}
        return History([one.document for one in stored], keys, _goals([one.document for one in stored]))


def _goals(documents: Sequence[bytes]) -> list[tuple[str, int, dict[str, Any]]]:
    states: dict[Ref, Any] = {}
    found: list[tuple[str, int, dict[str, Any]]] = []
    for document in documents:
        event = decode(document)
        if event.aggregate == "goal":
            ref = (event.aggregate, event.aggregate_id)
            states[ref] = evolve(states.get(ref), recorded(ref, event, event.event()))
            found.append((event.aggregate_id, event.version, members_of(states[ref])))
    return found
