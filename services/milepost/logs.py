"""What happens is told in one line per handled message: ids and durations, never people's words."""

from __future__ import annotations

import logging
import sys
from typing import IO, Any, cast

import msgspec
import structlog
from structlog.typing import FilteringBoundLogger, Processor

_encoder = msgspec.json.Encoder(enc_hook=repr)
LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}


def configure(stream: IO[str] | None = None, *, level: str = "info", json: bool | None = None) -> None:
    """Write log lines to *stream* (standard error): readable on a terminal, JSON elsewhere or where *json* says so."""
    out = stream or sys.stderr
    as_json = not out.isatty() if json is None else json
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    renderer: Processor = (
        structlog.processors.JSONRenderer(serializer=_encode) if as_json else structlog.dev.ConsoleRenderer(colors=True)
    )
    if not as_json:
        shared.remove(structlog.processors.format_exc_info)  # the console draws tracebacks itself
    structlog.configure(
        processors=[*shared, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(LEVELS[level]),
        logger_factory=structlog.WriteLoggerFactory(file=out),
        cache_logger_on_first_use=True,
    )


def logger(stage: str) -> FilteringBoundLogger:
    """Return the logger of *stage*, named as its folder."""
    return cast("FilteringBoundLogger", structlog.get_logger(stage=stage))


def _encode(event: Any, **_: Any) -> str:
    return _encoder.encode(event).decode()
