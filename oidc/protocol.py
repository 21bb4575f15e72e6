"""What a client asks for at the authorization endpoint, read from its query. Pure: from plain values to a request or a refusal.

OpenID Connect Core 1.0 with OAuth 2.0 as RFC 9700 wants it: response type `code`, PKCE by S256, redirect addresses compared as they stand.
"""

import base64
import hashlib
import hmac
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import SplitResult, parse_qsl, urlencode, urlsplit, urlunsplit

HINT = "id_token_hint"
LONGEST_QUERY = 1_800  # so that it fits into the way back from a sign-in
LONGEST_STATE = 512
LONGEST_URI = 500
LONGEST_NONCE = 255
SCOPES = ("openid", "profile", "email", "phone", "company", "roles", "privileges", "offline_access")
PROMPTS = frozenset({"none", "login", "consent", "select_account"})
# Authentication context classes of REFEDS: by a single factor, and by several.
SFA, MFA = "https://refeds.org/profile/sfa", "https://refeds.org/profile/mfa"
LOOPBACK = frozenset({"127.0.0.1", "[::1]"})
_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")
_VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}")
_PRIVATE_SCHEME = re.compile(
    r"[a-z][a-z0-9+-]*(\.[a-z0-9+-]+)+"
)  # a name of one's own, turned around (RFC 8252, 7.1)


class Registered(Protocol):
    """What is known of the client, as far as its request is judged by it."""

    @property
    def redirect_uris(self) -> Sequence[str]:
        """Where people may go back to."""

    @property
    def scopes(self) -> Sequence[str]:
        """What it may ask for."""


@dataclass(frozen=True, kw_only=True)
class Refused:
    """An error that goes back to the client (RFC 6749, 4.1.2.1; OpenID Connect Core 1.0, 3.1.2.6)."""

    error: str
    description: str
    redirect_uri: str
    state: str


@dataclass(frozen=True, kw_only=True)
class Unsafe:
    """Nothing that may be sent anywhere: whoever is named as the client, or as its address, may be somebody else."""

    why: str
    address: str = ""  # which is not registered, without its query


@dataclass(frozen=True, kw_only=True)
class Asked:
    """An authorization request that can be judged."""

    redirect_uri: str
    scope: tuple[str, ...]
    state: str
    nonce: str
    challenge: str
    prompt: frozenset[str]
    max_age: int | None
    wants_mfa: bool
    hint: str  # an ID token of before
    name: str  # by which the person may want to sign in; only proposed

    def refused(self, error: str, description: str) -> Refused:
        """The same request, refused."""
        return Refused(error=error, description=description, redirect_uri=self.redirect_uri, state=self.state)


def once(pairs: Iterable[tuple[str, str]]) -> Mapping[str, str] | None:
    """The parameters by name, without empty ones; None where one stands there twice (RFC 6749, 3.1) or holds control characters."""
    found: dict[str, str] = {}
    for name, value in pairs:
        if name in found or not value.isprintable():
            return None
        found[name] = value
    return {name: value for name, value in found.items() if value}


def is_redirect_uri(uri: str, *, is_public: bool) -> bool:
    """Whether an address may be registered: https, or on the machine itself, or a private scheme of a program; no wildcard, no fragment."""
    if len(uri) > LONGEST_URI or not uri.isascii() or any(ord(one) < 33 or one in "\\*<>\"'`" for one in uri):
        return False
    parsed = _split(uri)
    # No host has these: what stands before an @ only looks like one, and the others end it in policies and lists.
    if parsed is None or "#" in uri or any(one in parsed.netloc for one in "@;,"):
        return False
    if parsed.scheme == "https":
        return bool(parsed.hostname)
    if parsed.scheme == "http":
        return _bare(parsed) in LOOPBACK | {"localhost"}
    return is_public and bool(_PRIVATE_SCHEME.fullmatch(parsed.scheme)) and not parsed.netloc


def is_registered(uri: str, registered: Iterable[str]) -> bool:
    """Whether it is one of these, letter by letter; on the machine itself with any port (RFC 8252, 7.3)."""
    alike = (_without_port(uri) or uri) in {_without_port(one) for one in registered}
    return uri in registered or (alike and len(uri) <= LONGEST_URI)


def _without_port(uri: str) -> str | None:
    parsed = _split(uri)
    if parsed is None or parsed.scheme != "http" or _bare(parsed) not in LOOPBACK or "@" in parsed.netloc:
        return None
    return urlunsplit(parsed._replace(netloc=_bare(parsed)))


