"""The AsyncAPI 3.0 document of the bus: subjects, who sends and who receives, and the schema of every message."""

from __future__ import annotations

import inspect
from typing import Any

from milepost_contracts import letters, subjects
from milepost_contracts.commands import COMMANDS
from milepost_contracts.envelope import CONTENT_TYPE, SCHEMA_PREFIX
from milepost_contracts.events import EVENTS
from milepost_contracts.queries import QUERIES
from milepost_contracts.reviews import Review
from milepost_contracts.schemas import command_tag
from milepost_contracts.upcasts import UPCASTS

# Custom to AsyncAPI, which names draft-07 at the latest; the files are 2020-12 and say so themselves.
SCHEMA_FORMAT = "application/schema+json;version=2020-12"
JSON = "application/json"
# That of the distribution `milepost-contracts`; a test holds them together.
VERSION = "0.1.0"

Part = dict[str, Any]

_TENANT: Part = {"description": "Tenant: `[a-z0-9][a-z0-9_-]{0,62}`.", "examples": ["acme"]}
_CALLER: Part = {
    "description": "Who asks, pinned by the connection's permissions; only gateways may name another `actor`.",
    "examples": ["web"],
}
_ID: Part = {
    "description": "Id of the aggregate: a UUID in lower case.",
    "examples": ["0199c0de-0000-7000-8000-00000000c0de"],
}
_PLUGIN: Part = {"description": "Name of the plugin.", "examples": ["rewards"]}


def document() -> Part:
    """Return the document; schemas are referred to by their paths beside it in `contracts/schemas/`."""
    return {
        "asyncapi": "3.0.0",
        "id": "urn:milepost",
        "info": {
            "title": "Milepost",
            "version": VERSION,
            "description": "Goals and everything that ever happened to them. What is promised to readers stands in "
            "`contracts/README.md`. Operations are told from Milepost's side: it receives commands and sends events.",
            "license": {"name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"},
        },
        "defaultContentType": JSON,
        "servers": {"nats": _server()},
        "channels": _event_channels() | _command_channels() | _query_channels() | _other_channels(),
        "operations": _operations(),
        "components": {"messages": _messages()},
        "x-streams": _streams(),
    }


def _server() -> Part:
    return {
        "host": "{host}:{port}",
        "protocol": "nats",
        "description": "nats-server 2.12 or later with JetStream.",
        "variables": {"host": {"default": "127.0.0.1"}, "port": {"default": "4222"}},
    }


def _streams() -> Part:
    """Return the JetStream streams, which AsyncAPI has no words for."""
    return {
        subjects.STREAM: {
            "subjects": [subjects.EVENTS],
            "description": "A copy of the journal, without age limit; only the relay publishes to it. It can be "
            "lost whole and filled again with the same ids, order and bytes.",
            "metadata": {
                "milepost_generation": "goes up with every refill: a reader then starts from the beginning and skips "
                "what its bookmark has"
            },
        },
        subjects.STREAM_PLUGIN: {"subjects": [subjects.PLUGIN_FACTS], "description": "Facts of plugins."},
        subjects.STREAM_DEAD: {
            "subjects": [subjects.DEAD_LETTERS],
            "description": "References to parked events, removed when these have been dealt with.",
        },
        subjects.STREAM_CHECKPOINTS: {
            "subjects": [subjects.CHECKPOINTS],
            "description": "Every signed checkpoint of every tenant's log, kept for good.",
        },
    }


def _event_channels() -> Part:
    return {
        f"{aggregate}Events": {
            "address": f"goals.event.v1.{{tenant}}.{aggregate}.{{id}}.{{event}}",
            "description": f"What happened to {_one(aggregate)}, in the tenant's order; kept in {subjects.STREAM}.",
            "parameters": {
                "tenant": _TENANT | {"location": "$message.payload#/tenant"},
                "id": _ID,
                "event": {
                    "description": "Name of the event.",
                    "enum": sorted({event.NAME for event in _events(aggregate)}),
                },
            },
            "messages": {event.TAG: _message_ref(event.TAG) for event in _events(aggregate)},
            "x-stream": subjects.STREAM,
        }
        for aggregate in subjects.AGGREGATES
    }


