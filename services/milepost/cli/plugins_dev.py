"""`plugins dev`: a plugin runs over the sample's history, or along a running Milepost, and anew with each save."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from milepost.cli.errors import REFUSED, VerbError, misused
from milepost.cli.out import Out
from milepost.cli.plugins_source import Files, Source, in_folder
from milepost.cli.plugins_writing import file_options
from milepost.cli.verbs import Verb
from milepost.cli.where import Names, Where

if TYPE_CHECKING:
    from milepost.cli.plugins_along import Along
    from milepost_contracts.plugin import Mode

LOOK_S = 0.25  # how often files are looked at: sooner than a hand is off the keys
STILL_S = 0.15  # an editor writes a file in several steps: the last of them counts
MODES = ("live", "replay", "dry_run")
# What changes by itself while a plugin is written, and is no part of it.
_PASSED = {"__pycache__", "node_modules", "build", "dist", "venv"}
_DATA = "data"

Seen = dict[Path, tuple[int, int]]
"""File -> when it was written (ns), and its size."""


def _dev(where: Where, out: Out, **given: Any) -> int:
    """Run a plugin from its source folder over the history of the sample programme, and again with each save.

    Printed is what it wants of each event: effects (which are not performed), commands, facts, timers, lines of its
    log; failures with their traceback; after a save, what changed. Time passes as it did in the story, so timers are
    called. With --live it goes along with a running Milepost instead, in dry run, with the words that you may read.
    Ctrl-C ends it. With --once the exit status is 1 where something failed.
    """
    if given["live"] and given["mode"] not in (None, "dry_run"):
        raise misused("bad_usage", "A running Milepost is followed in dry run alone.", "mode")
    if given["since"] is not None and not given["live"]:
        raise misused("bad_usage", "--since goes with --live.", "since")
    if given["live"] and given["once"]:
        raise misused("bad_usage", "--live goes on; take --once without it.", "once")
    try:
        return asyncio.run(_tried(where, out, given))
    except KeyboardInterrupt:
        return 0


async def _tried(where: Where, out: Out, given: dict[str, Any]) -> int:
    from milepost.cli.plugins_runs import Runs

    folder, files = Path(given["folder"]), Files(given["config"], given["secrets"])
    source = in_folder(folder, files, given["name"])  # what is wrong at first ends the verb
    async with _along(where, out, given) as (along, names):
        mode: Mode = given["mode"] or ("dry_run" if given["live"] else "live")
        trying = Runs(out, along, names, mode=mode)
        while True:
            seen = snapshot(source)
            going = asyncio.create_task(trying.run(source))
            changing = asyncio.create_task(changed(source, seen))
            try:
                await asyncio.wait([going] if given["once"] else [going, changing], return_when=asyncio.FIRST_COMPLETED)
                if going.done():
                    failures = await going
                    if given["once"]:
                        return REFUSED if failures else 0
                    out.note(f"Waiting for a change in {folder}; Ctrl-C ends it.")
                    await changing
            finally:
                await _end(going, changing)
            source = await _read(out, folder, files, given["name"], source)


async def _read(out: Out, folder: Path, files: Files, name: str | None, before: Source) -> Source:
    """Return the plugin as it is now; while its files cannot be read, say why and wait for the next change."""
    while True:
        seen = snapshot(before)
        try:
            return in_folder(folder, files, name)
        except VerbError as error:
            out.error(error)
        await changed(before, seen)


async def _end(*tasks: asyncio.Task[Any]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


@asynccontextmanager
async def _along(where: Where, out: Out, given: dict[str, Any]) -> AsyncIterator[tuple[Along, Names]]:
    """Give the events to go along, and the names of people and goals in them."""
    from milepost.cli.plugins_along import along_bus, along_sample

    if given["live"]:
        async with along_bus(where, given["since"], said=out.note) as along:
            yield along, where.names
        return
    yield await asyncio.to_thread(along_sample)


# Files


def snapshot(source: Source) -> Seen:
    """Return what the plugin's files are like now."""
    found: Seen = {}
    for watched in source.watched:
        if watched.is_dir():
            for path in _files(watched):
                _look(path, found)
        else:
            _look(watched, found)
    return found


def _files(folder: Path) -> list[Path]:
    found: list[Path] = []
    for here, folders, names in os.walk(folder):
        # Where `milepost serve` was started beside pyproject.toml, its data changes all the time.
        passed = _PASSED | {_DATA} if Path(here) == folder else _PASSED
        folders[:] = [
            name for name in folders if not name.startswith(".") and name not in passed and ".egg-" not in name
        ]
        found += [Path(here, name) for name in names if not name.startswith(".") and not name.endswith("~")]
    return found


def _look(path: Path, found: Seen) -> None:
    with contextlib.suppress(OSError):  # gone just now, which is a change too
        status = path.stat()
        found[path] = (status.st_mtime_ns, status.st_size)


async def changed(source: Source, seen: Seen) -> None:
    """Return when the plugin's files are no longer as *seen*, and stand still again."""
    now = await asyncio.to_thread(snapshot, source)
    while now == seen:
        await asyncio.sleep(LOOK_S)
        now = await asyncio.to_thread(snapshot, source)
    while True:
        await asyncio.sleep(STILL_S)
        before, now = now, await asyncio.to_thread(snapshot, source)
        if now == before:
            return


def dev() -> Verb:
    """Return `plugins dev`."""
    params: list[click.Parameter] = [
        click.Argument(["folder"], metavar="[FOLDER]", default=".", help="where the plugin's pyproject.toml lies"),
        *file_options(),
        click.Option(["--mode"], type=click.Choice(MODES), help="how the host runs it [default: live]"),
        click.Option(["--once"], is_flag=True, help="one run, for CI"),
        click.Option(["--live"], is_flag=True, help="along with a running Milepost, in dry run"),
        click.Option(["--since"], metavar="SEQUENCE|beginning", help="with --live: what came after this, too"),
    ]
    return Verb("dev", _dev, params, examples=["milepost plugins dev thank-you --once"])
