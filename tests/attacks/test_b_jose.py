"""B. Tokens forged, altered or put in another place: every trick gets the one answer, also beside a cookie that lets its sender in."""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from django.utils import timezone

from accounts import signing_keys
from accounts.models import SigningKey, User
from accounts.tokens import keys
from accounts.tokens.keys import KeyPair
from accounts.tokens.rotation import OVERLAP
from accounts.tokens.signed import ACCESS, JOIN, LINK, Use, read, signed
from accounts.tokens.statement import signed_call
from accounts.tokens.verify import read_access_token
from tests.cast import Api, acting, browser, person

pytestmark = pytest.mark.django_db
Json = dict[str, Any]


@pytest.fixture
def ben(db: None) -> User:
    """Whose token Mallory has seen the form of."""
    return person("ben@acme.example", company=None, role="Member")


def _coded(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).decode().rstrip("=")


def _parts(token: str) -> tuple[Json, Json]:
    header, claims = (json.loads(base64.urlsafe_b64decode(part + "==")) for part in token.split(".")[:2])
    return header, claims


def _our_key() -> KeyPair:
    return keys.active_key(now=timezone.now())


def _signature(text: str, key: Any) -> str:
    """What our own key would sign: the worst case, in which only the form of the token is left to refuse."""
    return _coded(jwt.get_algorithm_by_name("ES256").sign(text.encode(), key))


def _made(header: Json | str, claims: Json | str, *, key: Any = None) -> str:
    """A token of this header and these claims, JSON as it is where it is text, signed by our own key."""
    first, middle = (
        _coded((one if isinstance(one, str) else json.dumps(one)).encode()) for one in (header, claims)
    )
    return f"{first}.{middle}.{_signature(f'{first}.{middle}', key or _our_key().private)}"


def _with_mac(header: Json, claims: Json, secret: bytes) -> str:
    text = f"{_coded(json.dumps(header).encode())}.{_coded(json.dumps(claims).encode())}"
    return f"{text}.{_coded(hmac.new(secret, text.encode(), hashlib.sha256).digest())}"


def _twice(claims: Json, name: str, value: Any) -> str:
    """The claims as JSON in which one name stands twice."""
    return f'{{"{name}": {json.dumps(value)}, {json.dumps(claims)[1:]}'


def algorithms(header: Json, claims: Json) -> dict[str, str]:
    """Who says by what the token is to be checked."""
    public, ours = _our_key().public, header["kid"]
    stranger = ec.generate_private_key(ec.SECP256R1())
    large = rsa.generate_private_key(public_exponent=65_537, key_size=2_048)
    pem = public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    der = public.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    jwk = json.dumps(_our_key().jwk).encode()
    secrets = {"the PEM": pem, "the DER": der, "the JWK": jwk, "the kid": ours.encode(), "nothing": b""}
    confused = {
        f"HS256 with {what}": _with_mac(header | {"alg": "HS256"}, claims, secret)
        for what, secret in secrets.items()
    }
    unsigned = {
        f"alg {alg}": f"{_coded(json.dumps(header | {'alg': alg}).encode())}.{_coded(json.dumps(claims).encode())}."
        for alg in ("none", "None", "NONE", "nOnE", "")
    }
    return confused | unsigned | {
        "alg none with our signature": _made(header | {"alg": "none"}, claims),
        "another algorithm named": _made(header | {"alg": "ES384"}, claims),
        "RS256": jwt.encode(claims, large, algorithm="RS256", headers={"typ": ACCESS.type, "kid": ours}),
        "a stranger's key": _made(header, claims, key=stranger),
        "a signature of zeros": _made(header, claims).rpartition(".")[0] + "." + _coded(bytes(64)),
        "no signature": _made(header, claims).rpartition(".")[0] + ".",
        "a signature too long": _made(header, claims) + "AAAA",
    }  # fmt: skip


def headers(header: Json, claims: Json) -> dict[str, str]:
    """Headers that bring a key along, say where to fetch one, or change how the rest is read; all rightly signed."""
    own = _our_key().jwk
    more: dict[str, Json] = {
        "jwk": {"jwk": own},
        "jku": {"jku": "https://portal.example/.well-known/jwks.json"},
        "jku within": {"jku": "http://127.0.0.1/"},
        "x5u": {"x5u": "https://mallory.example/cert.pem"},
        "x5c": {"x5c": ["MIIB"]},
        "x5t": {"x5t": "AAAA"},
        "crit": {"crit": ["exp"]},
        "crit empty": {"crit": []},
        "crit of b64": {"crit": ["b64"], "b64": False},
        "b64": {"b64": False},
        "zip": {"zip": "DEF"},
        "cty": {"cty": "JWT"},
        "encrypted": {"enc": "A256GCM"},
    }
    return {what: _made(header | one, claims) for what, one in more.items()} | {
        "alg twice": _made(_twice(header, "alg", "none"), claims),
        "kid twice": _made(_twice(header, "kid", "other"), claims),
        "no header": _made("null", claims),
        "a header that is a list": _made("[]", claims),
        "a header that is no JSON": _made("{", claims),
    }


