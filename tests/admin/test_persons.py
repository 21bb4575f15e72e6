"""External persons in the administration, and their accounts among People: who may add, see and change whom."""

import pytest
from django.contrib.auth.hashers import check_password
from django.db import connection
from django.db.models import Model
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from accounts import external
from accounts.models import User
from accounts.names import Realm
from audit.events import Event
from audit.models import AuditEvent
from audit.record import Origin
from configserver import service, services
from configserver.directory import Protocol
from configserver.models import Directory, Permission, Person, Role, Tenant
from tenants.actor import system_actor
from tenants.models import Company, Privilege
from tenants.models import Permission as OurPermission
from tenants.models import Role as OurRole
from tenants.settings import snapshot
from tests import directory
from tests.cast import FULL, Browse, person
from tests.cast import browser as signed_in
from tests.journeys.doors import ApiDoor, sign_in
from tests.journeys.stage import configure

PASSWORD = "a lantern in the harbour 7"
LIST, ADD = "admin:configserver_person_changelist", "admin:configserver_person_add"
CHANGE = "admin:configserver_person_change"


@pytest.fixture
def mode(db: None) -> None:
    configure(Login__ExternalAuthenticationMode="ConfigServer")


@pytest.fixture
def acme_tenant(acme: Company) -> Tenant:
    tenant = directory.tenant(directory.ACME_DBID, name="Acme tenant", company=acme)
    acme.refresh_from_db()
    return tenant


@pytest.fixture
def globex_tenant(globex: Company) -> Tenant:
    return directory.tenant(202, name="Globex tenant", company=globex)


@pytest.fixture
def agent(db: None) -> Role:
    return directory.role(
        "Contact Centre Agent", privileges=[("Workspace", "Agent - Can Monitor Co-browse")], opens=["session"]
    )


@pytest.fixture
def chief(db: None) -> Role:
    return directory.role("Chief", rank=90)


@pytest.fixture
def dora(acme_tenant: Tenant, agent: Role) -> Person:
    return directory.person(
        "dora", tenant=acme_tenant, password=PASSWORD, roles=[agent], email="dora@acme.example"
    )


@pytest.fixture
def gustav(globex_tenant: Tenant, agent: Role) -> Person:
    return directory.person("gustav", tenant=globex_tenant, password=PASSWORD, roles=[agent])


def _radius(name: str = "Acme RADIUS") -> Directory:
    return Directory.objects.create(name=name, protocol=Protocol.RADIUS, servers="127.0.0.1:1812")


def _change_tenant(tenant: Tenant, **changes: object) -> None:
    draft = services.TenantDraft(**changes)
    changed = services.change_tenant(tenant, draft, by=system_actor(), now=timezone.now())
    assert isinstance(changed, Tenant), changed


def _account(one: Person) -> User:
    """The account of this person here, as it is after a sign-in."""
    found = service.authenticate(one.name, PASSWORD, environment=snapshot(None), now=timezone.now())
    account = external.load(found, origin=Origin(), now=timezone.now())  # type: ignore[arg-type]
    assert isinstance(account, User), account
    return account


def _body(one: Person, **changes: object) -> dict[str, object]:
    return {
        "name": one.name,
        "display_name": one.display_name,
        "email": one.email,
        "phone": one.phone,
        "tenant": one.tenant_id,
        "roles": [role.pk for role in one.roles.all()],
        "external_id": one.external_id,
        "directory": one.directory_id or "",
        "is_active": "on",
    } | changes


def _errors(answer: object) -> dict[str, str]:
    errors = answer.context["adminform"].form.errors  # type: ignore[attr-defined]
    return {name: " ".join(map(str, found)) for name, found in errors.items()}


# --- adding ---------------------------------------------------------------------------------------------------------------


def test_a_company_administrator_adds_a_person_and_is_not_asked_for_the_only_tenant(
    browser: Browse, ada: User, acme_tenant: Tenant, globex_tenant: Tenant, agent: Role, mode: None
) -> None:
    page = browser(ada)
    asked = page.get(reverse(ADD))
    assert "tenant" not in asked.context["adminform"].form.fields
    text = asked.content.decode()
    assert "will belong to the tenant Acme tenant (101)" in text
    assert "Globex" not in text
    answer = page.post(
        reverse(ADD),
        {
            "name": "dora",
            "display_name": "Dora",
            "email": "dora@acme.example",
            "phone": "+49 30 1234567",
            "roles": [agent.pk],
            "new_password": PASSWORD,
            "must_change_password": "on",
        },
    )
    assert answer.status_code == 302
    dora = Person.objects.get(name="dora")
    assert (dora.tenant, dora.phone, dora.must_change_password) == (acme_tenant, "+49301234567", True)
    assert list(dora.roles.all()) == [agent]
    assert check_password(PASSWORD, dora.password)
    row = AuditEvent.objects.get(event=Event.PERSON_CREATED)
    assert (row.actor_uid, row.company_id) == (str(ada.uid), ada.company_id)


