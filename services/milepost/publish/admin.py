"""The relay's verbs for other processes, on `goals.admin.v1.publish.>`: who may use them is settled by the broker.

`status` answers a Status. `reconcile` and `refill` start a job in one of the publishing processes and answer where
to ask for it: on `job.{process}`, with progress, then the report, its findings page by page.
"""

from __future__ import annotations

import asyncio
import secrets
from typing import Literal

import msgspec
import nats.errors
from nats.aio.client import Client
from nats.aio.msg import Msg

from milepost.journal import JournalError
from milepost.logs import logger
from milepost.publish.jetstream import UNREACHABLE, ApiError
from milepost.publish.publisher import BusyError, Publisher
from milepost.publish.refill import CommandRecord
from milepost.publish.relay import FaultPoint, nowhere
from milepost.publish.reports import (
    HaltError,
    Progress,
    Reconciled,
    Refilled,
    Status,
    no_progress,
)
from milepost.publish.source import Source
from milepost.publish.streams import StreamError
from milepost_contracts.subjects import ADMIN

SUBJECT = f"{ADMIN}.publish"
QUEUE = "publish"
# A page of findings stays far below the largest message.
FINDINGS_PAGE = 500
# Counting what is behind reads a database; the rest of an answer is immediate.
ANSWER_S_MAX = 10.0
# How often progress is asked for: a bar that moves for the eye.
LOOK_S = 0.2

Verb = Literal["status", "reconcile", "refill"]
log = logger("publish")


