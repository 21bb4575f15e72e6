"""Pages of people by key, in the order of their sign-in names: the last page of very many costs what the first one costs."""

import uuid
from dataclasses import dataclass

from django.db.models import QuerySet

from accounts.models import User

SIZE = 25


@dataclass(frozen=True, kw_only=True)
class Page:
    """Some people, and the ids that the pages beside this one go on from; None where there is none."""

    people: list[User]
    before: uuid.UUID | None
    after: uuid.UUID | None


def _named(rows: QuerySet[User], text: str) -> User | None:
    try:
        return rows.filter(uid=uuid.UUID(text)).first() if text else None
    except ValueError:
        return None


def page_of(company_rows: QuerySet[User], rows: QuerySet[User], *, before: str, after: str) -> Page:
    """The people of `rows` behind the one with the id `after`, or before that of `before`; of `company_rows` both are."""
    backwards = _named(company_rows, before)
    start = backwards or _named(company_rows, after)
    if start is not None:
        key = start.login_key
        rows = (
            rows.filter(login_key__lte=key).exclude(login_key=key, pk__gte=start.pk)
            if backwards
            else rows.filter(login_key__gte=key).exclude(login_key=key, pk__lte=start.pk)
        )
    order = ("-login_key", "-pk") if backwards else ("login_key", "pk")
    people = list(rows.order_by(*order)[: SIZE + 1])
    more = len(people) > SIZE
    people = people[:SIZE]
    if backwards:
        people.reverse()
    first, last = (people[0].uid, people[-1].uid) if people else (None, None)
    return Page(
        people=people,
        before=first if (more if backwards else start is not None) else None,
        after=last if (more or backwards) else None,
    )
