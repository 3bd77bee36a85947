"""The JSON Schemas of everything on the wire, made from the Structs; `contracts/schemas/` is written from here."""

from __future__ import annotations

import inspect
from typing import Any

import msgspec

from milepost_contracts import answers, letters, reviews
from milepost_contracts.commands import COMMANDS, Command
from milepost_contracts.envelope import SCHEMA_PREFIX, Envelope
from milepost_contracts.events import EVENTS
from milepost_contracts.queries import QUERIES, Query
from milepost_contracts.strict import strict
from milepost_contracts.upcasts import UPCASTS

DIALECT = "https://json-schema.org/draft/2020-12/schema"
SEALED_NOTE = (
    "Members with `x-sealed` hold people's words, sealed as `enc:v1:KID:WORDS`; `x-sealed` names the audience, "
    "`x-words` the limit on their length. Unknown members are to be ignored, and members are only ever added. "
    "`x-known` lists the values known so far: a reader must live with others."
)
COMMAND_NOTE = (
    "Unknown members are refused and enumerations are closed. Members with `x-sealed` are sent in the clear and are "
    "sealed when the event is appended; `x-words` names the limit on their length."
)

Schema = dict[str, Any]


def files() -> dict[str, Schema]:
    """Return every schema by its path below `contracts/schemas/`, e.g. `events/goal.created.v1.json`."""
    return (
        {"envelope.json": envelope_schema(), "answer.json": answer_schema()}
        | {"review.json": review_schema(), "review.answer.json": review_answer_schema()}
        | {"consumer.event_parked.json": dead_letter_schema()}
        | {f"events/{tag}.json": event_schema(tag) for tag in sorted(EVENTS)}
        | {f"commands/{command_tag(*key)}.json": command_schema(*key) for key in sorted(COMMANDS)}
        | {f"queries/{name}.json": query_schema(name) for name in sorted(QUERIES)}
        | {f"queries/{name}.answer.json": query_answer_schema(name) for name in sorted(QUERIES)}
    )


def event_schema(tag: str) -> Schema:
    """Return the schema of the `data` of events with *tag*; raises KeyError for a tag that there is not."""
    event = EVENTS[tag]
    schema = _whole(tag, event, SEALED_NOTE)
    if (upcast := UPCASTS.get(tag)) is not None:
        schema |= {"deprecated": True, "x-upcast-to": upcast.target}
    return schema


def command_schema(aggregate: str, name: str) -> Schema:
    """Return the schema of a command's body; raises KeyError for a command that there is not."""
    command: type[Command] = COMMANDS[aggregate, name]
    return _whole(command_tag(aggregate, name), strict(command), COMMAND_NOTE)


def command_tag(aggregate: str, name: str) -> str:
    """Return how a command's schema is called: `command.goal.shift_deadline`."""
    return f"command.{aggregate}.{name}"


def envelope_schema() -> Schema:
    """Return the schema of the document around every event's `data`."""
    return _whole(
        "envelope.v1", Envelope, "Unknown attributes are to be ignored. Optional ones are absent, never null."
    )


def answer_schema() -> Schema:
    """Return the schema of what a command is answered."""
    return _whole("answer.v1", answers.Answer, "What a command is answered; `status` tells which of the four it is.")


def review_schema() -> Schema:
    """Return the schema of what a plugin is asked that reviews commands."""
    return _whole("review.v1", reviews.Review, "Unknown members are to be ignored. `body` has the command's schema.")


def review_answer_schema() -> Schema:
    """Return the schema of what a plugin says to a command that it reviews."""
    note = "What a plugin says to a command that it reviews; `status` tells which of the three it is."
    return _whole("review.answer.v1", reviews.ReviewAnswer, note)


def dead_letter_schema() -> Schema:
    """Return the schema of the `data` of a dead letter."""
    return _whole(
        letters.TAG, letters.EventParked, "Unknown members are to be ignored, and members are only ever added."
    )


def query_schema(name: str) -> Schema:
    """Return the schema of a query's body; raises KeyError for a query that there is not."""
    query: type[Query] = QUERIES[name]
    return _whole(f"query.{name}", strict(query), "Unknown members are refused and enumerations are closed.")


def query_answer_schema(name: str) -> Schema:
    """Return the schema of what query *name* is answered; raises KeyError for a query that there is not."""
    answer = QUERIES[name].ANSWER | answers.Refused | answers.Invalid | answers.Failed
    return _whole(f"query.{name}.answer", answer, f"What the query {name} is answered; `status` tells which it is.")


def _whole(tag: str, kind: Any, note: str) -> Schema:
    """Return the schema of *kind* with a name of its own and its parts below `$defs`."""
    schema = msgspec.json.schema(kind)
    parts: Schema = schema.pop("$defs", {})
    if "$ref" in schema:
        # The outermost part is the schema itself; nothing refers to it, because no Struct holds itself.
        schema = parts.pop(schema["$ref"].removeprefix("#/$defs/"))
    head: Schema = {"$schema": DIALECT, "$id": SCHEMA_PREFIX + tag, "title": schema.pop("title", tag)}
    if described := schema.pop("description", ""):
        head["description"] = inspect.cleandoc(described)
    for part in parts.values():
        part["description"] = inspect.cleandoc(part["description"])
    return head | {"$comment": note} | schema | ({"$defs": parts} if parts else {})
