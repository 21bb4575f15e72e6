"""Co-browse applications over REST: made, given options, and a token that is in one answer and nowhere else."""

from datetime import timedelta
from typing import Any

import pytest
from django.http import HttpResponse
from django.utils import timezone

from accounts.models import Session, User
from audit.models import AuditEvent
from cobrowse.models import Application
from cobrowse.tokens import desk_of, fingerprint
from core.models import IdempotentAnswer
from tenants.models import Company, Permission, Privilege, Role
from tests.cast import MEMBER, Api, Call, person
from tests.cobrowse.story import OTHER, SHOP, TOKEN, application

pytestmark = pytest.mark.django_db
PASSWORD, WORKSPACE_PASSWORD = "slave/password", "cobrowse/password"
ORIGINS, URL = "cross-origin/allowedOrigins", "cluster/url"


@pytest.fixture
def cluster(acme: Company) -> Application:
    return application(acme, "cluster", origins=SHOP)


@pytest.fixture
def workspace(acme: Company) -> Application:
    return application(acme, "workspace")


@pytest.fixture
def viewer(acme: Company) -> User:
    """Sees the applications of Acme and changes nothing."""
    vera = person("vera@acme.example", company=acme, role=MEMBER)
    role = Role.objects.create(name="Watcher", company=acme, rank=60)
    role.privileges.set(Privilege.objects.filter(name="Applications - View"))
    Permission.objects.create(role=role, kind="application", reach="own")
    vera.roles.set([role])
    return vera


def at(found: Application, path: str) -> str:
    return f"applications/{found.uid}/options/{path}/"


def put(door: Api, found: Application, path: str, value: Any, *, method: str = "PUT") -> HttpResponse:
    return door._call(method, at(found, path), {"value": value}, {})


def said(answer: HttpResponse) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


def test_one_is_made_renamed_and_deleted(api: Call, ada: User, acme: Company) -> None:
    door = api(ada)
    answer = door.post("applications/", {"name": "Desk", "type": "cluster"})
    assert answer.status_code == 201, answer.json()
    shown = answer.json()
    assert answer["Location"] == f"/api/v1/applications/{shown['id']}/"
    assert (shown["company"], shown["type"], shown["tokens"]) == (str(acme.uid), "cluster", "off")
    assert shown["site_key"] == Application.objects.get().site_key
    url = f"applications/{shown['id']}/"
    assert door.get(url).json() == shown
    assert said(door.post("applications/", {"name": "Second", "type": "cluster"})) == (409, "name_taken")
    assert door.patch(url, {"name": "Renamed"}).json() == shown | {"name": "Renamed"}
    assert said(door.patch(url, {"name": " "})) == (400, "invalid")
    assert said(door.patch(url, {"type": "workspace"})) == (400, "invalid")
    assert door.delete(url).status_code == 204
    assert door.get(url).status_code == 404


def test_they_are_filtered_by_company_and_type(
    api: Call, root: User, acme: Company, globex: Company, cluster: Application, workspace: Application
) -> None:
    theirs = application(globex, "cluster")

    def names(query: str) -> set[str]:
        return {one["id"] for one in api(root).get(f"applications/?{query}").json()["results"]}

    assert names("") == {str(one.uid) for one in (cluster, workspace, theirs)}
    assert names(f"company={acme.uid}&type=cluster") == {str(cluster.uid)}
    assert names("type=workspace") == {str(workspace.uid)}
    assert api(root).get("applications/?kind=cluster").status_code == 400


