"""External people over REST: for those who see every company, and for the administrators of the company that a tenant is linked to."""

from typing import Any

import pytest
from django.contrib.auth.hashers import check_password
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import User
from accounts.names import Realm
from audit.models import AuditEvent
from configserver.models import Directory, Person, Role, Tenant
from configserver.models import Permission as ExternalPermission
from tenants.models import Company, Permission, Privilege
from tenants.models import Role as PortalRole
from tests import cast, directory
from tests.cast import Call
from tests.journeys.doors import ApiDoor, sign_in
from tests.journeys.stage import configure

PASSWORD = "a long walk by the sea"
NOBODY = "00000000-0000-4000-8000-000000000000"


@pytest.fixture
def acmes(acme: Company) -> Tenant:
    """The tenant that is linked to Acme."""
    found = directory.tenant(directory.ACME_DBID, company=acme)
    acme.refresh_from_db()
    return found


@pytest.fixture
def nowhere(db: None) -> Tenant:
    """A tenant that no company is linked to."""
    return directory.tenant(directory.NOWHERE_DBID)


@pytest.fixture
def agent(db: None) -> Role:
    """A role of external people, within what Ada has."""
    return directory.role("Contact Centre Agent", privileges=[("Workspace", "Agent - Can Monitor Co-browse")])


@pytest.fixture
def dora(acmes: Tenant, agent: Role) -> Person:
    """Of Acme's tenant."""
    return directory.person("dora", tenant=acmes, password=PASSWORD, roles=[agent])


@pytest.fixture
def egon(nowhere: Tenant) -> Person:
    """Of a tenant without a company."""
    return directory.person("egon", tenant=nowhere, password=PASSWORD)


def ldap(name: str = "Staff") -> Directory:
    """A directory that nobody answers for."""
    return Directory.objects.create(
        name=name, protocol="ldap", servers="ldaps://ldap.acme.example", base_dn="dc=acme"
    )


def new(**more: Any) -> dict[str, Any]:
    """The body of a new person."""
    return {"name": "fritz", "display_name": "Fritz"} | more


def test_ada_makes_a_person_in_the_tenant_of_her_company(
    api: Call, ada: User, acmes: Tenant, acme: Company
) -> None:
    answer = api(ada).post("persons/", new(password=PASSWORD, email="f@acme.example", phone="+49 30 901820"))
    assert answer.status_code == 201, answer.json()
    said = answer.json()
    assert answer.headers["Location"] == f"/api/v1/persons/{said['id']}/"
    assert said == {
        "id": said["id"],
        "name": "fritz",
        "display_name": "Fritz",
        "email": "f@acme.example",
        "phone": "+4930901820",
        "tenant_dbid": acmes.dbid,
        "engine": "internal",
        "external_id": "",
        "directory": None,
        "brought_by": None,
        "entry_kept": False,
        "roles": [],
        "is_active": True,
        "must_change_password": False,
        "password_changed_at": said["password_changed_at"],
        "created_at": said["created_at"],
    }
    fritz = Person.objects.get(uid=said["id"])
    assert check_password(PASSWORD, fritz.password)
    event = AuditEvent.objects.get(event="configserver:person:created")
    assert (event.actor_uid, event.company_id) == (str(ada.uid), acme.pk)


def test_nobody_is_made_where_no_tenant_is_linked(api: Call, ada: User, root: User) -> None:
    for user in (ada, root):
        answer = api(user).post("persons/", new())
        assert (answer.status_code, set(answer.json()["errors"])) == (400, {"tenant_dbid"})
    assert not Person.objects.exists()


def test_a_tenant_out_of_reach_is_refused_like_one_that_there_is_not(
    api: Call, ada: User, dora: Person, nowhere: Tenant, globex: Company
) -> None:
    foreign = directory.tenant(202, company=globex)
    program, path = api(ada), f"persons/{dora.uid}/"
    there_is_not = program.post("persons/", new(tenant_dbid=4711))
    assert there_is_not.status_code == 400
    assert set(there_is_not.json()["errors"]) == {"tenant_dbid"}
    for dbid in (nowhere.dbid, foreign.dbid, 1):
        assert program.post("persons/", new(tenant_dbid=dbid)).json() == there_is_not.json()
        assert program.patch(path, {"tenant_dbid": dbid}).json() == there_is_not.json()
    assert Person.objects.count() == 1


