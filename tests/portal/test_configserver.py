"""`manage.py configserver`: admitting portals, and what it refuses to start with."""

from datetime import timedelta
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from audit.models import AuditEvent
from configserver.models import Portal
from configserver.services import admit_portal
from core.certificate import self_signed
from core.outcomes import Denied

pytestmark = pytest.mark.django_db


def said(*arguments: str) -> str:
    out = StringIO()
    call_command("configserver", *arguments, stdout=out)
    return out.getvalue()


def test_a_portal_is_admitted_listed_and_dismissed() -> None:
    assert "No portal is admitted" in said("--portals")
    printed = said("--admit", "Portal Berlin", "--host", "cfg.example")
    portal = Portal.objects.get()
    assert "https://cfg.example:2020" in printed
    assert portal.username in printed
    password = printed.partition(".Password")[2].split()[0]
    assert "CaFile" in printed
    assert len(password) > 30
    assert password not in (portal.password, portal.username)
    assert "never asked" in said("--portals")
    with pytest.raises(CommandError, match="admitted already"):
        said("--admit", "Portal Berlin")
    said("--dismiss", "Portal Berlin")
    assert not Portal.objects.exists()
    with pytest.raises(CommandError, match="No portal"):
        said("--dismiss", "Portal Berlin")
    events = list(AuditEvent.objects.order_by("id").values_list("event", flat=True))
    assert events == ["configserver:portal:admitted", "configserver:portal:dismissed"]
    assert not [one for one in AuditEvent.objects.values_list("details", flat=True) if password in str(one)]


@pytest.mark.parametrize("name", ["", " ", "x" * 121])
def test_a_name_is_needed_and_bounded(name: str) -> None:
    assert isinstance(admit_portal(name, now=timezone.now()), Denied)


def test_half_a_certificate_is_refused(tmp_path: Path) -> None:
    (tmp_path / "cert.pem").write_text("x")
    with pytest.raises(CommandError, match="both"):
        said("--cert", str(tmp_path / "cert.pem"))


def test_a_certificate_of_its_own_is_kept_for_the_same_host_and_its_key_for_its_owner(tmp_path: Path) -> None:
    now = timezone.now()
    certificate, key = self_signed(tmp_path, name="one", hosts=["cfg.example", "127.0.0.1"], now=now)
    assert key.stat().st_mode & 0o777 == 0o600
    first = certificate.read_bytes()
    self_signed(tmp_path, name="one", hosts=["cfg.example", "127.0.0.1"], now=now)
    assert certificate.read_bytes() == first
    self_signed(tmp_path, name="one", hosts=["cfg.example", "127.0.0.1"], now=now + timedelta(days=340))
    second = certificate.read_bytes()
    assert second != first
    self_signed(tmp_path, name="one", hosts=["other.example"], now=now)
    assert certificate.read_bytes() != second
