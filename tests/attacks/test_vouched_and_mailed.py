"""What a vouched or mailed sign-in must not get round: roles, the second factor, the counters (attacks 5, 6, 13, 15, 21)."""

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.integrations import reading
from accounts.models import Integration, Session, User
from audit.events import Event
from audit.models import AuditEvent
from core import entropy
from core.errors import PortalError
from login.flow import Purpose
from login.links import deciding, mailed
from login.links.mailed import mail_due
from login.links.opening import CODE_DIGITS, SCOPES
from login.models import Attempt
from portal.celery import SCHEDULE
from tenants.models import Company, Kind, Permission, Privilege, Reach, Role
from tests.accounts.vouched import integration_of, token_of
from tests.cast import MEMBER, Api, browser
from tests.journeys.doors import ApiDoor, WebDoor
from tests.journeys.stage import Post, configure
from tests.journeys.test_magic_links import invitation
from tests.journeys.test_single_sign_on import arrive, press

pytestmark = pytest.mark.django_db
ADA, BEN = "ada@acme.example", "ben@acme.example"
NINA = "nina@acme.example"
COUNT = iter(range(10_000))


@pytest.fixture
def desk(acme: Company) -> Integration:
    """An integration of Acme that may vouch for its administrators."""
    return integration_of(acme, name="Desk of Acme")


def token(desk: Integration, **more: Any) -> str:
    return token_of(desk, now=timezone.now(), **({"jti": f"a{next(COUNT)}"} | more))


def test_no_role_and_no_policy_opens_nothing(web: WebDoor, ben: User, desk: Integration) -> None:
    """`role: null` means the policy alone (K3); without one there is nothing, least of all the whole ceiling."""
    arrive(web, token(desk, sub=BEN, role=None))
    press(web)
    for path in ("/admin/", "/admin/accounts/user/", "/account/", "/team/"):
        assert web.browser.get(path).status_code in {302, 403, 404}, path
    assert web.browser.get("/api/v1/users/").status_code in {401, 403}


def test_a_lower_role_in_the_token_takes_no_second_factor_away(
    web: WebDoor, ada: User, desk: Integration
) -> None:
    arrive(web, token(desk, sub=ADA, role="agent"))
    assert press(web) != "done"
    assert not web.is_in()


def test_no_role_in_the_token_takes_no_second_factor_away(web: WebDoor, ada: User, desk: Integration) -> None:
    arrive(web, token(desk, sub=ADA, role=None, policy={"version": 3, "*": {}}))
    assert press(web) != "done"
    assert not web.is_in()


def test_the_mailbox_alone_is_not_enough_for_who_came_by_an_integration(
    web: WebDoor, desk: Integration, post: Post
) -> None:
    """The first proof is the integration's, the mailbox the second: a mailed link must not make the mailbox both."""
    configure(**{"TwoFactor.Policy": "required", "TwoFactor.NoVerifiedContactBehaviour": "enrol"})
    arrive(web, token(desk, sub=NINA))
    assert press(web) == "enrol"
    web.take("enrol", kind="email")
    assert web.take("enrol", kind="email", code=post.code(NINA)).step == "done"
    thief = web.stranger()
    thief.magic(NINA)
    assert "/login/link/" not in post.newest(NINA)


def test_whoever_takes_the_mailbox_sets_up_no_app_for_who_came_by_an_integration(
    web: WebDoor, desk: Integration, post: Post
) -> None:
    """The same where the address was verified and never turned on: there is a first proof beside it, so it is the second."""
    arrive(web, token(desk, sub=NINA))
    assert press(web) == "done"
    User.objects.filter(email=NINA).update(email_verified_at=timezone.now())
    configure(**{"TwoFactor.Policy": "required"})
    thief = web.stranger()
    thief.magic(NINA)
    assert "very mailbox" in post.newest(NINA)
    assert "/login/link/" not in post.newest(NINA)


def right_code(attempt: Attempt) -> str:
    """What the mail of this attempt says, or would say: the tester knows it, and an attacker may come upon it."""
    return entropy.derived_code(
        purpose=SCOPES[Purpose(attempt.purpose)], id=str(attempt.uid), digits=CODE_DIGITS
    )


def test_no_code_is_right_of_which_no_mail_was_sent(ben: User, post: Post) -> None:
    """Each sign-in that is begun allows five guesses, and anybody may begin thousands: only those few that were mailed may count."""
    for number in range(8):
        asker = ApiDoor(address=f"203.0.113.{number + 1}")
        asker.magic(BEN)
        post.deliver()
    assert len(post.to(BEN)) == 5
    said = asker.take("mailed-code", code=right_code(Attempt.objects.first()))
    assert said.refused
    assert not Session.objects.exists()


