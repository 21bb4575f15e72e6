"""Explain a sign-in: every step that could end it is told in a sentence, and nothing is counted, changed or given away."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.limits import PASSWORD, name_key, strangers_key
from accounts.models import User
from accounts.names import Realm
from audit.events import Event
from audit.models import AuditEvent
from configserver.directory import DirectoryGroup
from configserver.engines.base import Verified
from configserver.models import Directory, DirectoryServer, Person, Role, Tenant
from configserver.trial import mapped_by
from core import epoch
from core.db import unit
from core.findings import Finding, Verdict
from core.throttle import take
from tenants.models import Company
from tests import directory
from tests.cast import acting
from tests.isolation.database import state
from tests.journeys.doors import ApiDoor, sign_in
from tests.journeys.stage import PASSWORD as TYPED
from tests.journeys.stage import configure
from twofactor.explain import explain_sign_in

pytestmark = pytest.mark.django_db
NOBODY = "There is nobody of this name, or nobody whom you may see."


@pytest.fixture(autouse=True)
def mode(db: None) -> None:
    configure(Login__ExternalAuthenticationMode="ConfigServer")


@pytest.fixture
def agent(db: None) -> Role:
    return directory.role("Agent", privileges=[("Workspace", "Listen")], opens=["user"])


@pytest.fixture
def dora(acme: Company, agent: Role) -> Person:
    tenant = directory.tenant(directory.ACME_DBID, name="Acme tenant", company=acme)
    return directory.person(
        "dora", tenant=tenant, password=TYPED, roles=[agent], email="dora@acme.example", external_id="d1"
    )


@pytest.fixture
def door(db: None) -> ApiDoor:
    return ApiDoor()


def explained(name: str, *, by: User, **more: object) -> tuple[Finding, ...]:
    return explain_sign_in(name, by=acting(by), now=timezone.now(), **more)  # type: ignore[arg-type]


def told(name: str, *, by: User, **more: object) -> dict[str, Finding]:
    """The last finding about each thing."""
    return {one.about: one for one in explained(name, by=by, **more)}


def stops(name: str, *, by: User) -> list[str]:
    return [one.about for one in explained(name, by=by) if one.verdict is Verdict.STOP]


def _all_anew() -> None:
    with unit():
        epoch.bump()


# --- what stops a sign-in ----------------------------------------------------------------------------------------------------


def test_whoever_gets_in_is_explained_from_the_name_to_the_second_factor(root: User, dora: Person) -> None:
    found = explained("Dora", by=root)
    assert [one.about for one in found] == [
        "realm", "mode", "known", "limits", "person", "tenant", "engine", "password", "roles", "privileges",
        "permissions", "company", "account", "factor",
    ]  # fmt: skip
    assert {one.verdict for one in found} == {Verdict.OK}
    sentences = " ".join(one.sentence for one in found)
    for word in ("ENVIRONMENT (1) → Acme tenant (101)", "Agent", "Workspace: Listen", "Acme is linked"):
        assert word in sentences
    assert TYPED not in sentences
    assert dora.password not in sentences


def test_what_is_explained_is_what_happens(root: User, dora: Person, door: ApiDoor) -> None:
    assert stops("dora", by=root) == []
    assert sign_in(door, "dora", TYPED).step == "done"
    assert "last sign-in was on" in told("dora", by=root)["account"].sentence


@pytest.mark.parametrize(
    ("about", "change"),
    [
        ("mode", lambda: configure(Login__ExternalAuthenticationMode="None")),
        ("person", lambda: Person.objects.update(is_active=False)),
        ("tenant", lambda: Tenant.objects.filter(dbid=directory.ACME_DBID).update(is_active=False)),
        ("tenant", lambda: Tenant.objects.filter(dbid=1).update(is_active=False)),
        ("password", lambda: Person.objects.update(password="")),
        ("company", lambda: Company.objects.update(tenant_dbid=None)),
        ("company", lambda: Company.objects.update(is_active=False)),
    ],
    ids=["mode", "person", "tenant", "tenant-above", "password", "company", "company-off"],
)
def test_each_hindrance_is_named_and_the_sign_in_meets_it(
    about: str, change: Callable[[], object], root: User, dora: Person, door: ApiDoor
) -> None:
    assert sign_in(door.stranger(), "dora", TYPED).step == "done"
    change()
    _all_anew()
    assert stops("dora", by=root) == [about]
    assert sign_in(door, "dora", TYPED).refused


def test_an_account_that_is_locked_or_switched_off_here_is_told(
    root: User, dora: Person, door: ApiDoor
) -> None:
    sign_in(door, "dora", TYPED)
    shadow = User.objects.filter(source_id=dora.uid)
    shadow.update(locked_at=timezone.now(), locked_reason="lost her key")
    assert "lost her key" in told_stop("dora", "account", by=root)
    shadow.update(locked_at=None, is_active=False)
    assert "switched off" in told_stop("dora", "account", by=root)


def told_stop(name: str, about: str, *, by: User) -> str:
    (found,) = [one for one in explained(name, by=by) if one.about == about and one.verdict is Verdict.STOP]
    return found.sentence


def test_wrong_passwords_that_are_counted_are_told_without_counting(root: User, dora: Person) -> None:
    key = strangers_key(name_key("dora", realm=Realm.EXTERNAL))
    for _try in range(PASSWORD.tries):
        take(PASSWORD, key, now=timezone.now())
    assert told("dora", by=root)["limits"].verdict is Verdict.WARNING
    assert "0 more tries" in told("dora", by=root)["limits"].sentence
    take(PASSWORD, key, now=timezone.now())
    assert "refused for another" in told_stop("dora", "limits", by=root)


def test_a_due_change_and_a_missing_role_let_in_and_are_told(root: User, dora: Person) -> None:
    Person.objects.update(must_change_password=True)
    dora.roles.clear()
    found = told("dora", by=root)
    assert [found[about].verdict for about in ("password", "roles")] == [Verdict.WARNING] * 2
    assert stops("dora", by=root) == []
    configure(**{"security-authentication-rules__password-expiration": 30, "Login__Security__Strict": True})
    Person.objects.update(must_change_password=False, password_changed_at=timezone.now() - timedelta(days=31))
    assert "expired" in told("dora", by=root)["password"].sentence


def test_the_default_company_is_told_as_such(root: User, dora: Person, globex: Company) -> None:
    Company.objects.update(tenant_dbid=None)
    configure(GenesysSDK__ConfigServerLogin__DefaultCompanyID=str(globex.uid))
    found = told("dora", by=root)["company"]
    assert (found.verdict, "the default company is loaded: Globex" in found.sentence) == (
        Verdict.WARNING,
        True,
    )


@pytest.mark.parametrize(
    ("policy", "no_contact", "verdict", "words"),
    [
        ("off", "enrol", Verdict.OK, "No second factor"),
        ("optional", "enrol", Verdict.OK, "has not"),
        ("required", "enrol", Verdict.WARNING, "verifies d•••@acme.example first"),
        ("required", "allow", Verdict.WARNING, "goes on without"),
        ("required", "deny", Verdict.STOP, "no way to prove it"),
    ],
)
def test_the_second_factor_that_would_be_asked_for(
    policy: str, no_contact: str, verdict: Verdict, words: str, root: User, dora: Person
) -> None:
    configure(TwoFactor__Policy=policy, TwoFactor__NoVerifiedContactBehaviour=no_contact)
    found = told("dora", by=root)["factor"]
    assert (found.verdict, words in found.sentence) == (verdict, True), found


@pytest.mark.parametrize("behaviour", ["deny", "enrol", "allow"])
@pytest.mark.parametrize("generation", ["internal", "external", "both"])
@pytest.mark.parametrize("field", ["email", "none"])
def test_whoever_comes_for_the_first_time_meets_what_was_explained(
    behaviour: str, generation: str, field: str, root: User, dora: Person, door: ApiDoor
) -> None:
    configure(
        TwoFactor__Policy="required",
        TwoFactor__NoVerifiedContactBehaviour=behaviour,
        TwoFactor__CodeGeneration=generation,
        TwoFactor__EmailField=field,
    )
    contacts = [(mail, number) for mail in ("", "new@acme.example") for number in ("", "+4915112345678")]
    for number, (email, phone) in enumerate(contacts):
        name = f"newcomer{number}"
        directory.person(
            name, tenant=dora.tenant, password=TYPED, roles=list(dora.roles.all()), email=email, phone=phone
        )
        found = told(name, by=root)["factor"]
        said = sign_in(door.stranger(), name, TYPED)
        stopped = said.refused or (said.step == "enrol" and not said.facts["enrol"])
        assert found.verdict is (Verdict.STOP if stopped else Verdict.WARNING), (found, said)
        if not stopped:
            assert ("goes on without" in found.sentence) is (said.step == "done")


def test_people_who_are_kept_here_are_explained_too(root: User, ben: User) -> None:
    assert stops("ben@acme.example", by=root) == ["password"]
    User.objects.filter(pk=ben.pk).update(password="argon2$x", locked_at=timezone.now())
    assert stops("ben@acme.example", by=root) == ["account"]
    assert told("BEN@acme.example", by=root)["known"].verdict is Verdict.OK
    assert told("ben@acme.example", by=root, realm="external")["known"].verdict is Verdict.STOP


# --- directories -------------------------------------------------------------------------------------------------------------


def _by_directory(dora: Person, **more: object) -> Directory:
    made = directory.directory("Head office", **more)
    Tenant.objects.filter(pk=dora.tenant_id).update(library="directory", directory=made)
    _all_anew()
    return made


def _seen(one: Directory, **more: object) -> None:
    now = timezone.now()
    DirectoryServer.objects.update_or_create(
        directory=one, server=one.servers, defaults={"checked_at": now, "since": now, "ok": True} | more
    )


def test_the_directory_that_proves_the_password_is_told_with_its_state(root: User, dora: Person) -> None:
    made = _by_directory(dora)
    found = told("dora", by=root)
    assert "“Head office” (RADIUS)" in found["engine"].sentence
    assert "has an external id" in found["engine"].sentence
    assert "“d1”" in found["login"].sentence
    assert found["directory"].verdict is Verdict.WARNING
    assert "looks nobody up" in found["asked"].sentence
    _seen(made)
    assert "1 of 1 answer" in told("dora", by=root)["directory"].sentence
    _seen(made, ok=False)
    assert "counts as no failed one" in told_stop("dora", "directory", by=root)
    Directory.objects.update(is_active=False)
    assert "no other engine steps in" in told_stop("dora", "directory", by=root)


def test_why_another_engine_answers_is_told(root: User, dora: Person) -> None:
    _by_directory(dora)
    Person.objects.update(external_id="")
    assert "this one has none" in told("dora", by=root)["engine"].sentence
    Tenant.objects.filter(pk=dora.tenant_id).update(enforce="true")
    _all_anew()
    found = told("dora", by=root)
    assert "for all its persons" in found["engine"].sentence
    assert "“dora”, the user name" in found["login"].sentence


def test_the_kept_entry_and_a_certificate_are_told(root: User, dora: Person) -> None:
    made = _by_directory(dora, protocol="ldap", servers="ldaps://ldap.example")
    _seen(made, certificate_expires_at=timezone.now() + timedelta(days=3, hours=1))
    found = told("dora", by=root)
    assert "keeps the one" in found["entry"].sentence
    assert "in 3 days" in found["certificate"].sentence
    assert "not asked now" in found["asked"].sentence
    Person.objects.update(entry="a-uuid")
    sentence = told("dora", by=root)["entry"].sentence
    assert "is kept" in sentence
    assert "a-uuid" not in sentence


def test_what_the_mapping_gives_to_an_entry(dora: Person) -> None:
    made = directory.directory(protocol="ldap", servers="ldaps://ldap.example")
    low, high = directory.role("Low", rank=5), directory.role("High", rank=50)
    for group, role in (("cn=a", low), ("cn=a", high), ("cn=b", high), ("cn=c", low)):
        made.groups.create(group=group, role=role)
    made.tenant_values.create(value="Acme", tenant=dora.tenant)
    mapped = mapped_by(made, Verified(groups=frozenset({"cn=a", "cn=b"}), tenant="Acme"))
    assert ([one.name for one in mapped.roles], mapped.tenant) == (["High", "Low"], dora.tenant)
    nothing = mapped_by(made, Verified(tenant="Globex"))
    assert (nothing.roles, nothing.tenant, nothing.value) == ((), None, "Globex")
    assert mapped_by(made, Verified()).value is None


# --- who may know what -------------------------------------------------------------------------------------------------------


def test_somebody_of_another_company_is_explained_exactly_like_nobody(
    ada: User, cleo: User, dora: Person, door: ApiDoor
) -> None:
    sign_in(door, "dora", TYPED)
    for wrong in range(3):
        sign_in(door.stranger(), "dora", f"wrong password {wrong}")
    _by_directory(dora)

    def to(reader: User, name: str, mask: str) -> str:
        return str(explained(name, by=reader)).replace(mask, "NAME")

    assert to(cleo, "dora", "dora") == to(cleo, "mallory", "mallory")
    assert to(cleo, "ada@acme.example", "ada@acme.example") == to(cleo, "no@acme.example", "no@acme.example")
    assert NOBODY in to(cleo, "dora", "dora")
    assert "limits" not in told("dora", by=cleo)
    assert told("dora", by=ada)["known"].verdict is Verdict.OK


def test_what_belongs_to_the_installation_is_not_named_to_who_administers_a_company(
    ada: User, dora: Person
) -> None:
    _by_directory(dora)
    sentences = " ".join(one.sentence for one in explained("dora", by=ada))
    assert "A directory (RADIUS) proves" in sentences
    for word in ("Head office", "Acme tenant", "ENVIRONMENT", "127.0.0.1"):
        assert word not in sentences


def test_a_person_of_the_default_company_is_known_by_the_account_there(
    ada: User, cleo: User, acme: Company, door: ApiDoor
) -> None:
    configure(GenesysSDK__ConfigServerLogin__DefaultCompanyID=str(acme.uid))
    directory.person("egon", tenant=directory.tenant(directory.NOWHERE_DBID), password=TYPED)
    assert told("egon", by=ada)["known"].verdict is Verdict.STOP
    assert sign_in(door, "egon", TYPED).step == "done"
    assert told("egon", by=ada)["known"].verdict is Verdict.OK
    assert told("egon", by=cleo)["known"].verdict is Verdict.STOP


def test_another_company_is_not_named_when_the_tenant_moved_there(
    ada: User, acme: Company, globex: Company, dora: Person, door: ApiDoor
) -> None:
    sign_in(door, "dora", TYPED)
    Company.objects.filter(pk=acme.pk).update(tenant_dbid=None)
    Company.objects.filter(pk=globex.pk).update(tenant_dbid=directory.ACME_DBID)
    _all_anew()
    sentences = " ".join(one.sentence for one in explained("dora", by=ada))
    assert "another company" in sentences
    assert "Globex" not in sentences


# --- nothing happens ---------------------------------------------------------------------------------------------------------


def test_an_explanation_changes_nothing_at_all(root: User, ada: User, dora: Person, ben: User) -> None:
    made = _by_directory(dora, protocol="ldap", servers="ldaps://ldap.example")
    _seen(made)
    before = state()
    for name in ("dora", "nobody", "ben@acme.example", "", "\0", "x" * 300, "d\ud800", "@", "\uff24ora"):
        for reader in (root, ada):
            explained(name, by=reader)
    assert state() == before


def test_whoever_may_not_test_a_directory_has_none_asked(ada: User, dora: Person) -> None:
    _by_directory(dora, protocol="ldap", servers="ldaps://ldap.example")
    found = told("dora", by=ada, ask=True)["asked"]
    assert (found.verdict, "was not asked" in found.sentence) == (Verdict.WARNING, True)
    assert not AuditEvent.objects.filter(event=Event.DIRECTORY_TESTED).exists()


def test_what_a_directory_that_did_not_answer_may_give_is_not_denied(
    root: User, ada: User, dora: Person, agent: Role
) -> None:
    made = _by_directory(dora, protocol="ldap", servers="ldaps://127.0.0.1:9")
    DirectoryGroup.objects.create(directory=made, group="cn=agents", role=agent)
    dora.roles.clear()
    for reader in (root, ada):
        assert "groups of the directory may give" in told("dora", by=reader, ask=True)["roles"].sentence


def test_radius_is_not_asked_for_a_name(root: User, dora: Person) -> None:
    _by_directory(dora)
    assert "looks nobody up" in told("dora", by=root, ask=True)["asked"].sentence
    assert not AuditEvent.objects.filter(event=Event.DIRECTORY_TESTED).exists()


def test_a_name_that_passed_on_is_not_mixed_up_with_who_had_it(
    root: User, dora: Person, door: ApiDoor
) -> None:
    sign_in(door, "dora", TYPED)
    User.objects.filter(source_id=dora.uid).update(locked_at=timezone.now())
    Person.objects.filter(pk=dora.pk).update(name="dora.old", name_key="dora.old")
    directory.person("dora", tenant=dora.tenant, password=TYPED)
    assert "no account here yet" in told("dora", by=root)["account"].sentence
    assert stops("dora", by=root) == []
    assert stops("dora.old", by=root) == ["account"]
