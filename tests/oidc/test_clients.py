"""Clients as administrators keep them: over REST and on pages, in their own company, and the secret that is shown once."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client as Http
from django.utils import timezone

from accounts.models import Session, User
from audit.models import AuditEvent
from core.models import IdempotentAnswer
from oidc.models import Client
from tenants.models import Company
from tests import cast
from tests.cast import Browse, Call
from tests.journeys.doors import WebDoor
from tests.journeys.test_settings_of_the_factor import BEN
from tests.oidc.relying import CALLBACK, Party, party_of, signed_in_to

pytestmark = pytest.mark.django_db
LIST = "/admin/oidc/client/"


@pytest.fixture
def api(db: None) -> Call:
    """`api(somebody)` is a program in which this person is signed in."""
    return cast.Api


def body(**more: Any) -> dict[str, Any]:
    return {"name": "Wiki", "redirect_uris": [CALLBACK]} | more


# --- over REST


def test_one_is_made_changed_given_a_secret_and_deleted(api: Call, ada: User, acme: Company) -> None:
    door = api(ada)
    answer = door.post("clients/", body(scopes=["email", "roles"]))
    assert answer.status_code == 201, answer.json()
    said = answer.json()
    assert (said["company"], said["secret_made_at"], said["is_active"]) == (str(acme.uid), None, True)
    assert said["scopes"] == ["openid", "email", "roles"]
    url = f"clients/{said['id']}/"
    assert door.get(url).json() == said
    assert [one["id"] for one in door.get("clients/").json()["results"]] == [said["id"]]
    assert door.patch(url, {"is_active": False}).json()["is_active"] is False
    assert door.get("clients/?is_active=true").json()["results"] == []
    made = door.post(f"{url}secret/", {}, headers={"Idempotency-Key": "once"})
    assert made.status_code == 201
    secret = made.json()["client_secret"]
    # Kept nowhere but as a fingerprint: there is no answer to be had again.
    assert not IdempotentAnswer.objects.filter(key__contains="once").exists()
    assert secret not in str(Client.objects.values().get()) + str(door.get(url).json())
    assert not any(secret in str(row.details) for row in AuditEvent.objects.all())
    assert door.delete(url).status_code == 204
    assert door.get(url).status_code == 404


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"name": ""}, "name"),
        ({"redirect_uris": []}, "redirect_uris"),
        ({"redirect_uris": ["https://*.wiki.example/"]}, "redirect_uris"),
        ({"redirect_uris": ["http://wiki.example/"]}, "redirect_uris"),
        ({"redirect_uris": ["com.example.wiki:/back"]}, "redirect_uris"),
        ({"redirect_uris": [f"https://wiki.example/{number}" for number in range(60)]}, "redirect_uris"),
        ({"logout_uris": ["javascript:alert(1)"]}, "logout_uris"),
        ({"backchannel_uri": "file:///etc/passwd"}, "backchannel_uri"),
        ({"scopes": ["everything"]}, "scopes"),
        ({"algorithm": "none"}, "algorithm"),
        ({"client_id": "mine"}, "client_id"),
        ({"secret": "mine"}, "secret"),
    ],
)
def test_what_does_not_fit_is_refused_by_its_field(
    api: Call, ada: User, given: dict[str, Any], field: str
) -> None:
    answer = api(ada).post("clients/", body(**given))
    assert answer.status_code == 400
    assert any(name.startswith(field) for name in answer.json()["errors"]), answer.json()
    assert not Client.objects.exists()


def test_a_name_is_taken_once_in_a_company(api: Call, ada: User, cleo: User) -> None:
    assert api(ada).post("clients/", body()).status_code == 201
    assert api(ada).post("clients/", body()).status_code in {400, 409}
    assert api(cleo).post("clients/", body()).status_code == 201


def test_nobody_makes_one_for_others(
    api: Call, ada: User, ben: User, cleo: User, root: User, acme: Company
) -> None:
    assert api(ben).post("clients/", body()).status_code == 403
    assert api(ada).post("clients/", body(company=None)).status_code in {400, 403}
    assert not Client.objects.exists()
    for_all = api(root).post("clients/", body(company=None))
    assert (for_all.status_code, for_all.json()["company"]) == (201, None)
    mine = api(ada).post("clients/", body()).json()
    for given in ({"company": None}, {"is_public": True}):
        assert api(root).patch(f"clients/{mine['id']}/", given).status_code in {400, 409}, given
    foreign = api(cleo)
    for answer in (
        foreign.get(f"clients/{mine['id']}/"),
        foreign.patch(f"clients/{mine['id']}/", {"name": "Mine"}),
        foreign.post(f"clients/{mine['id']}/secret/", {}),
        foreign.delete(f"clients/{mine['id']}/"),
        api(ada).delete(f"clients/{for_all.json()['id']}/"),
    ):
        assert answer.status_code in {403, 404}
    assert Client.objects.count() == 2


def test_what_makes_somebody_trusted_wants_a_recent_proof(api: Call, ada: User, client_row: Client) -> None:
    door, url = api(ada), f"clients/{client_row.uid}/"
    Session.objects.filter(pk=door.session.pk).update(confirmed_at=timezone.now() - timedelta(minutes=11))
    for answer in (
        door.post("clients/", body()),
        door.patch(url, {"redirect_uris": ["https://evil.example/"]}),
        door.post(f"{url}secret/", {}),
    ):
        assert (answer.status_code, answer.json()["code"]) == (403, "confirm_first")
    assert door.delete(url).status_code == 204  # what takes trust away never waits


def test_a_public_one_has_no_secret(api: Call, ada: User) -> None:
    said = api(ada).post("clients/", body(is_public=True, redirect_uris=["com.example.wiki:/back"])).json()
    answer = api(ada).post(f"clients/{said['id']}/secret/", {})
    assert answer.status_code in {400, 409}
    assert "client_secret" not in answer.json()


# --- what a change ends


@pytest.mark.parametrize(
    "given",
    [
        {"is_active": False},
        {"redirect_uris": ["https://other.example/"]},
        {"scopes": []},
        {"needs_factor": True},
    ],
    ids=str,
)
def test_what_is_made_stricter_ends_what_there_was(
    api: Call, ada: User, party: Party, client_row: Client, ben_in: WebDoor, given: dict[str, Any]
) -> None:
    signed_in_to(party, ben_in)
    assert api(ada).patch(f"clients/{client_row.uid}/", {"name": "Knowledge"}).status_code == 200
    assert party.is_served()
    assert api(ada).patch(f"clients/{client_row.uid}/", given).status_code == 200
    assert not party.is_served()
    assert ben_in.is_in()  # here nothing has ended


# --- on pages


@pytest.fixture
def ada_s(browser: Browse, ada: User) -> Http:
    return browser(ada)


def page(http: Http, url: str) -> str:
    answer = http.get(url)
    assert answer.status_code == 200, answer.status_code
    return answer.content.decode()


FORM = {
    "name": "Wiki", "is_active": "on", "redirect_uris": f"{CALLBACK}\r\nhttps://wiki.example/two\r\n", "logout_uris": "",
    "backchannel_uri": "", "scopes": ["email"], "asks_consent": "on", "algorithm": "RS256",
}  # fmt: skip


def test_ada_makes_one_without_choosing_her_company(ada_s: Http, acme: Company) -> None:
    answer = ada_s.post(f"{LIST}add/", FORM)
    assert answer.status_code == 302, answer.content.decode()
    made = Client.objects.get()
    assert (made.company, made.redirect_uris) == (acme, [CALLBACK, "https://wiki.example/two"])
    assert "No secret yet" in page(ada_s, LIST)
    shown = page(ada_s, f"{LIST}{made.pk}/change/")
    assert "It has no secret yet" in shown
    assert "/.well-known/openid-configuration" in shown
    assert 'name="company"' not in shown  # it stays
    assert 'name="is_public"' not in shown


def test_the_secret_is_shown_once_and_a_page_that_is_loaded_anew_makes_no_other(
    ada_s: Http, acme: Company
) -> None:
    party_of(acme, secret=False)
    client = Client.objects.get()
    url = f"{LIST}{client.pk}/make_secret/"
    stamp = page(ada_s, url).partition('name="seen" value="')[2].partition('"')[0]
    answer = ada_s.post(url, {"seen": stamp})
    shown = answer.content.decode()
    assert shown.count("gh_client_") == 1
    assert "no-store" in answer["Cache-Control"]
    kept = Client.objects.get().secret
    assert "gh_client_" not in ada_s.post(url, {"seen": stamp}).content.decode()
    assert Client.objects.get().secret == kept
    assert "gh_client_" not in page(ada_s, f"{LIST}{client.pk}/change/")


def test_a_client_that_could_not_be_told_is_seen(
    ada_s: Http, party: Party, client_row: Client, ben_in: WebDoor
) -> None:
    signed_in_to(party, ben_in)
    shown = page(ada_s, f"{LIST}{client_row.pk}/change/")
    assert BEN in shown
    client_row.sessions.update(logout_due_at=timezone.now(), logout_trouble="it answered with 500")
    assert "it answered with 500" in page(ada_s, f"{LIST}{client_row.pk}/change/")
