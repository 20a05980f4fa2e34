"""The command line, as a process would see it: output and exit codes."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def run(directory: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """`python -m engine ...` in `directory`, with nothing of the tester's environment but the path."""
    return subprocess.run(
        [sys.executable, "-m", "engine", *arguments],
        cwd=directory,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_help_names_every_command(tmp_path: Path) -> None:
    answer = run(tmp_path, "--help")
    assert answer.returncode == 0
    for command in ("serve", "init-db", "sample-data", "next", "doctor", "receiver"):
        assert command in answer.stdout


def test_next_shows_the_fires_and_the_sentence(tmp_path: Path) -> None:
    answer = run(tmp_path, "next", "30 2 * * MON-FRI", "--tz", "Europe/Berlin", "--count", "3")
    assert answer.returncode == 0, answer.stderr
    assert "02:30" in answer.stdout
    assert "Monday to Friday" in answer.stdout
    assert answer.stdout.count("02:30:00+0") == 3


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("next", "61 * * * *"), os.EX_DATAERR, "61"),
        (("next", "* * * * *", "--tz", "Europe/Nowhere"), os.EX_DATAERR, "timezone"),
        (("no-such-command",), os.EX_USAGE, "no-such-command"),
        (("next",), os.EX_USAGE, "EXPRESSION"),
        (("serve", "--port", "70000"), os.EX_USAGE, "70000"),
    ],
)
def test_a_wrong_call_is_one_sentence_and_a_code(
    tmp_path: Path, arguments: tuple[str, ...], code: int, said: str
) -> None:
    answer = run(tmp_path, *arguments)
    assert answer.returncode == code, answer.stderr
    assert said in answer.stderr
    assert "Traceback" not in answer.stderr


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        ({"HOST": "0.0.0.0"}, "X_API_KEY"),
        ({"PORT": "no"}, "PORT"),
        ({"DATABASE_URL": "oracle://x"}, "sqlite"),
        ({"EVENTS_RETENTION_HOURS": "1"}, "EVENTS_ACTIVE_HOURS"),
    ],
)
def test_settings_that_cannot_be_served_with_exit_78(tmp_path: Path, environment: dict[str, str], said: str) -> None:
    answer = run(tmp_path, "serve", **environment)
    assert answer.returncode == os.EX_CONFIG, answer.stderr
    assert said in answer.stderr
    assert "Traceback" not in answer.stderr


def test_a_file_that_is_no_database_is_refused_and_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "engine.db"
    file.write_bytes(b"certainly not a database, but something precious" * 50)
    before = file.read_bytes()
    answer = run(tmp_path, "init-db", DATABASE_URL=f"sqlite:///{file}")
    assert answer.returncode == os.EX_DATAERR, answer.stderr
    assert str(file) in answer.stderr
    assert file.read_bytes() == before


def test_init_db_then_sample_data_twice(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/data/engine.db"
    assert run(tmp_path, "init-db", DATABASE_URL=url).returncode == 0
    first = run(tmp_path, "sample-data", "--events", "300", DATABASE_URL=url)
    assert "Added 3 triggers and 300 events" in first.stdout, first.stderr
    second = run(tmp_path, "sample-data", "--events", "10", DATABASE_URL=url)
    assert "Added 0 triggers and 10 events" in second.stdout, second.stderr
    database = sqlite3.connect(tmp_path / "data" / "engine.db")
    assert database.execute("SELECT count(*) FROM triggers").fetchone() == (3,)
    assert database.execute("SELECT count(*) FROM events").fetchone() == (310,)
    statuses = {row[0] for row in database.execute("SELECT DISTINCT status FROM events")}
    assert statuses == {"recorded", "delivered", "failed"}
    database.close()


def test_doctor_says_what_it_looked_at(tmp_path: Path) -> None:
    answer = run(tmp_path, "doctor", DATABASE_URL=f"sqlite:///{tmp_path}/engine.db", PORT="0")
    assert answer.returncode == 0, answer.stdout + answer.stderr
    for what in ("SQLite", "database", "HTTP parser", "port"):
        assert what in answer.stdout
    broken = run(tmp_path, "doctor", PORT="no")
    assert broken.returncode == os.EX_CONFIG
    assert "PORT" in broken.stdout
