"""What `python -m engine doctor` looks at."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from aiohttp import http_parser

from engine import __version__
from engine.clock import Clock, SystemClock
from engine.errors import SettingsError, StorageError, StorageLocked
from engine.settings import Settings, load_settings
from engine.storage.open import make_store

ROOM_MIN_BYTES = 256 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the answer. `good` None: worth knowing, nothing wrong."""

    good: bool | None
    what: str
    text: str


async def examine() -> list[Finding]:
    """Everything, in the order in which it would stop a start."""
    findings = [*_program()]
    try:
        settings = load_settings()
    except SettingsError as error:
        return [*findings, Finding(False, "settings", str(error))]
    findings.append(Finding(True, "settings", _shown(settings)))
    findings.append(await _database(settings, SystemClock()))
    findings.extend(_room(settings))
    findings.append(await _redis(settings))
    findings.append(await _port(settings))
    return findings


def _program() -> Iterator[Finding]:
    version = ".".join(map(str, sys.version_info[:3]))
    yield Finding(sys.version_info >= (3, 11), "program", f"engine {__version__}, Python {version}")
    yield Finding(True, "SQLite", sqlite3.sqlite_version)
    compiled = http_parser.HttpRequestParser is not http_parser.HttpRequestParserPy
    yield Finding(compiled, "HTTP parser", "compiled" if compiled else "pure Python: slow; reinstall aiohttp")
    try:
        yield Finding(True, "event loop", f"uvloop {metadata.version('uvloop')}")
    except metadata.PackageNotFoundError:
        yield Finding(None, "event loop", "asyncio; with uvloop installed it would be faster")


def _shown(settings: Settings) -> str:
    return ", ".join(f"{name.upper()}={value}" for name, value in settings if value not in (None, ""))


async def _database(settings: Settings, clock: Clock) -> Finding:
    try:
        store = make_store(settings.database_url, clock)
    except SettingsError as error:
        return Finding(False, "database", str(error))
    try:
        await store.open()
        await store.check()
    except StorageLocked as error:
        return Finding(None, "database", f"in use: {error}")
    except StorageError as error:
        return Finding(False, "database", str(error))
    finally:
        await store.close()
    return Finding(True, "database", f"{settings.database_url} opens, and its schema is the newest")


def _room(settings: Settings) -> Iterator[Finding]:
    path = Path(settings.database_url.removeprefix("sqlite:///")).parent
    if path.is_dir():
        free = shutil.disk_usage(path).free
        yield Finding(free >= ROOM_MIN_BYTES, "disk", f"{free / 2**30:.1f} GiB free at {path}")


async def _redis(settings: Settings) -> Finding:
    if settings.redis_host is None:
        return Finding(None, "cache", "in the process (REDIS_HOST is not set)")
    where = f"{settings.redis_host}:{settings.redis_port}"
    if await _answers(settings.redis_host, settings.redis_port):
        return Finding(True, "cache", f"Redis at {where} accepts connections")
    return Finding(False, "cache", f"nothing listens at {where}; the engine would serve without it, slower")


async def _port(settings: Settings) -> Finding:
    where = f"{settings.host}:{settings.port}"
    if settings.port and await _answers(settings.host, settings.port):
        return Finding(None, "port", f"something listens at {where} already")
    return Finding(True, "port", f"{where} is free")


async def _answers(host: str, port: int) -> bool:
    try:
        async with asyncio.timeout(1):
            _, writer = await asyncio.open_connection(host, port)
    except (OSError, TimeoutError):
        return False
    writer.close()
    return True
