"""Idempotency keys: a create that is sent again because its answer was lost is not done again.

The answer is kept sealed for a day, because an answer may show a secret once. A refusal changed nothing, so it frees the key.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar

from django.db import IntegrityError
from django.http.request import RawPostDataException
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from rest_framework.exceptions import UnsupportedMediaType
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from core import entropy
from core.db import unit
from core.models import IdempotentAnswer
from core.outcomes import Denied
from core.refusals import Refused
from core.sealed import NOTHING, seal, unseal

HEADER = "Idempotency-Key"
REPLAYED = "Idempotency-Replayed"
LONGEST_KEY = 255
KEPT = timedelta(hours=24)
# A request whose process died never answers; after this nobody waits for it any more.
GIVEN_UP = timedelta(minutes=2)
PURPOSE = "idempotency"

BAD_KEY = Denied(
    code="bad_idempotency_key",
    message=_("The header Idempotency-Key holds 1 to 255 printable ASCII characters."),
)
MISMATCH = Denied(
    code="idempotency_mismatch", message=_("This Idempotency-Key was used with another body. Take a new key.")
)
UNDER_WAY = Denied(
    code="idempotency_under_way",
    message=_("The first request with this Idempotency-Key is still under way. Try again in a moment."),
    retry_after=1,
)

View = TypeVar("View")
Rest = ParamSpec("Rest")


@dataclass(frozen=True)
class Claim:
    """The right to do what was asked for under a key."""

    key: str
    at: datetime


def _print(*parts: str) -> list[str]:
    return entropy.fingerprints("\n".join(parts), purpose=PURPOSE)


def claim(
    *, caller: str, path: str, key: str, body: bytes, now: datetime
) -> Claim | IdempotentAnswer | Denied:
    """Claim the key for this request, or get the answer that the same request had, or the reason why neither can be."""
    keys, prints = _print(caller, path, key), entropy.fingerprints(body.hex(), purpose=PURPOSE)
    row = IdempotentAnswer.objects.filter(pk__in=keys).first()
    if row is None:
        try:
            with unit():
                IdempotentAnswer.objects.create(key=keys[0], request=prints[0], created_at=now)
        except IntegrityError:
            return UNDER_WAY
        return Claim(keys[0], now)
    if now - row.created_at >= (GIVEN_UP if row.status is None else KEPT):
        # Compare and swap: of two that find it so, one goes on.
        unchanged = IdempotentAnswer.objects.filter(pk=row.pk, created_at=row.created_at)
        if unchanged.update(request=prints[0], status=None, answer=NOTHING, created_at=now):
            return Claim(row.pk, now)
        return UNDER_WAY
    if row.request not in prints:
        return MISMATCH
    return UNDER_WAY if row.status is None else row


def keep(held: Claim, *, status: int, answer: bytes) -> None:
    """Keep the answer for the next request under this key."""
    sealed = seal(IdempotentAnswer(key=held.key), "answer", answer)
    _held(held).update(status=status, answer=sealed)


def release(held: Claim) -> None:
    """Free the key: nothing was done."""
    _held(held).delete()


def _held(held: Claim) -> Any:
    return IdempotentAnswer.objects.filter(pk=held.key, created_at=held.at, status=None)


def prune(*, now: datetime) -> int:
    """Delete the answers that are kept no longer; the number of them."""
    return IdempotentAnswer.objects.filter(created_at__lt=now - KEPT).delete()[0]


def _replayed(row: IdempotentAnswer) -> Response:
    plain = json.loads(unseal(row, "answer"))
    return Response(plain["body"], status=row.status, headers=plain["headers"] | {REPLAYED: "true"})


def _body(request: Request) -> bytes:
    try:
        return request._request.body
    except RawPostDataException as error:
        raise UnsupportedMediaType(request.content_type or "") from error


def idempotent(
    create: Callable[Concatenate[View, Request, Rest], Response],
) -> Callable[Concatenate[View, Request, Rest], Response]:
    """Let a view that creates something honour the header Idempotency-Key."""

    @wraps(create)
    def once(view: View, request: Request, /, *args: Rest.args, **kwargs: Rest.kwargs) -> Response:
        key = request.headers.get(HEADER)
        if key is None:
            return create(view, request, *args, **kwargs)
        if not 1 <= len(key) <= LONGEST_KEY or not key.isascii() or not key.isprintable():
            raise Refused(BAD_KEY)
        caller: str = request.principal.kept_under  # type: ignore[attr-defined]
        path = request.get_full_path()  # with the query, which may say that nothing is to be done yet
        held = claim(caller=caller, path=path, key=key, body=_body(request), now=timezone.now())
        if isinstance(held, Denied):
            raise Refused(held)
        if isinstance(held, IdempotentAnswer):
            return _replayed(held)
        try:
            response = create(view, request, *args, **kwargs)
        except BaseException:
            release(held)
            raise
        headers = {name: value for name, value in response.items() if name == "Location"}
        answer = JSONRenderer().render({"body": response.data, "headers": headers})
        keep(held, status=response.status_code, answer=answer)
        return response

    once.is_idempotent = True  # type: ignore[attr-defined]
    return once