def _command_channels() -> Part:
    channels: Part = {
        f"{aggregate}Commands": {
            "address": f"goals.command.v1.{{tenant}}.{{caller}}.{aggregate}.{{command}}",
            "description": f"Commands on {_one(aggregate)}: requests, answered when durably committed or refused.",
            "parameters": {
                "tenant": _TENANT,
                "caller": _CALLER,
                "command": {
                    "description": "Name of the command.",
                    "enum": sorted(name for kind, name in COMMANDS if kind == aggregate),
                },
            },
            "messages": {
                command_tag(kind, name): _message_ref(command_tag(kind, name))
                for kind, name in sorted(COMMANDS)
                if kind == aggregate
            },
        }
        for aggregate in subjects.AGGREGATES
    }
    return channels | {"answers": _reply_channel("answer", "The reply subject of a command.")}


def _query_channels() -> Part:
    channels: Part = {}
    for name in sorted(QUERIES):
        channels[f"{name}Query"] = {
            "address": f"goals.query.v1.{{tenant}}.{{caller}}.{name}",
            "parameters": {"tenant": _TENANT, "caller": _CALLER},
            "messages": {f"query.{name}": _message_ref(f"query.{name}")},
        }
        channels[f"{name}Answer"] = _reply_channel(f"query.{name}.answer", f"The reply subject of the query {name}.")
    return channels


def _other_channels() -> Part:
    return {
        "pluginFacts": {
            "address": "goals.plugin.v1.{tenant}.{plugin}.{fact}",
            "description": "Facts of plugins: the envelope without `sequence` and `version`.",
            "parameters": {"tenant": _TENANT, "plugin": _PLUGIN, "fact": {"description": "Name of the fact."}},
            "messages": {"fact": _message_ref("plugin.fact")},
            "x-stream": subjects.STREAM_PLUGIN,
        },
        "reviews": {
            "address": "goals.review.v1.{tenant}.{plugin}",
            "description": "A plugin is asked for its review of a command that would be accepted, and answers in time.",
            "parameters": {"tenant": _TENANT, "plugin": _PLUGIN},
            "messages": {"review": _message_ref("review")},
        },
        "reviewAnswers": _reply_channel("review.answer", "The reply subject of a review."),
        "deadLetters": {
            "address": "goals.dead.v1.{tenant}.{consumer}",
            "description": "References to events that a plugin could not take, without words: each is taken out of the "
            "stream when its event has been dealt with. Of two with the same `id` the later counts.",
            "parameters": {"tenant": _TENANT, "consumer": _PLUGIN},
            "messages": {letters.TAG: _message_ref(letters.TAG)},
            "x-stream": subjects.STREAM_DEAD,
        },
        "checkpoints": {
            "address": "goals.checkpoint.v1.{tenant}",
            "description": "Signed heads of the tenant's log (C2SP tlog-checkpoint): how many events there are, and "
            "their RFC 6962 root. Who keeps one can have any change before it proved.",
            "parameters": {"tenant": _TENANT},
            "messages": {"checkpoint": _message_ref("checkpoint")},
            "x-stream": subjects.STREAM_CHECKPOINTS,
        },
    }


def _reply_channel(message: str, description: str) -> Part:
    return {"address": None, "description": description, "messages": {message: _message_ref(message)}}


