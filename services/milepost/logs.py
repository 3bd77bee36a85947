"""What happens is told in one line per handled message: ids and durations, never people's words."""

from __future__ import annotations

import logging
import sys
import traceback
from typing import Any, TextIO, cast

import msgspec
import structlog
from structlog.typing import EventDict, FilteringBoundLogger, Processor

_encoder = msgspec.json.Encoder(enc_hook=repr)
LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}


def configure(stream: TextIO | None = None, *, level: str = "info", json: bool | None = None) -> None:
    """Write log lines to *stream* (standard error): readable on a terminal, JSON elsewhere or where *json* says so."""
    out = stream if stream is not None else sys.stderr
    as_json = not out.isatty() if json is None else json
    processors: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _trace,
        structlog.processors.JSONRenderer(serializer=_encode) if as_json else structlog.dev.ConsoleRenderer(),
    ]
    structlog.configure(
        processors=processors,
        wrapper_class=structlog.make_filtering_bound_logger(LEVELS[level]),
        logger_factory=structlog.WriteLoggerFactory(file=out),
        cache_logger_on_first_use=True,
    )


def logger(stage: str) -> FilteringBoundLogger:
    """Return the logger of *stage*, named as its folder."""
    return cast("FilteringBoundLogger", structlog.get_logger(stage=stage))


def _trace(_: Any, __: str, event: EventDict) -> EventDict:
    """Tell an exception by its type and its lines: its message and its variables may hold people's words."""
    given = event.pop("exc_info", None)
    error = given if isinstance(given, BaseException) else sys.exc_info()[1] if given else None
    if error is not None:
        lines = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in traceback.extract_tb(error.__traceback__)]
        event["error"] = type(error).__name__
        event["trace"] = lines
    return event


def _encode(event: Any, **_: Any) -> str:
    return _encoder.encode(event).decode()
