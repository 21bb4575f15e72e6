"""Everything is taken from an account in one press, and only a new proof opens it again."""

from dataclasses import replace
from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone
from pytest_django import Settings

from accounts.api_keys import KeyDraft, make_key
from accounts.inviting import JoinLinkDraft, make_join_link
from accounts.limits import unlock_user
from accounts.lock_down import lock_down
from accounts.models import ApiKey, Browser, JoinLink, Session, User
from accounts.people import set_password
from audit.models import AuditEvent
from core.outcomes import Denied
from delivery.models import Delivery
from tenants.models import Company, Role
from tests import cast
from tests.accounts.vouched import integration_of
from tests.cast import Api
from tests.journeys.doors import ApiDoor, Door, WebDoor, sign_in
from tests.journeys.passkeys import ORIGIN, begin_by_passkey, device_of, given_passkey, options_at, show
from tests.journeys.stage import NEW_PASSWORD, PASSWORD, Post, Time, configure
from tests.journeys.test_lost import lose
from tests.journeys.test_settings_of_the_factor import BEN
from tests.journeys.test_single_sign_on import arrive, press, token
from tests.parallel import in_parallel
from twofactor.models import FirstWord, RecoveryCode
from twofactor.services.administered import turn_off_factors

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db]
WHY = "laptop stolen"


def lock(user: User, by: User) -> Denied | None:
    return lock_down(user, reason=WHY, by=cast.acting(by), now=timezone.now())


def test_everything_is_over_and_the_old_password_opens_it_no_more(
    door: Door, ben: User, ada: User, acme: Company, post: Post, clock: Time
) -> None:
    assert sign_in(door, BEN, PASSWORD).step == "done"
    now = timezone.now()
    remembered = Browser.objects.create(
        user=ben,
        fingerprint="f" * 64,
        first_seen_at=now,
        last_seen_at=now,
        remembered_until=now + timedelta(days=9),
    )
    link = JoinLink.objects.create(
        company=acme,
        role=Role.objects.get(name=cast.MEMBER, company=None),
        made_by=ben,
        created_at=now,
        expires_at=now + timedelta(hours=9),
    )
    under_way = door.stranger()
    under_way.magic(BEN)
    mailed = post.link(BEN)

    assert lock(ben, ada) is None
    assert not door.is_in()
    assert not Session.objects.filter(user=ben, ended_at=None).exists()
    assert under_way.use(mailed).step == "ended"
    link.refresh_from_db()
    assert link.state(now=now) == "revoked"
    remembered.refresh_from_db()
    assert remembered.remembered_until is None
    assert "old password opens it no more" in str(Delivery.objects.order_by("id").last().context)  # type: ignore[union-attr]
    event = AuditEvent.objects.get(event="accounts:user:lockeddown")
    assert (event.actor_uid, event.details["reason"], event.details["links"]) == (str(ada.uid), WHY, 1)

    assert unlock_user(ben, by=cast.acting(ada), now=timezone.now()) is None
    assert sign_in(door.stranger(), BEN, PASSWORD).refused
    door = door.stranger()
    clock.forward(minutes=11)
    door.forgotten(BEN)
    said = door.use(post.link(BEN))
    assert said.step == "change-password", said
    assert door.take("change-password", new_password=NEW_PASSWORD).step == "done"


def test_the_mailbox_alone_is_no_new_proof_where_it_was_the_second_factor(
    door: Door, ben: User, ada: User, post: Post, clock: Time
) -> None:
    configure(TwoFactor__Policy="required")
    lock(ben, ada)
    unlock_user(ben, by=cast.acting(ada), now=timezone.now())
    ben.refresh_from_db()
    assert not ben.has_only_mailbox
    clock.forward(minutes=11)
    door.magic(BEN)
    assert "cannot prove" in post.newest(BEN)


def test_by_page_and_by_program(ben: User, ada: User) -> None:
    path = reverse("admin:accounts_user_lock_down", args=[ben.pk])
    browser = cast.browser(ada)
    assert "somebody else may have" in browser.get(path).content.decode()
    assert browser.post(path, {"reason": ""}).status_code == 200
    ben.refresh_from_db()
    assert ben.locked_at is None
    assert browser.post(path, {"reason": WHY}).status_code == 302
    ben.refresh_from_db()
    assert (ben.locked_reason, ben.has_usable_password()) == (WHY, False)
    # Of an account that is locked already, the rest is taken all the same.
    User.objects.filter(pk=ben.pk).update(password="x")
    answer = Api(ada).post(f"users/{ben.uid}/lock-down/", {"reason": "again"})
    assert (answer.status_code, answer.json()["locked_reason"]) == (200, WHY)
    ben.refresh_from_db()
    assert not ben.has_usable_password()


def test_nobody_locks_himself_down_nor_anybody_above_nor_elsewhere(
    ben: User, ada: User, root: User, cleo: User
) -> None:
    assert [lock(*pair).code for pair in ((ada, ada), (root, ada), (cleo, ada), (ben, ben))] == [  # type: ignore[union-attr]
        "own_account",
        "not_found",
        "not_found",
        "own_account",
    ]


