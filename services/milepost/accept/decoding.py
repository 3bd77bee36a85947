"""A message becomes a command, or the answer that says why it is none."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec

from milepost.intake import actor_problem, authenticated_by, parse_subject
from milepost_contracts.answers import Invalid, Problem, Refused
from milepost_contracts.commands import COMMANDS, WORDS, Command
from milepost_contracts.strict import strict

# Of one command. A goal imported with 20 measures and long texts is some 60 kB; the broker's own limit lies above.
MESSAGE_BYTES_MAX = 128 * 1024
LINK_CHARS_MAX = 2000  # what browsers and proxies agree on
_one_form = msgspec.json.Encoder(order="sorted").encode
_TRACEPARENT_CHARS = 55  # W3C trace context, version 00


class Decoded(NamedTuple):
    """A command that may be decided."""

    tenant: str
    caller: str
    authenticated_by: str
    command: Command
    traceparent: str
    wish: bytes  # the command in its one form, see `wish_of`


class Decoder:
    """Decodes requests; holds the limits and the callers that may name other actors."""

    def __init__(
        self,
        *,
        gateways: frozenset[str],
        line_chars: int,
        text_chars: int,
        message_bytes_max: int = MESSAGE_BYTES_MAX,
    ) -> None:
        """Take limits in characters and bytes, and the gateways' names."""
        self._gateways = gateways
        self._bytes_max = message_bytes_max
        self._chars = {"line": line_chars, "text": text_chars, "link": LINK_CHARS_MAX}
        self._strict = {key: msgspec.json.Decoder(strict(command)) for key, command in COMMANDS.items()}
        self._plain = {key: msgspec.json.Decoder(command) for key, command in COMMANDS.items()}

    def decode(self, subject: str, body: bytes, headers: Mapping[str, str] | None) -> Decoded | Invalid | Refused:
        """Return the command in *body*, or the answer to what is no command; never raises for what came."""
        asked = parse_subject(subject)
        if asked is None or len(asked.rest) != 2:  # noqa: PLR2004  aggregate and command
            return _invalid("invalid_subject", "The subject is goals.command.v1.TENANT.CALLER.AGGREGATE.COMMAND.")
        key = (asked.rest[0], asked.rest[1])
        if key not in COMMANDS:
            return _unknown(*key)
        if len(body) > self._bytes_max:
            return _invalid("message_too_large", f"A command has at most {self._bytes_max} bytes.", size=len(body))
        try:
            self._strict[key].decode(body)
            command: Command = self._plain[key].decode(body)
        except msgspec.ValidationError as error:
            message, _, place = str(error).partition(" - at `")
            return _invalid("invalid_field", message, field=place.rstrip("`") or "$")
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            return _invalid("invalid_json", f"Not JSON in UTF-8: {error}")
        if problem := actor_problem(asked.caller, command.actor, self._gateways):
            return Refused(errors=[problem])
        if problems := self._too_long(key, command):
            return Invalid(errors=problems)
        traceparent = (headers or {}).get("traceparent", "")
        return Decoded(
            asked.tenant,
            asked.caller,
            authenticated_by(asked.caller, command.actor, self._gateways),
            command,
            traceparent if len(traceparent) == _TRACEPARENT_CHARS and traceparent.isascii() else "",
            wish_of(command),
        )

    def _too_long(self, key: tuple[str, str], command: Command) -> list[Problem]:
        problems: list[Problem] = []
        for path, _, words in WORDS[key]:
            allowed = self._chars[words]
            for place, value in _at(command, path, "$"):
                if len(value) > allowed:
                    message = f"At most {allowed} characters; these are {len(value)}."
                    problems.append(Problem(code="text_too_long", message=message, field=place))
                if "\0" in value:
                    message = "The character U+0000 is no text."
                    problems.append(Problem(code="text_not_allowed", message=message, field=place))
        return problems


def wish_of(command: Command) -> bytes:
    """Return *command* in its one form, JSON, whatever the order of its members and the defaults that were sent."""
    return _one_form(command)


def _at(node: Any, path: tuple[str, ...], place: str) -> list[tuple[str, str]]:
    """Return (place, words) of every string that *path* leads to."""
    if node is None or node is msgspec.UNSET:
        return []
    if not path:
        return [(place, node)]
    step, rest = path[0], path[1:]
    if step == "[]":
        return [hit for index, item in enumerate(node) for hit in _at(item, rest, f"{place}[{index}]")]
    if step == "{}":
        return [hit for name, item in node.items() for hit in _at(item, rest, f"{place}.{name}")]
    return _at(getattr(node, step), rest, f"{place}.{step}")


def _unknown(aggregate: str, name: str) -> Invalid:
    names = sorted(command for kind, command in COMMANDS if kind == aggregate)
    if not names:
        kinds = ", ".join(sorted({kind for kind, _ in COMMANDS}))
        return _invalid("unknown_aggregate", f"There is no aggregate {aggregate!r}; there are {kinds}.")
    return _invalid("unknown_command", f"There is no command {name!r} of {aggregate}.", commands=names)


def _invalid(code: str, message: str, field: str | None = None, **details: Any) -> Invalid:
    return Invalid(errors=[Problem(code=code, message=message, field=field, details=details)])