def _split(uri: str) -> SplitResult | None:
    try:
        parsed = urlsplit(uri)
        _port = parsed.port  # raises for one that is none
    except ValueError:
        return None
    return parsed


def _bare(parsed: SplitResult) -> str:
    host = parsed.hostname or ""
    return f"[{host}]" if ":" in host else host


def read(query: str, client: Registered) -> Asked | Refused | Unsafe:
    """The request of this client."""
    if len(query) > LONGEST_QUERY:
        return Unsafe(why="too_long")
    given = once(parse_qsl(query, keep_blank_values=True))
    if given is None:
        return Unsafe(why="twice")
    uri, state = given.get("redirect_uri", ""), given.get("state", "")
    if not uri or not is_registered(uri, client.redirect_uris):
        return Unsafe(why="redirect_uri", address=uri.partition("?")[0][:LONGEST_URI])
    if len(state) > LONGEST_STATE:
        return Unsafe(why="too_long")
    flaw = _flaw_of(given) or _flaw_of_scope(given, client)
    if flaw is not None:
        return Refused(error=flaw[0], description=flaw[1], redirect_uri=uri, state=state)
    wanted, age = given["scope"].split(), given.get("max_age")
    return Asked(
        redirect_uri=uri,
        scope=tuple(one for one in SCOPES if one in wanted),
        state=state,
        nonce=given.get("nonce", ""),
        challenge=given["code_challenge"],
        prompt=frozenset(given.get("prompt", "").split()),
        max_age=None if age is None else int(age),
        wants_mfa=next((one for one in given.get("acr_values", "").split() if one in {SFA, MFA}), "") == MFA,
        hint=given.get(HINT, ""),
        name=given.get("login_hint", ""),
    )


def _flaw_of(given: Mapping[str, str]) -> tuple[str, str] | None:
    for name in ("request", "request_uri", "registration"):
        if name in given:
            return f"{name}_not_supported", f"The parameter {name} is not supported."
    if "response_type" not in given:
        return "invalid_request", "The response type is missing."
    if given["response_type"] != "code":
        return "unsupported_response_type", "The response type has to be code."
    if given.get("response_mode", "query") != "query":
        return "invalid_request", "The response mode has to be query."
    challenge = given.get("code_challenge", "")
    if given.get("code_challenge_method") != "S256" or not _CHALLENGE.fullmatch(challenge):
        return "invalid_request", "A code_challenge by S256 is required (PKCE, RFC 7636)."
    prompt = frozenset(given.get("prompt", "").split())
    if not prompt <= PROMPTS or ("none" in prompt and len(prompt) > 1):
        return "invalid_request", "The prompt is not understood."
    if len(given.get("nonce", "")) > LONGEST_NONCE:
        return "invalid_request", "The nonce is too long."
    age = given.get("max_age", "0")
    if not (age.isascii() and age.isdigit() and len(age) <= 9):
        return "invalid_request", "max_age has to be a number of seconds."
    return None


def _flaw_of_scope(given: Mapping[str, str], client: Registered) -> tuple[str, str] | None:
    wanted = given.get("scope", "").split()
    if "openid" not in wanted:
        return "invalid_scope", "The scope has to contain openid."
    shut = [one for one in SCOPES if one in wanted and one not in client.scopes]
    return ("invalid_scope", f"This client may not ask for: {' '.join(shut)}.") if shut else None


def proves(verifier: str, challenge: str) -> bool:
    """Whether this verifier belongs to the challenge (RFC 7636, 4.6; S256)."""
    if not _VERIFIER.fullmatch(verifier):
        return False
    digest = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
    return hmac.compare_digest(digest, challenge)


def answer(redirect_uri: str, *, issuer: str, state: str, **said: str) -> str:
    """Where the browser goes on to: the client's address with what is said, the state, and who says it (RFC 9207)."""
    return with_query(redirect_uri, **said, state=state, iss=issuer)


def with_query(uri: str, **said: str) -> str:
    """The address with this added to its query; what is empty is left out."""
    parsed, more = urlsplit(uri), urlencode({name: value for name, value in said.items() if value})
    return urlunsplit(parsed._replace(query="&".join(filter(None, (parsed.query, more)))))


def origin_of(uri: str) -> str:
    """The place where a person goes, as he reads it: the origin, or of a program its scheme."""
    parsed = urlsplit(uri)
    return f"{parsed.scheme}://{parsed.netloc}" if parsed.netloc else f"{parsed.scheme}:"
