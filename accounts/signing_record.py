"""What each signing key has signed, for those who look after them."""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Exists, OuterRef

from accounts.models import JoinLink, RefreshToken, Session, SigningKey
from core.admin_lists import bounded_count


@dataclass(frozen=True, kw_only=True)
class Signed:
    """What a key has signed, of what is still kept."""

    tokens: int  # access tokens that came with a refresh token
    sessions: int  # of those that got such a token, the live ones
    join_links: int
    last_at: datetime | None  # when the newest of these tokens was signed


def what_it_signed(key: SigningKey, *, now: datetime) -> Signed:
    """What this key has signed; counted no further than a list of the administration counts."""
    tokens = RefreshToken.objects.filter(signed_by=key)
    live = Session.objects.filter(Session.live(now=now))
    return Signed(
        tokens=bounded_count(tokens),
        sessions=bounded_count(live.filter(Exists(tokens.filter(session=OuterRef("pk"))))),
        join_links=bounded_count(JoinLink.objects.filter(signed_by=key)),
        last_at=tokens.order_by("-id").values_list("issued_at", flat=True).first(),
    )
