"""Access and refresh tokens: what holds, what does not, and how soon it stops."""

import base64
import hashlib
import hmac
import json
import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest
import time_machine
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from django.conf import LazySettings
from django.db import connection, connections
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import Session, User
from accounts.people import lock_user
from accounts.principal import rights_of
from accounts.sessions import end_all
from accounts.signing_keys import rotate_now
from accounts.tokens import keys
from accounts.tokens.issue import access_token
from accounts.tokens.verify import principal_of_token
from audit.models import AuditEvent
from audit.record import Origin
from core import epoch
from core.outcomes import Denied
from tenants.actor import Actor
from tenants.models import Permission, Privilege, Role
from tests.cast import Api, Browse, Call, acting

FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def parts(token: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Header and claims, unchecked."""
    header, claims, _signature = token.split(".")
    return tuple(json.loads(base64.urlsafe_b64decode(part + "==")) for part in (header, claims))


def made_by(
    key: Any, *, algorithm: str = "ES256", header: dict[str, Any] | None = None, **claims: Any
) -> str:
    """A token of these claims, signed as an attacker would."""
    return jwt.encode(claims, key, algorithm=algorithm, headers=header or {})


def test_an_access_token_says_what_rfc_9068_asks_for(api: Call, ada: User, settings: LazySettings) -> None:
    program = api(ada)
    header, claims = parts(program.tokens["access_token"])
    assert header["typ"] == "at+jwt"
    assert header["alg"] == "ES256"
    assert claims["iss"] == settings.PUBLIC_URL
    assert claims["aud"] == f"{settings.PUBLIC_URL}/api"
    assert (claims["sub"], claims["sid"]) == (str(ada.uid), str(program.session.uid))
    assert claims["exp"] - claims["iat"] == 300
    assert program.tokens["expires_in"] == 300


def test_an_access_token_never_outlives_its_session(api: Call, ada: User) -> None:
    session = api(ada).session
    now = session.expires_at - timedelta(seconds=60)
    token, seconds = access_token(session, now=now)
    assert seconds == 60
    assert parts(token)[1]["exp"] == int(session.expires_at.timestamp())


def test_anybody_can_check_a_token_with_the_published_keys(api: Call, ada: User) -> None:
    answer = api(None).get("/.well-known/jwks.json")
    assert answer.headers["Content-Type"] == "application/jwk-set+json"
    assert "max-age" in answer.headers["Cache-Control"]
    assert all("d" not in key for key in answer.json()["keys"])
    token = api(ada).tokens["access_token"]
    found = next(key for key in answer.json()["keys"] if key["kid"] == parts(token)[0]["kid"])
    claims = jwt.decode(token, jwt.PyJWK(found), algorithms=["ES256"], options={"verify_aud": False})
    assert claims["sub"] == str(ada.uid)


def test_the_name_of_a_key_is_its_thumbprint(db: None) -> None:
    # RFC 7638, 3: the required members alone, in lexical order, without spaces.
    key = keys.active_key(now=timezone.now()).jwk
    text = f'{{"crv":"P-256","kty":"EC","x":"{key["x"]}","y":"{key["y"]}"}}'
    digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).decode().rstrip("=")
    assert key["kid"] == digest


def test_a_token_of_the_key_before_still_holds(api: Call, ada: User, root: User) -> None:
    program = api(ada)
    assert not isinstance(rotate_now(by=acting(root), now=timezone.now()), Denied)
    assert program.get("me/").status_code == 200
    newer, _seconds = access_token(program.session, now=timezone.now())
    assert parts(newer)[0]["kid"] != parts(program.tokens["access_token"])[0]["kid"]


def forgeries(program: Api) -> dict[str, str]:
    """Tokens that must not hold, each wrong in one way."""
    header, claims = parts(program.tokens["access_token"])
    own, stranger = keys.active_key(now=timezone.now()).private, _stranger()
    now = int(timezone.now().timestamp())

    def with_header(**more: Any) -> str:
        return made_by(own, header=header | more, **claims)

    def with_claims(**more: Any) -> str:
        changed = {name: value for name, value in (claims | more).items() if value is not None}
        return made_by(own, header=header, **changed)

    unsigned = base64.urlsafe_b64encode(json.dumps(header | {"alg": "none"}).encode()).decode().rstrip("=")
    middle = program.tokens["access_token"].split(".")[1]
    return {
        "signed by another key": made_by(stranger, header=header, **claims),
        "alg none": f"{unsigned}.{middle}.",
        "HMAC with the public key": _confused({**header, "alg": "HS256"}, middle),
        "unknown key": with_header(kid="other"),
        "no key named": with_header(kid=""),
        "another type": with_header(typ="JWT"),
        "a link token": with_header(typ="join+jwt"),
        "critical header": with_header(crit=["exp"]),
        "another audience": with_claims(aud="https://elsewhere.example/api"),
        "several audiences": with_claims(aud=[claims["aud"], "https://elsewhere.example"]),
        "no audience": with_claims(aud=None),
        "another issuer": with_claims(iss="https://elsewhere.example"),
        "no end": with_claims(exp=None),
        "ended": with_claims(exp=now - 1),
        "ends at no time": with_claims(exp="never"),
        "issued tomorrow": with_claims(iat=now + 86_400),
        "no session": with_claims(sid=None),
        "unknown session": with_claims(sid="00000000-0000-4000-8000-000000000000"),
        "session of no form": with_claims(sid="x"),
        "somebody else": with_claims(sub="00000000-0000-4000-8000-000000000000"),
        "cut": program.tokens["access_token"][:-4],
        "refresh token": program.tokens["refresh_token"],
        "too long": program.tokens["access_token"] + "A" * 5_000,
        "empty": "",
        "dots": "..",
        "not text": "é.é.é",
    }


def _confused(header: dict[str, Any], middle: str) -> str:
    """Signed with the public key as if it were a shared secret; our own library refuses to do it."""
    first = base64.urlsafe_b64encode(json.dumps(header).encode()).decode().rstrip("=")
    secret = keys.active_key(now=timezone.now()).public.public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    mac = hmac.new(secret, f"{first}.{middle}".encode(), hashlib.sha256).digest()
    return f"{first}.{middle}.{base64.urlsafe_b64encode(mac).decode().rstrip('=')}"


def _stranger() -> Any:
    return ec.generate_private_key(ec.SECP256R1())


def test_every_token_that_does_not_hold_gets_one_answer(api: Call, ada: User) -> None:
    program = api(ada)
    for wrong, token in forgeries(program).items():
        program.headers["Authorization"] = f"Bearer {token}".encode().decode("latin-1")
        answer = program.get("me/")
        assert answer.status_code == 401, wrong
        assert answer.json()["code"] == "invalid_token", wrong
        assert 'error="invalid_token"' in answer.headers["WWW-Authenticate"], wrong


@pytest.mark.parametrize("header", ["Basic YWRhOng=", "Bearer", "Token x", "bearer  "])
def test_another_scheme_is_no_way_in(header: str, api: Call) -> None:
    program = api(None)
    program.headers["Authorization"] = header
    assert program.get("me/").json()["code"] == "invalid_token"


def test_a_token_in_the_url_is_not_read(api: Call, ada: User) -> None:
    token = api(ada).tokens["access_token"]
    for name in ("access_token", "token", "bearer", "Authorization"):
        assert api(None).get(f"me/?{name}={token}").status_code == 401


def test_a_bad_token_does_not_fall_back_to_the_cookie(browser: Browse, ada: User) -> None:
    answer = browser(ada).get("/api/v1/me/", headers={"Authorization": "Bearer x"})
    assert answer.status_code == 401


def test_a_token_ends_after_five_minutes(api: Call, ada: User) -> None:
    with time_machine.travel(datetime(2026, 11, 22, 9, 0, tzinfo=UTC), tick=False) as clock:
        program = api(ada)
        clock.shift(299)
        assert program.get("me/").status_code == 200
        clock.shift(1)
        assert program.get("me/").status_code == 401


@pytest.mark.parametrize("end", ["session", "lock", "disable", "company"])
def test_what_is_taken_away_ends_tokens_at_once(end: str, api: Call, root: User, ben: User) -> None:
    program = api(ben)
    assert program.get("me/").status_code == 200
    now = timezone.now()
    if end == "session":
        end_all(ben, reason="test", origin=Origin(), now=now)
    elif end == "lock":
        lock_user(ben, reason="test", by=Actor(rights=rights_of(root), origin=Origin(actor=root)), now=now)
    elif end == "disable":
        assert api(root).patch(f"users/{ben.uid}/", {"is_active": False}).status_code == 200
    else:
        assert api(root).patch(f"companies/{ben.company.uid}/", {"is_active": False}).status_code == 200
    assert program.get("me/").status_code == 401
    answer = program.post("tokens/refresh/", {"refresh_token": program.tokens["refresh_token"]})
    assert (answer.status_code, answer.json()["code"]) == (401, "invalid_grant")


def test_checking_a_token_costs_no_statement_once_known(
    api: Call, ada: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    version = epoch.current()
    monkeypatch.setattr(epoch, "current", lambda: version)
    token = api(ada).tokens["access_token"]
    assert principal_of_token(token, now=timezone.now()) is not None
    with CaptureQueriesContext(connection) as asked:
        assert principal_of_token(token, now=timezone.now()) is not None
    assert len(asked) == 0


# --- refresh


def test_a_refresh_token_gives_a_new_pair_without_an_access_token(api: Call, ada: User) -> None:
    first, program = api(ada), api(None)
    answer = program.post("tokens/refresh/", {"refresh_token": first.tokens["refresh_token"]})
    assert answer.status_code == 200
    assert set(answer.json()) == {"access_token", "token_type", "expires_in", "refresh_token"}
    program.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
    assert program.get("me/").status_code == 200


def test_an_ended_access_token_beside_it_does_not_stop_a_refresh(api: Call, ada: User) -> None:
    program = api(ada)
    program.headers["Authorization"] = "Bearer long.gone.token"
    assert (
        program.post("tokens/refresh/", {"refresh_token": program.tokens["refresh_token"]}).status_code == 200
    )


def test_a_form_is_read_as_the_rfc_asks(api: Call, ada: User) -> None:
    token = api(ada).tokens["refresh_token"]
    body = f"grant_type=refresh_token&refresh_token={token}&client_id=x".encode()
    assert api(None).post("tokens/refresh/", body, FORM).status_code == 200


def test_a_second_use_ends_the_session_and_is_written_down(api: Call, ada: User) -> None:
    program = api(ada)
    used = {"refresh_token": program.tokens["refresh_token"]}
    second = program.post("tokens/refresh/", used).json()
    assert program.post("tokens/refresh/", used).json()["code"] == "invalid_grant"
    program.session.refresh_from_db()
    assert program.session.ended_reason == "token_reused"
    event = AuditEvent.objects.get(event="accounts:token:reused")
    assert (event.subject_uid, event.details["person"]) == (str(program.session.uid), ada.username)
    assert program.get("me/").status_code == 401
    answer = program.post("tokens/refresh/", {"refresh_token": second["refresh_token"]})
    assert answer.status_code == 401


@pytest.mark.both_databases
@pytest.mark.django_db(transaction=True)
def test_of_fifty_uses_at_once_one_succeeds(api: Call, root: User) -> None:
    token = api(root).tokens["refresh_token"]
    answers: list[int] = []
    begin = threading.Barrier(50)

    def use() -> None:
        program = Api(None)
        begin.wait()
        try:
            answers.append(program.post("tokens/refresh/", {"refresh_token": token}).status_code)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=use) for _one in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == [200] + [401] * 49
    assert Session.objects.get(user=root).ended_reason == "token_reused"


@pytest.mark.parametrize(
    "token", ["", "x", "gh_refresh_" + "A" * 43, "A" * 9_000, "A" * 11_000, None, 7, ["x"]]
)
def test_what_is_no_refresh_token_is_refused(token: object, api: Call) -> None:
    answer = api(None).post("tokens/refresh/", {"refresh_token": token})
    assert answer.status_code in {400, 401}
    assert answer.json()["code"] in {"invalid", "invalid_grant"}


def test_a_refresh_token_ends_with_its_session(api: Call, ada: User) -> None:
    with time_machine.travel(datetime(2026, 11, 22, 9, 0, tzinfo=UTC), tick=False) as clock:
        program = api(ada)
        clock.move_to(program.session.expires_at)
        answer = program.post("tokens/refresh/", {"refresh_token": program.tokens["refresh_token"]})
        assert answer.json()["code"] == "invalid_grant"


# --- revoke


@pytest.mark.parametrize("kind", ["access_token", "refresh_token"])
def test_revoking_either_token_ends_both(kind: str, api: Call, ada: User) -> None:
    program = api(ada)
    answer = api(None).post("tokens/revoke/", f"token={program.tokens[kind]}".encode(), FORM)
    assert answer.status_code == 200
    assert program.get("me/").status_code == 401
    assert AuditEvent.objects.filter(event="accounts:token:revoked").count() == 1
    assert api(None).post("tokens/revoke/", {"token": program.tokens[kind]}).status_code == 200
    assert AuditEvent.objects.filter(event="accounts:token:revoked").count() == 1


@pytest.mark.parametrize("token", ["x", "a.b.c", "A" * 9_000])
def test_revoking_what_is_no_token_gets_the_same_answer(token: str, api: Call) -> None:
    answer = api(None).post("tokens/revoke/", {"token": token, "token_type_hint": "access_token"})
    assert (answer.status_code, answer.json()) == (200, {})


# --- introspect


def introspected(program: Api, token: str) -> dict[str, Any]:
    answer = program.post("tokens/introspect/", {"token": token})
    assert answer.status_code == 200
    return answer.json()


def test_one_may_ask_about_ones_own_session(api: Call, ben: User) -> None:
    program = api(ben)
    said = introspected(program, program.tokens["access_token"])
    assert said["active"] is True
    assert (said["sub"], said["username"], said["token_type"]) == (str(ben.uid), ben.username, "Bearer")
    assert said["exp"] - said["iat"] == 300
    assert introspected(program, program.tokens["refresh_token"])["token_type"] == "refresh_token"


def test_without_the_privilege_another_token_is_nobodys_business(api: Call, ada: User, ben: User) -> None:
    assert introspected(api(ben), api(ada).tokens["access_token"]) == {"active": False}


def test_with_the_privilege_tokens_in_reach_are_told(
    api: Call, root: User, ada: User, ben: User, cleo: User
) -> None:
    assert introspected(api(root), api(ben).tokens["access_token"])["sub"] == str(ben.uid)
    asker = Role.objects.create(name="Gateway", company=ada.company, rank=1)
    asker.privileges.add(Privilege.objects.get(name="Tokens - Introspect"))
    Permission.objects.create(role=asker, kind="session", reach="own")
    ben.roles.add(asker)
    assert introspected(api(ben), api(ada).tokens["access_token"])["sub"] == str(ada.uid)
    assert introspected(api(ben), api(cleo).tokens["access_token"]) == {"active": False}


def test_what_does_not_hold_is_inactive_and_nothing_else(api: Call, root: User, ben: User) -> None:
    asker, program = api(root), api(ben)
    for wrong, token in forgeries(program).items():
        if token and wrong != "refresh token":
            assert introspected(asker, token[:9_999]) == {"active": False}, wrong
    used = program.tokens["refresh_token"]
    program.post("tokens/refresh/", {"refresh_token": used})
    assert introspected(asker, used) == {"active": False}
    end_all(ben, reason="test", origin=Origin(), now=timezone.now())
    assert introspected(asker, program.tokens["access_token"]) == {"active": False}


def test_introspection_is_not_for_strangers(api: Call, ada: User) -> None:
    token = api(ada).tokens["access_token"]
    assert api(None).post("tokens/introspect/", {"token": token}).status_code == 401
