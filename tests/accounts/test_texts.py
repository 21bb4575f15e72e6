"""Caps on text messages hold exactly, however many ask at once, and what is refused counts nowhere."""

from collections import Counter
from datetime import timedelta
from uuid import uuid4

import pytest
from django.utils import timezone

from accounts.models import User
from accounts.notices import notify
from accounts.sessions import end_all
from accounts.texts import NUMBER_REFUSED, Use, caps_on, may_tell, refuse_number
from audit.models import AuditEvent
from audit.record import Origin
from core.contacts import checked_phone, country_of, takes_texts
from core.db import unit
from core.models import Tally
from core.outcomes import Denied
from core.throttle import Limit, standing, take_all_or_none
from tenants.settings import snapshot
from tests.conftest import Clock
from tests.journeys.stage import configure
from tests.parallel import in_parallel
from twofactor.models import FactorKind, Purpose
from twofactor.services.challenges import send_code

NUMBER, OTHER = "+4915112345678", "+4915112345679"


@pytest.mark.both_databases
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("cap", ["MaxPerNumberDay", "MaxPerCountryDay", "MaxPerDay"])
def test_of_twenty_that_ask_at_once_exactly_as_many_get_a_text_as_the_cap_says(
    ada: User, ben: User, cleo: User, cap: str
) -> None:
    configure(**{f"TextMessages__{cap}": 4})
    people, now, said = [ada, ben, cleo], timezone.now(), Counter[str]()

    def ask(number: int) -> None:
        with unit():
            answer = send_code(
                people[number % 3],
                kind=FactorKind.SMS.value,
                purpose=Purpose.SIGN_IN,
                asked_by=uuid4(),
                sent=[],
                address=NUMBER,
                settings=snapshot(None),
                origin=Origin(),
                now=now,
            )
        said[answer.code if isinstance(answer, Denied) else "sent"] += 1

    in_parallel(20, ask)
    assert said == {"sent": 4, "texts_used_up": 16}
    assert AuditEvent.objects.filter(event="delivery:text:refused").count() == 16
    # What was refused was given back: no person's own limit, and no other cap, counts more than went out.
    counts = dict(Tally.objects.values_list("key", "count"))
    others = {key: count for key, count in counts.items() if key.startswith(("texts-", "code-sends"))}
    assert sum(count for key, count in others.items() if key.startswith("code-sends:")) == 4
    refusing = {
        "MaxPerNumberDay": "texts-number",
        "MaxPerCountryDay": "texts-country",
        "MaxPerDay": "texts-all",
    }[cap]
    assert all(
        count == 4
        for key, count in others.items()
        if key.startswith("texts-") and not key.startswith(refusing)
    )


def text(number: str, use: Use, clock: Clock) -> bool:
    """Count one text; whether it may go."""
    return not any(one.refused for one in take_all_or_none(caps_on(number, use=use), now=clock()))


@pytest.mark.both_databases
@pytest.mark.django_db(transaction=True)
def test_notices_keep_to_the_caps_and_wait_for_nobody(ben: User, clock: Clock) -> None:
    configure(TextMessages__MaxPerNumberDay=2)
    said = []
    for _ in range(4):
        with unit():
            said.append(may_tell(ben, NUMBER, origin=Origin(), now=clock()))
    assert said == [True, True, False, False]
    assert {one.details["cap"] for one in AuditEvent.objects.filter(event="delivery:text:refused")} == {
        "number"
    }
    with unit():
        assert text(NUMBER, Use.SIGN_IN, clock)  # of the codes none is used up
    assert Tally.objects.get(key="texts-all:").count == 3


@pytest.mark.both_databases
@pytest.mark.django_db
def test_a_raised_cap_counts_at_once_and_what_went_out_still_counts(clock: Clock) -> None:
    configure(TextMessages__MaxPerNumberDay=2)

    def sent(times: int) -> int:
        with unit():
            return sum(text(NUMBER, Use.SIGN_IN, clock) for _ in range(times))

    assert sent(5) == 2
    configure(TextMessages__MaxPerNumberDay=3)
    assert sent(5) == 1
    configure(TextMessages__MaxPerNumberDay=1)
    assert sent(1) == 0
    clock.forward(hours=24)
    assert sent(5) == 1