def _operations() -> Part:
    operations: Part = {
        f"send_{aggregate}_events": {
            "action": "send",
            "channel": {"$ref": f"#/channels/{aggregate}Events"},
            "summary": f"Tell what happened to {_one(aggregate)}, once, in order.",
        }
        for aggregate in subjects.AGGREGATES
    }
    for aggregate in subjects.AGGREGATES:
        operations[f"receive_{aggregate}_commands"] = {
            "action": "receive",
            "channel": {"$ref": f"#/channels/{aggregate}Commands"},
            "summary": f"Take a command on {_one(aggregate)} and answer it.",
            "reply": {"channel": {"$ref": "#/channels/answers"}},
        }
    for name in sorted(QUERIES):
        operations[f"answer_{name}"] = {
            "action": "receive",
            "channel": {"$ref": f"#/channels/{name}Query"},
            "summary": _summary(QUERIES[name]),
            "reply": {"channel": {"$ref": f"#/channels/{name}Answer"}},
        }
    operations["ask_review"] = {
        "action": "send",
        "channel": {"$ref": "#/channels/reviews"},
        "summary": "Ask a plugin whether it has anything against a command, once, before the command counts.",
        "reply": {"channel": {"$ref": "#/channels/reviewAnswers"}},
    }
    operations["send_plugin_facts"] = {"action": "send", "channel": {"$ref": "#/channels/pluginFacts"}}
    operations["send_dead_letters"] = {
        "action": "send",
        "channel": {"$ref": "#/channels/deadLetters"},
        "summary": "Refer to an event that waits for somebody to look at it.",
    }
    operations["send_checkpoints"] = {
        "action": "send",
        "channel": {"$ref": "#/channels/checkpoints"},
        "summary": "Tell what the log has committed itself to, each checkpoint once.",
    }
    return operations


def _messages() -> Part:
    messages: Part = {tag: _event_message(tag) for tag in sorted(EVENTS)}
    for key in sorted(COMMANDS):
        tag = command_tag(*key)
        messages[tag] = _message(tag, _summary(COMMANDS[key]), {"$ref": f"commands/{tag}.json"})
    messages["answer"] = _message("answer", "What a command is answered.", {"$ref": "answer.json"})
    for name in sorted(QUERIES):
        messages[f"query.{name}"] = _message(f"query.{name}", _summary(QUERIES[name]), {"$ref": f"queries/{name}.json"})
        messages[f"query.{name}.answer"] = _message(
            f"query.{name}.answer", f"What the query {name} is answered.", {"$ref": f"queries/{name}.answer.json"}
        )
    messages["review"] = _message("review", _summary(Review), {"$ref": "review.json"})
    messages["review.answer"] = _message(
        "review.answer", "What a plugin says to a command that it reviews.", {"$ref": "review.answer.json"}
    )
    messages["plugin.fact"] = _message("plugin.fact", "A fact of a plugin.", {"$ref": "envelope.json"}) | {
        "contentType": CONTENT_TYPE
    }
    payload = _enveloped(letters.TAG, "consumer.event_parked.json")
    messages[letters.TAG] = _message(letters.TAG, _summary(letters.EventParked), payload) | {
        "contentType": CONTENT_TYPE
    }
    messages["checkpoint"] = {
        "name": "checkpoint",
        "summary": "A signed note: origin, size, root in base64, an empty line and signatures.",
        "contentType": "text/plain; charset=utf-8",
        "payload": {"type": "string"},
    }
    return messages


def _enveloped(tag: str, file: str) -> Part:
    of_tag = {"type": {"const": tag}, "dataschema": {"const": SCHEMA_PREFIX + tag}, "data": {"$ref": file}}
    return {"allOf": [{"$ref": "envelope.json"}, {"properties": of_tag}]}


def _event_message(tag: str) -> Part:
    payload = _enveloped(tag, f"events/{tag}.json")
    payload["allOf"][1]["required"] = ["version", "sequence"]
    headers = {
        "type": "object",
        "properties": {
            "Nats-Msg-Id": {"type": "string", "description": "the event's `id`"},
            "Content-Type": {"const": CONTENT_TYPE},
        },
    }
    message = _message(tag, _summary(EVENTS[tag]), payload) | {"contentType": CONTENT_TYPE, "headers": headers}
    return message | ({"deprecated": True} if tag in UPCASTS else {})


def _message(name: str, summary: str, schema: Part) -> Part:
    return {"name": name, "summary": summary, "payload": {"schemaFormat": SCHEMA_FORMAT, "schema": schema}}


def _message_ref(name: str) -> Part:
    return {"$ref": f"#/components/messages/{name}"}


def _summary(kind: type) -> str:
    return inspect.getdoc(kind).partition("\n")[0]  # type: ignore[union-attr]  # every Struct here has a docstring


def _one(aggregate: str) -> str:
    return "an access log" if aggregate == "access" else f"a {aggregate}"


def _events(aggregate: str) -> list[Any]:
    return [EVENTS[tag] for tag in sorted(EVENTS) if tag.startswith(f"{aggregate}.")]
