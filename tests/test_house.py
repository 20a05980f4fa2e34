"""The house rules that no linter holds. Floors are import-linter's, style is ruff's; both run in `make check`.

Every rule is a function from a source text to what is wrong with it, applied to the tree and tried on samples that
break it, so that a rule which catches nothing is noticed.
"""

from __future__ import annotations

import ast
import re
import subprocess
from collections.abc import Callable, Iterable
from functools import lru_cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
LINES_MAX = 400
FUNCTION_LINES_MAX = 70

TIME_ROOM = "engine/clock.py"
PRINTING_ROOMS = {"engine/cli.py", "engine/receiver.py"}
ENTRY_POINTS = {"engine.__main__", "engine.cli", "engine.receiver"}
SHAPELESS_NAMES = {"util", "utils", "common", "helper", "helpers", "manager", "managers", "misc"}

TIME_CALLS = {
    *(f"time.{name}" for name in ("time", "time_ns", "monotonic", "monotonic_ns", "perf_counter", "perf_counter_ns")),
    *(f"datetime.datetime.{name}" for name in ("now", "utcnow", "today")),
    "datetime.date.today",
    "time.sleep",
    "asyncio.sleep",
}
LOOP_TIMERS = {"call_later", "call_at"}

MARKUP_SINKS = re.compile(
    r"\b(innerHTML|outerHTML|insertAdjacentHTML)\b|\bdocument\s*\.\s*write(ln)?\b|\beval\s*\(|\bnew\s+Function\b"
)
# Put together from parts, so that this file does not break its own rule.
MACHINE_PATHS = re.compile(r"(?<![\w.$}-])/(?:" + "|".join(["work", "root", "tmp/helpers"]) + r")/")
CONTAINER_ROOMS = {"Dockerfile", "scripts/try_dockerfile.sh"}
"""Files that name the home of root inside the container they build, which is no machine of ours."""


def files(pattern: str) -> list[str]:
    """Paths below the root, as the rules name them."""
    return sorted(path.relative_to(ROOT).as_posix() for path in ROOT.glob(pattern) if path.is_file())


ENGINE = files("engine/**/*.py")
SCRIPTS = files("web/**/*.js")


def source(path: str) -> str:
    return (ROOT / path).read_text(encoding="utf-8")


@lru_cache(maxsize=1_000)
def parse(text: str) -> ast.Module:
    """Each file is parsed once for all rules."""
    return ast.parse(text)


def module_of(path: str) -> str:
    return path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


# --- the rules ----------------------------------------------------------------------------------------------------


def clock_reads(text: str) -> list[str]:
    """Every mention of a clock or a sleep, under whatever name it was imported. A mention that is no call counts too:
    `default_factory=time.time` reads the clock as well."""
    tree = parse(text)
    names: dict[str, str] = {}
    found: list[str] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                names[alias.asname or alias.name.split(".")[0]] = (
                    alias.name if alias.asname else alias.name.split(".")[0]
                )
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            for alias in node.names:
                full = f"{node.module}.{alias.name}"
                names[alias.asname or alias.name] = full
                if full in TIME_CALLS:
                    found.append(f"line {node.lineno}: imports {full}")
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            if node.attr in LOOP_TIMERS:
                found.append(f"line {node.lineno}: {node.attr}")
            elif (full := dotted(node, names)) in TIME_CALLS:
                found.append(f"line {node.lineno}: {full}")
    return found


def dotted(node: ast.expr, names: dict[str, str]) -> str:
    """`dt.now` as `datetime.datetime.now`, where the file says `from datetime import datetime as dt`."""
    if isinstance(node, ast.Attribute):
        return f"{dotted(node.value, names)}.{node.attr}"
    return names.get(node.id, "") if isinstance(node, ast.Name) else ""


def prints(text: str) -> list[str]:
    return [
        f"line {node.lineno}: print"
        for node in ast.walk(parse(text))
        if isinstance(node, ast.Name) and node.id == "print"
    ]


def missing_docstring(text: str) -> list[str]:
    return [] if ast.get_docstring(parse(text)) else ["no docstring that says what the module is for"]


def too_long(text: str) -> list[str]:
    lines = len(text.splitlines())
    return [f"{lines} lines, more than {LINES_MAX}"] if lines > LINES_MAX else []


def long_functions(text: str) -> list[str]:
    return [
        f"{node.name} has {lines} lines, more than {FUNCTION_LINES_MAX}"
        for node in ast.walk(parse(text))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (lines := (node.end_lineno or node.lineno) - node.lineno + 1) > FUNCTION_LINES_MAX
    ]


