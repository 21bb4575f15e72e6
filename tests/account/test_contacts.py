"""Own contacts: an address counts only after a code sent to it came back, and the old one is told."""

import pytest

from accounts.models import User
from audit.events import Event
from audit.models import AuditEvent
from core import entropy
from tests.journeys.doors import ApiDoor, Door, Said, WebDoor, sign_in
from tests.journeys.stage import PASSWORD, Post, Time, configure
from twofactor.models import Challenge

pytestmark = pytest.mark.django_db
BEN, NEW, CLEO = "ben@acme.example", "ben.brandt@acme.example", "cleo@globex.example"


def ask(door: Door, address: str) -> Said:
    """Ask for a code to another address."""
    if isinstance(door, ApiDoor):
        return door.post("/api/v1/me/email/", {"email": address}, bearer=door.access)
    assert isinstance(door, WebDoor)
    form = door.open("/account/contacts/").form_to("/account/contacts/email/")
    if form is None:  # while another one waits, there is no such form
        door.post("/account/contacts/email/", email=address)
    else:
        door.send(form, email=address)
    return door.said()


def bring(door: Door, code: str) -> Said:
    """Bring the code back."""
    if isinstance(door, ApiDoor):
        return door.post("/api/v1/me/email/confirm/", {"code": code}, bearer=door.access)
    assert isinstance(door, WebDoor)
    door.open("/account/contacts/")
    door.post("/account/contacts/email/verify/", code=code)
    return door.said()


def test_a_new_address_counts_once_its_code_came_back(door: Door, ben: User, post: Post) -> None:
    sign_in(door, BEN, PASSWORD)
    other = door.stranger()
    sign_in(other, BEN, PASSWORD)
    assert not ask(door, NEW).refused
    code = post.code(NEW)
    ben.refresh_from_db()
    assert ben.email == BEN  # not before
    assert not bring(door, code).refused
    ben.refresh_from_db()
    assert (ben.email, ben.username, bool(ben.email_verified_at)) == (NEW, NEW, True)
    assert "this one no longer counts" in post.newest(BEN)
    assert door.is_in()
    assert not other.is_in()
    assert sign_in(door.stranger(), NEW, PASSWORD).step == "done"
    assert sign_in(door.stranger(), BEN, PASSWORD).refused


def test_the_own_address_can_be_verified(web: WebDoor, ben: User, post: Post) -> None:
    User.objects.filter(pk=ben.pk).update(email_verified_at=None)
    sign_in(web, BEN, PASSWORD)
    form = web.open("/account/contacts/").form_to("/account/contacts/email/resend/")
    assert form is not None
    web.send(form)
    bring(web, post.code(BEN))
    assert "is verified" in web.page.text
    ben.refresh_from_db()
    assert ben.email_verified_at
    assert len(post.to(BEN)) == 1  # nobody is told of a change that was none


def test_a_wrong_code_is_written_down(door: Door, ben: User, post: Post) -> None:
    sign_in(door, BEN, PASSWORD)
    ask(door, NEW)
    assert bring(door, "000000" if post.code(NEW) != "000000" else "111111").refused
    noted = AuditEvent.objects.get(event=Event.LOGIN_CODE_REFUSED)
    assert (noted.subject_uid, noted.details["purpose"]) == (str(ben.uid), "contact")


def test_a_wrong_late_or_used_code_changes_nothing(door: Door, ben: User, post: Post, clock: Time) -> None:
    sign_in(door, BEN, PASSWORD)
    ask(door, NEW)
    code = post.code(NEW)
    assert bring(door, "000000" if code != "000000" else "111111").refused
    clock.forward(minutes=10)
    assert bring(door, code).refused
    ben.refresh_from_db()
    assert ben.email == BEN


def test_a_code_for_an_address_is_good_once_and_in_its_session_only(
    door: Door, ben: User, post: Post
) -> None:
    sign_in(door, BEN, PASSWORD)
    ask(door, NEW)
    code = post.code(NEW)
    other = door.stranger()
    sign_in(other, BEN, PASSWORD)
    assert bring(other, code).refused
    assert not bring(door, code).refused
    assert bring(door, code).refused


def test_an_address_of_somebody_else_looks_like_any_other_and_its_owner_is_told(
    door: Door, ben: User, cleo: User, post: Post
) -> None:
    sign_in(door, BEN, PASSWORD)
    said = ask(door, CLEO)
    assert not said.refused
    assert "Somebody tried to use your e-mail address" in post.newest(CLEO)
    (challenge,) = Challenge.objects.filter(user=ben)
    code = entropy.derived_code(purpose="twofactor", id=str(challenge.uid), digits=6)  # nobody was sent it
    assert all(code not in str(mail) for mail in post.box.mails)
    assert bring(door, code).refused  # not even by a lucky guess
    ben.refresh_from_db()
    cleo.refresh_from_db()
    assert (ben.email, cleo.email) == (BEN, CLEO)


@pytest.mark.parametrize(
    "address", ["", "ben", "ben@", "ben@acme", "ben@acme.example\nBcc: x@y.example", "bён@acme.example"]
)
def test_what_is_no_address_is_refused(door: Door, ben: User, post: Post, address: str) -> None:
    sign_in(door, BEN, PASSWORD)
    assert ask(door, address).refused
    assert post.to(address) == []


def test_no_more_than_so_many_codes_an_hour(door: Door, ben: User, post: Post, clock: Time) -> None:
    sign_in(door, BEN, PASSWORD)
    for _ in range(3):
        assert not ask(door, NEW).refused
        clock.forward(seconds=20)
    assert ask(door, NEW).refused
    assert ask(door, "another@acme.example").refused
    assert len(post.box.mails) == 0 or len(post.to(NEW)) == 3


def test_the_old_address_may_be_kept(web: WebDoor, ben: User, post: Post) -> None:
    sign_in(web, BEN, PASSWORD)
    ask(web, NEW)
    code = post.code(NEW)
    form = web.open("/account/contacts/").form_to("/account/contacts/email/cancel/")
    assert form is not None
    web.send(form)
    assert NEW not in web.page.text
    assert bring(web, code).refused
    ben.refresh_from_db()
    assert ben.email == BEN


def test_a_program_has_to_confirm_first_too(api: ApiDoor, ben: User, clock: Time) -> None:
    sign_in(api, BEN, PASSWORD)
    clock.forward(minutes=11)
    api.post("/api/v1/tokens/refresh/", {"refresh_token": api.refresh})
    said = ask(api, NEW)
    assert (said.status, said.facts["code"]) == (403, "confirm_first")
    api.confirm()
    api.take("password", password=PASSWORD)
    assert not ask(api, NEW).refused


def test_the_new_address_is_where_codes_go_from_now_on(door: Door, ben: User, post: Post) -> None:
    configure(TwoFactor__NoVerifiedContactBehaviour="allow")
    sign_in(door, BEN, PASSWORD)
    ask(door, NEW)
    bring(door, post.code(NEW))
    configure(TwoFactor__Policy="required")
    other = door.stranger()
    assert sign_in(other, NEW, PASSWORD).step == "code"
    assert other.take("code", code=post.code(NEW)).step == "done"
