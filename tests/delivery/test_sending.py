"""From the outbox to a real SMTP server, through everything that goes wrong on the way."""

import re
import socket
from collections.abc import Iterator
from datetime import timedelta
from email.message import EmailMessage
from uuid import UUID, uuid4

import pytest
from pytest_django import Settings

from accounts.tokens.links import described, read_link
from audit.models import AuditEvent
from core import entropy
from delivery.drain import LEASE, drain, lease, prune, settle
from delivery.gateways import Sent
from delivery.models import Delivery, State
from delivery.services import Progress, cancel, state_of
from tests.conftest import Clock
from tests.delivery.conftest import BEN, Ask
from tests.services import free_port
from tests.services.smtp import Mailbox, smtp_server

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db]
CODE = {"purpose": "login", "id": "attempt-1", "digits": 6}


@pytest.fixture
def mailbox(settings: Settings) -> Iterator[Mailbox]:
    """A mail server, and the product set up to use it."""
    with smtp_server() as box:
        settings.EMAIL_URL = box.url
        yield box


def body_of(mail: EmailMessage, kind: str) -> str:
    part = mail.get_body((kind,))
    assert part is not None
    return str(part.get_content())


def test_a_request_becomes_one_mail_with_its_code_in_both_bodies(
    ask: Ask, clock: Clock, mailbox: Mailbox
) -> None:
    row = ask(from_address="Acme <portal@acme.example>")
    assert drain(clock=clock) == 1
    (mail,) = mailbox.mails
    code = entropy.derived_code(**CODE)
    assert code in body_of(mail, "plain")
    assert code in body_of(mail, "html")
    assert code not in str(mail["Subject"])
    assert (mail["To"], mail["From"]) == (BEN, "Acme <portal@acme.example>")
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["Message-ID"] == f"<{row.uid}@acme.example>"
    row.refresh_from_db()
    assert (row.state, row.attempts, row.sent_at) == (State.SENT, 1, clock())
    assert drain(clock=clock) == 0


def test_a_link_carries_its_secret_and_short_code_in_the_mail_alone(
    ask: Ask, clock: Clock, mailbox: Mailbox
) -> None:
    link = described(
        scope="magic-link",
        id=uuid4(),
        digits=6,
        issued_at=clock(),
        expires_at=clock() + timedelta(minutes=10),
    )
    ask(template="link", secret=link, context={"url": "https://portal.example/login/link/{secret}/"})
    drain(clock=clock)
    text = body_of(mailbox.mails[0], "plain")
    found = re.search(r"https://portal\.example/login/link/(\S+)/", text)
    assert found
    assert read_link(found[1], scope="magic-link", now=clock()) == UUID(link.id)
    assert entropy.derived_code(purpose="magic-link", id=link.id, digits=6) in text


def test_the_mail_is_written_in_the_language_of_its_reader(ask: Ask, clock: Clock, mailbox: Mailbox) -> None:
    ask(language="de", subject="Ihr Code für Müller")
    drain(clock=clock)
    assert mailbox.mails[0]["Subject"] == "Ihr Code für Müller"


def test_with_a_dead_server_the_code_is_late_and_arrives_once_when_it_is_back(
    ask: Ask, clock: Clock, settings: Settings
) -> None:
    port = free_port()
    settings.EMAIL_URL = f"smtp://127.0.0.1:{port}"
    row = ask()
    drain(clock=clock)
    row.refresh_from_db()
    assert row.state == State.QUEUED
    assert "cannot be used" in row.error
    assert state_of(row.uid, now=clock()) is Progress.LATE
    assert clock() < row.next_try_at <= clock() + timedelta(seconds=5)
    with smtp_server(port=port) as box:
        assert drain(clock=clock) == 0  # not before its time
        clock.forward(seconds=5)
        drain(clock=clock)
        clock.forward(minutes=5)
        drain(clock=clock)
        assert len(box.mails) == 1
        assert entropy.derived_code(**CODE) in body_of(box.mails[0], "plain")
    assert state_of(row.uid, now=clock()) is Progress.SENT


