"""`import`: commands from a file, many at a time, each told what became of it; a bad line never stops the others."""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import IO, Any, NamedTuple

import click
import msgspec

from milepost.cli.errors import INTERRUPTED, REFUSED, misused
from milepost.cli.importing_lines import BadLine, Lines, Wish
from milepost.cli.importing_order import InOrder
from milepost.cli.importing_source import lines_of
from milepost.cli.out import Out
from milepost.cli.session import Reached, connection
from milepost.cli.verbs import Verb
from milepost.cli.where import Where
from milepost_contracts.answers import Accepted, Answer, Problem
from milepost_contracts.commands import Command

# Enough to fill every shared commit; more would only wait in line.
IN_FLIGHT = 64
# Accept may be restarted while an import runs: its lines wait for it.
PATIENCE_S = 120.0
SHOWN_MAX = 20  # refusals on the terminal; a report has all of them

Send = Callable[[str, Command], Awaitable[Answer]]
Done = Callable[[Wish | BadLine, Answer | None], None]


class Refusal(NamedTuple):
    """One problem of one line, as reports have it."""

    line: int
    status: str
    command: str
    id: str
    problem: Problem

    def document(self) -> dict[str, Any]:
        """Return it as a line of the report."""
        told = {"line": self.line, "status": self.status, "command": self.command, "id": self.id}
        problem: dict[str, Any] = msgspec.to_builtins(self.problem)
        return told | problem


class Report:
    """Counts what became of the lines, and keeps or writes every refusal."""

    def __init__(self, out: Out, file: IO[str] | None) -> None:
        """Take where refusals are told; *file* gets each as a document."""
        self.counts: Counter[str] = Counter()
        self.newest: dict[str, str] = {}  # tenant -> the highest sequence that an answer had
        self.refusals: list[dict[str, Any]] = []
        self._out = out
        self._file = file
        self._told = 0

    def add(self, line: Wish | BadLine, answer: Answer | None) -> None:
        """Count what became of *line*; *answer* is None where it was not sent."""
        self.counts["lines"] += 1
        if isinstance(line, BadLine):
            self._refuse(line.number, "invalid", line.name, "", line.problems)
        elif answer is None:
            self.counts["valid"] += 1
        elif isinstance(answer, Accepted):
            self.counts["accepted" if answer.events else "unchanged"] += 1
            self.counts["warnings"] += len(answer.warnings)
            if answer.sequence > self.newest.get(line.tenant, ""):
                self.newest[line.tenant] = answer.sequence
        else:
            name = f"{line.command.AGGREGATE} {line.command.NAME}"
            self._refuse(line.number, answer.__struct_config__.tag, name, line.command.id, answer.errors)

    def _refuse(self, number: int, status: Any, name: str, id_: str, problems: list[Problem]) -> None:
        self.counts[status] += 1
        for problem in problems:
            refusal = Refusal(number, status, name, id_, problem)
            if self._file is not None:
                self._file.write(msgspec.json.encode(refusal.document()).decode() + "\n")
            if self._out.as_json:
                self.refusals.append(refusal.document())
            else:
                self._tell(refusal)

    def _tell(self, refusal: Refusal) -> None:
        self._told += 1
        if self._told <= SHOWN_MAX:
            field = f" ({refusal.problem.field})" if refusal.problem.field else ""
            told = f"{refusal.problem.code}{field}: {refusal.problem.message}"
            self._out.note(f"line {refusal.line}: {refusal.status}: {told}")
        elif self._told == SHOWN_MAX + 1:
            self._out.note("More are not shown here: --report FILE has every one.")

    @property
    def bad(self) -> int:
        """How many lines were not accepted."""
        return self.counts["invalid"] + self.counts["refused"] + self.counts["failed"]


