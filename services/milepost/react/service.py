"""The plugin host: a worker for each plugin that may run, and what others ask of them over the bus."""

from __future__ import annotations

import asyncio
import difflib
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription

from milepost.intake import QueryDecoder, subscribed
from milepost.ordered import StreamState, stream_state
from milepost.react.admin import Admin
from milepost.react.heard import Defect
from milepost.react.installed import Installed, allowed, hello, installed
from milepost.react.process import Died
from milepost.react.rehearsal import rehearse
from milepost.react.reports import Dry
from milepost.react.reviewing import reviewed
from milepost.react.seeding import granted
from milepost.react.store import Store
from milepost.react.worker import Around, Config, Worker
from milepost_contracts import reviews
from milepost_contracts.answers import Failed, Invalid, Problem, Refused
from milepost_contracts.plugin import PluginError, Question
from milepost_contracts.queries import PLUGIN_QUERIES, AskPlugin, AskPluginAnswer, QueryAnswer
from milepost_contracts.subjects import ADMIN

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from structlog.typing import FilteringBoundLogger

QUEUE = "react"
RETRY_S = 30.0  # a plugin that does not load is tried again after so long: what it needs may have been mended
Roles = Callable[[str, str], "Awaitable[tuple[str, ...]]"]
"""(tenant, actor) -> the roles that the tenant gives it; raises ConnectionError."""


class Options(NamedTuple):
    """The settings that concern plugins."""

    url: str
    allowed: str
    folder: Path
    memory_bytes: int
    blocks: bool
    review_s: float
    gateways: frozenset[str]
    inside: frozenset[str] = frozenset()  # trusted plugins, which run in the host's own process


