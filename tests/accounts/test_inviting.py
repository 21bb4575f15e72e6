"""The verbs on join links: who makes, mails, shows and revokes which, and what stands where afterwards."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings

from accounts.invite_many import Invited, invite_many, roles_to_give
from accounts.invite_rows import read_rows
from accounts.inviting import (
    MOST_OPEN,
    JoinLinkDraft,
    make_join_link,
    resend_join_link,
    revoke_join_link,
    show_join_link,
)
from accounts.joining import accept, read_join_token
from accounts.models import JoinLink, User
from accounts.people import UserDraft, change_user
from audit.events import Event
from audit.models import AuditEvent
from audit.record import Origin
from delivery.models import Delivery, State
from delivery.render import parcel_of
from tenants.actor import system_actor
from tenants.models import Company, Role
from tests import cast
from tests.accounts.story import built_in, code, events
from tests.cast import acting
from tests.conftest import Clock
from tests.parallel import in_parallel

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db]


def draft(company: Company | None, role: str = "Agent", **more: Any) -> JoinLinkDraft:
    return JoinLinkDraft(**({"company": company, "role": built_in(role)} | more))


def made(ada: User, clock: Clock, **more: Any) -> JoinLink:
    link = make_join_link(draft(ada.company, **more), by=acting(ada), now=clock())
    assert isinstance(link, JoinLink), link
    return link


def token(url: str) -> str:
    return url.removeprefix(f"{settings.PUBLIC_URL}/join/").removesuffix("/")


def test_ada_makes_a_link(ada: User, acme: Company, clock: Clock) -> None:
    link = made(ada, clock)
    assert (link.company, link.role, link.email, link.made_by, link.made_by_name) == (
        acme,
        built_in("Agent"),
        "",
        ada,
        ada.username,
    )
    assert link.expires_at == clock() + timedelta(hours=72)
    assert link.mailed_at is None
    assert not Delivery.objects.exists()
    assert events() == [Event.JOIN_LINK_MADE]
    row = AuditEvent.objects.get()
    assert (row.subject_kind, row.subject_uid, row.company_id) == ("joinlink", str(link.uid), acme.pk)


@pytest.mark.parametrize("hours", [0, 73, -1])
def test_a_link_lasts_from_one_hour_to_seventy_two(hours: int, ada: User, clock: Clock) -> None:
    assert code(make_join_link(draft(ada.company, hours=hours), by=acting(ada), now=clock())) == "invalid"


def test_a_link_lasts_to_the_second(ada: User, clock: Clock) -> None:
    clock.forward(seconds=0.7)
    link = made(ada, clock, hours=1)
    assert link.expires_at == clock().replace(microsecond=0) + timedelta(hours=1)


def test_a_link_for_an_address_is_mailed_and_the_outbox_holds_no_token(ada: User, clock: Clock) -> None:
    link = made(ada, clock, email=" Dan@acme.example ", name="Dan Doe")
    mail = Delivery.objects.get()
    assert (mail.to, mail.template, mail.company_id, mail.expires_at) == (
        "Dan@acme.example",
        "join",
        link.company_id,
        link.expires_at,
    )
    assert (link.mailed_at, link.delivery_uid) == (clock(), mail.uid)
    clock.forward(hours=3)
    parcel = parcel_of(mail, at=clock())
    [url] = [line for line in parcel.text.splitlines() if line.startswith(settings.PUBLIC_URL)]
    assert read_join_token(token(url), now=clock()) == link
    assert url in parcel.html
    assert parcel.subject == "You are invited to join Acme"
    assert "Hello Dan Doe," in parcel.text
    assert "Ada invites you to join Acme as Agent." in parcel.text
    row = str(Delivery.objects.values().get())
    assert token(url) not in row
    assert token(url).rpartition(".")[2] not in row
    assert events() == [Event.JOIN_LINK_MADE, Event.JOIN_LINK_MAILED]


def test_resending_takes_back_what_has_not_left_and_prolongs_nothing(ada: User, clock: Clock) -> None:
    link = made(ada, clock, email="dan@acme.example")
    first = Delivery.objects.get()
    clock.forward(hours=1)
    again = resend_join_link(link, by=acting(ada), now=clock())
    assert isinstance(again, JoinLink)
    first.refresh_from_db()
    assert first.state == State.CANCELLED
    assert again.delivery_uid == Delivery.objects.exclude(pk=first.pk).get().uid
    assert again.expires_at == link.expires_at


def test_a_mailbox_is_not_flooded(ada: User, clock: Clock) -> None:
    link = made(ada, clock, email="dan@acme.example")
    for _again in range(4):
        assert isinstance(resend_join_link(link, by=acting(ada), now=clock()), JoinLink)
    assert code(resend_join_link(link, by=acting(ada), now=clock())) == "too_many"
    assert revoke_join_link(link, by=acting(ada), now=clock()) is None
    # Nor by new links for it.
    assert (
        code(make_join_link(draft(ada.company, email="DAN@acme.example"), by=acting(ada), now=clock()))
        == "too_many"
    )
    clock.forward(hours=24)
    made(ada, clock, email="dan@acme.example")


def test_a_link_for_nobody_is_not_mailed(ada: User, clock: Clock) -> None:
    assert code(resend_join_link(made(ada, clock), by=acting(ada), now=clock())) == "no_address"


def test_showing_a_link_is_written_down(ada: User, clock: Clock) -> None:
    link = made(ada, clock)
    url = show_join_link(link, by=acting(ada), now=clock())
    assert isinstance(url, str)
    assert read_join_token(token(url), now=clock()) == link
    assert events() == [Event.JOIN_LINK_MADE, Event.JOIN_LINK_SHOWN]


def test_a_revoked_link_is_dead_at_once(ada: User, clock: Clock) -> None:
    link = made(ada, clock, email="dan@acme.example")
    url = show_join_link(link, by=acting(ada), now=clock())
    assert isinstance(url, str)
    assert revoke_join_link(link, by=acting(ada), now=clock()) is None
    assert read_join_token(token(url), now=clock()) is None
    assert Delivery.objects.get().state == State.CANCELLED
    assert code(
        accept(link, email="dan@acme.example", display_name="Dan", now=clock(), origin=Origin(), user=None)
    ) == "link_unusable"  # fmt: skip
    for verb in (revoke_join_link, show_join_link, resend_join_link):
        assert code(verb(link, by=acting(ada), now=clock())) == "not_open"


def test_a_link_that_has_run_out_is_neither_shown_nor_mailed(ada: User, clock: Clock) -> None:
    link = made(ada, clock, email="dan@acme.example", hours=1)
    clock.forward(hours=1)
    for verb in (revoke_join_link, show_join_link, resend_join_link):
        assert code(verb(link, by=acting(ada), now=clock())) == "not_open"


def test_nobody_makes_a_link_above_himself(ada: User, acme: Company, clock: Clock) -> None:
    high = Role.objects.create(name="High", company=acme, rank=61)
    refused = make_join_link(draft(acme, role="Agent"), by=acting(ada), now=clock())
    assert isinstance(refused, JoinLink)
    for role, wanted in ((high, "rank_too_high"), (built_in("Full Administrator"), "rank_too_high")):
        given = replace(draft(acme), role=role)
        assert code(make_join_link(given, by=acting(ada), now=clock())) == wanted
    # Nor does somebody mail, show or revoke a link that grew above him.
    Role.objects.filter(pk=built_in("Agent").pk).update(rank=90)
    for verb in (show_join_link, resend_join_link, revoke_join_link):
        assert code(verb(refused, by=acting(ada), now=clock())) == "rank_too_high"
    assert not JoinLink.objects.exclude(pk=refused.pk).exists()


def test_nobody_makes_a_link_elsewhere(
    ada: User, ben: User, cleo: User, acme: Company, globex: Company, clock: Clock
) -> None:
    link = made(ada, clock)
    assert code(make_join_link(draft(globex), by=acting(ada), now=clock())) == "forbidden"
    assert code(make_join_link(draft(None), by=acting(ada), now=clock())) == "forbidden"
    assert code(make_join_link(draft(acme), by=acting(ben), now=clock())) == "forbidden"
    assert code(make_join_link(draft(acme), by=system_actor(), now=clock())) == "forbidden"
    theirs = Role.objects.create(name="Theirs", company=globex, rank=1)
    given = replace(draft(acme), role=theirs)
    assert code(make_join_link(given, by=acting(ada), now=clock())) == "role_of_other_company"
    for verb in (show_join_link, resend_join_link, revoke_join_link):
        assert code(verb(link, by=acting(cleo), now=clock())) == "not_found"


def test_a_member_is_not_invited_to_what_he_is_and_nobody_twice(
    ada: User, ben: User, cleo: User, clock: Clock
) -> None:
    by = acting(ada)
    member = draft(ada.company, "Member", email="BEN@acme.example")
    assert code(make_join_link(member, by=by, now=clock())) == "already_member"
    made(ada, clock, email=ben.email)
    again = draft(ada.company, email="Ben@Acme.example")
    assert code(make_join_link(again, by=by, now=clock())) == "already_invited"
    # Whether somebody has an account elsewhere is not told.
    made(ada, clock, email=cleo.email)


def test_the_link_of_a_demoted_maker_is_no_use_to_others_either(ada: User, root: User, clock: Clock) -> None:
    link = made(ada, clock, email="dan@acme.example")
    change_user(ada, UserDraft(roles=[built_in("Member")]), by=acting(root), now=clock())
    for verb in (show_join_link, resend_join_link):
        assert code(verb(link, by=acting(root), now=clock())) == "link_unusable"
    assert revoke_join_link(link, by=acting(root), now=clock()) is None


def test_a_company_has_so_many_open_links(ada: User, clock: Clock) -> None:
    first = made(ada, clock)
    given = {name: getattr(first, name) for name in ("company", "role", "created_at", "expires_at")}
    JoinLink.objects.bulk_create(JoinLink(**given) for _ in range(MOST_OPEN - 2))
    made(ada, clock)
    assert code(make_join_link(draft(ada.company), by=acting(ada), now=clock())) == "too_many_links"
    revoke_join_link(first, by=acting(ada), now=clock())
    made(ada, clock)


@pytest.mark.django_db(transaction=True)
def test_of_many_links_for_one_address_at_once_one_is_made(ada: User, clock: Clock) -> None:
    results: list[object] = []

    def make(_number: int) -> None:
        given = draft(ada.company, email="dan@acme.example")
        results.append(make_join_link(given, by=acting(ada), now=clock()))

    in_parallel(8, make)
    assert sorted(code(one) for one in results) == ["", *["already_invited"] * 7]
    assert JoinLink.objects.count() == Delivery.objects.count() == 1


def test_many_are_invited_and_what_is_wrong_with_one_keeps_no_other_back(
    ada: User, ben: User, acme: Company, globex: Company, clock: Clock
) -> None:
    Role.objects.create(name="Theirs", company=globex, rank=1)
    Role.objects.create(name="High", company=acme, rank=61)
    rows = read_rows(
        "dan@acme.example; agent; Dan\neve@acme.example\nnobody\nDAN@acme.example;Agent\nben@acme.example;Member\n"
        "a@acme.example;High\nb@acme.example;Theirs\nc@acme.example;None such\n;Agent"
    )
    assert isinstance(rows, list)
    found = invite_many(rows, company=acme, role=built_in("Member"), by=acting(ada), now=clock())
    assert isinstance(found, list)
    assert [(one.row.number, code(one.denied)) for one in found] == [
        (1, ""), (2, ""), (3, "invalid"), (4, "twice"), (5, "already_member"), (6, "unknown_role"), (7, "unknown_role"),
        (8, "unknown_role"), (9, "invalid"),
    ]  # fmt: skip
    assert [one.link.role.name for one in found if one.link is not None] == ["Agent", "Member"]
    assert set(Delivery.objects.values_list("to", flat=True)) == {"dan@acme.example", "eve@acme.example"}
    assert all(isinstance(one, Invited) for one in found)


def test_of_two_roles_of_one_name_the_companys_own_is_meant(ada: User, acme: Company, clock: Clock) -> None:
    own = Role.objects.create(name="Agent", company=acme, rank=1)
    rows = read_rows("dan@acme.example; Agent")
    assert isinstance(rows, list)
    invite_many(rows, company=acme, role=None, by=acting(ada), now=clock())
    assert JoinLink.objects.get().role == own


def test_many_are_invited_by_those_alone_who_may(ben: User, cleo: User, acme: Company, clock: Clock) -> None:
    for one in (ben, cleo):
        assert code(invite_many([], company=acme, role=None, by=acting(one), now=clock())) == "forbidden"


def test_the_roles_to_give_are_those_within_ones_own(ada: User, acme: Company, globex: Company) -> None:
    Role.objects.create(name="Theirs", company=globex, rank=1)
    Role.objects.create(name="High", company=acme, rank=61)
    Role.objects.create(name="Low", company=acme, rank=1)
    found = [role.name for role in roles_to_give(acme, by=acting(ada))]
    assert set(found) == {"Low", cast.MEMBER, cast.AGENT, cast.COMPANY_ADMINISTRATOR}
