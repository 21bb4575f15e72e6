"""Which directory may check second factors, and who may say so."""

import pytest
from django.utils import timezone

from accounts.models import User
from configserver import services
from configserver.directory import Directory
from core.findings import Finding, Verdict
from core.outcomes import Denied
from tenants.actor import Actor, system_actor
from tenants.models import Company, SettingsRevision
from tenants.settings import change_settings, roll_back, snapshot
from tests import cast, directory
from tests.journeys.stage import *  # noqa: F403
from twofactor.explain import explain_sign_in
from twofactor.options import RADIUS_DIRECTORY
from twofactor.services.provided import known_of

pytestmark = pytest.mark.django_db
NAME = RADIUS_DIRECTORY.name


@pytest.fixture
def radius(db: None) -> Directory:
    return directory.directory("Tokens")


def change(value: str, *, by: Actor, company: Company | None = None) -> SettingsRevision | Denied:
    given = {NAME: value, "TwoFactor.Policy": "required", "TwoFactor.CodeGeneration": "both"}
    return change_settings(given, company=company, reason="a test", by=by, now=timezone.now())


def is_refused(value: str, *, by: Actor, company: Company | None = None) -> bool:
    made = change(value, by=by, company=company)
    return isinstance(made, Denied) and (made.code, made.field) == ("invalid", NAME)


def actor_of(user: User) -> Actor:
    return cast.acting(user)


def test_only_an_active_radius_directory_is_taken(root: User, radius: Directory) -> None:
    by = actor_of(root)
    assert is_refused("6f1c0000-0000-4000-8000-000000000000", by=by)
    assert is_refused("not an id", by=by)
    assert is_refused(str(directory.ldap("LDAP").uid), by=by)
    assert not isinstance(change(str(radius.uid), by=by), Denied)
    assert not isinstance(change("", by=by), Denied)
    off = services.DirectoryDraft(is_active=False)
    services.change_directory(radius, off, by=system_actor(), now=timezone.now())
    assert is_refused(str(radius.uid), by=by)


def test_whoever_sees_no_directory_cannot_name_one_for_his_company_either(
    ada: User, root: User, acme: Company, radius: Directory
) -> None:
    assert is_refused(str(radius.uid), by=actor_of(ada), company=acme)
    assert not isinstance(change(str(radius.uid), by=actor_of(root), company=acme), Denied)
    # What stands there already is no reason to refuse another change.
    given = {"TwoFactor.CodeDigits": 8}
    made = change_settings(given, company=acme, reason="more", by=actor_of(ada), now=timezone.now())
    assert not isinstance(made, Denied)
    assert snapshot(acme.pk).text(RADIUS_DIRECTORY) == str(radius.uid)
    assert not isinstance(change("", by=actor_of(ada), company=acme), Denied)
    back = roll_back(made, reason="back", by=actor_of(ada), now=timezone.now())
    assert isinstance(back, Denied)
    assert back.field == NAME


def test_it_is_refused_in_words_over_rest_and_on_the_page(root: User, radius: Directory) -> None:
    body = {"values": {NAME: "6f1c0000-0000-4000-8000-000000000000"}, "reason": "a test"}
    answer = cast.Api(root).patch("settings/", body)
    assert answer.status_code == 400
    assert "no RADIUS directory of this id" in answer.json()["errors"][NAME][0]


def finding(user: User, *, by: User) -> Finding:
    found = explain_sign_in(user.username, by=actor_of(by), now=timezone.now())
    return next(one for one in found if one.about == "factor")


def told(user: User, *, by: User) -> str:
    return finding(user, by=by).sentence


def test_the_explanation_names_it_and_says_when_it_is_gone(root: User, ben: User, radius: Directory) -> None:
    change(str(radius.uid), by=actor_of(root))
    assert "Token of your organisation" in told(ben, by=root)
    off = services.DirectoryDraft(is_active=False)
    services.change_directory(radius, off, by=system_actor(), now=timezone.now())
    assert "switched off or gone" in told(ben, by=root)
    assert "b•••@acme.example" in told(ben, by=root)  # the other ways of his are told all the same
    assert finding(ben, by=root).verdict is Verdict.WARNING
    User.objects.filter(pk=ben.pk).update(email_verified_at=None)
    assert finding(ben, by=root).verdict is Verdict.STOP
    assert "switched off or gone" in told(ben, by=root)
    assert known_of(snapshot(ben.company_id)).unknown


def test_the_explanation_says_that_the_service_is_asked_at_the_sign_in(root: User, ben: User) -> None:
    given = {
        "TwoFactor.Policy": "required",
        "TwoFactor.WebServiceUrlProduction": "https://verify.example.com",
    }
    change_settings(given, company=None, reason="a test", by=actor_of(root), now=timezone.now())
    assert "asked at the sign-in which ways" in told(ben, by=root)
    assert finding(ben, by=root).verdict is Verdict.OK
    User.objects.filter(pk=ben.pk).update(email_verified_at=None)
    for behaviour, words in (
        ("enrol", "turns a first one on"),
        ("allow", "goes on without"),
        ("deny", "ends there"),
    ):
        change_settings(
            {
                "TwoFactor.NoVerifiedContactBehaviour": behaviour,
                "TwoFactor.CodeDigits": 7 + len(behaviour) % 3,
            },
            company=None,
            reason="a test",
            by=actor_of(root),
            now=timezone.now(),
        )
        assert "asked at the sign-in which ways" in told(ben, by=root)
        assert words in told(ben, by=root)
        assert finding(ben, by=root).verdict is Verdict.WARNING  # only the service can say
