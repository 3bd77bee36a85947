"""The hooks: an event becomes one effect for each endpoint that wants it; how endpoints fare is kept and acted upon."""

from __future__ import annotations

import asyncio
import datetime as dt
from typing import Any

import msgspec

from milepost_contracts.context import Context
from milepost_contracts.hooks import hook
from milepost_contracts.plugin import (
    Delivered,
    Effect,
    GiveUp,
    Health,
    Later,
    Manifest,
    Outcome,
    Permissions,
    PluginError,
    Question,
    Replay,
)
from milepost_webhooks import delivery
from milepost_webhooks.addresses import Resolve, resolve
from milepost_webhooks.config import Config, Endpoint, Secrets
from milepost_webhooks.exchange import Undelivered, tls
from milepost_webhooks.filters import wants
from milepost_webhooks.lines import Lines
from milepost_webhooks.requests import Again, Named, Nothing, Range, parsed, ranged
from milepost_webhooks.standing import GONE, Standing, arrived, disabled, failed, missing
from milepost_webhooks.targets import target

# An effect ends so without having been tried: that says nothing about its endpoint.
UNKNOWN, UNWANTED, DISABLED = "endpoint_unknown", "no_longer_wanted", "endpoint_disabled"


class Webhooks:
    """The plugin; *words*: the one that may open people's words. *resolve*: who resolves names."""

    def __init__(self, *, words: bool = False, resolve: Resolve = resolve) -> None:
        """Take the permission to open words, and the resolver."""
        self._words = words
        self._resolve = resolve
        # By event loop: with `MILEPOST_PLUGINS_INSIDE` several threads of the host share this object.
        self._lines: dict[asyncio.AbstractEventLoop, Lines] = {}

    @hook
    def manifest(self) -> Manifest:
        """All events, since endpoints choose among them; from now on, since nobody wants years of webhooks at once."""
        return Manifest(
            id="webhooks-words" if self._words else "webhooks",
            version=delivery.VERSION,
            summary="Sends events to endpoints as signed webhooks"
            + (", with people's words where an endpoint says so" if self._words else ""),
            subscriptions=("*",),
            stores=True,
            permissions=Permissions(words=("*",) if self._words else ()),
            effect_timeout_s=45.0,  # above timeout_s of the configuration, which is 30 at the most
        )

    @hook
    def config_schema(self) -> type[msgspec.Struct]:
        """See Config."""
        return Config

    @hook
    def secrets_schema(self) -> type[msgspec.Struct]:
        """See Secrets."""
        return Secrets

    @hook
    def start(self, context: Context) -> None:
        """Refuse to begin where an endpoint cannot be signed for, or would get words that it may not have."""
        config: Config = context.config
        for endpoint in config.endpoints:
            if endpoint.id not in context.secrets.endpoints:
                raise PluginError("invalid_config", f"endpoint {endpoint.id!r} has no secrets: see README.md")
            if endpoint.words and not self._words:
                raise PluginError(
                    "invalid_config",
                    f"endpoint {endpoint.id!r} says words = true: enable the plugin webhooks-words for it",
                )
        try:
            tls(config.ca_file)
        except OSError as error:
            raise PluginError("invalid_config", f"ca_file {config.ca_file!r} holds no certificates: {error}") from error

    @hook
    def health(self, context: Context) -> Health:
        """Say so where there is nobody to send to."""
        return Health(message="" if context.config.endpoints else "there are no endpoints: nothing is sent to anybody")

    @hook
    async def stop(self, context: Context) -> None:  # noqa: ARG002  there is nothing to look at
        """Say goodbye to receivers: connections that are kept for the next event are closed."""
        if (lines := self._lines.pop(asyncio.get_running_loop(), None)) is not None:
            await lines.close()

    def _ways(self) -> delivery.Ways:
        """Return how endpoints are reached from this event loop; one that was ended has no connections any more."""
        loop = asyncio.get_running_loop()
        for ended in [one for one in list(self._lines) if one.is_closed()]:
            self._lines.pop(ended, None)
        if loop not in self._lines:
            self._lines[loop] = Lines()
        return delivery.Ways(self._resolve, self._lines[loop])

    @hook
    def on_event(self, event: Delivered, context: Context) -> None:
        """Ask for one delivery for each endpoint that wants *event*; what a disabled one misses is noted."""
        for endpoint in context.config.endpoints:
            if endpoint.enabled and wants(endpoint, event):
                self._ask(endpoint, event, context, {"endpoint": endpoint.id})

    @hook
    def on_replayed(self, event: Delivered, replay: Replay, context: Context) -> None:
        """Ask for the delivery of a past event once more, where it is in the range and still wanted."""
        asked = replay.arguments
        endpoint = context.config.endpoint(asked["endpoint"])
        since, until = asked["since"], asked["until"]
        if endpoint is None or not endpoint.enabled or not wants(endpoint, event):
            return
        if since is not None and event.recorded < dt.datetime.fromisoformat(since):
            return
        if until is not None and event.recorded > dt.datetime.fromisoformat(until):
            return
        again = {"replay": replay.id} if asked["new_ids"] else {}
        self._ask(endpoint, event, context, {"endpoint": endpoint.id, **again})

    def _ask(self, endpoint: Endpoint, event: Delivered, context: Context, arguments: dict[str, Any]) -> None:
        standing = _standing(context, endpoint.id)
        if standing.disabled:
            _stands(context, endpoint.id, missing(standing, event.sequence))
        else:
            context.effect(f"deliver:{endpoint.id}", arguments)

    @hook
    async def perform(self, effect: Effect, context: Context) -> None:
        """Send one event to one endpoint."""
        config: Config = context.config
        endpoint = config.endpoint(effect.arguments["endpoint"])
        if endpoint is None:
            raise GiveUp(UNKNOWN)
        standing = _standing(context, endpoint.id)
        if standing.disabled or not endpoint.enabled:
            raise GiveUp(DISABLED)
        # The configuration may have changed since the event was asked for: nobody gets what is not theirs any more.
        if not wants(endpoint, effect.event):
            raise GiveUp(UNWANTED)
        if standing.held_until is not None and (left := (standing.held_until - context.now).total_seconds()) > 0:
            raise Later(left, "held", tried=False)
        content = delivery.body(effect.event, words=endpoint.words)
        id_ = delivery.message_id(effect.event, endpoint, effect.arguments.get("replay", ""))
        signature = delivery.signed(id_, content, context.secrets.endpoints[endpoint.id].signing, context.now)
        try:
            await delivery.deliver(endpoint, content, signature, config, self._ways())
        except Undelivered as error:
            if error.code == GONE:
                raise GiveUp(GONE) from error
            delay_s = delivery.delay_s(effect.attempt, error.retry_after, effect.key, config, context.now)
            if delay_s is None:
                raise GiveUp(error.code) from error
            raise Later(delay_s, error.code) from error

    @hook
    def on_performed(self, effect: Effect, outcome: Outcome, context: Context) -> None:
        """Note how the endpoint fares; disable it when it is gone, or has failed for too long."""
        id_ = effect.arguments["endpoint"]
        if outcome.code in (UNKNOWN, UNWANTED):
            return
        before = after = _standing(context, id_)
        if outcome.ok:
            after = arrived(before)
        elif outcome.code != DISABLED:
            after = failed(before, outcome, context.config, context.now)
            context.log("not delivered", endpoint=id_, code=outcome.code, attempt=effect.attempt, final=outcome.final)
        if outcome.final and not outcome.ok:
            after = missing(after, effect.event.sequence)
        if after != before:
            _stands(context, id_, after)
        if after.disabled and not before.disabled:
            _tell_disabled(context, id_, after)

    @hook
    def act(self, question: Question, context: Context) -> dict[str, Any] | None:
        """Enable or disable an endpoint by hand, or send it a range of past events again."""
        match question.name:
            case "enable":
                return self._enable(_asked_for(question, Named, context), context)
            case "disable":
                return self._disable(_asked_for(question, Named, context), context)
            case "replay":
                return self._replay(_asked_for(question, Again, context), context)
        return None

    def _enable(self, request: Named, context: Context) -> dict[str, Any]:
        standing = _standing(context, request.endpoint)
        if standing.disabled:
            context.fact("endpoint_enabled", {"endpoint": request.endpoint})
        _stands(context, request.endpoint, Standing(missed=standing.missed))
        return {"endpoint": request.endpoint, "missed": msgspec.to_builtins(standing.missed)}

    def _disable(self, request: Named, context: Context) -> dict[str, Any]:
        standing = _standing(context, request.endpoint)
        if not standing.disabled:
            standing = disabled(standing, "by_hand", context.now)
            _stands(context, request.endpoint, standing)
            _tell_disabled(context, request.endpoint, standing)
        return {"endpoint": request.endpoint, "disabled": standing.disabled}

    def _replay(self, request: Again, context: Context) -> dict[str, Any]:
        standing = _standing(context, request.endpoint)
        endpoint = context.config.endpoint(request.endpoint)
        if standing.disabled or not endpoint.enabled:
            raise PluginError(DISABLED, f"{request.endpoint} is disabled: enable it, then replay")
        meant = ranged(request)
        if request.from_ is None and request.to is None:
            if standing.missed is None:
                raise PluginError("nothing_missed", f"{request.endpoint} has missed nothing: say from and to")
            meant = Range(first=standing.missed.first, last=standing.missed.last)
        if _covers(meant, standing):
            _stands(context, request.endpoint, msgspec.structs.replace(standing, missed=None))
        bounds = msgspec.to_builtins(meant)
        context.redeliver(
            meant.first,
            meant.last,
            {"endpoint": endpoint.id, "new_ids": request.new_ids, "since": bounds["since"], "until": bounds["until"]},
        )
        return {"endpoint": endpoint.id, "new_ids": request.new_ids, **bounds}

    @hook
    def answer(self, question: Question, context: Context) -> list[dict[str, Any]] | None:
        """Tell an administrator how the endpoints of the tenant stand; of URLs no path, which may hold a secret."""
        if question.name != "endpoints":
            return None
        if "admin" not in question.roles:
            raise PluginError("not_allowed", "only an administrator of the tenant may see its endpoints")
        parsed(question.arguments, Nothing)
        return [
            {
                "endpoint": one.id,
                "origin": target(one.url, context.config.ports, allow_http=True).origin,
                "events": list(one.events),
                "enabled": one.enabled,
                **msgspec.to_builtins(_standing(context, one.id)),
            }
            for one in context.config.endpoints
            if _of(one, context.tenant)
        ]

    @hook
    def on_person_erased(self, person: str, context: Context) -> None:
        """Nothing is kept of people: of events their sequences, of endpoints codes and instants."""


