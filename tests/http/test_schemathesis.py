"""Generated requests against a running engine: no 5xx, and no answer that `/openapi.json` does not have."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest

from engine.clock import SystemClock
from engine.storage.open import make_store
from tests.http.conftest import StartApi

CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
)
EXAMPLES_MAX = 25
"""Of each operation in each phase; some 60 s in all on two cores."""
SEED = 20261122


@pytest.mark.timeout(400)
async def test_nothing_contradicts_the_description(start_api: StartApi, tmp_path: Path) -> None:
    # The engine runs here, with a transport that reaches nobody, for triggers with any URL are made and fired.
    clock = SystemClock()
    api = await start_api(own_clock=clock, store=make_store(f"sqlite:///{tmp_path}/engine.db", clock))
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "schemathesis.cli", "run", f"{api.url}/openapi.json", "--url", api.url),
        *("--checks", ",".join(CHECKS), "--exclude-path", "/events/stream", "--seed", str(SEED)),
        *("--max-examples", str(EXAMPLES_MAX), "--phases", "examples,coverage,fuzzing", "--continue-on-failure"),
        *("--generation-database", "none", "--suppress-health-check", "all", "--no-color", "--warnings", "off"),
        cwd=tmp_path,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await process.communicate()
    assert process.returncode == 0, output.decode()[-20_000:]
