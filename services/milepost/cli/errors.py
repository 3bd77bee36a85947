"""What ends a verb: bad usage with status 2, a refusal or failure with status 1, always with a stable code."""

from __future__ import annotations

from collections.abc import Sequence

from milepost_contracts.answers import Failed, Invalid, Problem, Refused

REFUSED, BAD_USAGE, INTERRUPTED = 1, 2, 130


class VerbError(Exception):
    """Why a verb ends: its exit `status`, the answer's word (`refused`, `invalid`, `failed`, `usage`), the problems."""

    def __init__(self, status: int, word: str, problems: Sequence[Problem], *, hint: str = "") -> None:
        """Take what is printed; *hint* is a sentence on what to do next."""
        super().__init__("; ".join(f"{problem.code}: {problem.message}" for problem in problems))
        self.status = status
        self.word = word
        self.problems = list(problems)
        self.hint = hint


def misused(code: str, message: str, field: str | None = None, *, hint: str = "") -> VerbError:
    """Return the error of somebody who has to type something else."""
    return VerbError(BAD_USAGE, "usage", [Problem(code=code, message=message, field=field)], hint=hint)


def failed(code: str, message: str, *, hint: str = "") -> VerbError:
    """Return the error of something that did not work, through no fault in what was typed."""
    return VerbError(REFUSED, "failed", [Problem(code=code, message=message)], hint=hint)


def answered(answer: Refused | Invalid | Failed, *, hint: str = "") -> VerbError:
    """Return the error for an answer that is not the wanted one."""
    word = {Refused: "refused", Invalid: "invalid", Failed: "failed"}[type(answer)]
    return VerbError(REFUSED, word, answer.errors, hint=hint)
