"""Join links on /team/: made, shown once and on request, mailed, revoked, listed with what became of them; many at once."""

from datetime import timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.housekeeping import prune
from accounts.inviting import JoinLinkDraft, make_join_link, revoke_join_link
from accounts.joining import accept
from accounts.models import JoinLink, Session, User
from audit.events import Event
from audit.models import AuditEvent
from audit.record import Origin
from delivery.models import Delivery, State
from portal.backup.aftermath import Replaced, end_what_was_under_way
from tenants.models import Company, Permission, Privilege, Role
from tests import cast
from tests.accounts.story import code
from tests.accounts.vouched import integration_of
from tests.cast import Browse, acting
from tests.team.pages import built_in, link_at, seen, sent, text_of, url_on

pytestmark = pytest.mark.django_db


def form(**more: Any) -> dict[str, Any]:
    """The form of a new link."""
    return {"role": str(built_in("Agent").uid), "email": "", "hours": "72"} | more


def made(ada: User, **more: Any) -> JoinLink:
    draft = JoinLinkDraft(**({"company": ada.company, "role": built_in("Agent")} | more))
    link = make_join_link(draft, by=acting(ada), now=timezone.now())
    assert isinstance(link, JoinLink), link
    return link


def test_ada_makes_a_link_and_sees_it_once(browser: Browse, ada: User) -> None:
    window = browser(ada)
    answer = window.post("/team/links/new/", form(hours="5"), follow=True)
    link = JoinLink.objects.get()
    assert answer.redirect_chain == [(f"/team/links/{link.uid}/", 302)]
    assert link_at(url_on(answer), now=timezone.now()) == link
    assert "no-store" in answer.headers["Cache-Control"]
    assert link.expires_at - link.created_at <= timedelta(hours=5)
    # Loading it again makes no second one, and a little later it shows nothing by itself.
    assert url_on(window.get(f"/team/links/{link.uid}/"))
    JoinLink.objects.update(created_at=timezone.now() - timedelta(minutes=3))
    assert url_on(window.get(f"/team/links/{link.uid}/")) == ""
    assert url_on(window.get("/team/links/")) == ""
    assert JoinLink.objects.count() == 1


def test_a_link_is_shown_on_request_and_that_is_written_down(browser: Browse, ada: User) -> None:
    link = made(ada)
    JoinLink.objects.update(created_at=timezone.now() - timedelta(minutes=3))
    answer = browser(ada).post(f"/team/links/{link.uid}/show/")
    assert link_at(url_on(answer), now=timezone.now()) == link
    assert AuditEvent.objects.filter(event=Event.JOIN_LINK_SHOWN).count() == 1
    assert browser(ada).get(f"/team/links/{link.uid}/show/").status_code == 405


def test_a_fresh_link_is_shown_to_its_maker_alone(browser: Browse, ada: User, root: User) -> None:
    link = made(ada)
    assert url_on(browser(root).get(f"/team/links/{link.uid}/")) == ""


def test_a_link_for_an_address_is_mailed_and_says_how_the_mail_stands(browser: Browse, ada: User) -> None:
    window = browser(ada)
    page = sent(window, "/team/links/new/", **form(email=" dan@acme.example "))
    assert "The link was made and mailed to dan@acme.example." in page
    assert "The mail is on its way." in page
    for state, words in (
        (State.SENT, "The mail was sent."),
        (State.FAILED, "The mail could not be delivered."),
    ):
        Delivery.objects.update(state=state)
        assert words in seen(window, "/team/links/")
    link = JoinLink.objects.get()
    assert "mailed to dan@acme.example again" in sent(window, f"/team/links/{link.uid}/resend/")
    assert Delivery.objects.count() == 2


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"email": "dan"}, "Enter an e-mail address such as"),
        ({"hours": "73"}, "less than or equal to 72"),
        ({"hours": "0"}, "greater than or equal to 1"),
        ({"hours": ""}, "This field is required"),
        ({"role": "nonsense"}, "Select a valid choice"),
        ({"email": "ben@acme.example", "role": "Member"}, "is a member and has this role"),
    ],
)
def test_a_form_that_does_not_fit_says_why_and_keeps_what_was_typed(
    given: dict[str, str], words: str, browser: Browse, ada: User, ben: User
) -> None:
    if given.get("role") == "Member":
        given = given | {"role": str(built_in("Member").uid)}
    answer = browser(ada).post("/team/links/new/", form(**given))
    assert words in text_of(answer)
    for name in given.keys() - {"role"}:
        assert answer.context["form"][name].value() == given[name]
    assert not JoinLink.objects.exists()


def test_a_role_above_ones_own_is_no_choice(browser: Browse, ada: User, acme: Company) -> None:
    high = Role.objects.create(name="High", company=acme, rank=61)
    window = browser(ada)
    assert "High" not in seen(window, "/team/links/new/")
    for role in (high, built_in("Full Administrator")):
        assert "Select a valid choice" in sent(window, "/team/links/new/", **form(role=str(role.uid)))
    assert not JoinLink.objects.exists()


