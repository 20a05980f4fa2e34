"""`python -m bench`: run every workload, print one table, keep the figures in bench/results/."""

from __future__ import annotations

import asyncio
import json
import platform
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bench.lateness import measure_lateness, median, percentile

RESULTS = Path(__file__).parent / "results"


def main() -> None:
    console = Console(highlight=False)
    with console.status("30 triggers due in 10 s, on an idle engine"):
        lateness = asyncio.run(measure_lateness(count=15, due_in_s=10, apart_s=0.2))
    table = Table("milliseconds", "p50", "p99", "max", box=None)
    figures = {
        "lateness, recorded only": lateness.recorded_ms,
        "lateness, at the receiver": lateness.delivered_ms,
        "event readable after its delivery": lateness.readable_ms,
    }
    for name, values in figures.items():
        table.add_row(name, *(f"{value:.2f}" for value in (median(values), percentile(values, 0.99), max(values))))
    console.print(table)
    RESULTS.mkdir(exist_ok=True)
    file = RESULTS / f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}.json"
    file.write_text(json.dumps({"machine": platform.platform(), "milliseconds": figures}, indent=1))
    console.print(f"Kept in {file}")


if __name__ == "__main__":
    main()