@pytest.mark.parametrize("kind", ["registers", "joins"])
def test_no_account_comes_of_a_code_of_which_no_mail_was_sent(
    acme: Company, ada: User, post: Post, kind: str
) -> None:
    configure(acme, **{"SignUp.Allowed": True})
    _link, join = invitation(acme, ada)
    for number in range(8):
        asker = ApiDoor(address=f"203.0.113.{number + 1}")
        asker.register(NINA, company=str(acme.uid)) if kind == "registers" else asker.magic(NINA, join=join)
        post.deliver()
    assert len(post.to(NINA)) == 5
    assert asker.take("mailed-code", code=right_code(Attempt.objects.first())).refused
    assert not User.objects.filter(email=NINA).exists()


def test_strangers_do_not_keep_anybody_from_confirming(ben: User, post: Post) -> None:
    """Somebody without a password is locked out of an idle session by whoever asks for five links in his name."""
    User.objects.filter(pk=ben.pk).update(password="!")
    own = ApiDoor()
    own.magic(BEN)
    assert own.use(post.link(BEN)).step == "done"
    for number in range(8):
        ApiDoor(address=f"203.0.113.{number + 1}").magic(BEN)
    assert own.confirm().step == "mailed-code"


def test_strangers_do_not_keep_anybody_out_of_a_browser_that_is_known(
    web: WebDoor, ben: User, post: Post
) -> None:
    """A known browser has a counter of its own (L4), for links as for passwords."""
    web.magic(BEN)
    assert web.use(post.link(BEN)).step == "done"
    web.leave()
    for number in range(8):
        ApiDoor(address=f"203.0.113.{number + 1}").magic(BEN)
    post.deliver()
    before = len(post.to(BEN))
    web.magic(BEN)
    assert len(post.to(BEN)) == before + 1
    assert web.use(post.link(BEN)).step == "done"


def test_signing_up_costs_the_worker_no_more_with_many_companies(acme: Company, post: Post) -> None:
    """Anybody may ask to sign up; with thousands of companies a few asks would hold up the mails of everybody."""
    configure(acme, **{"MagicLink.AllowedAddresses": r".+@acme\.example"})
    configure(**{"SignUp.Allowed": True})
    counted = []
    for number in (3, 300):
        Company.objects.bulk_create(Company(name=f"Of {number}, {one}") for one in range(number))
        assert not ApiDoor().register(f"nina{number}@acme.example").refused
        with CaptureQueriesContext(connection) as asked:
            mail_due(timezone.now())
        counted.append(len(asked))
        assert post.link(f"nina{number}@acme.example")
    assert counted[1] <= counted[0] + 5


@pytest.mark.parametrize("address", ["nina.@acme.example", ".nina@acme.example"])
def test_no_address_stops_the_mails_of_everybody(acme: Company, ben: User, post: Post, address: str) -> None:
    """What one check takes for an address and another one does not must not come between the others and their mails."""
    configure(acme, **{"SignUp.Allowed": True})
    other = ApiDoor()
    other.magic(BEN)
    ApiDoor().register(address, company=str(acme.uid))
    assert post.link(BEN)
    assert other.use(post.link(BEN)).step == "done"


def test_a_sign_in_that_cannot_be_decided_holds_up_no_other(
    ben: User, ada: User, post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    decide = deciding.magic

    def fails_for_ada(attempt: Attempt, **more: Any) -> Any:
        if attempt.user == ada:
            raise PortalError("bad_address", status=400, detail="A fault of ours.")
        return decide(attempt, **more)

    monkeypatch.setitem(mailed._DECIDE, Purpose.LINK, fails_for_ada)
    ApiDoor().magic(BEN)
    ApiDoor().magic(ADA)
    assert post.link(BEN)
    assert not post.to(ADA)


def test_sites_that_never_answer_do_not_take_both_hands_of_the_worker() -> None:
    """Anybody who knows a licence key can have its keys read each minute; whoever publishes them may take all the time there is."""
    [entry] = [one for one in SCHEDULE.values() if one["task"] == "accounts.read-keys"]
    assert entry["schedule"] > reading.SECONDS_IN_ALL


def test_a_role_that_a_token_lends_is_not_kept(ben: User, ada: User, desk: Integration) -> None:
    """The token names a role for as long as it holds: whoever has it must not give it to himself for good."""
    program = Api(None)
    bearer = token(desk, sub=BEN, role="administrator", policy={"version": 3, "*": {}})
    program.headers["Authorization"] = f"Bearer {bearer}"
    helper = Role.objects.create(name="Helper", company=desk.company, rank=20)
    helper.privileges.set(Privilege.objects.filter(name__startswith="Users"))
    roles = [str(role.uid) for role in (helper, *ben.roles.all())]
    answer = program.patch(f"users/{ben.uid}/", {"roles": roles})
    assert answer.status_code == 403, answer.content
    assert [role.name for role in ben.roles.all()] == [MEMBER]
    assert program.patch(f"users/{ben.uid}/", {"display_name": "Benjamin"}).status_code == 200


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("integrations/", {"name": "N", "preset": "\ud800"}),
        ("join-links/", {"\ud800": 1}),
        ("join-links/bulk/", {"rows": [{"email": "a@acme.example", "\ud800": "x"}]}),
        ("api-keys/", {"name": "N", "days": 1, "scopes": ["\ud800"]}),
    ],
)
def test_half_a_character_is_refused_and_no_fault_of_ours(ada: User, path: str, body: dict[str, Any]) -> None:
    answer = Api(ada).post(path, body)
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid")


