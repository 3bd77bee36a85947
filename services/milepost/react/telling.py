"""What a plugin says goes into the host's log, as much of it as somebody could read."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from milepost_contracts.context import Line

if TYPE_CHECKING:
    from structlog.typing import FilteringBoundLogger

# Lines of one plugin in a second: who says more says it too often, and all plugins share the log and the host's time.
LINES_MAX = 100
WINDOW_S = 1.0


class Telling:
    """Logs what one plugin says."""

    def __init__(self, log: FilteringBoundLogger, now: Callable[[], float] = time.monotonic) -> None:
        """Take the plugin's log, and a clock in seconds."""
        self._log = log
        self._now = now
        self._began = now()
        self._left = LINES_MAX
        self._left_out = 0
        self._warned = False

    def tell(self, said: Sequence[tuple[dict[str, str], Sequence[Line]]]) -> None:
        """Log what was *said*: lines, and what they are about; and how many were left out, once in a while."""
        now = self._now()
        if now - self._began >= WINDOW_S:
            self._began, self._left, self._warned = now, LINES_MAX, False
        for about, lines in said:
            for line in lines[: self._left]:
                fields = {f"plugin_{name}": value for name, value in line.fields.items()}
                self._log.info("plugin_says", message=line.message, **about, **fields)
            self._left_out += max(0, len(lines) - self._left)
            self._left = max(0, self._left - len(lines))
        if self._left_out and not self._warned:
            self._log.warning("plugin_says_too_much", lines_left_out=self._left_out)
            self._left_out, self._warned = 0, True
