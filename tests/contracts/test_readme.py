"""The README of the contracts: its code blocks run, its tables name what is there."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

from milepost import roles
from milepost.broker import EmbeddedBroker
from milepost_contracts.subjects import STREAM, STREAM_PLUGIN
from tests.contracts.conftest import CONTRACTS, EXAMPLES
from tests.support.node import node, packages
from tests.support.outside import let_in, stream_of

TEXT = (CONTRACTS / "README.md").read_text()
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)


def blocks(language: str) -> list[str]:
    """Return the code blocks in *language*."""
    return [code for kind, code in BLOCKS if kind == language]


def test_every_block_is_tried() -> None:
    """No code block is of a kind that no test here runs or checks."""
    assert {kind for kind, _ in BLOCKS} == {"bash", "console", "javascript", "json", "python"}
    assert TEXT.count("```") == 2 * len(BLOCKS)


@pytest.mark.parametrize("code", blocks("python"))
def test_python(code: str) -> None:
    """Each Python block runs in `contracts/`, and what it asserts holds."""
    assert "assert" in code
    run = subprocess.run(
        [sys.executable, "-c", code], cwd=CONTRACTS, capture_output=True, text=True, timeout=60, check=False
    )
    assert (run.returncode, run.stderr) == (0, "")


@pytest.mark.parametrize("code", blocks("javascript"))
def test_javascript(code: str) -> None:
    """Each JavaScript block runs in `contracts/examples/` and prints what its comments say."""
    command = [node(), "--input-type=module", "-e", code]
    run = subprocess.run(command, cwd=EXAMPLES, capture_output=True, text=True, timeout=60, check=False)
    assert (run.returncode, run.stderr) == (0, "")
    said = re.findall(r"console\.log.*// (?:.*: )?(.*)$", code, re.MULTILINE)
    assert run.stdout.splitlines() == said
    assert said


@pytest.mark.parametrize("code", blocks("json"))
def test_json(code: str) -> None:
    """The example document is the beginning of the golden one."""
    shown = json.loads(code)
    golden = json.loads((EXAMPLES / f"golden/{shown['type']}.json").read_bytes())
    assert list(shown.items()) == list(golden.items())[: len(shown)]


async def test_commands(broker: EmbeddedBroker, tmp_path: Path) -> None:
    """The two commands read the example stream from a broker, as they stand, in a copy of `examples/`."""
    packages()
    let_in(broker)
    async with stream_of(broker) as stream:
        await stream.publish((EXAMPLES / "stream.ndjson").read_bytes().splitlines())
    examples = tmp_path / "examples"
    examples.mkdir()
    for name in ("consumer.py", "consumer.mjs", "milepost.mjs", "keys.json"):
        shutil.copyfile(EXAMPLES / name, examples / name)
    shutil.copyfile(CONTRACTS / "upcasts.json", tmp_path / "upcasts.json")
    (examples / "node_modules").symlink_to(EXAMPLES / "node_modules")
    shutil.copyfile(roles.seed_path(broker.directory, "reporting"), examples / "reporting.nk")
    path = os.pathsep.join([str(Path(sys.executable).parent), str(Path(node()).parent), os.environ["PATH"]])
    (code,) = blocks("bash")
    run = subprocess.run(  # noqa: ASYNC221  the broker is another process, nothing here runs beside
        ["bash", "-euc", code],
        cwd=examples,
        env={"PATH": path, "NATS": broker.url},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    lines = run.stdout.splitlines()
    half = len(lines) // 2
    assert [json.loads(line) for line in lines[:half]] == [json.loads(line) for line in lines[half:]] != []


def test_what_is_installed() -> None:
    """The packages that it tells to install are those that the consumers need, under their names."""
    (code,) = blocks("console")
    assert code.splitlines() == ["pip install .. 'nats-py[nkeys]'", "npm ci"]
    assert "nkeys" in metadata.metadata("nats-py").get_all("Provides-Extra", [])
    assert (EXAMPLES.parent / "pyproject.toml").exists()
    assert (EXAMPLES / "package-lock.json").exists()


def test_tables_name_what_is_there() -> None:
    """Every path that the first table names exists; the streams are named as they are."""
    table = TEXT.partition("| here |")[2].partition("\n\n")[0]
    paths = [
        path for cell in re.findall(r"^\| (.*?) \|", table, re.MULTILINE) for path in re.findall(r"`([^`]+)`", cell)
    ]
    assert len(paths) > 5
    for path in paths:
        assert (CONTRACTS / path).exists(), path
    assert f"`{STREAM}`" in TEXT
    assert f"`{STREAM_PLUGIN}`" in TEXT


def test_the_lock_names_no_address() -> None:
    """The JavaScript lock pins every package by its hash and names no place to fetch it from."""
    lock = json.loads((EXAMPLES / "package-lock.json").read_bytes())
    packages_in_it = {name: entry for name, entry in lock["packages"].items() if name}
    assert len(packages_in_it) > 2
    for entry in packages_in_it.values():
        assert entry["integrity"].startswith("sha512-")
        assert "resolved" not in entry
        assert entry["license"] in {"Apache-2.0", "Unlicense"}
