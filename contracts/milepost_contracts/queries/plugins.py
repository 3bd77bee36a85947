"""What a plugin knows is asked through its host: badges that were earned, scores of objectives."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

from msgspec import Meta

from milepost_contracts.queries.base import Answer, Query
from milepost_contracts.types import Name


class AskPluginAnswer(Answer, frozen=True, kw_only=True, tag="answered"):
    """What the plugin answers, as its README says; `version` is the plugin's."""

    plugin: Name
    version: str
    result: Any = None


class AskPlugin(Query, frozen=True, kw_only=True):
    """Ask `plugin` the question `name` with `arguments`; the plugin decides what the asker may know."""

    ANSWER: ClassVar[type[Answer]] = AskPluginAnswer

    plugin: Name
    name: Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_]{0,62}(?!\n)$")]
    arguments: dict[str, Any] = {}
