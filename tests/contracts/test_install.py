"""`milepost-contracts` installs alone, and alone reads events and opens their words."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import zipfile
from importlib import metadata
from pathlib import Path

import pytest

from tests.contracts.conftest import CONTRACTS, EXAMPLES

BUILD_S_MAX = 120
# What the distribution depends on, and what those depend on in turn (cffi is cryptography's).
ALLOWED = ("msgspec", "pluggy", "cryptography", "cffi", "pycparser")
READ = """
import json, sys
sys.path[:0] = sys.argv[1:3]
from milepost_contracts import envelope, sealing
entries = json.load(open(sys.argv[4]))["keys"]
keys = {entry["kid"]: sealing.SealingKey.from_text(entry["kid"], entry["key"]) for entry in entries}
document = envelope.decode(open(sys.argv[3], "rb").read())
print(json.dumps(sealing.open_data(document, keys)))
print(type(sealing.open_event(document, keys)).__name__)
print(json.dumps(sorted({name.partition(".")[0] for name in sys.modules})))
"""
EVERYTHING = """
import importlib, pkgutil, sys
sys.path[:0] = sys.argv[1:3]
import milepost_contracts
for module in pkgutil.walk_packages(milepost_contracts.__path__, "milepost_contracts."):
    if not module.name.endswith("testing.fixtures"):  # for authors of plugins, who have pytest
        importlib.import_module(module.name)
        print(module.name)
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the built wheel; nothing is fetched for it."""
    folder = tmp_path_factory.mktemp("wheel")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "wheel", "--no-index", "--no-deps"]
    run = subprocess.run(
        [*pip, "--no-build-isolation", "--wheel-dir", str(folder), str(CONTRACTS)],
        capture_output=True,
        text=True,
        timeout=BUILD_S_MAX,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def alone(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Give two folders for sys.path: the installed wheel, and its dependencies with nothing beside them."""
    installed, dependencies = tmp_path_factory.mktemp("installed"), tmp_path_factory.mktemp("dependencies")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--no-index", "--no-deps"]
    run = subprocess.run(
        [*pip, "--target", str(installed), str(wheel)], capture_output=True, text=True, timeout=BUILD_S_MAX, check=False
    )
    assert run.returncode == 0, run.stderr
    for name in ALLOWED:
        for file in metadata.files(name) or []:
            top = Path(str(file)).parts[0]
            if not top.endswith(".dist-info") and top != ".." and not (dependencies / top).exists():
                (dependencies / top).symlink_to(Path(str(metadata.distribution(name).locate_file(top))))
    return [str(installed), str(dependencies)]


def python(script: str, *arguments: str) -> list[str]:
    """Run *script* with nothing but the standard library and what it puts on its path; return its lines."""
    run = subprocess.run(
        [sys.executable, "-I", "-S", "-c", script, *arguments], capture_output=True, text=True, timeout=60, check=False
    )
    assert run.returncode == 0, run.stderr
    return run.stdout.splitlines()


def test_opens_a_golden_example(alone: list[str]) -> None:
    """With msgspec, pluggy and cryptography alone it reads an event and opens its words, and loads no more of ours."""
    example, keys = EXAMPLES / "golden/goal.check_in_held.v1.json", EXAMPLES / "keys.json"
    members, kind, modules = python(READ, *alone, str(example), str(keys))
    assert json.loads(members)["wins"] == ["The first outline stands", "A colleague asked when it will be"]
    assert kind == "CheckInHeld"
    assert not {"milepost", "eventsourcing", "nats", "faststream", "structlog", "click"} & set(json.loads(modules))


def test_every_module_imports(alone: list[str]) -> None:
    """No module of the distribution needs more than it depends on."""
    modules = python(EVERYTHING, *alone)
    assert {"milepost_contracts.asyncapi", "milepost_contracts.queries", "milepost_contracts.strict"} <= set(modules)


def test_what_the_wheel_says(wheel: Path) -> None:
    """The wheel carries the package with its types, and names three dependencies and its licence."""
    with zipfile.ZipFile(wheel) as built:
        names = built.namelist()
        (about,) = (built.read(name).decode() for name in names if name.endswith("METADATA"))
    assert "milepost_contracts/py.typed" in names
    assert all(name.startswith(("milepost_contracts/", "milepost_contracts-")) for name in names)
    needed = {re.split("[<>=]", line)[0] for line in re.findall(r"^Requires-Dist: *(\S+)", about, re.MULTILINE)}
    assert needed == {"cryptography", "msgspec", "pluggy"}
    assert "License-Expression: Apache-2.0" in about
    assert any(name.endswith("licenses/LICENSE") for name in names)