def markup_sinks(text: str) -> list[str]:
    """Ways to turn a text into markup or code; the page sets text and makes elements."""
    return [f"line {number}: {hit[0]}" for number, hit in hits(MARKUP_SINKS, text)]


def machine_paths(text: str) -> list[str]:
    return [f"line {number}: {hit[0]}" for number, hit in hits(MACHINE_PATHS, text)]


def machine_paths_outside_container(text: str) -> list[str]:
    return [wrong for wrong in machine_paths(text) if not wrong.endswith(": /" + "root/")]


def hits(pattern: re.Pattern[str], text: str) -> Iterable[tuple[int, re.Match[str]]]:
    for number, line in enumerate(text.splitlines(), 1):
        for hit in pattern.finditer(line):
            yield number, hit


def uncollected_tests(text: str) -> list[str]:
    """Tests are functions. One in a class would never run: pytest is told to collect no classes."""
    return [
        f"line {member.lineno}: {node.name}.{member.name}"
        for node in ast.walk(parse(text))
        if isinstance(node, ast.ClassDef)
        for member in node.body
        if isinstance(member, ast.FunctionDef | ast.AsyncFunctionDef) and member.name.startswith("test_")
    ]


def shapeless_names(path: str) -> list[str]:
    return sorted(SHAPELESS_NAMES & set(re.split(r"[/_.]", path)))


def imported_modules(text: str, module: str, is_package: bool) -> set[str]:
    """Full names of what a module imports; `from a import b` may name the module `a.b` or a thing in `a`: both."""
    found: set[str] = set()
    for node in ast.walk(parse(text)):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                above = module.split(".")[: None if is_package and node.level == 1 else -node.level + is_package]
                base = ".".join([*above, base]).rstrip(".")
            found.add(base)
            found.update(f"{base}.{alias.name}" for alias in node.names)
    return found


def dead_modules(sources: dict[str, str], entry_points: set[str]) -> set[str]:
    """Modules, by path, that no other module imports. Packages live as long as something in them does."""
    alive = set(entry_points)
    for path, text in sources.items():
        module = module_of(path)
        alive |= imported_modules(text, module, path.endswith("/__init__.py")) - {module}
    return {module_of(path) for path in sources if not path.endswith("/__init__.py")} - alive


# --- the rules, held by the tree ----------------------------------------------------------------------------------


def check(rule: Callable[[str], list[str]], paths: Iterable[str]) -> None:
    broken = {path: wrong for path in paths if (wrong := rule(source(path)))}
    assert not broken


def test_only_the_clock_reads_clocks_and_sleeps() -> None:
    assert clock_reads(source(TIME_ROOM)), "the rule does not see what it is about"
    check(clock_reads, [path for path in ENGINE if path != TIME_ROOM])


def test_only_the_command_line_prints() -> None:
    check(prints, [path for path in ENGINE if path not in PRINTING_ROOMS])


def test_every_module_says_what_it_is_for() -> None:
    check(missing_docstring, ENGINE)


def test_no_file_is_too_long() -> None:
    check(too_long, ENGINE + SCRIPTS)


def test_no_function_is_too_long() -> None:
    check(long_functions, ENGINE)


def test_every_test_is_run() -> None:
    check(uncollected_tests, files("tests/**/*.py"))


def test_names_say_what_is_inside() -> None:
    assert not {path: wrong for path in ENGINE if (wrong := shapeless_names(path))}


def test_no_module_is_dead() -> None:
    assert dead_modules({path: source(path) for path in ENGINE}, ENTRY_POINTS) == set()


def test_the_page_never_parses_text_as_markup_or_code() -> None:
    check(markup_sinks, SCRIPTS)


