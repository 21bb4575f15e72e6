"""`manage.py import_spd`: what it prints, does and refuses."""

import os
import subprocess
import sys
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from audit.models import AuditEvent
from configserver.models import Role, SolutionPackage
from tests import directory
from tests.configserver.packages import AGENT, ANALYST, applied, package
from tests.configserver.spd_files import SAMPLE, install

pytestmark = pytest.mark.django_db


def run(*arguments: str) -> str:
    """What the command prints."""
    out = StringIO()
    call_command("import_spd", *arguments, stdout=out)
    return out.getvalue()


def file(folder: Path, data: bytes) -> str:
    """The path of a file with this in it."""
    path = folder / "roles.xml"
    path.write_bytes(data)
    return str(path)


def test_a_dry_run_prints_the_difference_and_changes_nothing() -> None:
    told = run(str(SAMPLE), "--dry-run")
    assert "+ role Contact Centre Agent, rank 20\n" in told
    assert "    + Workspace: Agent - Can Monitor Co-browse\n" in told
    assert "    + May see: user, in the person's own company\n" in told
    assert told.endswith("IA Roles 1.0.0 can be applied. Nothing was changed.\n")
    assert not Role.objects.exists()
    assert not SolutionPackage.objects.exists()


def test_it_applies_as_the_installation_itself() -> None:
    assert run(str(SAMPLE)).endswith("IA Roles 1.0.0 is applied.\n")
    assert Role.objects.filter(package="IA Roles").count() == 4
    event = AuditEvent.objects.get(event="configserver:package:applied")
    assert (event.actor_uid, SolutionPackage.objects.get().applied_by) == ("", "")


def test_what_changes_goes_and_is_taken_over_is_told_apart(tmp_path: Path) -> None:
    applied(package(AGENT, ANALYST))
    directory.tenant(101)
    directory.role("Clerk", rank=20)
    agent = (
        '<cfg:role name="Agent" rank="5" description="Talks."><cfg:privilege application="Workspace" name="Chat"/>'
        '<cfg:permission kind="user" reach="one" tenant="101"/></cfg:role>'
    )
    data = package(agent, '<cfg:role name="Clerk" rank="20"/>', version="2")
    assert run(file(tmp_path, data), "--dry-run").splitlines()[:-1] == [
        "- role Analyst, rank 30",
        "    - Reports: View",
        "~ role Agent, rank 20 → 5",
        "    description: Talks.",
        "    + Workspace: Chat",
        "    + May see: user, in the company of the tenant 101",
        "    - Workspace: Monitor",
        "= role Clerk, belongs to the package from then on",
    ]


def test_the_last_version_is_rolled_back() -> None:
    applied(package(AGENT))
    applied(package(AGENT, ANALYST, version="2"))
    told = run("--rollback", "Roles", "--dry-run")
    assert told.splitlines()[:-1] == ["- role Analyst, rank 30", "    - Reports: View"]
    assert told.endswith("Roles 2 can be rolled back. Nothing was changed.\n")
    assert Role.objects.count() == 2
    assert run("--rollback", "Roles").endswith("Roles 2 is rolled back.\n")
    assert run("--rollback", "Roles").endswith("Roles 1.0 is rolled back.\n")
    assert not Role.objects.exists()
    with pytest.raises(CommandError, match="No version of Roles is applied"):
        run("--rollback", "Roles")


@pytest.mark.parametrize("more", [[], ["--dry-run"]])
def test_what_stands_in_the_way_is_said_after_the_difference(more: list[str], tmp_path: Path) -> None:
    applied(package(AGENT))
    directory.person("dora", tenant=directory.tenant(101), roles=[Role.objects.get()])
    out = StringIO()
    with pytest.raises(CommandError, match="held by 1 person"):
        call_command("import_spd", file(tmp_path, package(ANALYST, version="2")), *more, stdout=out)
    assert "- role Agent, rank 20" in out.getvalue()
    with pytest.raises(CommandError, match="held by 1 person"):
        run("--rollback", "Roles", *more)
    assert Role.objects.get().name == "Agent"


def test_the_same_version_again_is_refused(tmp_path: Path) -> None:
    path = file(tmp_path, package(AGENT))
    run(path)
    with pytest.raises(CommandError, match="has been applied in its version"):
        run(path)


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"", "Line 1: This is not well-formed XML"),
        (b'<!DOCTYPE x [<!ENTITY a "b">]><x>&a;</x>', "Line 1: The file has a document type"),
        (install('<cfg:role name="A" rank="high"/>').encode(), "Line 5: “high” is no rank"),
        (b" " * 1_000_001, "The file is larger than 1000000 bytes"),
    ],
)
def test_what_is_no_package_is_refused_with_its_line(data: bytes, sentence: str, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match=f"^{sentence}"):
        run(file(tmp_path, data))


def test_steps_that_are_not_carried_out_are_counted(tmp_path: Path) -> None:
    data = install(f'{AGENT}<os:exec command="rm"/>').encode()
    assert "not carried out: 1." in run(file(tmp_path, data), "--dry-run")


@pytest.mark.parametrize("arguments", [[], ["roles.xml", "--rollback", "Roles"]])
def test_it_wants_a_file_or_a_name(arguments: list[str]) -> None:
    with pytest.raises(CommandError, match="either FILE or --rollback NAME"):
        run(*arguments)


@pytest.mark.parametrize("path", ["nowhere.xml", "."])
def test_a_file_that_cannot_be_read_is_said(path: str) -> None:
    with pytest.raises(CommandError, match="cannot be read"):
        run(path)


def test_a_refusal_ends_with_one_sentence_and_status_1(tmp_path: Path) -> None:
    environment = {
        "PATH": os.environ["PATH"],
        "DATA_DIR": str(tmp_path),
        "SECRET_KEY": "0" * 40,
        "FIELD_KEYS": "k1:" + "A" * 43,
    }

    def manage(*arguments: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=Path(__file__).parents[2],
            env=environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    assert manage("migrate", "-v0").returncode == 0
    done = manage("import_spd", file(tmp_path, package(AGENT)))
    assert (done.returncode, done.stderr) == (0, "")
    again = manage("import_spd", file(tmp_path, package(AGENT)))
    assert again.returncode == 1
    assert again.stderr.strip().endswith("has been applied in its version 1.0 already.")
    assert len(again.stderr.strip().splitlines()) == 1
