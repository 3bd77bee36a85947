"""Who asks sees what was granted: people their own, administrators everybody's; a code is its person's alone."""

from __future__ import annotations

from collections import Counter
from typing import Any

from milepost_contracts.context import Context
from milepost_contracts.plugin import Grant, Health, PluginError, Question
from milepost_rewards import secret, vouchers
from milepost_rewards.giving import ERASED

ADMIN = "admin"


def answered(question: Question, context: Context) -> Any:
    """Return the answer as JSON; None: no such question.

    `granted` {person, revoked}: rewards, revoked ones too where wanted. `points` {person, everybody}: their sum.
    `owed`: vouchers without a code, and the pools. Raises PluginError `not_allowed`, `unknown_argument`.
    """
    match question.name:
        case "granted":
            person = _person(question, "person", "revoked")
            grants = context.grants(person=person, standing=not question.arguments.get("revoked"))
            shown = [] if ERASED + person in context.state else grants
            own = person == question.actor
            return {"person": person, "granted": [_shown(grant, context, own=own) for grant in shown]}
        case "points":
            if question.arguments.get("everybody"):
                _admin(question)
                return {"points": dict(sorted(_points(context, context.grants()).items()))}
            person = _person(question, "person", "everybody")
            return {"person": person, "points": _points(context, context.grants(person=person)).get(person, 0)}
        case "owed":
            _admin(question)
            return {"owed": _owed(context), "pools": _pools(context)}
    return None


def health(context: Context) -> Health:
    """Say which pools are empty or cannot be read."""
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


def _person(question: Question, *arguments: str) -> str:
    """Return whom *question* is about: its asker unless it names somebody."""
    if unknown := sorted(question.arguments.keys() - set(arguments)):
        raise PluginError("unknown_argument", f"{question.name} has no argument {unknown[0]!r}")
    person = str(question.arguments.get("person") or question.actor)
    if person != question.actor:
        _admin(question)
    return person


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