def test_a_server_that_never_answers_holds_up_one_batch_only_as_long_as_the_time_out(
    ask: Ask, clock: Clock, settings: Settings
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        settings.EMAIL_URL = f"smtp://127.0.0.1:{silent.getsockname()[1]}"
        settings.EMAIL_TIMEOUT = 0.3
        rows = [ask() for _ in range(3)]
        drain(clock=clock)
    for row in rows:
        row.refresh_from_db()
        assert (row.state, row.attempts) == (State.QUEUED, 1)
        assert "timed out" in row.error


def test_a_crash_between_taking_and_sending_sends_the_same_code_later(
    ask: Ask, clock: Clock, mailbox: Mailbox
) -> None:
    row = ask()
    assert [taken.pk for taken in lease(now=clock())] == [row.pk]  # and then the worker dies
    assert drain(clock=clock) == 0
    clock.forward(seconds=LEASE.total_seconds())
    assert drain(clock=clock) == 1
    assert entropy.derived_code(**CODE) in body_of(mailbox.mails[0], "plain")


def test_a_crash_between_sending_and_writing_it_down_sends_the_very_same_mail(
    ask: Ask, clock: Clock, mailbox: Mailbox
) -> None:
    row = ask()
    drain(clock=clock)
    Delivery.objects.filter(pk=row.pk).update(
        state=State.LEASED, sent_at=None
    )  # as if the outcome had not been written
    clock.forward(seconds=LEASE.total_seconds())
    drain(clock=clock)
    first, second = mailbox.mails
    assert first["Message-ID"] == second["Message-ID"]
    assert first["Date"] == second["Date"]
    assert body_of(first, "plain") == body_of(second, "plain")


def test_a_worker_whose_lease_ran_out_does_not_overwrite_what_the_next_one_wrote(
    ask: Ask, clock: Clock
) -> None:
    ask()
    (slow,) = lease(now=clock())
    clock.forward(seconds=LEASE.total_seconds())
    (next_one,) = lease(now=clock())
    settle(next_one, Sent(), now=clock())
    settle(slow, Sent(), now=clock.forward(minutes=1))
    row = Delivery.objects.get()
    assert row.sent_at == clock() - timedelta(minutes=1)


def test_a_recipient_refused_for_good_fails_with_the_reason_and_an_audit_event(
    ask: Ask, clock: Clock, mailbox: Mailbox
) -> None:
    mailbox.refuse["nobody@acme.example"] = "550 5.1.1 no such mailbox"
    refused, fine = ask(to="nobody@acme.example", company_id=5), ask()
    drain(clock=clock)
    refused.refresh_from_db()
    fine.refresh_from_db()
    assert (refused.state, fine.state) == (State.FAILED, State.SENT)
    assert "550" in refused.error
    assert "no such mailbox" in refused.error
    event = AuditEvent.objects.get()
    assert (event.event, event.company_id, event.subject_uid) == (
        "delivery:message:failed",
        5,
        str(refused.uid),
    )
    assert entropy.derived_code(**CODE) not in str(event.details)


def test_a_recipient_refused_for_now_is_tried_again(ask: Ask, clock: Clock, mailbox: Mailbox) -> None:
    mailbox.refuse[BEN] = "450 4.2.1 greylisted"
    row = ask()
    drain(clock=clock)
    row.refresh_from_db()
    assert (row.state, "greylisted" in row.error) == (State.QUEUED, True)
    mailbox.refuse.clear()
    clock.forward(seconds=5)
    drain(clock=clock)
    assert len(mailbox.mails) == 1


def test_the_pauses_grow_while_the_server_stays_away(ask: Ask, clock: Clock, settings: Settings) -> None:
    settings.EMAIL_URL = f"smtp://127.0.0.1:{free_port()}"
    row = ask(expires_at=clock() + timedelta(days=1))
    pauses = []
    for _ in range(10):
        drain(clock=clock)
        row.refresh_from_db()
        pauses.append((row.next_try_at - clock()).total_seconds())
        clock.now = row.next_try_at
    assert 4 <= pauses[0] <= 5
    assert 8 <= pauses[1] <= 10
    assert 480 <= pauses[-1] <= 600


def test_nothing_is_sent_after_its_time_and_the_admin_sees_why(
    ask: Ask, clock: Clock, mailbox: Mailbox
) -> None:
    row = ask()
    clock.forward(minutes=10)
    drain(clock=clock)
    row.refresh_from_db()
    assert mailbox.mails == []
    assert (row.state, row.error) == (State.EXPIRED, "It could not be sent in its time.")
    assert AuditEvent.objects.get().details["state"] == "expired"


def test_a_crowd_of_expired_messages_does_not_hold_up_a_fresh_one(
    ask: Ask, clock: Clock, mailbox: Mailbox
) -> None:
    for _ in range(25):
        ask()
    clock.forward(minutes=11)
    ask()
    assert drain(clock=clock) == 1
    assert len(mailbox.mails) == 1


def test_a_message_taken_back_is_not_sent(ask: Ask, clock: Clock, mailbox: Mailbox) -> None:
    cancel(ask().uid)
    assert drain(clock=clock) == 0
    assert mailbox.mails == []


def test_a_message_that_cannot_be_written_does_not_hold_up_the_others(
    ask: Ask, clock: Clock, mailbox: Mailbox
) -> None:
    broken = ask(template="no-such-template")
    ask()
    drain(clock=clock)
    broken.refresh_from_db()
    assert len(mailbox.mails) == 1
    assert (broken.state, "TemplateDoesNotExist" in broken.error) == (State.QUEUED, True)


def test_finished_messages_are_forgotten_after_thirty_days(ask: Ask, clock: Clock) -> None:
    ask()
    assert prune(now=clock.forward(days=29)) == 0
    assert prune(now=clock.forward(days=2)) == 1
