"""Who asks sees what was granted: people their own, administrators everybody's; a code is its person's alone."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any, TypeVar

import msgspec

from milepost_contracts.context import Context
from milepost_contracts.plugin import Grant, Health, PluginError, Question
from milepost_contracts.types import PERSON_PATTERN, PersonRef
from milepost_rewards import secret, vouchers
from milepost_rewards.giving import ERASED

ADMIN = "admin"
_PERSON = re.compile(PERSON_PATTERN).match
T = TypeVar("T")


class Granted(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """person: whose, for administrators; without it the asker's. revoked: those that were taken back, too."""

    person: PersonRef | None = None
    revoked: bool = False


class Points(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """person: whose, everybody: of all, both for administrators."""

    person: PersonRef | None = None
    everybody: bool = False


class Owed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Nothing can be given."""


def answered(question: Question, context: Context) -> Any:
    """Return the answer as JSON; None: no such question.

    `granted` {person, revoked}: rewards, revoked ones too where wanted. `points` {person, everybody}: their sum.
    `owed`: vouchers without a code, and the pools. Raises PluginError `not_allowed`, `invalid_arguments`.
    """
    match question.name:
        case "granted":
            wanted = _asked(question, Granted)
            person = _person(question, wanted.person)
            grants = context.grants(person=person, standing=not wanted.revoked)
            shown = [] if ERASED + person in context.state else grants
            own = person == question.actor
            return {"person": person, "granted": [_shown(grant, context, own=own) for grant in shown]}
        case "points":
            sums = _asked(question, Points)
            if sums.everybody:
                _admin(question)
                return {"points": dict(sorted(_points(context, context.grants()).items()))}
            person = _person(question, sums.person)
            return {"person": person, "points": _points(context, context.grants(person=person)).get(person, 0)}
        case "owed":
            _asked(question, Owed)
            _admin(question)
            return {"owed": _owed(context), "pools": _pools(context)}
    return None


def health(context: Context) -> Health:
    """Say which pools are empty or cannot be read, and where there are no rules."""
    if not context.config.rules:
        return Health(message="there are no rules in rewards.toml: nobody is given anything")
    pools = context.secrets.pools()
    wanted = {rule.give.pool for rule in context.config.rules if rule.give.pool is not None}
    wrong = [f"no tenant has a pool {name}" for name in sorted(wanted - {name for _, name, _ in pools})]
    for tenant, name, pool in pools:
        owed = vouchers.stock_of(context.of(tenant), name).owed
        try:
            secret.codes(pool)
        except secret.Unreadable as error:
            wrong.append(f"{tenant}: the pool {name}: {error}")
        if owed:
            wrong.append(f"{tenant}: the pool {name} is empty; vouchers owed: {owed}")
    return Health(ok=not wrong, message="; ".join(wrong))


def _admin(question: Question) -> None:
    if ADMIN not in question.roles:
        raise PluginError("not_allowed", f"{question.name}: only an administrator asks about others")


def _asked(question: Question, kind: type[T]) -> T:
    """Return the arguments of *question*; raises PluginError `invalid_arguments`."""
    if (person := question.arguments.get("person")) is not None and not (isinstance(person, str) and _PERSON(person)):
        raise PluginError("invalid_arguments", f"{question.name}: person={person!r} is no user:UUID")
    try:
        return msgspec.convert(question.arguments, kind, strict=False)  # a command line says "true"
    except msgspec.ValidationError as error:
        raise PluginError("invalid_arguments", f"{question.name}: {error}") from error


def _person(question: Question, named: str | None) -> str:
    """Return whom *question* is about: its asker unless it names somebody."""
    if named not in (None, question.actor):
        _admin(question)
    return named or question.actor


def _shown(grant: Grant, context: Context, *, own: bool) -> dict[str, Any]:
    reward = grant.reward
    shown: dict[str, Any] = {
        "grant": grant.id, "rule": reward.rule, "kind": reward.kind, "title": reward.title, "points": reward.points,
        "aggregate": grant.aggregate, "id": grant.aggregate_id, "cause": grant.cause, "at": grant.at,
    }  # fmt: skip
    if grant.revoked_by is not None:
        return shown | {"revoked_by": grant.revoked_by}
    if reward.kind == "voucher":
        shown["owed"] = vouchers.is_owed(reward, context)
        if own:
            shown["code"] = vouchers.code_of(reward, context)
    return shown


def _points(context: Context, grants: list[Grant]) -> Counter[str]:
    points: Counter[str] = Counter()
    for grant in grants:
        if grant.reward.points and ERASED + grant.reward.to not in context.state:
            points[grant.reward.to] += grant.reward.points
    return points


def _owed(context: Context) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for name, _ in context.state.items(vouchers.POOL, vouchers.Stock):
        pool = name.removeprefix(vouchers.POOL)
        found += [
            vouchers.told(pool, number, grant) | {"title": grant.reward.title, "at": grant.at}
            for number, grant in vouchers.owed(context, pool)
        ]
    return found


def _pools(context: Context) -> list[dict[str, Any]]:
    """Return the pools of the tenant; `free` is None where the list cannot be read."""
    named = {name for tenant, name, _ in context.secrets.pools() if tenant == context.tenant}
    named |= {key.removeprefix(vouchers.POOL) for key, _ in context.state.items(vouchers.POOL, vouchers.Stock)}
    found: list[dict[str, Any]] = []
    for name in sorted(named):
        stock = vouchers.stock_of(context, name)
        free = vouchers.free(context, name)
        found.append({"pool": name, "given": stock.claims - stock.owed, "owed": stock.owed, "free": free})
    return found
