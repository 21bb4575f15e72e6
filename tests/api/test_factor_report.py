"""The report: who has which factor, and who could not sign in under a policy before it is switched on."""

import itertools
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from accounts.explain import Explained
from accounts.models import User
from accounts.sessions import Client
from configserver import services
from configserver.models import Directory
from core.findings import Verdict
from core.options import Snapshot
from core.outcomes import Denied
from login.case import LIFE, Case
from login.flow import Purpose, Step
from login.models import Attempt
from tenants.actor import system_actor
from tenants.models import Company, Role
from tenants.settings import snapshot
from tests import directory
from tests.cast import AGENT, Api, Browse, Call, person
from tests.journeys.stage import configure
from twofactor.explain import factor_of
from twofactor.methods import METHODS
from twofactor.models import FactorKind
from twofactor.report import judged, shut_out
from twofactor.services.provided import kept_form, provided_for

pytestmark = pytest.mark.django_db
KINDS = (
    "", ",email,", ",totp,", ",recovery,", ",passkey,totp,", ",webservice,", ",radius,", ",email,recovery,",
)  # fmt: skip


def people_of_every_kind(company: Company) -> list[User]:
    """Everything that can be told of a person's ways, in every combination."""
    now, found = timezone.now(), []
    contacts = list(itertools.product(("none", "there", "verified"), repeat=2))
    for number, (kinds, (email, phone)) in enumerate(itertools.product(KINDS, contacts)):
        user = person(f"p{number}@acme.example", company=company, role=AGENT)
        User.objects.filter(pk=user.pk).update(
            factor_kinds=kinds,
            email="" if email == "none" else user.email,
            email_verified_at=now if email == "verified" else None,
            phone="" if phone == "none" else f"+4930{number:06}",
            phone_verified_at=now if phone == "verified" else None,
        )
        found.append(user)
    return list(User.objects.filter(pk__in=[one.pk for one in found]).order_by("pk"))


def met_by(user: User, *, settings: Snapshot) -> Case:
    """The sign-in itself, right after the password, with the settings really in force."""
    now = timezone.now()
    attempt = Attempt(
        user=user,
        purpose=Purpose.SIGN_IN,
        password_at=now,
        expires_at=now + LIFE,
        provided=kept_form(provided_for(user, settings, now=now)),
    )
    return Case(attempt=attempt, client=Client(address="", user_agent=""), now=now, since=0)


def ends_here(case: Case) -> bool:
    """Whether nothing leads on for this person."""
    return case.step is Step.DENIED or (case.step is Step.ENROL and not case.enrollable)


def should_be_told(case: Case) -> Verdict:
    """How *Explain a sign-in* must judge what the sign-in does."""
    if ends_here(case):
        return Verdict.STOP
    if case.step is Step.DONE:
        return Verdict.WARNING if case.asked.needed else Verdict.OK
    return Verdict.WARNING if case.step is Step.ENROL or case.provided.unknown else Verdict.OK


def name_radius(state: str) -> None:
    """Have the settings name a RADIUS directory, which may be switched off after that."""
    if state == "none":
        return
    made = directory.directory("Tokens")
    configure(TwoFactor__RadiusDirectory=str(made.uid))
    if state == "off":
        off = services.DirectoryDraft(is_active=False)
        assert not isinstance(
            services.change_directory(made, off, by=system_actor(), now=timezone.now()), Denied
        )


FIELDS = (("email", "phone"), ("email", "none"), ("none", "phone"))
ASKING = [
    ("required", "none"), ("required", "on"), ("required", "off"), ("optional", "none"), ("optional", "off"), ("off", "off"),
]  # fmt: skip