def test_every_option_of_the_type_is_listed_set_or_not(
    api: Call, ada: User, acme: Company, cluster: Application, workspace: Application
) -> None:
    application(acme, "cluster", token=TOKEN)
    rows = api(ada).get(f"applications/{cluster.uid}/options/").json()["results"]
    shown = {f"{one['section']}/{one['option']}": one for one in rows}
    assert list(shown) == [PASSWORD, URL, "cluster/serverUrl", ORIGINS]
    secret = shown[PASSWORD]
    assert (secret["is_secret"], secret["is_set"], secret["value"]) == (True, True, None)
    assert secret["changed_at"] is not None
    assert secret["changed_by"] is None  # the installation itself
    assert (shown[ORIGINS]["is_list"], shown[ORIGINS]["value"]) == (True, [SHOP])
    assert (shown[URL]["is_set"], shown[URL]["value"], shown[URL]["changed_at"]) == (False, None, None)
    assert all(one["help"] for one in rows)
    (only,) = api(ada).get(f"applications/{workspace.uid}/options/").json()["results"]
    assert (only["section"], only["option"], only["is_set"]) == ("cobrowse", "password", False)
    assert api(ada).get(at(cluster, ORIGINS)).json() == shown[ORIGINS]


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
def test_an_option_is_set_and_taken_away(api: Call, ada: User, cluster: Application, method: str) -> None:
    door = api(ada)
    answer = put(door, cluster, URL, "https://co.example/cobrowse/", method=method)
    assert answer.status_code == 200, answer.json()
    assert (answer.json()["value"], answer.json()["changed_by"]) == ("https://co.example/cobrowse", str(ada))
    answer = put(door, cluster, ORIGINS, [SHOP, "https://two.example"], method=method)
    assert answer.json()["value"] == [SHOP, "https://two.example"]
    answer = put(door, cluster, PASSWORD, TOKEN, method=method)
    assert (answer.status_code, answer.json()["value"], answer.json()["is_set"]) == (200, None, True)
    assert TOKEN not in answer.content.decode()
    assert desk_of(cluster.company_id).cluster == fingerprint(TOKEN)
    for path in (URL, ORIGINS, PASSWORD):
        assert door.delete(at(cluster, path)).status_code == 204
        left = door.get(at(cluster, path)).json()
        assert (left["is_set"], left["value"], left["changed_by"]) == (False, None, str(ada))
    assert put(door, cluster, URL, "", method=method).json()["is_set"] is False


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (PASSWORD, "short"), (PASSWORD, [TOKEN]), (PASSWORD, None), (PASSWORD, 7), (PASSWORD, TOKEN + "\x00"), (PASSWORD, {}),
        (URL, "nonsense"), (URL, ["https://co.example"]), (URL, "https://co.example/\ud800"), (URL, "x" * 6000),
        (ORIGINS, SHOP), (ORIGINS, ["https://*.example"]), (ORIGINS, [7]), (ORIGINS, {"a": "b"}),
        (ORIGINS, [f"https://s{n}.example" for n in range(21)]),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused_at_the_value(
    api: Call, ada: User, cluster: Application, path: str, value: Any
) -> None:
    answer = put(api(ada), cluster, path, value)
    assert said(answer) == (400, "invalid")
    assert set(answer.json()["errors"]) == {"value"}
    assert not desk_of(cluster.company_id).is_on
    assert api(ada).get(at(cluster, ORIGINS)).json()["value"] == [SHOP]


def test_a_body_with_more_or_less_in_it_is_refused(api: Call, ada: User, cluster: Application) -> None:
    door = api(ada)
    for body in ({}, {"value": "https://co.example", "section": "x"}, []):
        assert door._call("PUT", at(cluster, URL), body, {}).status_code == 400


def test_a_site_of_another_company_is_a_conflict_that_does_not_name_it(
    api: Call, ada: User, globex: Company, cluster: Application
) -> None:
    application(globex, "cluster", origins="https://globex.example")
    answer = put(api(ada), cluster, ORIGINS, [SHOP, "https://globex.example"])
    assert said(answer) == (409, "origin_taken")
    assert set(answer.json()["errors"]) == {"value"}
    assert "Globex" not in answer.content.decode()


@pytest.mark.parametrize(
    "path",
    ["slave/nothing", "nothing/password", WORKSPACE_PASSWORD, "slave/password%00", "slave/" + "x" * 300],
)
def test_an_option_that_there_is_not_is_404(api: Call, ada: User, cluster: Application, path: str) -> None:
    door = api(ada)
    assert door.get(at(cluster, path)).status_code == 404
    assert put(door, cluster, path, TOKEN).status_code == 404
    assert door.delete(at(cluster, path)).status_code == 404
    assert door.post(f"{at(cluster, path)}generate/", {}).status_code == 404


