"""The log's verbs for other processes, on `goals.admin.v1.replay.>`: who may use them is settled by the broker.

`checkpoints` answers a page of signed checkpoints, newest first; `checkpoint` one note; `keys` the public lines;
`cosign` takes a note with witnesses' lines; `rotate` makes the next signing key.
"""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

import msgspec
import nats.errors
from msgspec import Meta
from nats.aio.client import Client

from milepost.replay.tree.cosigning import Cosignature
from milepost_contracts.subjects import ADMIN
from milepost_contracts.types import Name

SUBJECT = f"{ADMIN}.replay"
PAGE_MAX = 500  # checkpoints of one answer: some 100 kB
ANSWER_S_MAX = 10.0  # a folder of a million checkpoints is listed in a few seconds

Verb: TypeAlias = Literal["checkpoints", "checkpoint", "keys", "cosign", "rotate"]


class Request(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A verb; it stands in the body too, so that no other document on the subject is ever taken for it.

    `size`: of which checkpoint (None: the newest), or below which a page begins. `note`: what witnesses signed.
    """

    verb: Verb
    tenant: Name
    size: Annotated[int, Meta(ge=0)] | None = None
    limit: Annotated[int, Meta(ge=1, le=PAGE_MAX)] = PAGE_MAX
    note: Annotated[str, Meta(max_length=500_000)] = ""


class Problem(msgspec.Struct, frozen=True, tag_field="status", tag="failed"):
    """Why not: `checkpoint_unknown`, `tree_diverged`, `signing_key_unusable`, `invalid_request`, a note's code ..."""

    code: str
    message: str


class Line(msgspec.Struct, frozen=True):
    """A checkpoint in a list: its size, its root in base64, and how many witnesses signed it."""

    size: int
    root: str
    cosigned: int


class Page(msgspec.Struct, frozen=True, tag_field="status", tag="checkpoints"):
    """Checkpoints, newest first; `more`: ask again below the last one's size."""

    checkpoints: list[Line]
    more: bool = False


class Shown(msgspec.Struct, frozen=True, tag_field="status", tag="checkpoint"):
    """A checkpoint's note, who cosigned it, and what troubles the log or the carrying of its checkpoints."""

    note: str
    size: int
    cosigned: list[Cosignature]
    troubles: list[str] = []


class Keys(msgspec.Struct, frozen=True, tag_field="status", tag="keys"):
    """The log's public lines, oldest first; the last one signs, once `recorded`."""

    keys: list[str]
    recorded: bool = True


class Rotated(msgspec.Struct, frozen=True, tag_field="status", tag="rotated"):
    """The next key is made; it signs beside `old` once its event is in the journal, and alone after that."""

    old: str
    new: str


AdminAnswer = Problem | Page | Shown | Keys | Rotated
_decoder: msgspec.json.Decoder[AdminAnswer] = msgspec.json.Decoder(AdminAnswer)


class AdminError(RuntimeError):
    """A verb was not done; `code` as in Problem, or `replay_unreachable` where nobody grows the trees."""

    def __init__(self, code: str, message: str) -> None:
        """Keep the stable *code* beside the message."""
        super().__init__(message)
        self.code = code


class TreeAdmin:
    """The verbs from another process, for the command line. Every call raises AdminError."""

    def __init__(self, nc: Client) -> None:
        """Keep the connection, which must be one that may use the subject (role `cli`)."""
        self._nc = nc

    async def checkpoints(self, tenant: str, below: int | None = None, limit: int = PAGE_MAX) -> Page:
        """Return the newest checkpoints, below size *below* where that is given."""
        answer = await self._request(Request(verb="checkpoints", tenant=tenant, size=below, limit=limit))
        if not isinstance(answer, Page):
            raise _unexpected(answer)
        return answer

    async def checkpoint(self, tenant: str, size: int | None = None) -> Shown:
        """Return the checkpoint of *size*, None: the newest."""
        return _shown(await self._request(Request(verb="checkpoint", tenant=tenant, size=size)))

    async def cosign(self, tenant: str, note: str) -> Shown:
        """Add the witnesses' lines in *note*; return the checkpoint with them."""
        return _shown(await self._request(Request(verb="cosign", tenant=tenant, note=note)))

    async def keys(self, tenant: str) -> Keys:
        """Return the public lines."""
        answer = await self._request(Request(verb="keys", tenant=tenant))
        if not isinstance(answer, Keys):
            raise _unexpected(answer)
        return answer

    async def rotate(self, tenant: str) -> Rotated:
        """Make the next signing key; asked again before it signs, it is the same one."""
        answer = await self._request(Request(verb="rotate", tenant=tenant))
        if not isinstance(answer, Rotated):
            raise _unexpected(answer)
        return answer

    async def _request(self, request: Request) -> AdminAnswer:
        try:
            body = msgspec.json.encode(request)
            reply = await self._nc.request(f"{SUBJECT}.{request.verb}", body, timeout=ANSWER_S_MAX)
        except nats.errors.NoRespondersError as error:
            raise AdminError("replay_unreachable", "nobody grows the trees: is `replay` running?") from error
        except (nats.errors.Error, OSError) as error:
            raise AdminError("replay_unreachable", f"{type(error).__name__}: {error}") from error
        return _decoder.decode(reply.data)


def _shown(answer: AdminAnswer) -> Shown:
    if not isinstance(answer, Shown):
        raise _unexpected(answer)
    return answer


def _unexpected(answer: AdminAnswer) -> AdminError:
    if isinstance(answer, Problem):
        return AdminError(answer.code, answer.message)
    return AdminError("unexpected_answer", f"{type(answer).__name__} is no answer to that")
