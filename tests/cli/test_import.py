"""`milepost import`: many commands, each told what became of it; running it again is harmless."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import uuid
from pathlib import Path
from typing import Any

import msgspec
import pytest

from milepost.cli.importing import IN_FLIGHT, send_all
from milepost.cli.importing_lines import BadLine, Lines, Wish
from milepost.cli.importing_source import LINE_BYTES_MAX, Line, lines_of
from milepost_contracts.answers import Accepted, Answer, Problem, Refused
from milepost_contracts.commands import Command, goal, tenant
from milepost_contracts.subjects import tenant_id
from tests.support.scenario import GOAL, MENTEE, uid
from tests.support.shell import Shell

CREATE: dict[str, Any] = {"aggregate": "goal", "command": "create_goal", "title": "Give a talk", "owner": MENTEE}


def reader() -> Lines:
    return Lines(tenant=lambda: "acme", actor=lambda: MENTEE)


def wish(lines: Lines, number: int = 1, **members: Any) -> Wish:
    """Return the command in a line."""
    found = lines.read(Line(number, 1, msgspec.json.encode(members)))
    assert isinstance(found, Wish), found
    return found


def bad(text: bytes | None) -> Problem:
    """Return why *text* is no command."""
    found = reader().read(Line(1, 1, text))
    assert isinstance(found, BadLine), found
    return found.problems[0]


def test_a_line_becomes_a_command() -> None:
    """Who asks, in which tenant, and every id that is missing are filled in."""
    found = wish(reader(), **CREATE)
    assert isinstance(found.command, goal.CreateGoal)
    assert (found.tenant, found.command.actor, found.command.title) == ("acme", MENTEE, "Give a talk")
    assert {uuid.UUID(found.command.id).version, uuid.UUID(found.command.command_id).version} == {5}


def test_the_same_line_is_the_same_command() -> None:
    """Ids follow from what a line says and from how often it was said, wherever it stands in the file."""
    first, second = reader(), reader()
    before = [wish(first, **CREATE), wish(first, **CREATE, priority=1), wish(first, **CREATE)]
    after = [wish(second, 7, **CREATE), wish(second, 8, **CREATE), wish(second, 9, **CREATE, priority=1)]
    assert len({one.command.command_id for one in before}) == 3
    assert {one.command.command_id for one in before} == {one.command.command_id for one in after}
    assert before[0].command == after[0].command


def test_ids_that_are_given_stay() -> None:
    """A file that brings its ids is taken at its word."""
    given: dict[str, Any] = {"command_id": uid("command"), "id": GOAL, "actor": "service:notes", "tenant": "other"}
    found = wish(reader(), **CREATE, **given)
    assert (found.command.command_id, found.command.id) == (uid("command"), GOAL)
    assert (found.command.actor, found.tenant) == ("service:notes", "other")


def test_parts_get_ids_too() -> None:
    """A milestone that is added without an id gets one that follows from the line."""
    members: dict[str, Any] = {
        "aggregate": "goal",
        "command": "add_milestone",
        "id": GOAL,
        "title": "x",
        "due_on": "2027-01-01",
    }
    first, again = wish(reader(), **members).command, wish(reader(), **members).command
    assert isinstance(first, goal.AddMilestone)
    assert first == again


def test_a_tenant_has_its_own_id() -> None:
    """The id of a tenant follows from its name."""
    found = wish(reader(), aggregate="tenant", command="open", tenant="other", actor="service:cli")
    assert isinstance(found.command, tenant.Open)
    assert found.command.id == tenant_id("other")


@pytest.mark.parametrize(
    ("text", "code", "field"),
    [
        (b"{", "invalid_json", None),
        (b"[]", "invalid_json", None),
        (b'"\xff"', "invalid_json", None),
        (b"[" * 100_000, "invalid_json", None),
        (b"{}", "unknown_command", "command"),
        (b'{"aggregate":["goal"],"command":{}}', "unknown_command", "command"),
        (b'{"aggregate":"goal","command":"eat"}', "unknown_command", "command"),
        (b'{"aggregate":"tenant","command":"open","tenant":"A.B"}', "invalid_subject", "tenant"),
        (b'{"aggregate":"tenant","command":"open","tenant":7}', "invalid_subject", "tenant"),
        (b'{"aggregate":"goal","command":"archive_goal"}', "invalid_field", None),
        (b'{"aggregate":"goal","command":"create_goal","title":7,"owner":"x"}', "invalid_field", "title"),
        (b'{"aggregate":"goal","command":"create_goal","title":"x","owner":"x","colour":1}', "invalid_field", "owner"),
        (None, "line_too_long", None),
    ],
)
def test_a_line_that_is_no_command(text: bytes | None, code: str, field: str | None) -> None:
    """Whatever a line holds, it is told why it is no command, with the place."""
    problem = bad(text)
    assert (problem.code, problem.field) == (code, field)


def test_blank_lines_and_byte_order_marks_are_passed_over() -> None:
    """What editors leave behind hurts nobody."""
    assert reader().read(Line(1, 1, b"  \r")) is None
    assert isinstance(reader().read(Line(1, 1, b"\xef\xbb\xbf" + msgspec.json.encode(CREATE) + b"\r")), Wish)


async def test_lines_of_a_file(tmp_path: Path) -> None:
    """Lines are told apart whatever their length; one that is too long is dropped and the next one is whole."""
    long = b"x" * (LINE_BYTES_MAX + 200_000)
    exact = b"y" * LINE_BYTES_MAX
    (tmp_path / "file").write_bytes(b"a\n\n" + long + b"\nb\n" + exact + b"\n" + long)
    with (tmp_path / "file").open("rb") as file:
        lines = [line async for line in lines_of(file)]
    assert [line.text for line in lines] == [b"a", b"", None, b"b", exact, None]
    assert [line.number for line in lines] == [1, 2, 3, 4, 5, 6]
    assert sum(line.size for line in lines) == (tmp_path / "file").stat().st_size


async def test_lines_of_a_pipe() -> None:
    """A pipe's lines come as they are written, while other work goes on."""
    inward, outward = os.pipe()
    with os.fdopen(inward, "rb") as file:
        lines = lines_of(file)
        os.write(outward, b"one\ntw")
        assert (await anext(lines)).text == b"one"
        other = asyncio.create_task(asyncio.sleep(0, "done"))
        waiting = asyncio.ensure_future(anext(lines))
        assert await other == "done"
        assert not waiting.done()
        os.write(outward, b"o\nthree")
        os.close(outward)
        assert (await waiting).text == b"two"
        assert [line.text async for line in lines] == [b"three"]


