"""For each parked event a reference stands in GOALS_DEAD, from when it was put aside until it has been dealt with.

The table `parked` says what has to stand there, and it is written in the transaction that puts an event aside or takes
it out again: it is the outbox. What stands there is asked of the stream itself, at the start and after every error. So
whatever a crash came between, and also where the stream or the table was lost, the two are made to agree.
"""

from __future__ import annotations

import asyncio
from base64 import b64decode
from collections.abc import Awaitable, Callable, Iterable
from itertools import islice
from typing import TYPE_CHECKING, Any

import msgspec
from nats.aio.client import Client
from nats.errors import Error as NatsError

from milepost.ordered import NO_MESSAGE
from milepost.react.policy import Policy
from milepost.react.rows import Parked, text
from milepost.react.store import Store
from milepost_contracts import envelope, subjects
from milepost_contracts.envelope import CONTENT_TYPE, SCHEMA_PREFIX, Envelope
from milepost_contracts.letters import TAG, TIMER, EventParked
from milepost_contracts.plugin import stable_id

if TYPE_CHECKING:
    from structlog.typing import FilteringBoundLogger

    from milepost.react.ports import Shared

ACTOR = "service:react"  # the plugin itself does not know of it
AT_ONCE = 100  # unanswered at a time
ANSWER_S = 5.0
# Even when nothing was parked: a stream that was made anew, or out of which somebody took something, is noticed.
LOOK_S = 600.0
_API = "$JS.API.STREAM.MSG"
_AWAY = (NatsError, TimeoutError, OSError, msgspec.MsgspecError)


class _About(msgspec.Struct, gc=False):
    """What is told of a parked event; whatever was handed to a plugin has it, even where it is no event of ours."""

    type: str
    subject: str
    sequence: str = ""
    correlationid: str = ""


def letter(plugin: str, parked: Parked) -> bytes:
    """Return the document that refers to an event which was put aside for *plugin*: the same for the same row."""
    event = _About(type=TIMER, subject=f"tenant/{subjects.tenant_id(parked.tenant)}")
    if parked.aggregate != TIMER:
        event = msgspec.json.decode(parked.document, type=_About)
    said = EventParked(
        plugin=plugin, event=parked.event_id, type=event.type, sequence=event.sequence, code=parked.code,
        hook=parked.hook, place=parked.place, attempts=parked.attempts, since=parked.since,
    )  # fmt: skip
    return envelope.encode(
        Envelope(
            specversion="1.0",
            id=stable_id("dead", plugin, parked.event_id),
            source=f"/milepost/{parked.tenant}/plugin/{plugin}",
            type=TAG,
            subject=event.subject,
            time=text(parked.tried),
            datacontenttype="application/json",
            dataschema=f"{SCHEMA_PREFIX}{TAG}",
            tenant=parked.tenant,
            actor=ACTOR,
            correlationid=event.correlationid,
            causationid=parked.event_id,
            data=msgspec.Raw(msgspec.json.encode(said)),
        )
    )


