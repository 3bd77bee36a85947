"""The hook catalogue of plugins/README.md: every hook with what it is for, an example, and a plugin that uses it."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from milepost_contracts import context, failing, loading, results
from milepost_contracts.hooks import HOOKS
from milepost_contracts.plugin import Manifest
from milepost_contracts.testing import checking, fixtures

PLUGINS = Path(__file__).resolve().parents[3] / "plugins"
README = (PLUGINS / "README.md").read_text(encoding="utf-8")
ROWS = {
    match["name"]: match
    for match in re.finditer(
        r"^\| `(?P<name>\w+)\((?P<arguments>[\w, ]*)\)` \| (?P<what>.+?) \| "
        r"`(?P<code>.+)` in \[.+\]\((?P<file>.+)\) \|$",
        README,
        re.MULTILINE,
    )
}


def used() -> dict[str, set[str]]:
    """Return hook -> the plugins here that implement it, as their sources say."""
    found: dict[str, set[str]] = {name: set() for name in HOOKS}
    for file in PLUGINS.glob("*/milepost_*/**/*.py"):
        for name in marked(file):
            found[name].add(file.relative_to(PLUGINS).parts[0])
    return found


def marked(file: Path) -> Iterator[str]:
    """Yield the name of every function in *file* that is marked with `@hook`."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            marks = [mark.func if isinstance(mark, ast.Call) else mark for mark in node.decorator_list]
            if any(isinstance(mark, ast.Name) and mark.id == "hook" for mark in marks):
                yield node.name


def test_every_hook_is_in_the_catalogue() -> None:
    """In the order in which they are written, and nothing else is."""
    assert list(ROWS) == list(HOOKS)


@pytest.mark.parametrize("name", HOOKS)
def test_a_hook_is_documented(name: str) -> None:
    """Its row has the arguments that it has, and says what its documentation begins with."""
    spec, row = HOOKS[name], ROWS[name]
    assert inspect.getdoc(spec)
    assert row["arguments"] == ", ".join(inspect.signature(spec).parameters)
    assert row["what"] == (inspect.getdoc(spec) or "").partition("\n")[0]


@pytest.mark.parametrize("name", HOOKS)
def test_its_example_is_real(name: str) -> None:
    """The example stands in the file that the row names, which has the hook."""
    row = ROWS[name]
    text = (PLUGINS / row["file"]).read_text(encoding="utf-8")
    assert row["code"] in text, f"{row['file']} has no {row['code']!r} any more"
    assert re.search(rf"@hook\n\s*(async )?def {name}\(", text), f"{row['file']} does not implement {name}"


def test_every_hook_is_used_by_a_real_plugin() -> None:
    """A hook that nobody needs is not there."""
    assert {name for name, plugins in used().items() if not plugins} == set()


def test_the_limits_are_those_of_the_code() -> None:
    """Every number that the table of limits names, and the times that a manifest has by default."""
    rows = dict(re.findall(r"^\| `([A-Z_]+)` \| ([\d,]+) \|", README, re.MULTILINE))
    assert len(rows) == 12
    for name, value in rows.items():
        (found,) = {vars(module)[name] for module in (context, failing, loading, results) if name in vars(module)}
        assert found == int(value.replace(",", "")), name
    manifest = Manifest(id="x", version="1", summary="x")
    assert f"is {manifest.timeout_s:g} s unless it says otherwise" in README
    assert f"`effect_timeout_s` {manifest.effect_timeout_s:g} s" in README
    assert f"has {context.WORDS_CHARS_MIN} characters or more" in README
    assert f"more than {checking.SLOW_MS:g} ms an event" in README


def test_every_fixture_and_finding_is_told() -> None:
    """What pytest finds by itself, and what the check may find, is in the README."""
    given = [name for name, one in vars(fixtures).items() if type(one).__name__ == "FixtureFunctionDefinition"]
    assert len(given) == 11
    for name in given:
        assert re.search(rf"^\| .*`{name}`.* \|", README, re.MULTILINE), name
    for code in checking._ADVICE:
        assert f"`{code}`" in README, code


def test_every_link_leads_somewhere() -> None:
    """Files and folders that the README points to are there."""
    links = re.findall(r"\]\(([^)#]+)\)", README)
    assert links
    for link in links:
        assert (PLUGINS / link).exists(), link
