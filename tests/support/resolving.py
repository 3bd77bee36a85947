"""A resolver that answers what a test says: names on the internet, and those who answer for them, cannot be had."""

from __future__ import annotations

from collections.abc import Sequence


class Names:
    """Answers for names in turn, the last answer for good; `asked` is what it was asked for."""

    def __init__(self, **answers: Sequence[Sequence[str]]) -> None:
        """Take the answers in turn of each name, whose dots are written as underscores."""
        self._answers = {name.replace("_", "."): list(given) for name, given in answers.items()}
        self.asked: list[str] = []

    async def __call__(self, host: str, port: int) -> Sequence[str]:  # noqa: ARG002  as the real one
        """Return the next answer; raises OSError for a name that there is not."""
        self.asked.append(host)
        if host not in self._answers:
            raise OSError("no such name")
        left = self._answers[host]
        return left.pop(0) if len(left) > 1 else left[0]
