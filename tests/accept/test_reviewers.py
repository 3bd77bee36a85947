"""The setting that names who reviews which commands: understood, or refused with a sentence that helps."""

from __future__ import annotations

import pytest

from milepost.reviewers import reviewers
from milepost.settings import SettingsError, resolve
from milepost_contracts.commands import COMMANDS


def test_nobody_reviews_by_default() -> None:
    """Without the setting no command is reviewed, a review has half a second, and a late one refuses."""
    settings = resolve({}, {}).settings
    assert reviewers(settings.reviews) == {}
    assert (settings.review_s, settings.review_late) == (0.5, "refuse")


def test_plugins_and_their_commands() -> None:
    """Plugins come in order, each once for a command, whatever the spaces; a star means all of an aggregate."""
    found = reviewers(
        " budget = goal.close_goal, goal.activate_goal ;gate=goal.close_goal; gate=mentorship.*,goal.close_goal;"
    )
    assert found.pop(("goal", "close_goal")) == ("budget", "gate")
    assert found.pop(("goal", "activate_goal")) == ("budget",)
    assert found == {key: ("gate",) for key in COMMANDS if key[0] == "mentorship"}


def test_what_has_happened_is_not_reviewed() -> None:
    """All commands of a tenant are reviewed but the one by which publish tells of a refill."""
    found = reviewers("gate=tenant.*")
    assert ("tenant", "open") in found
    assert ("tenant", "record_refill") not in found


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("budget", "budget reviews nothing; the form is"),
        ("budget=", "budget reviews nothing"),
        ("=goal.close_goal", "'' is no name of a plugin"),
        ("The budget=goal.close_goal", "'The budget' is no name of a plugin"),
        ("budget=goal.close_gaol", r"'goal.close_gaol', which is no command; did you mean goal.close_goal\?"),
        ("budget=gaol.*", r"did you mean goal.\*\?"),
        ("budget=goal", "'goal', which is no command"),
        ("budget=goal.close_goal,", "'', which is no command$"),
        ("budget=*", "which is no command"),
        ("budget=tenant.record_refill", "records what has happened already"),
    ],
)
def test_what_cannot_be_meant(text: str, told: str) -> None:
    """A mistake is told with the variable or the flag that it stands in."""
    with pytest.raises(SettingsError, match=f"^MILEPOST_REVIEWS: .*{told}"):
        resolve({}, {"MILEPOST_REVIEWS": text})
    with pytest.raises(SettingsError, match=f"^reviews: .*{told}"):
        resolve({"reviews": text}, {})


@pytest.mark.parametrize(("name", "value"), [("REVIEW_S", "0"), ("REVIEW_S", "3.5"), ("REVIEW_LATE", "maybe")])
def test_limits(name: str, value: str) -> None:
    """A review takes some time, but less than accept has patience; late means one of two things."""
    with pytest.raises(SettingsError, match=f"MILEPOST_{name}"):
        resolve({}, {f"MILEPOST_{name}": value})
