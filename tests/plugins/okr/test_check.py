"""The kit's own check finds nothing: all that can happen, in every mode, twice, after restarts and erasures."""

from __future__ import annotations

from typing import Any

import milepost_okr
import pytest

from milepost_contracts.testing.checking import check
from tests.plugins.okr.telling import YEAR, config
from tests.plugins.okr.test_readme import settings

EVERYTHING: dict[str, Any] = {
    "cycles": [YEAR | {"starts_on": "2000-01-01", "ends_on": "2100-12-31"}],
    "objectives": [{"key": "all", "cycle": "2026", "key_results": [{"key": "some"}]}],
    "rules": [{"to": "some", "kinds": ["smart", "outcome", "exploratory"]}],
    "scoring": {"counts_by": "dates", "counts_from": "created"},
}


@pytest.mark.parametrize("given", [config(), settings(), EVERYTHING])
def test_the_check_finds_nothing(given: dict[str, Any]) -> None:
    """Nothing is kept of an erased person, nothing is told twice, nothing fails."""
    checked = check(milepost_okr, config=given)
    assert [one for one in checked.findings if one.code != "slow"] == []  # the machine may be
    assert checked.events > 0
    assert bool(checked.facts) == (given is EVERYTHING)
