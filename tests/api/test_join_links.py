"""Join links over REST: made, shown once, mailed, shown again, revoked, listed; many at once; and what stays out of reach."""

from typing import Any

import pytest
from django.conf import settings
from django.utils import timezone

from accounts.joining import accept, read_join_token
from accounts.models import JoinLink, User
from audit.models import AuditEvent
from audit.record import Origin
from delivery.models import Delivery
from tenants.models import Company, Role
from tests.cast import Call


def role(name: str) -> str:
    """The id of a built-in role."""
    return str(Role.objects.get(name=name, company=None).uid)


def new(**more: Any) -> dict[str, Any]:
    """The body of a new link."""
    return {"role": role("Agent")} | more


def holds(url: str) -> JoinLink | None:
    assert url.startswith(f"{settings.PUBLIC_URL}/join/")
    token = url.removeprefix(f"{settings.PUBLIC_URL}/join/").removesuffix("/")
    return read_join_token(token, now=timezone.now())


def test_ada_makes_a_link_and_sees_its_address_once(api: Call, ada: User, acme: Company) -> None:
    program = api(ada)
    answer = program.post("join-links/", new(hours=24))
    assert answer.status_code == 201, answer.json()
    said = answer.json()
    assert answer.headers["Location"] == f"/api/v1/join-links/{said['id']}/"
    assert (said["company"], said["role_name"], said["state"], said["made_by_name"]) == (
        str(acme.uid),
        "Agent",
        "open",
        ada.username,
    )
    assert holds(said["url"]) == JoinLink.objects.get()
    again = program.get(f"join-links/{said['id']}/").json()
    assert again == {name: value for name, value in said.items() if name != "url"}


def test_a_link_for_an_address_is_mailed_and_mailed_again(api: Call, ada: User) -> None:
    program = api(ada)
    said = program.post("join-links/", new(email="dan@acme.example", name="Dan")).json()
    assert said["delivery"] == str(Delivery.objects.get().uid)
    again = program.post(f"join-links/{said['id']}/resend/")
    assert (again.status_code, again.json()["expires_at"]) == (200, said["expires_at"])
    assert Delivery.objects.count() == 2
    nobody = program.post("join-links/", new()).json()
    refused = program.post(f"join-links/{nobody['id']}/resend/")
    assert (refused.status_code, refused.json()["code"]) == (409, "no_address")


def test_the_address_is_shown_on_request_and_that_is_written_down(api: Call, ada: User) -> None:
    program = api(ada)
    said = program.post("join-links/", new()).json()
    shown = program.post(f"join-links/{said['id']}/show/")
    assert (shown.status_code, list(shown.json())) == (200, ["url"])
    assert holds(shown.json()["url"]) == JoinLink.objects.get()
    assert AuditEvent.objects.get(event="accounts:joinlink:shown").actor_uid == str(ada.uid)


def test_a_revoked_link_stays_in_the_list(api: Call, ada: User) -> None:
    program = api(ada)
    said = program.post("join-links/", new()).json()
    assert program.delete(f"join-links/{said['id']}/").status_code == 204
    assert holds(said["url"]) is None
    assert program.get(f"join-links/{said['id']}/").json()["state"] == "revoked"
    again = program.delete(f"join-links/{said['id']}/")
    assert (again.status_code, again.json()["code"]) == (409, "not_open")


def test_filters_find_links(api: Call, ada: User, root: User, acme: Company) -> None:
    program = api(ada)
    for email in ("dan@acme.example", "eve@acme.example", "fay@acme.example"):
        program.post("join-links/", new(email=email))
    links = {one.email.partition("@")[0]: one for one in JoinLink.objects.all()}
    program.delete(f"join-links/{links['eve'].uid}/")
    accept(
        links["dan"], email="dan@acme.example", display_name="Dan", now=timezone.now(), origin=Origin(), user=None
    )  # fmt: skip

    def found(query: str) -> list[str]:
        answer = api(root).get(f"join-links/?{query}").json()
        return [one["email"].partition("@")[0] for one in answer["results"]]

    assert found("state=open") == ["fay"]
    assert found("state=accepted") == ["dan"]
    assert found("state=revoked") == ["eve"]
    assert found("state=expired") == []
    assert found("email=DAN@acme.example") == ["dan"]
    assert found(f"company={acme.uid}") == ["fay", "eve", "dan"]
    dan = program.get("users/?email=dan@acme.example").json()["results"][0]
    assert (dan["came_by"], dan["came_through"]) == ("join", ada.username)
    link = program.get(f"join-links/{links['dan'].uid}/").json()
    assert (link["used_by"], link["used_by_name"]) == (dan["id"], "dan@acme.example")