@pytest.mark.django_db
def test_where_one_limit_refuses_the_others_count_nothing(clock: Clock) -> None:
    wide = Limit(name="wide", tries=5, window=timedelta(hours=1))
    narrow = Limit(name="narrow", tries=1, window=timedelta(hours=1))
    for _ in range(4):
        with unit():
            take_all_or_none([(wide, "a"), (narrow, "a")], now=clock())
    left = standing(wide, "a", now=clock())
    assert left is not None
    assert left.remaining == 4


@pytest.mark.django_db
def test_a_number_is_counted_apart_for_each_use_and_together_for_its_country(clock: Clock) -> None:
    configure(TextMessages__MaxPerNumberDay=1, TextMessages__MaxPerCountryDay=3)
    with unit():
        said = [
            text(number, use, clock)
            for use, number in (
                (Use.SIGN_IN, NUMBER), (Use.VERIFY, NUMBER), (Use.SIGN_IN, NUMBER), (Use.SIGN_IN, OTHER), (Use.NOTICE, NUMBER),
            )
        ]  # fmt: skip
    assert said == [True, True, False, True, False]
    assert [limit.name for limit, _key in caps_on(NUMBER, use=Use.NOTICE)] == [
        "texts-number",
        "texts-country",
        "texts-all",
    ]


@pytest.mark.parametrize(
    ("number", "country"),
    [
        (NUMBER, "DE"), ("+12125550123", "US"), ("+14165550123", "CA"), ("+441481960194", "GG"), ("+870773111632", ""),
        ("+4912", ""), ("", ""), ("nonsense", ""),
    ],
)  # fmt: skip
def test_a_number_says_its_country(number: str, country: str) -> None:
    assert country_of(number) == country


@pytest.mark.parametrize(
    ("number", "takes"),
    [
        (NUMBER, True), ("+493012345678", True), ("+499001234567", False), ("+498001234567", False), ("+49 151 12345678", False),
        ("", False),
    ],
)  # fmt: skip
def test_some_numbers_take_no_texts(number: str, takes: bool) -> None:
    assert takes_texts(number) is takes


@pytest.mark.parametrize(
    "typed",
    [
        "+49 151 12345678",
        " +49(151)1234-5678 ",
        "+49\u00a0151\u00a012345678",
        "+49.151.12345678",
        "+49 (0) 151 12345678",
    ],
)
def test_a_number_may_be_typed_as_people_write_it(typed: str) -> None:
    assert checked_phone(typed) == NUMBER


@pytest.mark.both_databases
@pytest.mark.django_db(transaction=True)
def test_codes_and_notices_for_one_person_at_once_do_not_wait_for_each_other_for_ever(ben: User) -> None:
    """The one holds the cap of all and at its end wants the person's row; the other holds the row and tells of what happened."""
    ben.phone, ben.phone_verified_at = NUMBER, ben.email_verified_at
    ben.save()
    now, texts = timezone.now(), Counter[str]()

    def work(number: int) -> None:
        for _ in range(3):
            with unit():
                if number % 2:
                    User.objects.select_for_update().get(pk=ben.pk)
                    notify(ben, to=[NUMBER], sentence="password_changed", origin=Origin(), now=now)
                    end_all(ben, reason="changed", origin=Origin(), now=now)
                    texts["notice"] += 1
                else:
                    send_code(
                        ben,
                        kind=FactorKind.SMS.value,
                        purpose=Purpose.SIGN_IN,
                        asked_by=uuid4(),
                        sent=[],
                        address=NUMBER,
                        settings=snapshot(None),
                        origin=Origin(),
                        now=now,
                    )
                    texts["code"] += 1

    in_parallel(8, work)
    assert texts == {"notice": 12, "code": 12}


@pytest.mark.django_db
@pytest.mark.parametrize("number", ["+88213300655", "+881621234567", "+870773111632"])
@pytest.mark.parametrize("countries", ["", "DE,AT"])
def test_no_text_goes_to_a_satellite_phone(ben: User, clock: Clock, number: str, countries: str) -> None:
    """It belongs to no country, so that no list names it, and it costs more than any other."""
    configure(TextMessages__Countries=countries)
    with unit():
        assert refuse_number(ben, number, origin=Origin(), now=clock()) is NUMBER_REFUSED
        assert (refuse_number(ben, NUMBER, origin=Origin(), now=clock())) is None
    refused = AuditEvent.objects.get(event="delivery:text:refused")
    assert refused.details["cap"] == "countries"