def test_a_person_without_a_password_is_kept_and_the_page_says_that_one_is_missing(
    browser: Browse, ada: User, acme_tenant: Tenant, mode: None
) -> None:
    page = browser(ada)
    page.post(reverse(ADD), {"name": "egon", "display_name": "Egon"})
    egon = Person.objects.get(name="egon")
    assert egon.password == ""
    text = page.get(reverse(CHANGE, args=[egon.pk])).content.decode()
    assert "No password has been set for the person." in text


def test_who_sees_everything_chooses_the_tenant_and_has_to(
    browser: Browse, root: User, acme_tenant: Tenant, globex_tenant: Tenant
) -> None:
    page, body = browser(root), {"name": "dora", "display_name": "Dora"}
    assert "tenant" in _errors(page.post(reverse(ADD), body))
    assert page.post(reverse(ADD), body | {"tenant": globex_tenant.pk}).status_code == 302
    assert Person.objects.get().tenant == globex_tenant


def test_an_administrator_of_two_companies_chooses_between_their_tenants_only(
    browser: Browse, ada: User, acme_tenant: Tenant, globex_tenant: Tenant, globex: Company
) -> None:
    directory.tenant(303, name="Umbrella tenant", company=Company.objects.create(name="Umbrella"))
    OurPermission.objects.create(user=ada, kind="user", reach="one", company=globex)
    page, body = browser(ada), {"name": "dora", "display_name": "Dora"}
    field = page.get(reverse(ADD)).context["adminform"].form.fields["tenant"]
    assert set(field.queryset) == {acme_tenant, globex_tenant}
    foreign = Tenant.objects.get(dbid=303)
    answer = page.post(reverse(ADD), body | {"tenant": foreign.pk})
    never = page.post(reverse(ADD), body | {"tenant": 999_999})
    assert _errors(answer) == _errors(never)
    assert "tenant" in _errors(answer)
    assert not Person.objects.exists()
    assert page.post(reverse(ADD), body | {"tenant": globex_tenant.pk}).status_code == 302


def test_a_tenant_named_by_somebody_without_a_choice_is_passed_over(
    browser: Browse, ada: User, acme_tenant: Tenant, globex_tenant: Tenant
) -> None:
    body = {"name": "dora", "display_name": "Dora", "tenant": globex_tenant.pk}
    assert browser(ada).post(reverse(ADD), body).status_code == 302
    assert Person.objects.get().tenant == acme_tenant


def test_without_a_linked_tenant_there_is_nothing_to_add_to(browser: Browse, ada: User, mode: None) -> None:
    page = browser(ada)
    assert page.get(reverse(ADD)).status_code == 200
    assert "tenant" in _errors(page.post(reverse(ADD), {"name": "dora", "display_name": "Dora"}))
    text = page.get(reverse("admin:accounts_user_add")).content.decode()
    assert "No company in your reach is linked to a tenant" in text
    assert reverse(ADD) not in text.partition('class="gh-places"')[2].partition("</nav>")[0]


@pytest.mark.parametrize(
    ("change", "field", "said"),
    [
        ({"name": "DORA"}, "name", "of this user name already"),
        ({"name": "x" * 255}, "name", "at most 254"),
        ({"email": "nonsense"}, "email", "e-mail address such as"),
        ({"phone": "12"}, "phone", "international form"),
        ({"new_password": "short"}, "new_password", "at least 12"),
        ({"roles": ["x"]}, "roles", "not a valid value"),
        ({"roles": [999_999]}, "roles", "Select a valid choice"),
    ],
)
def test_what_is_wrong_with_a_new_person_is_said_on_its_field(
    change: dict[str, object], field: str, said: str, browser: Browse, ada: User, dora: Person
) -> None:
    body = {"name": "new", "display_name": "New", "new_password": PASSWORD} | change
    answer = browser(ada).post(reverse(ADD), body)
    assert said in _errors(answer)[field]
    assert PASSWORD not in answer.content.decode()
    assert Person.objects.count() == 1


def test_the_rules_of_the_only_tenant_are_said_before_a_password_is_typed(
    browser: Browse, ada: User, acme_tenant: Tenant
) -> None:
    configure(Login__Security__Strict=True)
    acme_tenant.rules = {"security-authentication-rules.password-min-length": 20}
    acme_tenant.save()
    page = browser(ada)
    assert "at least 20 characters" in page.get(reverse(ADD)).content.decode()
    body = {"name": "dora", "display_name": "Dora", "new_password": "only nineteen chars"}
    assert "at least 20" in _errors(page.post(reverse(ADD), body))["new_password"]


