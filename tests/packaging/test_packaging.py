"""What is shipped: the image's ingredients, the compose file, and what a wheel holds."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

from tests.packaging.scripts import ROOT


def dockerfile() -> str:
    """The Dockerfile, with continued lines joined and comments gone."""
    lines = (ROOT / "Dockerfile").read_text().splitlines()
    return re.sub(r"\\\n\s*", " ", "\n".join(line for line in lines if not line.startswith("#")))


def copied_paths() -> set[str]:
    """Everything that the Dockerfile copies from the checkout."""
    paths: set[str] = set()
    for line in re.findall(r"^COPY (?!--from)(.*)$", dockerfile(), re.MULTILINE):
        paths.update(line.split()[:-1])
    return paths


def test_what_the_dockerfile_copies_exists_and_reaches_the_builder() -> None:
    ignore = (ROOT / ".dockerignore").read_text().splitlines()
    assert "*" in ignore, "everything is left out unless it is named"
    assert copied_paths() >= {"engine", "web", "pyproject.toml"}
    for path in copied_paths():
        assert (ROOT / path).exists(), path
        assert f"!{path}" in ignore, f"{path} is copied, and .dockerignore keeps it out"


def test_what_the_build_needs_is_copied() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    build = project["tool"]["hatch"]["build"]["targets"]["wheel"]
    needed = {project["project"]["readme"], *project["project"]["license-files"], *build["packages"]}
    assert needed | set(build["force-include"]) <= copied_paths()


def test_the_image_does_not_run_as_root_and_keeps_its_data() -> None:
    text = dockerfile()
    final = text[text.rindex("\nFROM ") :]
    assert re.search(r"^USER [1-9]\d*:[1-9]\d*$", final, re.MULTILINE), "a number, so that a platform can check it"
    assert "VOLUME /data" in final
    assert "sqlite:////data/" in final
    assert 'ENTRYPOINT ["python", "-m", "engine"]' in final, "exec form: signals must reach the engine"


def test_compose_serves_on_the_promised_ports_and_asks_for_a_key() -> None:
    yaml = pytest.importorskip("yaml", reason="PyYAML is not installed")
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    assert services["engine"]["ports"] == ["8000:8000", "5500:8000"]
    assert services["redis"]["ports"] == ["127.0.0.1:6379:6379"], "Redis has no password: this machine only"
    assert services["engine"]["environment"]["X_API_KEY"].startswith("${X_API_KEY:?")
    assert services["engine"]["environment"]["REDIS_HOST"] in services
    assert any(volume.endswith(":/data") for volume in services["engine"]["volumes"])


def test_render_keeps_the_database_on_the_disk() -> None:
    yaml = pytest.importorskip("yaml", reason="PyYAML is not installed")
    (service,) = yaml.safe_load((ROOT / "render.yaml").read_text())["services"]
    variables = {variable["key"]: variable for variable in service["envVars"]}
    assert variables["DATABASE_URL"]["value"].startswith(f"sqlite:///{service['disk']['mountPath']}/")
    assert variables["X_API_KEY"]["generateValue"] is True
    assert "PORT" not in variables, "Render sets it"


def test_a_wheel_holds_the_page_and_the_sql(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(tmp_path), str(ROOT)]
    result = subprocess.run([*command, "--retries", "0"], capture_output=True, text=True, check=False)
    if result.returncode != 0 and re.search(r"No module named pip|No matching distribution.*hatchling", result.stderr):
        pytest.skip("A wheel cannot be built here: pip or the package index is out of reach.")
    assert result.returncode == 0, result.stderr
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    shipped = {
        *(f"engine/_web/{file.relative_to(ROOT / 'web')}" for file in (ROOT / "web").rglob("*") if file.is_file()),
        *(str(file.relative_to(ROOT)) for file in (ROOT / "engine").rglob("*.sql")),
    }
    assert "engine/_web/index.html" in shipped
    assert any("/migrations/" in name for name in shipped)
    assert shipped <= names, shipped - names
    assert not [name for name in names if name.startswith(("tests/", "bench/", "web/"))]