class ReactService:
    """Runs plugins until stopped."""

    def __init__(
        self,
        nc: Client,
        around: Around,
        options: Options,
        *,
        roles: Roles,
        find: Callable[[], dict[str, Installed]] = installed,
    ) -> None:
        """Take the connection for what is asked here, what workers need, settings, who tells roles, what is there."""
        self._find = find
        self._nc = nc
        self._around = around
        self._options = options
        self._roles = roles
        self._log: FilteringBoundLogger = around.log
        self._decoder = QueryDecoder(PLUGIN_QUERIES.values(), options.gateways)
        self._subscriptions: list[Subscription] = []
        self._answering: set[asyncio.Task[None]] = set()
        self.installed: dict[str, Installed] = {}
        self.workers: dict[str, Worker] = {}
        self.admin = Admin(self)

    @property
    def allowed(self) -> list[str]:
        """The plugins that the settings let run."""
        return allowed(self._options.allowed)

    @property
    def clock(self) -> Callable[[], Any]:
        """The time."""
        return self._around.clock

    async def start(self) -> None:
        """Begin to run plugins and to answer; returns when the broker knows the subscriptions."""
        self.installed = await asyncio.to_thread(self._find)
        for name in self.allowed:
            if name in self.installed:
                self.workers[name] = self._worker(self.installed[name])
                self.workers[name].start()
            else:
                self._log.error("plugin_not_installed", plugin=name, installed=sorted(self.installed))
        for subject, queue, answer in (
            # Every host hears these, and the one that has the plugin answers.
            ("goals.query.v1.*.*.ask_plugin", "", self._asked),
            ("goals.review.v1.*.*", "", self._review),
            (f"{ADMIN}.react.*", QUEUE, self._administer),
        ):
            self._subscriptions.append(await self._nc.subscribe(subject, queue=queue, cb=self._each(answer)))
        await subscribed(self._nc)

    async def stream(self) -> StreamState:
        """Return the state of GOALS; raises NoStream, NatsError."""
        return await stream_state(self._nc)

    async def rehearse(self, worker: Worker) -> Dry:
        """Return what a plugin would do with all of history."""
        return await rehearse(worker.config, self._around)

    async def seed(self, worker: Worker) -> None:
        """Let a plugin's store know every grant that its facts tell, so that none is given again."""
        found = await granted(self._nc, worker.name)
        fresh = await worker.shared.run(Store.seed_grants, found)
        self._log.info("grants_rebuilt", plugin=worker.name, facts=len(found), new=fresh)

    async def stop(self) -> None:
        """Answer what was asked, and end the plugins."""
        for subscription in self._subscriptions:
            await subscription.drain()  # type: ignore[no-untyped-call]  # nats-py leaves it out
        if self._answering:
            await asyncio.wait(self._answering)
        await asyncio.gather(*(worker.stop() for worker in self.workers.values()))

    def _worker(self, plugin: Installed) -> Worker:
        options = self._options
        config = Config(
            name=plugin.name,
            value=plugin.value,
            read=lambda: hello(plugin, options.folder, options.memory_bytes),
            url=options.url,
            blocks=options.blocks,
            inside=plugin.name in options.inside,
        )
        return Worker(config, self._around)

    def _each(self, answer: Callable[[Msg], Awaitable[bytes | None]]) -> Callable[[Msg], Awaitable[None]]:
        """Answer each message by itself: one that waits for a slow plugin keeps nobody else waiting.

        None: another host answers.
        """

        async def one(message: Msg) -> None:
            began = time.monotonic()
            try:
                body = await answer(message)
            except Exception:  # noqa: BLE001  whoever asks is answered, whatever defect the question meets
                self._log.exception("defect", subject=message.subject)
                problem = Problem(code="internal_error", message="This question met a defect; it was logged.")
                body = msgspec.json.encode(Failed(errors=[problem], retry=False))
            if body is None:
                return
            if message.reply:
                await self._nc.publish(message.reply, body)
            self._log.info("asked", subject=message.subject, ms=round((time.monotonic() - began) * 1000, 2))

        async def take(message: Msg) -> None:
            task = asyncio.create_task(one(message))
            self._answering.add(task)
            task.add_done_callback(self._answering.discard)

        return take

    # What is asked

    async def _asked(self, message: Msg) -> bytes | None:
        decoded = self._decoder.decode(message.subject, message.data)
        if isinstance(decoded, Invalid | Refused):
            return msgspec.json.encode(decoded)
        tenant, query = decoded
        assert isinstance(query, AskPlugin)  # noqa: S101  the decoder knows no other
        if self._elsewhere(query.plugin):
            return None
        return msgspec.json.encode(await self._answered(tenant, query))

    async def _answered(self, tenant: str, query: AskPlugin) -> QueryAnswer:
        worker = self.workers.get(query.plugin)
        if worker is not None and worker.manifest is None and worker.state in ("starting", "waiting"):
            # In a moment it runs, or the question reaches the host that has it: the asker asks again.
            message = f"The plugin {query.plugin} is {worker.state} here."
            return Failed(errors=[Problem(code="plugin_silent", message=message)], retry=True)
        if worker is None or worker.manifest is None:
            message = self._not_here(query.plugin)
            return Refused(errors=[Problem(code="plugin_unknown", field="plugin", message=message)])
        try:
            roles = await self._roles(tenant, query.actor)
            question = Question(
                name=query.name, tenant=tenant, actor=query.actor, roles=roles, arguments=query.arguments
            )
            result = await worker.answer(question)
        except (Died, ConnectionError, TimeoutError) as error:
            return Failed(errors=[Problem(code="plugin_silent", message=f"{query.plugin} does not answer: {error}")])
        except Defect as defect:  # the same question again meets it again
            return Failed(errors=[Problem(code=defect.code, message=str(defect))], retry=False)
        except PluginError as error:
            return Refused(errors=[Problem(code=error.code, message=str(error))])
        if result is None:
            message = f"The plugin {query.plugin} knows no question {query.name!r}; see its README."
            return Refused(errors=[Problem(code="question_unknown", field="name", message=message)])
        return AskPluginAnswer(plugin=query.plugin, version=worker.manifest.version, result=result)

    def _not_here(self, name: str) -> str:
        """Say why the plugin *name* cannot be asked; which could, where it is none of them."""
        if name in self.workers:
            return f"The plugin {name} is {self.workers[name].state.replace('_', ' ')} here."
        if name in self.installed:
            return f"The plugin {name} is installed, but not on the allow-list (MILEPOST_PLUGINS)."
        near = difflib.get_close_matches(name, self.workers, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(self.workers) or 'none'}."
        return f"There is no plugin {name!r} running here: {hint}"

    def _elsewhere(self, plugin: str) -> bool:
        worker = self.workers.get(plugin)
        return worker is not None and worker.state == "waiting"

    async def _review(self, message: Msg) -> bytes | None:
        tenant, plugin = message.subject.split(".")[3:5]
        if self._elsewhere(plugin):
            return None
        worker = self.workers.get(plugin)
        if worker is None or worker.manifest is None:
            problem = Problem(code="not_running", message=f"There is no plugin {plugin!r} running here.")
            return msgspec.json.encode(Failed(errors=[problem]))
        try:
            command = reviewed(tenant, reviews.decode(message.data), worker.manifest)
            refusals = await worker.review(command, self._options.review_s) if command is not None else []
        except (Defect, Died, PluginError, msgspec.MsgspecError) as error:
            code = getattr(error, "code", "invalid_review")
            return msgspec.json.encode(Failed(errors=[Problem(code=code, message=str(error))]))
        if not refusals:
            return msgspec.json.encode(reviews.Passed())
        problems = [Problem(code=one.code, message=one.message, field=one.field) for one in refusals]
        return msgspec.json.encode(Refused(errors=problems))

    async def _administer(self, message: Msg) -> bytes:
        return await self.admin.answer(message.subject.rpartition(".")[2], message.data)
