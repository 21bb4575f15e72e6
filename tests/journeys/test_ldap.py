"""People whose password an LDAP directory proves, through both doors: what it says of them and of the password, and when it is away."""

import re

import pytest
from django.utils import timezone

from accounts.models import Session, User
from accounts.names import Realm
from configserver import services
from configserver.directory import Directory
from configserver.models import Person, Tenant
from tenants.actor import system_actor
from tenants.models import Company
from tests import directories, directory
from tests.journeys.doors import ApiDoor, Door, WebDoor, sign_in
from tests.journeys.ldap_stage import *  # noqa: F403
from tests.journeys.ldap_stage import known, reasons, shadow
from tests.journeys.stage import NEW_PASSWORD, PASSWORD, Time, configure
from tests.services import free_port, ldap_admin
from tests.services.ldap import (
    AGENTS,
    DORA,
    EGON,
    PEOPLE,
    SERVICE_PASSWORD,
    Ldap,
    black_hole,
    hashed,
    ldap_machine,
    password_of,
)

pytestmark = pytest.mark.django_db
WRONG = "do not fit together"
UNAVAILABLE = "unavailable right now"
MORE_THAN_THE_LIMIT = 12


# --- who it is


def test_the_entry_says_who_it_is_its_groups_give_roles_and_an_attribute_names_the_company(
    api: ApiDoor, dora: Person, globex_tenant: Tenant, ldap: Directory
) -> None:
    said = sign_in(api, "dora", password_of("dora"))
    assert said.step == "done", said
    assert said.facts["user"]["display_name"] == "Dora Müller"
    assert said.facts["company"]["name"] == "Acme"
    assert said.facts["roles"] == ["Agent of the directory"]
    assert {"application": "Workspace", "name": "Agent - Can Monitor Co-browse"} in said.facts["privileges"]
    user = shadow("dora")
    assert (user.email, user.phone, user.engine) == ("dora@example.org", "+49301234567", "ldap")
    assert not user.has_usable_password()
    # Egon's tenant here is Acme's, but the directory knows better.
    known("egon", ldap, dora.tenant)
    assert sign_in(api.stranger(), "egon", password_of("egon")).facts["company"]["name"] == "Globex"


def test_the_company_and_the_role_are_shown_where_the_sign_in_lands(web: WebDoor, dora: Person) -> None:
    assert sign_in(web, "dora", password_of("dora")).step == "done"
    for word in ("Acme", "Agent of the directory", "Dora Müller"):
        assert word in web.page.text


def test_groups_in_groups_give_roles_where_the_directory_says_so(
    api: ApiDoor, dora: Person, ldap: Directory, clock: Time
) -> None:
    draft = services.DirectoryDraft(nested_groups=True)
    services.change_directory(ldap, draft, by=system_actor(), now=clock())
    said = sign_in(api, "dora", password_of("dora"))
    assert said.facts["roles"] == ["Manager of the directory", "Agent of the directory"]


def test_a_group_that_is_left_takes_its_role_and_the_sessions_that_had_it(
    door: Door, api: ApiDoor, dora: Person, server: Ldap
) -> None:
    assert sign_in(door, "dora", password_of("dora")).step == "done"
    ldap_admin.change(server, AGENTS, member=[EGON])
    assert door.is_in()  # the directory is asked at sign-in
    assert sign_in(api, "dora", password_of("dora")).facts["roles"] == []
    assert not door.is_in()
    assert api.is_in()


def test_a_value_that_names_no_tenant_leads_to_no_company(
    door: Door, dora: Person, server: Ldap, globex: Company
) -> None:
    ldap_admin.change(server, DORA, o="Umbrella")
    said = sign_in(door, "dora", password_of("dora"))
    assert said.refused
    assert "no company here yet" in said.text
    assert reasons("login:attempt:denied") == ["no_company"]
    configure(GenesysSDK__ConfigServerLogin__DefaultCompanyID=str(globex.uid))
    assert door.take("password", password=password_of("dora")).step == "done"
    assert shadow("dora").company == globex


def test_who_moves_to_another_company_in_the_directory_keeps_nothing_of_the_first(
    door: Door, dora: Person, server: Ldap, globex: Company
) -> None:
    assert sign_in(door, "dora", password_of("dora")).step == "done"
    ldap_admin.change(server, DORA, o="Globex")
    assert sign_in(door.stranger(), "dora", password_of("dora")).step == "done"
    assert not door.is_in()
    assert shadow("dora").company == globex


def test_a_direct_bind_asks_for_no_service_account(door: Door, server: Ldap, acme_tenant: Tenant) -> None:
    straight = directories.ldap(
        server, bind_dn="", secret="", base_dn="", direct_dn=f"uid={{login}},{PEOPLE}", group_base=""
    )
    directory.person("d.mueller", tenant=acme_tenant, directory=straight, external_id="dora")
    assert sign_in(door, "d.mueller", password_of("dora")).step == "done"
    assert server.binds() == [DORA]