# --- rank -----------------------------------------------------------------------------------------------------------------


def test_every_role_is_named_and_one_above_ones_rank_is_refused_on_the_field(
    browser: Browse, ada: User, dora: Person, agent: Role, chief: Role
) -> None:
    page = browser(ada)
    assert "Chief" in page.get(reverse(ADD)).content.decode()
    body = {"name": "egon", "display_name": "Egon", "roles": [chief.pk]}
    assert "above your own rank" in _errors(page.post(reverse(ADD), body))["roles"]
    answer = page.post(reverse(CHANGE, args=[dora.pk]), _body(dora, roles=[agent.pk, chief.pk]))
    assert "above your own rank" in _errors(answer)["roles"]
    assert list(dora.roles.all()) == [agent]
    assert not Person.objects.filter(name="egon").exists()
    refusals = AuditEvent.objects.filter(event=Event.REFUSED)
    assert {row.details["code"] for row in refusals} == {"rank_too_high"}
    assert {row.company_id for row in refusals} == {ada.company_id}


def test_a_role_that_opens_more_than_one_sees_is_refused(browser: Browse, ada: User, dora: Person) -> None:
    wide = directory.role("Auditor", rank=5)
    Permission.objects.create(role=wide, kind="audit", reach="every")
    answer = browser(ada).post(reverse(CHANGE, args=[dora.pk]), _body(dora, roles=[wide.pk]))
    assert "cannot see yourself" in _errors(answer)["roles"]


def test_somebody_above_ones_rank_cannot_be_touched(
    browser: Browse, ada: User, dora: Person, chief: Role
) -> None:
    dora.roles.set([chief])
    Person.objects.filter(pk=dora.pk).update(entry="an entry")
    page = browser(ada)
    answers = [page.post(reverse(CHANGE, args=[dora.pk]), _body(dora, display_name="Fool"))]
    for verb in ("set_password", "forget_entry", "delete"):
        address = reverse(f"admin:configserver_person_{verb}", args=[dora.pk])
        answers.append(page.post(address, {"new_password": PASSWORD, "post": "yes"}))
    for answer in answers:
        assert answer.status_code == 200
        assert "may do or see more than you" in answer.content.decode()
    dora.refresh_from_db()
    assert (dora.display_name, dora.entry, dora.version) == ("Dora", "an entry", 1)


def test_nobody_switches_off_deletes_or_sets_the_password_of_himself(
    browser: Browse, mode: None, dora: Person, acme: Company
) -> None:
    role = directory.role("Manager", rank=50, opens=["user"])
    for name in ("Administration - Open", "Users - View", "Users - Manage"):
        role.privileges.create(application="Gatehouse", name=name)
    dora.roles.set([role])
    page = browser(_account(dora))
    for address, body in (
        (reverse(CHANGE, args=[dora.pk]), _body(dora, is_active="")),
        (reverse("admin:configserver_person_delete", args=[dora.pk]), {"post": "yes"}),
        (
            reverse("admin:configserver_person_set_password", args=[dora.pk]),
            {"new_password": "two kettles under the bridge 8"},
        ),
    ):
        assert "our own" in page.post(address, body).content.decode(), address
    dora.refresh_from_db()
    assert dora.is_active
    assert check_password(PASSWORD, dora.password)


# --- whose persons there are ------------------------------------------------------------------------------------------------


def test_persons_of_another_company_do_not_exist(
    browser: Browse, ada: User, dora: Person, gustav: Person
) -> None:
    page = browser(ada)
    rows = page.get(reverse(LIST)).context["cl"].result_list
    assert list(rows) == [dora]
    for query in ("q=gustav", f"tenant__id__exact={gustav.tenant_id}", "state=active&q=gus"):
        assert page.get(f"{reverse(LIST)}?{query}").context["cl"].result_count == 0
    for name in ("change", "delete", "history", "set_password", "forget_entry"):
        address = reverse(f"admin:configserver_person_{name}", args=[gustav.pk])
        never = reverse(f"admin:configserver_person_{name}", args=[999_999])
        assert page.get(address).status_code == page.post(address, {"post": "yes"}).status_code == 404
        assert page.get(address).content == page.get(never).content
    for text in (page.get(reverse(LIST)), page.get(reverse(CHANGE, args=[dora.pk]))):
        assert "lobex" not in text.content.decode()


@pytest.mark.parametrize(
    "query",
    [
        "password__startswith=a", "entry__startswith=a", "tenant__name__startswith=G", "tenant__dbid__gte=1",
        "roles__rank__gte=90", "directory__secret__startswith=a", "external_id__startswith=a",
    ],
)  # fmt: skip
def test_the_list_cannot_be_asked_by_columns_that_it_does_not_offer(
    query: str, browser: Browse, ada: User, dora: Person
) -> None:
    assert browser(ada).get(f"{reverse(LIST)}?{query}").status_code == 400


