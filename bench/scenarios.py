"""The operations that are measured, each as a client does it, from the first request to the last."""

import base64
import hashlib
import itertools
import re
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlencode, urlsplit

from bench.client import Answer, Browser, Connection, Operation, WrongAnswerError
from bench.mailbox import Mailbox
from bench.people import PASSWORD, coded, plain, seed_of, with_app
from core import oath
from tests.services.directory_people import name_of
from tests.services.ldap import password_of

_CSRF = re.compile(rb'name="csrfmiddlewaretoken" value="([^"]+)"')
_ATTEMPT = re.compile(rb'name="attempt" value="([^"]+)"')


def address(number: int) -> str:
    """The network address of the client of this operation: a new one each time, for limits count by network."""
    return f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"


@dataclass
class Turns:
    """Deals people and addresses in turn, so that no limit on one of them is reached."""

    people: int
    stride: int = 1  # a prime, to spread over many people those who are met in a short time
    _numbers: "itertools.count[int]" = field(default_factory=itertools.count)

    def next(self) -> tuple[int, str]:
        """The number of the next person, and an address to come from."""
        number = next(self._numbers)
        return number * self.stride % self.people, address(number)


def get(path: str) -> Operation:
    """Ask for one address."""

    async def operation(connection: Connection) -> None:
        await connection.ask("GET", path)

    return operation


def me_by_token(tokens: list[str]) -> Operation:
    """Ask who one is, with an access token."""
    turn = itertools.cycle(tokens)

    async def operation(connection: Connection) -> None:
        await connection.ask("GET", "/api/v1/me/", headers={"Authorization": f"Bearer {next(turn)}"})

    return operation


def me_by_cookie(cookies: list[str]) -> Operation:
    """Ask who one is, with the cookie of a page."""
    turn = itertools.cycle(cookies)

    async def operation(connection: Connection) -> None:
        await connection.ask("GET", "/api/v1/me/", headers={"Cookie": f"session={next(turn)}"})

    return operation


def introspect(tokens: list[str]) -> Operation:
    """Ask about a token of one's own session."""
    turn = itertools.cycle(tokens)

    async def operation(connection: Connection) -> None:
        token = next(turn)
        answer = await connection.ask(
            "POST",
            "/api/v1/tokens/introspect/",
            headers={
                "Authorization": f"Bearer {token}",
                "Content-Type": "application/x-www-form-urlencoded",
            },
            body=f"token={token}".encode(),
        )
        if not answer.json()["active"]:
            raise WrongAnswerError("the token does not hold")

    return operation


def refresh(tokens: list[str], turns: Turns) -> Operation:
    """Exchange a refresh token; the next operation spends what this one got."""
    spare = list(tokens)

    async def operation(connection: Connection) -> None:
        token, (_person, origin) = spare.pop(0), turns.next()
        fields = {"refresh_token": token}
        pair = await connection.post_json("/api/v1/tokens/refresh/", fields, X_Forwarded_For=origin)
        spare.append(pair["refresh_token"])

    return operation


def password_over_rest(turns: Turns) -> Operation:
    """Sign in by name and password, over REST: two requests."""
    return _by_password(turns, lambda person: (plain(person), PASSWORD))


def external_over_rest(turns: Turns) -> Operation:
    """The same with a password that a directory proves."""
    return _by_password(turns, lambda person: (name_of(person), password_of(name_of(person))))


def _by_password(turns: Turns, proof_of: Callable[[int], tuple[str, str]]) -> Operation:
    async def operation(connection: Connection) -> None:
        person, origin = turns.next()
        name, password = proof_of(person)
        begun = await connection.post_json(
            "/api/v1/login/", {"username": name}, expect=201, X_Forwarded_For=origin
        )
        fields = {"handle": begun["handle"], "password": password}
        done = await connection.post_json("/api/v1/login/password/", fields, X_Forwarded_For=origin)
        if not done["access_token"]:
            raise WrongAnswerError("no token")

    return operation


def code_over_rest(turns: Turns, box: Mailbox) -> Operation:
    """Sign in by name, password and mailed code, over REST: three requests and a mail."""

    async def operation(connection: Connection) -> None:
        person, origin = turns.next()
        name = coded(person)
        begun = await connection.post_json(
            "/api/v1/login/", {"username": name}, expect=201, X_Forwarded_For=origin
        )
        fields, asked = {"handle": begun["handle"], "password": PASSWORD}, time.perf_counter()
        await connection.post_json("/api/v1/login/password/", fields, X_Forwarded_For=origin)
        fields = {"handle": begun["handle"], "code": await box.code_for(name, asked=asked)}
        done = await connection.post_json("/api/v1/login/code/", fields, X_Forwarded_For=origin)
        if not done["access_token"]:
            raise WrongAnswerError("no token")

    return operation


def link_over_rest(links: list[list[str]], turns: Turns) -> Operation:
    """Use a mailed link in the program that asked for it: one request."""
    spare = list(links)

    async def operation(connection: Connection) -> None:
        (token, handle), (_person, origin) = spare.pop(), turns.next()
        fields = {"token": token, "handle": handle}
        done = await connection.post_json("/api/v1/login/magic-link/consume/", fields, X_Forwarded_For=origin)
        if not done["access_token"]:
            raise WrongAnswerError("no token")

    return operation