def test_root_makes_people_in_any_tenant_and_moves_them(
    api: Call, root: User, acmes: Tenant, nowhere: Tenant, agent: Role
) -> None:
    program, staff = api(root), ldap()
    body = new(tenant_dbid=nowhere.dbid, directory=str(staff.uid), roles=[agent.name], external_id="f.f")
    said = program.post("persons/", body).json()
    assert (said["tenant_dbid"], said["directory"], said["engine"]) == (999, str(staff.uid), "ldap")
    assert said["roles"] == [agent.name]
    moved = program.patch(f"persons/{said['id']}/", {"tenant_dbid": acmes.dbid, "directory": None}).json()
    assert (moved["tenant_dbid"], moved["directory"], moved["engine"]) == (101, None, "internal")


def test_ada_reads_changes_and_deletes_dora(api: Call, ada: User, dora: Person) -> None:
    program, path = api(ada), f"persons/{dora.uid}/"
    assert program.get(path).json()["roles"] == ["Contact Centre Agent"]
    answer = program.patch(path, {"display_name": "Dora D.", "must_change_password": True})
    assert (answer.status_code, answer.json()["display_name"]) == (200, "Dora D.")
    assert answer.json()["must_change_password"] is True
    assert program.patch(path, {}).json() == answer.json()
    assert program.delete(path).status_code == 204
    assert program.get(path).status_code == 404
    assert AuditEvent.objects.filter(event="configserver:person:deleted").count() == 1


def test_lists_show_whom_one_may_see(
    api: Call, root: User, ada: User, ben: User, cleo: User, dora: Person, egon: Person
) -> None:
    def listed(user: User) -> set[str]:
        return {one["name"] for one in api(user).get("persons/").json()["results"]}

    assert listed(root) == {"dora", "egon"}
    assert listed(ada) == {"dora"}
    assert listed(cleo) == set()
    assert api(ben).get("persons/").json()["code"] == "forbidden"
    assert api(None).get("persons/").status_code == 401


def test_filters_find_people(api: Call, root: User, ada: User, dora: Person, egon: Person) -> None:
    Person.objects.filter(pk=egon.pk).update(is_active=False)

    def found(query: str, user: User = root) -> list[str]:
        return [one["name"] for one in api(user).get(f"persons/?{query}").json()["results"]]

    assert found("name=DORA") == ["dora"]
    assert found("tenant_dbid=999") == ["egon"]
    assert found("tenant_dbid=999", ada) == found("tenant_dbid=4711", ada) == []
    assert found("is_active=false") == ["egon"]


@pytest.mark.parametrize(
    "query", ["tenant=101", "tenant_dbid=0", f"tenant_dbid={10**30}", "tenant_dbid=x", "name=%00", "name="]
)
def test_a_filter_that_makes_no_sense_is_refused(query: str, api: Call, root: User) -> None:
    answer = api(root).get(f"persons/?{query}")
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid")


@pytest.mark.parametrize("method", ["get", "patch", "delete", "password", "forget-entry"])
def test_a_person_of_another_company_does_not_exist(
    method: str, api: Call, ada: User, cleo: User, egon: Person, dora: Person
) -> None:
    for user, person in ((ada, egon), (cleo, dora)):
        program = api(user)

        def answered(uid: object, program: cast.Api = program) -> Any:
            path = f"persons/{uid}/"
            return {
                "get": lambda: program.get(path),
                "patch": lambda: program.patch(path, {"display_name": "X"}),
                "delete": lambda: program.delete(path),
                "password": lambda: program.post(f"{path}password/", {"password": PASSWORD}),
                "forget-entry": lambda: program.post(f"{path}forget-entry/"),
            }[method]()

        answer = answered(person.uid)
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
        assert answer.json() == answered(NOBODY).json()
    assert Person.objects.count() == 2


