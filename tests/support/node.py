"""Node and the packages of the JavaScript examples, where this machine has them."""

from __future__ import annotations

import fcntl
import functools
import shutil
import subprocess
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).resolve().parents[2] / "contracts" / "examples"
NODE_MAJOR_MIN = 18  # WebCrypto, parseArgs and Object.hasOwn as the examples use them
INSTALL_S_MAX = 180


@functools.cache
def node() -> str:
    """Return the path of node; skips the test where there is none that is new enough."""
    if (found := shutil.which("node")) is None:
        pytest.skip("node is not installed: the JavaScript reader is not tried here")
    version = subprocess.run([found, "--version"], check=True, capture_output=True, text=True).stdout
    if int(version.removeprefix("v").partition(".")[0]) < NODE_MAJOR_MIN:
        pytest.skip(f"node {version.strip()} is too old: the JavaScript reader needs {NODE_MAJOR_MIN} or newer")
    return found


@functools.cache
def packages() -> None:
    """Install what `package-lock.json` names into contracts/examples/node_modules, once; skips where that fails."""
    node()
    if (npm := shutil.which("npm")) is None:
        pytest.skip("npm is not installed: the JavaScript consumer's packages cannot be had")
    lock, installed = EXAMPLES / "package-lock.json", EXAMPLES / "node_modules" / ".package-lock.json"
    with (EXAMPLES / "package.json").open() as held:
        fcntl.flock(held, fcntl.LOCK_EX)  # tests run side by side, npm does not
        if installed.exists() and installed.stat().st_mtime >= lock.stat().st_mtime:
            return
        command = [npm, "ci", "--no-audit", "--no-fund", "--ignore-scripts"]
        run = subprocess.run(command, cwd=EXAMPLES, capture_output=True, text=True, timeout=INSTALL_S_MAX, check=False)
    if run.returncode:
        pytest.skip(f"npm ci failed in contracts/examples, no network? {run.stderr.strip()[-300:]}")
