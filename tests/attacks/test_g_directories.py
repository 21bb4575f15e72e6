"""G. Directory protocols, through the doors: injection, empty passwords, referrals, servers in the middle, forged answers, alike names."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from accounts.models import Session, User
from accounts.names import Realm
from configserver import services
from configserver.directory import Directory
from configserver.models import Person, Tenant
from core.outcomes import Denied
from tenants.actor import system_actor
from tenants.settings import snapshot
from tests import directories, directory
from tests.attacks.people import BEN
from tests.journeys.doors import ApiDoor, Door, sign_in
from tests.journeys.ldap_stage import *  # noqa: F403
from tests.journeys.ldap_stage import known, reasons, shadow
from tests.journeys.stage import NEW_PASSWORD, PASSWORD, Time
from tests.services import ldap_admin
from tests.services.certificates import Certificate
from tests.services.hostile import EXTENDED_ANSWER, Talk, hostile_server, result
from tests.services.ldap import (
    DORA,
    ELSEWHERE,
    PEOPLE,
    Ldap,
    cast,
    hashed,
    ldap_machine,
    password_of,
    referral,
)
from tests.services.radius_liar import ACCEPT, REJECT, Liar, Request, liar, say_from_elsewhere

pytestmark = pytest.mark.django_db
WRONG = "do not fit together"
UNAVAILABLE = "unavailable right now"
HOSTILE_NAMES = (
    "*",
    "dor*",
    "dora)(objectClass=*",
    "*)(uid=*))(|(uid=*",
    "dora))(|(uid=dora",
    "\\64ora",
    "dora\\",
    f"dora,{PEOPLE}",
    "nobody,uid=dora",
    "x+uid=dora",
    "{login}",
    "{dn}",
    "(uid=dora)",
)


# --- 24


@pytest.mark.parametrize("way", ["search", "direct"])
def test_a_name_is_data_whatever_stands_in_it(
    server: Ldap, ldap: Directory, acme_tenant: Tenant, way: str
) -> None:
    """Whoever may add persons tries names that would be somebody else's entry, and that person's password fits none of them."""
    found = ldap
    if way == "direct":
        found = directories.ldap(
            server, name="direct", bind_dn="", secret="", base_dn="", direct_dn=f"uid={{login}},{PEOPLE}"
        )
    for number, name in enumerate(HOSTILE_NAMES):
        directory.person(f"mallory{number}", tenant=acme_tenant, directory=found, external_id=name)
        said = sign_in(ApiDoor(), f"mallory{number}", password_of("dora"))
        assert (said.status, said.step) == (401, "password"), name
    assert set(reasons()) <= {"unknown", "wrong"}
    assert DORA not in server.binds()
    assert not Session.objects.exists()


def test_a_name_that_is_typed_reaches_no_directory_unless_a_person_has_it(
    door: Door, dora: Person, server: Ldap
) -> None:
    """What Mallory types is looked up here; what goes to the directory is what an administrator wrote down."""
    for name in (*HOSTILE_NAMES, "dora\0", "dora\u200b", "x" * 254):
        other = door.stranger()
        said = other.begin(name, realm="external")
        if said.step == "password":
            assert other.take("password", password=password_of("dora")).refused
    log = "\n".join(server.log)
    assert DORA not in server.binds()
    for word in ("dor*", "objectClass=*", "uid=dora", "uid=mallory"):
        assert word not in log.replace('filter="(objectClass=*)"', "")
    assert not Session.objects.exists()


@pytest.mark.parametrize("password", [")(uid=*", "*", "dora-Passw0rd\0", "{login}", "\\64ora-Passw0rd"])
def test_a_password_is_data_too(door: Door, dora: Person, password: str) -> None:
    said = sign_in(door, "dora", password)
    assert said.refused
    assert said.status < 500
    assert sign_in(door.stranger(), "dora", password_of("dora")).step == "done"


# --- 25


@pytest.mark.parametrize("way", ["search", "direct"])
def test_an_empty_password_is_never_sent_for_a_servers_unauthenticated_bind(
    door: Door, server: Ldap, ldap: Directory, acme_tenant: Tenant, way: str
) -> None:
    """RFC 4513, 5.1.2: a name with an empty password is let in as nobody, and careless clients take that for a success."""
    found = ldap
    if way == "direct":
        found = directories.ldap(
            server, name="direct", bind_dn="", secret="", base_dn="", direct_dn=f"uid={{login}},{PEOPLE}"
        )
    known("dora", found, acme_tenant)
    for password in ("", "\0", "\0x"):
        said = sign_in(door.stranger(), "dora", password)
        assert said.refused, repr(password)
        assert said.status < 500
    assert DORA not in server.binds()
    assert not Session.objects.exists()


def test_without_a_service_account_nobody_searches_as_nobody(
    door: Door, server: Ldap, acme_tenant: Tenant
) -> None:
    anonymous = directories.ldap(server, bind_dn="", secret="")
    known("dora", anonymous, acme_tenant)
    said = sign_in(door, "dora", password_of("dora"))
    assert said.status == 503
    assert server.binds() == []


@contextmanager
def listener() -> Iterator[list[bytes]]:
    """A port, and the connections that came to it."""
    came: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.05)
        over = threading.Event()

        def accept() -> None:
            while not over.is_set():
                try:
                    connection, _peer = server.accept()
                except TimeoutError:
                    continue
                came.append(str(server.getsockname()[1]).encode())
                connection.close()

        thread = threading.Thread(target=accept)
        thread.start()
        came.insert(0, str(server.getsockname()[1]).encode())
        try:
            yield came
        finally:
            over.set()
            thread.join(5)


def test_a_referral_is_not_followed_and_the_password_goes_nowhere_else(
    door: Door, acme_tenant: Tenant
) -> None:
    with listener() as came:
        elsewhere = f"ldap://127.0.0.1:{came[0].decode()}/{PEOPLE}"
        with ldap_machine(entries=[*cast(), referral(elsewhere)]) as server:
            searching = directories.ldap(server, base_dn=ELSEWHERE)
            straight = directories.ldap(
                server, name="direct", bind_dn="", secret="", base_dn="",
                direct_dn=f"uid={{login}},{ELSEWHERE}",
            )  # fmt: skip
            known("dora", searching, acme_tenant)
            directory.person("egon", tenant=acme_tenant, directory=straight)
            for name in ("dora", "egon"):
                said = sign_in(door.stranger(), name, password_of(name))
                assert said.refused
                assert WRONG in said.text
        assert reasons()[0] == "referral"
        assert len(came) == 1


# --- 26


def strips_starttls(talk: Talk) -> None:
    """Refuses StartTLS and hopes that the client goes on without."""
    talk.say(talk.request(), result(EXTENDED_ANSWER, 53, "no TLS today"))
    talk.listen()


def pretends_starttls(talk: Talk) -> None:
    """Says yes to StartTLS and goes on in clear."""
    talk.say(talk.request(), result(EXTENDED_ANSWER, 0))
    talk.listen()


@pytest.mark.parametrize("behave", [strips_starttls, pretends_starttls, Talk.listen])
@pytest.mark.parametrize("way", ["search", "direct"])
def test_without_tls_no_password_is_sent(
    door: Door, server: Ldap, acme_tenant: Tenant, behave: Callable[[Talk], None], way: str
) -> None:
    more = (
        {"bind_dn": "", "secret": "", "base_dn": "", "direct_dn": f"uid={{login}},{PEOPLE}"}
        if way == "direct"
        else {}
    )
    with hostile_server(behave) as middle:
        away = directories.ldap(
            server, servers=f"ldap://localhost:{middle.port}", start_tls=True, timeout_ms=600, **more
        )
        known("dora", away, acme_tenant)
        said = sign_in(door, "dora", password_of("dora"))
        assert said.status == 503
        assert middle.connections >= 1
    for secret in (password_of("dora"), "of-the-portal-1", "dora"):
        assert secret.encode() not in bytes(middle.heard)


def test_a_certificate_of_another_authority_gets_no_password_over_ldaps(
    door: Door, server: Ldap, acme_tenant: Tenant, tmp_path_factory: pytest.TempPathFactory
) -> None:
    own = Certificate.make(tmp_path_factory.mktemp("mallory"))
    with hostile_server(Talk.listen, tls=own.context()) as middle:
        away = directories.ldap(server, servers=f"ldaps://localhost:{middle.port}", timeout_ms=600)
        known("dora", away, acme_tenant)
        assert sign_in(door, "dora", password_of("dora")).status == 503
    assert password_of("dora").encode() not in bytes(middle.heard)
    assert b"of-the-portal-1" not in bytes(middle.heard)


def test_a_certificate_for_another_name_of_the_right_authority_gets_no_password(
    door: Door, acme_tenant: Tenant
) -> None:
    with ldap_machine(hosts=("ldap.acme.example",)) as misnamed:
        known("dora", directories.ldap(misnamed), acme_tenant)
        assert sign_in(door, "dora", password_of("dora")).status == 503
        assert misnamed.binds() == []


def test_plain_text_goes_to_this_very_machine_alone(acme_tenant: Tenant, server: Ldap) -> None:
    """An address elsewhere without TLS is not asked, even where the directory is set up so."""
    away = directories.ldap(server, servers="ldap://192.0.2.1:389", start_tls=False, timeout_ms=4_000)
    known("dora", away, acme_tenant)
    began = time.monotonic()
    assert sign_in(ApiDoor(), "dora", password_of("dora")).status == 503
    assert time.monotonic() - began < 2  # nobody waited for a connection
    assert any("plain text" in one for one in reasons("login:directory:unavailable"))


# --- 27

Lie = Callable[[Liar, Request], None]


def unsigned(server: Liar, request: Request) -> None:
    """As Blast-RADIUS makes them: no Message-Authenticator."""
    server.say(request.unsigned(ACCEPT), to=request)


def signed_with_another_secret(server: Liar, request: Request) -> None:
    server.say(request.reply(ACCEPT, secret="a guess"), to=request)


def with_another_id(server: Liar, request: Request) -> None:
    server.say(request.reply(ACCEPT, id=(request.id + 1) % 256), to=request)


def from_another_port(server: Liar, request: Request) -> None:
    say_from_elsewhere(request.reply(ACCEPT), to=request)


def a_request_sent_back(server: Liar, request: Request) -> None:
    server.say(request.octets, to=request)


def a_reject_turned_around(server: Liar, request: Request) -> None:
    octets = bytearray(request.reply(REJECT))
    octets[0] = ACCEPT
    server.say(bytes(octets), to=request)


@pytest.mark.parametrize(
    "lie",
    [
        unsigned, signed_with_another_secret, with_another_id, from_another_port, a_request_sent_back,
        a_reject_turned_around,
    ],
)  # fmt: skip
def test_a_forged_answer_lets_nobody_in_and_counts_as_nobodys_try(
    door: Door, acme_tenant: Tenant, lie: Lie
) -> None:
    with liar(lie) as server:
        found = directories.radius(server.name, connect_timeout_ms=100, timeout_ms=500, attempts=1)
        directory.person("gerda", tenant=acme_tenant, directory=found)
        said = sign_in(door, "gerda", "any password at all")
        assert said.status == 503
        assert server.requests
    assert reasons() == []
    assert not Session.objects.exists()


def test_an_answer_to_an_earlier_request_does_not_answer_a_later_one(door: Door, acme_tenant: Tenant) -> None:
    """An Accept that Mallory kept from a sign-in of Gerda's, played into the next one."""
    kept: list[bytes] = []

    def behave(server: Liar, request: Request) -> None:
        if not kept:
            kept.append(request.reply(ACCEPT))
        server.say(kept[0], to=request)

    with liar(behave) as server:
        found = directories.radius(server.name, connect_timeout_ms=100, timeout_ms=500, attempts=1)
        directory.person("gerda", tenant=acme_tenant, directory=found)
        assert sign_in(door, "gerda", "the right password").step == "done"
        assert sign_in(door.stranger(), "gerda", "a wrong one").status == 503