def test_in_reach_without_the_privilege_is_forbidden(
    api: Call, acme: Company, acmes: Tenant, dora: Person
) -> None:
    looker = cast.person("eva@acme.example", company=acme, role=cast.MEMBER)
    seeing = PortalRole.objects.create(name="Looker", company=acme, rank=5)
    seeing.privileges.add(Privilege.objects.get(name="Users - View"))
    Permission.objects.create(role=seeing, kind="user", reach="own")
    looker.roles.add(seeing)
    program, path = api(looker), f"persons/{dora.uid}/"
    assert program.get(path).status_code == 200
    for answer in (
        program.patch(path, {"display_name": "X"}),
        program.delete(path),
        program.post("persons/", new()),
        program.post(f"{path}password/", {"password": PASSWORD}),
        program.post(f"{path}forget-entry/"),
    ):
        assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")


def test_a_company_administrator_sees_no_directory_and_names_none(api: Call, ada: User, dora: Person) -> None:
    staff = ldap()
    Person.objects.filter(pk=dora.pk).update(directory=staff)
    program, path = api(ada), f"persons/{dora.uid}/"
    said = program.get(path).json()
    assert (said["engine"], said["directory"]) == ("ldap", None)
    there_is_not = program.patch(path, {"directory": NOBODY})
    assert set(there_is_not.json()["errors"]) == {"directory"}
    assert program.patch(path, {"directory": str(staff.uid)}).json() == there_is_not.json()
    taken = program.patch(path, {"directory": None})
    assert (taken.status_code, taken.json()["code"]) == (403, "forbidden")
    dora.refresh_from_db()
    assert dora.directory == staff


def test_a_company_administrator_gives_roles_by_name_as_far_as_her_own_go(
    api: Call, ada: User, dora: Person
) -> None:
    directory.role("Clerk", rank=1)
    directory.role("Chief", rank=61)
    wide = directory.role("Auditor", rank=1)
    ExternalPermission.objects.create(role=wide, kind="audit", reach="every")
    directory.role("Settler", rank=1, privileges=[("Gatehouse", "Companies - Manage")])
    program, path = api(ada), f"persons/{dora.uid}/"
    assert program.post("persons/", new(roles=["Clerk"])).json()["roles"] == ["Clerk"]
    assert program.patch(path, {"roles": ["Clerk", "Clerk"]}).json()["roles"] == ["Clerk"]
    for role, code in (
        ("Chief", "rank_too_high"),
        ("Auditor", "reach_not_held"),
        ("Settler", "privilege_not_held"),
    ):
        for answer in (
            program.post("persons/", new(name="gustav", roles=[role])),
            program.patch(path, {"roles": ["Clerk", role]}),
        ):
            assert (answer.status_code, answer.json()["code"]) == (403, code)
    for roles in (["Clerk", "Nobody"], ["clerk"]):
        answer = program.patch(path, {"roles": roles})
        assert (answer.status_code, set(answer.json()["errors"])) == (400, {"roles"})
    assert [role.name for role in dora.roles.all()] == ["Clerk"]
    assert program.patch(path, {"roles": []}).json()["roles"] == []


def test_somebody_who_stands_above_ada_is_not_hers_to_change(api: Call, ada: User, dora: Person) -> None:
    dora.roles.add(directory.role("Chief", rank=61))
    program, path = api(ada), f"persons/{dora.uid}/"
    assert program.get(path).status_code == 200
    for answer in (
        program.patch(path, {"display_name": "X"}),
        program.delete(path),
        program.post(f"{path}password/", {"password": PASSWORD}),
        program.post(f"{path}forget-entry/"),
    ):
        assert (answer.status_code, answer.json()["code"]) == (403, "rank_too_high")
    events = AuditEvent.objects.filter(event="portal:change:refused", details__code="rank_too_high")
    assert events.exists()