@pytest.mark.parametrize("behaviour", ["deny", "enrol", "allow"])
@pytest.mark.parametrize("generation", ["internal", "external", "both"])
@pytest.mark.parametrize(("policy", "radius"), ASKING)
def test_report_and_explanation_say_of_everybody_what_the_sign_in_does(
    acme: Company, behaviour: str, generation: str, radius: str, policy: str
) -> None:
    people = people_of_every_kind(acme)
    mine = User.objects.filter(pk__in=[one.pk for one in people])
    name_radius(radius)
    values = {
        "TwoFactor__NoVerifiedContactBehaviour": behaviour,
        "TwoFactor__CodeGeneration": generation,
        "TwoFactor__Policy": policy,
    }
    for email, phone in FIELDS:
        configure(**values, TwoFactor__EmailField=email, TwoFactor__PhoneField=phone)
        settings = snapshot(acme.pk)
        listed = set(shut_out(mine, company=acme, policy=policy).values_list("pk", flat=True))
        cases = {one: met_by(one, settings=settings) for one in people}
        truly = {one.pk for one, case in cases.items() if ends_here(case)}
        assert {one.pk for one in judged(people, policy=policy)} == truly
        assert truly <= listed
        if policy == "required":
            assert listed == truly
        for one, case in cases.items():
            found = factor_of(Explained(findings=(), known=True, user=one, company=acme))
            assert found.verdict is should_be_told(case), (found, case.facts())
            if case.step is Step.ENROL:
                named = [str(METHODS[kind].label(one)) or "app" for kind in case.enrollable]
                assert all(name in found.sentence for name in named), found


def test_numbers_are_of_people_in_reach_who_are_active(api: Call, ada: User, ben: User, cleo: User) -> None:
    User.objects.filter(pk=ben.pk).update(factor_kinds=",email,totp,")
    off = person("off@acme.example", company=ada.company, role=AGENT)
    User.objects.filter(pk=off.pk).update(is_active=False, factor_kinds=",sms,")
    said = api(ada).get("factor-report/").json()
    kinds = {one["kind"]: one["people"] for one in said["kinds"]}
    assert (said["people"], said["without"], said["verified_emails"]) == (2, 1, 2)
    assert (kinds["totp"], kinds["email"], kinds["sms"]) == (1, 1, 0)
    assert set(kinds) == set(FactorKind.values)


def test_recovery_codes_alone_are_no_second_factor(api: Call, ada: User, ben: User) -> None:
    User.objects.filter(pk=ben.pk).update(factor_kinds=",recovery,")
    assert api(ada).get("factor-report/").json()["without"] == 2


def shut(program: Api, **query: str) -> list[str]:
    found: list[str] = []
    address = "factor-report/shut-out/?page_size=2&" + "&".join(f"{k}={v}" for k, v in query.items())
    while address:
        answer = program.get(address)
        assert answer.status_code == 200, answer.content
        said = answer.json()
        found += [one["username"] for one in said["results"]]
        address = said["next"].partition("/api/v1/")[2] if said["next"] else ""
    return found


def test_who_would_be_shut_out_is_named_page_by_page(api: Call, ada: User, acme: Company) -> None:
    names = [f"p{number}@acme.example" for number in range(5)]
    for name in names:
        user = person(name, company=acme, role=AGENT)
        User.objects.filter(pk=user.pk).update(email_verified_at=None)
    configure(acme, TwoFactor__NoVerifiedContactBehaviour="deny")
    assert shut(api(ada)) == names
    said = api(ada).get("factor-report/?policy=required").json()["what_if"]
    assert said == {
        "company": str(acme.uid),
        "policy": "required",
        "behaviour": "deny",
        "without_way": 5,
        "shut_out": 5,
        "asks_services": False,
        "radius_is_off": False,
    }


def test_while_radius_is_switched_off_whoever_has_nothing_else_is_shut_out(
    api: Call, browser: Browse, ada: User, ben: User
) -> None:
    User.objects.filter(pk=ben.pk).update(email_verified_at=None)
    name_radius("on")
    assert shut(api(ada)) == []
    services.change_directory(
        Directory.objects.get(),
        services.DirectoryDraft(is_active=False),
        by=system_actor(),
        now=timezone.now(),
    )
    said = api(ada).get("factor-report/").json()["what_if"]
    assert (said["behaviour"], said["radius_is_off"], said["shut_out"]) == ("enrol", True, 1)
    assert shut(api(ada)) == [ben.username]
    text = asked(browser, ada, policy="required")
    assert "RadiusDirectory is switched off" in text
    assert "NoVerifiedContactBehaviour" not in text


def test_what_a_verification_service_may_know_is_told_and_not_asked(
    api: Call, browser: Browse, ada: User
) -> None:
    configure(TwoFactor__WebServiceUrlProduction="https://verify.example.com")
    said = api(ada).get("factor-report/").json()["what_if"]
    assert (said["asks_services"], said["radius_is_off"]) == (True, False)
    assert "verification service is set up" in asked(browser, ada, policy="required")