def test_starttls_does_as_well(door: Door, server: Ldap, acme_tenant: Tenant) -> None:
    known("dora", directories.ldap(server, servers=server.url, start_tls=True), acme_tenant)
    assert sign_in(door, "dora", password_of("dora")).step == "done"
    assert any("TLS established" in line for line in server.log)


# --- what it says of the password


def test_a_wrong_password_nobody_and_whoever_is_locked_there_get_the_same_answer(
    door: Door, dora: Person, ldap: Directory
) -> None:
    known("locked", ldap, dora.tenant)
    said = [
        sign_in(door.stranger(), *tried)
        for tried in (
            ("dora", "a wrong guess"),
            ("nobody", "a wrong guess"),
            ("locked", "a wrong guess"),
            ("locked", password_of("locked")),
        )
    ]
    assert {(one.status, one.step, one.refused) for one in said} == {(said[0].status, said[0].step, True)}
    assert all(WRONG in one.text for one in said)
    assert reasons() == ["wrong", "unknown", "locked", "locked"]


def test_wrong_passwords_lock_in_the_directory_as_its_own_policy_says(
    door: Door, dora: Person, server: Ldap
) -> None:
    for _ in range(3):
        assert sign_in(door.stranger(), "dora", "a wrong guess").refused
    said = sign_in(door, "dora", password_of("dora"))
    assert said.refused
    assert WRONG in said.text
    assert ldap_admin.value_of(server, DORA, "pwdAccountLockedTime")


@pytest.mark.parametrize(
    ("uid", "told"), [("expired", "has expired"), ("must-change", "has to be changed first")]
)
def test_an_expired_password_is_told_to_whoever_knows_it(
    door: Door, ldap: Directory, acme_tenant: Tenant, uid: str, told: str
) -> None:
    known(uid, ldap, acme_tenant)
    said = sign_in(door, uid, "a wrong guess")
    assert WRONG in said.text
    assert told not in said.text
    said = sign_in(door.stranger(), uid, password_of(uid))
    assert said.refused
    assert told in said.text
    assert reasons() == ["wrong", uid.replace("-", "_")]
    assert not Session.objects.exists()


def test_whoever_signs_in_with_grace_is_told_how_often_that_still_works(
    web: WebDoor, api: ApiDoor, ldap: Directory, acme_tenant: Tenant, globex: Company
) -> None:
    configure(GenesysSDK__ConfigServerLogin__DefaultCompanyID=str(globex.uid))
    known("grace", ldap, acme_tenant)
    said = sign_in(api, "grace", password_of("grace"))
    assert said.facts["notices"] == [
        "Your password in the directory has expired: you can sign in 1 more time. Change it there."
    ]
    assert sign_in(web, "grace", password_of("grace")).step == "done"
    assert "you can sign in 0 more times" in web.page.text
    said = sign_in(api.stranger(), "grace", password_of("grace"))
    assert "has expired" in said.text
    assert said.refused


def test_whoever_has_an_old_password_is_told_when_it_ends(
    web: WebDoor, ldap: Directory, acme_tenant: Tenant
) -> None:
    known("warned", ldap, acme_tenant)
    assert sign_in(web, "warned", password_of("warned")).step == "done"
    assert re.search(r"Your password expires in (9|10) days", web.page.text)


# --- changing it


@pytest.fixture
def changeable(ldap: Directory, clock: Time) -> Directory:
    """The directory, which lets people change their passwords through us."""
    draft = services.DirectoryDraft(change_password=True)
    found = services.change_directory(ldap, draft, by=system_actor(), now=clock())
    assert isinstance(found, Directory)
    return found


def test_a_due_change_is_made_in_the_directory(
    door: Door, changeable: Directory, acme_tenant: Tenant
) -> None:
    known("must-change", changeable, acme_tenant)
    old = password_of("must-change")
    assert sign_in(door, "must-change", old).step == "change-password"
    said = door.take("change-password", current_password="a wrong guess", new_password=NEW_PASSWORD)
    assert "current password is not right" in said.text
    said = door.take("change-password", current_password=old, new_password="short")
    assert "asks for a longer password" in said.text
    assert not door.is_in()
    said = door.take("change-password", current_password=old, new_password=NEW_PASSWORD)
    assert said.step == "done", said
    assert door.is_in()
    other = door.stranger()
    assert sign_in(other, "must-change", old).refused
    assert other.take("password", password=NEW_PASSWORD).step == "done"