def test_a_new_password_ends_sessions_and_may_have_to_be_changed(api: Call, ada: User, dora: Person) -> None:
    path = f"persons/{dora.uid}/password/"
    version = dora.version
    assert api(ada).post(path, {"password": f" {PASSWORD} "}).status_code == 204
    dora.refresh_from_db()
    assert check_password(f" {PASSWORD} ", dora.password)
    assert (dora.must_change_password, dora.version) == (True, version + 1)
    assert api(ada).post(path, {"password": "another long walk", "must_change": False}).status_code == 204
    dora.refresh_from_db()
    assert not dora.must_change_password


@pytest.mark.parametrize("password", ["short", "password1234", "x" * 1_001, 123456789012, None, ["x"], ""])
def test_a_weak_password_is_refused_and_not_repeated(
    password: object, api: Call, ada: User, dora: Person
) -> None:
    program = api(ada)
    for answer in (
        program.post("persons/", new(password=password)),
        program.post(f"persons/{dora.uid}/password/", {"password": password}),
    ):
        assert (answer.status_code, set(answer.json()["errors"])) == (400, {"password"})
        assert password in (None, "") or str(password) not in answer.content.decode()
    assert Person.objects.count() == 1


def test_a_password_that_a_directory_proves_is_not_given_here(api: Call, ada: User, dora: Person) -> None:
    Person.objects.filter(pk=dora.pk).update(directory=ldap())
    answer = api(ada).post(f"persons/{dora.uid}/password/", {"password": PASSWORD})
    assert (answer.status_code, answer.json()["code"]) == (409, "kept_elsewhere")


def test_an_entry_is_forgotten_once(api: Call, ada: User, dora: Person) -> None:
    Person.objects.filter(pk=dora.pk).update(entry="0b5f-entry")
    program, path = api(ada), f"persons/{dora.uid}/"
    answer = program.get(path)
    assert answer.json()["entry_kept"] is True
    assert "0b5f-entry" not in answer.content.decode()
    assert program.post(f"{path}forget-entry/").status_code == 204
    assert program.get(path).json()["entry_kept"] is False
    again = program.post(f"{path}forget-entry/")
    assert (again.status_code, again.json()["code"]) == (409, "nothing_changed")
    assert program.post(f"{path}forget-entry/", {"why": "x"}).status_code == 400


def test_no_answer_holds_a_hash(api: Call, root: User, dora: Person) -> None:
    program, path = api(root), f"persons/{dora.uid}/"
    for answer in (
        program.get("persons/"),
        program.get(path),
        program.patch(path, {"display_name": "D"}),
        program.post("persons/", new(tenant_dbid=dora.tenant.dbid, password=PASSWORD)),
    ):
        text = answer.content.decode()
        assert dora.password not in text
        assert PASSWORD not in text
        assert "argon2" not in text


def test_a_taken_name_is_a_conflict_in_any_spelling(api: Call, ada: User, dora: Person, egon: Person) -> None:
    for name in ("DORA", "egon"):
        answer = api(ada).post("persons/", new(name=name))
        assert (answer.status_code, answer.json()["code"]) == (409, "name_taken")
        assert "name" in answer.json()["errors"]


