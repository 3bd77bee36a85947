"""Upcasts: an older form is read as the newer one, and nothing sealed is lost on the way."""

from __future__ import annotations

import copy
import json
import subprocess
from typing import Any

import msgspec
import pytest

from milepost_contracts.envelope import decode
from milepost_contracts.events import EVENTS, WORDS
from milepost_contracts.events.goal import ResourceAttachedV2
from milepost_contracts.sealing import SealingKey, open_event
from milepost_contracts.upcasts import UPCASTS, Operation, Upcast, upcast
from tests.contracts.conftest import CONTRACTS, EXAMPLES
from tests.support.node import node

TABLE = json.loads((CONTRACTS / "upcasts.json").read_bytes())["upcasts"]


@pytest.mark.parametrize("step", TABLE, ids=lambda step: step["from"])
def test_vectors(step: dict[str, Any]) -> None:
    """The published vectors come out as they say, and what goes in is not altered."""
    assert step["vectors"]
    for vector in step["vectors"]:
        before = copy.deepcopy(vector["from"])
        assert upcast(step["from"], vector["from"]) == (step["to"], vector["to"])
        assert vector["from"] == before
        assert msgspec.convert(vector["to"], EVENTS[step["to"]])


def test_vectors_in_javascript() -> None:
    """The JavaScript reader makes the same of the published vectors, member order apart."""
    script = """
    import { readFileSync } from "node:fs";
    import { upcast } from "./milepost.mjs";
    const table = JSON.parse(readFileSync("../upcasts.json", "utf8"));
    const read = (step) => step.vectors.map((vector) => upcast(table, step.from, vector.from));
    console.log(JSON.stringify(table.upcasts.map(read)));
    """
    run = subprocess.run(
        [node(), "--input-type=module", "-e", script], cwd=EXAMPLES, check=True, capture_output=True, timeout=60
    )
    expected = [[[step["to"], vector["to"]] for vector in step["vectors"]] for step in TABLE]
    assert json.loads(run.stdout) == expected


@pytest.mark.parametrize("step", UPCASTS.values(), ids=lambda step: step.source)
def test_no_patch_can_break_a_reader(step: Upcast) -> None:
    """Operations name direct members; none moves or removes a sealed one, or one that might not be there."""
    source, target = EVENTS[step.source], EVENTS[step.target]
    assert (source.AGGREGATE, source.NAME) == (target.AGGREGATE, target.NAME)
    assert source.VERSION < target.VERSION
    required = {field.encode_name for field in msgspec.structs.fields(source) if field.required}
    sealed = {path[0] for path, _, _ in WORDS[step.source]}
    for operation in step.patch:
        for pointer in (operation.path, *([operation.source] if operation.op == "move" else [])):
            assert pointer.startswith("/")
            assert not {"/", "~"} & set(pointer[1:])
        gone = {"move": operation.source, "remove": operation.path}.get(operation.op, "")[1:]
        assert not gone or gone in required
        assert not {gone, operation.path[1:]} & sealed
    assert sealed == {path[0] for path, _, _ in WORDS[step.target]}


def test_a_stored_v1_is_read_as_v2(keys: dict[str, SealingKey]) -> None:
    """The golden v1 of resource_attached is read as v2, its words open by their place in the stored form."""
    stored = decode((EXAMPLES / "golden/goal.resource_attached.v1.json").read_bytes())
    assert stored.type == "goal.resource_attached.v1"
    event, opened = stored.event(), open_event(stored, keys)
    assert isinstance(event, ResourceAttachedV2)
    assert isinstance(opened, ResourceAttachedV2)
    assert (event.kind, opened.kind, opened.title) == ("video", "video", "How to begin")
    assert event.title.startswith("enc:v1:")


STEPS = [
    Upcast(source="x.v1", target="x.v2", patch=[Operation(op="add", path="/kind", value="book")], vectors=[]),
    Upcast(
        source="x.v2",
        target="x.v3",
        patch=[Operation(op="remove", path="/gone"), Operation(op="move", source="/kind", path="/sort")],
        vectors=[],
    ),
]
BEFORE, AFTER = {"gone": 1, "stays": {"gone": 2}}, {"stays": {"gone": 2}, "sort": "book"}


def test_steps_follow_each_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """A v1 goes through every step to the newest form; members are added, removed and moved on the way."""
    monkeypatch.setattr("milepost_contracts.upcasts.UPCASTS", {step.source: step for step in STEPS})
    assert upcast("x.v1", BEFORE) == ("x.v3", AFTER)
    assert upcast("x.v2", BEFORE | {"kind": "book"}) == ("x.v3", AFTER)
    with pytest.raises(KeyError, match="gone"):
        upcast("x.v1", {"stays": 1})


def test_steps_follow_each_other_in_javascript() -> None:
    """The JavaScript reader does the same, and refuses to move or remove what is not there."""
    script = """
    import { readFileSync } from "node:fs";
    import { upcast } from "./milepost.mjs";
    const { upcasts, before } = JSON.parse(readFileSync(0, "utf8"));
    console.log(JSON.stringify(upcast({ upcasts }, "x.v1", before)));
    try { upcast({ upcasts }, "x.v1", {}); } catch (error) { console.log(JSON.stringify(error.message)); }
    """
    table = msgspec.json.encode({"upcasts": STEPS, "before": BEFORE})
    command = [node(), "--input-type=module", "-e", script]
    run = subprocess.run(command, cwd=EXAMPLES, input=table, check=True, capture_output=True, timeout=60)
    assert [json.loads(line) for line in run.stdout.splitlines()] == [["x.v3", AFTER], "no member gone to remove"]


def test_members_that_an_upcast_does_not_know_are_kept() -> None:
    """What came later, or is not ours, goes through an upcast unharmed."""
    tag, members = upcast("goal.resource_attached.v1", {"type": "book", "later": {"type": 1}})
    assert (tag, members) == ("goal.resource_attached.v2", {"kind": "book", "later": {"type": 1}})
    assert upcast("goal.created.v1", members) == ("goal.created.v1", members)
