"""The command line as a process: fast to start, ending as shells expect."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

from tests.support.serving import STOP_S_MAX
from tests.support.shell import Shell

MILEPOST = [sys.executable, "-m", "milepost"]
# Each costs more than all that help needs.
HEAVY = ("nats", "rich", "cryptography", "faststream", "eventsourcing", "asyncio")


@pytest.mark.parametrize("line", ["--help", "goal --help", "goal create --help", "settings"])
def test_help_imports_nothing_heavy(line: str) -> None:
    """What a verb needs is imported when it runs, so that help is there at once."""
    allowed = ("asyncio",) if line.startswith("goal create") else ()
    program = f"""
import sys
from milepost.cli.app import run
status = run({line.split()!r})
print([name for name in {HEAVY!r} if name in sys.modules and name not in {allowed!r}], file=sys.stderr)
sys.exit(status)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stderr.splitlines()[-1] == "[]"


def test_a_reader_that_has_seen_enough(shell: Shell) -> None:
    """`milepost watch | head -1` ends without a complaint."""
    line = [*MILEPOST, "watch", "--since", "beginning"]
    pipe = subprocess.PIPE
    with subprocess.Popen(line, stdout=pipe, stderr=pipe, text=True, env=shell.environment()) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read().startswith("Watching")
        assert process.wait(STOP_S_MAX) == 0


def test_an_interrupted_import_says_so(shell: Shell) -> None:
    """Ctrl-C ends an import with status 130 and the sum of what was done."""
    line = [*MILEPOST, "import", "-"]
    pipe = subprocess.PIPE
    with subprocess.Popen(line, stdin=pipe, stdout=pipe, stderr=pipe, env=shell.environment()) as process:
        assert process.stdin is not None
        assert process.stderr is not None
        process.stdin.write(b"nonsense\n")
        process.stdin.flush()
        assert process.stderr.readline().startswith(b"line 1: invalid")
        process.send_signal(signal.SIGINT)
        assert process.stderr.readline().startswith(b"Interrupted")
        assert process.wait(STOP_S_MAX) == signal.SIGINT + 128
        assert process.stdout is not None
        assert process.stdout.read() == b"1 lines, 1 invalid\n"


def test_no_broker(shell: Shell) -> None:
    """Where nothing runs, the error says what to start, and that in a moment."""
    typed = shell("goal list", MILEPOST_NATS_URL="nats://127.0.0.1:1")
    assert (typed.status, typed.out) == (1, "")
    assert "no_broker" in typed.err
    assert "milepost serve" in typed.err


def test_a_wrong_key(shell: Shell) -> None:
    """A key that is none is told, with its file."""
    seed = shell.folder / "cli.nk"
    seed.write_text("nonsense")
    typed = shell("goal list", MILEPOST_NATS_SEED=str(seed))
    assert (typed.status, typed.out) == (1, "")
    assert "invalid_key" in typed.err
