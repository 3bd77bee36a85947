"""A command that would be accepted waits here while plugins are asked about it: what they say refuses it or lets it on.

This is the bus side of accept. The deciding thread hands a ticket over and goes on with its neighbours; a ticket that
passed is submitted once more, and from then on it is decided like any other: nobody is asked about it again.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from itertools import chain
from typing import TYPE_CHECKING, NamedTuple

import msgspec
import nats.errors

from milepost.accept.deciding import Ticket, failed
from milepost.tasks import end
from milepost_contracts import answers, reviews, subjects
from milepost_contracts.answers import Answer, Problem, Warn
from milepost_contracts.commands import COMMANDS, Command
from milepost_contracts.reviews import ReviewAnswer

if TYPE_CHECKING:
    from nats.aio.client import Client
    from structlog.typing import FilteringBoundLogger

# With reviews of half a second this is as much as a tenant may send by default (2,000 commands a second); each may
# hold 128 kB.
WAITING_MAX = 1024

_One = tuple[str, type[Command], bytes]
"""A command, however often it is sent: its tenant, its kind and its one form, which holds its command_id."""


class Late(NamedTuple):
    """A plugin that did not say what it was asked: `why` for programs, `told` for people."""

    plugin: str
    why: str  # `no_answer`, `not_running`, `not_asked`, `not_understood` or `failed`
    told: str
    codes: list[str]  # of what it said where it said `failed`

    def problem(self) -> Problem:
        """Return the reason with which the command is refused."""
        message = (
            f"The plugin {self.plugin!r} has to pass this command and {self.told}. Send the command again; if that "
            "does not help, whoever runs Milepost has to look after the plugin."
        )
        return Problem(code="review_late", message=message, details={"plugin": self.plugin, "why": self.why})

    def warning(self) -> Warn:
        """Return the warning with which the command is accepted all the same."""
        message = f"The plugin {self.plugin!r} reviews such commands and {self.told}; this one counts without it."
        return Warn(code="review_late", message=message)


class Reviews:
    """Asks plugins about tickets, all reviewers of one at the same time, and each once."""

    def __init__(
        self,
        reviewers: Mapping[tuple[str, str], tuple[str, ...]],
        *,
        limit_s: float,
        late_passes: bool,
        log: FilteringBoundLogger,
    ) -> None:
        """Take (aggregate, command) -> plugins, the time that each has, and whether a late one lets commands pass."""
        self.commands = {COMMANDS[key]: plugins for key, plugins in reviewers.items()}
        self._limit_s = limit_s
        self._late_passes = late_passes
        self._log = log
        self._waiting: dict[_One, list[Ticket]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._stopping = False

    def start(self, client: Client, submit: Callable[[Ticket], None]) -> None:
        """Begin to ask over *client*; what passes goes to *submit*."""
        self._loop = asyncio.get_running_loop()
        self._client = client
        self._submit = submit

    async def stop(self) -> None:
        """Answer what waits, and whatever else is handed over, `failed, retry`."""
        self._stopping = True
        waiting, self._waiting = self._waiting, {}
        for ticket in chain.from_iterable(waiting.values()):
            ticket.reply(ticket, _stopping())
        for task in tuple(self._tasks):
            await end(task)

    def ask(self, ticket: Ticket, version: int) -> None:
        """Have *ticket* reviewed, decided on *version* of its aggregate; from any thread."""
        self._loop.call_soon_threadsafe(self._begin, ticket, version)

    def _begin(self, ticket: Ticket, version: int) -> None:
        decoded = ticket.decoded
        one = (decoded.tenant, type(decoded.command), decoded.wish)
        if self._stopping:
            ticket.reply(ticket, _stopping())
        elif (same := self._waiting.get(one)) is not None:
            same.append(ticket)  # sent again while it is reviewed: one question, and the answer is for both
        elif len(self._waiting) >= WAITING_MAX:
            ticket.reply(ticket, failed("overloaded", "Too many commands wait for a review; send it again later."))
        else:
            self._waiting[one] = [ticket]
            task = asyncio.create_task(self._review(one, ticket, version))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _review(self, one: _One, ticket: Ticket, version: int) -> None:
        try:
            verdict = await self._verdict(ticket, version)
        except Exception:  # noqa: BLE001  whatever it is, somebody waits for an answer
            self._log.exception("defect", command=one[1].__name__, tenant=one[0])
            verdict = failed("internal_error", "The review of this command met a defect; it was logged.", retry=False)
        for waiting in self._waiting.pop(one, ()):
            if isinstance(verdict, list):
                waiting.review = None
                waiting.late = verdict
                waiting.attempts = 0
                self._submit(waiting)
            else:
                waiting.reply(waiting, verdict)

    async def _verdict(self, ticket: Ticket, version: int) -> list[Warn] | Answer:
        """Return the warnings with which *ticket* passes, or the answer that ends it."""
        left = ticket.until - time.monotonic()
        if left <= 0:
            return _no_time()
        command, tenant = ticket.decoded.command, ticket.decoded.tenant
        review = reviews.Review(
            aggregate=command.AGGREGATE, command=command.NAME, version=version, body=msgspec.Raw(ticket.decoded.wish)
        )
        request, limit_s = msgspec.json.encode(review), min(self._limit_s, left)
        plugins = self.commands[type(command)]
        said = await asyncio.gather(*(self._say(plugin, tenant, request, limit_s) for plugin in plugins))
        refused = [
            msgspec.structs.replace(problem, details=problem.details | {"plugin": plugin})
            for plugin, one in zip(plugins, said, strict=True)
            if isinstance(one, answers.Refused)
            for problem in one.errors
        ]
        late = [one for one in said if isinstance(one, Late)]
        if late and not refused and time.monotonic() >= ticket.until:
            return _no_time()  # they did not have the time that is theirs
        for one in late:
            self._log.warning(
                "review_late", plugin=one.plugin, why=one.why, codes=one.codes, passes=self._late_passes,
                tenant=tenant, command=review.name, command_id=command.command_id,
            )  # fmt: skip
        if not self._late_passes:
            refused += [one.problem() for one in late]
        return answers.Refused(errors=refused) if refused else [one.warning() for one in late]

    async def _say(self, plugin: str, tenant: str, request: bytes, limit_s: float) -> ReviewAnswer | Late:
        """Return what *plugin* says to *request*, or how it was late."""
        try:
            reply = await self._client.request(subjects.review(tenant, plugin), request, timeout=limit_s)
            said = reviews.decode_answer(reply.data)
        except nats.errors.TimeoutError:
            return Late(plugin, "no_answer", f"did not answer within {self._limit_s:g} s", [])
        except nats.errors.NoRespondersError:
            return Late(plugin, "not_running", "is not running", [])
        except nats.errors.Error as error:  # the connection has gone, or the broker does not take so large a message
            return Late(plugin, "not_asked", "could not be asked", [type(error).__name__])
        except msgspec.MsgspecError:
            return Late(plugin, "not_understood", "did not answer in a form that is understood", [])
        if isinstance(said, answers.Failed):
            return Late(plugin, "failed", "was not able to answer", [problem.code for problem in said.errors])
        return said


def _stopping() -> answers.Failed:
    return failed("stopping", "The service stops; send the same command again.")


def _no_time() -> answers.Failed:
    return failed("deadline_passed", "No time was left for the plugins that review this command; send it again.")