def _of(endpoint: Endpoint, tenant: str) -> bool:
    return tenant in endpoint.tenants or "*" in endpoint.tenants


def _standing(context: Context, id_: str) -> Standing:
    found: Standing = context.state.get(f"endpoint/{id_}", Standing, Standing())
    return found


def _stands(context: Context, id_: str, standing: Standing) -> None:
    if standing == Standing():
        context.state.delete(f"endpoint/{id_}")
    else:
        context.state.set(f"endpoint/{id_}", standing)


def _tell_disabled(context: Context, id_: str, standing: Standing) -> None:
    """Say aloud that an endpoint is disabled, so that somebody can be told by other ways."""
    told = {"endpoint": id_, "why": standing.disabled, "failing_since": standing.failing_since}
    context.fact("endpoint_disabled", {**told, "failures": standing.failures, "code": standing.code})
    context.log("endpoint disabled", endpoint=id_, why=standing.disabled, code=standing.code)


def _asked_for(question: Question, kind: type[Any], context: Context) -> Any:
    request = parsed(question.arguments, kind)
    endpoint = context.config.endpoint(request.endpoint)
    if endpoint is None or not _of(endpoint, context.tenant):
        raise PluginError(UNKNOWN, f"there is no endpoint {request.endpoint!r} of this tenant")
    return request


def _covers(meant: Range, standing: Standing) -> bool:
    """Whether the range has all that was missed, so that nothing of it needs to be remembered."""
    if standing.missed is None or meant.since is not None or meant.until is not None:
        return False
    return meant.first <= standing.missed.first and (meant.last is None or meant.last >= standing.missed.last)