def test_a_token_is_generated_into_both_and_is_in_the_one_answer(
    api: Call, ada: User, cluster: Application, workspace: Application
) -> None:
    door = api(ada)
    answer = door.post(
        f"{at(workspace, WORKSPACE_PASSWORD)}generate/", {}, headers={"Idempotency-Key": "once"}
    )
    assert answer.status_code == 201, answer.json()
    token = answer.json()["token"]
    assert set(answer.json()["applications"]) == {str(cluster.uid), str(workspace.uid)}
    assert desk_of(cluster.company_id).cluster == desk_of(cluster.company_id).workspace == fingerprint(token)
    # Kept nowhere, not even sealed: there is no answer to be had again.
    assert not IdempotentAnswer.objects.exists()
    for path in (
        f"applications/{cluster.uid}/",
        f"applications/{cluster.uid}/options/",
        at(cluster, PASSWORD),
    ):
        assert token not in door.get(path).content.decode()
    assert not any(token in str(row.details) for row in AuditEvent.objects.all())
    assert door.get(f"applications/{cluster.uid}/").json()["tokens"] == "valid"
    alone = door.post(f"{at(cluster, PASSWORD)}generate/", {"both": False})
    assert alone.json()["applications"] == [str(cluster.uid)]
    assert door.get(f"applications/{workspace.uid}/").json()["tokens"] == "mismatch"


def test_only_a_token_is_generated(api: Call, ada: User, cluster: Application) -> None:
    assert api(ada).post(f"{at(cluster, URL)}generate/", {}).status_code == 404
    assert api(ada).post(f"{at(cluster, PASSWORD)}generate/", {"both": "yes"}).status_code == 400


def test_what_decides_who_works_with_sessions_wants_a_recent_proof_and_taking_a_site_away_does_not(
    api: Call, ada: User, acme: Company, cluster: Application, workspace: Application
) -> None:
    application(acme, "cluster", token=TOKEN)
    door = api(ada)
    Session.objects.filter(pk=door.session.pk).update(confirmed_at=timezone.now() - timedelta(minutes=11))
    for answer in (
        put(door, cluster, PASSWORD, OTHER),
        put(door, cluster, URL, "https://co.example", method="PATCH"),
        put(door, cluster, ORIGINS, ["https://evil.example"]),
        door.delete(at(cluster, PASSWORD)),  # authentication would be off
        door.delete(at(workspace, WORKSPACE_PASSWORD)),
        door.post(f"{at(cluster, PASSWORD)}generate/", {}),
        door.delete(f"applications/{cluster.uid}/"),
    ):
        assert said(answer) == (403, "confirm_first")
    assert desk_of(acme.pk).cluster == fingerprint(TOKEN)
    assert door.get(f"applications/{cluster.uid}/options/").status_code == 200
    assert door.patch(f"applications/{cluster.uid}/", {"name": "Renamed"}).status_code == 200
    assert door.delete(at(cluster, ORIGINS)).status_code == 204


def test_who_only_sees_changes_nothing_and_reads_no_token(
    api: Call, viewer: User, acme: Company, cluster: Application
) -> None:
    application(acme, "cluster", token=TOKEN)
    door, url = api(viewer), f"applications/{cluster.uid}/"
    for path in (url, f"{url}options/", at(cluster, PASSWORD)):
        answer = door.get(path)
        assert answer.status_code == 200
        assert TOKEN not in answer.content.decode()
    for answer in (
        door.post("applications/", {"name": "Desk", "type": "workspace"}),
        door.patch(url, {"name": "Mine"}),
        put(door, cluster, PASSWORD, OTHER),
        put(door, cluster, ORIGINS, []),
        door.delete(at(cluster, ORIGINS)),
        door.post(f"{at(cluster, PASSWORD)}generate/", {}),
        door.delete(url),
    ):
        assert said(answer) == (403, "forbidden")
    assert desk_of(acme.pk).cluster == fingerprint(TOKEN)


def test_another_companys_does_not_exist(
    api: Call, ada: User, ben: User, globex: Company, cluster: Application
) -> None:
    theirs = application(globex, "cluster", token=TOKEN)
    door, url = api(ada), f"applications/{theirs.uid}/"
    for answer in (
        door.get(url),
        door.get(f"{url}options/"),
        door.get(at(theirs, PASSWORD)),
        door.patch(url, {"name": "Mine"}),
        put(door, theirs, PASSWORD, OTHER),
        door.delete(at(theirs, PASSWORD)),
        door.post(f"{at(theirs, PASSWORD)}generate/", {}),
        door.delete(url),
    ):
        assert said(answer) == (404, "not_found")
    assert (
        door.post("applications/", {"name": "X", "type": "cluster", "company": str(globex.uid)}).status_code
        == 400
    )
    assert desk_of(globex.pk).cluster == fingerprint(TOKEN)
    assert api(ben).get(f"applications/{cluster.uid}/").status_code == 404
