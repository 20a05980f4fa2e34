"""Settings: the environment, then `.env`, then defaults. Each also as NAME_FILE, a file that holds the value."""

from __future__ import annotations

import ipaddress
import os
import socket
from pathlib import Path
from typing import Literal

from dotenv import dotenv_values
from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from engine.errors import SettingsError

HOURS_MAX = 876_000
"""A hundred years: a longer retention, or an infinite one, would reach beyond the calendar."""


class Settings(BaseSettings):
    """Everything that can be set, under the names of the environment variables (without case)."""

    model_config = SettingsConfigDict(env_file=".env", env_ignore_empty=True, extra="ignore", frozen=True)

    x_api_key: SecretStr | None = Field(None, description="the first key; without one the engine serves loopback only")
    host: str = Field("127.0.0.1", description="address to listen on")
    port: int = Field(8000, ge=0, le=65535, description="port to listen on; 0 picks a free one")
    database_url: str = Field("sqlite:///data/engine.db", description="where triggers and events are kept")
    redis_host: str | None = Field(None, description="Redis for the cache; none: the cache lives in the process")
    redis_port: int = Field(6379, ge=1, le=65535)
    events_active_hours: float = Field(
        2.0, gt=0, le=HOURS_MAX, description="an event is active this long, then archived"
    )
    events_retention_hours: float = Field(48.0, gt=0, le=HOURS_MAX, description="an event is deleted after this long")
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    log_format: Literal["console", "json"] | None = Field(None, description="default: console on a terminal, else json")
    cors_origins: str = Field("", description="origins, separated by commas, whose pages may call the API; * for any")

    @field_validator("log_level", mode="before")
    @classmethod
    def _lower(cls, value: object) -> object:
        return value.lower() if isinstance(value, str) else value

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return init_settings, env_settings, _NamedFiles(settings_cls), dotenv_settings

    @property
    def origins(self) -> tuple[str, ...]:
        """`cors_origins`, taken apart."""
        return tuple(origin.strip().rstrip("/") for origin in self.cors_origins.split(",") if origin.strip())

    @property
    def api_key(self) -> str | None:
        """The first key in clear, or None."""
        return self.x_api_key.get_secret_value() if self.x_api_key else None


class _NamedFiles(PydanticBaseSettingsSource):
    """NAME_FILE for every setting, as container platforms hand out secrets; from the environment or `.env`."""

    def get_field_value(self, field: object, field_name: str) -> tuple[object, str, bool]:
        return None, field_name, False  # `__call__` does the work at once

    def __call__(self) -> dict[str, object]:
        env_file = self.config.get("env_file")
        names = {**(dotenv_values(str(env_file)) if env_file else {}), **os.environ}
        upper = {name.upper(): value for name, value in names.items()}
        found: dict[str, object] = {}
        for field_name in self.settings_cls.model_fields:
            path = upper.get(f"{field_name.upper()}_FILE")
            if path:
                try:
                    found[field_name] = Path(path).read_text(encoding="utf-8").strip()
                except OSError as error:
                    raise SettingsError(f"{field_name.upper()}_FILE: cannot read {path}: {error.strerror}.") from None
                except UnicodeDecodeError:
                    raise SettingsError(f"{field_name.upper()}_FILE: {path} does not hold UTF-8 text.") from None
        return found


def load_settings(**overrides: object) -> Settings:
    """Read the settings; `overrides` (from the command line) win. Raises SettingsError naming every bad one."""
    try:
        settings = Settings(**overrides)  # type: ignore[arg-type]
    except ValidationError as error:
        raise SettingsError(
            " ".join(f"{'.'.join(map(str, e['loc'])).upper()}={e['input']!r}: {e['msg']}." for e in error.errors())
        ) from None
    _check(settings)
    return settings


def _check(settings: Settings) -> None:
    """Relations between settings."""
    if settings.events_retention_hours < settings.events_active_hours:
        raise SettingsError(
            f"EVENTS_RETENTION_HOURS={settings.events_retention_hours:g} is less than "
            f"EVENTS_ACTIVE_HOURS={settings.events_active_hours:g}: an event cannot be gone before it is archived."
        )
    if settings.api_key is None and not is_loopback(settings.host):
        raise SettingsError(
            f"HOST={settings.host} is reachable from other machines, and no X_API_KEY is set, so anybody there could "
            "use the engine. Set X_API_KEY, or serve 127.0.0.1."
        )


def is_loopback(host: str) -> bool:
    """Whether every address that `host` stands for is this machine alone."""
    try:
        addresses = {info[4][0] for info in socket.getaddrinfo(host, None)}
    except (OSError, ValueError):  # no such name, or nothing that could be one
        return False
    return bool(addresses) and all(
        ipaddress.ip_address(str(address).split("%")[0]).is_loopback for address in addresses
    )
