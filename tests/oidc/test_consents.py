"""What people let clients know, on the page of their account."""

import pytest
from django.test import Client as Http

from accounts.models import User
from audit.models import AuditEvent
from oidc.models import Client, Consent
from tenants.models import Company
from tests import cast
from tests.journeys.doors import WebDoor
from tests.oidc.relying import EVERYTHING, Party, party_of, signed_in_to

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db]
PAGE = "/account/applications/"


def _disconnect(door: WebDoor) -> None:
    door.send(next(form for form in door.page.forms if "/disconnect/" in form.action))


def test_one_is_listed_and_disconnected(party: Party, client_row: Client, ben_in: WebDoor) -> None:
    assert "No application is connected." in ben_in.open(PAGE).text
    signed_in_to(party, ben_in, scope=EVERYTHING)
    assert "Your roles" in ben_in.open(PAGE).text
    _disconnect(ben_in)
    assert "Wiki is no longer connected." in ben_in.page.text
    assert "No application is connected." in ben_in.page.text
    assert not party.is_served()
    assert "access_token" not in party.renew()
    assert not Consent.objects.exists()
    assert ben_in.browser.get(party.request()).status_code == 200  # asked anew
    assert AuditEvent.objects.filter(event="oidc:consent:takenback").count() == 1


def test_systems_of_ones_own_are_there_while_one_is_signed_in_to_them(acme: Company, ben_in: WebDoor) -> None:
    party = party_of(acme, asks_consent=False)
    signed_in_to(party, ben_in)
    assert "Your organisation has agreed for everybody." in ben_in.open(PAGE).text
    _disconnect(ben_in)
    assert not party.is_served()
    assert "No application is connected." in ben_in.page.text


def test_nobody_disconnects_for_somebody_else(
    party: Party, client_row: Client, ben_in: WebDoor, ada: User, cleo: User
) -> None:
    signed_in_to(party, ben_in)
    path = f"{PAGE}{client_row.uid}/disconnect/"
    for other in (cast.browser(ada), cast.browser(cleo)):
        assert other.post(path).status_code == 404
    assert Http().post(path).status_code in {302, 403}
    assert ben_in.browser.get(path).status_code == 405
    assert party.is_served()
