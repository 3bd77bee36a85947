"""What can be asked: each query is a request on `goals.query.v1.{tenant}.{caller}.{query}`, its answer a page."""

from __future__ import annotations

from milepost_contracts.queries import journal, view
from milepost_contracts.queries.access import Access, AccessAnswer, AccessEntry
from milepost_contracts.queries.answers import GoalCard, GoalDetail
from milepost_contracts.queries.base import PAGE_MAX, Answer, Query, QueryAnswer
from milepost_contracts.queries.erasure import (
    Certificate,
    CertificateAnswer,
    Due,
    DueForErasure,
    DueForErasureAnswer,
    Erasure,
    ErasureAnswer,
)
from milepost_contracts.queries.evolution import Evolution, EvolutionAnswer
from milepost_contracts.queries.explain import Explain, ExplainAnswer
from milepost_contracts.queries.export import Export, ExportAnswer
from milepost_contracts.queries.history import (
    Diff,
    DiffAnswer,
    DiffPoint,
    FieldChange,
    History,
    HistoryAnswer,
    HistoryEntry,
    Standing,
)
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
from milepost_contracts.queries.proofs import Consistency, Inclusion, Proof, ProofAnswer
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

JOURNAL_QUERIES: dict[str, type[Query]] = {
    query.NAME: query
    for query in (
        Access,
        EventsAfter,
        Keys,
        AsOf,
        History,
        Diff,
        Export,
        Explain,
        Evolution,
        Proof,
        Erasure,
        DueForErasure,
        Certificate,
    )
}
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
    "Access",
    "AccessAnswer",
    "AccessEntry",
    "Answer",
    "AsOf",
    "AsOfAnswer",
    "AskPlugin",
    "AskPluginAnswer",
    "AtRisk",
    "Certificate",
    "CertificateAnswer",
    "Consistency",
    "DerivedKey",
    "Diff",
    "DiffAnswer",
    "DiffPoint",
    "Due",
    "DueForErasure",
    "DueForErasureAnswer",
    "Erasure",
    "ErasureAnswer",
    "EventsAfter",
    "EventsAfterAnswer",
    "Evolution",
    "EvolutionAnswer",
    "Explain",
    "ExplainAnswer",
    "Export",
    "ExportAnswer",
    "FieldChange",
    "Goal",
    "GoalAnswer",
    "GoalCard",
    "GoalDetail",
    "GoalsAnswer",
    "GoalsOf",
    "History",
    "HistoryAnswer",
    "HistoryEntry",
    "Inbox",
    "InboxAnswer",
    "Inclusion",
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
    "Proof",
    "ProofAnswer",
    "Query",
    "QueryAnswer",
    "Standing",
    "Streaks",
    "StreaksAnswer",
    "Unaligned",
    "Unread",
    "ViewAnswer",
    "journal",
    "view",
]
