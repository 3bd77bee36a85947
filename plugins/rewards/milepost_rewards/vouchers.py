"""A voucher gets a code from its pool: each code once ever, in the order of the list, owed while the list is empty.

A claim is what a code is given for: a rule, what it is once for, and a person. It keeps its code when the reward is
revoked and given again. Claims are numbered and served in order, also those that were revoked while they were owed:
so history, read again from an emptied state with the same rules and a list that only grew, gives everybody the same
codes, and none to two people. Of codes, state keeps hashes alone.
"""

from __future__ import annotations

import hashlib
from itertools import chain
from typing import Any

import msgspec

from milepost_contracts.context import Context
from milepost_contracts.plugin import Grant, Reward
from milepost_rewards import secret

CLAIM, USED, OWED, POOL = "claim/", "used/", "owed/", "pool/"
SERVED_MAX = 50  # in one turn; each is some writes, a fact and a message


class Claim(msgspec.Struct, omit_defaults=True):
    """A code that somebody has, by its hash, or is owed; `number`: the how manieth of its pool, from 1."""

    pool: str
    number: int
    hash: str | None = None


class Stock(msgspec.Struct, omit_defaults=True):
    """What is known of a pool: how many claims there were, how many wait, and the place after the last code given."""

    claims: int = 0
    owed: int = 0
    place: int = 0


class Waiting(msgspec.Struct):
    """A claim that waits for a code; both members are gone when its person is erased."""

    claim: str | None
    person: str | None


def claim(reward: Reward, pool: str, context: Context) -> str | None:
    """Return the code of *reward*, which is claimed now unless it was before; None: it is owed."""
    key = key_of(reward)
    known: Claim | None = context.state.get(CLAIM + key, Claim)
    if known is not None:
        return _code(known, key, context)
    stock = stock_of(context, pool)
    stock.claims += 1
    given = context.grants(standing=False)
    # Where state was lost and grants were not, what was given is given again.
    code = _given(given, key)
    if code is None and not stock.owed:
        code = _next(context, pool, stock, given)
    made = Claim(pool, stock.claims, _used(code, context) if code is not None else None)
    if made.hash is None:
        stock.owed += 1
        context.state.set(f"{OWED}{pool}/{made.number:010}", Waiting(key, reward.to))
    context.state.set(CLAIM + key, made)
    context.state.set(POOL + pool, stock)
    return code


def serve(context: Context) -> list[Grant]:
    """Give codes that have come since to those who wait, in order; return the standing grants that have theirs now.

    Who lost the reward meanwhile keeps the place, and the code is set aside: see above.
    """
    served: list[Grant] = []
    left = SERVED_MAX
    for name, stock in list(context.state.items(POOL, Stock)):
        if not stock.owed:
            continue
        pool, given = name.removeprefix(POOL), context.grants(standing=False)
        for key, waiting in list(context.state.items(f"{OWED}{pool}/", Waiting)):
            if not left or (code := _next(context, pool, stock, given)) is None:
                break
            left -= 1
            stock.owed -= 1
            context.state.delete(key)
            served += _give(context, waiting, _used(code, context))
        context.state.set(name, stock)
    return served


def _give(context: Context, waiting: Waiting, hashed: str) -> list[Grant]:
    if waiting.claim is None or (known := context.state.get(CLAIM + waiting.claim, Claim)) is None:
        return []
    known.hash = hashed
    context.state.set(CLAIM + waiting.claim, known)
    return [grant for grant in context.grants(person=waiting.person) if key_of(grant.reward) == waiting.claim]


def code_of(reward: Reward, context: Context) -> str | None:
    """Return the code of *reward*; None: it is no voucher, its code is still owed, or has left the list since."""
    if reward.kind != "voucher" or reward.code is not None:
        return reward.code
    key = key_of(reward)
    known: Claim | None = context.state.get(CLAIM + key, Claim)
    return _code(known, key, context) if known is not None else None


def is_owed(reward: Reward, context: Context) -> bool:
    """Whether *reward* is a voucher that waits for its code."""
    if reward.kind != "voucher" or reward.code is not None:
        return False
    known: Claim | None = context.state.get(CLAIM + key_of(reward), Claim)
    return known is None or known.hash is None


