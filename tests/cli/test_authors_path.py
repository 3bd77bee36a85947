"""The way of an author is gone as plugins/README.md has it: from nothing to a plugin that runs, in eight commands."""

from __future__ import annotations

import os
import re
import signal
import site
import subprocess
import sys
import venv
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.cli.test_plugins import until
from tests.cli.test_plugins_writing import heard
from tests.support.serving import STOP_S_MAX

ROOT = Path(__file__).parents[2]
README = (ROOT / "plugins/README.md").read_text(encoding="utf-8")
RUN_S_MAX = 120
PROGRAMS = ("milepost", "pip", "pytest")
SERVER = "nats-server"  # brought by a package of Milepost's, beside the programs
# Nothing is fetched: what a plugin needs is there already, and so is what builds it.
OFFLINE = {"PIP_NO_INDEX": "1", "PIP_NO_BUILD_ISOLATION": "0", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}


class Author:
    """Types commands in a folder, in an environment that has Milepost and pytest, and holds what is installed."""

    def __init__(self, folder: Path) -> None:
        """Make the environment: it sees what this one has, and what is installed into it this one does not see."""
        self.folder = folder
        self._programs = folder / "venv/bin"
        venv.create(folder / "venv", with_pip=False)
        (own,) = (folder / "venv/lib").glob("python*/site-packages")
        lines = [f"import site; site.addsitedir({seen!r})\n" for seen in site.getsitepackages()]
        (own / "seen.pth").write_text("".join(lines))
        for program in PROGRAMS:
            script = self._programs / program
            script.write_text(f'#!/bin/sh\nexec "{self._programs / "python"}" -m {program} "$@"\n')
            script.chmod(0o755)
        (self._programs / SERVER).symlink_to(Path(sys.executable).parent / SERVER)

    def environment(self) -> dict[str, str]:
        """Return the variables of a shell in which it is active."""
        environment = {name: value for name, value in os.environ.items() if not name.startswith("MILEPOST_")}
        environment["PATH"] = f"{self._programs}{os.pathsep}{environment['PATH']}"
        # pytest-asyncio, which an author does not have, says something of its own about projects without its settings.
        return environment | OFFLINE | {"PYTEST_ADDOPTS": "-p no:asyncio -p no:cacheprovider"}

    def typed(self, command: str) -> subprocess.CompletedProcess[str]:
        """Return what *command* came to."""
        return subprocess.run(
            command.split(), cwd=self.folder, env=self.environment(), capture_output=True, text=True,
            timeout=RUN_S_MAX, check=False,
        )  # fmt: skip

    def done(self, command: str) -> str:
        """Return what *command*, which succeeds, says."""
        ran = self.typed(command)
        assert ran.returncode == 0, f"{command}: {ran.stdout}{ran.stderr}"
        return ran.stdout + ran.stderr

    @contextmanager
    def going(self, command: str, **variables: str) -> Iterator[subprocess.Popen[str]]:
        """Give *command* as it goes on, with what it notes in `author.log`; Ctrl-C, which it takes well, ends it."""
        environment = self.environment() | variables
        with (
            (self.folder.parent / "author.log").open("a") as log,
            subprocess.Popen(
                command.split(), stdout=subprocess.PIPE, stderr=log, text=True, cwd=self.folder, env=environment
            ) as process,
        ):
            try:
                yield process
                process.send_signal(signal.SIGINT)
                process.communicate(timeout=STOP_S_MAX)
            finally:
                process.kill()
        assert process.returncode == 0


def test_the_whole_path(tmp_path: Path) -> None:
    """Written, tested, checked, tried and edited, installed, served, shown: each command does what it is there for."""
    (block,) = re.findall(r"^```sh\n(.*?)^```$", README, re.DOTALL | re.MULTILINE)
    new, enter, test, check, dev, install, serve, show = block.splitlines()
    author = Author(tmp_path)
    assert "thank-you/pyproject.toml" in author.done(new)
    author.folder /= enter.removeprefix("cd ")
    assert "8 passed" in author.done(test)
    assert "Nothing to put right." in author.done(check)
    with author.going(dev) as process:
        heard(process, "effect tell")
        code = author.folder / "milepost_thank_you/__init__.py"
        code.write_text(code.read_text().replace('context.effect("tell"', 'context.effect("cheer"'))
        heard(process, "effect cheer")
    assert "Successfully installed milepost-thank-you-0.1.0" in author.done(install)
    with author.going(serve, MILEPOST_NATS_PORT="0", MILEPOST_HTTP_PORT="0") as process:
        heard(process, "ready nats=")
        shown = until(lambda: rewarded(author.done(show)))
        assert re.search(r"^state +running$", shown, re.MULTILINE)
        assert re.search(r"^health +well$", shown, re.MULTILINE)
    subprocess.run(["git", "init", "-q"], cwd=author.folder, check=True)
    listed = subprocess.run(
        ["git", "add", "--all", "--dry-run"], cwd=author.folder, check=True, capture_output=True, text=True
    )
    assert "'pyproject.toml'" in listed.stdout
    assert "data/" not in listed.stdout, "what is in data/ are keys and people's words, and goes into no repository"


def rewarded(shown: str) -> str:
    """Return what is *shown*, once the two milestones of the sample that stand are rewarded."""
    return shown if re.search(r"^grants +2$", shown, re.MULTILINE) else ""


@pytest.mark.parametrize("line", ["pip install", "requirements.lock", "contracts", "pytest"])
def test_how_one_gets_milepost_is_said(line: str) -> None:
    """Before the first command it stands what has to be installed, and how."""
    before, _, _ = README.partition("```sh\n")
    assert line in before.partition("## Ten minutes")[2]
