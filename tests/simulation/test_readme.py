"""Every curl line of the README, run as it stands there against a real engine."""

from __future__ import annotations

import asyncio
import re
import shutil
from pathlib import Path

import pytest

from tests.fakes.engine_process import EngineProcess

README = (Path(__file__).parents[2] / "README.md").read_text()
ADDRESS = "http://127.0.0.1:8000"
ENDLESS = "/events/stream"
"""Streams until it is cut; `tests/http/test_stream.py` reads it."""


def curl_blocks() -> list[str]:
    blocks = re.findall(r"```bash\n(.*?)```", README, flags=re.DOTALL)
    return [block for block in blocks if "curl" in block]


async def test_every_curl_line_works(tmp_path: Path) -> None:
    if shutil.which("curl") is None or shutil.which("bash") is None:
        pytest.skip("the README's examples need curl and bash (on Debian: apt-get install curl)")
    assert len(curl_blocks()) >= 4
    engine = EngineProcess(tmp_path)
    url = await engine.start()
    for block in curl_blocks():
        lines = [line for line in block.splitlines() if ENDLESS not in line and "python" not in line]
        script = "\n".join(lines).replace(ADDRESS, url)
        process = await asyncio.create_subprocess_exec(
            "bash",
            "-euc",
            'curl() { command curl -sS --fail-with-body --max-time 10 "$@" && echo; }\n' + script,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        output, _ = await process.communicate()
        assert process.returncode == 0, f"{script}\n\n{output.decode()}"
    assert await engine.stop() == 0
