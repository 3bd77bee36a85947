"""An aggregate as it was, words opened as its reader may see them."""

from __future__ import annotations

from typing import Any

from milepost.replay.desk import Desk, Told
from milepost.replay.entitlement import PLUGIN_HOST
from milepost.replay.histories import members_of
from milepost_contracts.answers import Problem, Refused
from milepost_contracts.plugin import Permissions
from milepost_contracts.queries import AsOf, AsOfAnswer


def as_of(desk: Desk, tenant: str, query: AsOf, reader: str) -> Told:
    """Answer *query*; refused for what is not there or may not be read, and for a version that is not reached."""
    ref = (query.aggregate, query.id)
    details: dict[str, Any] = {"aggregate": query.aggregate, "id": query.id}
    if query.words:
        details["words"] = query.words  # patterns of a manifest: what is opened is recorded as keys are
    if not desk.may_read(tenant, reader, ref):
        return desk.unknown(query.aggregate), details
    opened: bool | Permissions = reader != PLUGIN_HOST
    if query.words is not None:
        opened = Permissions(words=tuple(query.words))
    state, version, sequence, words = desk.histories.as_of(tenant, ref, query.version, opened=opened)
    if state is None:
        return desk.unknown(query.aggregate), details
    if query.version is not None and version != query.version:
        message = f"Its newest version is {version}."
        return Refused(errors=[Problem(code="version_unknown", field="version", message=message)]), details
    answer = AsOfAnswer(
        sequence=sequence, aggregate=query.aggregate, id=query.id, version=version, state=members_of(state),
        opened=words,
    )  # fmt: skip
    return answer, details
