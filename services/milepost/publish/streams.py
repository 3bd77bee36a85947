"""The streams that events, facts of plugins and dead letters lie in: declared here, made, and held to it."""

from __future__ import annotations

import time
from typing import Any

import msgspec
from nats.aio.client import Client

from milepost.publish.jetstream import INVALID_CONFIG, NO_STREAM, ApiError, JetStream, StreamInfo
from milepost_contracts.subjects import (
    CHECKPOINTS,
    DEAD_LETTERS,
    EVENTS,
    PLUGIN_FACTS,
    STREAM,
    STREAM_CHECKPOINTS,
    STREAM_DEAD,
    STREAM_PLUGIN,
)

# The first that knows atomic batches; older ones drop settings that they do not know and store batches one by one.
SERVER_MIN = (2, 12)
# Order and uniqueness come from the expected last sequence, so this is only a second fence: longer than the 10 s for
# which the server keeps a dead relay's open batch, short enough that catching up at 20,000 events/s keeps at most
# 400,000 ids in the server's memory.
DUPLICATE_WINDOW_S = 20.0
# The server's shortest: while a stream is filled again it must not take the same ids for duplicates.
REFILL_WINDOW_S = 0.1
# Plugins are restarted and send again what they are not sure of: a restart with its backlog fits in two minutes.
PLUGIN_WINDOW_S = 120.0


class StreamError(RuntimeError):
    """The broker is not fit for us; `code` is `server_too_old` or `stream_differs`."""

    def __init__(self, code: str, message: str) -> None:
        """Keep the stable *code* beside the message."""
        super().__init__(message)
        self.code = code


_PREFIX = "milepost_"


class Marks(msgspec.Struct, frozen=True, kw_only=True):
    """What GOALS says of itself in its metadata (`milepost_generation` ...): every relay and reader sees the same.

    `generation` changes whenever the stream starts anew. With no message left, `base_seq` and `base_pos` are the stream
    sequence and journal position that agree. `halted` is `CODE: why`; only a refill takes it away. `refill_to`: the
    journal position up to which the stream is being filled again and not yet recorded; 0 when it is not. As long as it
    is, the duplicate window is short, because the same ids come again.
    """

    generation: int
    base_seq: int = 0
    base_pos: int = 0
    refill_to: int = 0
    halted: str = ""

    @classmethod
    def read(cls, metadata: dict[str, str]) -> Marks:
        """Return the marks in a stream's *metadata*, among the members of others there; raises StreamError."""
        ours = {key.removeprefix(_PREFIX): value for key, value in metadata.items() if key.startswith(_PREFIX)}
        try:
            return msgspec.convert(ours, cls, strict=False)
        except msgspec.ValidationError as error:
            raise StreamError("stream_differs", f"the metadata of {STREAM} is not Milepost's: {error}") from error

    def metadata(self) -> dict[str, str]:
        """Return the marks as a stream's metadata."""
        return {f"{_PREFIX}{name}": str(value) for name, value in msgspec.structs.asdict(self).items() if value != ""}


def new_generation() -> int:
    """Return the generation of a stream made now: milliseconds since 1970.

    The stream that was lost took its number with it; the clock gives a higher one without anybody remembering.
    """
    return time.time_ns() // 1_000_000


def window_s(marks: Marks) -> float:
    """Return the duplicate window of GOALS."""
    return REFILL_WINDOW_S if marks.refill_to else DUPLICATE_WINDOW_S


def goals(marks: Marks, *, replicas: int) -> dict[str, Any]:
    """Return the settings of GOALS: a copy of the journal that only whole refills may purge."""
    special = {"allow_atomic": True, "deny_delete": True, "metadata": marks.metadata()}
    return _settings(STREAM, EVENTS, replicas=replicas, window=window_s(marks)) | special


def plugin_facts(*, replicas: int) -> dict[str, Any]:
    """Return the settings of GOALS_PLUGIN: the only copy of what plugins found out, so nothing in it may go."""
    special = {"deny_delete": True, "deny_purge": True}
    return _settings(STREAM_PLUGIN, PLUGIN_FACTS, replicas=replicas, window=PLUGIN_WINDOW_S) | special


def dead_letters(*, replicas: int) -> dict[str, Any]:
    """Return the settings of GOALS_DEAD: references to parked events, removed when they are dealt with."""
    return _settings(STREAM_DEAD, DEAD_LETTERS, replicas=replicas, window=PLUGIN_WINDOW_S)


