"""Lines of a file become commands, or the problem that each of them has; the same line becomes the same command."""

from __future__ import annotations

import re
import uuid
from collections import Counter
from collections.abc import Callable
from typing import Any, NamedTuple

import msgspec

from milepost.cli.importing_source import LINE_BYTES_MAX, Line
from milepost_contracts.answers import Problem
from milepost_contracts.commands import COMMANDS, Command
from milepost_contracts.strict import strict
from milepost_contracts.subjects import SubjectError, tenant_id
from milepost_contracts.subjects import command as subject_of
from milepost_contracts.types import ID_PATTERN

_LINES = uuid.UUID("5b0f3c0a-7a55-5d7e-8c1e-1f0f3a9d6e21")
_UUID = re.compile(ID_PATTERN[1:-1].removesuffix(r"(?!\n)"))
# Members that name something which the command itself begins; absent, they are made from the line.
MAKES = {
    "add_action": "action",
    "add_milestone": "milestone",
    "attach_resource": "resource",
    "define_measure": "measure",
    "give_feedback": "feedback",
    "hold_check_in": "check_in",
    "hold_session": "session",
    "plan_cycle": "cycle",
    "post_comment": "comment",
    "publish_template": "template",
    "raise_obstacle": "obstacle",
    "record_benefit": "benefit",
    "record_cost": "cost",
    "record_reflection": "reflection",
    "record_survey": "survey",
}
BEGINS = {("goal", "create_goal"), ("goal", "import_goal"), ("mentorship", "request"), ("programme", "create")}


class Wish(NamedTuple):
    """A command out of line `number`, of `size` bytes; `mentions`: ids of what else it speaks of."""

    number: int
    size: int
    tenant: str
    command: Command
    mentions: frozenset[str]

    @property
    def key(self) -> str:
        """The aggregate that it writes to."""
        return self.command.id


class BadLine(NamedTuple):
    """Why line `number` is no command; `name` says which it would have been, as far as that is known."""

    number: int
    size: int
    name: str
    problems: list[Problem]


class Lines:
    """Reads commands; `tenant` and `actor` are for lines that name none (None: they have to)."""

    def __init__(self, *, tenant: Callable[[], str], actor: Callable[[], str]) -> None:
        """Take what gives tenant and actor; it raises VerbError where there is none, and is asked only when needed."""
        self._tenant = tenant
        self._actor = actor
        self._seen: Counter[bytes] = Counter()

    def read(self, line: Line) -> Wish | BadLine | None:
        """Return the command in *line*, or why there is none; None for a blank line."""
        if line.text is None:
            message = f"A line has at most {LINE_BYTES_MAX} bytes."
            return BadLine(line.number, line.size, "", [Problem(code="line_too_long", message=message)])
        # Some editors begin a file with a byte order mark.
        text = (line.text.removeprefix(b"\xef\xbb\xbf") if line.number == 1 else line.text).strip()
        return self._read(line.number, line.size, text) if text else None

    def _read(self, number: int, size: int, text: bytes) -> Wish | BadLine:
        try:
            members = msgspec.json.decode(text, type=dict[str, Any])
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            return BadLine(number, size, "", [Problem(code="invalid_json", message=f"{error}.")])
        aggregate, name = members.pop("aggregate", None), members.pop("command", None)
        called = f"{aggregate} {name}"
        kind = COMMANDS.get((aggregate, name)) if isinstance(aggregate, str) and isinstance(name, str) else None
        if kind is None:
            message = f"There is no command {name!r} of {aggregate!r}: `aggregate` and `command` name one."
            return BadLine(number, size, "", [Problem(code="unknown_command", message=message, field="command")])
        tenant = members.pop("tenant", None) or self._tenant()
        try:
            subject_of(tenant, "cli", aggregate, name)
        except (SubjectError, TypeError) as error:
            return BadLine(number, size, called, [Problem(code="invalid_subject", message=f"{error}.", field="tenant")])
        self._fill(kind, tenant, members)
        body = msgspec.json.encode(members)
        try:
            msgspec.json.decode(body, type=strict(kind))
            command = msgspec.json.decode(body, type=kind)
        except msgspec.ValidationError as error:
            message, _, place = str(error).partition(" - at `$.")
            problem = Problem(code="invalid_field", message=f"{message}.", field=place.rstrip("`") or None)
            return BadLine(number, size, called, [problem])
        return Wish(number, size, tenant, command, _mentioned(members))

    def _fill(self, kind: type[Command], tenant: str, members: dict[str, Any]) -> None:
        """Fill in who asks and every id that is made, from what the line says and how often it was said before."""
        members.setdefault("actor", None)
        if members["actor"] is None:
            members["actor"] = self._actor()
        content = msgspec.json.encode([tenant, kind.AGGREGATE, kind.NAME, members], order="deterministic")
        self._seen[content] += 1
        text = content + b"#%d" % self._seen[content]

        def made(what: str) -> str:
            return str(uuid.uuid5(_LINES, f"{what} {text.decode()}"))

        members.setdefault("command_id", made("command"))
        if kind.AGGREGATE == "tenant":
            members.setdefault("id", tenant_id(tenant))
        elif (kind.AGGREGATE, kind.NAME) in BEGINS:
            members.setdefault("id", made("id"))
        if kind.NAME in MAKES:
            members.setdefault(MAKES[kind.NAME], made(MAKES[kind.NAME]))


def _mentioned(node: Any) -> frozenset[str]:
    """Return the ids that *node* speaks of, people left out: nobody has to wait for a person."""
    if isinstance(node, str):
        return frozenset() if node.startswith("user:") else frozenset(_UUID.findall(node))
    if isinstance(node, dict):
        return frozenset().union(*map(_mentioned, node.values()))
    if isinstance(node, list):
        return frozenset().union(*map(_mentioned, node))
    return frozenset()