def test_nobody_ends_his_own_account(api: Call, acme: Company, dora: Person) -> None:
    chief = directory.role(
        "Chief",
        rank=60,
        privileges=[("Gatehouse", "Users - View"), ("Gatehouse", "Users - Manage")],
        opens=["user"],
    )
    dora.roles.set([chief])
    configure(Login__ExternalAuthenticationMode="ConfigServer")
    shadow = directory.shadow(dora, password=PASSWORD)
    program, path = api(shadow), f"persons/{dora.uid}/"
    assert program.patch(path, {"display_name": "D"}).status_code == 200
    for answer in (
        program.delete(path),
        program.patch(path, {"is_active": False}),
        program.post(f"{path}password/", {"password": PASSWORD}),
    ):
        assert (answer.status_code, answer.json()["code"]) == (409, "own_account")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", 7),
        ("name", ""),
        ("name", None),
        ("name", "x" * 255),
        ("name", "a\x00b"),
        ("name", "\ud800"),
        ("display_name", ["x"]),
        ("display_name", "x" * 121),
        ("email", "no address"),
        ("email", 7),
        ("phone", "12"),
        ("phone", "+" + "1" * 60),
        ("external_id", {"x": 1}),
        ("directory", 7),
        ("directory", "x"),
        ("roles", "x"),
        ("roles", [7]),
        ("roles", [NOBODY]),
        ("roles", ["x" * 121]),
        ("roles", ["Agent"] * 501),
        ("tenant_dbid", "101"),
        ("tenant_dbid", 101.0),
        ("tenant_dbid", True),
        ("tenant_dbid", None),
        ("tenant_dbid", 0),
        ("tenant_dbid", 10**30),
        ("tenant", 101),
        ("is_active", "yes"),
        ("must_change_password", 1),
        ("entry", "x"),
        ("version", 1),
    ],
)
def test_a_value_that_does_not_fit_is_named(
    field: str, value: object, api: Call, root: User, dora: Person
) -> None:
    program = api(root)
    for answer in (
        program.post("persons/", new(tenant_dbid=dora.tenant.dbid) | {field: value}),
        program.patch(f"persons/{dora.uid}/", {field: value}),
    ):
        assert (answer.status_code, answer.json()["code"]) == (400, "invalid"), answer.json()
        assert next(iter(answer.json()["errors"])).startswith(field)
    assert Person.objects.count() == 1


def test_a_create_that_is_sent_twice_makes_one_person(api: Call, ada: User, acmes: Tenant) -> None:
    program, key = api(ada), {"Idempotency-Key": "fritz"}
    first, again = (program.post("persons/", new(password=PASSWORD), key) for _time in range(2))
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.headers["Idempotency-Replayed"] == "true"
    assert again.json() == first.json()
    assert program.post("persons/", new(), key).json()["code"] == "idempotency_mismatch"


def test_pages_lead_on(api: Call, ada: User, acmes: Tenant, egon: Person) -> None:
    for number in range(3):
        directory.person(f"p{number}", tenant=acmes)
    program = api(ada)
    first = program.get("persons/?page_size=2").json()
    second = program.get(first["next"].removeprefix("http://127.0.0.1:8000")).json()
    names = [one["name"] for page in (first, second) for one in page["results"]]
    assert names == ["p2", "p1", "p0"]
    assert second["next"] is None


def test_a_list_costs_the_same_for_five_and_for_fifty(
    api: Call, root: User, acmes: Tenant, agent: Role
) -> None:
    """But for the look at the version row, which the tests take at every use of a cache."""
    program, staff = api(root), ldap()

    def cost() -> int:
        with CaptureQueriesContext(connection) as asked:
            assert program.get("persons/?page_size=200").status_code == 200
        return len([one for one in asked if "core_epoch" not in one["sql"]])

    for number in range(5):
        directory.person(f"a{number}", tenant=acmes, roles=[agent], directory=staff)
    program.get("persons/")
    few = cost()
    for number in range(45):
        directory.person(f"b{number}", tenant=acmes, roles=[agent], directory=staff)
    assert cost() == few


# --- the same people at `users/`, once they have signed in ----------------------------------------------------------------------


def test_users_shows_where_external_people_are_kept(
    api: Call, root: User, ben: User, acme: Company, dora: Person
) -> None:
    shadow, program = directory.shadow(dora, password=PASSWORD), api(root)
    said = program.get(f"users/{shadow.uid}/").json()
    assert (said["realm"], said["person"], said["tenant_dbid"], said["engine"]) == (
        "external",
        str(dora.uid),
        101,
        "internal",
    )
    own = program.get(f"users/{ben.uid}/").json()
    assert (own["realm"], own["person"], own["tenant_dbid"], own["engine"]) == ("internal", None, None, "")
    listed = program.get("users/?realm=external").json()["results"]
    assert [one["username"] for one in listed] == ["dora"]
    assert program.get("users/?realm=elsewhere").status_code == 400