def kids(header: Json, claims: Json) -> dict[str, str]:
    """Names of keys that lead elsewhere."""
    names: list[Any] = [
        "", "other", header["kid"][:-1], header["kid"] + "A", header["kid"].swapcase(), f" {header['kid']}", f"{header['kid']}\0",
        "../../../../dev/null", "/etc/passwd", "file:///dev/null", "x' OR '1'='1", "x'; DROP TABLE accounts_signingkey; --",
        "' UNION SELECT 'AAAA", "%", "_" * 43, "1", "k1", None, 1, True, [header["kid"]], {"kid": header["kid"]}, "A" * 3_000,
    ]  # fmt: skip
    return {f"kid {name!r:.60}": _made(header | {"kid": name}, claims) for name in names} | {
        "no kid": _made({name: value for name, value in header.items() if name != "kid"}, claims)
    }


def times(header: Json, claims: Json) -> dict[str, str]:
    """Times that are none, or not yet."""
    now = claims["iat"]
    changed: dict[str, Json] = {
        "exp as text": {"exp": str(claims["exp"])},
        "exp as a fraction": {"exp": claims["exp"] + 0.5},
        "exp as a whole fraction": {"exp": float(claims["exp"])},
        "exp true": {"exp": True},
        "exp null": {"exp": None},
        "exp list": {"exp": [claims["exp"]]},
        "exp beyond every calendar": {"exp": 10**20},
        "exp below": {"exp": -(10**20)},
        "exp now": {"exp": now},
        "iat as text": {"iat": str(now)},
        "iat as a fraction": {"iat": now + 0.1},
        "iat tomorrow": {"iat": now + 86_400},
        "iat in a minute": {"iat": now + 60},
        "iat null": {"iat": None},
    }
    return {what: _made(header, claims | one) for what, one in changed.items()} | {
        "exp NaN": _made(header, json.dumps(claims | {"exp": float("nan")})),
        "exp without end": _made(header, json.dumps(claims | {"exp": float("inf")})),
        "exp twice": _made(header, _twice(claims, "exp", claims["exp"] + 9_999)),
        "no exp": _made(header, {name: value for name, value in claims.items() if name != "exp"}),
        "no iat": _made(header, {name: value for name, value in claims.items() if name != "iat"}),
    }


def contents(header: Json, claims: Json) -> dict[str, str]:
    """Claims of another form, or for somebody else."""
    changed: dict[str, Json] = {
        "aud a list": {"aud": [claims["aud"]]},
        "aud a list of two": {"aud": [claims["aud"], "https://mallory.example"]},
        "aud an object": {"aud": {claims["aud"]: True}},
        "aud null": {"aud": None},
        "aud a number": {"aud": 1},
        "aud with a slash": {"aud": claims["aud"] + "/"},
        "aud of links": {"aud": LINK.audience},
        "iss a list": {"iss": [claims["iss"]]},
        "iss with a slash": {"iss": claims["iss"] + "/"},
        "sub a number": {"sub": 1},
        "sub a list": {"sub": [claims["sub"]]},
        "sid null": {"sid": None},
        "sid a list": {"sid": [claims["sid"]]},
        "jti null": {"jti": None},
    }
    inner = _made(header, claims)
    return {what: _made(header, claims | one) for what, one in changed.items()} | {
        "sub twice": _made(header, _twice(claims, "sub", "00000000-0000-4000-8000-000000000000")),
        "aud twice": _made(header, _twice(claims, "aud", "https://mallory.example")),
        "a token in a token": _made(header, inner),
        "a token as text in a token": _made(header, json.dumps(inner)),
        "a token in a token, said so": _made(header | {"cty": "JWT"}, inner),
        "a list of claims": _made(header, json.dumps([claims])),
        "no claims": _made(header, "null"),
        "too deep": _made(header, '{"a":' * 400 + "1" + "}" * 400),
        "oversized": _made(header, claims | {"pad": "A" * 100_000}),
        "just too long": _made(header, claims | {"pad": "A" * 4_096}),
        "five parts": inner + ".AAAA.AAAA",
        "not base64": inner.replace(".", ".*", 1),
        "padded": ".".join(part + "==" for part in inner.split(".")),
        "JSON form": json.dumps({"payload": inner.split(".")[1], "signatures": []}),
    }


