"""The deployment guide: every name of the environment, every finding, every file that it tells to install."""

import inspect
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from django.core.checks.registry import registry

from tests.docs import tables

ROOT = tables.DOCS.parent
GUIDE = (tables.DOCS / "deployment.md").read_text(encoding="utf-8")
OWN = {"accounts", "audit", "configserver", "core", "delivery", "login", "portal", "tenants", "twofactor"}
_READ = re.compile(r"""(?:_read|_list|environ\.get)\(\s*"([A-Z_]+)"|environ\["([A-Z_]+)"\]""")


def _names(block: str) -> set[str]:
    return {
        name
        for line in tables.block(GUIDE, block).splitlines()
        for name in re.findall(r"`([\w.…]+)`", line.split(" | ")[0])
    }


def _variables() -> set[str]:
    text = (ROOT / "portal" / "settings.py").read_text(encoding="utf-8")
    return {one or other for one, other in _READ.findall(text)}


def test_every_variable_that_is_read_stands_in_the_environment_table() -> None:
    assert {"PUBLIC_URL", "TRUSTED_PROXIES", "PORT", "DATA_DIR"} <= _variables(), (
        "the pattern finds each way to read"
    )
    assert _names("environment") == _variables() | {"OPTION_…"}


def test_only_the_settings_read_the_environment() -> None:
    """What another module read would be missing in the table. (PostgreSQL and Django have variables of their own.)"""
    reading = {
        str(path.relative_to(ROOT))
        for folder in OWN
        for path in (ROOT / folder).rglob("*.py")
        if re.search(r"os\.environ(\.get\(|\[[^]]+\](?! =))|getenv", path.read_text(encoding="utf-8"))
    }
    assert reading == {"portal/settings.py"}


def test_every_finding_is_explained_and_no_other() -> None:
    """Ours wherever they run, and those that Django and its libraries have for a deployment."""
    deploy = {inspect.getmodule(check) for check in registry.deployment_checks}
    own = {
        module
        for check in registry.get_checks()
        if (module := inspect.getmodule(check)) and module.__name__.partition(".")[0] in OWN
    }
    sources = [inspect.getsource(module) for module in deploy | own if module]
    ids = {one for text in sources for one in re.findall(r"""["'](\w+\.[EWI]\d{3})["']""", text)}
    assert {"portal.E001", "delivery.W001", "security.W004"} <= ids
    told = {one for one in _names("findings") if "." in one}
    assert told == ids


def test_compose_names_only_what_exists() -> None:
    compose = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))
    for name, service in compose["services"].items():
        secrets = set(service.get("secrets", []))
        assert secrets <= set(compose["secrets"]), name
        assert set(service.get("depends_on", {})) <= set(compose["services"]), name
        assert set(service["networks"]) <= set(compose["networks"]), name
        for volume in service.get("volumes", []):
            source = volume.partition(":")[0]
            assert (
                source in compose["volumes"] or source.startswith("./secrets/") or (ROOT / source).is_file()
            ), name
        if service.get("image") != "gatehouse":
            continue
        for variable, value in service["environment"].items():
            assert variable.removesuffix("_FILE") in _variables(), variable
            if variable.endswith("_FILE"):
                assert value.removeprefix("/run/secrets/") in secrets, variable
    upstream = set(re.findall(r"^\s+server (\w+):8000", _text("deploy/nginx.conf"), re.MULTILINE))
    assert upstream == {name for name in compose["services"] if name.startswith("web")}


def test_an_image_holds_every_app_and_nothing_that_is_not_named() -> None:
    wanted = {line[1:] for line in _text(".dockerignore").splitlines() if line.startswith("!")}
    assert wanted >= OWN
    assert all((ROOT / one).exists() for one in wanted)
    assert "\n*\n" in _text(".dockerignore")
    copied = re.search(r"compileall -q (.+)", _text("Dockerfile"))
    assert copied is not None
    assert set(copied[1].split()) == OWN


def test_systemd_has_nothing_to_say_about_a_unit(tmp_path: Path) -> None:
    program = shutil.which("systemd-analyze")
    if program is None:
        pytest.skip("needs systemd")
    units = [*(ROOT / "deploy").glob("*.service"), *(ROOT / "deploy").glob("*.timer")]
    assert len(units) == 4
    for unit in units:
        text = unit.read_text(encoding="utf-8").replace("/opt/gatehouse/.venv/bin/python", sys.executable)
        (tmp_path / unit.name).write_text(text)
    told = subprocess.run(
        [program, "verify", *(tmp_path / unit.name for unit in units)],
        capture_output=True,
        text=True,
        check=False,
    )
    # It speaks of other units of the machine too, such as those of the servers that the tests need.
    ours = [line for line in told.stderr.splitlines() if not line.startswith(("/lib/", "/usr/lib/", "/etc/"))]
    assert (told.returncode, ours) == (0, [])


def test_the_part_of_a_unit_that_confines_it_is_one_for_the_whole_product_and_for_a_part() -> None:
    """The two differ in what is run and where it writes, and in what each comes after."""
    whole, part = (_directives(f"deploy/{name}.service") for name in ("gatehouse", "gatehouse@"))
    assert {line.partition("=")[0] for line in whole ^ part} == {"Description", "After", "ExecStart"}


def _directives(unit: str) -> set[str]:
    """Its lines without comments; the folder of a part is taken for the folder of the whole."""
    lines = _text(unit).replace("gatehouse/%i", "gatehouse").splitlines()
    return {line for line in lines if line and not line.startswith("#")}


def _text(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")
