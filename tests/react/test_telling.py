"""What plugins say shares one log, so each is heard a little."""

from __future__ import annotations

import pytest

from milepost.logs import logger
from milepost.react.telling import LINES_MAX, Telling
from milepost_contracts.context import Line


def test_so_many_lines_a_second_and_how_many_were_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    """A second's lines are logged up to the limit, however they come; the rest is counted, and told once a second."""
    now = 0.0
    telling = Telling(logger("react"), lambda: now)

    def told(lines: int) -> tuple[int, list[str]]:
        telling.tell([({"tenant": "acme"}, [Line("again", {"number": number}) for number in range(lines)])])
        out = capsys.readouterr().out.splitlines()
        return sum("plugin_says " in line for line in out), [line for line in out if "too_much" in line]

    assert told(LINES_MAX - 1) == (LINES_MAX - 1, [])
    logged, (warned,) = told(3)
    assert logged == 1
    assert "lines_left_out=2" in warned
    assert told(5) == (0, [])
    now = 1.0
    logged, (warned,) = told(1)
    assert logged == 1
    assert "lines_left_out=5" in warned
