"""Codes of tokens that a real RADIUS server checks, as the second factor, through both doors."""

import pytest
from django.utils import timezone

from accounts.models import Session, User
from audit.models import AuditEvent
from configserver import services
from configserver.directory import Directory
from tenants.actor import system_actor
from tenants.models import Company
from tests import directories, directory
from tests.journeys.doors import ApiDoor, Door, WebDoor, sign_in
from tests.journeys.outside_stage import *  # noqa: F403
from tests.journeys.outside_stage import ADA, BEN, TOKEN_OF_ADA, TOKEN_OF_BEN
from tests.journeys.stage import PASSWORD, Post, configure
from tests.services.radius import CODE, COLOUR, SECRET, Person, free_udp_port, freeradius
from twofactor.models import Challenge

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db]
UNJUDGED = "The code could not be checked"
FIRST, SECOND = "Enter your one-time code", "Welcome back. Which colour has your token?"


def prompt(door: Door) -> str:
    """What the open step asks."""
    return door.page.text if isinstance(door, WebDoor) else str(door.body.get("prompt"))  # type: ignore[attr-defined]


def refusals() -> list[str]:
    rows = AuditEvent.objects.filter(event="login:code:refused").order_by("id")
    return [str(one["reason"]) for one in rows.values_list("details", flat=True)]


def test_a_code_that_the_server_accepts_signs_in_and_a_wrong_one_counts(
    door: Door, ben: User, radius: Directory
) -> None:
    configure(TwoFactor__MaxCodeChecks=2)
    assert sign_in(door, BEN, PASSWORD).step == "code"
    assert "verification code on your device" in prompt(door)
    assert door.take("code", code="000000").refused
    assert door.take("code", code=TOKEN_OF_BEN.password).step == "done"
    assert door.is_in()
    assert Session.objects.get().methods == ["pwd", "otp"]
    other = door.stranger()
    sign_in(other, BEN, PASSWORD)
    assert other.take("code", code="000000").refused
    assert other.take("code", code="000000").refused
    assert other.take("code", code=TOKEN_OF_BEN.password).step == "ended"
    assert refusals() == ["try_again"] * 3 + ["checks_used_up"]


def test_every_further_question_is_put_in_the_servers_words_and_its_answer_goes_back(
    door: Door, ada: User, radius: Directory
) -> None:
    sign_in(door, ADA, PASSWORD)
    said = door.take("code", code=TOKEN_OF_ADA.password)
    assert (said.step, said.refused) == ("code", False)
    assert FIRST in prompt(door)
    said = door.take("code", code=CODE.answer)
    assert (said.step, said.refused) == ("code", False)
    assert SECOND in prompt(door)
    assert not door.is_in()
    assert door.take("code", code=COLOUR.answer).step == "done"
    assert Challenge.objects.count() == 3
    last, second, first = (one.state.text for one in Challenge.objects.all())
    assert not first
    assert last.startswith("k1.")  # what goes back to the server is sealed
    assert second.startswith("k1.")


def test_a_pin_is_neither_shown_while_it_is_typed_nor_after(
    web: WebDoor, ada: User, radius: Directory
) -> None:
    sign_in(web, ADA, PASSWORD)
    assert '<input type="password" name="code"' in web.answer.content.decode()
    web.take("code", code="typed-by-ada")
    assert "typed-by-ada" not in web.answer.content.decode()


def test_every_further_question_counts_as_a_send(door: Door, ada: User, radius: Directory) -> None:
    configure(TwoFactor__MaxCodeSends=2)
    sign_in(door, ADA, PASSWORD)
    assert door.take("code", code=TOKEN_OF_ADA.password).step == "code"
    assert door.take("code", code=CODE.answer).step == "ended"


def test_after_a_wrong_answer_it_begins_with_the_first_question_again(
    door: Door, ada: User, radius: Directory
) -> None:
    configure(TwoFactor__MaxCodeSends=10)
    sign_in(door, ADA, PASSWORD)
    door.take("code", code=TOKEN_OF_ADA.password)
    said = door.take("code", code="000000")
    assert (said.step, said.refused) == ("code", True)
    assert "it begins anew" in said.text
    assert FIRST not in prompt(door)
    assert door.take("code", code=CODE.answer).refused  # the answer to a question that is over
    assert door.take("code", code=TOKEN_OF_ADA.password).step == "code"
    door.take("code", code=CODE.answer)
    assert door.take("code", code=COLOUR.answer).step == "done"


def test_whoever_is_kept_in_a_directory_is_asked_for_by_the_name_there(
    door: Door, acme: Company, radius: Directory
) -> None:
    configure(Login__ExternalAuthenticationMode="ConfigServer")
    tenant = directory.tenant(directory.ACME_DBID, company=acme)
    directory.person("dora", tenant=tenant, password=PASSWORD, external_id=BEN)
    directory.person(ADA.partition("@")[0], tenant=tenant, password=PASSWORD)
    assert sign_in(door, "dora", PASSWORD).step == "code"
    assert door.take("code", code=TOKEN_OF_BEN.password).step == "done"
    other = door.stranger()
    assert sign_in(other, "ada", PASSWORD).step == "code"
    assert other.take("code", code=TOKEN_OF_ADA.password).refused  # the server knows no "ada"


