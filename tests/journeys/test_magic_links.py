"""Signing in without a password: a mailed link, its short code, and joining or signing up by one."""

from datetime import timedelta

import pytest
from django.contrib.auth.hashers import make_password
from django.utils import timezone

from accounts.joining import url_of
from accounts.models import Arrival, JoinLink, Session, User
from core.outcomes import Denied
from login.models import Attempt
from tenants.models import Company, Role
from tests.journeys.doors import ApiDoor, Door, WebDoor, sign_in
from tests.journeys.stage import NEW_PASSWORD, PASSWORD, Post, Time, configure
from twofactor.models import FactorKind

pytestmark = pytest.mark.django_db
ADA, BEN, CLEO = "ada@acme.example", "ben@acme.example", "cleo@globex.example"
NINA = "nina.novak@acme.example"


def invitation(acme: Company, ada: User, *, role: str = "Agent", email: str = "") -> tuple[JoinLink, str]:
    """An open invitation by Ada, and its token."""
    link = JoinLink.objects.create(
        company=acme,
        role=Role.objects.get(name=role, company=None),
        email=email,
        made_by=ada,
        made_by_name=ada.username,
        created_at=timezone.now(),
        expires_at=timezone.now() + timedelta(hours=72),
    )
    return link, url_of(link, now=timezone.now()).rstrip("/").rpartition("/")[2]


def test_the_link_signs_in_who_asked(door: Door, ben: User, post: Post) -> None:
    assert not door.magic(BEN).refused
    assert not door.is_in()
    assert door.use(post.link(BEN)).step == "done"
    assert door.is_in()
    assert Session.objects.get().methods == ["mca"]
    assert "sign in to your account" in post.newest(BEN)


def test_the_short_code_of_the_mail_does_as_well_where_it_was_asked_for(
    door: Door, ben: User, post: Post
) -> None:
    door.magic(BEN)
    assert door.take("mailed-code", code="00000000").refused
    assert door.take("mailed-code", code=post.code(BEN)).step == "done"
    assert door.is_in()
    assert door.stranger().use(post.link(BEN), code=post.code(BEN)).refused


def test_in_another_browser_the_short_code_is_needed(door: Door, ben: User, post: Post) -> None:
    door.magic(BEN)
    link, code = post.link(BEN), post.code(BEN)
    other = door.stranger()
    assert other.use(link).refused
    assert other.use(link, code="00000000").refused
    assert other.use(link, code=code).step == "done"
    assert not door.is_in()


def test_the_link_of_a_page_goes_on_where_it_was_wanted(web: WebDoor, ben: User, post: Post) -> None:
    page = web.open("/login/link/?next=/account/sessions/")
    web.send(next(form for form in page.forms if "email" in form.values), email=BEN)
    web.use(post.link(BEN))
    assert web.address == "/account/sessions/"


@pytest.mark.parametrize("kind", ["unknown", "unverified", "disabled", "locked", "external name"])
def test_nobody_else_is_mailed_and_the_answer_is_the_same(
    door: Door, ben: User, post: Post, kind: str
) -> None:
    known = door.magic(BEN)
    post.deliver()
    before = len(post.box.mails)
    if kind == "unverified":
        User.objects.filter(pk=ben.pk).update(email_verified_at=None)
    elif kind == "disabled":
        User.objects.filter(pk=ben.pk).update(is_active=False)
    elif kind == "locked":
        User.objects.filter(pk=ben.pk).update(locked_at=timezone.now())
    name = {"unknown": "nobody@acme.example", "external name": "dora@acme.example"}.get(kind, BEN)
    said = door.stranger().magic(name)
    assert (said.status, said.step, said.refused) == (known.status, known.step, known.refused)
    assert said.text.replace(name, "X") == known.text.replace(BEN, "X")
    post.deliver()
    assert len(post.box.mails) == before