def checkpoints(*, replicas: int) -> dict[str, Any]:
    """Return the settings of GOALS_CHECKPOINTS: what the logs have committed themselves to, so nothing in it may go."""
    special = {"deny_delete": True, "deny_purge": True}
    return _settings(STREAM_CHECKPOINTS, CHECKPOINTS, replicas=replicas, window=PLUGIN_WINDOW_S) | special


def _settings(name: str, subject: str, *, replicas: int, window: float) -> dict[str, Any]:
    # Every member that could lose or alter a message is named, so that the echo is compared on it as well.
    return {
        "name": name,
        "subjects": [subject],
        "storage": "file",
        "retention": "limits",
        "discard": "new",
        "max_age": 0,
        "max_msgs": -1,
        "max_bytes": -1,
        "max_msgs_per_subject": -1,
        "max_consumers": -1,
        "num_replicas": replicas,
        "duplicate_window": round(window * 1e9),
        "no_ack": False,
        "sealed": False,
        "allow_rollup_hdrs": False,
        "allow_msg_ttl": False,
        "allow_atomic": False,
        "deny_delete": False,
        "deny_purge": False,
        "mirror": None,
        "sources": None,
        "subject_transform": None,
        "republish": None,
        "persist_mode": "default",
    }


def check_server(major: int, minor: int) -> None:
    """Raise StreamError `server_too_old` for a nats-server that would silently store batches one by one."""
    if (major, minor) < SERVER_MIN:
        raise StreamError(
            "server_too_old",
            f"nats-server {major}.{minor} is too old: Milepost needs {SERVER_MIN[0]}.{SERVER_MIN[1]} or newer "
            "for atomic batches",
        )


async def ensure_beside(nc: Client, *, replicas: int) -> None:
    """Make the streams beside GOALS where they are missing; raises StreamError, ApiError, UNREACHABLE."""
    for declared in (plugin_facts, dead_letters, checkpoints):
        config = declared(replicas=replicas)
        stream = JetStream(nc, config["name"])
        await _ensure(stream, config, await _found(stream))


async def ensure_goals(stream: JetStream, head: int, *, replicas: int) -> StreamInfo:
    """Return GOALS as the server has it, made anew where it is missing; *head* is the journal's newest position.

    Made anew over a journal that has events, it was lost: it is marked to be recorded as filled again.
    Raises StreamError where its settings are not ours, ApiError, UNREACHABLE.
    """
    if (info := await _found(stream)) is None:
        marks = Marks(generation=new_generation(), refill_to=head)
        return await _ensure(stream, goals(marks, replicas=replicas), None)
    return await _ensure(stream, goals(Marks.read(info.metadata), replicas=replicas), info)


async def update_goals(stream: JetStream, marks: Marks, *, replicas: int) -> StreamInfo:
    """Set the marks of GOALS, and the duplicate window with them; raises StreamError, ApiError, UNREACHABLE."""
    config = goals(marks, replicas=replicas)
    return _held_to(config, await stream.update(config))


async def _found(stream: JetStream) -> StreamInfo | None:
    try:
        return await stream.info()
    except ApiError as error:
        if error.code != NO_STREAM:
            raise
        return None


async def _ensure(stream: JetStream, config: dict[str, Any], info: StreamInfo | None) -> StreamInfo:
    if info is None:
        return _held_to(config, await stream.create(config))
    if differences := _differences(config, info.config):
        # What may be changed (replicas, window) is changed; for the rest the server says no.
        try:
            info = await stream.update(config)
        except ApiError as error:
            if error.code == INVALID_CONFIG:
                raise _differs(config, differences) from error
            raise
    return _held_to(config, info)


def _held_to(config: dict[str, Any], info: StreamInfo) -> StreamInfo:
    if differences := _differences(config, info.config):
        raise _differs(config, differences)
    return info


def _differs(config: dict[str, Any], differences: list[str]) -> StreamError:
    return StreamError("stream_differs", f"{config['name']} is not as Milepost needs it: {'; '.join(differences)}")


def _differences(asked: dict[str, Any], echoed: dict[str, Any]) -> list[str]:
    found = []
    for member, wanted in asked.items():
        given = echoed.get(member)
        if member == "metadata":
            given = {name: value for name, value in (given or {}).items() if name.startswith(_PREFIX)}
        # The server leaves out what is off.
        if given != wanted and not (not given and (not wanted or wanted == "default")):
            found.append(f"{member} is {given!r}, not {wanted!r}")
    return found
