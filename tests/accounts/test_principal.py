"""Who a request comes from: loaded once, and forgotten as soon as anything about it changes."""

from typing import Any

import pytest
from django.utils import timezone

from accounts.companies import change_company
from accounts.models import Session, SessionKind, User
from accounts.people import UserDraft, change_user, lock_user, set_password
from accounts.principal import Principal, principal_of_cookie, principal_of_session
from accounts.sessions import SESSION, Client, start_session
from core import entropy
from tenants.models import Company, Kind, Privilege, Reach, Role
from tenants.services import (
    CompanyDraft,
    PermissionDraft,
    RoleDraft,
    change_role,
    create_permission,
    delete_permission,
)
from tests import cast
from tests.cast import acting

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db]
HERE = Client(address="192.0.2.1", user_agent="Test/1.0")


@pytest.fixture
def session(ben: User) -> Session:
    """A page in which Ben has signed in."""
    made, _secret = start_session(
        ben, kind=SessionKind.PAGE, methods=["pwd", "otp"], client=HERE, browser=None, now=timezone.now()
    )
    return made


def principal(session: Session) -> Principal:
    found = principal_of_session(str(session.uid))
    assert found is not None
    assert principal_of_cookie(session.fingerprint) == found
    return found


def how(user: User) -> dict[str, Any]:
    return {"by": acting(user), "now": timezone.now()}


def test_a_session_stands_for_its_person_with_rights_and_company(
    session: Session, ben: User, acme: Company
) -> None:
    found = principal(session)
    assert (found.user, found.company, found.session, found.role_names) == (ben, acme, session, ("Member",))
    assert found.rights.rank == 10
    assert found.caller_id == str(ben.uid)
    assert found.is_live(now=timezone.now())
    actor = found.actor(address="192.0.2.9")
    assert (actor.rights, actor.origin.actor, actor.origin.address) == (found.rights, ben, "192.0.2.9")


def test_it_is_loaded_once(session: Session, django_assert_num_queries: Any) -> None:
    found = principal(session)
    with django_assert_num_queries(2):  # the version, once for each of the two ways
        assert principal(session) == found


@pytest.mark.parametrize("fingerprint", ["", "0" * 64, "x"])
def test_a_secret_that_nobody_has_is_nobody(fingerprint: str) -> None:
    assert principal_of_cookie(fingerprint) is None
    assert principal_of_session("00000000-0000-4000-8000-000000000000") is None


def test_the_fingerprint_for_another_purpose_is_nobodys(ben: User) -> None:
    made, secret = start_session(
        ben, kind=SessionKind.PAGE, methods=["pwd"], client=HERE, browser=None, now=timezone.now()
    )
    assert principal_of_cookie(entropy.fingerprint(secret, purpose="browser")) is None
    assert principal_of_cookie(entropy.fingerprint(made.fingerprint, purpose=SESSION)) is None


def test_a_role_given_or_taken_counts_at_the_next_request(
    session: Session, ben: User, ada: User, root: User
) -> None:
    assert not principal(session).may("view", "user")
    administrator = Role.objects.get(name="Company Administrator", company=None)
    change_user(ben, UserDraft(roles=[administrator]), **how(ada))
    assert principal(session).may("view", "user")
    assert ada in principal(session).visible(User)
    change_user(ben, UserDraft(roles=[]), **how(root))
    assert not principal(session).may("view", "user")
    assert not principal(session).visible(User).exists()


def test_what_changes_in_a_role_or_permission_counts_at_once(
    session: Session, ben: User, root: User, acme: Company
) -> None:
    role = Role.objects.create(name="Looker", company=acme, rank=5)
    change_user(ben, UserDraft(roles=[role]), **how(root))
    assert not principal(session).may("view", "user")
    change_role(role, RoleDraft(privileges=[Privilege.objects.get(name="Users - View")]), **how(root))
    assert principal(session).may("view", "user")
    assert not principal(session).visible(User).exists()
    permission = create_permission(PermissionDraft(user=ben, kind=Kind.USER, reach=Reach.OWN), **how(root))
    assert principal(session).visible(User).exists()
    delete_permission(permission, **how(root))  # type: ignore[arg-type]
    assert not principal(session).visible(User).exists()


@pytest.mark.parametrize("end", ["disable", "lock", "password", "address", "company", "move", "delete"])
def test_whatever_voids_a_session_makes_it_nobodys_at_once(
    session: Session, ben: User, root: User, acme: Company, globex: Company, end: str
) -> None:
    principal(session)
    {
        "disable": lambda: change_user(ben, UserDraft(is_active=False), **how(root)),
        "lock": lambda: lock_user(ben, reason="x", **how(root)),
        "password": lambda: set_password(ben, "correct horse battery", must_change=False, **how(root)),
        "address": lambda: change_user(ben, UserDraft(email="other@acme.example"), **how(root)),
        "company": lambda: change_company(acme, CompanyDraft(is_active=False), **how(root)),
        "move": lambda: change_user(ben, UserDraft(company=globex), **how(root)),
        "delete": lambda: ben.delete(),
    }[end]()
    if end == "delete":  # past every verb, so nothing was bumped: the next write of anybody is what counts
        change_user(
            cast.person("x@acme.example", company=acme, role=cast.MEMBER),
            UserDraft(phone="+49301234567"),
            **how(root),
        )
    assert principal_of_session(str(session.uid)) is None
    assert principal_of_cookie(session.fingerprint) is None


def test_a_person_who_may_not_sign_in_is_not_live_even_in_a_session_that_was_not_ended(
    session: Session, ben: User, acme: Company
) -> None:
    """Should an end be forgotten somewhere, what holds is what the rows say."""
    for change in ({"is_active": False}, {"locked_at": timezone.now()}):
        User.objects.filter(pk=ben.pk).update(is_active=True, locked_at=None)
        User.objects.filter(pk=ben.pk).update(**change)
        made, _secret = start_session(
            ben, kind=SessionKind.PAGE, methods=["pwd"], client=HERE, browser=None, now=timezone.now()
        )
        assert not principal(made).is_live(now=timezone.now())
    User.objects.filter(pk=ben.pk).update(is_active=True, locked_at=None)
    Company.objects.filter(pk=acme.pk).update(is_active=False)
    made, _secret = start_session(
        ben, kind=SessionKind.PAGE, methods=["pwd"], client=HERE, browser=None, now=timezone.now()
    )
    assert not principal(made).is_live(now=timezone.now())
