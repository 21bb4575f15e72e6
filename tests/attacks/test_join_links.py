"""B and F. Join links: used twice and at once, changed, forged, taken for other tokens, too late, by whom they do not concern."""

import base64
import json
from datetime import datetime, timedelta
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from django.conf import settings
from django.test import Client
from django.utils import timezone

from accounts.inviting import JoinLinkDraft, make_join_link, revoke_join_link
from accounts.joining import accept, read_join_token, url_of
from accounts.models import JoinLink, User
from accounts.people import UserDraft, change_user
from accounts.tokens.keys import KeyPair, active_key
from accounts.tokens.links import read_link
from accounts.tokens.signed import ACCESS, LINK
from accounts.tokens.verify import read_access_token
from audit.events import Event
from audit.models import AuditEvent
from audit.record import Origin
from audit.verify import verify
from core.outcomes import Denied
from delivery.models import Delivery
from tenants.models import Company, Role
from tests.attacks.parallel import AT_ONCE, at_once
from tests.cast import Api, acting
from tests.isolation.database import changes, state

pytestmark = pytest.mark.django_db
HERE = Origin(address="192.0.2.66")


def built_in(name: str) -> Role:
    return Role.objects.get(name=name, company=None)


def made(ada: User, **more: Any) -> JoinLink:
    draft = JoinLinkDraft(**({"company": ada.company, "role": built_in("Member")} | more))
    link = make_join_link(draft, by=acting(ada), now=timezone.now())
    assert isinstance(link, JoinLink), link
    return link


def token_of(link: JoinLink) -> str:
    return url_of(link, now=timezone.now()).rstrip("/").rpartition("/")[2]


def join(link: JoinLink, email: str, *, now: datetime | None = None) -> User | Denied:
    return accept(link, email=email, display_name="M", now=now or timezone.now(), origin=HERE, user=None)