def claim_of(reward: Reward, context: Context) -> Claim:
    """Return the claim of a voucher that was granted."""
    found: Claim = context.state.get(CLAIM + key_of(reward), Claim)
    return found


def forget(reward: Reward, context: Context) -> None:
    """Keep nothing of a claim but that its code is used, or its place in the row."""
    key = CLAIM + key_of(reward)
    known: Claim | None = context.state.get(key, Claim)
    if known is None:
        return
    context.state.delete(key)
    if known.hash is None:
        context.state.set(f"{OWED}{known.pool}/{known.number:010}", Waiting(None, None))


def owed(context: Context, pool: str) -> list[tuple[int, Grant]]:
    """Return the standing grants that wait for a code of *pool*, with their numbers, in order."""
    found: list[tuple[int, Grant]] = []
    for key, waiting in context.state.items(f"{OWED}{pool}/", Waiting):
        standing = context.grants(person=waiting.person) if waiting.person else []
        number = int(key.rpartition("/")[2])
        found += [(number, grant) for grant in standing if key_of(grant.reward) == waiting.claim]
    return found


def free(context: Context, pool: str) -> int | None:
    """Return how many codes of *pool* were never given; None: there is no such pool, or it cannot be read."""
    used = {key.removeprefix(USED) for key, _ in context.state.items(USED)}
    codes = _codes(context, pool)
    return None if codes is None else sum(_hash(code) not in used for code in codes)


def stock_of(context: Context, pool: str) -> Stock:
    """Return what is known of *pool*."""
    found: Stock = context.state.get(POOL + pool, Stock, Stock())
    return found


def waits(context: Context) -> bool:
    """Whether anybody waits for a code."""
    return any(stock.owed for _, stock in context.state.items(POOL, Stock))


def key_of(reward: Reward) -> str:
    """Return the name of the claim of *reward*: the same whenever it is given for the same thing."""
    return hashlib.sha256(f"{reward.rule}\0{reward.once}\0{reward.to}".encode()).hexdigest()[:40]


def told(pool: str, number: int, grant: Grant) -> dict[str, Any]:
    """Return what everybody may know of a claim."""
    return {"pool": pool, "number": number, "grant": grant.id, "to": grant.reward.to, "rule": grant.reward.rule}


def _next(context: Context, pool: str, stock: Stock, given: list[Grant]) -> str | None:
    """Return the next code of *pool* that nobody has: after the last one, or before it if the list was rewritten."""
    codes: tuple[str, ...] = _codes(context, pool) or ()
    theirs = {grant.reward.code for grant in given if grant.reward.code}
    begin = min(stock.place, len(codes))
    for place in chain(range(begin, len(codes)), range(begin)):
        code = codes[place]
        if code not in theirs and USED + _hash(code) not in context.state:
            stock.place = place + 1
            return code
    return None


def _codes(context: Context, pool: str) -> tuple[str, ...] | None:
    """Return the list of *pool*; None where there is none or it cannot be read: told by `health`, and claims wait."""
    secrets: secret.Secrets = context.secrets
    of_tenant = secrets.pool(context.tenant, pool)
    try:
        return None if of_tenant is None else secret.codes(of_tenant)
    except secret.Unreadable:
        return None


def _code(known: Claim, key: str, context: Context) -> str | None:
    """Return the code of a claim: as it was granted, else the one in the list that has its hash."""
    if known.hash is None:
        return None
    granted = _given(context.grants(standing=False), key)
    listed = _codes(context, known.pool) or ()
    return granted or next((code for code in listed if _hash(code) == known.hash), None)


def _given(grants: list[Grant], key: str) -> str | None:
    return next((one.reward.code for one in grants if one.reward.code and key_of(one.reward) == key), None)


def _used(code: str, context: Context) -> str:
    hashed = _hash(code)
    context.state.set(USED + hashed, 1)
    return hashed


def _hash(code: str) -> str:
    return hashlib.sha256(f"milepost voucher\0{code}".encode()).hexdigest()