async def send_all(lines: Lines, file: IO[bytes], send: Send, done: Done) -> None:
    """Send every command in *file*, IN_FLIGHT at a time and in order where one needs another; *done* gets each."""
    order = InOrder(IN_FLIGHT)

    async def sent(wish: Wish) -> None:
        done(wish, await send(wish.tenant, wish.command))

    try:
        async for line in lines_of(file):
            found = lines.read(line)
            if isinstance(found, Wish):
                await order.begin(found, sent)
            elif found is not None:
                done(found, None)
        await order.finish()
    finally:
        order.cancel()


async def check_all(lines: Lines, file: IO[bytes], done: Done) -> None:
    """Hold every line of *file* against the contracts and send nothing."""
    async for line in lines_of(file):
        if (found := lines.read(line)) is not None:
            done(found, None)


def _import(where: Where, out: Out, *, file: IO[bytes], dry_run: bool, report: str | None) -> int:
    """Send the commands in FILE (- for standard input): NDJSON, one command a line.

    A line is {"aggregate": "goal", "command": "create_goal", "title": ..., ...}; `tenant` and `actor` are yours
    where it names none. A `command_id` that is missing is made from what the line says, so that the same file can
    be imported again: what was accepted before is not done twice. Lines about one aggregate, or about each other,
    are done in order. The exit status is 1 where any line was not accepted.
    """
    lines = Lines(tenant=lambda: where.tenant, actor=lambda: where.actor)
    with ExitStack() as stack:
        told = Report(out, stack.enter_context(_report(report)) if report else None)
        advance = stack.enter_context(bar(out, file))

        def done(line: Wish | BadLine, answer: Answer | None) -> None:
            told.add(line, answer)
            advance(line.size)

        interrupted = False
        try:
            asyncio.run(check_all(lines, file, done) if dry_run else _send(where, lines, file, done))
        except KeyboardInterrupt:
            interrupted = True
            out.note("Interrupted: import the same file again, what was done is not done twice.")
        for tenant, sequence in told.newest.items():
            where.saw(tenant, sequence)
    names = ("lines", "valid", "accepted", "unchanged", "refused", "invalid", "failed", "warnings")
    if out.as_json:
        refusals = sorted(told.refusals, key=lambda refusal: int(refusal["line"]))
        out.document({name: told.counts[name] for name in names} | {"refusals": refusals})
    else:
        out.line(", ".join(f"{told.counts[name]} {name}" for name in names if told.counts[name]) or "0 lines")
    return INTERRUPTED if interrupted else REFUSED if told.bad else 0


async def _send(where: Where, lines: Lines, file: IO[bytes], done: Done) -> None:
    from milepost.asking import Asker

    async with connection(where, lasting=True) as nc:
        await send_all(lines, file, Reached(Asker(nc, "cli", patience_s=PATIENCE_S)).command, done)


@contextmanager
def _report(path: str) -> Iterator[IO[str]]:
    try:
        with open(path, "w", encoding="utf-8") as file:  # noqa: PTH123  the same for a path like /dev/fd/3
            yield file
    except OSError as error:
        raise misused("report_unwritable", f"{path}: {error.strerror}.", "report") from error


@contextmanager
def bar(out: Out, file: IO[bytes]) -> Iterator[Callable[[int], None]]:
    """Give what is called with the bytes of each line that is done: a bar on a terminal, nothing elsewhere."""
    if not out.err_terminal:
        yield lambda _: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

    size = os.fstat(file.fileno()).st_size or None  # a pipe has none
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(file=out.err), transient=True) as bar:
        task = bar.add_task("Importing", total=size)
        yield lambda more: bar.advance(task, more)


def import_() -> Verb:
    """Return `import`."""
    params: list[click.Parameter] = [
        click.Argument(["file"], metavar="FILE", type=click.File("rb"), help="NDJSON commands; - for standard input"),
        click.Option(["--dry-run"], is_flag=True, help="only hold every line against the contracts; send nothing"),
        click.Option(["--report"], metavar="FILE", help="write every refusal there, as NDJSON"),
    ]
    return Verb("import", _import, params, examples=["milepost import goals.ndjson --as maya --report refused.ndjson"])
