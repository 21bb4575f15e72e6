"""The ways out: TLS is verified, addresses of servers are read strictly, files appear whole."""

import stat
from datetime import UTC, datetime
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default as modern
from pathlib import Path
from uuid import UUID

import pytest
from django.core.exceptions import ImproperlyConfigured
from pytest_django import Settings

from delivery.checks import mail_server
from delivery.gateways import Deferred, Parcel, Refused, Sent
from delivery.gateways.file import FileGateway
from delivery.gateways.smtp import Server, SmtpGateway, server_of
from tests.services.certificates import Certificate
from tests.services.smtp import smtp_server

UID = UUID("0196f5c0-0000-7000-8000-000000000001")
PARCEL = Parcel(
    uid=UID,
    to="ben@acme.example",
    subject="Ihr Code für Müller",
    text="Grüße: 123456",
    html="<p>Grüße: 123456</p>",
    from_address="Gatehouse <no-reply@acme.example>",
    at=datetime(2026, 11, 22, 9, 0, tzinfo=UTC),
    expires_at=datetime(2026, 11, 22, 9, 10, tzinfo=UTC),
)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    """A certificate for 127.0.0.1 and the authority that signed it."""
    return Certificate.make(tmp_path_factory.mktemp("tls"))


@pytest.mark.parametrize(
    ("url", "server"),
    [
        ("smtp://mail.example", ("mail.example", 587, "", "", "starttls")),
        ("smtp://u%40x:p%2Fw@mail.example:2525", ("mail.example", 2525, "u@x", "p/w", "starttls")),
        ("smtps://mail.example", ("mail.example", 465, "", "", "implicit")),
        ("smtp://localhost", ("localhost", 25, "", "", "off")),
        ("smtp://127.0.0.1:1025?tls=starttls", ("127.0.0.1", 1025, "", "", "starttls")),
        ("smtp://relay.inside?tls=off", ("relay.inside", 25, "", "", "off")),
    ],
)
def test_a_mail_server_is_named_by_its_url(url: str, server: tuple[str, int, str, str, str]) -> None:
    host, port, username, password, tls = server
    assert server_of(url) == Server(host=host, port=port, username=username, password=password, tls=tls)


@pytest.mark.parametrize(
    "url",
    ["mail.example", "http://mail.example", "smtp://", "smtps://mail.example?tls=off", "smtp://h?tls=no", "smtp://h?verify=0", "smtp://h/x"],
)  # fmt: skip
def test_a_url_that_is_not_understood_is_refused(url: str) -> None:
    with pytest.raises(ImproperlyConfigured, match="EMAIL_URL"):
        server_of(url)


@pytest.mark.parametrize(
    ("url", "ids"),
    [
        ("", []),
        ("smtp://mail.example", []),
        ("smtp://localhost", []),
        ("smtp://relay.inside?tls=off", ["delivery.W001"]),
        ("mail.example", ["delivery.E001"]),
    ],
)
def test_a_start_with_an_unusable_or_open_mail_server_says_so(
    settings: Settings, url: str, ids: list[str]
) -> None:
    settings.EMAIL_URL = url
    assert [found.id for found in mail_server(None)] == ids


def test_passwords_and_messages_do_not_show_in_logs() -> None:
    assert "geheim" not in repr(server_of("smtp://u:geheim@mail.example"))
    assert "123456" not in repr(PARCEL)


def test_a_verified_server_is_logged_in_to_and_takes_the_mail(
    certificate: Certificate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate.authority))
    with smtp_server(tls=certificate.context(), password="pw") as box:
        with SmtpGateway(server_of(f"smtp://ada:pw@127.0.0.1:{box.port}?tls=starttls")) as gateway:
            assert gateway.send(PARCEL) == Sent()
        assert len(box.mails) == 1


def test_a_server_with_an_unknown_certificate_gets_nothing(certificate: Certificate) -> None:
    with smtp_server(tls=certificate.context()) as box:
        with SmtpGateway(server_of(f"smtp://127.0.0.1:{box.port}?tls=starttls")) as gateway:
            result = gateway.send(PARCEL)
        assert isinstance(result, Deferred)
        assert "certificate verify failed" in result.reason
        assert box.mails == []


def test_a_server_without_starttls_gets_nothing() -> None:
    with smtp_server() as box:
        with SmtpGateway(server_of(f"smtp://127.0.0.1:{box.port}?tls=starttls")) as gateway:
            assert isinstance(gateway.send(PARCEL), Deferred)
            assert isinstance(gateway.send(PARCEL), Deferred)
        assert box.mails == []


def test_a_wrong_password_puts_the_mail_off_and_is_not_repeated_in_the_reason(
    certificate: Certificate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate.authority))
    with (
        smtp_server(tls=certificate.context(), password="pw") as box,
        SmtpGateway(server_of(f"smtp://ada:wrong-pw@127.0.0.1:{box.port}?tls=starttls")) as gateway,
    ):
        result = gateway.send(PARCEL)
    assert isinstance(result, Deferred)
    assert "535" in result.reason
    assert "wrong-pw" not in result.reason


def test_content_refused_for_good_is_refused() -> None:
    with smtp_server() as box, SmtpGateway(server_of(box.url)) as gateway:
        box.refuse_data = "554 5.7.1 looks like spam"
        assert gateway.send(PARCEL) == Refused("The mail server answered 554 5.7.1 looks like spam")
        box.refuse_data = ""
        assert gateway.send(PARCEL) == Sent()


def test_a_line_break_that_slipped_into_a_header_is_refused_at_the_door() -> None:
    evil = Parcel(
        uid=UID,
        to="ben@acme.example",
        text="",
        subject="x\nBcc: mallory@evil.example",
        at=PARCEL.at,
        expires_at=PARCEL.expires_at,
    )
    with smtp_server() as box, SmtpGateway(server_of(box.url)) as gateway:
        assert isinstance(gateway.send(evil), Refused)
        assert box.mails == []


def test_a_mail_becomes_a_file_for_its_owner_alone_and_a_second_time_the_same_file(tmp_path: Path) -> None:
    gateway = FileGateway(tmp_path / "outbox", suffix=".eml")
    assert (gateway.send(PARCEL), gateway.send(PARCEL)) == (Sent(), Sent())
    (path,) = (tmp_path / "outbox").iterdir()
    assert path.name == f"20261122T090000000000-{UID}.eml"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    mail = message_from_bytes(path.read_bytes(), _class=EmailMessage, policy=modern)
    assert mail["Subject"] == "Ihr Code für Müller"


def test_a_text_becomes_a_file(tmp_path: Path) -> None:
    text = Parcel(
        uid=UID,
        to="+4915112345678",
        text="Grüße: 123456",
        from_address="Gatehouse",
        at=PARCEL.at,
        expires_at=PARCEL.expires_at,
    )
    FileGateway(tmp_path, suffix=".sms").send(text)
    assert "Grüße: 123456" in (tmp_path / f"20261122T090000000000-{UID}.sms").read_text(encoding="utf-8")


def test_a_folder_that_cannot_be_written_puts_the_mail_off(tmp_path: Path) -> None:
    (tmp_path / "outbox").write_text("a file where the folder should be")
    result = FileGateway(tmp_path / "outbox", suffix=".eml").send(PARCEL)
    assert isinstance(result, Deferred)
    assert "cannot be written" in result.reason
