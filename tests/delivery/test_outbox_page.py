"""The demo's mailbox is there for the one who started the demo, and for nobody else."""

from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import pytest
from django.http import Http404
from django.test import RequestFactory
from pytest_django import Settings

from delivery.gateways import Parcel
from delivery.gateways.file import FileGateway
from delivery.views import outbox


@pytest.fixture
def demo(settings: Settings, tmp_path: Path) -> Path:
    """A demo on this machine with one mail and one text in its outbox; the folder."""
    settings.DEMO, settings.LOOPBACK, settings.DATA_DIR = True, True, tmp_path
    settings.ALLOWED_HOSTS = ["*"]
    for suffix, text in ((".eml", "Grüße: 123456"), (".sms", "Text für Ben: 654321")):
        parcel = Parcel(
            uid=uuid4(),
            to="ben@acme.example",
            subject="Ihr Code",
            text=text,
            at=datetime(2026, 11, 22, tzinfo=UTC),
            expires_at=datetime(2026, 11, 22, tzinfo=UTC),
        )
        FileGateway(tmp_path / "outbox", suffix=suffix).send(parcel)
    return tmp_path / "outbox"


@pytest.mark.parametrize("host", ["127.0.0.1:8000", "localhost", "localhost:8000", "[::1]:8000"])
@pytest.mark.parametrize("peer", ["127.0.0.1", "::1"])
def test_the_demo_shows_its_mails_and_texts(rf: RequestFactory, demo: Path, host: str, peer: str) -> None:
    page = outbox(rf.get("/outbox/", HTTP_HOST=host, REMOTE_ADDR=peer)).content.decode()
    assert "Grüße: 123456" in page
    assert "Text für Ben: 654321" in page
    assert "ben@acme.example" in page


@pytest.mark.parametrize(
    "host", ["portal.example", "127.0.0.1.evil.example", "localhost.evil.example:8000", "[::2]"]
)
def test_another_host_finds_nothing(rf: RequestFactory, demo: Path, host: str) -> None:
    with pytest.raises(Http404):
        outbox(rf.get("/outbox/", HTTP_HOST=host))


@pytest.mark.parametrize(
    "header", ["Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Real-IP", "Via"]
)
def test_a_request_that_somebody_forwarded_finds_nothing(rf: RequestFactory, demo: Path, header: str) -> None:
    with pytest.raises(Http404):
        outbox(rf.get("/outbox/", HTTP_HOST="localhost", headers={header: "127.0.0.1"}))


@pytest.mark.parametrize("peer", ["10.0.0.7", "::ffff:10.0.0.7", "", "unknown"])
def test_another_machine_finds_nothing(rf: RequestFactory, demo: Path, peer: str) -> None:
    with pytest.raises(Http404):
        outbox(rf.get("/outbox/", HTTP_HOST="localhost", REMOTE_ADDR=peer))


@pytest.mark.parametrize("switch", ["DEMO", "LOOPBACK"])
def test_without_the_demo_there_is_no_such_page(
    rf: RequestFactory, demo: Path, settings: Settings, switch: str
) -> None:
    setattr(settings, switch, False)
    with pytest.raises(Http404):
        outbox(rf.get("/outbox/", HTTP_HOST="localhost"))


def test_a_mail_cannot_bring_its_own_markup(rf: RequestFactory, demo: Path) -> None:
    evil = Parcel(
        uid=uuid4(),
        to="ben@acme.example",
        subject="<script>1</script>",
        text="<script>2</script>",
        at=datetime.now(UTC),
        expires_at=datetime.now(UTC),
    )
    FileGateway(demo, suffix=".eml").send(evil)
    page = outbox(rf.get("/outbox/", HTTP_HOST="localhost")).content.decode()
    assert "<script>1" not in page
    assert "<script>2" not in page
