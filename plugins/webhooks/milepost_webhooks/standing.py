"""How an endpoint stands: since when it fails, whether it is disabled, and what it has missed. Kept per tenant."""

from __future__ import annotations

import datetime as dt

import msgspec

from milepost_contracts.plugin import Outcome
from milepost_webhooks.config import Config

# The receiver asks not to be asked for a while, so that nothing else is sent to it either.
THROTTLED = frozenset({"http_429", "http_503"})
GONE = "gone"


class Missed(msgspec.Struct, frozen=True, kw_only=True):
    """The range of sequences in which *count* events did not arrive for good; others in it may have."""

    first: int
    last: int
    count: int


class Standing(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is kept of an endpoint; all as by default: it is well.

    failing_since: the first failure after the last success; failures: how many since. held_until: nothing is tried
    before; holds: how often it was held since the last success. disabled: why (`gone`, `failing`, `by_hand`), None:
    it is not.
    """

    failing_since: dt.datetime | None = None
    failures: int = 0
    code: str = ""
    held_until: dt.datetime | None = None
    holds: int = 0
    disabled: str | None = None
    disabled_at: dt.datetime | None = None
    missed: Missed | None = None


def arrived(standing: Standing) -> Standing:
    """Return how it stands after a delivery; what is disabled stays so: only a person enables it again."""
    if standing.disabled:
        return standing
    return Standing(missed=standing.missed)


def failed(standing: Standing, outcome: Outcome, config: Config, now: dt.datetime) -> Standing:
    """Return how it stands after an attempt that failed: held for a while, disabled where it fails for too long."""
    since, failures = standing.failing_since or now, standing.failures + 1
    held_until, holds = standing.held_until, standing.holds
    # Attempts that were under way side by side fail together: that is one reason to wait, not several.
    if held_until is None or held_until <= now:
        holds += 1
        hold_s = config.retry_s[min(holds, len(config.retry_s)) - 1] if config.retry_s else 0.0
        held_until = now + dt.timedelta(seconds=min(hold_s, config.hold_s_max))
    if outcome.code in THROTTLED:
        held_until = max(held_until, now + dt.timedelta(seconds=outcome.retry_s or 0.0))
    after = msgspec.structs.replace(
        standing, failing_since=since, failures=failures, code=outcome.code, held_until=held_until, holds=holds
    )
    if standing.disabled:
        return after
    if outcome.code == GONE:
        return disabled(after, GONE, now)
    long = now - since >= dt.timedelta(hours=config.disable_after_hours)
    if long and failures >= config.disable_after_attempts:
        return disabled(after, "failing", now)
    return after


def disabled(standing: Standing, why: str, now: dt.datetime) -> Standing:
    """Return how it stands when it is disabled for *why*."""
    return msgspec.structs.replace(standing, disabled=why, disabled_at=now)


def missing(standing: Standing, sequence: int) -> Standing:
    """Return how it stands when the event *sequence* will not arrive."""
    before = standing.missed or Missed(first=sequence, last=sequence, count=0)
    after = Missed(first=min(before.first, sequence), last=max(before.last, sequence), count=before.count + 1)
    return msgspec.structs.replace(standing, missed=after)