def test_suggestions_of_tenants_are_for_those_who_see_directories(
    browser: Browse, root: User, ada: User, acme_tenant: Tenant, globex_tenant: Tenant
) -> None:
    asked = {"app_label": "configserver", "model_name": "person", "field_name": "tenant", "term": ""}
    assert browser(ada).get(reverse("admin:autocomplete"), asked).status_code == 403
    answer = browser(root).get(reverse("admin:autocomplete"), asked | {"term": "Glo"})
    assert [one["text"] for one in answer.json()["results"]] == ["Globex tenant (202)"]


def test_a_person_moved_out_of_reach_by_form_stays(
    browser: Browse, ada: User, dora: Person, globex_tenant: Tenant
) -> None:
    answer = browser(ada).post(reverse(CHANGE, args=[dora.pk]), _body(dora, tenant=globex_tenant.pk))
    assert answer.status_code == 302
    dora.refresh_from_db()
    assert dora.tenant.dbid == directory.ACME_DBID


def test_a_directory_is_neither_named_nor_changed_by_who_may_not_see_directories(
    browser: Browse, ada: User, root: User, dora: Person
) -> None:
    radius = _radius()
    dora.directory = radius
    dora.save()
    page, address = browser(ada), reverse(CHANGE, args=[dora.pk])
    text = page.get(address).content.decode()
    assert "A directory proves the password." in text
    assert "RADIUS" not in text
    assert page.post(address, _body(dora, directory="", display_name="Dodo")).status_code == 302
    dora.refresh_from_db()
    assert (dora.directory, dora.display_name) == (radius, "Dodo")
    assert "The directory “Acme RADIUS” proves the password" in browser(root).get(address).content.decode()


def test_who_sees_directories_and_may_not_change_them_reads_which_one_it_is(
    browser: Browse, root: User, dora: Person
) -> None:
    _radius()
    helper = person("helper@portal.example", company=None, role=FULL)
    role = OurRole.objects.create(name="Helper", rank=100)
    names = ["Administration - Open", "Users - View", "Users - Manage", "Directories - View"]
    role.privileges.set(Privilege.objects.filter(name__in=names))
    OurPermission.objects.create(role=role, kind="*", reach="every")
    helper.roles.set([role])
    answer = browser(helper).get(reverse(CHANGE, args=[dora.pk]))
    assert "directory" not in answer.context["adminform"].form.fields
    assert "external_id" in answer.context["adminform"].form.fields


def test_a_reader_sees_the_page_without_a_button(browser: Browse, acme: Company, dora: Person) -> None:
    viewer = person("vera@acme.example", company=acme, role="Member")
    role = OurRole.objects.create(name="Viewer", company=acme, rank=5)
    names = ["Administration - Open", "Users - View"]
    role.privileges.set(Privilege.objects.filter(name__in=names))
    OurPermission.objects.create(role=role, kind="user", reach="own")
    viewer.roles.set([role])
    page, address = browser(viewer), reverse(CHANGE, args=[dora.pk])
    text = page.get(address).content.decode()
    assert "Contact Centre Agent" in text
    assert "Acme tenant (101)" in text
    assert 'name="_save"' not in text
    assert reverse("admin:configserver_tenant_change", args=[dora.tenant_id]) not in text
    assert page.post(address, _body(dora)).status_code == 403
    assert page.get(reverse(ADD)).status_code == 403


# --- the list and the page ---------------------------------------------------------------------------------------------------


def test_the_list_shows_tenant_company_roles_state_and_last_sign_in(
    browser: Browse, root: User, dora: Person, gustav: Person
) -> None:
    User.objects.filter(pk=_account(dora).pk).update(
        last_login=timezone.now().replace(year=2025, month=3, day=9)
    )
    Person.objects.filter(pk=gustav.pk).update(is_active=False)
    page = browser(root)
    text = page.get(reverse(LIST)).content.decode()
    for shown in ("Acme tenant (101)", "Globex", "Contact Centre Agent", "2025-03-09", "Off"):
        assert shown in text
    for query, found in (
        ("state=active", ["dora"]), ("state=off", ["gustav"]), ("state=locked", []),
        (f"role={dora.roles.get().pk}", ["dora", "gustav"]), ("role=999", []), (f"role={'9' * 30}", []),
        (f"tenant__id__exact={gustav.tenant_id}", ["gustav"]), ("q=DOR", ["dora"]), ("q=Gus", ["gustav"]),
    ):  # fmt: skip
        rows = page.get(f"{reverse(LIST)}?{query}").context["cl"].result_list
        assert sorted(row.name for row in rows) == found, query