def uses(header: Json, claims: Json) -> dict[str, str]:
    """Rightly signed, but for another use."""
    now = timezone.now()

    def of(use: Use, **more: Any) -> str:
        everything = {"sub": claims["sub"], "sid": claims["sid"], **more}
        ends = now + timedelta(minutes=5)
        return signed(everything, use=use, jti=claims["jti"], issued_at=now, expires_at=ends)

    return {
        "a link": of(LINK, scope="link"),
        "a join link": of(JOIN, company="x", role="y"),
        "a statement": signed_call(b"{}", audience=ACCESS.audience, now=now),
        "an access token that says it is a link": _made(header | {"typ": LINK.type}, claims),
        "a link that says it is an access token": _made(header, claims | {"aud": LINK.audience}),
        "typ JWT": _made(header | {"typ": "JWT"}, claims),
        "typ a list": _made(header | {"typ": [ACCESS.type]}, claims),
        "typ with its long name": _made(header | {"typ": f"application/{ACCESS.type}"}, claims),
        "no typ": _made({name: value for name, value in header.items() if name != "typ"}, claims),
    }


Tricks = Callable[[Json, Json], dict[str, str]]


@pytest.mark.parametrize("tricks", [algorithms, headers, kids, times, contents, uses])
def test_every_trick_gets_the_one_answer_and_never_falls_back_to_the_cookie(
    tricks: Tricks, ben: User
) -> None:
    program, web = Api(ben), browser(ben)
    header, claims = _parts(program.tokens["access_token"])
    assert read_access_token(_made(header, claims)) is not None  # what is tried differs from it in one thing
    for what, token in tricks(header, claims).items():
        said = {"Authorization": f"Bearer {token}"}
        for sender in (program.browser, web):
            answer = sender.get("/api/v1/me/", headers=said)
            assert answer.status_code == 401, what
            assert answer.json()["code"] == "invalid_token", what
        asked = program.post("tokens/introspect/", {"token": token})
        assert asked.status_code in {200, 400}, what
        assert asked.json().get("active", False) is False, what


@pytest.mark.parametrize("use", [ACCESS, LINK, JOIN])
def test_a_token_stands_for_no_other_use(use: Use) -> None:
    now = timezone.now()
    everything = {"sub": "a", "sid": "b", "scope": "c", "company": "d", "role": "e"}
    ends = now + timedelta(minutes=5)
    token = signed(everything, use=use, jti="1", issued_at=now, expires_at=ends)
    assert [one for one in (ACCESS, LINK, JOIN) if read(token, use=one) is not None] == [use]
    call = signed_call(b"{}", audience=use.audience, now=now)
    assert read(call, use=use) is None


@pytest.mark.parametrize("way", ["revoked", "gone", "erased"])
def test_a_token_of_a_key_that_holds_no_longer_is_dead_although_it_was_seen(way: str, ben: User) -> None:
    root = person("root@portal.example", company=None, role="Full Administrator")
    program = Api(ben)
    header, claims = _parts(program.tokens["access_token"])
    long_lived = _made(header, claims | {"exp": claims["exp"] + 400 * 86_400})
    seen = {"Authorization": f"Bearer {long_lived}"}
    assert program.browser.get("/api/v1/me/", headers=seen).status_code == 200
    old, now = SigningKey.objects.get(), timezone.now()
    private = _our_key().private
    if way == "revoked":
        signing_keys.revoke_key(old, by=acting(root), now=now)
    else:
        signing_keys.rotate_now(by=acting(root), now=now)
        assert program.browser.get("/api/v1/me/", headers=seen).status_code == 200
        _long_ago(now - OVERLAP - timedelta(days=40), handed_over=now - OVERLAP)
        if way == "erased":
            assert signing_keys.ensure_keys(now=now) >= 1
    assert program.browser.get("/api/v1/me/", headers=seen).status_code == 401
    again = _made(header, claims, key=private)  # whoever has the key can still sign
    for token in (long_lived, again):
        said = {"Authorization": f"Bearer {token}"}
        assert browser(ben).get("/api/v1/me/", headers=said).status_code == 401


def _long_ago(began: datetime, *, handed_over: datetime) -> None:
    SigningKey.objects.filter(number=1).update(active_from=began)
    SigningKey.objects.filter(number=2).update(active_from=handed_over)
    keys._held._held = (0, {})


def test_a_retired_key_verifies_until_what_it_signed_has_ended(ben: User) -> None:
    root = person("root@portal.example", company=None, role="Full Administrator")
    program, now = Api(ben), timezone.now()
    signing_keys.rotate_now(by=acting(root), now=now)
    assert program.get("me/").status_code == 200
    _long_ago(now - timedelta(days=40), handed_over=now - OVERLAP + timedelta(minutes=1))
    assert program.get("me/").status_code == 200


def test_another_signature_is_not_taken_for_the_one_that_was_seen(ben: User) -> None:
    """A token that was found good is remembered by its whole text, so another one with the same beginning gains nothing."""
    program = Api(ben)
    token = program.tokens["access_token"]
    assert program.get("me/").status_code == 200
    text, _dot, signature = token.rpartition(".")
    for forged in (f"{text}.", f"{text}.{signature[:-8]}AAAAAAAA", f"{text}.{signature}="):
        said = {"Authorization": f"Bearer {forged}"}
        assert program.browser.get("/api/v1/me/", headers=said).status_code == 401
