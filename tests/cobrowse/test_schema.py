"""What co-browse answers is what the schema says of it, in both vocabularies."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.http import HttpResponse
from drf_spectacular.generators import SchemaGenerator
from jsonschema import Draft202012Validator

from accounts.models import User
from tenants.models import Company
from tests.cobrowse.story import LIVE, OTHER, TOKEN, Customer, Desktop, application

pytestmark = pytest.mark.django_db
Check = Callable[[HttpResponse, int], Any]


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    """The schema as it is served."""
    return dict(SchemaGenerator().get_schema(request=None, public=True))


@pytest.fixture
def true_to(schema: dict[str, Any]) -> Check:
    """Holds an answer against what its operation promises for this status, and gives what was said."""
    operations = {
        re.sub(r"\{\w+\}", "[^/]+", path): (path, described) for path, described in schema["paths"].items()
    }

    def check(answer: HttpResponse, status: int) -> Any:
        request = answer.wsgi_request
        assert answer.status_code == status, answer.content
        found = [one for pattern, one in operations.items() if re.fullmatch(pattern, request.path)]
        path, described = min(found, key=lambda one: one[0].count("{"))
        promised = described[request.method.lower()]["responses"]
        assert str(status) in promised, f"{request.method} {path} does not promise {status}"
        if status == 204:
            return None
        shape = promised[str(status)]["content"][answer["Content-Type"].partition(";")[0]]["schema"]
        said = answer.json()
        Draft202012Validator({**shape, "components": schema["components"]}).validate(said)
        row = said[0] if isinstance(said, list) and said else said
        name = shape.get("items", shape).get("$ref", "").rpartition("/")[2]
        if name and isinstance(row, dict):
            known = schema["components"]["schemas"][name].get("properties", {})
            assert set(row) - {"*"} <= set(known), f"{name} says nothing of {set(row) - set(known)}"
        return said

    return check


def test_a_session_in_the_words_of_the_source_system(
    true_to: Check, carol: Customer, ben: User, ada: User
) -> None:
    desk = Desktop(ben)
    said = true_to(carol.post(f"{LIVE}/sessions", {"role": 1, "name": "Carol", "custom_data": {"a": 1}}), 201)
    carol.user_token = said["userToken"]
    digits, uid = said["sessionToken"], said["sessionHistoryId"]
    true_to(desk.get(f"{LIVE}/sessions/{digits}"), 200)
    true_to(carol.get(f"{LIVE}/sessions/{digits}"), 200)
    true_to(desk.get(f"{LIVE}/sessions/000000001"), 404)
    desk.user_token = true_to(desk.post(f"{LIVE}/sessions/{digits}/join", {"role": 2}), 200)["userToken"]
    true_to(Desktop(ada).post(f"{LIVE}/sessions/{digits}/join", {"role": 2}), 409)
    state = f"{LIVE}/users/{carol.user_token}/session"
    true_to(carol.get(state), 200)
    true_to(carol.post(f"{state}/page", {"url": f"{carol.headers['Origin']}/cart"}), 200)
    true_to(desk.does("mode", {"mode": "write", "action": "request"}), 200)
    true_to(carol.does("mode", {"mode": "write", "action": "grant"}), 200)
    true_to(carol.does("mode", {"mode": "write", "action": "request"}), 403)
    true_to(desk.get(f"/cobrowse/rest/history/sessions/{uid}"), 200)
    true_to(carol.does("exit"), 200)
    true_to(carol.get(state), 200)
    true_to(desk.get(f"/cobrowse/rest/history/sessions/{uid}"), 200)
    true_to(carol.post(f"{LIVE}/sessions", {"role": 7}), 400)
    true_to(Customer(None).post(f"{LIVE}/sessions", {}), 403)
    said = true_to(carol.post(f"{LIVE}/sessions", {}), 201)
    other = Desktop(ben)
    other.user_token = true_to(other.post(f"{LIVE}/sessions/{said['sessionToken']}/join", {"role": 3}), 200)[
        "userToken"
    ]
    true_to(other.does("stop"), 200)


def test_a_session_in_the_words_of_the_published_client(
    true_to: Check, carol: Customer, ben: User, ada: User
) -> None:
    desk, said = Desktop(ben), carol.starts(custom_data={"ticket": "7"})
    where = f"/api/1/sessions/{said['sessionHistoryId']}"
    tokens = f"/api/v1/cobrowse-sessions/{said['sessionHistoryId']}/agent-tokens/"
    for path in ("users/me", f"users/{ben.uid}", "accounts", "policy/current", "regions/closest", "devices"):
        true_to(desk.get(f"/api/1/{path}"), 200)
    true_to(desk.get("/api/1/devices/x"), 404)
    true_to(desk.get("/api/1/sessions/x/recording"), 404)
    true_to(desk.get(f"/api/1/sessions/{said['code']}"), 200)
    true_to(desk.put(where, {"agent": "me"}), 200)
    true_to(desk.put(where, {"remote_control": "requested"}), 200)
    true_to(desk.put(where, {"custom_data": {"ticket": None}}), 200)
    true_to(desk.put(where, {"custom_data": {}, "agent": "me"}), 400)
    assert true_to(desk.get("/api/1/sessions"), 200)
    true_to(Desktop(ada).get("/api/1/sessions?agent=all&state=active"), 200)
    true_to(desk.get("/api/1/sessions?agent=all"), 403)
    token = true_to(desk.post(tokens, {"right": "view"}), 201)
    true_to(desk.get(tokens), 200)
    bound = Desktop(None)
    bound.headers["Authorization"] = f"Bearer {token['token']}"
    true_to(bound.get("/api/1/policy/current"), 200)
    true_to(desk.delete(f"{tokens}{token['id']}/"), 204)
    true_to(bound.get(where), 401)
    true_to(desk.put(where, {"state": "ended"}), 200)
    true_to(desk.put(where, {"state": "ended"}), 409)
    true_to(desk.post("/api/1/sessions", {"custom_data": {"a": True}}), 201)


def test_applications_options_and_what_administrators_see_of_sessions(
    true_to: Check, carol: Customer, acme: Company, ben: User, ada: User
) -> None:
    cluster, said = application(acme, "cluster", token=TOKEN), carol.starts()
    admin = Desktop(ada)
    true_to(admin.get("applications/"), 200)
    where = f"applications/{cluster.uid}/"
    true_to(admin.get(where), 200)
    true_to(admin.get(f"{where}options/"), 200)
    true_to(admin.get(f"{where}options/slave/password/"), 200)
    true_to(admin.put(f"/api/v1/{where}options/cluster/url/", {"value": "https://co.acme.example/c"}), 200)
    true_to(admin.put(f"/api/v1/{where}options/slave/password/", {"value": "short"}), 400)
    true_to(admin.post(f"{where}options/slave/password/generate/", {"both": False}), 201)
    true_to(admin.get(f"{where}options/nothing/here/"), 404)
    true_to(Desktop(ben).get("applications/"), 403)
    made = true_to(
        admin.post("applications/", {"company": str(acme.uid), "type": "workspace", "name": "Desk"}), 201
    )
    true_to(admin.delete(f"applications/{made['id']}/"), 204)
    true_to(admin.get("cobrowse-sessions/"), 200)
    true_to(admin.get(f"cobrowse-sessions/{said['sessionHistoryId']}/"), 200)
    true_to(Desktop(ben, OTHER).get(f"/api/1/sessions/{said['code']}"), 403)
    true_to(admin.delete(f"cobrowse-sessions/{said['sessionHistoryId']}/"), 204)