def test_a_lock_here_is_seen_and_found(browser: Browse, mode: None, ada: User, dora: Person) -> None:
    User.objects.filter(pk=_account(dora).pk).update(locked_at=timezone.now())
    page = browser(ada)
    rows = page.get(f"{reverse(LIST)}?state=locked").context["cl"].result_list
    assert [row.name for row in rows] == ["dora"]
    assert "Locked here" in page.get(reverse(LIST)).content.decode()
    assert "The account here is locked since" in page.get(reverse(CHANGE, args=[dora.pk])).content.decode()


def test_an_account_in_another_company_is_not_told(
    browser: Browse, mode: None, ada: User, dora: Person, globex: Company
) -> None:
    """A directory may put a person of one tenant into another one: then the account is the other company's."""
    account = _account(dora)
    User.objects.filter(pk=account.pk).update(
        company=globex, locked_at=timezone.now(), last_login=timezone.now().replace(year=2025)
    )
    page = browser(ada)
    assert page.get(f"{reverse(LIST)}?state=locked").context["cl"].result_count == 0
    explained = page.get(reverse("admin:configserver_explain"), {"name": "dora"})
    assert "There is no account here that you may see" in explained.content.decode()
    for answer in (page.get(reverse(LIST)), page.get(reverse(CHANGE, args=[dora.pk])), explained):
        text = answer.content.decode()
        assert "2025-" not in text
        assert "locked since" not in text
        assert "ocked here" not in text.replace('<a href="?state=locked">Locked here</a>', "")
        assert reverse("admin:accounts_user_change", args=[account.pk]) not in text
        assert reverse("admin:configserver_person_unlock", args=[dora.pk]) not in text


def test_the_page_leads_to_the_account_and_counts_its_sessions(
    browser: Browse, ada: User, dora: Person
) -> None:
    page, address = browser(ada), reverse(CHANGE, args=[dora.pk])
    assert "An account is made here at the first sign-in." in page.get(address).content.decode()
    account = _account(dora)
    signed_in(account)
    answer = page.get(address)
    [panel] = [one for one in answer.context["panels"] if one.title == "Account here"]
    assert panel.rows[0][-1] == 1
    assert reverse("admin:accounts_user_change", args=[account.pk]) in answer.content.decode()


def test_what_keeps_a_person_out_is_said_with_the_way_to_the_whole_explanation(
    browser: Browse, root: User, acme: Company, dora: Person
) -> None:
    page, address = browser(root), reverse(CHANGE, args=[dora.pk])

    def told() -> str:
        [note] = page.get(address).context["notes"]
        assert note.url == f"{reverse('admin:configserver_explain')}?name=dora&realm=external"
        return str(note.sentence).removeprefix("This person cannot sign in at present. ")

    assert "Login.ExternalAuthenticationMode is None" in told()
    configure(Login__ExternalAuthenticationMode="ConfigServer")
    answer = page.get(address)
    assert answer.context["notes"] == ()
    assert f"{reverse('admin:configserver_explain')}?name=dora" in answer.content.decode()
    Company.objects.update(is_active=False)
    assert told() == "The company Acme is switched off."
    Company.objects.update(is_active=True, tenant_dbid=None)
    assert "No company is linked to the tenant" in told()
    _change_tenant(dora.tenant, is_active=False)
    assert told() == "The tenant Acme tenant (101) is switched off."
    assert "Tenant off" in page.get(reverse(LIST)).content.decode()
    Person.objects.filter(pk=dora.pk).update(is_active=False)
    assert told() == "The person is switched off."


def test_permissions_of_the_person_are_for_those_who_see_directories(
    browser: Browse, root: User, ada: User, dora: Person, globex_tenant: Tenant
) -> None:
    Permission.objects.create(person=dora, kind="audit", reach="one", tenant=globex_tenant)
    address = reverse(CHANGE, args=[dora.pk])
    assert "Globex tenant" in browser(root).get(address).content.decode()
    text = browser(ada).get(address).content.decode()
    assert "Globex" not in text
    assert reverse("admin:configserver_permission_add") not in text


def test_a_longer_list_asks_no_more_questions(browser: Browse, root: User, agent: Role) -> None:
    page, counts = browser(root), []
    for turn in range(2):
        for index in range(5):
            name = f"{turn}-{index}"
            company = Company.objects.create(name=f"Company {name}")
            tenant = directory.tenant(500 + 10 * turn + index, company=company)
            _account(directory.person(f"person-{name}", tenant=tenant, password=PASSWORD, roles=[agent]))
        page.get(reverse(LIST))
        with CaptureQueriesContext(connection) as asked:
            assert page.get(reverse(LIST)).status_code == 200
        # In tests every look into a cache asks for the version; the served product keeps it in memory.
        counts.append(len([one for one in asked if "core_epoch" not in one["sql"]]))
    assert counts[0] == counts[1]
    assert counts[0] <= 20


