"""The steps of replay's README for checking without us, run as they stand there, on what holds and on what does not."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.support.shell import Shell

README = Path(__file__).parents[2] / "services" / "milepost" / "replay" / "README.md"
SIGNED_S_MAX = 30.0
TOOLS = ("bash", "openssl", "xxd", "base64", "sha256sum")


@pytest.fixture(scope="module")
def steps() -> list[str]:
    """Return the commands: what is fetched, the signature, the leaf."""
    if missing := [tool for tool in TOOLS if shutil.which(tool) is None]:
        pytest.skip(f"{', '.join(missing)} not installed: the steps cannot be taken here")
    section = README.read_text(encoding="utf-8").partition("### Checking without trusting us")[2]
    found = re.findall(r"```console\n(.*?)```", section, re.DOTALL)
    assert len(found) == 3
    return found


@pytest.fixture
def fetched(steps: list[str], shell: Shell) -> Shell:
    """Give a shell in whose folder the first step was taken."""
    deadline = time.monotonic() + SIGNED_S_MAX
    while shell("checkpoint prove 3").status and time.monotonic() < deadline:
        time.sleep(0.05)
    taken(steps[0], shell)
    return shell


def taken(step: str, shell: Shell, *, well: bool = True) -> str:
    """Return what *step* prints, taken in the shell's folder."""
    programs = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    run = subprocess.run(
        ["bash", "-e", "-o", "pipefail", "-c", step],
        cwd=shell.folder, env=shell.environment() | {"PATH": programs}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (run.returncode == 0) is well, run.stdout + run.stderr
    return run.stdout


def test_what_holds_is_found_to_hold(steps: list[str], fetched: Shell) -> None:
    """OpenSSL verifies the signature with the printed key, and sha256sum leads from the event to the root."""
    assert "Signature Verified Successfully" in taken(steps[1], fetched)
    assert "The event is in the log." in taken(steps[2], fetched)


def test_what_was_changed_is_found(steps: list[str], fetched: Shell) -> None:
    """A changed letter of the event, and a changed size in the checkpoint, are found by the same steps."""
    event = fetched.folder / "event.json"
    taken(steps[1], fetched)
    event.write_bytes(event.read_bytes().replace(b'"specversion":"1.0"', b'"specversion":"1.1"'))
    taken(steps[2], fetched, well=False)
    proof = fetched.folder / "proof.json"
    text = proof.read_text(encoding="utf-8")
    proof.write_text(re.sub(r"(sample\\n\d*)(\d)\\n", lambda m: f"{m[1]}{(int(m[2]) + 1) % 10}\\n", text, count=1))
    taken(steps[1], fetched, well=False)
