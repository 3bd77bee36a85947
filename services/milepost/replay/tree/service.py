"""The log runs beside the answering: it follows the journal, signs, carries checkpoints away and answers its verbs."""

from __future__ import annotations

import asyncio
import contextlib
from base64 import b64encode
from collections.abc import Awaitable, Callable, Iterable, Sequence

import msgspec
from nats.aio.client import Client
from nats.aio.msg import Msg
from structlog.typing import FilteringBoundLogger

from milepost.journal import JournalError
from milepost.replay.tree.admin import SUBJECT, AdminAnswer, Keys, Line, Page, Problem, Request, Rotated, Shown
from milepost.replay.tree.carrying import Carrying
from milepost.replay.tree.cosigning import cosign, cosignatures
from milepost.replay.tree.folder import ProofFolder, TreeInUse
from milepost.replay.tree.grower import Grower
from milepost.replay.tree.signing import SigningKeyError, SigningKeys
from milepost.replay.tree.tree import TreeDiverged, command_id
from milepost.tasks import whole
from milepost_contracts.answers import Accepted, Answer
from milepost_contracts.commands.tenant import RecordSigningKey
from milepost_contracts.proofs.checkpoints import Checkpoint
from milepost_contracts.proofs.notes import NoteError, VerifierKey
from milepost_contracts.subjects import tenant_id

POLL_S = 1.0  # how late a leaf may be: checkpoints are further apart, and rarer looks make larger, cheaper reads
ACTOR = "service:replay"

Send = Callable[[str, RecordSigningKey], Awaitable[Answer]]