def test_names_are_escaped(browser: Browse, root: User, dora: Person) -> None:
    Person.objects.filter(pk=dora.pk).update(
        name="<img src=x>", name_key="<img src=x>", display_name="<b>x</b>", entry="<i>x</i>"
    )
    Tenant.objects.filter(pk=dora.tenant_id).update(name="<u>x</u>")
    Role.objects.update(name="<s>x</s>", description="<s>y</s>")
    page = browser(root)
    for address in (
        reverse(LIST),
        reverse(CHANGE, args=[dora.pk]),
        reverse("admin:configserver_person_delete", args=[dora.pk]),
        reverse("admin:configserver_tenant_change", args=[dora.tenant_id]),
        reverse("admin:configserver_role_change", args=[dora.roles.get().pk]),
    ):
        text = page.get(address).content.decode()
        for mark in ("<img src=x", "<b>x", "<i>x", "<u>x", "<s>"):
            assert mark not in text, address


# --- verbs ------------------------------------------------------------------------------------------------------------------


def test_a_change_holds_and_ends_what_the_person_had(
    browser: Browse, mode: None, ada: User, dora: Person
) -> None:
    account = _account(dora)
    theirs = signed_in(account)
    assert theirs.get("/account/").status_code == 200
    answer = browser(ada).post(reverse(CHANGE, args=[dora.pk]), _body(dora, is_active=""))
    assert answer.status_code == 302
    dora.refresh_from_db()
    assert (dora.is_active, dora.version) == (False, 2)
    assert theirs.get("/account/").status_code == 302


def test_a_given_password_works_and_has_to_be_changed(browser: Browse, ada: User, dora: Person) -> None:
    new = "two kettles under the bridge 8"
    page, address = browser(ada), reverse("admin:configserver_person_set_password", args=[dora.pk])
    assert "new_password" in _errors(page.post(address, {"new_password": "hunter2"}))
    answer = page.post(address, {"new_password": new, "must_change_password": "on"}, follow=True)
    assert "The password was set." in answer.content.decode()
    dora.refresh_from_db()
    assert check_password(new, dora.password)
    assert dora.must_change_password
    assert "hunter2" not in str([row.details for row in AuditEvent.objects.all()])


def test_no_password_is_given_to_whom_a_directory_proves(browser: Browse, ada: User, dora: Person) -> None:
    dora.directory = _radius()
    dora.save()
    page, address = browser(ada), reverse("admin:configserver_person_set_password", args=[dora.pk])
    assert address not in page.get(reverse(CHANGE, args=[dora.pk])).content.decode()
    assert "change it there" in page.post(address, {"new_password": PASSWORD}).content.decode()


def test_a_kept_entry_is_forgotten_where_there_is_one(browser: Browse, ada: User, dora: Person) -> None:
    page, address = browser(ada), reverse("admin:configserver_person_forget_entry", args=[dora.pk])
    assert address not in page.get(reverse(CHANGE, args=[dora.pk])).content.decode()
    Person.objects.filter(pk=dora.pk).update(entry="0d2f1c4e")
    text = page.get(reverse(CHANGE, args=[dora.pk])).content.decode()
    assert "One is kept" in text
    assert "0d2f1c4e" not in text
    assert address in text
    assert page.post(address).status_code == 302
    dora.refresh_from_db()
    assert dora.entry == ""
    assert "No entry is kept" in page.post(address).content.decode()


def test_a_deleted_person_is_gone_and_the_account_is_of_no_use(
    browser: Browse, mode: None, ada: User, dora: Person
) -> None:
    theirs = signed_in(_account(dora))
    assert theirs.get("/account/").status_code == 200
    page = browser(ada)
    answer = page.post(reverse("admin:configserver_person_delete", args=[dora.pk]), {"post": "yes"})
    assert answer.status_code == 302
    assert not Person.objects.exists()
    assert theirs.get("/account/").status_code == 302
    assert AuditEvent.objects.get(event=Event.PERSON_DELETED).subject_name == "dora"


def test_several_are_deleted_and_each_refusal_is_named(
    browser: Browse, ada: User, dora: Person, chief: Role, acme_tenant: Tenant
) -> None:
    above = directory.person("above", tenant=acme_tenant, roles=[chief])
    chosen = {"action": "remove", "_selected_action": [dora.pk, above.pk], "confirmed": "1"}
    text = browser(ada).post(reverse(LIST), chosen).content.decode()
    assert "1 was refused" in text
    assert list(Person.objects.all()) == [above]


