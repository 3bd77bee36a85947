"""People's words in events are opened for who reads them, and what cannot be opened says why."""

from __future__ import annotations

from base64 import urlsafe_b64decode
from typing import Any

from milepost.cli.session import Session
from milepost_contracts import sealing
from milepost_contracts.envelope import Envelope, decode_members
from milepost_contracts.queries import Keys, KeysAnswer
from milepost_contracts.sealing import SealError, SealingKey

KIDS_MAX = 1000  # what one query takes


class Opener:
    """Opens events with the keys that the reader is given; those are asked for once and kept."""

    def __init__(self, session: Session) -> None:
        """Take who reads."""
        self._session = session
        self._keys: dict[str, SealingKey | None] = {}

    async def open(self, page: list[Envelope]) -> list[tuple[dict[str, Any], list[dict[str, str]]]]:
        """Return each event's members, opened, and where words stay unread: `at` (JSON Pointer) and `why`.

        `why` is erased, not_entitled or broken; the words are null then. Raises VerbError where keys cannot be had.
        """
        await self._ask({kid for event in page for kid in sealing.kids(event.data)})
        return [self._opened(event) for event in page]

    async def _ask(self, kids: set[str]) -> None:
        # Keys that were not given are asked for again: a role may have come since.
        wanted = sorted(kids - self._keys.keys())
        for start in range(0, len(wanted), KIDS_MAX):
            answer = await self._session.ask(Keys, KeysAnswer, kids=wanted[start : start + KIDS_MAX])
            for one in answer.keys:
                secret = urlsafe_b64decode(one.key + "=" * (-len(one.key) % 4)) if one.key else None
                self._keys[one.kid] = SealingKey(one.kid, secret) if secret else None

    def _opened(self, event: Envelope) -> tuple[dict[str, Any], list[dict[str, str]]]:
        unread: list[dict[str, str]] = []

        def opened(sealed: str, pointer: str) -> str | None:
            kid = sealing.kid_of(sealed)
            why = "broken"
            if kid not in self._keys:
                why = "not_entitled"
            elif (key := self._keys[kid]) is None:
                why = "erased"
            else:
                try:
                    return key.open(sealed, event.id, pointer)
                except SealError:
                    why = "broken"
            unread.append({"at": pointer, "why": why})
            return None

        members: dict[str, Any] = sealing.walk(decode_members(event.data), opened)
        return members, unread
