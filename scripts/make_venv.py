"""Make .venv, or bring it up to date: `make_venv.py run` for the engine, `make_venv.py dev` for its tests too.

It works on a machine that has Python and nothing else: without Debian's python3-venv package, without pip, as root. A
.venv that cannot be trusted is made anew: an installation into it was cut short, its Python is gone or is another
version now, or the checkout was moved. A second run while one is under way waits for it.
"""

from __future__ import annotations

import fcntl
import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
import venv
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
UNFINISHED = VENV / "unfinished"
"""Exists while something is being installed; whoever finds it without holding the lock finds the remains of a crash."""

PIP = "pip>=25.1"
"""The first pip that installs dependency groups."""

ENVIRONMENT = {
    **os.environ,
    "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    "PIP_NO_INPUT": "1",
    # A machine-wide `user = true` would be refused inside a virtual environment.
    "PIP_USER": "0",
}


class SetupError(Exception):
    """What went wrong, for a person; the output of the command that failed is part of it."""


def main(wanted: str) -> None:
    """Leave a .venv behind that serves for `wanted` ("run" or "dev"). Raises SetupError."""
    with _one_at_a_time():
        version = _python_version()
        fresh = version is None or UNFINISHED.exists() or _was_made_elsewhere(version)
        if not fresh and _stamp(wanted).is_file() and _stamp(wanted).read_text() == _fingerprint(version):
            return
        _say(f"Installing the engine{' and its test tools' if wanted == 'dev' else ''} into .venv ...")
        try:
            if fresh:
                _make_venv()
            UNFINISHED.touch()
            stamps = [_stamp("run")]
            if wanted == "dev" or _stamp("dev").exists():
                stamps.append(_stamp("dev"))
            _get_pip()
            _install(with_dev_tools=_stamp("dev") in stamps)
        except SetupError:
            # pip unpacks nothing before it has everything, so an older .venv is as good as it was before.
            if fresh:
                shutil.rmtree(VENV, ignore_errors=True)
            else:
                UNFINISHED.unlink(missing_ok=True)
            raise
        for stamp in stamps:
            stamp.write_text(_fingerprint(_python_version()))
        UNFINISHED.unlink()


def _make_venv() -> None:
    if VENV.is_symlink() or VENV.is_file():
        VENV.unlink()
    shutil.rmtree(VENV, ignore_errors=True)
    VENV.mkdir()
    UNFINISHED.touch()
    # pip comes in a step of its own: with_pip=True would end in an error where python3-venv is missing.
    venv.EnvBuilder(symlinks=True, with_pip=False).create(VENV)


def _get_pip() -> None:
    """Put a pip that is new enough into .venv: Python's own copy, the system's pip, or straight from the index."""
    ways: list[list[str | Path]] = []
    if importlib.util.find_spec("ensurepip"):
        ways.append([PYTHON, "-m", "ensurepip", "--default-pip"])
    if importlib.util.find_spec("pip"):
        ways.append([sys.executable, "-m", "pip", "--quiet", "--python", PYTHON, "install", "pip"])
    ways.append([PYTHON, ROOT / "scripts" / "get_pip.py"])
    failures: list[str] = []
    while _run(PYTHON, "-m", "pip", "--version").returncode != 0:
        if not ways:
            raise SetupError("\n".join([*failures, "pip could not be installed into .venv; the reasons are above."]))
        attempt = _run(*ways.pop(0))
        if attempt.returncode != 0:
            failures.append(attempt.stderr.strip())
    upgrade = _run(PYTHON, "-m", "pip", "install", "--quiet", PIP)
    if upgrade.returncode != 0:
        raise SetupError(f"{upgrade.stderr.strip()}\n{PIP} is needed in .venv and could not be installed.")


def _install(*, with_dev_tools: bool) -> None:
    """Install the project, editable. uvloop only makes it faster, so a machine that has no build of it does without."""
    pip: list[str | Path] = [PYTHON, "-m", "pip", "install", "--quiet"]
    groups = ["--group", "dev"] if with_dev_tools else []
    if _run(*pip, "--only-binary", "uvloop", "--editable", ".[fast]", *groups).returncode == 0:
        return
    attempt = _run(*pip, "--editable", ".", *groups)
    if attempt.returncode != 0:
        raise SetupError(f"{attempt.stderr.strip()}\nThe installation failed; pip's reasons are above.")
    _say("uvloop cannot be installed here; the engine runs on Python's own event loop.")


def _python_version() -> str | None:
    """The version of .venv's Python, or None when there is none that works and is new enough."""
    try:
        answer = _run(
            PYTHON, "-c", "import sys; print('%d.%d' % sys.version_info[:2]); sys.exit(sys.version_info < (3, 11))"
        )
    except OSError:
        return None
    return answer.stdout.strip() if answer.returncode == 0 else None


def _was_made_elsewhere(version: str | None) -> bool:
    """Whether this .venv served another folder or another Python. One that somebody made by hand is taken as it is."""
    stamp = _stamp("run")
    return stamp.is_file() and stamp.read_text().splitlines()[:2] != _fingerprint(version).splitlines()[:2]


def _fingerprint(version: str | None) -> str:
    """What an installation depends on. The folder counts, since an editable install and bin/ scripts hold its path."""
    return f"{ROOT}\n{version}\n{hashlib.sha256((ROOT / 'pyproject.toml').read_bytes()).hexdigest()}\n"


def _stamp(wanted: str) -> Path:
    return VENV / f"{wanted}.stamp"


@contextmanager
def _one_at_a_time() -> Iterator[None]:
    """Hold a lock on the checkout's folder itself; the system lets go of it even after kill -9.

    A pip that was started here inherits the lock, so that one that outlives us is waited for too.
    """
    folder = os.open(ROOT, os.O_RDONLY)
    os.set_inheritable(folder, True)
    try:
        try:
            fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            _say("Waiting for another make that is setting up .venv ...")
            fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)


def _run(*command: str | Path) -> subprocess.CompletedProcess[str]:
    """Run to the end, in the checkout, with the output kept. Raises OSError where there is no such program."""
    return subprocess.run(  # noqa: S603 - the commands are the fixed ones above
        [str(part) for part in command],
        cwd=ROOT,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        check=False,
        close_fds=False,
    )


def _say(sentence: str) -> None:
    sys.stdout.write(f"{sentence}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    if sys.argv[1:] not in (["run"], ["dev"]):
        sys.exit("usage: make_venv.py run|dev")
    try:
        main(sys.argv[1])
    except SetupError as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        sys.exit(130)