def test_a_revoked_link_is_listed_with_the_others_that_are_over(browser: Browse, ada: User) -> None:
    window, link = browser(ada), made(ada)
    assert "The link was revoked." in sent(window, f"/team/links/{link.uid}/revoke/")
    gone, over = made(ada, email="dan@acme.example"), made(ada, email="eve@acme.example")
    accept(gone, email="dan@acme.example", display_name="Dan", now=timezone.now(), origin=Origin(), user=None)
    JoinLink.objects.filter(pk=over.pk).update(expires_at=timezone.now())
    page = seen(window, "/team/links/")
    assert "No link is open." in page
    for words in ("revoked", "accepted by dan@acme.example", "expired"):
        assert words in page
    assert "by a link of ada@acme.example" in seen(window, "/team/?q=dan")
    # A button of a page that is old does nothing, and says why.
    assert "was accepted, was revoked or has expired" in sent(window, f"/team/links/{gone.uid}/revoke/")
    assert "was accepted, was revoked or has expired" in sent(window, f"/team/links/{gone.uid}/show/")


def test_earlier_links_are_paged(browser: Browse, ada: User) -> None:
    now = timezone.now()
    for _number in range(30):
        revoke_join_link(made(ada), by=acting(ada), now=now)
    window = browser(ada)
    first = window.get("/team/links/").context
    assert len(first["past"]) == 25
    rest = window.get(f"/team/links/?before={first['older']}").context
    assert (len(rest["past"]), rest["older"]) == (5, None)
    for nonsense in ("x", "9" * 30, "-1", "%00", "²"):
        assert window.get(f"/team/links/?before={nonsense}").status_code == 200


def test_the_statements_do_not_grow_with_the_links(browser: Browse, ada: User) -> None:
    window = browser(ada)

    def statements() -> int:
        with CaptureQueriesContext(connection) as asked:
            assert window.get("/team/links/").status_code == 200
        return len(asked)

    made(ada, email="a@acme.example")
    statements()
    few = statements()
    for name in "bcdefgh":
        made(ada, email=f"{name}@acme.example")
    assert statements() == few


def test_a_link_of_another_company_does_not_exist(browser: Browse, ada: User, cleo: User) -> None:
    link, window = made(ada, email="dan@acme.example"), browser(cleo)
    assert window.get(f"/team/links/{link.uid}/").status_code == 404
    for verb in ("show", "resend", "revoke"):
        assert window.post(f"/team/links/{link.uid}/{verb}/").status_code == 404
    assert "dan@acme.example" not in seen(window, "/team/links/")
    link.refresh_from_db()
    assert link.revoked_at is None


def test_a_link_above_oneself_has_no_buttons_and_a_refusal_is_written_down(
    browser: Browse, ada: User, root: User, acme: Company
) -> None:
    high = Role.objects.create(name="High", company=acme, rank=90)
    link = make_join_link(JoinLinkDraft(company=acme, role=high), by=acting(root), now=timezone.now())
    assert isinstance(link, JoinLink)
    window = browser(ada)
    assert "is not yours to use or change" in seen(window, f"/team/links/{link.uid}/")
    answer = window.post(f"/team/links/{link.uid}/show/", follow=True)
    assert url_on(answer) == ""
    assert "is not yours to use or change" in text_of(answer)
    row = AuditEvent.objects.get(event=Event.REFUSED)
    assert (row.details["code"], row.subject_uid) == ("rank_too_high", str(link.uid))


def test_the_link_of_a_demoted_maker_says_that_it_is_dead(browser: Browse, ada: User, root: User) -> None:
    link = made(ada)
    ada.roles.set([built_in("Member")])
    page = seen(browser(root), f"/team/links/{link.uid}/")
    assert "nobody can use it" in page
    assert "Show the link" not in page


# --- many at once --------------------------------------------------------------------------------------------------------


def many(**more: Any) -> dict[str, Any]:
    """The form of many links."""
    return {"role": str(built_in("Agent").uid), "rows": "", "hours": "72"} | more


def test_many_are_invited_and_rows_that_failed_stay_to_be_put_right(
    browser: Browse, ada: User, ben: User
) -> None:
    rows = (
        'dan@acme.example; Member; Dan\nnobody; ; "A; B"\nben@acme.example;Member\neve@acme.example;None such'
    )
    answer = browser(ada).post("/team/links/many/", many(rows=rows))
    page = text_of(answer)
    assert "1 person was invited." in page
    assert "3 rows were not" in page
    for words in (
        "Enter an e-mail address such as",
        "is a member and has this role",
        "There is no such role here",
    ):
        assert words in page
    left = answer.context["form"]["rows"].value()
    assert left == 'nobody; ; "A; B"\nben@acme.example; Member\neve@acme.example; None such'
    assert [one.email for one in JoinLink.objects.all()] == ["dan@acme.example"]
    # Sent again as it is, nobody is invited twice.
    again = browser(ada).post("/team/links/many/", many(rows=rows))
    assert "is invited already" in text_of(again)
    assert JoinLink.objects.count() == 1