@pytest.mark.parametrize("address", ["", "ben", "ben@", "ben@acme", "a@b.example\r\nBcc: x@y.example", "@"])
def test_what_is_no_address_is_refused(door: Door, ben: User, address: str) -> None:
    assert door.magic(address).refused or isinstance(door, WebDoor)
    assert not Attempt.objects.exists()


def test_a_mailbox_that_is_the_second_factor_is_told_so(door: Door, ada: User, post: Post) -> None:
    door.magic(ADA)
    assert "very mailbox" in post.newest(ADA)
    assert "/login/link/" not in post.newest(ADA)


def test_the_second_factor_is_asked_by_another_channel(door: Door, ada: User, post: Post) -> None:
    configure(**{"TwoFactor.Policy": "required"})
    User.objects.filter(pk=ada.pk).update(
        phone="+4915112345678", phone_verified_at=timezone.now(), factor_kinds=",email,sms,"
    )
    door.magic(ADA)
    said = door.use(post.link(ADA))
    assert said.step == "code"
    assert not door.is_in()
    assert "@" not in str(said.facts.get("sent_to", "+491•••78"))
    assert door.take("method", method="email").refused
    assert door.take("enrol", kind="totp").refused
    assert not door.is_in()


def test_a_link_voids_with_the_password(door: Door, ben: User, post: Post) -> None:
    door.magic(BEN)
    link = post.link(BEN)
    other = door.stranger()
    other.forgotten(BEN)
    other.use(post.link(BEN))
    assert other.take("change-password", new_password=NEW_PASSWORD).step == "done"
    assert door.use(link).refused
    assert not door.is_in()


def test_only_addresses_that_the_company_allows_are_mailed(
    door: Door, ben: User, acme: Company, post: Post
) -> None:
    configure(acme, **{"MagicLink.AllowedAddresses": r"[^@]+@allowed\.example"})
    door.magic(BEN)
    assert post.to(BEN) == []
    configure(acme, **{"MagicLink.AllowedAddresses": r"B.*@ACME\.example"})
    door.magic(BEN)
    assert door.use(post.link(BEN)).step == "done"


def test_the_whole_address_is_compared(door: Door, ben: User, acme: Company, post: Post) -> None:
    configure(acme, **{"MagicLink.AllowedAddresses": r"acme\.example"})
    door.magic(BEN)
    assert post.to(BEN) == []


def test_a_pattern_that_is_none_is_refused_and_one_that_would_run_away_does_not(
    door: Door, ben: User, acme: Company, post: Post
) -> None:
    from tenants.actor import system_actor
    from tenants.settings import change_settings

    for bad in ("(", "(?=a)", r"(\w+)\1", "a{2000}{2000}"):
        refused = change_settings(
            {"MagicLink.AllowedAddresses": bad},
            company=acme,
            reason="try",
            by=system_actor(),
            now=timezone.now(),
        )
        assert isinstance(refused, Denied), bad
    configure(acme, **{"MagicLink.AllowedAddresses": r"(([a-z])+.)+@acme\.example!"})
    long = "a" * 60 + "@acme.example"
    User.objects.filter(pk=ben.pk).update(username=long, login_key=long, email=long)
    door.magic(long)
    assert post.to(long) == []


def test_what_is_no_longer_allowed_when_it_is_opened_is_refused(
    door: Door, ben: User, acme: Company, post: Post
) -> None:
    door.magic(BEN)
    link = post.link(BEN)
    configure(acme, **{"MagicLink.AllowedAddresses": r".+@elsewhere\.example"})
    assert door.use(link).refused
    assert not door.is_in()


# --- joining


