"""What a plugin says goes into the host's log, as much of it as somebody could read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from milepost_contracts.context import Line

if TYPE_CHECKING:
    from structlog.typing import FilteringBoundLogger

# Of one answer of its process: who says more says it too often, and all plugins share the log and the host's time.
LINES_MAX = 100


def tell(log: FilteringBoundLogger, said: Sequence[tuple[dict[str, str], Sequence[Line]]]) -> None:
    """Log what was *said*: lines, and what they are about."""
    left = LINES_MAX
    for about, lines in said:
        for line in lines[: max(left, 0)]:
            fields = {f"plugin_{name}": value for name, value in line.fields.items()}
            log.info("plugin_says", message=line.message, **about, **fields)
        left -= len(lines)
    if left < 0:
        log.warning("plugin_says_too_much", lines_left_out=-left)
