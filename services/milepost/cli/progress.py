"""Long work shows how far it is: a bar on a terminal, nothing elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from milepost.cli.out import Out

Advance = Callable[[int, int], None]


@contextmanager
def progress(out: Out, what: str) -> Iterator[Advance]:
    """Give what is called with (done, total) of a long work: a bar on a terminal, nothing elsewhere."""
    if not out.err_terminal or out.as_json:
        yield lambda _done, _total: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(file=out.err), transient=True) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
