"""`script/services`: what it prints can be pasted, and then its people sign in."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone
from django.utils.text import capfirst

from configserver import services
from configserver.directory import Directory
from configserver.forms_directory import DirectoryForm, LdapForm, RadiusForm
from core.outcomes import Denied
from tenants.actor import system_actor
from tenants.models import Company
from tests import directory
from tests.journeys.doors import ApiDoor, sign_in
from tests.journeys.stage import configure, quick_hashes  # noqa: F401
from tests.services import free_port, needed
from tests.services.radius import free_udp_port

ROOT = Path(__file__).parents[2]


class Told:
    """What it printed."""

    def __init__(self, text: str) -> None:
        self.text = text
        ldap, self._radius = text.split("protocol RADIUS", 1)
        self._ldap = ldap.split("protocol LDAP", 1)[1]

    def _of(self, part: str, label: str) -> str:
        found = re.search(rf"^  {re.escape(label)}  +(.+)$", part, re.MULTILINE)
        assert found, label
        return found[1]

    def labels(self, protocol: str) -> set[str]:
        """The words on the left of what is to be pasted."""
        part = self._ldap if protocol == "ldap" else self._radius.partition("3. ")[0]
        return set(re.findall(r"^  (\S.*?)  +\S", part, re.MULTILINE))

    def ldap(self, label: str) -> str:
        return self._of(self._ldap, label)

    def radius(self, label: str) -> str:
        return self._of(self._radius, label)

    @property
    def authority(self) -> str:
        found = re.search(r"-----BEGIN.+?END CERTIFICATE-----", self._ldap, re.DOTALL)
        assert found
        return found[0]

    def password(self, name: str) -> str:
        return self._of(self._radius, name).partition(" ")[0]


def environment(folder: Path) -> dict[str, str]:
    ports = {"LDAP_PORT": free_port(), "LDAPS_PORT": free_port(), "RADIUS_PORT": free_udp_port()}
    return os.environ | {"DATA_DIR": str(folder)} | {name: str(one) for name, one in ports.items()}


def begun(folder: Path) -> "subprocess.Popen[str]":
    needed("freeradius", package="freeradius")
    return subprocess.Popen(
        [sys.executable, "-m", "tests.services.tryout"],
        cwd=ROOT,
        env=environment(folder),
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def heard(process: "subprocess.Popen[str]") -> Told:
    assert process.stdout is not None
    lines = []
    for line in process.stdout:
        lines.append(line)
        if "Ctrl-C stops both" in line:
            break
    return Told("".join(lines))


def below(process: "subprocess.Popen[str]") -> list[str]:
    """What runs in its group."""
    done = subprocess.run(
        ["ps", "-o", "comm=", "-g", str(process.pid)], capture_output=True, text=True, check=False
    )
    return done.stdout.split()


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Told]:
    process = begun(tmp_path_factory.mktemp("services"))
    try:
        yield heard(process)
    finally:
        os.killpg(process.pid, signal.SIGINT)  # as Ctrl-C does
        assert process.wait(30) == 0
        assert below(process) == []


def made(protocol: str, **values: Any) -> Directory:
    found = services.create_directory(
        services.DirectoryDraft(protocol=protocol, **values), by=system_actor(), now=timezone.now()
    )
    assert not isinstance(found, Denied), found
    return found


@pytest.mark.parametrize(("protocol", "form"), [("ldap", LdapForm), ("radius", RadiusForm)])
def test_what_is_pasted_has_the_names_of_the_fields(
    told: Told, db: None, protocol: str, form: type[DirectoryForm]
) -> None:
    fields = {capfirst(str(field.label)) for field in form().fields.values()}
    fields |= {capfirst(str(field.verbose_name)) for field in Directory._meta.concrete_fields}
    labels = told.labels(protocol)
    assert len(labels) > 3
    assert labels - fields == set()


@pytest.mark.django_db
def test_what_it_prints_leads_to_sign_ins_by_its_people(told: Told) -> None:
    configure(Login__ExternalAuthenticationMode="ConfigServer")
    acme = Company.objects.create(name="Acme")
    group, arrow, role = told.ldap("Groups and the roles they give").partition(" => ")
    value, _arrow, dbid = told.ldap("Values of the tenant attribute").partition(" => ")
    assert arrow
    tenant = directory.tenant(int(dbid), company=acme)
    ldap = made(
        "ldap",
        name=told.ldap("Name"),
        servers=told.ldap("Servers"),
        bind_dn=told.ldap("Service account"),
        secret=told.ldap("Password of the service account"),
        base_dn=told.ldap("Base DN"),
        user_filter=told.ldap("Filter"),
        tenant_attribute=told.ldap("Attribute: tenant"),
        group_base=told.ldap("Base DN of groups"),
        group_filter=told.ldap("Filter of groups"),
        groups=[(group, directory.role(role))],
        tenant_values=[(value, tenant)],
        ca_certificates=told.authority,
        change_password=True,
    )
    radius = made(
        "radius",
        name=told.radius("Name"),
        servers=told.radius("Servers"),
        secret=told.radius("Shared secret"),
    )
    for name in ("fritz", "frida", "franz", "frank"):
        directory.person(name, tenant=tenant, directory=ldap)
    for name in ("gerda", "hanna"):
        directory.person(name, tenant=tenant, directory=radius)

    said = sign_in(ApiDoor(), "fritz", told.password("fritz"))
    assert (said.step, said.facts["company"]["name"], said.facts["roles"]) == ("done", "Acme", [role])
    assert sign_in(ApiDoor(), "frida", told.password("frida")).step == "change-password"
    assert sign_in(ApiDoor(), "franz", told.password("franz")).facts["notices"]
    assert sign_in(ApiDoor(), "frank", told.password("frank")).status == 401
    assert sign_in(ApiDoor(), "gerda", told.password("gerda")).step == "done"
    hanna = ApiDoor()
    assert sign_in(hanna, "hanna", told.password("hanna")).step == "challenge"
    answers = re.search(r"answers (\S+) and (\S+)", told.text)
    assert answers
    assert hanna.take("challenge", answer=answers[1]).step == "challenge"
    assert hanna.take("challenge", answer=answers[2]).step == "done"


def test_the_certificate_stays_from_one_start_to_the_next(tmp_path: Path) -> None:
    """Otherwise what was pasted would be worth nothing the next day."""
    authorities = []
    for _start in range(2):
        process = begun(tmp_path)
        authorities.append(heard(process).authority)
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
        assert below(process) == []
    assert authorities[0] == authorities[1]
    assert (tmp_path / "services").stat().st_mode & 0o777 == 0o700


def test_two_at_once_are_refused_with_a_sentence(told: Told, tmp_path: Path) -> None:
    port = told.ldap("Servers").rpartition(":")[2]
    second = subprocess.run(
        [sys.executable, "-m", "tests.services.tryout"],
        cwd=ROOT,
        env=environment(tmp_path) | {"LDAPS_PORT": port},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert second.returncode == 1
    assert f"In use: port {port}" in second.stderr
