"""Whatever is done to triggers, in whatever order: they fire exactly when a plain model says, and nothing is stuck."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from hypothesis import HealthCheck, given, settings

from engine.storage.sqlite.store import SqliteStore
from tests.simulation.operations import (
    MINUTE,
    Create,
    Operation,
    PassTime,
    Pause,
    Restart,
    first,
    rest,
    turns,
)
from tests.simulation.plain_model import SECOND, Every
from tests.simulation.world import run

EXAMPLES = int(os.environ.get("SEQUENCES", "200"))
"""The same ones every time; with SEQUENCES=20000, other ones and more of them."""
_SETTINGS = settings(
    deadline=None,
    derandomize="SEQUENCES" not in os.environ,
    database=None,
    report_multiple_bugs=False,
    suppress_health_check=list(HealthCheck),
)


@settings(_SETTINGS, max_examples=EXAMPLES)
@given(first, rest, turns)
def test_any_sequence_fires_as_the_plain_model_says(
    first: Create, rest: list[Operation], turns: tuple[int, int]
) -> None:
    run([first, *rest], turns=turns)


@settings(_SETTINGS, max_examples=max(EXAMPLES // 10, 1))
@given(first, rest)
def test_any_sequence_fires_as_the_plain_model_says_on_sqlite(first: Create, rest: list[Operation]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        run([first, *rest], lambda clock: SqliteStore(Path(folder) / "events.db", clock=clock))


def test_what_comes_due_between_the_end_of_a_pause_and_its_notice_is_late_and_not_lost() -> None:
    """The end of a pause that passes while the loop hangs, or while the engine is down."""
    paused: list[Operation] = [Create(Every(MINUTE, 0), policy="all"), Pause(0, lasts=150 * SECOND)]
    run([*paused, PassTime(10 * MINUTE)])
    run([*paused, Restart(10 * MINUTE)])