def test_a_file_of_a_spreadsheet_is_read(browser: Browse, ada: User) -> None:
    text = "\ufeffName;E-Mail;Rolle\r\nJürgen Müller;dan@acme.example;Member\r\n;eve@acme.example;\r\n"
    file = SimpleUploadedFile("team.csv", text.encode())
    page = text_of(browser(ada).post("/team/links/many/", many(file=file)))
    assert "2 people were invited." in page
    assert {(one.email, one.role.name) for one in JoinLink.objects.all()} == {
        ("dan@acme.example", "Member"),
        ("eve@acme.example", "Agent"),
    }
    assert Delivery.objects.get(to="dan@acme.example").context["display_name"] == "Jürgen Müller"


def test_what_is_pasted_and_a_file_are_read_each_by_itself(browser: Browse, ada: User) -> None:
    file = SimpleUploadedFile(
        "team.csv", b'E-Mail,Name,Role\r\ndan@acme.example,"M\xc3\xbcller, Dan",Member\r\n'
    )
    answer = browser(ada).post("/team/links/many/", many(rows="eve@acme.example; Agent\nnobody", file=file))
    assert "2 people were invited." in text_of(answer)
    assert [one.row.number for one in answer.context["results"]] == [1, 2, 3]
    assert answer.context["form"]["rows"].value() == "nobody"
    assert Delivery.objects.get(to="dan@acme.example").context["display_name"] == "Müller, Dan"


def test_a_file_that_cannot_be_read_is_named(browser: Browse, ada: User) -> None:
    answer = browser(ada).post("/team/links/many/", many(file=SimpleUploadedFile("team.csv", b"\0\1\2")))
    assert list(answer.context["form"].errors) == ["file"]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"rows": " \n"}, "Paste at least one line, or choose a file."),
        ({"rows": "\n".join(f"p{number}@acme.example" for number in range(101))}, "At most 100 people"),
        ({"rows": "x" * 70_000}, "At most 100 people"),
        ({"file": b"\0\1\2"}, "cannot be read as a list"),
        ({"file": b"PK\3\4 a workbook\0"}, "cannot be read as a list"),
        ({"file": b""}, "The submitted file is empty"),
        ({"hours": "1000"}, "less than or equal to 72"),
    ],
)
def test_a_list_that_does_not_fit_is_refused_as_a_whole(
    given: dict[str, Any], words: str, browser: Browse, ada: User
) -> None:
    if isinstance(given.get("file"), bytes):
        given = {"file": SimpleUploadedFile("team.csv", given["file"])}
    answer = browser(ada).post("/team/links/many/", many(**given))
    assert words in text_of(answer)
    assert answer.context["form"]["rows"].value() == given.get("rows", "")
    assert not JoinLink.objects.exists()


def test_many_are_no_way_to_rise(browser: Browse, ada: User, acme: Company) -> None:
    Role.objects.create(name="High", company=acme, rank=61)
    window = browser(ada)
    page = sent(
        window, "/team/links/many/", **many(rows="dan@acme.example;High\neve@acme.example;Full Administrator")
    )
    assert "0 people were invited." in page
    full = str(built_in("Full Administrator").uid)
    assert "Select a valid choice" in sent(
        window, "/team/links/many/", **many(rows="dan@acme.example", role=full)
    )
    assert not JoinLink.objects.exists()


def test_whoever_may_give_no_role_is_told_so(browser: Browse, acme: Company) -> None:
    inviting = Role.objects.create(name="Inviting", company=acme, rank=5)
    inviting.privileges.set(Privilege.objects.filter(name__startswith="Users - "))
    Permission.objects.create(role=inviting, kind="user", reach="own")
    user = cast.person("eva@acme.example", company=acme, role=cast.MEMBER)
    user.roles.set([inviting])
    for path in ("/team/links/new/", "/team/links/many/"):
        assert "There is no role that you may give here." in seen(browser(user), path)


def test_a_sign_in_that_is_bounded_by_an_integration_reaches_no_team(
    browser: Browse, ada: User, acme: Company
) -> None:
    desk, window = integration_of(acme), browser(ada)
    grant = {"role": None, "policy": {"version": 2, "users": {}}}
    Session.objects.update(integration=desk, integration_key=desk.keys.get(), grant=grant)
    for path in ("/team/", "/team/links/", "/team/links/new/"):
        assert window.get(path).status_code == 403


def test_links_that_are_long_over_are_deleted_with_their_addresses(ada: User) -> None:
    link, now = made(ada, email="dan@acme.example"), timezone.now()
    prune(now=link.expires_at + timedelta(days=90))
    assert JoinLink.objects.exists()
    prune(now=now + timedelta(days=94))
    assert not JoinLink.objects.exists()


def test_a_restored_database_has_no_open_link(ada: User) -> None:
    link, now = made(ada), timezone.now()
    assert end_what_was_under_way(made_at="", replaced=Replaced(), now=now).join_links == 1
    assert code(accept(link, email="d@acme.example", display_name="D", now=now, origin=Origin(), user=None))
    link.refresh_from_db()
    assert link.state(now=now) == "revoked"