class Letters:
    """Keeps the references to one plugin's parked events; for who holds its lease."""

    def __init__(
        self, shared: Shared, nc: Client, plugin: str, *, policy: Policy, log: FilteringBoundLogger,
        at: Callable[[str], None],
    ) -> None:  # fmt: skip
        """Take whose they are, where events are parked, how letters are sent, and what is told of named points."""
        self._shared = shared
        self._nc = nc
        self._plugin = plugin
        self._policy = policy
        self._log = log
        self._at = at
        self._there: dict[str, int] | None = None  # message id -> its stream sequence; None: to be asked
        self._loop: asyncio.AbstractEventLoop | None = None
        self._woken = asyncio.Event()

    def wake(self) -> None:
        """Look at what is parked; from any thread."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._woken.set)

    async def run(self) -> None:
        """Keep them until cancelled; raises DatabaseError."""
        pause = self._policy.pause_s_min
        self._loop, self._there = asyncio.get_running_loop(), None
        while True:
            self._woken.clear()
            try:
                await self._agree()
            except _AWAY as error:
                self._log.warning("dead_letters_wait", error=f"{type(error).__name__}: {error}")
                self._there = None
                await asyncio.sleep(pause)
                pause = min(pause * 2, self._policy.pause_s_max)
                continue
            pause = self._policy.pause_s_min
            try:
                async with asyncio.timeout(LOOK_S):
                    await self._woken.wait()
            except TimeoutError:
                self._there = None

    async def _agree(self) -> None:
        """Publish what is missing, then take away what is no longer right: a renewed letter is never absent."""
        if self._there is None:
            self._there = await self._standing()
        there = self._there
        wanted = {
            f"{stable_id('dead', self._plugin, event)}/{version}": event
            for event, version in (await self._shared.run(Store.parked_versions)).items()
        }
        await _some_at_once(self._publish(there, *one) for one in wanted.items() if one[0] not in there)
        await _some_at_once(self._remove(there, id_) for id_ in list(there) if id_ not in wanted)

    async def _standing(self) -> dict[str, int]:
        """Return the letters that stand in the stream; those that are one too many have a name of their own."""
        found: dict[str, int] = {}
        sequence = 1
        while (message := await self._message(seq=sequence, next_by_subj=subjects.dead_of(self._plugin))) is not None:
            place, id_ = message
            found[f"{id_} {place}" if not id_ or id_ in found else id_] = place
            sequence = place + 1
        return found

    async def _publish(self, there: dict[str, int], id_: str, event: str) -> None:
        parked = await self._shared.run(Store.parked_event, event)
        if parked is None or not id_.endswith(f"/{parked.version}"):
            return  # dealt with, or tried again, meanwhile: whoever did has woken us
        self._at("react.before_letter")
        document = letter(self._plugin, parked)
        subject = subjects.dead(parked.tenant, self._plugin)
        told_as = id_
        while True:
            answer = await self._ask(subject, document, {"Nats-Msg-Id": told_as, "Content-Type": CONTENT_TYPE})
            place = answer["seq"]
            if not answer.get("duplicate") or await self._message(seq=place) == (place, id_):
                break
            # The stream goes on remembering what was taken out of it: it has to be called otherwise.
            told_as = f"{id_}/{place}"
        self._at("react.after_letter")
        there[id_] = place

    async def _remove(self, there: dict[str, int], id_: str) -> None:
        """Take a letter out of the stream, unless what stands in its place is another: the stream was made anew."""
        place = there[id_]
        if await self._message(seq=place) != (place, id_.partition(" ")[0]):
            raise NatsError(f"{id_} is no longer where it was")
        self._at("react.before_letter_goes")
        # Nothing in it has to be overwritten: it holds no words.
        await self._ask(f"{_API}.DELETE.{subjects.STREAM_DEAD}", _encoded(seq=place, no_erase=True))
        self._at("react.after_letter_goes")
        del there[id_]

    async def _message(self, **which: Any) -> tuple[int, str] | None:
        """Return the stream sequence and id (letter and version) of a message, None where there is none."""
        answer = await self._ask(f"{_API}.GET.{subjects.STREAM_DEAD}", _encoded(**which), passing=NO_MESSAGE)
        message = answer.get("message")
        return None if message is None else (message["seq"], _message_id(b64decode(message.get("hdrs", ""))))

    async def _ask(
        self, subject: str, content: bytes, headers: dict[str, str] | None = None, *, passing: int = 0
    ) -> dict[str, Any]:
        async with asyncio.timeout(ANSWER_S):  # that of nats-py does not hold for sending, on a connection that broke
            message = await self._nc.request(subject, content, timeout=ANSWER_S, headers=headers)
        answer: dict[str, Any] = msgspec.json.decode(message.data)
        error = answer.get("error")
        if error and error.get("err_code") != passing:
            raise NatsError(f"{subject}: {error.get('err_code')} {error.get('description')}")
        return answer


def _message_id(headers: bytes) -> str:
    for line in headers.decode().split("\r\n"):
        name, _, value = line.partition(":")
        if name == "Nats-Msg-Id":
            return "/".join(value.strip().split("/")[:2])
    return ""


def _encoded(**request: Any) -> bytes:
    return msgspec.json.encode(request)


async def _some_at_once(work: Iterable[Awaitable[None]]) -> None:
    """Do all *work*, AT_ONCE at a time; raises the first error when those beside it have ended."""
    waiting = iter(work)
    while some := list(islice(waiting, AT_ONCE)):
        for done in await asyncio.gather(*some, return_exceptions=True):
            if done is not None:
                raise done
