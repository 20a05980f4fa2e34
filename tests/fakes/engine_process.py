"""The engine as users run it: a process of its own, a database file, a port on loopback."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections import deque
from pathlib import Path

SERVES = "The engine serves "


class EngineProcess:
    """Start it, kill it, start it again on the same file. The environment is clean but for what is given."""

    def __init__(self, directory: Path, **environment: str) -> None:
        self.database = directory / "engine.db"
        self._directory = directory
        self._environment = environment
        self._process: asyncio.subprocess.Process | None = None
        self._reader: asyncio.Task[None] | None = None
        self.log: deque[str] = deque(maxlen=200)
        self.url = ""

    async def start(self, *arguments: str) -> str:
        """Run `python -m engine serve`; returns its URL once it serves. Raises RuntimeError with its log if it ends."""
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "engine",
            "serve",
            "--port",
            "0",
            *arguments,
            cwd=self._directory,
            env={
                **{name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ},
                "PYTHONPATH": str(Path(__file__).parents[2]),
                "DATABASE_URL": f"sqlite:///{self.database}",
                **self._environment,
            },
            stderr=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.DEVNULL,
        )
        serves: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._reader = asyncio.create_task(self._read(serves))
        self.url = await asyncio.wait_for(serves, 30)
        return self.url

    async def kill(self) -> None:
        """kill -9: no handler runs, nothing is flushed."""
        await self._end(signal.SIGKILL)

    async def stop(self) -> int:
        """SIGTERM; returns the exit code."""
        return await self._end(signal.SIGTERM)

    async def wait(self) -> int:
        """Until it ends by itself."""
        process, reader = self._running()
        code = await process.wait()
        await reader
        return code

    def _running(self) -> tuple[asyncio.subprocess.Process, asyncio.Task[None]]:
        if self._process is None or self._reader is None:
            raise RuntimeError("the engine was not started")
        return self._process, self._reader

    async def _end(self, number: signal.Signals) -> int:
        process, _ = self._running()
        if process.returncode is None:
            process.send_signal(number)
        return await self.wait()

    async def _read(self, serves: asyncio.Future[str]) -> None:
        process = self._process
        if process is None or process.stderr is None:
            return
        async for raw_line in process.stderr:
            line = raw_line.decode(errors="replace").rstrip()
            self.log.append(line)
            if line.startswith(SERVES) and not serves.done():
                serves.set_result(line.removeprefix(SERVES))
        if not serves.done():
            serves.set_exception(RuntimeError("the engine ended:\n" + "\n".join(self.log)))