def _part(part: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=")


def _read(part: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return found


def signed(claims: dict[str, Any], *, key: KeyPair | None = None, **header: Any) -> str:
    """A token with a signature of ours, whatever it says: of somebody who got hold of the key would be another story."""
    key = key or active_key(now=timezone.now())
    headers = {"typ": "gatehouse-join+jwt", "kid": key.kid} | header
    return jwt.encode(claims, key.private, algorithm="ES256", headers=headers)


# --- B 7: once -------------------------------------------------------------------------------------------------------------


@pytest.mark.both_databases
@pytest.mark.django_db(transaction=True)
def test_of_fifty_who_accept_at_once_one_joins(ada: User) -> None:
    link = made(ada)
    results = at_once(lambda number: join(link, f"p{number}@acme.example"))
    assert len(results) == AT_ONCE
    joined = [one for one in results if isinstance(one, User)]
    assert len(joined) == 1
    link.refresh_from_db()
    assert link.used_by == joined[0]
    assert User.objects.filter(came_by="join").count() == 1
    assert AuditEvent.objects.filter(event=Event.JOIN_LINK_ACCEPTED).count() == 1
    assert verify().broken_at is None


@pytest.mark.both_databases
@pytest.mark.django_db(transaction=True)
def test_of_many_links_for_one_person_at_once_one_account_is_made(ada: User) -> None:
    links = [made(ada) for _number in range(10)]
    results = at_once(lambda number: join(links[number], "dan@acme.example"), times=10)
    assert sum(isinstance(one, User) for one in results) == 1
    assert User.objects.filter(username="dan@acme.example").count() == 1
    # The others stay as they were.
    assert JoinLink.objects.filter(used_at=None).count() == 9


@pytest.mark.both_databases
@pytest.mark.django_db(transaction=True)
def test_a_link_that_is_revoked_while_it_is_accepted_is_one_of_the_two(ada: User) -> None:
    link = made(ada)

    def one(number: int) -> object:
        if number % 2:
            return join(link, f"p{number}@acme.example")
        return revoke_join_link(link, by=acting(ada), now=timezone.now())

    at_once(one, times=10)
    link.refresh_from_db()
    assert (link.used_at is None) != (link.revoked_at is None)
    assert User.objects.filter(came_by="join").count() == (link.used_at is not None)


@pytest.mark.both_databases
@pytest.mark.django_db(transaction=True)
def test_whoever_is_demoted_while_a_link_of_his_is_accepted_gives_nothing_afterwards(
    ada: User, root: User
) -> None:
    links = [made(ada) for _number in range(8)]
    by = acting(root)

    def one(number: int) -> object:
        if number == 4:
            return change_user(ada, UserDraft(roles=[built_in("Member")]), by=by, now=timezone.now())
        return join(links[number % 8], f"p{number}@acme.example")

    at_once(one, times=8)
    assert isinstance(join(made_before(links), "late@acme.example"), Denied)


def made_before(links: list[JoinLink]) -> JoinLink:
    return next(one for one in JoinLink.objects.filter(pk__in=[link.pk for link in links], used_at=None))


# --- B 9, B 10: changed and forged ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("claim", ["company", "role", "email", "exp", "jti", "iat", "aud", "iss"])
def test_a_token_with_one_claim_changed_is_none(claim: str, ada: User, globex: Company) -> None:
    link = made(ada, email="dan@acme.example")
    other = made(ada, email="eve@acme.example")
    now = timezone.now()
    header, body, signature = token_of(link).split(".")
    instead = {
        "company": str(globex.uid),
        "role": str(built_in("Full Administrator").uid),
        "email": "mallory@evil.example",
        "exp": int((now + timedelta(days=30)).timestamp()),
        "jti": str(other.uid),
        "iat": int((now + timedelta(hours=1)).timestamp()),
        "aud": f"{settings.PUBLIC_URL}/login",
        "iss": "https://evil.example",
    }[claim]
    claims = _read(body) | {claim: instead}
    assert read_join_token(".".join((header, _part(claims), signature)), now=now) is None
    # Nor by a signature of ours: what a token says counts only where its row says the same.
    assert read_join_token(signed(claims), now=now) is None
    del claims[claim]
    assert read_join_token(signed(claims), now=now) is None
    assert read_join_token(signed(_read(body)), now=now) == link


def _public_pem(key: KeyPair) -> bytes:
    return key.public.public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def test_forged_headers_open_nothing(ada: User) -> None:
    import hashlib
    import hmac

    now, key = timezone.now(), active_key(now=timezone.now())
    header, body, signature = token_of(made(ada)).split(".")
    own = _read(header)
    hs = _part(own | {"alg": "HS256"})
    mac = hmac.new(_public_pem(key), f"{hs}.{body}".encode(), hashlib.sha256).digest()
    forged = [
        f"{_part(own | {'alg': 'none'})}.{body}.",
        f"{_part(own | {'alg': 'None'})}.{body}.{signature}",
        f"{hs}.{body}.{base64.urlsafe_b64encode(mac).decode().rstrip('=')}",
        f"{_part(own | {'kid': 'another'})}.{body}.{signature}",
        f"{_part({name: value for name, value in own.items() if name != 'kid'})}.{body}.{signature}",
        f"{header}.{body}.",
        f"{header}.{body}",
        f"{header}.{body}.{signature}.x",
        f"{header}.{body}.{signature[:-4]}AAAA",
        signed(_read(body), crit=["exp"]),
        signed(_read(body), typ="JWT"),
        signed(_read(body), typ=LINK.type),
        signed(_read(body), typ=ACCESS.type),
        "x" * 5_000,
        "é.é.é",
        "",
    ]
    for token in forged:
        assert read_join_token(token, now=now) is None, token


def test_a_join_token_is_good_for_joining_alone(ada: User) -> None:
    token, now = token_of(made(ada)), timezone.now()
    assert read_access_token(token) is None
    for scope in ("join", "sign-in", "sign-up", "forgotten"):
        assert read_link(token, scope=scope, now=now) is None
    program = Api(None)
    program.headers["Authorization"] = f"Bearer {token}"
    assert program.get("me/").status_code == 401
    assert program.post("tokens/refresh/", {"refresh_token": token}).status_code == 401
    asked = Api(ada).post("tokens/introspect/", {"token": token})
    assert asked.json() == {"active": False}
    for cookie in ("session", "browser", "attempt"):
        browser = Client()
        browser.cookies[cookie] = token
        assert browser.get("/account/").status_code == 302


@pytest.mark.parametrize("use", ["access", "link", "code"])
def test_no_other_token_of_ours_joins(use: str, ada: User) -> None:
    now, link = timezone.now(), made(ada)
    program = Api(ada)
    assert program.tokens is not None
    claims = _read(token_of(link).split(".")[1])
    token = {
        "access": program.tokens["access_token"],
        "link": signed(claims | {"aud": LINK.audience, "scope": "join", "jti": str(link.uid)}, typ=LINK.type),
        "code": program.tokens["refresh_token"],
    }[use]
    assert read_join_token(token, now=now) is None


# --- B 8: in time -----------------------------------------------------------------------------------------------------------


def test_a_second_after_its_end_a_link_is_over_whoever_still_holds_it(ada: User) -> None:
    link = made(ada, hours=1)
    token, end = token_of(link), link.expires_at
    assert read_join_token(token, now=end - timedelta(seconds=1)) == link
    assert read_join_token(token, now=end) is None
    assert isinstance(join(link, "dan@acme.example", now=end), Denied)
    assert JoinLink.objects.filter(pk=link.pk).exists()  # nothing was cleaned up for it
    link.refresh_from_db()
    assert link.used_at is None


# --- F 20, F 21: whom it concerns ------------------------------------------------------------------------------------------


def test_a_link_takes_nobody_out_of_another_company(ada: User, cleo: User) -> None:
    link = made(ada)
    before = state()
    refused = accept(link, email=cleo.email, display_name="Cleo", now=timezone.now(), origin=HERE, user=cleo)
    assert isinstance(refused, Denied)
    assert changes(before, state()) == []


def test_whether_somebody_has_an_account_elsewhere_is_not_told_to_who_invites(ada: User, cleo: User) -> None:
    program, role = Api(ada), str(built_in("Member").uid)
    there = program.post("join-links/", {"role": role, "email": cleo.email})
    not_there = program.post("join-links/", {"role": role, "email": "nobody@globex.example"})
    assert there.status_code == not_there.status_code == 201
    assert there.json().keys() == not_there.json().keys()
    assert Delivery.objects.count() == 2


def test_an_account_that_somebody_made_for_another_mailbox_does_not_rise_by_its_invitation(
    ada: User, mallory: User, acme: Company
) -> None:
    # Mallory may add people; he made an account with Dan's address and knows its password.
    user = User.objects.create(
        username="dan@acme.example",
        email="dan@acme.example",
        display_name="Dan",
        company=acme,
        password="known",
    )
    link = made(ada, email="dan@acme.example", role=built_in("Company Administrator"))
    refused = accept(
        link, email="dan@acme.example", display_name="Dan", now=timezone.now(), origin=HERE, user=user
    )
    assert isinstance(refused, Denied)
    assert not user.roles.exists()


def test_a_link_made_by_a_program_gives_no_more_than_the_program_may(ada: User) -> None:
    by = acting(ada)
    ada.roles.set([built_in("Member")])
    # Whoever acts with rights of a moment ago makes a link that is dead when it is followed.
    link = make_join_link(
        JoinLinkDraft(company=ada.company, role=built_in("Member")), by=by, now=timezone.now()
    )
    assert isinstance(link, JoinLink)
    assert isinstance(join(link, "dan@acme.example"), Denied)
