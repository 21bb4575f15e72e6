"""E. Access after it should have ended, kept by a change of one's own password that is under way at that moment."""

from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from accounts.models import Session, User
from accounts.own_password import change_own_password
from audit.record import Origin
from configserver import services
from configserver.models import Person
from core.outcomes import Denied
from tenants.actor import system_actor
from tenants.models import Company
from tests import directories, directory
from tests.journeys.doors import ApiDoor, sign_in
from tests.journeys.stage import NEW_PASSWORD, PASSWORD, configure
from tests.services.ldap import ldap_machine, password_of
from tests.services.proxy import ldap_proxy

NAME = "dora"


def take_roles(*_request: str) -> None:
    """What an administrator does meanwhile, in a process of his own."""
    person = Person.objects.get(name=NAME)
    draft = services.PersonDraft(roles=[])
    assert not isinstance(
        services.change_person(person, draft, by=system_actor(), now=timezone.now()), Denied
    )


def change(session: Session, *, current: str) -> Denied | None:
    return change_own_password(
        session, current=current, new=NEW_PASSWORD, origin=Origin(), now=timezone.now()
    )


def assert_out(api: ApiDoor) -> None:
    assert not api.is_in()
    assert not User.objects.get(username=NAME).may_sign_in


@pytest.mark.django_db
def test_a_change_begun_before_the_end_gives_nothing_back(acme: Company) -> None:
    """The request passed the gate; then the role was taken; then the password is changed."""
    configure(Login__ExternalAuthenticationMode="ConfigServer")
    tenant = directory.tenant(directory.ACME_DBID, company=acme)
    directory.person(NAME, tenant=tenant, password=PASSWORD, roles=[directory.role("Agent of old")])
    api = ApiDoor()
    assert sign_in(api, NAME, PASSWORD).facts["roles"] == ["Agent of old"]
    session = Session.objects.get()
    take_roles()
    refused = change(session, current=PASSWORD)
    assert isinstance(refused, Denied)
    assert refused.code == "conflict"
    assert_out(api)
    assert sign_in(api.stranger(), NAME, PASSWORD).facts["roles"] == []


@pytest.mark.django_db(transaction=True)
def test_nor_does_one_during_which_a_directory_is_asked() -> None:
    configure(Login__ExternalAuthenticationMode="ConfigServer")
    tenant = directory.tenant(directory.ACME_DBID, company=Company.objects.create(name="Acme"))
    ended: list[str] = []

    def meanwhile(request: str) -> Any:
        if request == "extended":
            ended.append(request)
            take_roles()
            connection.close()  # this thread's own

    with ldap_machine() as server, ldap_proxy(server.port) as proxy:
        found = directories.ldap(
            server, servers=f"ldap://127.0.0.1:{proxy.port}", start_tls=False, change_password=True
        )
        roles = [directory.role("Agent of old")]
        directory.person(NAME, tenant=tenant, directory=found, roles=roles)
        api = ApiDoor()
        assert sign_in(api, NAME, password_of(NAME)).facts["roles"] == ["Agent of old"]
        proxy.before = meanwhile
        change(Session.objects.get(), current=password_of(NAME))
        assert ended == ["extended"]
        assert_out(api)
        assert sign_in(api.stranger(), NAME, NEW_PASSWORD).facts["roles"] == []
