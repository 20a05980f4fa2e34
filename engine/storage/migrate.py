"""Numbered schema files, the same rules for every database; how one is applied is the database's own matter."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files

from engine.errors import StorageCorrupt

_FILE_NAME = re.compile(r"(\d{4})_(\w+)\.sql")


@dataclass(frozen=True, kw_only=True, slots=True)
class Migration:
    """One file `NNNN_name.sql`. Once released it is never edited: the next change is the next number."""

    number: int
    name: str
    sql: str

    @property
    def checksum(self) -> str:
        """SHA-256 of the text, in hex."""
        return hashlib.sha256(self.sql.encode()).hexdigest()


def read_migrations(package: str) -> list[Migration]:
    """The files in the folder `migrations` of `package`, by number. Numbers count from 1 without a gap."""
    migrations = []
    for file in (files(package) / "migrations").iterdir():
        if match := _FILE_NAME.fullmatch(file.name):
            migrations.append(Migration(number=int(match[1]), name=match[2], sql=file.read_text(encoding="utf-8")))
    migrations.sort(key=lambda migration: migration.number)
    if [migration.number for migration in migrations] != list(range(1, len(migrations) + 1)):
        raise ValueError(f"the migrations of {package} do not count 1, 2, 3 ...")
    return migrations


def pending(migrations: Sequence[Migration], applied: Mapping[int, str]) -> list[Migration]:
    """Those that `applied` (number to checksum) lacks.

    Raises StorageCorrupt when the database has one that this engine does not know, or knows with another text: going
    on would mean to guess what the tables look like.
    """
    known = {migration.number: migration for migration in migrations}
    for number, checksum in sorted(applied.items()):
        if number not in known:
            raise StorageCorrupt(
                f"The database has migration {number}, this engine knows {len(migrations)}: a newer engine wrote it. "
                "Run that version, or restore the backup from before the upgrade."
            )
        if checksum != known[number].checksum:
            raise StorageCorrupt(
                f"Migration {number} ({known[number].name}) was applied with another text than this engine has; "
                "the schema cannot be trusted."
            )
    return [migration for migration in migrations if migration.number not in applied]
