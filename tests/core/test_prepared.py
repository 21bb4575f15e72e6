"""Statements written once: they find, insert and write what the ORM does, whatever the values."""

import threading
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import IntegrityError, connection, models, transaction
from django.db.models import F
from django.test.utils import CaptureQueriesContext

from accounts.models import Session, SessionKind, User
from audit.events import Event
from audit.record import Origin, record
from core.db import unit
from core.prepared import Insert, Select, Slot, Update, Write
from tenants.models import Company
from tests import cast

NOW = datetime(2026, 11, 22, 9, 30, 15, 123456, tzinfo=UTC)
PERSON = Select(lambda: User.objects.select_related("company").filter(uid=Slot("uid")))


def columns(row: models.Model) -> dict[str, Any]:
    return {field.attname: getattr(row, field.attname) for field in row._meta.concrete_fields}


def session(user: User, *, fingerprint: str, **more: Any) -> Session:
    times = dict.fromkeys(("created_at", "seen_at", "confirmed_at", "expires_at"), NOW)
    return Session(user=user, kind=SessionKind.API, fingerprint=fingerprint, **times, **more)


def test_a_row_is_found_with_what_is_related_to_it(
    ada: User, root: User, django_assert_num_queries: Any
) -> None:
    for user in (ada, root):
        with django_assert_num_queries(1):
            found = PERSON.first(uid=user.uid)
            assert found is not None
            company = found.company
        plain = User.objects.select_related("company").get(pk=user.pk)
        assert columns(found) == columns(plain)
        assert (found._state.adding, found._state.db) == (False, "default")
        assert (company and columns(company)) == (plain.company and columns(plain.company))
    assert PERSON.first(uid=uuid4()) is None


def test_nothing_of_one_run_is_left_in_the_next(ada: User, ben: User) -> None:
    assert [PERSON(uid=one.uid) for one in (ada, ben, ada)] == [[ada], [ben], [ada]]


def test_values_come_as_they_were_asked_for(ada: User, ben: User) -> None:
    people = User.objects.order_by("pk").filter(company=Slot("company"))
    flat = Select(lambda: people.values_list("uid", flat=True))
    assert flat(company=ada.company_id) == [ada.uid, ben.uid]
    assert isinstance(flat(company=ada.company_id)[0], UUID)
    pairs = Select(lambda: people.values_list("uid", "is_active")[:1])
    assert pairs(company=ada.company_id) == [(ada.uid, True)]


def test_threads_may_share_one(ada: User, ben: User, transactional_db: None) -> None:
    found: list[User | None] = []
    shared = Select(lambda: User.objects.select_related("company").filter(uid=Slot("uid")))

    def look(uid: UUID) -> None:
        found.append(shared.first(uid=uid))
        connection.close()

    for user in (ada, ben):
        thread = threading.Thread(target=look, args=(user.uid,))
        thread.start()
        thread.join()
    assert found == [ada, ben]
    assert [one and one.created_at for one in found] == [ada.created_at, ben.created_at]


def test_an_update_changes_what_it_finds_and_says_how_much(ada: User, ben: User) -> None:
    sign_in = Update(
        lambda: User.objects.filter(pk=Slot("pk"), security_version=Slot("version")),
        last_login=Slot("now"),
        security_version=F("security_version") + 1,
    )
    assert sign_in.now(pk=ben.pk, version=ben.security_version + 1, now=NOW) == 0
    assert sign_in.now(pk=ben.pk, version=ben.security_version, now=NOW) == 1
    assert sign_in.now(pk=ada.pk, version=ada.security_version, now=None) == 1
    assert list(User.objects.order_by("pk").values_list("last_login", "security_version")) == [
        (None, ada.security_version + 1),
        (NOW, ben.security_version + 1),
    ]


def test_an_inserted_row_is_the_one_that_the_orm_would_have_made(ben: User) -> None:
    one = session(ben, fingerprint="1", methods=["pwd", "otp"])
    Insert(one).now()
    assert columns(Session.objects.get()) == columns(one)
    one.seen_at = datetime(2027, 1, 1, tzinfo=UTC)
    one.save()  # it knows that it is there
    assert Session.objects.get().seen_at == one.seen_at


def test_many_rows_go_in_at_once_and_in_their_order(ben: User, django_assert_num_queries: Any) -> None:
    rows = [session(ben, fingerprint=name) for name in "cab"]
    with django_assert_num_queries(1):
        Insert(*rows).now()
    kept = list(Session.objects.order_by("pk"))
    assert [columns(row) for row in kept] == [columns(row) for row in rows]


def test_what_is_left_for_the_end_of_a_unit_is_done_there_or_not_at_all(ben: User) -> None:
    signed_in = Update(lambda: User.objects.filter(pk=Slot("pk")), last_login=Slot("now"))

    def do(name: str) -> None:
        Insert(session(ben, fingerprint=name)).last()
        ben.display_name = name
        Write(ben, "display_name").last()
        signed_in.last(pk=ben.pk, now=NOW)
        record(Event.SESSION_STARTED, origin=Origin(), at=NOW)
        assert not Session.objects.filter(fingerprint=name).exists()

    def fail() -> None:
        with unit():
            do("lost")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert (Session.objects.count(), User.objects.get(pk=ben.pk).last_login) == (0, None)
    with CaptureQueriesContext(connection) as queries, unit():
        do("kept")
    kept = User.objects.get(pk=ben.pk)
    assert (Session.objects.get().fingerprint, kept.display_name, kept.last_login) == ("kept", "kept", NOW)
    writes = [one["sql"] for one in queries if one["sql"].startswith(("INSERT", "UPDATE", "SET"))]
    assert "accounts_session" in writes[0]
    assert "audit_auditevent" in writes[-1]  # its lock is the last that is taken
    with pytest.raises(RuntimeError):
        Insert(session(ben, fingerprint="outside")).last()


def test_what_a_column_does_to_its_value_is_done(db: None) -> None:
    company = Company(name="Initech")
    Insert(company).now()  # created_at is the column's own
    assert Company.objects.get(pk=company.pk).created_at == company.created_at


def test_only_the_named_columns_of_the_one_row_are_written(ada: User, ben: User) -> None:
    ben.last_login, ben.display_name, ben.phone = NOW, "Benjamin", "+49 30 1"
    Write(ben, "last_login", "display_name").now()
    written = User.objects.get(pk=ben.pk)
    assert (written.last_login, written.display_name, written.phone) == (NOW, "Benjamin", "")
    assert columns(User.objects.get(pk=ada.pk)) == columns(ada)


@pytest.mark.parametrize("is_there", [False, True])
def test_what_the_database_refuses_is_the_same_error(ben: User, is_there: bool) -> None:
    first, second = session(ben, fingerprint="1"), session(ben, fingerprint="2")
    Insert(first).now()
    if is_there:
        Insert(second).now()
    second.fingerprint = "1"
    with pytest.raises(IntegrityError), transaction.atomic():
        (Write(second, "fingerprint") if is_there else Insert(second)).now()


def test_a_statement_with_a_missing_value_does_not_run(db: None) -> None:
    with pytest.raises(KeyError):
        PERSON(name=cast.FULL)