def app_over_rest(turns: Turns) -> Operation:
    """Sign in by name, password and the code of an authenticator app, over REST: three requests."""

    async def operation(connection: Connection) -> None:
        person, origin = turns.next()
        name = with_app(person)
        begun = await connection.post_json(
            "/api/v1/login/", {"username": name}, expect=201, X_Forwarded_For=origin
        )
        fields = {"handle": begun["handle"], "password": PASSWORD}
        await connection.post_json("/api/v1/login/password/", fields, X_Forwarded_For=origin)
        code = oath.code_at(seed_of(name), oath.step_at(time.time()), algorithm="SHA1", digits=6)
        fields = {"handle": begun["handle"], "code": code}
        done = await connection.post_json("/api/v1/login/code/", fields, X_Forwarded_For=origin)
        if not done["access_token"]:
            raise WrongAnswerError("no token")

    return operation


def cobrowse_user(tokens: list[str], agent_token: str) -> Operation:
    """Ask who one is on the agent's side, with the token of a desktop."""
    turn = itertools.cycle(tokens)

    async def operation(connection: Connection) -> None:
        headers = {"Authorization": f"Bearer {next(turn)}"}
        if agent_token:
            headers["X-Agent-Token"] = agent_token
        await connection.ask("GET", "/api/1/users/me", headers=headers)

    return operation


def cobrowse_session(tokens: list[str], turns: Turns, agent_token: str, site: str) -> Operation:
    """A customer starts a session, an agent joins it and ends it: three requests."""
    spare = list(tokens)

    async def operation(connection: Connection) -> None:
        agent, (_person, origin) = spare.pop(0), turns.next()
        base = "/cobrowse/rest/live"
        try:
            said = await connection.post_json(
                f"{base}/sessions", {"role": 1}, expect=201, Origin=site, X_Forwarded_For=origin
            )
            path, bearer = f"{base}/sessions/{said['sessionToken']}/join", f"Bearer {agent}"
            joined = await connection.post_json(
                path, {"role": 2}, Authorization=bearer, X_Agent_Token=agent_token
            )
            path = f"{base}/users/{joined['userToken']}/session/exit"
            await connection.post_json(path, {}, Authorization=bearer, X_Agent_Token=agent_token)
        finally:
            spare.append(agent)

    return operation


def cobrowse_list(token: str, agent_token: str, count: int) -> Operation:
    """An administrator lists the live sessions of everybody."""
    headers = {"Authorization": f"Bearer {token}", "X-Agent-Token": agent_token}

    async def operation(connection: Connection) -> None:
        path = f"/api/1/sessions?agent=all&state=active&limit={count}"
        answer = await connection.ask("GET", path, headers=headers)
        if answer.body.count(b'"activated"') != count:
            raise WrongAnswerError("not all of them")

    return operation


def openid(cookies: list[str], client_id: str, secret: str, uri: str) -> Operation:
    """A browser that is signed in here signs in to a client (authorization code, PKCE), which then asks who it is: three requests."""
    turn = itertools.cycle(cookies)
    basic = base64.b64encode(f"{client_id}:{secret}".encode()).decode()

    async def operation(connection: Connection) -> None:
        verifier = secrets.token_urlsafe(48)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
        asked = {
            "response_type": "code", "client_id": client_id, "redirect_uri": uri, "scope": "openid profile email",
            "state": "s", "nonce": verifier[:16], "code_challenge": challenge, "code_challenge_method": "S256",
        }  # fmt: skip
        answer = await connection.ask(
            "GET",
            f"/o/authorize/?{urlencode(asked)}",
            headers={"Cookie": f"session={next(turn)}"},
            expect=303,
        )
        code = parse_qs(urlsplit(answer.headers["location"]).query)["code"][0]
        given = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": uri,
            "code_verifier": verifier,
        }
        headers = {"Authorization": f"Basic {basic}", "Content-Type": "application/x-www-form-urlencoded"}
        answer = await connection.ask("POST", "/o/token/", headers=headers, body=urlencode(given).encode())
        bearer = f"Bearer {answer.json()['access_token']}"
        await connection.ask("GET", "/o/userinfo/", headers={"Authorization": bearer})

    return operation


def _fields(page: Answer) -> dict[str, str]:
    """The hidden fields of the form on a page."""
    token, attempt = _CSRF.search(page.body), _ATTEMPT.search(page.body)
    if token is None:
        raise WrongAnswerError(f"no form on the page: {page.body[:200]!r}")
    return {"csrfmiddlewaretoken": token[1].decode()} | (
        {"attempt": attempt[1].decode()} if attempt is not None else {}
    )


def code_over_pages(turns: Turns, box: Mailbox) -> Operation:
    """Sign in on the pages with a mailed code, in a new browser: three pages, three forms and a mail."""

    async def operation(connection: Connection) -> None:
        person, origin = turns.next()
        name, browser = coded(person), Browser(connection, origin)
        page = await browser.get("/login/")
        await browser.post("/login/", {**_fields(page), "username": name})
        page = await browser.get("/login/password/")
        asked = time.perf_counter()
        await browser.post("/login/password/", {**_fields(page), "password": PASSWORD})
        page = await browser.get("/login/code/")
        code = await box.code_for(name, asked=asked)
        await browser.post("/login/code/", {**_fields(page), "code": code})
        if "session" not in browser.cookies:
            raise WrongAnswerError("no session")

    return operation
