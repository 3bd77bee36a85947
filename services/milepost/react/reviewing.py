"""What a plugin is shown of a command that it reviews: its fields, without the words that it may not read."""

from __future__ import annotations

from typing import Any

import msgspec

from milepost_contracts.commands import WORDS
from milepost_contracts.plugin import Manifest, Reviewed, matches, may_open
from milepost_contracts.reviews import Review

_ENVELOPE = frozenset({"command_id", "id", "actor", "on_behalf_of", "expected_version", "occurred_at"})


def reviewed(tenant: str, review: Review, manifest: Manifest) -> Reviewed | None:
    """Return *review* as the plugin sees it; None: its manifest does not ask for this command.

    Words are members of the command as they are of its events: `goal.post_comment/text`.
    """
    if not any(matches(pattern, review.name) for pattern in manifest.permissions.reviews):
        return None
    command = review.asked()
    members: dict[str, Any] = msgspec.to_builtins(command)
    for path, _, _ in WORDS[review.aggregate, review.command]:
        if not may_open(manifest.permissions, review.name, path[0]):
            members.pop(path[0], None)
    fields = {name: value for name, value in members.items() if name not in _ENVELOPE}
    return Reviewed(
        name=review.name, tenant=tenant, id=command.id, version=review.version, actor=command.actor, fields=fields
    )