def test_the_password_travels_hidden_and_under_a_fresh_authenticator(acme_tenant: Tenant) -> None:
    with liar(lambda server, request: server.say(request.reply(REJECT), to=request)) as server:
        directory.person("gerda", tenant=acme_tenant, directory=directories.radius(server.name))
        for _ in range(3):
            assert sign_in(ApiDoor(), "gerda", "gerda's own password").status == 401
    heard = server.requests
    assert len({one.authenticator for one in heard}) == len(heard) == 3
    assert all(one.is_signed() and b"gerda's own" not in one.octets for one in heard)
    assert {one.password() for one in heard} == {b"gerda's own password"}


# --- 28


def test_the_same_name_inside_and_in_a_directory_is_two_people(
    door: Door, ldap: Directory, acme_tenant: Tenant, ben: User, server: Ldap
) -> None:
    """Ben's address is somebody's user name in the directory; neither password opens the other's account."""
    ldap_admin.add(
        server, f"uid={BEN},{PEOPLE}", objectClass="inetOrgPerson", uid=BEN, cn="Another Ben", sn="x", o="Acme",
        userPassword=hashed(NEW_PASSWORD),
    )  # fmt: skip
    twin = directory.person(BEN, tenant=acme_tenant, directory=ldap)
    assert sign_in(door, BEN, PASSWORD).step == "done"  # a name with @ is an internal one
    assert sign_in(door.stranger(), BEN, NEW_PASSWORD).refused
    other = door.stranger()
    assert other.begin(BEN, realm="external").step == "password"
    assert other.take("password", password=PASSWORD).refused
    assert other.take("password", password=NEW_PASSWORD).step == "done"
    assert User.objects.get(source_id=twin.uid).pk != ben.pk
    ben.refresh_from_db()
    assert (ben.realm, ben.source_id) == (Realm.INTERNAL, None)
    # Lists of the other one's sessions are not his either.
    assert {one.user_id for one in Session.objects.all()} == {ben.pk, User.objects.get(source_id=twin.uid).pk}