def test_opening_the_pages_changes_nothing(browser: Browse, ada: User, dora: Person) -> None:
    Person.objects.filter(pk=dora.pk).update(entry="an entry")
    page, before = browser(ada), Person.objects.values().get()
    for name in ("change", "delete", "set_password", "forget_entry"):
        address = reverse(f"admin:configserver_person_{name}", args=[dora.pk])
        assert page.get(address).status_code == page.head(address).status_code == 200
    assert Person.objects.values().get() == before
    assert not AuditEvent.objects.filter(event=Event.PERSON_CHANGED).exists()


# --- where a person is kept ----------------------------------------------------------------------------------------------------


def test_whoever_adds_a_person_first_chooses_where_it_is_kept(
    browser: Browse, ada: User, acme_tenant: Tenant, mode: None
) -> None:
    page, here = browser(ada), reverse("admin:accounts_user_add")
    for address, current, other in (
        (here, "Here", reverse(ADD)),
        (reverse(ADD), "In the Configuration Server", here),
    ):
        answer = page.get(address)
        assert [place.name for place in answer.context["places"] if place.is_current] == [current]
        choice = answer.content.decode().partition('class="gh-places"')[2].partition("</nav>")[0]
        assert f'href="{other}"' in choice
        assert choice.count('aria-current="page"') == 1
    assert page.post(here, {"email": "x"}).context["places"]  # also where something was wrong


def test_where_external_people_are_off_nothing_is_asked_and_who_may_switch_it_on_is_told_how(
    browser: Browse, root: User, ada: User, acme_tenant: Tenant
) -> None:
    add = reverse("admin:accounts_user_add")
    answer = browser(ada).get(add)
    assert (answer.context["places"], list(answer.context["notes"])) == ([], [])
    text = browser(root).get(add).content.decode()
    assert "Once the setting Login.ExternalAuthenticationMode is ConfigServer" in text
    assert (
        f"{reverse('admin:tenants_settingsrevision_everywhere')}#id_Login.ExternalAuthenticationMode" in text
    )


# --- the account among People --------------------------------------------------------------------------------------------------


def test_the_account_shows_what_was_loaded_and_leads_to_the_person(
    browser: Browse, ada: User, dora: Person, globex_tenant: Tenant, globex: Company
) -> None:
    Permission.objects.create(person=dora, kind="audit", reach="one", tenant=globex_tenant)
    account = _account(dora)
    answer = browser(ada).get(reverse("admin:accounts_user_change", args=[account.pk]))
    text = answer.content.decode()
    for shown in (
        reverse(CHANGE, args=[dora.pk]), "Acme tenant (101)", "The Configuration Server itself", "Contact Centre Agent",
        "Workspace: Agent - Can Monitor Co-browse", "another company",
    ):  # fmt: skip
        assert shown in text
    assert "Globex" not in text
    assert set(answer.context["adminform"].form.fields) == {"language", "is_active"}
    assert reverse("admin:accounts_user_set_password", args=[account.pk]) not in text


def test_only_language_and_active_of_an_account_can_be_changed(
    browser: Browse, ada: User, dora: Person, globex: Company
) -> None:
    account = _account(dora)
    page, address = browser(ada), reverse("admin:accounts_user_change", args=[account.pk])
    body = {"language": "de", "display_name": "Fool", "company": globex.pk, "email": "x@y.example"}
    answer = page.post(address, body)
    assert answer.status_code == 302, _errors(answer)
    account.refresh_from_db()
    assert (account.language, account.is_active, account.display_name) == ("de", False, "Dora")
    assert account.company_id == ada.company_id
    refused = page.post(
        reverse("admin:accounts_user_set_password", args=[account.pk]), {"new_password": PASSWORD}
    )
    assert "kept in a directory" in refused.content.decode()


def test_every_field_of_an_account_of_another_engine_is_explained(
    browser: Browse, root: User, dora: Person
) -> None:
    account = _account(dora)
    User.objects.filter(pk=account.pk).update(engine="radius", tenant_dbid=None)
    page = browser(root)
    answer = page.get(reverse("admin:accounts_user_change", args=[account.pk]))
    assert "A directory, by RADIUS" in answer.content.decode()
    assert "the directory named one that there is not" in answer.content.decode()
    for fieldset in answer.context["adminform"]:
        for line in fieldset:
            for field in line:
                assert field.field["help_text"] if field.is_readonly else field.field.help_text
    User.objects.filter(pk=account.pk).update(tenant_dbid=4711, loaded={})
    text = page.get(reverse("admin:accounts_user_change", args=[account.pk])).content.decode()
    assert "DBID 4711" in text
    assert "the person may do nothing here" in text


