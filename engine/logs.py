"""How the engine's own log looks: structlog over the standard library, console or JSON lines, on standard error."""

from __future__ import annotations

import logging
import sys

import structlog

from engine.settings import Settings


def configure_logs(settings: Settings) -> None:
    """Set up structlog and the standard library's root logger alike, so that libraries log in the same form."""
    shared: list[structlog.types.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    to_console = settings.log_format == "console" or (settings.log_format is None and sys.stderr.isatty())
    renderers: list[structlog.types.Processor] = (
        [
            # The default formatter shows local variables: slow, and some of them are keys.
            structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback)
        ]
        if to_console
        else [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
    )
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *renderers],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(settings.log_level.upper())
    # aiosqlite logs every call at debug; that is its business, not ours.
    logging.getLogger("aiosqlite").setLevel(logging.WARNING)