@pytest.mark.parametrize("method", ["get", "delete", "resend", "show"])
def test_a_link_of_another_company_does_not_exist(method: str, api: Call, ada: User, cleo: User) -> None:
    said = api(ada).post("join-links/", new(email="dan@acme.example")).json()
    program, path = api(cleo), f"join-links/{said['id']}/"
    answer = {
        "get": lambda: program.get(path),
        "delete": lambda: program.delete(path),
        "resend": lambda: program.post(f"{path}resend/"),
        "show": lambda: program.post(f"{path}show/"),
    }[method]()
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


def test_a_link_above_ones_rank_or_outside_ones_company_is_refused(
    api: Call, ada: User, ben: User, globex: Company
) -> None:
    program = api(ada)
    theirs = Role.objects.create(name="Theirs", company=globex, rank=1)
    for body, status, code in (
        (new(role=role("Full Administrator")), 403, "rank_too_high"),
        (new(company=str(globex.uid)), 400, "invalid"),
        (new(role=str(theirs.uid)), 400, "invalid"),
        (new(hours=73), 400, "invalid"),
        (new(hours="72"), 400, "invalid"),
        (new(email="dan"), 400, "invalid"),
        (new(email="a@acme.example\nBcc: b@acme.example"), 400, "invalid"),
        (new(url="x"), 400, "invalid"),
    ):
        answer = program.post("join-links/", body)
        assert (answer.status_code, answer.json()["code"]) == (status, code), body
    assert api(ben).post("join-links/", new()).status_code == 403
    assert api(None).post("join-links/", new()).status_code == 401
    assert not JoinLink.objects.exists()


def test_many_are_invited_with_a_result_for_each(api: Call, ada: User, ben: User) -> None:
    body = {
        "role": role("Agent"),
        "csv": "\ufeffemail,role\r\ndan@acme.example,\r\nnobody,\r\nben@acme.example,Member\r\n",
    }
    answer = api(ada).post("join-links/bulk/", body)
    assert answer.status_code == 200, answer.json()
    said = answer.json()
    assert said["invited"] == 1
    assert [one["code"] for one in said["results"]] == ["invited", "invalid", "already_member"]
    assert said["results"][0]["id"] == str(JoinLink.objects.get().uid)
    rows = api(ada).post("join-links/bulk/", {"rows": [{"email": "eve@acme.example", "role": "Agent"}]})
    assert rows.json()["invited"] == 1


def test_many_are_not_a_way_to_rise(api: Call, ada: User, root: User, globex: Company) -> None:
    program = api(ada)
    answer = program.post(
        "join-links/bulk/", {"rows": [{"email": "dan@acme.example", "role": "Full Administrator"}]}
    )
    assert [one["code"] for one in answer.json()["results"]] == ["unknown_role"]
    answer = program.post(
        "join-links/bulk/", {"role": role("Full Administrator"), "rows": [{"email": "dan@acme.example"}]}
    )
    assert [one["code"] for one in answer.json()["results"]] == ["rank_too_high"]
    elsewhere = program.post("join-links/bulk/", {"company": str(globex.uid), "rows": []})
    assert elsewhere.status_code == 400
    # Somebody without a company names one.
    assert api(root).post("join-links/bulk/", {"rows": []}).status_code == 403
    assert not JoinLink.objects.exists()


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"rows": [], "csv": ""},
        {"rows": [{"email": "a@acme.example"}] * 101},
        {"rows": [{"mail": "a@acme.example"}]},
        {"rows": ["a@acme.example"]},
        {"csv": "a\u0000b"},
        {"csv": "x" * 70_000},
    ],
)
def test_what_is_no_list_is_refused(body: dict[str, Any], api: Call, ada: User) -> None:
    assert api(ada).post("join-links/bulk/", body).status_code == 400


def test_a_create_that_is_sent_again_makes_no_second_link(api: Call, ada: User) -> None:
    program = api(ada)
    first = program.post("join-links/", new(), headers={"Idempotency-Key": "one"})
    again = program.post("join-links/", new(), headers={"Idempotency-Key": "one"})
    assert again.json() == first.json()
    many = {"rows": [{"email": "dan@acme.example", "role": "Agent"}]}
    said = program.post("join-links/bulk/", many, headers={"Idempotency-Key": "two"}).json()
    assert program.post("join-links/bulk/", many, headers={"Idempotency-Key": "two"}).json() == said
    assert JoinLink.objects.count() == 2