def test_people_are_found_by_where_they_are_kept(browser: Browse, ada: User, ben: User, dora: Person) -> None:
    _account(dora)
    page, people = browser(ada), reverse("admin:accounts_user_changelist")
    assert "directory account" in page.get(people).content.decode()
    for kept, found in (("here", {ada.username, ben.username}), ("directory", {"dora"}), ("x", None)):
        rows = page.get(people, {"kept": kept}).context["cl"].result_list
        expected = found or {ada.username, ben.username, "dora"}
        assert {row.username for row in rows} == expected
    assert User.objects.filter(realm=Realm.EXTERNAL).count() == 1


# --- the company -----------------------------------------------------------------------------------------------------------------


def test_a_company_is_linked_by_who_sees_all_and_read_by_its_administrator(
    browser: Browse, root: User, ada: User, acme: Company, foreign: dict[str, Model]
) -> None:
    address = reverse("admin:tenants_company_change", args=[acme.pk])
    page = browser(root)
    taken = page.post(address, {"name": "Acme", "is_active": "on", "tenant_dbid": "202"})
    assert "linked to this tenant already" in _errors(taken)["tenant_dbid"]
    assert page.post(address, {"name": "Acme", "is_active": "on", "tenant_dbid": "101"}).status_code == 302
    assert "There is no tenant with this DBID" in page.get(address).content.decode()
    tenant = directory.tenant(101, name="Acme tenant")
    assert reverse("admin:configserver_tenant_change", args=[tenant.pk]) in page.get(address).content.decode()
    text = browser(ada).get(address).content.decode()
    assert "Acme tenant" in text
    assert 'name="tenant_dbid"' not in text
    assert reverse("admin:configserver_tenant_change", args=[tenant.pk]) not in text


def test_who_may_change_only_the_own_company_does_not_link_it(
    browser: Browse, ada: User, acme: Company, foreign: dict[str, Model]
) -> None:
    role = ada.roles.get()
    role.privileges.add(Privilege.objects.get(name="Companies - Manage"))
    page, address = browser(ada), reverse("admin:tenants_company_change", args=[acme.pk])
    assert "tenant_dbid" not in page.get(address).context["adminform"].form.fields
    body = {"name": "Acme Ltd", "is_active": "on", "tenant_dbid": "202"}
    assert page.post(address, body).status_code == 302
    acme.refresh_from_db()
    assert (acme.name, acme.tenant_dbid) == ("Acme Ltd", None)


def test_the_settings_of_a_company_tell_what_its_tenant_says(
    browser: Browse, ada: User, acme: Company, acme_tenant: Tenant
) -> None:
    name = "security-authentication-rules.password-min-length"
    acme_tenant.rules = {name: 16}
    acme_tenant.save()
    form = browser(ada).get(reverse("admin:tenants_settingsrevision_company", args=[acme.pk])).context["form"]
    assert "In force: 16, said by the company&#x27;s tenant." in form.fields[name].help_text


def test_privileges_of_other_systems_keep_nobody_from_locking_the_account(
    browser: Browse, ada: User, dora: Person
) -> None:
    account = _account(dora)
    signed_in(account)
    page = browser(ada)
    for verb, body in (("sign_out", {}), ("lock", {"reason": "lost laptop"})):
        address = reverse(f"admin:accounts_user_{verb}", args=[account.pk])
        assert page.post(address, body).status_code == 302, verb
    account.refresh_from_db()
    assert account.locked_at is not None
    User.objects.filter(pk=account.pk).update(
        loaded={"roles": [{"name": "Chief", "rank": 90, "policy": "", "privileges": [], "permissions": []}]}
    )
    refused = page.post(reverse("admin:accounts_user_unlock", args=[account.pk]))
    assert "may do or see more than you" in refused.content.decode()


def test_a_person_without_an_account_here_is_unlocked_too(
    browser: Browse, mode: None, ada: User, dora: Person, cleo: User
) -> None:
    door = ApiDoor()
    for _ in range(11):
        said = sign_in(door, "dora", "something else entirely")
    assert said.status == 429
    assert not User.objects.filter(source_id=dora.uid).exists()
    address = reverse("admin:configserver_person_unlock", args=[dora.pk])
    assert browser(cleo).post(address).status_code == 404
    page = browser(ada)
    assert "Unlock" in page.get(reverse(CHANGE, args=[dora.pk])).content.decode()
    assert page.post(address).status_code == 302
    assert "not locked" in page.post(address).content.decode()
    event = AuditEvent.objects.get(event=Event.USER_UNLOCKED)
    assert (event.subject_uid, event.company_id) == (str(dora.uid), ada.company_id)
    assert sign_in(door, "dora", PASSWORD).step == "done"
