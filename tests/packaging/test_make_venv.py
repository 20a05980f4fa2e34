"""When .venv is kept, brought up to date, or made anew. What needs the network, the installation, is stood in for."""

from __future__ import annotations

import shutil
from pathlib import Path
from types import ModuleType

import pytest

from tests.packaging.scripts import load_script


class Setup:
    """The script, at work in a folder of its own, with what it was asked to install."""

    def __init__(self, script: ModuleType, root: Path) -> None:
        self.script, self.installed = script, list[bool]()
        self.fails: BaseException | None = None
        self.move_to(root)

    def move_to(self, root: Path) -> None:
        self.script.__dict__.update(
            ROOT=root,
            VENV=root / ".venv",
            PYTHON=root / ".venv" / "bin" / "python",
            UNFINISHED=root / ".venv" / "unfinished",
            _get_pip=lambda: None,
            _install=self._install,
        )
        self.venv = root / ".venv"

    def _install(self, *, with_dev_tools: bool) -> None:
        self.installed.append(with_dev_tools)
        (self.venv / "package").touch()
        if self.fails:
            raise self.fails

    def make(self, wanted: str = "run") -> bool:
        """Whether this run installed something."""
        before = len(self.installed)
        self.script.main(wanted)
        return len(self.installed) > before

    @property
    def is_kept(self) -> bool:
        """Whether the mark that the test left in .venv is still there; a .venv that is made anew has lost it."""
        return (self.venv / "mark").exists()


@pytest.fixture
def setup(tmp_path: Path) -> Setup:
    root = tmp_path / "a checkout"
    root.mkdir()
    (root / "pyproject.toml").write_text("[project]\n")
    made = Setup(load_script("make_venv"), root)
    assert made.make() is True
    (made.venv / "mark").touch()
    return made


def test_a_finished_one_is_left_alone(setup: Setup) -> None:
    assert setup.make() is False
    assert setup.is_kept


def test_a_changed_project_is_installed_again_into_the_same_one(setup: Setup) -> None:
    (setup.venv.parent / "pyproject.toml").write_text("[project]\nname = 'other'\n")
    assert setup.make() is True
    assert setup.is_kept
    assert setup.make() is False


def test_test_tools_are_installed_once_they_are_wanted_and_then_kept_up(setup: Setup) -> None:
    assert setup.make("dev") is True
    assert setup.make("dev") is False
    assert setup.make("run") is False
    (setup.venv.parent / "pyproject.toml").write_text("[project]\nname = 'other'\n")
    assert setup.make("run") is True
    assert setup.installed == [False, True, True]
    assert setup.make("dev") is False


def test_one_that_was_cut_short_is_made_anew(setup: Setup) -> None:
    setup.fails = KeyboardInterrupt()
    with pytest.raises(KeyboardInterrupt):
        setup.make("dev")
    assert setup.is_kept, "nothing is cleaned up on the way out"
    setup.fails = None
    assert setup.make() is True
    assert not setup.is_kept


def test_one_whose_python_is_gone_is_made_anew(setup: Setup) -> None:
    python = setup.venv / "bin" / "python"
    python.unlink()
    python.symlink_to("/nowhere/python3")
    assert setup.make() is True
    assert not setup.is_kept


def test_one_whose_python_is_another_version_now_is_made_anew(setup: Setup) -> None:
    stamp = setup.venv / "run.stamp"
    folder, version, project = stamp.read_text().splitlines()
    stamp.write_text(f"{folder}\n{version}1\n{project}\n")
    assert setup.make() is True
    assert not setup.is_kept


def test_one_in_a_moved_checkout_is_made_anew(setup: Setup) -> None:
    moved = setup.venv.parent.with_name("moved")
    shutil.move(setup.venv.parent, moved)
    setup.move_to(moved)
    assert setup.make() is True
    assert not setup.is_kept


def test_one_made_by_hand_is_used(setup: Setup) -> None:
    (setup.venv / "run.stamp").unlink()
    assert setup.make() is True
    assert setup.is_kept


def test_a_failure_keeps_an_older_one_and_tries_again(setup: Setup) -> None:
    (setup.venv.parent / "pyproject.toml").write_text("[project]\nname = 'other'\n")
    setup.fails = setup.script.SetupError("no network")
    with pytest.raises(setup.script.SetupError):
        setup.make()
    setup.fails = None
    assert setup.make() is True
    assert setup.is_kept


def test_a_failure_leaves_no_new_one(setup: Setup) -> None:
    shutil.rmtree(setup.venv)
    setup.fails = setup.script.SetupError("no network")
    with pytest.raises(setup.script.SetupError):
        setup.make()
    assert not setup.venv.exists()