def test_an_invitation_makes_an_account_when_the_mail_comes_back(
    door: Door, ada: User, acme: Company, post: Post
) -> None:
    link, token = invitation(acme, ada)
    door.magic(NINA, join=token, display_name="Nina Novák")
    assert not User.objects.filter(email=NINA).exists()
    link.refresh_from_db()
    assert link.used_at is None
    assert "Acme" in post.newest(NINA)
    assert door.use(post.link(NINA)).step == "done"
    nina = User.objects.get(email=NINA)
    assert (nina.company, nina.display_name) == (acme, "Nina Novák")
    assert [role.name for role in nina.roles.all()] == ["Agent"]
    assert nina.email_verified_at is not None
    assert not nina.has_usable_password()
    assert (nina.came_by, nina.came_through) == (Arrival.JOINED, ada.username)
    link.refresh_from_db()
    assert link.used_by == nina
    assert door.is_in()


def test_without_a_name_the_address_gives_one(door: Door, ada: User, acme: Company, post: Post) -> None:
    _link, token = invitation(acme, ada)
    door.magic(NINA, join=token)
    door.use(post.link(NINA))
    assert User.objects.get(email=NINA).display_name == "nina.novak"


def test_an_invitation_of_one_address_is_for_no_other(
    door: Door, ada: User, acme: Company, post: Post
) -> None:
    link, token = invitation(acme, ada, email=NINA)
    said = door.magic("mallory@evil.example", join=token)
    assert not said.refused
    assert post.to("mallory@evil.example") == []
    other = door.stranger()
    other.magic(NINA.upper(), join=token)
    assert other.use(post.link(NINA.upper())).step == "done"
    link.refresh_from_db()
    assert link.used_at is not None


def test_a_used_revoked_or_old_invitation_is_refused(
    door: Door, ada: User, acme: Company, post: Post, clock: Time
) -> None:
    link, token = invitation(acme, ada)
    door.magic(NINA, join=token)
    late = post.link(NINA)
    JoinLink.objects.filter(pk=link.pk).update(revoked_at=timezone.now())
    assert door.use(late).refused
    assert not User.objects.filter(email=NINA).exists()
    assert door.stranger().magic("olaf@acme.example", join=token).refused
    _link, other = invitation(acme, ada)
    clock.forward(hours=72)
    assert door.stranger().magic("olaf@acme.example", join=other).refused


def test_two_who_asked_by_one_invitation_do_not_both_join(
    door: Door, ada: User, acme: Company, post: Post
) -> None:
    _link, token = invitation(acme, ada)
    second, address = door.stranger(), "olaf@acme.example"
    door.magic(NINA, join=token)
    second.magic(address, join=token)
    links = post.link(NINA), post.link(address)
    assert door.use(links[0]).step == "done"
    assert second.use(links[1]).refused
    assert not User.objects.filter(email=address).exists()


def test_who_belongs_to_the_company_gets_the_role_and_who_belongs_elsewhere_a_word(
    door: Door, ada: User, ben: User, cleo: User, acme: Company, post: Post
) -> None:
    _link, token = invitation(acme, ada, role="Agent")
    ben.roles.set([Role.objects.get(name="Member", company=None)])
    door.magic(BEN, join=token)
    assert door.use(post.link(BEN)).step == "done"
    assert {role.name for role in ben.roles.all()} == {"Agent", "Member"}
    _link, other = invitation(acme, ada)
    stranger = door.stranger()
    stranger.magic(CLEO, join=other)
    assert "belongs to an account of another company" in post.newest(CLEO)


def test_where_a_second_factor_is_required_a_newcomer_sets_up_an_app(
    door: Door, ada: User, acme: Company, post: Post
) -> None:
    configure(acme, **{"TwoFactor.Policy": "required"})
    _link, token = invitation(acme, ada)
    door.magic(NINA, join=token)
    said = door.use(post.link(NINA))
    assert said.step == "enrol"
    assert not door.is_in()
    assert door.take("enrol", kind="email").refused
    assert not door.is_in()


# --- signing up