def test_nothing_mentions_a_path_of_the_machine_it_was_written_on() -> None:
    try:
        # Without safe.directory, git refuses a tree that another user owns, as in a container.
        listing = subprocess.run(
            ["git", "-c", "safe.directory=*", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            cwd=ROOT,
            capture_output=True,
            check=True,
            text=True,
        )
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("needs a git checkout: what belongs to the tree is what git lists")
    broken: dict[str, list[str]] = {}
    for path in filter(None, listing.stdout.split("\0")):
        file = ROOT / path
        rule = machine_paths_outside_container if path in CONTAINER_ROOMS else machine_paths
        if file.is_file() and (wrong := rule(file.read_text(encoding="utf-8", errors="replace"))):
            broken[path] = wrong
    assert not broken


# --- the rules, tried on what breaks them -------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "import time\ntime.time()",
        "import time as t\nt.monotonic()",
        "import time\nfield(default_factory=time.perf_counter)",
        "from time import sleep",
        "from time import monotonic as mono",
        "import datetime\ndatetime.datetime.now()",
        "import datetime as d\nd.date.today()",
        "from datetime import datetime\ndatetime.now(UTC)",
        "from datetime import datetime as dt\ndt.utcnow()",
        "from datetime import date\ndate.today()",
        "import asyncio\nasync def f():\n    await asyncio.sleep(1)",
        "import asyncio as aio\nnap = aio.sleep",
        "import asyncio.events\nasyncio.sleep(0)",
        "from asyncio import sleep as nap",
        "def f():\n    import time\n    return time.time()",
        "def f(loop):\n    loop.call_later(1, print)",
        "def f(self):\n    self._loop.call_at(1, print)",
    ],
)
def test_rule_clock(text: str) -> None:
    assert clock_reads(text)


@pytest.mark.parametrize(
    "text",
    [
        "import asyncio\nasyncio.timeout(1)",
        "def f(clock):\n    return clock.now(), clock.monotonic(), clock.sleep(1)",
        "from datetime import datetime\ndatetime.fromisoformat('2026-11-22')",
        "'time.time() in a text'  # and time.time() in a comment",
        "import time\ntime.strftime('%Y')",
    ],
)
def test_rule_clock_lets_pass(text: str) -> None:
    assert not clock_reads(text)


def test_rule_print() -> None:
    assert prints("def f():\n    print('x')")
    assert not prints("console.print('x')\nfootprint = 'print('")


def test_rule_docstring() -> None:
    assert missing_docstring("x = 1")
    assert missing_docstring("")
    assert not missing_docstring('"""What it is for."""')


def test_rule_length() -> None:
    assert too_long("x\n" * 401)
    assert not too_long("x\n" * 400)


def test_rule_function_length() -> None:
    assert long_functions("class A:\n    async def f():\n" + "        x\n" * 70)
    assert not long_functions("def f():\n" + "    x\n" * 69)


def test_rule_uncollected_tests() -> None:
    assert uncollected_tests("class TestThing:\n    async def test_it(self): ...")
    assert not uncollected_tests("def test_it(): ...\nclass Thing:\n    def settle(self): ...")


@pytest.mark.parametrize(
    "path", ["engine/utils.py", "engine/common/x.py", "engine/http/path_helpers.py", "engine/task_manager.py"]
)
def test_rule_names(path: str) -> None:
    assert shapeless_names(path)
    assert not shapeless_names("engine/timers/wheel.py")


@pytest.mark.parametrize(
    "text",
    [
        "a.innerHTML = b",
        "a['outerHTML'] = b",
        "a.insertAdjacentHTML('beforeend', b)",
        "document.write(b)",
        "document . writeln(b)",
        "eval(b)",
        "window.eval (b)",
        "new Function('a', b)",
    ],
)
def test_rule_markup(text: str) -> None:
    assert markup_sinks(text)
    assert not markup_sinks("a.textContent = b; medieval(c); a.append(document.createElement('p'))")


@pytest.mark.parametrize("folder", ["work", "root", "tmp/helpers"])
def test_rule_machine_paths(folder: str) -> None:
    assert machine_paths(f"see /{folder}/main")
    assert machine_paths(f"path = '/{folder}/x'")
    assert bool(machine_paths_outside_container(f"/{folder}/x")) == (folder != "root")
    assert not machine_paths(f"https://example.org/{folder}/x and ./{folder}/x and /{folder}ing/x")


def test_rule_dead_modules() -> None:
    sources = {
        "engine/__init__.py": "",
        "engine/cli.py": "from engine.http import server\nfrom engine.model.event import Event",
        "engine/http/__init__.py": "",
        "engine/http/server.py": "from . import routes\nfrom .pages import page\nfrom ..feed import Feed",
        "engine/http/routes.py": "",
        "engine/http/pages.py": "import engine.http.links",
        "engine/http/links.py": "",
        "engine/feed.py": "",
        "engine/model/__init__.py": "from .instant import now",
        "engine/model/event.py": "",
        "engine/model/instant.py": "",
        "engine/model/forgotten.py": "import engine.model.forgotten",
    }
    assert dead_modules(sources, {"engine.cli"}) == {"engine.model.forgotten"}