class Request(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A verb; it stands in the body too, so that no other document on the subject is ever taken for it."""

    verb: Verb


class JobRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Ask for a job, with its findings after the first *skip*."""

    job: str
    skip: int = 0


class Problem(msgspec.Struct, frozen=True, tag_field="status", tag="failed"):
    """Why not: `busy`, `unknown_job`, `invalid_request`, a halt's code, or `unavailable`."""

    code: str
    message: str


class Now(msgspec.Struct, frozen=True, tag_field="status", tag="now"):
    """The answer to `status`."""

    relay: Status


class Started(msgspec.Struct, frozen=True, tag_field="status", tag="started"):
    """The job runs: ask on `job.{process}`."""

    process: str
    job: str


class Running(msgspec.Struct, frozen=True, tag_field="status", tag="running"):
    """How far the job is, in events."""

    done: int
    total: int


class Done(msgspec.Struct, frozen=True, tag_field="status", tag="done"):
    """The job's report; of the findings of a Reconciled this is one page, and how many there are."""

    report: Reconciled | Refilled
    findings: int = 0


AdminAnswer = Problem | Now | Started | Running | Done


class AdminError(RuntimeError):
    """A verb was not done; `code` as in Problem, or `publish_unreachable` where no publishing process answers."""

    def __init__(self, code: str, message: str) -> None:
        """Keep the stable *code* beside the message."""
        super().__init__(message)
        self.code = code


async def serve(nc: Client, source: Source, *, replicas: int = 1, at: FaultPoint = nowhere) -> None:
    """Run the whole stage until cancelled: relay, refills recorded on the bus, and the verbs."""
    publisher = Publisher(nc, source, CommandRecord(nc), replicas=replicas, at=at)
    async with asyncio.TaskGroup() as both:
        both.create_task(publisher.run())
        both.create_task(AdminService(nc, publisher).run())


class _Job:
    """A reconcile or refill under way, or its outcome."""

    def __init__(self, verb: Verb) -> None:
        self.id = secrets.token_hex(8)
        self.verb = verb
        self.done = 0
        self.total = 0
        self.report: Reconciled | Refilled | None = None
        self.problem: Problem | None = None

    def progress(self, done: int, total: int) -> None:
        self.done, self.total = done, total

    @property
    def running(self) -> bool:
        return self.report is None and self.problem is None


class AdminService:
    """Answers the verbs for *publisher*; one job at a time, the newest one's outcome is kept."""

    def __init__(self, nc: Client, publisher: Publisher) -> None:
        """Keep the ends; nothing is subscribed before `run`."""
        self._nc = nc
        self._publisher = publisher
        self._process = secrets.token_hex(8)
        self._job: _Job | None = None
        self._task: asyncio.Task[None] | None = None

    async def run(self) -> None:
        """Answer until cancelled; a job that runs ends with it."""
        subscriptions = [
            await self._nc.subscribe(f"{SUBJECT}.{verb}", QUEUE, cb=self._verb)
            for verb in ("status", "reconcile", "refill")
        ]
        subscriptions.append(await self._nc.subscribe(f"{SUBJECT}.job.{self._process}", cb=self._ask))
        try:
            await asyncio.Event().wait()
        finally:
            if self._task is not None:
                self._task.cancel()
                await asyncio.wait([self._task])
            if self._nc.is_connected:
                for subscription in subscriptions:
                    await subscription.unsubscribe()

    async def _verb(self, message: Msg) -> None:
        verb = message.subject.rpartition(".")[2]
        try:
            asked = msgspec.json.decode(message.data, type=Request)
        except msgspec.MsgspecError as error:
            await self._answer(message, Problem("invalid_request", str(error)))
            return
        if asked.verb != verb:
            await self._answer(message, Problem("invalid_request", f"{asked.verb!r} on the subject of {verb!r}"))
        elif verb == "status":
            await self._answer(message, Now(await self._publisher.status()))
        elif self._job is not None and self._job.running:
            await self._answer(message, Problem("busy", f"{self._job.verb} is under way"))
        else:
            log.warning("started", verb=verb)
            self._job = _Job(asked.verb)
            self._task = asyncio.create_task(self._work(self._job))
            self._task.add_done_callback(_tell_defect)
            await self._answer(message, Started(self._process, self._job.id))

    async def _work(self, job: _Job) -> None:
        work = self._publisher.reconcile if job.verb == "reconcile" else self._publisher.refill
        try:
            job.report = await work(job.progress)
        except (HaltError, BusyError, JournalError) as error:
            job.problem = Problem(error.code, str(error))
        except StreamError as error:
            job.problem = Problem("misconfigured", str(error))
        except (ApiError, *UNREACHABLE) as error:
            job.problem = Problem("unavailable", f"{type(error).__name__}: {error}")
        finally:
            if job.running:
                job.problem = Problem("unavailable", "the publishing process stopped")
            log.warning("ended", verb=job.verb, problem=job.problem.code if job.problem else None)

    async def _ask(self, message: Msg) -> None:
        try:
            asked = msgspec.json.decode(message.data, type=JobRequest)
        except msgspec.MsgspecError as error:
            await self._answer(message, Problem("invalid_request", str(error)))
            return
        await self._answer(message, self._outcome(asked))

    def _outcome(self, asked: JobRequest) -> AdminAnswer:
        job = self._job
        if job is None or job.id != asked.job:
            return Problem("unknown_job", "this process does not know the job: it ended before")
        if job.problem is not None:
            return job.problem
        if isinstance(job.report, Reconciled):
            page = job.report.findings[asked.skip : asked.skip + FINDINGS_PAGE]
            return Done(msgspec.structs.replace(job.report, findings=page), len(job.report.findings))
        if job.report is not None:
            return Done(job.report)
        return Running(job.done, job.total)

    async def _answer(self, message: Msg, answer: AdminAnswer) -> None:
        await self._nc.publish(message.reply, msgspec.json.encode(answer))  # without the asker's own headers


def _tell_defect(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        log.error("defect", exc_info=error)


class PublishAdmin:
    """The same verbs from another process, for the command line. Every call raises AdminError."""

    def __init__(self, nc: Client, *, look_s: float = LOOK_S) -> None:
        """Keep the connection, which must be one that may use the subject (role `cli`)."""
        self._nc = nc
        self._look_s = look_s

    async def status(self) -> Status:
        """Return what the relay does."""
        answer = await self._request("status", Request("status"))
        if not isinstance(answer, Now):
            raise _unexpected(answer)
        return answer.relay

    async def reconcile(self, progress: Progress = no_progress) -> Reconciled:
        """Compare journal and stream and return every difference."""
        started, done = await self._work("reconcile", progress)
        report = done.report
        findings = list(report.findings) if isinstance(report, Reconciled) else []
        while len(findings) < done.findings:
            page = await self._request(f"job.{started.process}", JobRequest(started.job, len(findings)))
            if not isinstance(page, Done) or not isinstance(page.report, Reconciled) or not page.report.findings:
                raise _unexpected(page)
            findings += page.report.findings
        if not isinstance(report, Reconciled):
            raise _unexpected(done)
        return msgspec.structs.replace(report, findings=findings)

    async def refill(self, progress: Progress = no_progress) -> Refilled:
        """Empty the stream and fill it again from the journal; the only way on after a halt."""
        _, done = await self._work("refill", progress)
        if not isinstance(done.report, Refilled):
            raise _unexpected(done)
        return done.report

    async def _work(self, verb: Verb, progress: Progress) -> tuple[Started, Done]:
        started = await self._request(verb, Request(verb))
        if not isinstance(started, Started):
            raise _unexpected(started)
        while True:
            answer = await self._request(f"job.{started.process}", JobRequest(started.job))
            if isinstance(answer, Done):
                progress(answer.report.events, answer.report.events)
                return started, answer
            if not isinstance(answer, Running):
                raise _unexpected(answer)
            progress(answer.done, answer.total)
            await asyncio.sleep(self._look_s)

    async def _request(self, verb: str, request: msgspec.Struct) -> AdminAnswer:
        try:
            reply = await self._nc.request(f"{SUBJECT}.{verb}", msgspec.json.encode(request), timeout=ANSWER_S_MAX)
        except nats.errors.NoRespondersError as error:
            raise AdminError("publish_unreachable", "no publishing process answers: is `publish` running?") from error
        except UNREACHABLE as error:
            raise AdminError("publish_unreachable", f"{type(error).__name__}: {error}") from error
        return _decoder.decode(reply.data)


_decoder: msgspec.json.Decoder[AdminAnswer] = msgspec.json.Decoder(AdminAnswer)


def _unexpected(answer: AdminAnswer) -> AdminError:
    if isinstance(answer, Problem):
        return AdminError(answer.code, answer.message)
    return AdminError("unexpected_answer", f"{type(answer).__name__} is no answer to that")
