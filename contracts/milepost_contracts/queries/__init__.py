"""What can be asked: each query is a request on `goals.query.v1.{tenant}.{caller}.{query}`, its answer a page."""

from __future__ import annotations

from milepost_contracts.queries import journal, view
from milepost_contracts.queries.answers import GoalCard, GoalDetail
from milepost_contracts.queries.base import PAGE_MAX, Answer, Query, QueryAnswer
from milepost_contracts.queries.export import Export, ExportAnswer
from milepost_contracts.queries.journal import (
    AsOf,
    AsOfAnswer,
    DerivedKey,
    EventsAfter,
    EventsAfterAnswer,
    Keys,
    KeysAnswer,
)
from milepost_contracts.queries.plugins import AskPlugin, AskPluginAnswer
from milepost_contracts.queries.shown import Unread, ViewAnswer
from milepost_contracts.queries.view import (
    AtRisk,
    Goal,
    GoalAnswer,
    GoalsAnswer,
    GoalsOf,
    Inbox,
    InboxAnswer,
    MentorLoad,
    MentorLoadAnswer,
    Mentorships,
    MentorshipsAnswer,
    OverdueCheckIns,
    OverdueCheckInsAnswer,
    Programme,
    ProgrammeAnswer,
    Streaks,
    StreaksAnswer,
    Unaligned,
)

JOURNAL_QUERIES: dict[str, type[Query]] = {query.NAME: query for query in (EventsAfter, Keys, AsOf, Export)}
VIEW_QUERIES: dict[str, type[Query]] = {
    query.NAME: query
    for query in (
        Goal,
        GoalsOf,
        Inbox,
        Programme,
        AtRisk,
        OverdueCheckIns,
        MentorLoad,
        Streaks,
        Unaligned,
        Mentorships,
    )
}
PLUGIN_QUERIES: dict[str, type[Query]] = {AskPlugin.NAME: AskPlugin}
QUERIES: dict[str, type[Query]] = JOURNAL_QUERIES | VIEW_QUERIES | PLUGIN_QUERIES

__all__ = [
    "JOURNAL_QUERIES",
    "PAGE_MAX",
    "PLUGIN_QUERIES",
    "QUERIES",
    "VIEW_QUERIES",
    "Answer",
    "AsOf",
    "AsOfAnswer",
    "AskPlugin",
    "AskPluginAnswer",
    "AtRisk",
    "DerivedKey",
    "EventsAfter",
    "EventsAfterAnswer",
    "Export",
    "ExportAnswer",
    "Goal",
    "GoalAnswer",
    "GoalCard",
    "GoalDetail",
    "GoalsAnswer",
    "GoalsOf",
    "Inbox",
    "InboxAnswer",
    "Keys",
    "KeysAnswer",
    "MentorLoad",
    "MentorLoadAnswer",
    "Mentorships",
    "MentorshipsAnswer",
    "OverdueCheckIns",
    "OverdueCheckInsAnswer",
    "Programme",
    "ProgrammeAnswer",
    "Query",
    "QueryAnswer",
    "Streaks",
    "StreaksAnswer",
    "Unaligned",
    "Unread",
    "ViewAnswer",
    "journal",
    "view",
]
