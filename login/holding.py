"""Holding an attempt while a step is taken, so that of two at once one is taken."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection

from accounts.models import User
from core.db import unit
from core.outcomes import Denied
from core.prepared import Select, Slot, Write
from login.case import Case
from login.models import Attempt
from login.refusals import EXPIRED, OUT_OF_TURN

_LOCKED = Select(
    lambda: (
        Attempt.objects.select_for_update(of=("self",)).select_related("user__company").filter(pk=Slot("pk"))
    )
)

_PERSON = Select(lambda: User.objects.select_for_update(no_key=True).filter(pk=Slot("pk")))


@contextmanager
def held(case: Case, *, person: User | None = None) -> Iterator[Denied | None]:
    """A unit that holds the attempt's row; yields why it cannot go on, and writes at its end what changed, in one statement.

    `person` is who the first proof has shown it to be, where the name alone does not say it.
    """
    if person is not None:
        case.identify(person)
    case.look_up()
    with unit():
        if case.user is not None and connection.features.has_select_for_update:
            # The person's row first, as whoever changes the person holds it: what it says now is what counts to the end of this unit.
            _PERSON.first(pk=case.user.pk)
        row = _LOCKED.first(pk=case.attempt.pk)
        if row is None or row.ended_at is not None:
            yield EXPIRED
            return
        moved = _established(row) != _established(case.attempt)
        before = _columns(row)
        if case.user is not None and not case.proved and not moved:
            if person is not None:
                row.user = person
            row.version = case.user.security_version  # what the first proof, given now, was checked against
        if row.session_id is not None:
            row.session = case.attempt.session
        case.attempt = row
        case.forget("codes")
        if row.user is not None and (row.user.security_version != row.version or not row.user.may_sign_in):
            # While the hash was computed, the account was disabled or got another password.
            yield EXPIRED
            return
        yield OUT_OF_TURN if moved else None
        changed = [name for name, value in _columns(row).items() if value != before[name]]
        if changed:
            Write(row, *changed).last()


def _columns(attempt: Attempt) -> dict[str, Any]:
    return {field.attname: getattr(attempt, field.attname) for field in Attempt._meta.concrete_fields}


def _established(attempt: Attempt) -> tuple[Any, ...]:
    proofs = (
        attempt.password_at,
        attempt.link_at,
        attempt.passkey_at,
        attempt.factor_at,
        attempt.changed_at,
    )
    return (*proofs, attempt.method, attempt.question, attempt.help)
