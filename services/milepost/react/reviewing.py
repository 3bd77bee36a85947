"""What a plugin is shown of a command that it reviews: its fields, without the words that it may not read."""

from __future__ import annotations

from milepost_contracts.permitted import fields_shown
from milepost_contracts.plugin import Manifest, Reviewed, matches
from milepost_contracts.reviews import Review


def reviewed(tenant: str, review: Review, manifest: Manifest) -> Reviewed | None:
    """Return *review* as the plugin sees it; None: its manifest does not ask for this command."""
    if not any(matches(pattern, review.name) for pattern in manifest.permissions.reviews):
        return None
    command = review.asked()
    fields = fields_shown(manifest.permissions, command)
    return Reviewed(
        name=review.name, tenant=tenant, id=command.id, version=review.version, actor=command.actor, fields=fields
    )
