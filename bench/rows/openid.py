"""Signing in to somebody else's system by OpenID Connect."""

from bench import scenarios
from bench.client import Operation
from bench.rows.base import BOTH, Bed
from bench.rows.load import Load

URI = "https://wiki.bench.example/callback"


def _flow(bed: Bed) -> Operation:
    client = bed.server().ask_people("client", URI)
    return scenarios.openid(bed.sessions()["cookies"], client["client_id"], client["secret"], URI)


ROWS: tuple[Load, ...] = (
    Load(
        name="openid",
        databases=BOTH,
        what="OpenID Connect: code with PKCE, tokens and userinfo, the session warm",
        operation=_flow,
        budget=20,
    ),
)