def test_under_another_policy_roles_decide(api: Call, ada: User, acme: Company) -> None:
    guard = Role.objects.create(name="Guard", rank=5, twofactor_policy="required", company=acme)
    for name in ("free", "bound"):
        user = person(f"{name}@acme.example", company=acme, role=AGENT)
        User.objects.filter(pk=user.pk).update(email_verified_at=None)
        if name == "bound":
            user.roles.add(guard)
    configure(acme, TwoFactor__NoVerifiedContactBehaviour="deny")
    assert shut(api(ada), policy="optional") == ["bound@acme.example"]
    assert api(ada).get("factor-report/?policy=optional").json()["what_if"]["shut_out"] is None


def test_who_would_enrol_is_not_shut_out(api: Call, ada: User, ben: User) -> None:
    User.objects.filter(pk=ben.pk).update(email_verified_at=None)
    said = api(ada).get("factor-report/").json()["what_if"]
    assert (said["without_way"], said["shut_out"]) == (1, 0)
    assert shut(api(ada)) == []


def test_another_company_is_not_there(api: Call, ada: User, globex: Company, cleo: User) -> None:
    for path in ("factor-report/", "factor-report/shut-out/"):
        answer = api(ada).get(f"{path}?company={globex.uid}")
        assert answer.status_code == 400
        assert "company" in answer.json()["errors"]


def test_who_may_see_nobody_may_not_read_it(api: Call, ben: User) -> None:
    for path in ("factor-report/", "factor-report/shut-out/"):
        assert api(ben).get(path).status_code == 403


def test_a_word_that_is_no_policy_is_a_mistake(api: Call, ada: User) -> None:
    assert api(ada).get("factor-report/?policy=perhaps").status_code == 400
    assert api(ada).get("factor-report/?polcy=required").status_code == 400


def test_however_many_people_the_numbers_are_the_same_few_statements(
    api: Call, ada: User, acme: Company
) -> None:
    program = api(ada)

    def statements() -> int:
        program.get("factor-report/")
        with CaptureQueriesContext(
            connection,
        ) as seen:
            assert program.get("factor-report/").status_code == 200
        return len(seen)

    before = statements()
    people_of_every_kind(acme)
    assert statements() == before


def asked(browser: Browse, reader: User, **query: Any) -> str:
    return str(browser(reader).get(reverse("admin:accounts_factors"), query).content.decode())


def test_the_page_shows_the_same(browser: Browse, ada: User, ben: User, acme: Company) -> None:
    User.objects.filter(pk=ben.pk).update(email_verified_at=None)
    configure(acme, TwoFactor__NoVerifiedContactBehaviour="deny")
    text = asked(browser, ada)
    assert "Without a second factor" in text
    assert "ben@acme.example" not in text  # nobody asked yet
    text = asked(browser, ada, policy="required")
    assert "ben@acme.example" in text
    assert "would not get in" in text
    assert "Nobody" in asked(browser, ada, policy="off")
    ben.roles.set([Role.objects.create(name="Guard", rank=5, twofactor_policy="required", company=acme)])
    text = asked(browser, ada, policy="off")
    assert "These people would not get in:" in text
    assert "ben@acme.example" in text
    assert reverse("admin:accounts_factors") in str(browser(ada).get(reverse("admin:index")).content)


def test_the_page_goes_on_where_it_was(browser: Browse, ada: User, acme: Company) -> None:
    people = [person(f"p{number:02}@acme.example", company=acme, role=AGENT) for number in range(53)]
    User.objects.filter(pk__in=[one.pk for one in people]).update(email_verified_at=None)
    configure(acme, TwoFactor__NoVerifiedContactBehaviour="deny")
    text = asked(browser, ada, policy="required")
    assert "p49@acme.example" in text
    assert "p50@acme.example" not in text
    text = asked(browser, ada, policy="required", after=people[49].pk)
    assert "p50@acme.example" in text
    assert "p49@acme.example" not in text


def test_the_page_knows_no_other_company_and_nobody_without_the_right(
    browser: Browse, ada: User, ben: User, globex: Company, cleo: User
) -> None:
    text = asked(browser, ada, policy="required", company=globex.pk)
    assert "cleo@globex.example" not in text
    assert "Globex" not in text
    assert browser(ben).get(reverse("admin:accounts_factors")).status_code == 404
