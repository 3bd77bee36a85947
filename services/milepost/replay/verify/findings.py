"""What checking an event comes to: a check that passed, failed or could not be made, and findings with their place."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Literal

import msgspec

Status = Literal["passed", "failed", "not_checkable", "not_proven"]
Progress = Callable[[int, int], None]
"""Called with (events checked, events in all)."""


class Finding(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Something that is not as it must be: `code` is stable, `first` to `last` are sequences of `tenant` (0: none).

    `place`: the row, file or message that it is about; `todo`: what a person can do next.
    """

    code: str
    message: str
    tenant: str = ""
    first: int = 0
    last: int = 0
    count: int = 1
    place: str = ""
    todo: str = ""


class Check(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that was checked: how much of it (`count` of `of`), with a sentence on what that means."""

    name: str
    status: Status
    count: int = 0
    of: str = ""
    said: str = ""
    tenant: str = ""


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """All checks and findings of one run; `verified`: nothing that could be checked was found wrong."""

    checks: list[Check]
    findings: list[Finding]

    @property
    def verified(self) -> bool:
        """Whether no check failed."""
        return not self.findings and all(check.status != "failed" for check in self.checks)


def joined(findings: Iterable[Finding]) -> list[Finding]:
    """Return *findings* by tenant and sequence; neighbours of which the same is said are one, repetitions too."""
    result: list[Finding] = []
    for one in sorted(set(findings), key=lambda found: (found.tenant, found.code, found.first, found.last)):
        before = result[-1] if result else None
        if (
            before is not None
            and one.first
            and (before.tenant, before.code, before.message) == (one.tenant, one.code, one.message)
            and before.last + 1 == one.first
        ):
            result[-1] = msgspec.structs.replace(before, last=one.last, count=before.count + one.count)
        else:
            result.append(one)
    return sorted(result, key=lambda found: (found.tenant, found.first, found.code))


def failed_or_passed(name: str, count: int, of: str, said: str, findings: Iterable[Finding], tenant: str = "") -> Check:
    """Return the check *name*: failed where there is any finding."""
    status: Status = "failed" if any(True for _ in findings) else "passed"
    return Check(name=name, status=status, count=count, of=of, said=said, tenant=tenant)
