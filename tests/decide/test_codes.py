"""Given the sources of deciding, then every code that they can answer with is explained in the README, and no other."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import milepost.decide

ROOT = Path(milepost.decide.__file__).parent
PLACES = {"refuse": 0, "unless": 1, "warn": 0}  # method of Reasons -> which argument is the code
ROW = re.compile(r"^\| `([a-z_]+)` \| (refusal|warning|both) \| (.+) \| (.+) \|$", re.MULTILINE)


def sources() -> list[ast.Module]:
    """Return the modules of deciding, the kernel aside: it defines the methods and knows no code."""
    return [ast.parse(path.read_text()) for path in sorted(ROOT.rglob("*.py")) if path.name != "kernel.py"]


def functions(modules: list[ast.Module]) -> dict[str, list[ast.FunctionDef]]:
    """Return the functions by name."""
    found = defaultdict(list)
    for node in (node for module in modules for node in ast.walk(module)):
        if isinstance(node, ast.FunctionDef):
            found[node.name].append(node)
    return found


def calls(tree: ast.AST) -> Iterator[tuple[str, ast.Call]]:
    """Yield every call in *tree* with the last part of the called name."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            if isinstance(node.func, ast.Attribute):
                yield node.func.attr, node
            elif isinstance(node.func, ast.Name):
                yield node.func.id, node


def codes_in(modules: list[ast.Module]) -> dict[str, set[str]]:
    """Return code -> {refusal, warning}; a code that is handed on as a parameter is looked up where it is written."""
    found: dict[str, set[str]] = defaultdict(set)
    known = functions(modules)

    def take(value: ast.expr, kind: str, within: ast.FunctionDef) -> None:
        if isinstance(value, ast.Constant):
            assert isinstance(value.value, str)
            found[value.value].add(kind)
        elif isinstance(value, ast.IfExp):
            take(value.body, kind, within)
            take(value.orelse, kind, within)
        else:
            assert isinstance(value, ast.Name), f"{within.name}: a code is written, not computed: {ast.unparse(value)}"
            names = [argument.arg for argument in within.args.args]
            assert value.id in names, f"{within.name}: {value.id} is none of its parameters"
            assert len(known[within.name]) == 1, f"two functions are called {within.name}"
            for caller in (function for named in known.values() for function in named):
                for name, call in calls(caller):
                    if name == within.name:
                        take(call.args[names.index(value.id)], kind, caller)

    for function in [function for named in known.values() for function in named]:
        for name, call in calls(function):
            if name in PLACES and len(call.args) > PLACES[name]:
                take(call.args[PLACES[name]], "warning" if name == "warn" else "refusal", function)
    return found


def test_the_table_of_codes_agrees_with_the_source() -> None:
    """Each code of the source stands in the README once, as what it is, and the README knows no other."""
    rows = ROW.findall((ROOT / "README.md").read_text())
    told = {code: kind for code, kind, _, _ in rows}
    wanted = {code: "both" if len(kinds) > 1 else kinds.pop() for code, kinds in codes_in(sources()).items()}
    assert told == wanted
    assert [code for code, *_ in rows] == sorted(wanted), "one row a code, in the order of the alphabet"


def test_the_table_is_read_whole() -> None:
    """No row of the README's table of codes is written in a form that the test above would overlook."""
    lines = (ROOT / "README.md").read_text().splitlines()
    start = lines.index("| code | | what it means | what to do |")
    table = lines[start + 2 :]
    rows = table[: table.index("")] if "" in table else table
    assert len(rows) == len(ROW.findall("\n".join(rows)))


def test_codes_that_are_handed_on_are_found() -> None:
    """The reading of the source follows parameters and both sides of a choice."""
    source = """
def outer(case, late):
    check(case, "given_on")
    case.reasons.warn("late_one" if late else "early_one", "message")

def check(case, code):
    case.reasons.unless(case, code, "message")
"""
    found = codes_in([ast.parse(source)])
    assert dict(found) == {"given_on": {"refusal"}, "late_one": {"warning"}, "early_one": {"warning"}}
