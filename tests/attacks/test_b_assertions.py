"""Attacks on tokens that integrations sign, each against the running API: every JOSE trick, and every claim that is not what it must be."""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import jwt
import pytest
import time_machine
from django.conf import settings
from django.http import HttpResponse
from django.test import Client as Browser
from django.utils import timezone

from accounts.middleware import SESSION_COOKIE
from accounts.models import Integration, Session, User
from accounts.tokens.foreign import MALFORMED, unverified
from tenants.models import Company
from tests import cast
from tests.accounts.vouched import (
    EC,
    ED,
    GONE,
    OTHER_RSA,
    RSA,
    claims_of,
    integration_of,
    pem_of,
    public_of,
    token_of,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def desk(acme: Company) -> Integration:
    return integration_of(acme, keys=(RSA, EC, ED))


def call(token: str, browser: Browser | None = None) -> HttpResponse:
    return (browser or Browser()).get("/api/v1/me/", headers={"Authorization": f"Bearer {token}"})


def refused(token: str) -> str:
    """The sentence of the refusal, after making sure that it is one, that nothing was begun, and that no cookie helps."""
    answer = call(token)
    assert (answer.status_code, answer.json()["code"]) == (401, "invalid_token"), answer.content
    assert 'error="invalid_token"' in answer["WWW-Authenticate"]
    assert not Session.objects.filter(kind="jwt").exists()
    return str(answer.json()["detail"])


def part(value: object) -> str:
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def signed(header: object, payload: object, *, key: Any = RSA) -> str:
    """A token with these very bytes, and a signature that holds."""
    from accounts.tokens.foreign import _CHECKS

    text = f"{part(header)}.{part(payload)}"
    algorithm = {RSA: "RS256", OTHER_RSA: "RS256", EC: "ES256", ED: "EdDSA"}[key]
    return f"{text}.{part(_CHECKS[algorithm].sign(text.encode(), key))}"


def kid(key: Any) -> str:
    return public_of(key).kid


def good(desk: Integration, ben: User, **more: Any) -> dict[str, Any]:
    return claims_of(desk, now=timezone.now(), **({"sub": ben.username} | more))


@pytest.mark.parametrize("key", [RSA, EC, ED], ids=["RS256", "ES256", "EdDSA"])
@pytest.mark.parametrize("named", [True, False], ids=["kid", "no kid"])
def test_a_good_token_is_let_in(desk: Integration, ben: User, key: Any, named: bool) -> None:
    """Else the refusals below would prove nothing."""
    header = {"alg": {RSA: "RS256", EC: "ES256", ED: "EdDSA"}[key], "typ": "JWT"}
    token = signed(header | ({"kid": kid(key)} if named else {}), good(desk, ben), key=key)
    assert call(token).status_code == 200


# --- the header ----------------------------------------------------------------------------------------------------------

HEADERS: dict[str, Callable[[], dict[str, Any]]] = {
    "none": lambda: {"alg": "none"},
    "None": lambda: {"alg": "None"},
    "no algorithm": lambda: {"alg": GONE},
    "null": lambda: {"alg": None},
    "a list": lambda: {"alg": ["RS256"]},
    "another hash": lambda: {"alg": "RS512"},
    "PSS": lambda: {"alg": "PS256"},
    "that of another key": lambda: {"alg": "ES256"},
    "in other letters": lambda: {"alg": "rs256"},
    "a shared secret": lambda: {"alg": "HS256"},
    "a key brought along": lambda: {"jwk": {**public_of(OTHER_RSA).jwk}},
    "an address of keys": lambda: {"jku": "https://mallory.example/keys"},
    "an address of certificates": lambda: {"x5u": "https://mallory.example/chain"},
    "certificates": lambda: {"x5c": ["AAAA"]},
    "critical": lambda: {"crit": ["exp"], "exp": 1},
    "critical nothing": lambda: {"crit": []},
    "compressed": lambda: {"zip": "DEF"},
    "encrypted": lambda: {"enc": "A256GCM"},
    "not encoded": lambda: {"b64": False},
    "nested": lambda: {"cty": "JWT"},
    "an access token of ours": lambda: {"typ": "at+jwt"},
    "a join link": lambda: {"typ": "gatehouse-join+jwt"},
    "a type that is none": lambda: {"typ": 1},
    "no type at all": lambda: {"typ": None},
    "an unknown key": lambda: {"kid": "unknown"},
    "a path as key": lambda: {"kid": "../../../../dev/null"},
    "a statement as key": lambda: {"kid": "x' OR '1'='1"},
    "a list of keys": lambda: {"kid": [kid(RSA)]},
    "no key in particular": lambda: {"kid": None},
    "an empty key": lambda: {"kid": ""},
    "the key of another algorithm": lambda: {"kid": kid(EC)},
}


@pytest.mark.parametrize("trick", HEADERS)
def test_a_header_that_would_choose_for_us_is_refused(desk: Integration, ben: User, trick: str) -> None:
    header = {"alg": "RS256", "typ": "JWT", "kid": kid(RSA), **HEADERS[trick]()}
    refused(signed({name: one for name, one in header.items() if one is not GONE}, good(desk, ben)))


def test_without_a_signature_nothing_is_believed(desk: Integration, ben: User) -> None:
    for algorithm in ("none", "RS256"):
        text = f"{part({'alg': algorithm})}.{part(good(desk, ben))}"
        for tail in ("", "AA", part(b"\0" * 256)):
            refused(f"{text}.{tail}")


def test_the_public_key_is_no_shared_secret(desk: Integration, ben: User) -> None:
    for secret in (
        pem_of(RSA).encode(),
        pem_of(RSA).strip().encode(),
        json.dumps(public_of(RSA).jwk).encode(),
        b"",
    ):
        for named in ({}, {"kid": kid(RSA)}):
            text = f"{part({'alg': 'HS256', 'typ': 'JWT', **named})}.{part(good(desk, ben))}"
            refused(f"{text}.{part(hmac.new(secret, text.encode(), hashlib.sha256).digest())}")


def test_a_key_of_somebody_else_signs_nothing(desk: Integration, ben: User, globex: Company) -> None:
    integration_of(globex, keys=(OTHER_RSA,), name="Theirs")
    for header in (
        {"alg": "RS256"},
        {"alg": "RS256", "kid": kid(RSA)},
        {"alg": "RS256", "kid": kid(OTHER_RSA)},
    ):
        refused(signed(header, good(desk, ben), key=OTHER_RSA))


def test_a_signature_of_zeros_is_none(desk: Integration, ben: User) -> None:
    for algorithm, length in (("ES256", 64), ("EdDSA", 64), ("RS256", 256)):
        text = f"{part({'alg': algorithm})}.{part(good(desk, ben))}"
        for value in (b"\0", b"\xff"):
            refused(f"{text}.{part(value * length)}")


# --- the text --------------------------------------------------------------------------------------------------------------


def texts(claims: dict[str, Any]) -> dict[str, bytes]:
    """Payloads that two readers would read differently, or that are meant to cost much."""
    raw = json.dumps(claims).encode()
    return {
        "a claim twice": raw[:-1] + b', "sub": "ada@acme.example"}',
        "a claim twice inside": raw[:-1] + b', "policy": {"version": 3, "version": 2}}',
        "not a number": raw[:-1] + b', "x": NaN}',
        "endless": raw[:-1] + b', "x": -Infinity}',
        "too large a number": raw[:-1] + b', "x": 99999999999999999999}',
        "a very long number": raw[:-1] + b', "x": ' + b"9" * 5_000 + b"}",
        "half a character": raw[:-1] + b', "x": "\\ud800"}',
        "a zero byte": raw[:-1] + b', "x": "a\\u0000b"}',
        "no UTF-8": raw[:-1] + b', "x": "\xff"}',
        "UTF-16": json.dumps(claims).encode("utf-16"),
        "a mark before it": b"\xef\xbb\xbf" + raw,
        "a comment": raw + b"// and more",
        "two objects": raw + raw,
        "too deep": raw[:-1] + b', "x": ' + b"[" * 20 + b"]" * 20 + b"}",
        "far too deep": raw[:-1] + b', "x": ' + b"[" * 2_500 + b"]" * 2_500 + b"}",
        "too many": raw[:-1] + b', "x": [' + b"{}," * 400 + b"{}]}",
        "a list": b"[" + raw + b"]",
        "a text": json.dumps(json.dumps(claims)).encode(),
        "null": b"null",
        "nothing": b"",
    }


@pytest.mark.parametrize("trick", texts({}))
def test_a_payload_that_could_be_read_in_two_ways_is_refused(
    desk: Integration, ben: User, trick: str
) -> None:
    refused(signed({"alg": "RS256"}, texts(good(desk, ben))[trick]))


@pytest.mark.parametrize(
    "header",
    [
        b'{"alg": "none", "alg": "RS256"}',
        b'{"alg": "RS256", "x": NaN}',
        b"[]",
        b"null",
        b"",
        b'"RS256"',
        b"{" * 400,
    ],
)
def test_a_header_that_could_be_read_in_two_ways_is_refused(
    desk: Integration, ben: User, header: bytes
) -> None:
    refused(signed(header, good(desk, ben)))


def test_what_is_no_three_parts_of_base64url_is_refused(desk: Integration, ben: User) -> None:
    token = token_of(desk, now=timezone.now(), sub=ben.username)
    head, body, tail = token.split(".")
    for text in (
        f"{head}.{body}", f"{head}.{body}.{tail}.", f".{head}.{body}.{tail}", f"{head}.{body}.{tail}.{tail}", f"{head}..{tail}",
        f".{body}.{tail}", f"{head}.{body}.{tail}=", f"{head}=.{body}.{tail}", f"{head}.{body}==.{tail}", f"{head}.{body}.{tail}!",
        f"{head}.{body}\n.{tail}", f"{head} .{body}.{tail}", f"{head}.{body}.+/{tail}", token.replace("_", "/").replace("-", "+") + "+",
        f'{{"protected": "{head}", "payload": "{body}", "signature": "{tail}"}}', "ü" + token,
    ):  # fmt: skip
        refused(text)


def test_another_text_for_the_same_bytes_is_no_token(desk: Integration, ben: User) -> None:
    token = token_of(desk, now=timezone.now(), sub=ben.username, key=EC)
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    last = alphabet[alphabet.index(token[-1]) | 1]  # bits that no byte is made of
    other = token[:-1] + (last if last != token[-1] else alphabet[alphabet.index(token[-1]) ^ 1])
    assert base64.urlsafe_b64decode(other.split(".")[2] + "==") == base64.urlsafe_b64decode(
        token.split(".")[2] + "=="
    )
    refused(other)


def test_a_token_that_is_too_long_is_refused_and_no_cookie_takes_its_place(
    desk: Integration, ben: User
) -> None:
    browser = cast.browser(ben)
    assert browser.get("/api/v1/me/").status_code == 200
    token = signed({"alg": "RS256"}, good(desk, ben, x="x" * 7_000))
    assert len(token) > 8_192
    assert call(token, browser).status_code == 401
    assert call("x" * 100_000, browser).status_code == 401


def test_a_token_elsewhere_than_in_the_header_counts_for_nothing(desk: Integration, ben: User) -> None:
    token = token_of(desk, now=timezone.now(), sub=ben.username)
    for name in ("token", "access_token", "jwt", "bearer_token"):
        assert Browser().get("/api/v1/me/", {name: token}).status_code in {400, 401}
    browser = Browser()
    for text in (
        token,
        token.rpartition(".")[0],
        f"{desk.uid}:{hashlib.sha256(token.rpartition('.')[0].encode()).hexdigest()}",
    ):
        browser.cookies[SESSION_COOKIE] = text
        assert browser.get("/api/v1/me/").status_code == 401
    assert call(token).status_code == 200  # now there is a session, whose fingerprint is made of the text
    for text in (token, f"{desk.uid}:{hashlib.sha256(token.rpartition('.')[0].encode()).hexdigest()}"):
        browser.cookies[SESSION_COOKIE] = text
        assert browser.get("/api/v1/me/").status_code == 401


# --- the claims --------------------------------------------------------------------------------------------------------------

OURS = settings.PUBLIC_URL
CLAIMS: dict[str, list[object]] = {
    "iss": [GONE, None, "", "unknown", 1, [], "A" * 20, {"iss": "x"}],
    "aud": [
        GONE, None, "", [], [OURS], [OURS, "https://cobrowse.io"], {"aud": OURS}, OURS + "/", OURS.upper(), f"{OURS}/api", f"{OURS}/login",
        "https://cobrowse.io", "https://elsewhere.example", True,
    ],
    "sub": [
        GONE, None, "", "ben", "ben@", " ben@acme.example", "ben@acme.example\n", "b\u0435n@acme.example", ["ben@acme.example"], 7,
        "ben@acme.example\u200b", "a" * 250 + "@acme.example", "ben@acme..example", {"email": "ben@acme.example"},
    ],
    "displayName": [None, 7, "x" * 121, ["Ben"], {}],
    "role": ["", "Agent", "superuser", "Full Administrator", "admin", 1, True, [], ["agent"], {}, "administrator "],
    "policy": [None, [], "", "*", 3, True, {"version": 4}, {"version": 3, "sessions": []}, {"version": 3, "sessions": {"state": "active"}}],
    "jti": [None, "", 7, [], "x" * 201, {}],
}  # fmt: skip
WRONG = [(name, value) for name, values in CLAIMS.items() for value in values]


@pytest.mark.parametrize(
    ("name", "value"), WRONG, ids=[f"{name}-{n}" for n, (name, _value) in enumerate(WRONG)]
)
def test_a_claim_that_is_not_what_it_must_be_is_refused(
    desk: Integration, ben: User, name: str, value: object
) -> None:
    refused(signed({"alg": "RS256"}, good(desk, ben, **{name: value})))
    assert not User.objects.filter(came_by="sso").exists()


TIMES: dict[str, Callable[[int], dict[str, Any]]] = {
    "no end": lambda _now: {"exp": GONE},
    "no beginning": lambda _now: {"iat": GONE},
    "an end with a fraction": lambda now: {"exp": now + 60.0},
    "a beginning with a fraction": lambda now: {"iat": now + 0.5},
    "an end in words": lambda now: {"exp": str(now + 60)},
    "a beginning in words": lambda now: {"iat": str(now)},
    "an end that is true": lambda _now: {"exp": True},
    "a beginning that is true": lambda _now: {"iat": True},
    "no value": lambda _now: {"exp": None},
    "a list": lambda now: {"exp": [now + 60]},
    "milliseconds": lambda now: {"iat": now * 1000, "exp": (now + 60) * 1000},
    "before all time": lambda now: {"iat": -1, "exp": now + 60},
    "after all time": lambda _now: {"exp": 2**53 - 1},
    "an end before the beginning": lambda now: {"iat": now, "exp": now - 1},
    "an end at the beginning": lambda now: {"iat": now, "exp": now},
    "a beginning in the future": lambda now: {"iat": now + 120, "exp": now + 180},
    "not before in the future": lambda now: {"nbf": now + 120},
    "not before in words": lambda now: {"nbf": str(now)},
    "not before with a fraction": lambda _now: {"nbf": 1.5},
    "longer than a day": lambda now: {"exp": now + 86_401},
    "longer than a day, begun long ago": lambda now: {"iat": now - 86_400, "exp": now + 600},
}


@pytest.mark.parametrize("trick", TIMES)
def test_a_time_that_is_not_what_it_must_be_is_refused(desk: Integration, ben: User, trick: str) -> None:
    now = int(timezone.now().timestamp())
    refused(signed({"alg": "RS256"}, good(desk, ben, **TIMES[trick](now))))


def test_the_integration_says_how_long_a_token_lives_and_a_day_is_the_most(acme: Company, ben: User) -> None:
    now = timezone.now()
    hour = integration_of(acme, lifetime_minutes=60)
    for seconds, status in ((3_600, 200), (3_601, 401)):
        token = token_of(hour, now=now, sub=ben.username, exp=int(now.timestamp()) + seconds)
        assert call(token).status_code == status
    Integration.objects.update(lifetime_minutes=30_000)  # no verb writes that; even so
    token = token_of(
        integration_of(acme, name="Long", lifetime_minutes=30_000),
        now=now,
        sub=ben.username,
        exp=int(now.timestamp()) + 86_401,
    )
    assert call(token).status_code == 401


def test_a_minute_is_left_between_two_clocks_and_no_more(desk: Integration, ben: User) -> None:
    now = int(timezone.now().timestamp())
    for times, status in (
        ({"iat": now + 50, "exp": now + 110}, 200),
        ({"iat": now + 70, "exp": now + 130}, 401),
        ({"iat": now - 100, "exp": now - 50}, 200),
        ({"iat": now - 130, "exp": now - 70}, 401),
    ):
        token = signed({"alg": "RS256"}, good(desk, ben, **times))
        assert call(token).status_code == status, times


def test_a_token_that_ran_out_says_so_in_the_words_that_the_published_client_reads(
    desk: Integration, ben: User
) -> None:
    now = int(timezone.now().timestamp())
    assert refused(signed({"alg": "RS256"}, good(desk, ben, iat=now - 200, exp=now - 100))) == "jwt expired"
    # Of one that is wrong besides, nothing is said that a client would take for a reason to fetch a new one.
    broken = signed({"alg": "RS256"}, good(desk, ben, iat=now - 200, exp=now - 100))[:-6] + "AAAAAA"
    assert refused(broken) != "jwt expired"


def test_the_audience_of_cobrowse_is_taken_only_where_the_integration_says_so(
    acme: Company, ben: User
) -> None:
    for name, accepts, status in (("Off", False, 401), ("On", True, 200)):
        desk = integration_of(acme, name=name, accepts_cobrowse=accepts)
        token = token_of(desk, now=timezone.now(), sub=ben.username, aud="https://cobrowse.io")
        assert call(token).status_code == status


def test_a_token_of_one_integration_is_none_of_another(
    acme: Company, globex: Company, cleo: User, ben: User
) -> None:
    ours, theirs = integration_of(acme), integration_of(globex, name="Theirs", keys=(OTHER_RSA,))
    for iss, key, sub in (
        (theirs.licence_key, RSA, cleo.username),
        (ours.licence_key, OTHER_RSA, ben.username),
        (ours.licence_key, RSA, cleo.username),
    ):
        claims = claims_of(ours, now=timezone.now(), iss=iss, sub=sub)
        refused(jwt.encode(claims, key, algorithm="RS256"))


def test_our_own_tokens_are_vouched_for_by_nobody(desk: Integration, ben: User) -> None:
    """An integration that names itself as our issuer, or us as the integration, gets nowhere."""
    for iss in (OURS, f"{OURS}/", desk.name, str(desk.uid)):
        refused(signed({"alg": "RS256"}, good(desk, ben, iss=iss)))


def test_whatever_is_sent_as_a_token_gets_an_answer() -> None:
    for text in ("", ".", "..", "...", "a.b.c", "=.=.=", "e30.e30.e30", "\x7f" * 3, "A" * 8_193):
        assert unverified(text) == MALFORMED or text == "e30.e30.e30"


def test_the_time_of_a_bearer_is_asked_at_every_use(desk: Integration, ben: User) -> None:
    now = timezone.now()
    token = token_of(desk, now=now, sub=ben.username, exp=int(now.timestamp()) + 1)
    assert call(token).status_code == 200
    with time_machine.travel(now + timedelta(seconds=60), tick=False):
        assert call(token).status_code == 200
    with time_machine.travel(now + timedelta(seconds=61), tick=False):
        answer = call(token)
    assert (answer.status_code, answer.json()["detail"]) == (401, "jwt expired")