def test_a_server_that_is_away_counts_as_no_check_and_another_code_is_asked_for(
    door: Door, ben: User
) -> None:
    port = free_udp_port()
    dead = directories.radius(f"127.0.0.1:{port}", connect_timeout_ms=100, timeout_ms=500)
    configure(
        TwoFactor__Policy="required",
        TwoFactor__CodeGeneration="external",
        TwoFactor__RadiusDirectory=str(dead.uid),
        TwoFactor__MaxCodeSends=2,
    )
    assert sign_in(door, BEN, PASSWORD).step == "code"
    said = door.take("code", code=TOKEN_OF_BEN.password)
    assert (said.step, said.refused) == ("code", True)
    assert UNJUDGED in said.text
    assert [one.checks for one in Challenge.objects.all()] == [0, 0]
    assert door.take("code", code=TOKEN_OF_BEN.password).step == "ended"


def test_a_server_that_hangs_is_waited_for_no_longer_than_its_directory_says(api: ApiDoor, ben: User) -> None:
    with freeradius(people=(TOKEN_OF_BEN,)) as server:
        made = directories.radius(server.name, connect_timeout_ms=100, timeout_ms=500)
        configure(
            TwoFactor__Policy="required",
            TwoFactor__CodeGeneration="external",
            TwoFactor__RadiusDirectory=str(made.uid),
        )
        sign_in(api, BEN, PASSWORD)
        with server.hung():
            assert api.take("code", code=TOKEN_OF_BEN.password).status == 503
        directories.wake(made, secret=SECRET)
        assert api.take("code", code=TOKEN_OF_BEN.password).step == "done"


@pytest.mark.parametrize("behaviour", ["allow", "enrol"])
def test_with_its_directory_switched_off_nobody_is_let_in_for_want_of_it(
    door: Door, ben: User, radius: Directory, behaviour: str
) -> None:
    configure(TwoFactor__NoVerifiedContactBehaviour=behaviour)
    draft = services.DirectoryDraft(is_active=False)
    services.change_directory(radius, draft, by=system_actor(), now=timezone.now())
    assert sign_in(door, BEN, PASSWORD).step == "ended"
    assert not door.is_in()


def test_a_directory_switched_off_under_way_judges_nothing(door: Door, ben: User, radius: Directory) -> None:
    sign_in(door, BEN, PASSWORD)
    draft = services.DirectoryDraft(is_active=False)
    services.change_directory(radius, draft, by=system_actor(), now=timezone.now())
    said = door.take("code", code=TOKEN_OF_BEN.password)
    assert said.refused
    assert UNJUDGED in said.text


def test_where_the_portal_makes_the_codes_no_server_is_asked(
    door: Door, ada: User, radius: Directory, post: Post
) -> None:
    configure(TwoFactor__CodeGeneration="internal")
    assert sign_in(door, ADA, PASSWORD).step == "code"
    assert door.take("code", code=post.code(ADA)).step == "done"


def test_a_person_turns_it_on_in_self_service(api: ApiDoor, ben: User, radius: Directory) -> None:
    configure(TwoFactor__Policy="optional")
    sign_in(api, BEN, PASSWORD)
    assert api.post("/api/v1/me/factors/", {"kind": "radius"}, bearer=api.access).status == 200
    other = api.stranger()
    assert sign_in(other, BEN, PASSWORD).facts["method"] == {"id": "radius", "kind": "radius", "label": ""}
    assert other.take("code", code=TOKEN_OF_BEN.password).step == "done"


def test_a_state_of_one_sign_in_is_none_of_another(door: Door, ada: User, radius: Directory) -> None:
    sign_in(door, ADA, PASSWORD)
    door.take("code", code=TOKEN_OF_ADA.password)
    mallory = door.stranger()
    sign_in(mallory, ADA, PASSWORD)
    assert mallory.take("code", code=CODE.answer).refused
    assert not mallory.is_in()


def test_the_password_of_a_directory_is_no_second_factor_for_the_same_directory(
    door: Door, acme: Company
) -> None:
    """Asked for twice, it would be two proofs of one thing."""
    gerda = Person(name="gerda", password="gerda's Passw0rd")
    configure(Login__ExternalAuthenticationMode="ConfigServer")
    with freeradius(people=(gerda,)) as server:
        made, other = directories.radius(server.name), directories.radius(server.name, name="Tokens")
        tenant = directory.tenant(directory.ACME_DBID, company=acme)
        directory.person("gerda", tenant=tenant, directory=made)
        configure(
            TwoFactor__Policy="required",
            TwoFactor__CodeGeneration="external",
            TwoFactor__RadiusDirectory=str(made.uid),
        )
        said = sign_in(door, "gerda", gerda.password)
        assert said.step != "code"
        assert door.take("code", code=gerda.password).refused
        assert not door.is_in()
        # Another directory, be it on the same server, is asked.
        configure(TwoFactor__RadiusDirectory=str(other.uid))
        assert sign_in(door.stranger(), "gerda", gerda.password).step == "code"