@pytest.mark.parametrize(
    "alike",
    ["d\u043era", "dor\u0430", "\u0501ora", "dora\u200b", "do\u0072\u0301a", "d0ra", "dora.", "dora@"],
)
def test_a_name_that_looks_alike_is_nobody_or_somebody_else(
    door: Door, dora: Person, ldap: Directory, alike: str
) -> None:
    assert sign_in(door, "dora", password_of("dora")).step == "done"
    other = door.stranger()
    if other.begin(alike, realm="external").step == "password":
        assert other.take("password", password=password_of("dora")).refused
    assert not other.is_in()
    # Made a person of its own, it never becomes her account.
    directory.person(alike, tenant=dora.tenant, directory=ldap, external_id="egon")
    other.begin(alike, realm="external")
    other.take("password", password=password_of("egon"))
    assert shadow("dora").source_id == dora.uid
    assert User.objects.filter(source_id=dora.uid).count() == 1


def test_two_names_of_one_spelling_cannot_both_be_made(dora: Person, clock: Time) -> None:
    for twin in ("DORA", "\uff24\uff4f\uff52\uff41", " dora "):
        draft = services.PersonDraft(name=twin, display_name="x", tenant=dora.tenant)
        made = services.create_person(
            draft, password="", environment=snapshot(None), by=system_actor(), now=clock()
        )
        assert isinstance(made, Denied), twin
        assert made.code == "name_taken"


def test_a_person_who_is_renamed_in_the_directory_stays_who_he_is(
    door: Door, dora: Person, server: Ldap, clock: Time
) -> None:
    """Married: another uid and another name, the same entry. Whoever takes the old uid is somebody else."""
    assert sign_in(door, "dora", password_of("dora")).step == "done"
    account = shadow("dora")
    draft = services.PersonDraft(external_id="dora.schmidt")
    ldap_admin.change(server, DORA, mail="dora.schmidt@example.org")
    ldap_admin.rename(server, DORA, "uid=dora.schmidt")
    services.change_person(dora, draft, by=system_actor(), now=clock())
    assert sign_in(door.stranger(), "dora", password_of("dora")).step == "done"
    assert shadow("dora").pk == account.pk
