"""The plugin that plugins/README.md shows whole is written down, tested and packed; tests/cli runs its commands."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
README = (ROOT / "plugins/README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", README, re.DOTALL | re.MULTILINE)
(COMMANDS,) = [text.splitlines() for language, text in BLOCKS if language == "sh"]
FILES = {match[1]: text for language, text in BLOCKS if language != "sh" and (match := re.match(r"# (\S+)\n", text))}
RUN_S_MAX = 300
COMMANDS_MAX = 8


def run(folder: Path, *lines: str) -> subprocess.CompletedProcess[str]:
    """Type *lines* into one shell, in *folder*, with the programs of this environment first."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MILEPOST_")}
    environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{environment['PATH']}"
    # pytest-asyncio, which an author does not have, says something of its own about projects without its settings.
    environment["PYTEST_ADDOPTS"] = "-p no:asyncio -p no:cacheprovider"
    return subprocess.run(
        ["bash", "-e", "-c", "\n".join(lines)],
        cwd=folder, env=environment, capture_output=True, text=True, timeout=RUN_S_MAX, check=False,
    )  # fmt: skip


def test_there_is_no_block_that_is_not_run() -> None:
    """Commands are one block, and every other block is a file with its name in the first line."""
    assert {language for language, _ in BLOCKS} == {"sh", "python", "toml"}
    assert len(FILES) == len(BLOCKS) - 1
    assert len(COMMANDS) <= COMMANDS_MAX


def test_the_whole_plugin_works(tmp_path: Path) -> None:
    """The plugin of the README, with its test and packaging, passes as it stands there."""
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)
    ran = run(tmp_path, "python -m pytest -q")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "4 passed" in ran.stdout
    assert tomllib.loads(FILES["pyproject.toml"])["project"]["entry-points"]["milepost.plugins"]["applause"]


def test_its_packaging_is_a_distribution(tmp_path: Path) -> None:
    """It builds, and what is built holds the module and its entry point."""
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)
    pip = "python -m pip --disable-pip-version-check wheel --no-index --no-deps --no-build-isolation"
    ran = run(tmp_path, f"{pip} --wheel-dir wheels .", "python -m zipfile -l wheels/*.whl")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "milepost_applause.py" in ran.stdout
    assert "entry_points.txt" in ran.stdout


@pytest.mark.parametrize("name", FILES)
def test_a_file_is_short(name: str) -> None:
    """A whole plugin is read in one sitting."""
    assert len(FILES[name].splitlines()) < 75
