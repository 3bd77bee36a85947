"""A command that would be accepted is shown to the plugins that review it: each may refuse it before it counts.

The request goes to `goals.review.v1.{tenant}.{plugin}`; the reply is a `ReviewAnswer`. Who does not answer in time, or
not in this form, is late: that refuses the command too, unless the settings say that it passes.
"""

from __future__ import annotations

import re
from typing import Annotated

import msgspec
from msgspec import Meta

from milepost_contracts import answers
from milepost_contracts.commands import COMMANDS, Command
from milepost_contracts.subjects import AGGREGATES
from milepost_contracts.types import Value

CODE_PATTERN = r"^[a-z][a-z0-9_]{0,62}(?!\n)$"
# A dozen reasons are some 5 kB; whoever sends more than this means no reasons, and they go on to who asked.
ANSWER_BYTES_MAX = 32 * 1024


class Review(Value, frozen=True, kw_only=True):
    """A command that would be accepted as things are, and the version of its aggregate that this was decided on.

    `version` is committed; 0: the aggregate does not exist yet. `body` is the command as it was sent, its members in
    order and those that have their default left out; people's words in it are in the clear, so whoever hands it on to
    a plugin leaves out what that plugin may not read. A command is decided once more after its review: it can still
    be refused, when its aggregate has changed meanwhile.
    """

    aggregate: Annotated[str, Meta(extra_json_schema={"x-known": list(AGGREGATES)})]
    command: str
    version: Annotated[int, Meta(ge=0)]
    body: Annotated[msgspec.Raw, Meta(extra_json_schema={"type": "object"})]

    @property
    def name(self) -> str:
        """How settings and manifests call the command, e.g. `goal.close_goal`."""
        return f"{self.aggregate}.{self.command}"

    def asked(self) -> Command:
        """Return the command; raises msgspec.ValidationError for one that these contracts do not know."""
        kind = COMMANDS.get((self.aggregate, self.command))
        if kind is None:
            raise msgspec.ValidationError(f"the command {self.name} is unknown to this version of the contracts")
        return msgspec.json.decode(self.body, type=kind)


class Passed(Value, frozen=True, kw_only=True, tag_field="status", tag="passed"):
    """The plugin has nothing against the command."""


ReviewAnswer = Passed | answers.Refused | answers.Failed
"""`refused`: with at least one reason, which the asker is told; `failed`: the plugin cannot say, which counts as late.

The `code` of a reason is 1 to 63 of a-z, 0-9 and _, a letter first; its `message` is a sentence that a person can act
on. Milepost adds the plugin's name to its `details`, as `plugin`.
"""

_review_decoder = msgspec.json.Decoder(Review)
_answer_decoder: msgspec.json.Decoder[ReviewAnswer] = msgspec.json.Decoder(ReviewAnswer)
_code = re.compile(CODE_PATTERN)


def decode(request: bytes) -> Review:
    """Return what a plugin is asked; raises msgspec.MsgspecError for what is no review. Ignores unknown members."""
    try:
        return _review_decoder.decode(request)
    except (UnicodeDecodeError, RecursionError) as error:
        raise msgspec.DecodeError(str(error)) from error


def decode_answer(answer: bytes) -> ReviewAnswer:
    """Return what a plugin says; raises msgspec.MsgspecError for what is no answer, a refusal without reason too."""
    if len(answer) > ANSWER_BYTES_MAX:
        raise msgspec.ValidationError(f"an answer has at most {ANSWER_BYTES_MAX} bytes")
    try:
        said = _answer_decoder.decode(answer)
    except (UnicodeDecodeError, RecursionError) as error:
        raise msgspec.DecodeError(str(error)) from error
    if isinstance(said, answers.Refused) and not (
        said.errors and all(_code.match(problem.code) and problem.message for problem in said.errors)
    ):
        raise msgspec.ValidationError(f"a refusal has reasons, each with a message and a code like {CODE_PATTERN}")
    return said