def test_a_key_of_the_account_opens_nothing(ada: User, root: User) -> None:
    draft = KeyDraft(user=ada, name="nightly", scopes=["users:read"], days=9)
    made = make_key(draft, session=Api(ada).session, by=cast.acting(ada), now=timezone.now())
    assert not isinstance(made, Denied), made
    assert lock(ada, root) is None
    assert not Session.objects.filter(user=ada, ended_at=None).exists()


def key_for(user: User, *, by: User) -> ApiKey:
    draft = KeyDraft(user=user, name=f"of {by} for {user}", scopes=["users:read"], days=9)
    made = make_key(draft, session=Api(by).session, by=cast.acting(by), now=timezone.now())
    assert not isinstance(made, Denied), made
    return made


def lives(*keys: ApiKey) -> list[bool]:
    return [Session.objects.get(api_key=key).ended_at is None for key in keys]


@pytest.mark.parametrize("by_page", [True, False])
def test_the_keys_that_it_made_for_others_end_where_that_is_wished(
    ada: User, ben: User, root: User, acme: Company, by_page: bool
) -> None:
    other = cast.person("abe@acme.example", company=acme, role=cast.COMPANY_ADMINISTRATOR)
    key, others = key_for(ben, by=ada), key_for(ben, by=root)
    assert lock(ada, root) is None
    assert lives(key, others) == [True, True]
    assert "keys_left" not in AuditEvent.objects.get(event="accounts:user:lockeddown").details
    unlock_user(ada, by=cast.acting(root), now=timezone.now())
    Delivery.objects.all().delete()
    if by_page:
        path = reverse("admin:accounts_user_lock_down", args=[ada.pk])
        cast.browser(other).post(path, {"reason": WHY, "made_keys": "on"})
    else:
        Api(other).post(f"users/{ada.uid}/lock-down/", {"reason": WHY, "made_keys": True})
    assert lives(key, others) == [False, True]
    details = AuditEvent.objects.filter(event="accounts:user:lockeddown").latest("id").details
    assert (details["keys_of_others"], details["keys_left"]) == (1, 0)
    assert any(key.name in str(told.context) for told in Delivery.objects.all())


def test_no_key_of_somebody_above_ends_by_it(ada: User, ben: User, root: User) -> None:
    key = key_for(root, by=root)
    ApiKey.objects.filter(pk=key.pk).update(made_by=ben)  # as though he had been more than he is
    assert lock_down(ben, reason=WHY, made_keys=True, by=cast.acting(ada), now=timezone.now()) is None
    assert lives(key) == [True]
    details = AuditEvent.objects.get(event="accounts:user:lockeddown").details
    assert (details["keys_of_others"], details["keys_left"]) == (0, 1)


@pytest.mark.django_db(transaction=True)
def test_no_key_is_left_over_that_was_made_meanwhile(ada: User, ben: User, root: User) -> None:
    session, by = Api(ada).session, cast.acting(ada)

    def act(number: int) -> None:
        now = timezone.now()
        if number:
            draft = KeyDraft(user=ben, name=f"k{number}", scopes=["users:read"], days=9)
            make_key(draft, session=session, by=by, now=now)
        else:
            lock_down(ada, reason=WHY, made_keys=True, by=cast.acting(root), now=now)

    in_parallel(5, act)
    assert not ApiKey.objects.filter(made_by=ada, session__ended_at=None).exists()


@pytest.mark.django_db(transaction=True)
def test_two_who_made_keys_for_each_other_are_locked_down_at_once(
    ada: User, root: User, acme: Company
) -> None:
    other = cast.person("abe@acme.example", company=acme, role=cast.COMPANY_ADMINISTRATOR)
    key_for(ada, by=other), key_for(other, by=ada)

    def act(number: int) -> None:
        who = (ada, other)[number]
        assert lock_down(who, reason=WHY, made_keys=True, by=cast.acting(root), now=timezone.now()) is None

    in_parallel(2, act)
    assert not ApiKey.objects.filter(session__ended_at=None).exists()


@pytest.mark.django_db(transaction=True)
def test_keys_are_made_while_their_maker_says_the_first_of_two_words(ada: User, acme: Company) -> None:
    other = cast.person("abe@acme.example", company=acme, role=cast.COMPANY_ADMINISTRATOR)
    lose(other)
    old = timezone.now() - timedelta(days=9)
    User.objects.filter(pk=ada.pk).update(created_at=old, password_changed_at=old)
    session = Api(ada).session
    by = replace(cast.acting(ada), sign_in=session.uid)

    def act(number: int) -> None:
        for one in range(10):
            if number:
                draft = KeyDraft(user=other, name=f"k{one}", scopes=["users:read"], days=9)
                make_key(draft, session=session, by=by, now=timezone.now())
            else:
                FirstWord.objects.all().delete()
                denied = turn_off_factors(other, reason=WHY, by=by, now=timezone.now())
                assert getattr(denied, "code", "") == "second_needed"

    in_parallel(2, act)
    assert ApiKey.objects.filter(made_by=ada).count() == 10