class Receiver:
    """Takes commands slowly and keeps what began and ended in which order, and how many were under way."""

    def __init__(self) -> None:
        self.log: list[tuple[str, str]] = []
        self.under_way = 0
        self.most = 0

    async def __call__(self, _tenant: str, command: Command) -> Answer:
        name = str(getattr(command, "reason", ""))
        self.log.append(("begin", name))
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        # The earlier ones take longer, so that whatever does not wait overtakes them.
        for _ in range(400 // len(self.log)):
            await asyncio.sleep(0)
        self.under_way -= 1
        self.log.append(("end", name))
        if name == "refuse me":
            return Refused(errors=[Problem(code="no", message="No.")])
        return Accepted(id=command.id, version=1)

    def after(self, later: str, earlier: str) -> bool:
        """Whether *later* began when *earlier* had ended."""
        return self.log.index(("end", earlier)) < self.log.index(("begin", later))


def archive(name: str, goal_id: str) -> bytes:
    document = {"aggregate": "goal", "command": "archive_goal", "id": goal_id, "reason": name}
    return msgspec.json.encode(document) + b"\n"


async def sent(tmp_path: Path, *lines: bytes) -> tuple[Receiver, list[tuple[int, str]]]:
    """Send *lines*; return who received them, and what became of each line."""
    path, receiver, done = tmp_path / "lines", Receiver(), list[tuple[int, str]]()

    def told(line: Wish | BadLine, answer: Answer | None) -> None:
        done.append((line.number, str(answer.__struct_config__.tag) if answer is not None else "invalid"))

    path.write_bytes(b"".join(lines))
    with path.open("rb") as file:
        await send_all(reader(), file, receiver, told)
    return receiver, done


async def test_order_within_an_aggregate_and_speed_across(tmp_path: Path) -> None:
    """Commands on one goal are done one after the other, those on different goals side by side, within bounds."""
    lines = [archive(f"{goal_} {turn}", uid(goal_)) for turn in range(3) for goal_ in map(str, range(IN_FLIGHT + 20))]
    receiver, done = await sent(tmp_path, *lines)
    assert len(done) == len(lines)
    assert 1 < receiver.most <= IN_FLIGHT
    for goal_ in map(str, range(IN_FLIGHT + 20)):
        assert receiver.after(f"{goal_} 1", f"{goal_} 0")
        assert receiver.after(f"{goal_} 2", f"{goal_} 1")


async def test_what_speaks_of_another_waits_for_it(tmp_path: Path) -> None:
    """Goals are placed after their mentorship changed, side by side, and it changes again after them."""

    def about(name: str, aggregate: str, command: str, id_: str, **members: Any) -> bytes:
        document = {"aggregate": aggregate, "command": command, "id": id_, "reason": name, **members}
        return msgspec.json.encode(document) + b"\n"

    mentorship = uid("mentorship")
    receiver, _ = await sent(
        tmp_path,
        about("reject", "mentorship", "reject", mentorship),
        about("place", "goal", "place_goal", GOAL, mentorship=mentorship, parties=[]),
        about("place too", "goal", "place_goal", uid("other"), mentorship=mentorship, parties=[]),
        about("cancel", "mentorship", "cancel", mentorship),
    )
    assert receiver.after("place", "reject")
    assert receiver.after("place too", "reject")
    assert receiver.most == 2
    assert receiver.after("cancel", "place")
    assert receiver.after("cancel", "place too")


async def test_a_bad_line_stops_no_other(tmp_path: Path) -> None:
    """Each line has its own outcome."""
    lines = [archive("a", uid("a")), b"nonsense\n", archive("refuse me", uid("b")), archive("c", uid("a"))]
    _, done = await sent(tmp_path, *lines)
    assert sorted(done) == [(1, "accepted"), (2, "invalid"), (3, "refused"), (4, "accepted")]


async def test_a_receiver_that_breaks_ends_the_import(tmp_path: Path) -> None:
    """What is no answer is raised, and nothing is left running."""
    path = tmp_path / "lines"
    path.write_bytes(b"".join(archive(str(number), uid(str(number))) for number in range(100)))

    async def broken(_tenant: str, _command: Command) -> Answer:
        raise RuntimeError("broken")

    with path.open("rb") as file, pytest.raises(RuntimeError, match="broken"):
        await send_all(reader(), file, broken, lambda _line, _answer: None)
    assert len(asyncio.all_tasks()) == 1


def goals(shell: Shell, count: int) -> Path:
    """Write a file: *count* goals with a deadline each, a line that is refused, and one that is no command."""
    path = shell.folder / "goals.ndjson"
    lines = []
    for number in range(count):
        id_ = str(uuid.uuid4())
        lines.append({**CREATE, "owner": shell.variables["MILEPOST_AS"], "id": id_, "title": f"Goal {number}"})
        lines.append({"aggregate": "goal", "command": "set_deadline", "id": id_, "new": "2027-09-30"})
    lines.append({"aggregate": "goal", "command": "archive_goal", "id": lines[0]["id"]})
    path.write_bytes(b"\n".join(map(msgspec.json.encode, lines)) + b"\nnonsense\n")
    return path


def test_an_import_and_again(shell: Shell) -> None:
    """Everything good is done, refusals are told by their line, and the second time nothing happens twice."""
    goals(shell, 100)
    typed = shell("import goals.ndjson --report refused.ndjson --json")
    assert typed.status == 1
    told = typed.document
    assert (told["lines"], told["accepted"], told["refused"], told["invalid"]) == (202, 200, 1, 1)
    refusals = [(one["line"], one["status"], one["code"]) for one in told["refusals"]]
    assert refusals == [(201, "refused", "wrong_state"), (202, "invalid", "invalid_json")]
    report = [msgspec.json.decode(line) for line in (shell.folder / "refused.ndjson").read_text().splitlines()]
    assert sorted(report, key=lambda one: int(one["line"])) == told["refusals"]
    before = shell.done("goal list --limit 500 --json").document["goals"]
    again = shell("import goals.ndjson --json").document
    assert (again["accepted"], again["refused"]) == (200, 1)
    after = shell.done("goal list --limit 500 --json").document["goals"]
    assert len(before) == 100
    assert [(one["id"], one["version"]) for one in before] == [(one["id"], one["version"]) for one in after]


def test_an_import_as_text(shell: Shell) -> None:
    """A person sees the refusals and the sum."""
    goals(shell, 2)
    typed = shell("import goals.ndjson")
    assert typed.out == "6 lines, 4 accepted, 1 refused, 1 invalid\n"
    assert "line 6: invalid: invalid_json" in typed.err
    assert "line 5: refused: " in typed.err


def test_a_dry_run_sends_nothing(shell: Shell) -> None:
    """Every line is held against the contracts, without a broker."""
    goals(shell, 2)
    typed = shell("import goals.ndjson --dry-run --json", MILEPOST_NATS_URL="nats://127.0.0.1:1")
    assert (typed.status, typed.document["valid"], typed.document["invalid"]) == (1, 5, 1)
    assert shell.done("goal list --json").document["goals"] == []


def test_standard_input(shell: Shell) -> None:
    """A pipe is imported as a file is."""
    path = goals(shell, 3)
    line = [sys.executable, "-m", "milepost", "import", "-", "--json"]
    with path.open("rb") as file, subprocess.Popen(["cat"], stdin=file, stdout=subprocess.PIPE) as cat:
        done = subprocess.run(line, stdin=cat.stdout, env=shell.environment(), capture_output=True, check=False)
    assert done.returncode == 1
    assert msgspec.json.decode(done.stdout)["accepted"] == 6
    assert done.stderr == b""


def test_a_file_that_is_not_there(shell: Shell) -> None:
    """What cannot be opened is bad usage."""
    assert shell("import none.ndjson").status == 2
    (shell.folder / "empty").write_text("")
    assert shell("import empty --report none/report").status == 2
    assert shell.done("import empty").out == "0 lines\n"