@pytest.mark.parametrize("more", [{}, {"email": "x@acme.example", "password": PASSWORD}, {"tenant_dbid": 1}])
def test_an_external_person_is_not_made_at_users(
    more: dict[str, Any], api: Call, ada: User, acmes: Tenant
) -> None:
    body = {"realm": "external", "name": "fritz", "display_name": "Fritz"} | more
    answer = api(ada).post("users/", body)
    assert (answer.status_code, answer.json()["code"]) == (409, "kept_elsewhere")
    assert "persons/" in answer.json()["detail"]
    assert not User.objects.filter(realm=Realm.EXTERNAL).exists()
    assert not Person.objects.exists()


def test_an_internal_person_may_be_called_so(api: Call, ada: User) -> None:
    body = {
        "realm": "internal",
        "email": "dan@acme.example",
        "display_name": "Dan",
        "password": PASSWORD,
    }
    assert api(ada).post("users/", body).json()["realm"] == "internal"
    for realm in ("elsewhere", ["external"], 7):
        assert api(ada).post("users/", body | {"realm": realm}).json()["code"] == "invalid"


# --- the link from company to tenant -------------------------------------------------------------------------------------------


def test_root_links_a_company_to_a_tenant(api: Call, root: User, acme: Company, globex: Company) -> None:
    program = api(root)
    path = f"companies/{acme.uid}/"
    assert program.get(path).json()["tenant_dbid"] is None
    assert program.patch(path, {"tenant_dbid": 101}).json()["tenant_dbid"] == 101
    taken = program.patch(f"companies/{globex.uid}/", {"tenant_dbid": 101})
    assert (taken.status_code, taken.json()["code"]) == (409, "name_taken")
    assert "tenant_dbid" in taken.json()["errors"]
    assert program.patch(path, {"tenant_dbid": None}).json()["tenant_dbid"] is None
    assert program.post("companies/", {"name": "Initech", "tenant_dbid": 101}).json()["tenant_dbid"] == 101


def test_a_company_administrator_does_not_link_her_own(api: Call, ada: User, acme: Company) -> None:
    answer = api(ada).patch(f"companies/{acme.uid}/", {"tenant_dbid": 101})
    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
    acme.refresh_from_db()
    assert acme.tenant_dbid is None


@pytest.mark.parametrize("dbid", ["101", 1.5, True, 0, -1, 2**31, 10**30, [1]])
def test_what_is_no_number_of_a_tenant_is_refused(dbid: object, api: Call, root: User, acme: Company) -> None:
    answer = api(root).patch(f"companies/{acme.uid}/", {"tenant_dbid": dbid})
    assert (answer.status_code, set(answer.json()["errors"])) == (400, {"tenant_dbid"})


def test_a_name_that_is_held_back_is_let_in_again(api: Call, ada: User, cleo: User, dora: Person) -> None:
    configure(Login__ExternalAuthenticationMode="ConfigServer")
    door = ApiDoor()
    for _ in range(11):
        said = sign_in(door, "dora", "something else entirely")
    assert said.status == 429
    assert api(cleo).post(f"persons/{dora.uid}/unlock/").status_code == 404
    assert api(ada).post(f"persons/{dora.uid}/unlock/").status_code == 204
    assert api(ada).post(f"persons/{dora.uid}/unlock/").json()["code"] == "not_locked"
    assert sign_in(door, "dora", PASSWORD).step == "done"


def test_an_account_in_another_company_is_unlocked_by_that_company_alone(
    api: Call, ada: User, cleo: User, dora: Person, globex: Company
) -> None:
    """A directory may put a person of one tenant into another one: then the account is the other company's."""
    configure(Login__ExternalAuthenticationMode="ConfigServer")
    account = directory.shadow(dora, password=PASSWORD)
    User.objects.filter(pk=account.pk).update(company=globex, locked_at=timezone.now())
    answer = api(ada).post(f"persons/{dora.uid}/unlock/")
    assert (answer.status_code, answer.json()["code"]) == (409, "not_locked")
    account.refresh_from_db()
    assert account.locked_at is not None
    assert api(cleo).post(f"users/{account.uid}/unlock/").status_code in {200, 204}