def test_a_password_that_was_taken_away_is_never_taken_again(
    door: Door, ben: User, ada: User, post: Post, clock: Time
) -> None:
    lock(ben, ada)
    unlock_user(ben, by=cast.acting(ada), now=timezone.now())
    clock.forward(minutes=11)
    door.forgotten(BEN)
    assert door.use(post.link(BEN)).step == "change-password"
    assert door.take("change-password", new_password=PASSWORD).refused
    denied = set_password(ben, PASSWORD, must_change=False, by=cast.acting(ada), now=timezone.now())
    assert getattr(denied, "code", "") == "password_rules"
    assert door.take("change-password", new_password=NEW_PASSWORD).step == "done"


def test_a_passkey_alone_is_no_new_proof(
    door: Door, ben: User, ada: User, post: Post, settings: Settings, clock: Time
) -> None:
    settings.PUBLIC_URL = ORIGIN
    device = device_of()
    given_passkey(ben, device)
    begin_by_passkey(door)
    assert show(door, device.get(options_at(door))).step == "done"
    lock(ben, ada)
    unlock_user(ben, by=cast.acting(ada), now=timezone.now())
    again = door.stranger()
    begin_by_passkey(again)
    assert show(again, device.get(options_at(again))).refused
    assert not again.is_in()
    # After a new first proof it is what it was.
    set_password(ben, NEW_PASSWORD, must_change=False, by=cast.acting(ada), now=timezone.now())
    proved = door.stranger()
    assert sign_in(proved, BEN, NEW_PASSWORD).step == "passkey"
    assert show(proved, device.get(options_at(proved))).step == "done"
    after = door.stranger()
    begin_by_passkey(after)
    assert show(after, device.get(options_at(after))).step == "done"


def test_who_never_had_a_password_is_what_he_was(ben: User, ada: User) -> None:
    User.objects.filter(pk=ben.pk).update(password="!x", password_changed_at=None)
    lock(ben, ada)
    ben.refresh_from_db()
    assert ben.has_only_mailbox


def test_no_join_link_is_made_by_who_is_locked_down(ada: User, root: User, acme: Company) -> None:
    by = cast.acting(ada)  # judged before
    lock(ada, root)
    draft = JoinLinkDraft(company=acme, role=Role.objects.get(name=cast.MEMBER, company=None))
    assert getattr(make_join_link(draft, by=by, now=timezone.now()), "code", "") == "forbidden"


def test_a_temporary_code_is_over_too(door: Door, ben: User, ada: User) -> None:
    lose(ben)
    code = Api(ada).post(f"users/{ben.uid}/temporary-code/", {"reason": "called"}).json()["code"]
    lock(ben, ada)
    assert not RecoveryCode.objects.exists()
    unlock_user(ben, by=cast.acting(ada), now=timezone.now())
    set_password(ben, NEW_PASSWORD, must_change=False, by=cast.acting(ada), now=timezone.now())
    assert sign_in(door, BEN, NEW_PASSWORD).step == "code"
    assert door.take("code", code=code).refused


def test_the_word_of_an_integration_is_no_new_proof(
    ben: User, ada: User, acme: Company, settings: Settings
) -> None:
    settings.PUBLIC_URL = ORIGIN
    desk = integration_of(acme, ceiling="Agent", name="Desk of Acme")
    device = device_of()
    given_passkey(ben, device)
    lock(ben, ada)
    unlock_user(ben, by=cast.acting(ada), now=timezone.now())
    User.objects.filter(pk=ben.pk).update(factor_kinds="")
    web = WebDoor()
    arrive(web, token(desk, sub=BEN))
    press(web)
    ben.refresh_from_db()
    assert ben.locked_down_at is not None
    again = ApiDoor()
    begin_by_passkey(again)
    assert show(again, device.get(options_at(again))).refused


@pytest.mark.django_db(transaction=True)
def test_a_join_link_that_is_made_at_the_same_moment_goes_too(ben: User, ada: User, acme: Company) -> None:
    made, role = [], Role.objects.get(name=cast.MEMBER, company=None)
    ben.roles.set([Role.objects.get(name=cast.COMPANY_ADMINISTRATOR, company=None)])
    by = cast.acting(ben)

    def act(number: int) -> None:
        if number:
            made.append(make_join_link(JoinLinkDraft(company=acme, role=role), by=by, now=timezone.now()))
        else:
            lock(ben, cast.person("root2@portal.example", company=None, role=cast.FULL))

    in_parallel(5, act)
    links = JoinLink.objects.filter(made_by=ben)
    assert all(one.state(now=timezone.now()) == "revoked" for one in links), made