def test_signing_up_makes_an_account_with_the_lowest_role(door: Door, acme: Company, post: Post) -> None:
    configure(acme, **{"SignUp.Allowed": True})
    assert not door.register(NINA, display_name="Nina").refused
    assert door.use(post.link(NINA)).step == "done"
    nina = User.objects.get(email=NINA)
    assert [role.name for role in nina.roles.all()] == ["Member"]
    assert nina.came_by == Arrival.SIGNED_UP
    assert door.is_in()


def test_where_nobody_may_sign_up_nobody_is_mailed_and_the_answer_is_the_same(
    door: Door, acme: Company, cleo: User, post: Post
) -> None:
    shut = door.register(NINA)
    post.deliver()  # whether somebody is mailed is decided then
    configure(acme, **{"SignUp.Allowed": True, "MagicLink.AllowedAddresses": r".+@acme\.example"})
    elsewhere = door.stranger().register("nina@evil.example")
    assert post.to(NINA) == []
    assert post.to("nina@evil.example") == []
    assert shut.text.replace(NINA, "X") == elsewhere.text.replace("nina@evil.example", "X")
    assert cleo.company is not None
    other = door.stranger()
    other.register(NINA, company=str(cleo.company.uid))
    assert post.to(NINA) == []
    open_one = door.stranger()
    open_one.register(NINA, company=str(acme.uid))
    assert open_one.use(post.link(NINA)).step == "done"


def test_of_two_companies_the_one_that_names_the_address_is_meant(
    door: Door, acme: Company, cleo: User, post: Post
) -> None:
    assert cleo.company is not None
    configure(acme, **{"SignUp.Allowed": True})
    configure(cleo.company, **{"SignUp.Allowed": True})
    door.register(NINA)
    assert post.to(NINA) == []
    configure(acme, **{"MagicLink.AllowedAddresses": r".+@acme\.example"})
    door.register(NINA)
    assert door.use(post.link(NINA)).step == "done"
    assert User.objects.get(email=NINA).company == acme


def test_who_has_an_account_is_mailed_a_link_to_sign_in(
    door: Door, ben: User, acme: Company, post: Post
) -> None:
    configure(acme, **{"SignUp.Allowed": True})
    door.register(BEN)
    assert door.use(post.link(BEN)).step == "done"
    assert User.objects.filter(email=BEN).count() == 1


def test_signing_up_that_was_switched_off_meanwhile_makes_nothing(
    door: Door, acme: Company, post: Post
) -> None:
    configure(acme, **{"SignUp.Allowed": True})
    door.register(NINA)
    link = post.link(NINA)
    configure(acme, **{"SignUp.Allowed": False})
    assert door.use(link).refused
    assert not User.objects.filter(email=NINA).exists()


# --- without a password


def test_who_has_no_password_confirms_by_a_code_to_the_mailbox(door: Door, ben: User, post: Post) -> None:
    User.objects.filter(pk=ben.pk).update(password=make_password(None))
    door.magic(BEN)
    door.use(post.link(BEN))
    assert door.confirm().step == "mailed-code"
    assert door.take("mailed-code", code="00000000").refused
    text = post.newest(BEN)
    assert "/login/" not in text
    assert door.take("mailed-code", code=post.code(BEN)).step == "done"
    assert sign_in(door.stranger(), BEN, PASSWORD).refused


def test_who_has_a_password_is_asked_for_it(door: Door, ben: User, post: Post) -> None:
    door.magic(BEN)
    door.use(post.link(BEN))
    assert door.confirm().step == "password"


def test_the_code_to_confirm_is_none_to_sign_in(api: ApiDoor, ben: User, post: Post) -> None:
    User.objects.filter(pk=ben.pk).update(password=make_password(None))
    api.magic(BEN)
    api.use(post.link(BEN))
    api.confirm()
    code = post.code(BEN)
    other = ApiDoor()
    other.magic(BEN)
    assert other.take("mailed-code", code=code).refused
    assert FactorKind.EMAIL not in Session.objects.first().methods  # type: ignore[union-attr]
