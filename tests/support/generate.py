"""Writes what is generated of the contracts, or with `--check` tells which file is not what it would write.

    python -m tests.support.generate [--check]

Schemas, the AsyncAPI document and upcasts.json are written anew. Golden examples are only ever added, and the schema of
a released event is never narrowed: what was published is read for ever.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from milepost_contracts import asyncapi, schemas
from milepost_contracts.upcasts import UPCASTS
from tests.support.golden.documents import additions

CONTRACTS = Path(__file__).resolve().parents[2] / "contracts"
FROZEN = ("examples/stream.ndjson", "examples/keys.json", "examples/golden/*.json")
ABOUT_UPCASTS = (
    "How an older form of an event is read as a newer one: JSON Patch operations (RFC 6902) on `data`, in order. "
    "A member that holds sealed words never moves, because its place is part of its seal. Every reader must make `to` "
    "of each vector's `from`."
)


def generated() -> dict[str, bytes]:
    """Return every generated file by its path below `contracts/`."""
    files = {f"schemas/{path}": _text(schema) for path, schema in schemas.files().items()}
    files["schemas/asyncapi.json"] = _text(asyncapi.document())
    table = {"description": ABOUT_UPCASTS, "upcasts": msgspec.to_builtins(list(UPCASTS.values()))}
    files["upcasts.json"] = _text(table)
    return files


def main(arguments: Sequence[str] | None = None, *, contracts: Path = CONTRACTS) -> int:
    """Write, or check; returns the exit status: 1 when something differs or would break who reads it."""
    parser = argparse.ArgumentParser(prog="python -m tests.support.generate", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; fail when a file is not what is generated")
    check = parser.parse_args(arguments).check
    files = generated()
    problems = broken_promises(contracts, files)
    try:
        added = {f"examples/{path}": data for path, data in additions(frozen(contracts)).items()}
    except LookupError as error:
        added = {}
        problems.append(str(error))
    if check:
        problems += drift(contracts, files | added)
    elif not problems:
        write(contracts, files | added)
    for problem in problems:
        print(problem, file=sys.stderr)  # noqa: T201  a command line program
    return 1 if problems else 0


def frozen(contracts: Path) -> dict[str, bytes]:
    """Return the examples that are there, by their path below `contracts/examples/`."""
    examples = contracts / "examples"
    return {
        str(path.relative_to(examples)): path.read_bytes() for pattern in FROZEN for path in contracts.glob(pattern)
    }


def drift(contracts: Path, files: dict[str, bytes]) -> list[str]:
    """Return a sentence for each file that is absent, differs from *files*, or is no longer generated."""
    problems = []
    for path, data in sorted(files.items()):
        file = contracts / path
        if not file.exists():
            problems.append(f"contracts/{path} is missing: run `make generate`")
        elif file.read_bytes() != data:
            problems.append(f"contracts/{path} is not what the code says: run `make generate`")
    return problems + [f"contracts/{path} is generated no longer: delete it" for path in stale(contracts, files)]


def stale(contracts: Path, files: dict[str, bytes]) -> list[str]:
    """Return the schemas that nothing generates."""
    there = {str(path.relative_to(contracts)) for path in contracts.glob("schemas/**/*.json")}
    return sorted(there - files.keys())


def write(contracts: Path, files: dict[str, bytes]) -> None:
    """Write *files* and delete schemas of what there is no longer."""
    for path, data in files.items():
        file = contracts / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
    for path in stale(contracts, files):
        (contracts / path).unlink()


def broken_promises(contracts: Path, files: dict[str, bytes]) -> list[str]:
    """Return a sentence for each event whose new schema would refuse or hide what the published one describes.

    An event is released once its golden example is written.
    """
    problems = []
    for golden in sorted(contracts.glob("examples/golden/*.json")):
        path = f"schemas/events/{golden.name}"
        published = contracts / path
        if not published.exists():
            continue
        if path not in files:
            reasons = ["it is gone"]
        else:
            reasons = narrowed(json.loads(published.read_bytes()), json.loads(files[path]))
        problems += [
            f"contracts/{path}: {reason}; a released event is never edited: add the next version and an upcast "
            "(not released yet: delete its schema and its example by hand)"
            for reason in reasons
        ]
    return problems


def narrowed(old: dict[str, Any], new: dict[str, Any], at: str = "") -> list[str]:
    """Return in what *new* takes back what schema *old* promised: members, their forms, whether they are required."""
    reasons = []
    members, later = old.get("properties", {}), new.get("properties", {})
    for name, form in members.items():
        if name not in later:
            reasons.append(f"{at}/{name} is gone")
        elif _promise(form) != _promise(later[name]):
            reasons.append(f"{at}/{name} changed its form")
    if old.get("required") != new.get("required"):
        reasons.append(f"{at or '/'} requires other members")
    for name, part in old.get("$defs", {}).items():
        reasons += narrowed(part, new.get("$defs", {}).get(name, {}), f"{at}/$defs/{name}")
    return reasons


def _promise(form: Any) -> Any:
    """Return *form* without what may grow: its description and the values known so far."""
    if isinstance(form, dict):
        return {name: _promise(value) for name, value in form.items() if name not in {"description", "x-known"}}
    return [_promise(item) for item in form] if isinstance(form, list) else form


def _text(content: Any) -> bytes:
    return (json.dumps(content, ensure_ascii=False, indent=1) + "\n").encode()


if __name__ == "__main__":
    sys.exit(main())
