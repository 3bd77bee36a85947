"""Milepost itself is started: everything in one process, or one stage; and its settings are shown."""

from __future__ import annotations

import contextlib
import re
import sys
from collections.abc import Coroutine, Iterator
from pathlib import Path
from typing import Any, TextIO

import click

from milepost.cli.errors import failed, misused
from milepost.cli.out import Out
from milepost.cli.verbs import Parted, Verb
from milepost.cli.where import Where
from milepost.settings import described, resolve

STAGES = ("accept", "publish", "react", "replay", "view")
LATER = ("web",)
EVERYDAY = ("data_dir", "nats_port", "http_port")  # what somebody who tries it out may want to change
_PASSWORD = re.compile(r"(?<=://)([^:/@]*):[^@/]*@")


def _flags() -> list[click.Parameter]:
    """Return a flag for every setting; what it may be is checked where settings are resolved."""
    return [
        Parted(
            [f"--{name.replace('_', '-')}", name],
            part="Options" if name in EVERYDAY else "Settings",
            metavar="N" if isinstance(default, int) else "DIR" if name.endswith("_dir") else "VALUE",
            help=f"{told}" + ("" if default == "" else f" [default: {default}]"),
        )
        for name, told, default in described()
    ]


def _settings_of(flags: dict[str, Any]) -> Any:
    from milepost.settings import SettingsError

    try:
        return resolve(flags)
    except SettingsError as error:
        raise misused(error.code, str(error), error.setting) from error


@contextlib.contextmanager
def _log_of(data_dir: str) -> Iterator[TextIO]:
    """Give where the log goes: standard error, but a file beside the data where a person reads the terminal."""
    if not sys.stderr.isatty():
        yield sys.stderr
        return
    path = Path(data_dir) / "milepost.log"
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with path.open("a", encoding="utf-8", buffering=1) as log:
        yield log


def _until_stopped(work: Coroutine[Any, Any, None]) -> None:
    """Run *work* to its end; raises VerbError where a part does not come up, or ends while it should run."""
    import asyncio

    from milepost.broker import BrokerError
    from milepost.database import DatabaseError
    from milepost.journal import JournalError
    from milepost.permissions import RoleError
    from milepost.publish.streams import StreamError
    from milepost.sample.loading import SampleError

    try:
        asyncio.run(work)
    except (BrokerError, DatabaseError, JournalError, RoleError, StreamError) as error:
        raise failed(error.code, f"{str(error).rstrip('.')}.") from error
    except SampleError as error:
        raise failed("sample_failed", f"{str(error).rstrip('.')}.") from error
    except OSError as error:
        # A port that is taken, a folder that may not be written to.
        raise failed(
            "not_started", f"{str(error).rstrip('.')}.", hint="--nats-port and --http-port choose other ports."
        ) from error


def _serve(_: Where, out: Out, *, sample: bool, **flags: Any) -> None:
    """Run every part in one process, with an embedded broker and SQLite; a line `ready` says when all are up.

    Ctrl-C or SIGTERM ends it: what was accepted is committed and answered first.
    """
    from milepost import logs, serving

    settings = _settings_of(flags).settings
    with _log_of(settings.data_dir) as log:
        logs.configure(log, level=settings.log_level)
        _until_stopped(serving.serve(settings, sample=sample, announce=out.line))


def serve() -> Verb:
    """Return `serve`."""
    sample = click.Option(["--sample"], is_flag=True, help="load the sample programme the first time")
    examples = ["milepost serve --sample --data-dir data"]
    return Verb("serve", _serve, [sample, *_flags()], examples=examples, where=False)


def _run(_: Where, out: Out, *, stage: str, **flags: Any) -> None:
    """Run one stage against the broker and the databases that the settings name, until SIGTERM.

    STAGE is accept, publish, react, replay or view.
    """
    if stage in LATER:
        message = f"The stage {stage!r} comes later; there are {', '.join(STAGES)}."
        raise misused("stage_later", message, "stage")
    if stage not in STAGES:
        raise misused("stage_unknown", f"There is no stage {stage!r}; there are {', '.join(STAGES)}.", "stage")
    from milepost import logs, serving

    settings = _settings_of(flags).settings
    logs.configure(level=settings.log_level)
    _until_stopped(serving.run_stage(stage, settings, out.line))


def run() -> Verb:
    """Return `run`."""
    stage = click.Argument(["stage"], metavar="STAGE", help="one of " + ", ".join(STAGES))
    examples = ["milepost run view --nats-url nats://127.0.0.1:4222"]
    return Verb("run", _run, [stage, *_flags()], examples=examples, where=False)


def _settings(_: Where, out: Out, *, as_json: bool, **flags: Any) -> None:
    """Show every setting: its value, where it came from, what it is. Passwords in addresses are not shown."""
    resolved = _settings_of(flags)
    told = {name: text for name, text, _ in described()}
    rows = [
        {
            "setting": name,
            "value": _PASSWORD.sub(r"\1:***@", value)
            if isinstance(value := getattr(resolved.settings, name), str)
            else value,
            "source": resolved.sources[name],
            "what": text,
        }
        for name, text in told.items()
    ]
    if as_json:
        Out(as_json=True).document(rows)
        return
    out.table(("setting", "value", "from", "what"), [[str(value) for value in row.values()] for row in rows])


def settings() -> Verb:
    """Return `settings`."""
    documents = click.Option(["--json", "as_json"], is_flag=True, help="a document for programs instead of text")
    examples = ["milepost settings --nats-port 4333"]
    return Verb("settings", _settings, [documents, *_flags()], examples=examples, where=False)
