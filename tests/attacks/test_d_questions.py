"""D. Finding out who exists by the questions of a RADIUS server that asks everybody before it looks at the password."""

import pytest

from configserver.directory import Directory
from configserver.models import Person
from tenants.models import Company
from tests import directories, directory
from tests.attacks.observing import nobody
from tests.journeys.doors import Door, sign_in
from tests.journeys.stage import configure
from tests.services.radius_liar import (
    ACCEPT,
    CHALLENGE,
    REJECT,
    REPLY_MESSAGE,
    STATE,
    Liar,
    Request,
    liar,
)

pytestmark = pytest.mark.django_db


def asks_everybody(server: Liar, request: Request) -> None:
    """Whoever it is, it asks for a code; then only Gerda's is right."""
    if request.value(STATE) is None:
        attributes = ((REPLY_MESSAGE, b"Your code?"), (STATE, b"asked"))
        server.say(request.reply(CHALLENGE, *attributes), to=request)
        return
    right = request.name == "gerda" and request.password() == b"123456"
    server.say(request.reply(ACCEPT if right else REJECT), to=request)


@pytest.mark.parametrize("who", ["known", "switched off", "nobody"])
def test_everybody_is_asked_the_same_and_answers_in_vain(door: Door, acme: Company, who: str) -> None:
    configure(Login__ExternalAuthenticationMode="ConfigServer")
    with liar(asks_everybody) as server:
        found: Directory = directories.radius(server.name)
        tenant = directory.tenant(101, company=acme)
        for name in ("gerda", "known", "off"):
            directory.person(name, tenant=tenant, directory=found)
        Person.objects.filter(name="off").update(is_active=False)
        name = {"known": "known", "switched off": "off", "nobody": nobody(place=1, engines=2)}[who]
        said = sign_in(door, name, "a wrong guess at it")
        assert (said.step, said.status) == ("challenge", 200)
        for answer in ("123456", "another"):
            said = door.take("challenge", answer=answer)
            assert (said.step, said.refused) == ("password", True)
            assert "do not fit together" in said.text
            said = door.take("password", password="a wrong guess at it")
            assert said.step == "challenge"
        assert len(server.requests) == 5
        assert sign_in(door.stranger(), "gerda", "whatever").step == "challenge"
