"""The SCIM server as identity providers use it: users, groups, lists, PATCH in every dialect, entity tags, what it says of itself."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from audit.models import AuditEvent
from configserver import service, services
from configserver.directory import Directory
from configserver.models import Group, Person, Role, Tenant
from configserver.scim.caller import Provider as Caller
from configserver.values import Identity
from core.outcomes import Denied
from tenants.actor import Actor
from tenants.settings import snapshot
from tests import directories
from tests.configserver.provider import GROUP, PATCH, PERSON, USER, Provider, scim_directory

pytestmark = pytest.mark.django_db
PASSWORD = "correct horse battery staple 7"
BARBARA = {
    "externalId": "00u1",
    "name": {"givenName": "Barbara", "familyName": "Jensen"},
    "emails": [
        {"value": "home@acme.example", "type": "home"},
        {"value": "barbara@acme.example", "type": "work", "primary": True},
    ],
    "phoneNumbers": [{"value": "tel:+49 30 1234567", "type": "work"}],
    "active": True,
    "title": "Head of Lamps",
    "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": {"department": "Lamps"},
}


@pytest.fixture
def role(system: Actor) -> Role:
    """A role that a group gives."""
    made = services.create_role(
        services.RoleDraft(name="Lamp Seller", rank=5, privileges=[("Shop", "Sell")]),
        by=system,
        now=timezone.now(),
    )
    assert isinstance(made, Role), made
    return made


@pytest.fixture
def okta(role: Role) -> Provider:
    """The identity provider of a directory whose group "Sellers" gives the role."""
    return Provider(scim_directory(groups={"Sellers": role})[1])


def with_password(name: str, system: Actor) -> Person:
    person = Person.objects.select_related("tenant", "directory", "source").get(name=name)
    refused = services.give_password(
        person, PASSWORD, must_change=False, environment=snapshot(None), by=system, now=timezone.now()
    )
    assert refused is None
    return person


def signs_in(name: str) -> Identity | None:
    found = service.authenticate(name, PASSWORD, environment=snapshot(None), now=timezone.now())
    return found if isinstance(found, Identity) else None


# --- users -----------------------------------------------------------------------------------------------------------------


def test_a_user_is_made_read_and_found(okta: Provider) -> None:
    answer = okta.call("POST", "Users", {"schemas": [USER], "userName": "bjensen", **BARBARA})
    made = answer.json()
    assert answer.status_code == 201
    assert (
        answer["Location"] == made["meta"]["location"] == f"http://127.0.0.1:8000/scim/v2/Users/{made['id']}"
    )
    assert answer["ETag"] == made["meta"]["version"]
    assert made == {
        "schemas": [USER, PERSON],
        "id": made["id"],
        "externalId": "00u1",
        "userName": "bjensen",
        "name": {"formatted": "Barbara Jensen", "givenName": "Barbara", "familyName": "Jensen"},
        "displayName": "Barbara Jensen",
        "active": True,
        "emails": [{"value": "barbara@acme.example", "type": "work", "primary": True}],
        "phoneNumbers": [{"value": "+49301234567", "type": "work", "primary": True}],
        PERSON: {
            "dbid": made[PERSON]["dbid"],
            "tenantDbid": 1,
            "changePasswordAtNextLogin": False,
            "engine": "internal",
        },
        "meta": made["meta"],
    }
    assert okta.get(f"Users/{made['id']}") == made
    assert okta.found("Users", 'userName eq "BJensen"') == [made]
    event = AuditEvent.objects.filter(event="configserver:person:created").latest("pk")
    assert (event.actor_name, event.subject_name) == ("Okta", "bjensen")


def test_a_name_or_an_id_is_there_once(okta: Provider) -> None:
    okta.brings("bjensen", externalId="00u1")
    assert okta.brings("\uff22\uff2aensen", status=409)["scimType"] == "uniqueness"
    told = okta.brings("another", status=409, externalId="00u1")
    assert (told["scimType"], told["detail"].startswith("externalId")) == ("uniqueness", True)


def test_put_replaces_and_switches_nobody_on_or_off_unsaid(okta: Provider) -> None:
    made = okta.brings("bjensen", **BARBARA)
    okta.patch(f"Users/{made['id']}", {"op": "replace", "path": "active", "value": False})
    body = {
        "schemas": [USER],
        "userName": "bj",
        "displayName": "Babs",
        "id": "ignored",
        "meta": {"version": "x"},
    }
    put = okta.call("PUT", f"Users/{made['id']}", body).json()
    assert (put["id"], put["userName"], put["displayName"], put["active"]) == (
        made["id"],
        "bj",
        "Babs",
        False,
    )
    assert not {"emails", "phoneNumbers", "externalId"} & put.keys()
    assert put["name"] == {"formatted": "Babs"}


def test_delete_takes_the_person_away(okta: Provider) -> None:
    made = okta.brings("bjensen")
    assert okta.call("DELETE", f"Users/{made['id']}").status_code == 204
    assert okta.get(f"Users/{made['id']}", status=404)["status"] == "404"
    assert not Person.objects.filter(name="bjensen").exists()


ENTRA = [
    {"op": "Replace", "path": 'emails[type eq "work"].value', "value": "new@acme.example"},
    {"op": "Add", "path": "name.familyName", "value": "Smith"},
    {"op": "Replace", "path": "active", "value": "False"},
    {
        "op": "Add",
        "path": "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department",
        "value": "x",
    },
    {"op": "Replace", "path": 'addresses[type eq "work"].formatted', "value": "x"},
]


def test_the_dialect_of_entra_id(okta: Provider) -> None:
    made = okta.brings("bjensen", displayName="Barbara")
    told = okta.patch(f"Users/{made['id']}", *ENTRA)
    assert told["emails"] == [{"value": "new@acme.example", "type": "work", "primary": True}]
    assert (told["name"]["familyName"], told["active"], told["displayName"]) == ("Smith", False, "Barbara")
    value = {
        "name.givenName": "Barb",
        "displayName": "Barb Smith",
        f"{PERSON}:externalId": "bsmith",
        "title": "x",
    }
    told = okta.patch(f"Users/{made['id']}", {"op": "add", "value": value})
    assert told["name"] == {"formatted": "Barb Smith", "givenName": "Barb", "familyName": "Smith"}
    assert told[PERSON]["externalId"] == "bsmith"
    renamed = okta.patch(
        f"Users/{made['id']}", {"op": "replace", "path": "name.formatted", "value": "Dr. Barb"}
    )
    assert renamed["displayName"] == "Dr. Barb"


def test_the_dialect_of_okta(okta: Provider) -> None:
    made = okta.brings("bjensen", **BARBARA)
    told = okta.patch(f"Users/{made['id']}", {"op": "replace", "value": {"active": False}})
    assert told["active"] is False


@pytest.mark.parametrize(
    ("operation", "changed"),
    [
        ({"op": "replace", "value": {"displayName": "B"}}, {
            "displayName": "B", "name": {"formatted": "B", "givenName": "Barbara", "familyName": "Jensen"}
        }),
        ({"op": "add", "path": "nameX"}, 400),
        ({"op": "add", "path": "displayName"}, 400),
        ({"op": "move", "path": "displayName", "value": "x"}, 400),
        ({"op": "remove"}, 400),
        ({"op": "remove", "path": "userName"}, 400),
        ({"op": "remove", "path": "emails"}, {"emails": None}),
        ({"op": "remove", "path": 'emails[type eq "work"]'}, {"emails": None}),
        ({"op": "remove", "path": 'emails[type eq "home"]'}, 400),
        ({"op": "remove", "path": "phoneNumbers[value pr]"}, {"phoneNumbers": None}),
        ({"op": "add", "path": "emails", "value": [{"value": "b2@acme.example", "primary": True}]}, {
            "emails": [{"value": "b2@acme.example", "type": "work", "primary": True}]
        }),
        ({"op": "add", "path": "emails", "value": {"value": "b2@acme.example"}}, {}),  # the primary one stays
        ({"op": "replace", "path": "emails", "value": [{"value": "b3@acme.example"}]}, {
            "emails": [{"value": "b3@acme.example", "type": "work", "primary": True}]
        }),
        ({"op": "replace", "path": "emails.value", "value": "x@acme.example"}, 400),
        ({"op": "replace", "path": "emails[value pr].primary", "value": "perhaps"}, 400),
        ({"op": "remove", "path": "name"}, {"name": {"formatted": "Barbara Jensen"}}),
        ({"op": "replace", "path": "name", "value": {"givenName": "B"}}, {
            "name": {"formatted": "Barbara Jensen", "givenName": "B", "familyName": "Jensen"}
        }),
        ({"op": "remove", "path": "name.givenName"}, {"name": {"formatted": "Barbara Jensen", "familyName": "Jensen"}}),
        ({"op": "replace", "path": "displayName.x", "value": "y"}, 400),
        ({"op": "replace", "path": 'displayName[value eq "x"]', "value": "y"}, 400),
        ({"op": "replace", "path": "schemas", "value": ["x"]}, {}),
        ({"op": "replace", "path": PERSON, "value": {"externalId": "bj"}}, {f"{PERSON}.externalId": "bj"}),
        ({"op": "replace", "path": f"{PERSON}:changePasswordAtNextLogin", "value": True}, {
            f"{PERSON}.changePasswordAtNextLogin": True
        }),
    ],
)  # fmt: skip
def test_each_operation_does_what_the_rfc_says(
    okta: Provider, operation: dict[str, Any], changed: dict[str, Any] | int
) -> None:
    made = okta.brings("bjensen", **BARBARA)
    if isinstance(changed, int):
        okta.patch(f"Users/{made['id']}", operation, status=changed)
        assert okta.get(f"Users/{made['id']}") == made
        return
    told = okta.patch(f"Users/{made['id']}", operation)
    expected = {key: value for key, value in made.items() if key != "meta"}
    for name, value in changed.items():
        place, _dot, part = name.rpartition(".") if name.startswith(PERSON) else ("", "", name)
        holder = expected[place] if place else expected
        if value is None:
            del holder[part]
        else:
            holder[part] = value
    assert {key: value for key, value in told.items() if key != "meta"} == expected


def test_one_operation_that_fails_undoes_the_others(okta: Provider) -> None:
    made = okta.brings("bjensen")
    okta.patch(
        f"Users/{made['id']}",
        {"op": "replace", "path": "displayName", "value": "Changed"},
        {"op": "replace", "path": "id", "value": "x"},
        status=400,
    )
    assert okta.get(f"Users/{made['id']}")["displayName"] == "bjensen"


# --- groups ----------------------------------------------------------------------------------------------------------------


def test_a_group_gives_its_people_the_role_that_is_mapped_to_its_name(okta: Provider, system: Actor) -> None:
    users = [okta.brings(name)["id"] for name in ("anna", "bernd")]
    with_password("anna", system)
    before = signs_in("anna")
    assert before is not None
    assert before.roles == ()
    group = okta.groups("Sellers", users[0], externalId="g1")
    assert [one["value"] for one in group["members"]] == [users[0]]
    after = signs_in("anna")
    assert after is not None
    assert [one.name for one in after.roles] == ["Lamp Seller"]
    assert after.version > before.version  # what was granted before does not go on
    assert okta.get(f"Users/{users[0]}")["groups"][0]["display"] == "Sellers"

    okta.patch(
        f"Groups/{group['id']}",
        {"op": "replace", "path": "displayName", "value": "Former Sellers"},
        status=204,
    )
    renamed = signs_in("anna")
    assert renamed is not None
    assert (renamed.roles, renamed.version > after.version) == ((), True)


def test_members_come_and_go(okta: Provider) -> None:
    a, b, c = (okta.brings(name)["id"] for name in "abc")
    group = okta.groups("All", a)["id"]

    def members(*operations: dict[str, Any]) -> set[str]:
        okta.patch(f"Groups/{group}", *operations, status=204)
        return {one["value"] for one in okta.get(f"Groups/{group}").get("members", [])}

    assert members({"op": "add", "path": "members", "value": [{"value": b}, {"value": a}]}) == {a, b}
    assert members({"op": "remove", "path": f'members[value eq "{a}"]'}) == {b}
    assert members({"op": "Remove", "path": "members", "value": [{"value": b}]}) == set()
    assert members({"op": "add", "value": {"members": [{"value": c}]}}) == {c}
    assert members({"op": "replace", "path": "members", "value": [{"value": a}, {"value": b}]}) == {a, b}
    assert members(
        {"op": "remove", "path": "members"}, {"op": "add", "path": "members", "value": [{"value": c}]}
    ) == {c}
    assert members({"op": "remove", "path": "members"}) == set()
    assert okta.get(f"Groups/{group}?excludedAttributes=members")["displayName"] == "All"
    okta.patch(f"Groups/{group}", {"op": "add", "path": "members", "value": [{"value": group}]}, status=400)
    okta.patch(
        f"Groups/{group}",
        {"op": "add", "path": "members", "value": [{"value": a, "type": "Group"}]},
        status=400,
    )
    assert okta.groups("ALL", status=409)["scimType"] == "uniqueness"
    assert okta.call("DELETE", f"Groups/{group}").status_code == 204
    assert not Group.objects.exists()


def test_who_keeps_its_roles_stays_signed_in(okta: Provider, system: Actor) -> None:
    user = okta.brings("anna")["id"]
    with_password("anna", system)
    before = Person.objects.get(name="anna").version
    okta.groups("Book Club", user)
    assert Person.objects.get(name="anna").version == before


def test_a_directory_that_is_off_lets_nobody_in(okta: Provider, system: Actor) -> None:
    okta.brings("anna")
    with_password("anna", system)
    assert signs_in("anna") is not None
    directory = Directory.objects.get()
    services.change_directory(
        directory, services.DirectoryDraft(is_active=False), by=system, now=timezone.now()
    )
    assert signs_in("anna") is None
    okta.get("Users", status=401)


# --- lists -----------------------------------------------------------------------------------------------------------------


def test_lists_page_sort_and_cut(okta: Provider) -> None:
    for name in ("carl", "anna", "bert"):
        okta.brings(name, displayName=name.upper())
    page = okta.get("Users?sortBy=userName&sortOrder=descending&startIndex=2&count=1&attributes=userName")
    assert (page["totalResults"], page["startIndex"], page["itemsPerPage"]) == (3, 2, 1)
    assert [set(one) for one in page["Resources"]] == [{"schemas", "id", "userName"}]
    assert page["Resources"][0]["userName"] == "bert"
    assert okta.get("Users?count=0")["totalResults"] == 3
    assert okta.get("Users?startIndex=-5&count=-1")["Resources"] == []
    assert okta.get("Users?startIndex=99")["Resources"] == []
    assert "emails" not in okta.get("Users?excludedAttributes=emails,meta.created")["Resources"][0]
    asked = {
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"],
        "filter": 'displayName sw "B"',
        "attributes": ["userName"],
        "count": 1,
    }
    assert okta.call("POST", "Users/.search", asked).json()["Resources"][0]["userName"] == "bert"


@pytest.mark.parametrize(
    "query",
    [
        "count=x", "startIndex=1.5", "sortBy=emails.type", "sortBy=nothing", "sortOrder=up", "filter=nothing%20pr",
        "filter=active%20co%20%22t%22", "filter=active%20eq%20%22true%22", "filter=id%20sw%20%221%22",
        "filter=meta.created%20gt%20%22now%22",
        "attributes=a&excludedAttributes=b", "attributes=a%20b", "filter=groups%5Bvalue%20eq%20%221%22%20and%20display%20pr%5D",
        "filter=password%20pr", "filter=userName%20eq%205", f"filter={PERSON}:dbid%20eq%20%221%22",
    ],
)  # fmt: skip
def test_what_cannot_be_asked_is_refused(okta: Provider, query: str) -> None:
    assert okta.get(f"Users?{query}", status=400)["scimType"] in {
        "invalidFilter",
        "invalidValue",
        "invalidPath",
    }


def test_every_attribute_that_can_be_asked_for_is(okta: Provider) -> None:
    made = okta.brings("bjensen", **BARBARA, **{PERSON: {"externalId": "bj"}})
    group = okta.groups("Sellers", made["id"])
    okta.brings("other")
    for text in (
        f'id eq "{made["id"]}"', 'externalId eq "00u1"', 'userName sw "BJ"', 'name.familyName eq "jensen"', 'name.givenName co "arb"',
        'displayName ew "JENSEN"', 'name.formatted eq "barbara jensen"', 'emails eq "BARBARA@acme.example"', 'emails.value co "barbara"',
        'emails[type eq "work" and value sw "barbara"]', 'phoneNumbers pr', "emails.primary eq true", f'groups eq "{group["id"]}"',
        'groups.display eq "sellers"', f'groups[value eq "{group["id"]}"]', f'{PERSON}:externalId eq "bj"',
        f"{PERSON}:dbid eq {made[PERSON]['dbid']}",
        f'{USER}:userName eq "bjensen"', 'not (userName eq "other")', 'externalId ne null', "externalId pr and active eq true",
    ):  # fmt: skip
        assert [one["id"] for one in okta.found("Users", text)] == [made["id"]], text
    for text in (
        'externalId eq "00U1"',
        'emails.type eq "home"',
        'id eq "nonsense"',
        f"{PERSON}:tenantDbid gt 1",
        'userName eq "\\u0000"',
    ):
        assert okta.found("Users", text) == [], text
    soon = (timezone.now() + timedelta(hours=1)).isoformat()
    assert len(okta.found("Users", f'meta.lastModified lt "{soon}" and meta.created le "{soon}"')) == 2
    assert [
        one["id"] for one in okta.found("Groups", f'members eq "{made["id"]}" and displayName eq "SELLERS"')
    ] == [group["id"]]


@pytest.mark.parametrize("query", ["", "?attributes=userName", "?excludedAttributes=groups"])
def test_the_statements_of_a_list_do_not_grow_with_it(okta: Provider, query: str) -> None:
    def statements() -> int:
        with CaptureQueriesContext(
            connection,
        ) as seen:
            okta.get(f"Users{query}")
        return sum("core_epoch" not in one["sql"] for one in seen)

    okta.groups("Sellers", okta.brings("a")["id"])
    few = statements()
    okta.groups("Buyers", *(okta.brings(f"x{number}")["id"] for number in range(10)))
    assert statements() <= few <= 6  # one of them the settings, which say where the Configuration Server is


# --- entity tags -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["Users", "Groups"])
def test_entity_tags_tell_what_changed(okta: Provider, kind: str) -> None:
    made = okta.brings("bjensen") if kind == "Users" else okta.groups("Sellers")
    path, tag = f"{kind}/{made['id']}", made["meta"]["version"]
    same = okta.call("GET", path, **{"If-None-Match": f'"x", {tag}'})
    assert (same.status_code, same.content, same["ETag"]) == (304, b"", tag)
    name = {"op": "replace", "path": "displayName", "value": "Changed"}
    okta.patch(path, name, status=412, **{"If-Match": '"x"'})
    okta.patch(path, name, status=200 if kind == "Users" else 204, **{"If-Match": tag})
    assert okta.call("DELETE", path, **{"If-Match": tag}).status_code == 412
    assert okta.call("GET", path, **{"If-None-Match": tag}).status_code == 200
    assert okta.call("DELETE", path, **{"If-Match": "*"}).status_code == 204


# --- what it says of itself ------------------------------------------------------------------------------------------------


def test_the_configuration_tells_the_truth(okta: Provider) -> None:
    told = okta.get("ServiceProviderConfig")
    made = okta.brings("bjensen")
    path = f"Users/{made['id']}"
    op = {"op": "replace", "path": "displayName", "value": "B"}
    proofs = {
        "patch": okta.call("PATCH", path, {"schemas": [PATCH], "Operations": [op]}).status_code == 200,
        "bulk": bulk(okta, {"method": "DELETE", "path": f"Groups/{okta.groups('G')['id']}"})[0]["status"]
        == "204",
        "filter": len(okta.found("Users", 'userName eq "nobody"')) == 0,
        "changePassword": okta.call(
            "PUT", path, {"schemas": [USER], "userName": "bjensen", "password": "x" * 20}
        ).status_code
        == 200,
        "sort": okta.get("Users?sortBy=userName")["totalResults"] == 1,
        "etag": okta.call("GET", path).has_header("ETag"),
    }
    assert {name: told[name]["supported"] for name in proofs} == proofs
    for number in range(told["filter"]["maxResults"] + 1):
        Person.objects.create(
            name=f"n{number}",
            display_name="N",
            tenant_id=Person.objects.get(name="bjensen").tenant_id,
            source=Directory.objects.get(),
        )
    page = okta.get(f"Users?count={told['filter']['maxResults'] * 2}&attributes=userName")
    assert (page["itemsPerPage"], page["totalResults"]) == (
        told["filter"]["maxResults"],
        told["filter"]["maxResults"] + 2,
    )
    assert [one["type"] for one in told["authenticationSchemes"]] == ["oauthbearertoken"]


def test_the_schemas_tell_what_is_answered(okta: Provider) -> None:
    made = okta.brings("bjensen", **BARBARA, **{PERSON: {"externalId": "bj"}})
    group = okta.groups("Sellers", made["id"], externalId="g1")
    told = {one["id"]: one for one in okta.get("Schemas")["Resources"]}
    assert set(told) == {USER, GROUP, PERSON}
    common = {"schemas", "id", "externalId", "meta"}
    for resource, schema in ((okta.get(f"Users/{made['id']}"), USER), (group, GROUP), (made[PERSON], PERSON)):
        names = {one["name"]: one for one in told[schema]["attributes"]}
        for name, value in resource.items():
            if (name in common and schema != PERSON) or name == PERSON:
                continue
            assert names[name]["multiValued"] is isinstance(value, list), name
            for part in value if isinstance(value, list) else [value]:
                if isinstance(part, dict):
                    assert part.keys() <= {one["name"] for one in names[name]["subAttributes"]}
    assert okta.get(f"Schemas/{USER}")["id"] == USER
    okta.get("Schemas/urn:nothing", status=404)
    assert [one["id"] for one in okta.get("ResourceTypes")["Resources"]] == ["User", "Group"]
    assert okta.get("ResourceTypes/User")["schemaExtensions"] == [{"schema": PERSON, "required": False}]
    okta.get("ResourceTypes/Printer", status=404)
    okta.get("Schemas?filter=id%20pr", status=403)
    okta.get("Me", status=501)
    okta.get("Printers", status=404)


def test_answers_come_in_both_media_types(okta: Provider) -> None:
    for accepted in ("application/scim+json", "application/json", "*/*"):
        assert okta.call("GET", "Users", Accept=accepted).status_code == 200
    assert okta.call("GET", "Users", Accept="text/html").status_code == 406
    assert okta.call("PUT", "Users").status_code == 405


# --- several at once -------------------------------------------------------------------------------------------------------

BULK = "urn:ietf:params:scim:api:messages:2.0:BulkRequest"


def bulk(okta: Provider, *operations: dict[str, Any], status: int = 200, **more: Any) -> Any:
    answer = okta.call("POST", "Bulk", {"schemas": [BULK], "Operations": list(operations)} | more)
    assert answer.status_code == status, answer.content
    return answer.json().get("Operations")


def test_bulk_does_each_operation_by_itself_and_knows_what_earlier_ones_made(okta: Provider) -> None:
    told = bulk(
        okta,
        {"method": "POST", "path": "/Users", "bulkId": "u", "data": {"schemas": [USER], "userName": "anna"}},
        {"method": "post", "path": "/Users", "bulkId": "v", "data": {"schemas": [USER], "userName": "ANNA"}},
        {"method": "POST", "path": "/Groups", "bulkId": "g", "data": {
            "schemas": [GROUP], "displayName": "Sellers", "members": [{"value": "bulkId:u"}]
        }},
        {"method": "PATCH", "path": "/Users/bulkId:u", "data": {
            "schemas": [PATCH], "Operations": [{"op": "replace", "path": "displayName", "value": "Anna"}]
        }},
        {"method": "DELETE", "path": "/Users/00000000-0000-0000-0000-000000000007"},
        {"method": "DELETE", "path": "/Groups/bulkId:nothing"},
        {"method": "PUT", "path": "/Printers/1", "data": {}},
    )  # fmt: skip
    assert [one["status"] for one in told] == ["201", "409", "201", "200", "404", "409", "404"]
    assert [one.get("bulkId") for one in told[:3]] == ["u", "v", "g"]
    assert told[1]["response"]["scimType"] == "uniqueness"
    user = okta.found("Users", 'userName eq "anna"')[0]
    assert (user["displayName"], user["groups"][0]["display"]) == ("Anna", "Sellers")
    assert told[0]["location"] == user["meta"]["location"]
    assert told[3]["version"] == user["meta"]["version"]
    deleted = bulk(okta, {"method": "DELETE", "path": f"Users/{user['id']}", "version": 'W/"another"'})
    assert deleted[0]["status"] == "412"


def test_bulk_ends_where_too_many_failed(okta: Provider) -> None:
    bad = {"method": "DELETE", "path": "/Users/00000000-0000-0000-0000-000000000007"}
    good = {
        "method": "POST",
        "path": "/Users",
        "bulkId": "u",
        "data": {"schemas": [USER], "userName": "anna"},
    }
    assert [one["status"] for one in bulk(okta, bad, bad, good, failOnErrors=2)] == ["404", "404"]
    assert not Person.objects.filter(name="anna").exists()


@pytest.mark.parametrize(
    ("operations", "more", "status"),
    [
        ([{"method": "DELETE", "path": "/Users/x"}] * 101, {}, 413),
        (["x"], {}, 400),
        ([{"method": "GET", "path": "/Users"}], {}, 400),
        ([{"method": 5}], {}, 400),
        ([{"method": "POST", "path": "/Users", "data": {}}], {}, 400),
        ([{"method": "DELETE", "path": ["/Users"]}], {}, 400),
        ([], {"failOnErrors": 0}, 400),
        ([], {"failOnErrors": True}, 400),
        ([], {"schemas": [USER]}, 400),
        ([], {"Operations": {}}, 400),
    ],
)
def test_a_bulk_that_is_none_is_refused_whole(
    okta: Provider, operations: list[Any], more: dict[str, Any], status: int
) -> None:
    bulk(okta, *operations, status=status, **more)


def test_a_query_that_cannot_be_read_is_refused_before_anything_is_done(okta: Provider) -> None:
    body = {"schemas": [USER], "userName": "anna"}
    assert okta.call("POST", "Users?attributes=a&excludedAttributes=b", body).status_code == 400
    assert not Person.objects.filter(name="anna").exists()


def test_a_person_who_was_handed_away_meanwhile_is_not_its_any_more(okta: Provider, system: Actor) -> None:
    user = okta.brings("anna")["id"]
    person = Person.objects.select_related("tenant", "source").get(uid=user)
    by = Caller(person.source, "192.0.2.1", lambda _dbid: None)
    services.change_person(person, services.PersonDraft(source=None), by=system, now=timezone.now())
    draft = services.PersonDraft(display_name="Mine")
    for outcome in (
        services.change_person(person, draft, by=by, now=timezone.now()),
        services.delete_person(person, by=by, now=timezone.now()),
    ):
        assert isinstance(outcome, Denied)
        assert outcome.code == "not_found"


def test_a_group_of_an_id_is_there_once_and_long_names_are_told_apart(okta: Provider) -> None:
    okta.groups("A", externalId="g1")
    assert okta.groups("B", status=409, externalId="g1")["detail"].startswith("externalId")
    assert okta.groups("x" * 255, status=400)["scimType"] == "invalidValue"


def test_who_cannot_be_brought_by_a_directory_is_not(system: Actor) -> None:
    radius = directories.radius("127.0.0.1:1812")
    draft = services.PersonDraft(name="x", display_name="X", tenant=Tenant.objects.get(dbid=1), source=radius)
    made = services.create_person(
        draft, password="", environment=snapshot(None), by=system, now=timezone.now()
    )
    assert isinstance(made, Denied)
    assert made.field == "source"