def test_at_will_it_is_changed_in_the_directory_too_and_other_sessions_end(
    web: WebDoor, api: ApiDoor, dora: Person, changeable: Directory
) -> None:
    for one in (web, api):
        assert sign_in(one, "dora", password_of("dora")).step == "done"
    page = web.open("/account/password/")
    form = next(one for one in page.forms if "new_password" in one.values)
    web.send(form, current_password=password_of("dora"), new_password=NEW_PASSWORD)
    assert "Your password was changed" in web.page.text
    assert web.is_in()
    assert not api.is_in()
    assert sign_in(api, "dora", NEW_PASSWORD).step == "done"
    fields = {"current_password": NEW_PASSWORD, "new_password": f"{NEW_PASSWORD}, again"}
    assert api.post("/api/v1/me/password/", fields, bearer=api.access).status == 204
    assert sign_in(web.stranger(), "dora", f"{NEW_PASSWORD}, again").step == "done"


def test_where_the_directory_does_not_allow_it_people_are_told_where_to_go(
    web: WebDoor, api: ApiDoor, dora: Person
) -> None:
    assert sign_in(web, "dora", password_of("dora")).step == "done"
    assert "change it there" in web.open("/account/password/").text
    web.post("/account/password/", current_password=password_of("dora"), new_password=NEW_PASSWORD)
    assert "change it there" in web.page.text
    assert sign_in(api, "dora", password_of("dora")).step == "done"
    fields = {"current_password": password_of("dora"), "new_password": NEW_PASSWORD}
    said = api.post("/api/v1/me/password/", fields, bearer=api.access)
    assert (said.status, said.facts["code"]) == (409, "kept_elsewhere")
    assert sign_in(web.stranger(), "dora", password_of("dora")).step == "done"


def test_with_the_directory_away_nothing_changes_and_the_change_stays_due(
    door: Door, changeable: Directory, acme_tenant: Tenant, server: Ldap
) -> None:
    known("must-change", changeable, acme_tenant)
    old = password_of("must-change")
    assert sign_in(door, "must-change", old).step == "change-password"
    server.kill()
    for _ in range(MORE_THAN_THE_LIMIT):
        said = door.take("change-password", current_password=old, new_password=NEW_PASSWORD)
        assert (said.status, said.step) == (503, "change-password")
        assert UNAVAILABLE in said.text
    assert not door.is_in()
    server.start()
    directories.wake(changeable, secret=SERVICE_PASSWORD)
    other = door.stranger()
    assert sign_in(other, "must-change", old).step == "change-password"
    assert other.take("change-password", current_password=old, new_password=NEW_PASSWORD).step == "done"


def test_with_the_directory_away_a_change_at_will_is_refused_and_nothing_ends(
    door: Door, dora: Person, changeable: Directory, server: Ldap
) -> None:
    assert sign_in(door, "dora", password_of("dora")).step == "done"
    server.kill()
    if isinstance(door, ApiDoor):
        fields = {"current_password": password_of("dora"), "new_password": NEW_PASSWORD}
        said = door.post("/api/v1/me/password/", fields, bearer=door.access)
        assert said.status == 503
    else:
        assert isinstance(door, WebDoor)
        form = next(one for one in door.open("/account/password/").forms if "new_password" in one.values)
        door.send(form, current_password=password_of("dora"), new_password=NEW_PASSWORD)
        said = door.said()
    assert UNAVAILABLE in said.text
    assert door.is_in()


# --- when it is away


@pytest.mark.parametrize("how", ["refuses", "accepts and hangs", "is not heard"])
def test_with_no_server_the_answer_is_unavailable_no_try_counts_and_internal_people_sign_in(
    door: Door, acme_tenant: Tenant, server: Ldap, ben: User, how: str
) -> None:
    with black_hole() as hole, server.hung():
        port = {"refuses": free_port(), "accepts and hangs": server.secure_port, "is not heard": hole}[how]
        away = directories.ldap(
            server, servers=f"ldaps://localhost:{port}", connect_timeout_ms=200, timeout_ms=500
        )
        known("dora", away, acme_tenant)
        for _ in range(MORE_THAN_THE_LIMIT):
            said = sign_in(door.stranger(), "dora", password_of("dora"))
            assert (said.status, said.step, said.refused) == (503, "password", True)
            assert UNAVAILABLE in said.text
        assert sign_in(door.stranger(), "ben@acme.example", PASSWORD).step == "done"
    assert len(reasons("login:directory:unavailable")) == MORE_THAN_THE_LIMIT
    assert reasons() == []
    draft = services.DirectoryDraft(
        servers=server.secure_url.replace("localhost", "127.0.0.1"), secret=SERVICE_PASSWORD
    )
    services.change_directory(away, draft, by=system_actor(), now=timezone.now())
    assert sign_in(door.stranger(), "dora", password_of("dora")).step == "done"


