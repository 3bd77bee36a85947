"""People's words in a bundle's events are opened for who exports them, or marked as what they are: sealed, erased."""

from __future__ import annotations

from base64 import urlsafe_b64decode
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any

from milepost_contracts import sealing
from milepost_contracts.envelope import Envelope, decode_members
from milepost_contracts.queries import DerivedKey
from milepost_contracts.sealing import SealError, SealingKey

AskKeys = Callable[[list[str]], Awaitable[list[DerivedKey]]]
"""(kids, at most KIDS_MAX) -> the keys that the exporter is given; an erased one is None, others are not in it."""
KIDS_MAX = 1_000  # what one query takes
KEPT_MAX = 20_000  # keys: of some 5,000 goals, in 10 MB
# In place of words that are not shown. It is in a private use area of Unicode, so that nobody's words look like it:
# what people wrote loses the character.
MARK = "\ue000"
_SEALED = f'"{sealing.PREFIX}'.encode()
SEALED, ERASED, NOT_FOR_YOU, BROKEN = (
    f"{MARK}{why}" for why in ("sealed", "erased", "not for you", "not as it was sealed")
)


class Opener:
    """Opens events with the keys that the exporter is given; without a way to ask all words stay sealed.

    `readable(event)` says whether words of that event may be shown in this bundle at all.
    """

    def __init__(self, ask: AskKeys | None, readable: Callable[[Envelope], bool] = lambda _: True) -> None:
        """Take how keys are asked for; nothing is asked yet."""
        self._ask = ask
        self._readable = readable
        self._keys: dict[str, SealingKey | str] = {}

    async def open(self, page: Sequence[Envelope]) -> list[dict[str, Any]]:
        """Return each event's members, its words opened or marked."""
        if self._ask is not None:
            await self._have({kid for event in page if self._readable(event) for kid in kids_of(event)})
        return [self._opened(event) for event in page]

    def given(self, kids: Iterable[str]) -> list[tuple[str, str]]:
        """Return (kid, key in base64url) of those of *kids* that were given."""
        held = ((kid, self._keys.get(kid)) for kid in sorted(kids))
        return [(kid, key.text) for kid, key in held if isinstance(key, SealingKey)]

    async def _have(self, kids: set[str]) -> None:
        assert self._ask is not None  # noqa: S101  asked only then
        if len(self._keys) > KEPT_MAX:
            self._keys.clear()
        wanted = sorted(kids - self._keys.keys())
        for start in range(0, len(wanted), KIDS_MAX):
            asked = wanted[start : start + KIDS_MAX]
            self._keys |= dict.fromkeys(asked, NOT_FOR_YOU)
            for one in await self._ask(asked):
                self._keys[one.kid] = (
                    SealingKey(one.kid, urlsafe_b64decode(one.key + "=" * (-len(one.key) % 4))) if one.key else ERASED
                )

    def _opened(self, event: Envelope) -> dict[str, Any]:
        if _SEALED not in bytes(event.data):
            return decode_members(event.data)
        readable = self._ask is not None and self._readable(event)

        def opened(sealed: str, pointer: str) -> str:
            if not readable:
                return SEALED if self._ask is None else NOT_FOR_YOU
            key = self._keys[sealing.kid_of(sealed)]
            if isinstance(key, str):
                return key
            try:
                return key.open(sealed, event.id, pointer).replace(MARK, "\N{REPLACEMENT CHARACTER}")
            except SealError:
                return BROKEN

        members: dict[str, Any] = sealing.walk(decode_members(event.data), opened)
        return members


def kids_of(event: Envelope) -> set[str]:
    """Return the names of the keys that open an event's words."""
    return sealing.kids(event.data) if _SEALED in bytes(event.data) else set()