@pytest.mark.parametrize("path", ["/team/", "/team/links/", "/team/links/new/"])
def test_a_name_of_a_company_that_no_database_stores_is_found_nowhere(ada: User, path: str) -> None:
    for name in ("\0", "a\0b", "\0Acme"):
        assert browser(ada).get(path, {"company": name}).status_code == 200


@pytest.mark.parametrize("rank", [0, 10])
@pytest.mark.parametrize("everywhere", [False, True])
def test_whoever_signs_up_gets_no_role_that_opens_anything(
    acme: Company, post: Post, rank: int, everywhere: bool
) -> None:
    """A new role has the rank of Member unless somebody thinks of it; strangers must not get it for that."""
    configure(acme, **{"SignUp.Allowed": True})
    helper = Role.objects.create(name="Helper", company=None if everywhere else acme, rank=rank)
    helper.privileges.set(Privilege.objects.filter(name__startswith="Users"))
    Permission.objects.create(role=helper, kind=Kind.USER, reach=Reach.OWN)
    door = ApiDoor()
    door.register(NINA, company=str(acme.uid))
    assert door.use(post.link(NINA)).step == "done"
    assert door.client.get("/api/v1/users/", HTTP_AUTHORIZATION=f"Bearer {door.access}").status_code == 403
    assert [role.name for role in User.objects.get(email=NINA).roles.all()] == [MEMBER]


@pytest.mark.parametrize("kind", ["links", "registers", "joins"])
def test_one_mail_too_many_is_left_out_without_a_word(
    acme: Company, ada: User, ben: User, post: Post, kind: str
) -> None:
    configure(acme, **{"SignUp.Allowed": True})
    _link, join = invitation(acme, ada)
    pages = []
    for number in range(7):
        web = WebDoor(address=f"203.0.113.{number + 1}")
        ask = {
            "links": "/login/link/",
            "registers": f"/register/?company={acme.uid}",
            "joins": f"/join/{join}/",
        }
        page = web.open(ask[kind])
        web.send(next(form for form in page.forms if "email" in form.values), email=NINA)
        pages.append((web.answer.status_code, web.address, web.page.text))
    assert len(set(pages)) == 1


def test_a_mailbox_is_not_flooded_under_many_names_of_its_own(acme: Company, post: Post) -> None:
    """Most servers put what comes to `nina+anything` into the mailbox of Nina, who may never have heard of us."""
    configure(acme, **{"SignUp.Allowed": True})
    for number in range(12):
        ApiDoor(address=f"203.0.113.{number + 1}").register(
            f"nina+{number}@acme.example", company=str(acme.uid)
        )
    post.deliver()
    assert len(post.box.mails) == 5


def test_where_nobody_may_set_up_a_factor_on_the_way_in_no_link_lets_anybody(
    acme: Company, ada: User, post: Post
) -> None:
    configure(**{"TwoFactor.Policy": "required", "TwoFactor.NoVerifiedContactBehaviour": "deny"})
    _link, join = invitation(acme, ada)
    door = ApiDoor()
    door.magic(NINA, join=join)
    assert door.use(post.link(NINA)).step == "ended"
    assert door.take("enrol", kind="totp").refused
    assert not door.is_in()


def test_nobody_tries_tokens_at_the_door_of_revocation_without_a_trace(desk: Integration) -> None:
    bad = token(desk, aud="https://elsewhere.example")
    Api(None).browser.post(
        "/api/v1/tokens/revoke/", {"token": bad}, content_type="application/json", REMOTE_ADDR="203.0.113.9"
    )
    assert AuditEvent.objects.get(event=Event.ASSERTION_REFUSED).address == "203.0.113.9"
