"""The command line: `python -m engine [COMMAND]`. Exit codes are those of sysexits.h."""

from __future__ import annotations

import asyncio
import contextlib
import os
import resource
import signal
import sys
from collections.abc import Callable, Coroutine
from datetime import UTC
from importlib import import_module
from typing import Any, NoReturn, TypeVar

import click
from rich.console import Console
from rich.table import Table

from engine import __version__
from engine.app import Engine
from engine.clock import SystemClock
from engine.doctor import examine
from engine.errors import EngineError, InvalidInput, SettingsError, StorageCorrupt, StorageError, StorageLocked
from engine.logs import configure_logs
from engine.receiver import serve_receiver
from engine.sample_data import fill_with_samples
from engine.settings import Settings, load_settings
from engine.storage.open import make_store
from engine.timers.describe import sentence
from engine.timers.fire_times import check_schedule, fire_times, zone
from engine.timers.shorthand import parse_shorthand

Result = TypeVar("Result")


def main() -> NoReturn:
    """Run the command line; every failure is one sentence on standard error and an exit code that says its kind."""
    try:
        code = commands.main(prog_name="python -m engine", standalone_mode=False) or 0
    except click.exceptions.Abort:
        code = 130
    except click.ClickException as error:
        error.show()
        code = os.EX_USAGE
    except EngineError as error:
        click.echo(f"Error: {error}", err=True)
        code = _exit_code(error)
    sys.exit(code)


def _exit_code(error: EngineError) -> int:
    match error:
        case SettingsError():
            return os.EX_CONFIG
        case InvalidInput() | StorageCorrupt():
            return os.EX_DATAERR
        case StorageLocked():
            return os.EX_TEMPFAIL
        case StorageError():
            return os.EX_IOERR
        case _:
            return os.EX_SOFTWARE


@click.group(invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, message="%(version)s")
@click.pass_context
def commands(context: click.Context) -> None:
    """The event trigger engine. Without a command: serve.

    Settings come from the environment and from .env; `doctor` shows them all.
    """
    if context.invoked_subcommand is None:
        context.invoke(serve)


@commands.command()
@click.option("--host", help="Address to listen on (HOST).")
@click.option("--port", type=click.IntRange(0, 65535), help="Port to listen on, 0 for a free one (PORT).")
@click.option("--database-url", help="Where triggers and events are kept (DATABASE_URL).")
def serve(host: str | None = None, port: int | None = None, database_url: str | None = None) -> None:
    """Serve the API and the page, and fire what is due."""
    given = {"host": host, "port": port, "database_url": database_url}
    settings = load_settings(**{name: value for name, value in given.items() if value is not None})
    configure_logs(settings)
    _run(_serve(settings))


def _raise_file_limit() -> None:
    """One socket for each attempt in flight: take as many open files as the system allows us."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError, OSError):  # some systems name a limit that they do not grant
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


async def _serve(settings: Settings) -> None:
    _raise_file_limit()
    engine = Engine(settings)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)

    def announce() -> None:
        with contextlib.suppress(OSError):  # whoever started it may have stopped listening
            click.echo(f"The engine serves {engine.server.url}", err=True)
            if settings.api_key is None:
                click.echo("No X_API_KEY is set, so only this machine can reach it.", err=True)

    await engine.run(stop, announce)


@commands.command("init-db")
def init_db() -> None:
    """Make the database, or bring it to the newest schema."""
    settings = load_settings()

    async def open_and_close() -> None:
        store = make_store(settings.database_url, SystemClock())
        try:
            await store.open()
        finally:
            await store.close()

    _run(open_and_close())
    click.echo(f"{settings.database_url} is ready.")


@commands.command("sample-data")
@click.option("--events", default=500, show_default=True, type=click.IntRange(1, 1_000_000), help="How many events.")
def sample_data(events: int) -> None:
    """Add example triggers, and events of the last two days. The engine must not be running on this database."""
    settings = load_settings()

    async def fill() -> tuple[int, int]:
        clock = SystemClock()
        store = make_store(settings.database_url, clock)
        try:
            await store.open()
            return await fill_with_samples(store, clock.now(), events)
        finally:
            await store.close()

    triggers, written = _run(fill())
    click.echo(f"Added {triggers} triggers and {written} events to {settings.database_url}.")


@commands.command("next")
@click.argument("expression")
@click.option("--tz", default="UTC", show_default=True, help="IANA time zone.")
@click.option("--count", default=5, show_default=True, type=click.IntRange(1, 1000))
def next_fires(expression: str, tz: str, count: int) -> None:
    """Show the next fires of EXPRESSION: cron, "every 5m", "in 10s", "at 2026-12-01T09:00", PT15M."""
    now = SystemClock().now()
    zone(tz)
    schedule = parse_shorthand(expression, now=now, timezone=tz, field="EXPRESSION")
    check_schedule(schedule, now)
    console = Console(highlight=False)
    console.print(sentence(schedule))
    table = Table("Local", "UTC", "Notes", box=None, pad_edge=False)
    for fire in fire_times(schedule, now, count):
        table.add_row(
            fire.local.isoformat(sep=" ", timespec="seconds"),
            fire.at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%SZ"),
            "; ".join(fire.notes),
        )
    console.print(table)


@commands.command()
def doctor() -> None:
    """Look for what would keep the engine from running well."""
    findings = _run(examine())
    table = Table("", "What", "Found", box=None, pad_edge=False)
    for finding in findings:
        table.add_row(
            {True: "[green]ok", False: "[red]bad", None: "[yellow]note"}[finding.good], finding.what, finding.text
        )
    Console(highlight=False).print(table)
    if any(finding.good is False for finding in findings):
        sys.exit(os.EX_CONFIG)


@commands.command()
@click.option("--port", default=9000, show_default=True, type=click.IntRange(0, 65535))
@click.option("--status", default=200, show_default=True, type=click.IntRange(200, 599), help="Answer with this.")
@click.option("--fail-rate", default=0.0, show_default=True, type=click.FloatRange(0, 1), help="Answer 503 this often.")
@click.option("--delay", "delay_s", default=0.0, show_default=True, type=click.FloatRange(0, 3600), help="Seconds.")
@click.option("--hang", is_flag=True, help="Accept and never answer.")
def receiver(port: int, status: int, fail_rate: float, delay_s: float, hang: bool) -> None:
    """Receive webhooks on this machine and print them, to see a whole delivery without any other service."""
    _run(
        serve_receiver(
            host="127.0.0.1",
            port=port,
            status=status,
            fail_rate=fail_rate,
            delay_s=delay_s,
            hang=hang,
            clock=SystemClock(),
            print_line=click.echo,
        )
    )


def _run(work: Coroutine[Any, Any, Result]) -> Result:
    """Run `work`, on uvloop where it is installed."""
    factory: Callable[[], asyncio.AbstractEventLoop] = asyncio.new_event_loop
    with contextlib.suppress(ImportError):
        factory = import_module("uvloop").new_event_loop
    with asyncio.Runner(loop_factory=factory) as runner:
        return runner.run(work)
