"""A plugin is begun and checked: `new` writes a distribution that works, `check` says what to put right in one."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from milepost.cli.errors import REFUSED, failed, misused
from milepost.cli.out import Out
from milepost.cli.plugins_source import Files, Source, by_name, in_folder
from milepost.cli.progress import progress
from milepost.cli.verbs import Verb
from milepost.cli.where import Where

if TYPE_CHECKING:
    from milepost_contracts.testing.checking import Checked

CHECK_S = 900.0  # a dozen times everything that happens, by a plugin that is slow: then something hangs


def _new(_: Where, out: Out, *, name: str, template: str, folder: str | None, as_json: bool) -> None:
    """Write a plugin that works: a distribution of its own with code, tests, packaging, CI and a README."""
    from milepost.cli.new_plugin import new_plugin

    path = Path(folder or name)
    written = new_plugin(path, name, template)
    if as_json:
        Out(as_json=True).document({"folder": str(path), "files": [str(file.relative_to(path)) for file in written]})
        return
    for file in written:
        out.line(str(file))
    out.note(f"Next: cd {path} && pytest, then `milepost plugins dev .` and `milepost plugins check .`.")


def new() -> Verb:
    """Return `plugins new`."""
    from milepost.cli.new_plugin import TEMPLATES

    about = "; ".join(f"{name} {what}" for name, what in TEMPLATES.items())
    params: list[click.Parameter] = [
        click.Argument(["name"], metavar="NAME", help="what it is to be called, such as thank-you"),
        click.Option(
            ["--template"], type=click.Choice(list(TEMPLATES)), default="reward", show_default=True, help=about
        ),
        click.Option(["--folder"], metavar="DIR", help="where to write it [default: NAME, here]"),
        click.Option(["--json", "as_json"], is_flag=True, help="a document for programs instead of text"),
    ]
    return Verb("new", _new, params, examples=["milepost plugins new thank-you --template reward"], where=False)


def file_options() -> list[click.Parameter]:
    """Return the options that say which plugin of a folder, and how it is configured."""
    return [
        click.Option(["--name"], metavar="NAME", help="which plugin, where a folder has several"),
        click.Option(
            ["--config"], metavar="FILE", help="its configuration [default: config.toml beside pyproject.toml]"
        ),
        click.Option(["--secrets"], metavar="FILE", help="its secrets [default: secrets.toml beside pyproject.toml]"),
    ]


def _check(where: Where, out: Out, *, plugin: str, name: str | None, config: str | None, secrets: str | None) -> int:
    """Check a plugin: the one whose source lies in a folder, without installing it, or an installed one by its name.

    Everything that can happen happens to it, in every mode, twice, after restarts: what is not idempotent, what fails,
    what is slow, what stays of a person who was erased or of a reward whose cause was taken back, is told with what to
    do. Nothing leaves the machine. The exit status is 1 where a finding is an error.
    """
    source = _source(where, plugin, name, Files(config, secrets))
    with progress(out, f"Checking {source.name}"):
        checked = asyncio.run(_checked(source))
    if out.as_json:
        out.document(checked)
    else:
        _told(out, source, checked)
    return 0 if checked.passed else REFUSED


def _source(where: Where, plugin: str, name: str | None, files: Files) -> Source:
    folder = Path(plugin)
    if folder.is_dir() or "/" in plugin or "\\" in plugin:
        return in_folder(folder, files, name)
    if name is not None:
        raise misused("bad_usage", "--name chooses among the plugins of a folder.", "name")
    return by_name(plugin, files, Path(where.settings.plugins_dir))


async def _checked(source: Source) -> Checked:
    from milepost.cli.plugins_child import Failed, Report
    from milepost.cli.plugins_process import child, hello
    from milepost_contracts.testing.checking import Checked

    async with child(source, hello("check", source)) as running:
        async for frame in running.frames(CHECK_S):
            if isinstance(frame, Report):
                return msgspec.convert(frame.checked, Checked)
            if isinstance(frame, Failed):
                raise failed(frame.code, f"{frame.error}.")
    raise failed("exited", "The plugin's process ended before the check did.")


def _told(out: Out, source: Source, checked: Checked) -> None:
    rows = [[one.severity, one.code, one.place, one.message] for one in checked.findings]
    out.table(("", "code", "where", "what to do"), rows, empty="Nothing to put right.")
    if not checked.events:
        return
    out.line()
    seen = f"{checked.events} events, {checked.ms_mean:g} ms each, at the most {checked.ms_max:g} ms"
    out.pairs(
        [
            ("plugin", checked.plugin or source.name),
            ("seen", seen),
            ("came to", _counts(checked, "effects", "commands", "facts", "grants")),
            ("timers", f"{checked.timers} called" if checked.timers else ""),
            ("keeps", f"{checked.kept} keys" if checked.kept else ""),
        ]
    )


def _counts(checked: Checked, *names: str) -> str:
    counted = [(getattr(checked, name), name) for name in names]
    return ", ".join(f"{count} {name}" for count, name in counted if count) or "nothing"


def check() -> Verb:
    """Return `plugins check`."""
    params: list[click.Parameter] = [
        click.Argument(
            ["plugin"], metavar="[FOLDER|NAME]", default=".", help="source folder, or name of an installed one"
        ),
        *file_options(),
    ]
    return Verb("check", _check, params, examples=["milepost plugins check thank-you"], asks=False)
