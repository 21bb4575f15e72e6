"""The pages of integrations: making one with what is known of a product, its keys, and the private key that is shown once."""

import re
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import Integration, Session, User
from tenants.models import Company
from tests.accounts.story import built_in
from tests.accounts.vouched import EC, RSA, integration_of, pem_of, public_of
from tests.cast import Browse
from tests.publisher import Publisher

pytestmark = pytest.mark.django_db
LIST = "/admin/accounts/integration/"


@pytest.fixture
def ada_s(browser: Browse, ada: User) -> Client:
    return browser(ada)


@pytest.fixture
def desk(acme: Company) -> Integration:
    return integration_of(acme, preset="zendesk", origins=["https://acme.zendesk.com"])


def page(client: Client, url: str) -> str:
    answer = client.get(url)
    assert answer.status_code == 200, answer.status_code
    return answer.content.decode()


def test_what_is_known_of_a_product_is_filled_in(ada_s: Client, ada: User) -> None:
    form = page(ada_s, f"{LIST}add/?preset=intercom")
    assert "https://app.intercom.com" in form
    assert 'value="60"' in form
    assert re.search(r'aria-current="true">Intercom<', form)
    assert 'value="1440"' in page(ada_s, f"{LIST}add/")


def test_ada_makes_one_without_choosing_her_company(ada_s: Client, acme: Company) -> None:
    given = {
        "name": "Desk", "preset": "other", "ceiling": built_in("Agent").pk, "lifetime_minutes": "30", "is_active": "on",
        "origins": "https://desk.example\r\nhttps://Two.Example\r\n",
    }  # fmt: skip
    answer = ada_s.post(f"{LIST}add/", given)
    assert answer.status_code == 302, answer.content.decode()
    made = Integration.objects.get()
    assert (made.company, made.origins) == (acme, ["https://desk.example", "https://two.example"])


def test_a_placeholder_that_was_left_is_refused_and_what_was_typed_stays(
    ada_s: Client, acme: Company
) -> None:
    given = {
        "name": "Typed",
        "preset": "zendesk",
        "ceiling": built_in("Agent").pk,
        "lifetime_minutes": "30",
        "origins": "https://{subdomain}.zendesk.com",
    }
    answer = ada_s.post(f"{LIST}add/", given)
    shown = answer.content.decode()
    assert answer.status_code == 200
    assert "in braces" in shown
    assert 'value="Typed"' in shown


def test_its_page_is_a_guide_with_its_own_values(ada_s: Client, desk: Integration) -> None:
    shown = page(ada_s, f"{LIST}{desk.pk}/change/")
    assert "How to connect Zendesk" in shown
    assert shown.count(desk.licence_key) >= 4
    assert public_of(RSA).kid in shown
    assert "https://acme.zendesk.com" in shown
    assert "PRIVATE KEY" not in shown
    assert 'name="company"' not in shown  # it stays


def test_one_without_a_key_says_that_it_lets_nobody_in(ada_s: Client, acme: Company) -> None:
    empty = integration_of(acme, keys=())
    assert "It has no key yet" in page(ada_s, f"{LIST}{empty.pk}/change/")
    assert "No key yet" in page(ada_s, LIST)


def test_the_private_key_is_shown_once_with_a_way_to_keep_it(ada_s: Client, desk: Integration) -> None:
    answer = ada_s.post(f"{LIST}{desk.pk}/generate_key/", {"algorithm": "ES256"})
    shown = answer.content.decode()
    assert answer.status_code == 200
    assert shown.count("-----BEGIN PRIVATE KEY-----") == 1
    assert f'download="{desk.licence_key}.pem"' in shown
    assert "no-store" in answer["Cache-Control"]
    assert "PRIVATE KEY" not in page(ada_s, f"{LIST}{desk.pk}/change/")
    assert desk.keys.count() == 2


def test_a_private_key_that_is_put_in_is_not_shown_again(ada_s: Client, desk: Integration) -> None:
    secret = "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0\n-----END PRIVATE KEY-----"
    shown = ada_s.post(f"{LIST}{desk.pk}/add_keys/", {"keys": secret}).content.decode()
    assert "This is a private key" in shown
    assert "MIIEvQ" not in shown
    assert desk.keys.count() == 1


def test_public_keys_are_added_and_removed(ada_s: Client, desk: Integration) -> None:
    assert ada_s.post(f"{LIST}{desk.pk}/add_keys/", {"keys": pem_of(EC), "kid": "second"}).status_code == 302
    second = desk.keys.get(kid="second")
    link = f"{LIST}{desk.pk}/remove_key/?key={second.uid}"
    assert link.replace("&", "&amp;") in page(ada_s, f"{LIST}{desk.pk}/change/")
    assert re.search(rf'value="{second.uid}"[^>]*checked', page(ada_s, link))
    assert ada_s.post(f"{LIST}{desk.pk}/remove_key/", {"key": str(second.uid)}).status_code == 302
    assert desk.keys.count() == 1
    assert ada_s.post(f"{LIST}{desk.pk}/remove_key/", {"key": "nonsense"}).status_code == 200


def test_what_makes_somebody_trusted_wants_a_recent_proof(
    ada_s: Client, ada: User, desk: Integration
) -> None:
    Session.objects.filter(user=ada).update(confirmed_at=timezone.now() - timedelta(minutes=11))
    for path in ("add/", f"{desk.pk}/generate_key/", f"{desk.pk}/add_keys/"):
        answer = ada_s.get(f"{LIST}{path}")
        assert answer.status_code == 302
        assert answer["Location"].startswith("/login/confirm/")
    for path, given in (
        ("add/", {"name": "Mine"}),
        (f"{desk.pk}/change/", {"name": "Mine"}),
        (f"{desk.pk}/generate_key/", {"algorithm": "ES256"}),
        (f"{desk.pk}/add_keys/", {"keys": pem_of(EC)}),
    ):
        assert ada_s.post(f"{LIST}{path}", given).status_code == 403, path
    assert Integration.objects.get().name == "Desk"
    assert desk.keys.count() == 1
    # What takes trust away never waits.
    assert ada_s.post(f"{LIST}{desk.pk}/remove_key/", {"key": str(desk.keys.get().uid)}).status_code == 302


def test_keys_are_read_by_the_button_and_the_trouble_is_shown(
    ada_s: Client,
    acme: Company,
    publisher: Publisher,
) -> None:
    desk = integration_of(acme, keys=(), jwks_url=publisher.url)
    publisher.says(RSA)
    assert public_of(RSA).kid in ada_s.post(f"{LIST}{desk.pk}/read_keys/").content.decode()
    publisher.status = 500
    assert "The answer is not 200 OK." in ada_s.post(f"{LIST}{desk.pk}/read_keys/").content.decode()
    shown = page(ada_s, f"{LIST}{desk.pk}/change/")
    assert "Its keys could not be read" in shown
    assert "remove_key/?key=" not in shown  # it would be read again


def test_one_above_oneself_is_left_alone_on_every_page(ada_s: Client, acme: Company) -> None:
    above = integration_of(acme, ceiling="Full Administrator")
    for path, given in (
        ("generate_key/", {"algorithm": "ES256"}), ("add_keys/", {"keys": pem_of(EC)}), ("remove_key/", {"key": str(above.keys.get().uid)}),
        ("delete/", {"confirmed": "1"}),
    ):  # fmt: skip
        answer = ada_s.post(f"{LIST}{above.pk}/{path}", given)
        assert answer.status_code == 200, path
        assert (
            "above your own rank" in answer.content.decode()
            or "do or see more than you" in answer.content.decode()
        ), path
    assert above.keys.count() == 1
