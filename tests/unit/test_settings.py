"""Settings: where they come from, which source wins, and what is refused, by name."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from engine.errors import SettingsError
from engine.settings import Settings, is_loopback, load_settings


@pytest.fixture(autouse=True)
def clean_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to run in, and no setting in the environment."""
    for name in list(os.environ):
        if name.upper().removesuffix("_FILE") in {field.upper() for field in Settings.model_fields}:
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_defaults() -> None:
    settings = load_settings()
    assert (settings.host, settings.port) == ("127.0.0.1", 8000)
    assert settings.database_url == "sqlite:///data/engine.db"
    assert (settings.redis_host, settings.redis_port) == (None, 6379)
    assert (settings.events_active_hours, settings.events_retention_hours) == (2, 48)
    assert (settings.log_level, settings.log_format) == ("info", None)
    assert settings.api_key is None
    assert settings.origins == ()


def test_dotenv_over_defaults_and_environment_over_dotenv(clean_place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (clean_place / ".env").write_text("PORT=9001\nREDIS_HOST=cache\nX_API_KEY='from file'\nUNKNOWN=1\n")
    monkeypatch.setenv("PORT", "9002")
    settings = load_settings()
    assert (settings.port, settings.redis_host, settings.api_key) == (9002, "cache", "from file")


def test_the_command_line_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORT", "9002")
    assert load_settings(port=9003).port == 9003


def test_names_are_without_case_and_empty_means_unset(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("port", "9002")
    monkeypatch.setenv("REDIS_HOST", "")
    monkeypatch.setenv("X_API_KEY", "")
    monkeypatch.setenv("LOG_LEVEL", "DEBUG")
    settings = load_settings()
    assert (settings.port, settings.redis_host, settings.api_key, settings.log_level) == (9002, None, None, "debug")


# --- NAME_FILE ------------------------------------------------------------------------------------------------------


def test_a_file_named_in_the_environment(clean_place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (clean_place / "secret").write_text("key of the file\n")
    monkeypatch.setenv("X_API_KEY_FILE", str(clean_place / "secret"))
    assert load_settings().api_key == "key of the file"


def test_a_file_named_in_dotenv(clean_place: Path) -> None:
    (clean_place / "secret").write_text("key of the file")
    (clean_place / ".env").write_text(f"X_API_KEY_FILE={clean_place / 'secret'}\n")
    assert load_settings().api_key == "key of the file"


def test_the_environment_wins_over_a_file_and_a_file_over_dotenv(
    clean_place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (clean_place / "secret").write_text("key of the file")
    (clean_place / ".env").write_text("X_API_KEY=key of dotenv\n")
    monkeypatch.setenv("X_API_KEY_FILE", str(clean_place / "secret"))
    assert load_settings().api_key == "key of the file"
    monkeypatch.setenv("X_API_KEY", "key of the environment")
    assert load_settings().api_key == "key of the environment"


def test_every_setting_can_be_in_a_file(clean_place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (clean_place / "port").write_text(" 9004 \n")
    monkeypatch.setenv("PORT_FILE", str(clean_place / "port"))
    assert load_settings().port == 9004


def test_a_file_that_cannot_be_read_is_named(clean_place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("X_API_KEY_FILE", str(clean_place / "missing"))
    with pytest.raises(SettingsError, match=r"X_API_KEY_FILE.*missing.*No such file"):
        load_settings()


def test_a_file_that_is_no_text_is_named(clean_place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (clean_place / "secret").write_bytes(b"\xff\xfe")
    monkeypatch.setenv("X_API_KEY_FILE", str(clean_place / "secret"))
    with pytest.raises(SettingsError, match="X_API_KEY_FILE"):
        load_settings()


def test_an_empty_file_is_no_key(clean_place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (clean_place / "secret").write_text("\n")
    monkeypatch.setenv("X_API_KEY_FILE", str(clean_place / "secret"))
    assert load_settings().api_key is None
    with pytest.raises(SettingsError, match="X_API_KEY"):
        load_settings(host="0.0.0.0")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "http"),
        ("PORT", "-1"),
        ("PORT", "65536"),
        ("REDIS_PORT", "0"),
        ("EVENTS_ACTIVE_HOURS", "0"),
        ("EVENTS_ACTIVE_HOURS", "nan"),
        ("EVENTS_RETENTION_HOURS", "-1"),
        ("EVENTS_RETENTION_HOURS", "inf"),
        ("EVENTS_RETENTION_HOURS", "1e12"),
        ("LOG_LEVEL", "loud"),
        ("LOG_FORMAT", "xml"),
    ],
)
def test_a_bad_value_is_refused_and_named(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError) as refusal:
        load_settings()
    assert f"{name}='{value}'" in str(refusal.value)


def test_every_bad_value_is_named_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORT", "http")
    monkeypatch.setenv("LOG_LEVEL", "loud")
    with pytest.raises(SettingsError, match=r"(?s)PORT.*LOG_LEVEL"):
        load_settings()


def test_retention_shorter_than_active_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVENTS_RETENTION_HOURS", "1.5")
    with pytest.raises(SettingsError, match=r"EVENTS_RETENTION_HOURS=1\.5.*EVENTS_ACTIVE_HOURS=2"):
        load_settings()
    monkeypatch.setenv("EVENTS_ACTIVE_HOURS", "1.5")
    assert load_settings().events_retention_hours == 1.5


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.7", "2001:db8::1"])
def test_other_machines_may_call_only_with_a_key(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SettingsError, match=r"HOST=.*X_API_KEY"):
        load_settings(host=host)
    monkeypatch.setenv("X_API_KEY", "secret")
    assert load_settings(host=host).host == host


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1.2.3", "::1"])
def test_loopback_needs_no_key(host: str) -> None:
    assert load_settings(host=host).host == host


@pytest.mark.parametrize("host", ["", "no such host", "a..b", "a" * 70, "a\0b"])
def test_what_is_no_address_is_not_loopback(host: str) -> None:
    assert not is_loopback(host)


def test_the_key_does_not_show() -> None:
    settings = load_settings(x_api_key="very secret")
    assert "very secret" not in repr(settings)
    assert "very secret" not in str(settings)


def test_origins_are_taken_apart() -> None:
    settings = load_settings(cors_origins=" http://localhost:5500/ ,, https://example.org")
    assert settings.origins == ("http://localhost:5500", "https://example.org")
