"""The generator: drift is named, what was published is never rewritten."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.contracts.conftest import CONTRACTS
from tests.support.generate import main, narrowed
from tests.support.golden.documents import additions


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    """Give a copy of what is generated of the contracts."""
    for part in ("schemas", "examples/golden"):
        shutil.copytree(CONTRACTS / part, tmp_path / part)
    for file in ("upcasts.json", "examples/stream.ndjson", "examples/keys.json"):
        shutil.copyfile(CONTRACTS / file, tmp_path / file)
    return tmp_path


def bytes_of(folder: Path) -> dict[str, bytes]:
    """Return every file below *folder* with its bytes."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_nothing_drifted(capsys: pytest.CaptureFixture[str]) -> None:
    """What is committed is what the code says now; `make generate` writes it anew."""
    assert main(["--check"]) == 0, capsys.readouterr().err


@pytest.mark.parametrize(
    "file",
    ["schemas/asyncapi.json", "schemas/envelope.json", "schemas/commands/command.goal.tag_goal.json", "upcasts.json"],
)
def test_drift_is_named(copied: Path, file: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A file that was altered or lost is named by the check, which alters nothing, and is written anew without it."""
    before = bytes_of(copied)
    (copied / file).write_bytes(b"{}\n")
    assert main(["--check"], contracts=copied) == 1
    assert f"contracts/{file} is not what the code says: run `make generate`" in capsys.readouterr().err
    (copied / file).unlink()
    assert main(["--check"], contracts=copied) == 1
    assert f"contracts/{file} is missing: run `make generate`" in capsys.readouterr().err
    assert main([], contracts=copied) == 0
    assert bytes_of(copied) == before


def test_schemas_of_nothing_are_deleted(copied: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A schema that nothing generates any more is named, and deleted when writing."""
    stray = copied / "schemas" / "queries" / "stray.json"
    stray.write_bytes(b"{}")
    assert main(["--check"], contracts=copied) == 1
    assert "contracts/schemas/queries/stray.json is generated no longer: delete it" in capsys.readouterr().err
    assert main([], contracts=copied) == 0
    assert not stray.exists()


def test_examples_are_never_rewritten(copied: Path) -> None:
    """A golden example and a line of the stream stay as they are, even where the generator would make another."""
    example = copied / "examples/golden/goal.paused.v1.json"
    frozen = example.read_bytes().replace(b"2026-05-25", b"2026-05-26")
    example.write_bytes(frozen)
    stream = copied / "examples/stream.ndjson"
    lines = stream.read_bytes().replace(b"2026-05-25", b"2026-05-26")
    stream.write_bytes(lines)
    assert main([], contracts=copied) == 0
    assert (example.read_bytes(), stream.read_bytes()) == (frozen, lines)


def test_only_what_is_missing_is_added() -> None:
    """From nothing all is made; with the first lines there, the others follow them, and known keys stay."""
    whole = additions({})
    assert additions(whole) == {}
    lines = whole["stream.ndjson"].splitlines(keepends=True)
    begun = {"stream.ndjson": b"".join(lines[:60]), "keys.json": whole["keys.json"]}
    begun |= {path: data for path, data in whole.items() if data + b"\n" in lines[:60]}
    assert begun | additions(begun) == whole


def test_an_event_without_an_example_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """A tag that the story does not tell is an error that says where to tell it."""
    monkeypatch.setitem(additions.__globals__["EVENTS"], "goal.teleported.v1", object)
    with pytest.raises(LookupError, match=r"tell goal.teleported.v1 in tests/support/golden/"):
        additions({})


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        (["properties", "hit_on"], "/hit_on is gone"),
        (["properties", "hit_on", "format"], "/hit_on changed its form"),
        (["properties", "evidence", "default"], "/evidence changed its form"),
        (["properties", "title", "x-sealed"], "/title changed its form"),
        (["required", 2], "/ requires other members"),
        (["$defs", "Party", "properties", "role"], "/$defs/Party/role is gone"),
    ],
)
def test_a_released_event_is_never_edited(
    copied: Path, path: list[str | int], reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where the published schema promises what the code does not, check and write both refuse and say what it is."""
    # The published one has more than the code: seen from the published one, the code took something back.
    file = copied / "schemas/events/goal.milestone_hit.v1.json"
    current = json.loads(file.read_bytes())
    less = json.loads(file.read_bytes())
    parent = less
    for step in path[:-1]:
        parent = parent[step]
    del parent[path[-1]]
    assert reason in narrowed(current, less)
    assert narrowed(current, current) == []

    current["properties"]["withdrawn"] = {"type": "string"}
    file.write_text(json.dumps(current))
    for arguments in (["--check"], []):
        assert main(arguments, contracts=copied) == 1
        error = capsys.readouterr().err
        assert "goal.milestone_hit.v1.json: /withdrawn is gone; a released event is never edited" in error
    assert json.loads(file.read_bytes()) == current


def test_growing_is_allowed() -> None:
    """A member with a default, a value known now, or another description takes nothing back."""
    old = {"properties": {"kind": {"type": "string", "x-known": ["a"], "description": "x"}}, "required": ["kind"]}
    new = {
        "properties": {"kind": {"type": "string", "x-known": ["a", "b"]}, "more": {"type": "integer", "default": 0}},
        "required": ["kind"],
    }
    assert narrowed(old, new) == []
