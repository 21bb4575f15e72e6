"""People as rows: one spelling of each name, once a realm."""
# ruff: noqa: RUF001  (look-alikes are what is tested)

import pytest
from django.db import IntegrityError, transaction

from accounts.models import User
from accounts.names import Realm
from tenants.models import Company
from tests import cast

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db]


def test_a_name_is_stored_once_a_realm_whatever_its_spelling(ben: User, acme: Company) -> None:
    for spelling in ("ben@acme.example", "BEN@ACME.EXAMPLE", "ｂｅｎ@acme.example", " ben@acme.example "):
        with pytest.raises(IntegrityError), transaction.atomic():
            cast.person(spelling, company=acme, role=cast.MEMBER)
    User(realm=Realm.EXTERNAL, username="ben@acme.example", company=acme).save()
    assert User.objects.count() == 2


@pytest.mark.parametrize("spelling", ["ben@acme.example", "Ben@Acme.example", "ｂｅｎ＠acme.example\t"])
def test_a_person_is_found_by_every_spelling_in_his_own_realm(ben: User, spelling: str) -> None:
    assert User.objects.find(spelling, realm=Realm.INTERNAL) == ben
    assert User.objects.find(spelling, realm=Realm.EXTERNAL) is None
    assert User.objects.get_by_natural_key(spelling) == ben


@pytest.mark.parametrize(
    "name", ["", "mallory@acme.example", "bеn@acme.example", "' OR 1=1 --", "%", "x" * 10_000]
)
def test_nobody_else_is_found(ben: User, name: str) -> None:
    assert User.objects.find(name, realm=Realm.INTERNAL) is None


@pytest.mark.parametrize("fields", [None, {"username"}, ["username", "email"]])
def test_a_changed_name_changes_the_form_in_which_it_is_compared(ben: User, fields: list[str] | None) -> None:
    ben.username = ben.email = "Benjamin@acme.example"
    ben.save(update_fields=fields)
    assert User.objects.find("benjamin@acme.example", realm=Realm.INTERNAL) == ben
    assert User.objects.find("ben@acme.example", realm=Realm.INTERNAL) is None


def test_other_fields_are_saved_alone(ben: User) -> None:
    User.objects.filter(pk=ben.pk).update(phone="+49301234567")
    ben.display_name = "Benjamin"
    ben.save(update_fields=["display_name"])
    ben.refresh_from_db()
    assert (ben.display_name, ben.phone) == ("Benjamin", "+49301234567")


def test_who_may_sign_in(ben: User, root: User, acme: Company) -> None:
    assert ben.may_sign_in
    assert root.may_sign_in
    for change in ({"is_active": False}, {"locked_at": ben.created_at}):
        for name, value in change.items():
            setattr(ben, name, value)
        assert not ben.may_sign_in
        ben.refresh_from_db()
    acme.is_active = False
    ben.company = acme
    assert not ben.may_sign_in


def test_a_company_with_people_cannot_vanish_under_them(ben: User, acme: Company) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        acme.delete()