@pytest.mark.parametrize("how", ["dead", "hung", "not heard"])
def test_the_next_server_answers_for_one_that_is_away(
    door: Door, acme_tenant: Tenant, server: Ldap, how: str
) -> None:
    with ldap_machine() as first, black_hole() as hole:
        servers = [first.secure_url if how != "not heard" else f"ldaps://localhost:{hole}", server.secure_url]
        both = directories.ldap(
            first,
            servers="\n".join(servers),
            ca_certificates=first.authority + server.authority,
            connect_timeout_ms=300,
        )
        known("dora", both, acme_tenant)
        if how == "dead":
            first.kill()
        if how == "hung":
            with first.hung():
                assert sign_in(door, "dora", password_of("dora")).step == "done"
        else:
            assert sign_in(door, "dora", password_of("dora")).step == "done"
    assert DORA in server.binds()


def test_a_server_of_another_authority_or_name_is_never_told_a_password(
    door: Door, acme_tenant: Tenant, server: Ldap
) -> None:
    with ldap_machine(hosts=("ldap.acme.example",)) as misnamed:
        for number, (at, trusted) in enumerate([(server, misnamed), (misnamed, misnamed)]):
            away = directories.ldap(at, name=f"away {number}", ca_certificates=trusted.authority)
            known(f"dora{number}", away, acme_tenant)
            said = sign_in(door.stranger(), f"dora{number}", password_of("dora"))
            assert said.status == 503
            assert UNAVAILABLE in said.text
            assert at.binds() == []


# --- names, entries and accounts


def test_an_entry_that_was_made_anew_is_somebody_else_until_an_administrator_says_so(
    door: Door, dora: Person, server: Ldap, clock: Time
) -> None:
    assert sign_in(door, "dora", password_of("dora")).step == "done"
    account = shadow("dora")
    ldap_admin.remove(server, DORA)
    ldap_admin.add(
        server, DORA, objectClass="inetOrgPerson", uid="dora", cn="Another Dora", sn="x", o="Acme",
        userPassword=hashed(NEW_PASSWORD),
    )  # fmt: skip
    said = sign_in(door.stranger(), "dora", NEW_PASSWORD)
    assert said.refused
    assert WRONG in said.text
    assert reasons() == ["another_entry"]
    account.refresh_from_db()
    assert account.display_name == "Dora Müller"
    services.forget_entry(dora, by=system_actor(), now=clock())
    assert sign_in(door.stranger(), "dora", NEW_PASSWORD).step == "done"
    assert not door.is_in()  # what began under the old entry


def test_another_person_under_the_same_name_later_has_another_account(
    door: Door, dora: Person, ldap: Directory, acme_tenant: Tenant, clock: Time
) -> None:
    assert sign_in(door, "dora", password_of("dora")).step == "done"
    former = shadow("dora")
    services.delete_person(dora, by=system_actor(), now=clock())
    assert not door.is_in()
    known("dora", ldap, acme_tenant)
    assert sign_in(door.stranger(), "dora", password_of("dora")).step == "done"
    assert shadow("dora").pk != former.pk
    assert not door.is_in()
    former.refresh_from_db()
    assert former.login_key != "dora"


def test_a_direct_bind_that_cannot_read_the_entry_lets_nobody_into_an_account_that_is_known(
    door: Door, server: Ldap, acme_tenant: Tenant, clock: Time
) -> None:
    """Made anew under an old name, and to be changed at first: whose it is can be read only afterwards."""
    straight = directories.ldap(
        server,
        bind_dn="",
        secret="",
        base_dn="",
        direct_dn=f"uid={{login}},{PEOPLE}",
        group_base="",
        change_password=True,
    )
    known("egon", straight, acme_tenant)
    assert sign_in(door, "egon", password_of("egon")).step == "done"
    ldap_admin.remove(server, EGON)
    ldap_admin.add(
        server, EGON, objectClass="inetOrgPerson", uid="egon", cn="Another", sn="x",
        userPassword=hashed(NEW_PASSWORD), pwdReset="TRUE",
    )  # fmt: skip
    said = sign_in(door.stranger(), "egon", NEW_PASSWORD)
    assert said.refused
    assert "has to be changed first" in said.text
    assert reasons() == ["no_entry"]


def test_a_name_is_the_same_in_every_spelling_and_never_an_internal_one(
    door: Door, dora: Person, ben: User
) -> None:
    for spelling in ("dora", "DORA", "\uff24\uff4f\uff52\uff41", " dora "):
        assert sign_in(door.stranger(), spelling, password_of("dora")).step == "done"
    assert User.objects.filter(realm=Realm.EXTERNAL).count() == 1
    assert door.begin("dora", realm="internal").step == "password"
    assert door.take("password", password=password_of("dora")).refused
