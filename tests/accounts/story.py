"""What the tests of the verbs on people share."""

from typing import Any

from django.utils import timezone

from accounts.models import Session, SessionKind, User
from accounts.people import UserDraft
from accounts.sessions import Client, live_sessions, start_session
from audit.events import Event
from audit.models import AuditEvent
from core.outcomes import Denied
from tenants.models import Role

GOOD = "correct horse battery"
HERE = Client(address="192.0.2.1", user_agent="Test/1.0")


def code(result: object) -> str:
    return result.code if isinstance(result, Denied) else ""


def built_in(name: str) -> Role:
    return Role.objects.get(name=name, company=None)


def events(*wanted: Event) -> list[str]:
    rows = AuditEvent.objects.order_by("id")
    return list((rows.filter(event__in=wanted) if wanted else rows).values_list("event", flat=True))


def signed_in(user: User) -> Session:
    session, _secret = start_session(
        user, kind=SessionKind.PAGE, methods=["pwd"], client=HERE, browser=None, now=timezone.now()
    )
    return session


def is_in(user: User) -> bool:
    return live_sessions(user, now=timezone.now()).exists()


def new(**more: Any) -> UserDraft:
    return UserDraft(**({"email": "new@acme.example", "display_name": "New"} | more))
