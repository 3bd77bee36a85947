"""A shell for tests: lines are typed, what was printed and the exit status come back."""

from __future__ import annotations

import contextlib
import io
import os
import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from milepost.cli.app import run

OWN = "MILEPOST_"


class Typed(NamedTuple):
    """What a line printed, and how it ended."""

    status: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        """The one JSON document that was printed."""
        return msgspec.json.decode(self.out)


class Shell:
    """Runs lines in this process, with *variables* and in *folder*; no other `MILEPOST_*` variable is seen."""

    def __init__(self, folder: Path, **variables: str) -> None:
        """Keep the surroundings."""
        self.folder = folder
        self.variables = variables

    def __call__(self, line: str, **variables: str) -> Typed:
        """Type *line*, the word `milepost` left out or not."""
        words = shlex.split(line)
        words = words[1:] if words[:1] == ["milepost"] else words
        out, err = io.StringIO(), io.StringIO()
        with (
            _surrounded(self.folder, self.variables | variables),
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(err),
        ):
            status = run(words)
        return Typed(status, out.getvalue(), err.getvalue())

    def done(self, line: str, **variables: str) -> Typed:
        """Type *line*, which has to succeed."""
        typed = self(line, **variables)
        assert typed.status == 0, f"{line}\n{typed.out}{typed.err}"
        return typed

    def environment(self) -> dict[str, str]:
        """Return the surroundings for a process of its own."""
        return {name: value for name, value in os.environ.items() if not name.startswith(OWN)} | self.variables


@contextlib.contextmanager
def _surrounded(folder: Path, variables: Mapping[str, str]) -> Iterator[None]:
    before, here = dict(os.environ), Path.cwd()
    for name in before:
        if name.startswith(OWN):
            del os.environ[name]
    os.environ.update(variables)
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(here)
        os.environ.clear()
        os.environ.update(before)