class TreeService:
    """Grows all trees in this process, or waits to do so while another process does."""

    def __init__(
        self,
        nc: Client,
        grower: Grower,
        keys: SigningKeys,
        carrying: Sequence[Carrying],
        *,
        send: Send,
        witnesses: Iterable[VerifierKey],
        log: FilteringBoundLogger,
        poll_s: float = POLL_S,
    ) -> None:
        """Take the ends; nothing begins before `start`. *send* brings a command to accept."""
        self._nc = nc
        self._grower = grower
        self._keys = keys
        self._carrying = carrying
        self._send = send
        self._witnesses = list(witnesses)
        self._log = log
        self._poll_s = poll_s
        self._stopping = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._unrecorded: dict[str, str] = {}

    def start(self) -> asyncio.Task[None]:
        """Begin; return the task, which ends with `stop` or with a defect."""
        self._task = asyncio.create_task(self._run())
        return self._task

    async def stop(self) -> None:
        """Sign and carry what is left, and end."""
        self._stopping.set()
        if self._task is not None:
            await asyncio.wait([self._task])

    def troubles(self) -> list[str]:
        """Return what keeps checkpoints from being signed, for `/readyz`."""
        return [f"{trouble.code}: {tenant}" for tenant, trouble in sorted(self._grower.troubles.items())]

    async def _run(self) -> None:
        waited = False
        while not self._grower.is_open:
            try:
                await whole(asyncio.to_thread(self._begin))
            except TreeInUse as error:
                if not waited:
                    self._log.warning(error.code, why=str(error))
                waited = True
            except (JournalError, OSError) as error:
                self._log.error("tree_not_begun", why=f"{type(error).__name__}: {error}")
            if self._stopping.is_set():
                return
            if not self._grower.is_open:
                await self._pause()
        subscription = await self._nc.subscribe(f"{SUBJECT}.*", cb=self._asked)
        try:
            while not self._stopping.is_set():
                await self._round()
                await self._pause()
        finally:
            await whole(self._end())
            with contextlib.suppress(OSError):
                if self._nc.is_connected:
                    await subscription.unsubscribe()

    def _begin(self) -> None:
        for carrying in self._carrying:
            carrying.begin()
        self._grower.open()

    async def _end(self) -> None:
        with contextlib.suppress(JournalError):
            await asyncio.to_thread(self._grower.step)
        await asyncio.to_thread(self._grower.close)
        await self._carry(now=True)

    async def _round(self) -> None:
        try:
            await whole(asyncio.to_thread(self._grower.step))
            await self._record_keys()
        except (JournalError, SigningKeyError, OSError) as error:
            self._log.warning("tree_waits", why=f"{type(error).__name__}: {error}")
        await self._carry()

    async def _carry(self, *, now: bool = False) -> None:
        for tenant, size in self._grower.signed():
            for carrying in self._carrying:
                carrying.add(tenant, size)
        await asyncio.gather(*(carrying.carry(now=now) for carrying in self._carrying))

    async def _record_keys(self) -> None:
        """Have each new key told of by an event; who does not answer is asked again the next time."""
        for tenant, old, new in await asyncio.to_thread(self._grower.unrecorded):
            command = RecordSigningKey(
                command_id=command_id(tenant, new), id=tenant_id(tenant), actor=ACTOR, old=str(old), new=str(new)
            )
            answer = await self._send(tenant, command)
            why = (
                "" if isinstance(answer, Accepted) else "; ".join(f"{one.code}: {one.message}" for one in answer.errors)
            )
            if why and self._unrecorded.get(tenant) != why:  # asked again every second, told once
                self._log.error("signing_key_not_recorded", tenant=tenant, why=why)
            self._unrecorded[tenant] = why

    async def _pause(self) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._stopping.wait(), self._poll_s)

    async def _asked(self, message: Msg) -> None:
        answer: AdminAnswer
        try:
            request = msgspec.json.decode(message.data, type=Request)
            if request.verb != message.subject.rpartition(".")[2]:
                answer = Problem("invalid_request", f"{request.verb!r} on the subject {message.subject}")
            else:
                answer = await asyncio.to_thread(self._answer, request)
        except msgspec.MsgspecError as error:
            answer = Problem("invalid_request", str(error))
        except (NoteError, SigningKeyError, TreeDiverged, JournalError) as error:
            answer = Problem(error.code, str(error))
        except OSError as error:
            answer = Problem("tree_unwritable", str(error))
        await self._nc.publish(message.reply, msgspec.json.encode(answer))  # without the asker's own headers

    def _answer(self, request: Request) -> AdminAnswer:
        folder = ProofFolder(self._grower.proofs, request.tenant)
        if request.verb == "keys":
            lines = [str(key) for key in self._keys.verifiers(request.tenant)]
            return Keys(lines, recorded=all(one[0] != request.tenant for one in self._grower.unrecorded()))
        if request.verb == "rotate":
            return self._rotate(request.tenant)
        if request.verb == "checkpoints":
            return self._page(folder, request)
        size = request.size
        if request.verb == "cosign":
            size, _ = cosign(folder, request.note, self._keys.verifiers(request.tenant), self._witnesses)
        note = folder.newest() if size is None else folder.note(size)
        if note is None:
            return Problem("checkpoint_unknown", "No such checkpoint was signed.")
        own = self._keys.verifiers(request.tenant)
        troubles = [f"{carrying.name}: {carrying.trouble}" for carrying in self._carrying if carrying.trouble]
        if trouble := self._grower.troubles.get(request.tenant):
            troubles.insert(0, f"{trouble.code}: {trouble.message}")
        size = Checkpoint.parse(note.text).size
        return Shown(str(note), size, cosignatures(note, own, self._witnesses), troubles)

    def _rotate(self, tenant: str) -> Rotated | Problem:
        if trouble := self._grower.troubles.get(tenant):
            return Problem(trouble.code, trouble.message)
        try:
            old, new = self._grower.rotate(tenant)
        except KeyError:
            return Problem("tenant_unknown", f"{tenant} has no log yet: it begins with the tenant's first event")
        return Rotated(str(old), str(new))

    def _page(self, folder: ProofFolder, request: Request) -> Page:
        sizes = folder.sizes()
        if request.size is not None:
            sizes = [size for size in sizes if size < request.size]
        own = {(key.name, key.key_id) for key in self._keys.verifiers(request.tenant)}
        lines = []
        for size in sizes[: -request.limit - 1 : -1]:
            if (note := folder.note(size)) is not None:
                cosigned = sum((one.name, one.key_id) not in own for one in note.signatures)
                lines.append(Line(size, b64encode(Checkpoint.parse(note.text).root).decode(), cosigned))
        return Page(lines, more=len(sizes) > request.limit)
