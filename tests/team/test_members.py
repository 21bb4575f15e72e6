"""The members of a company on /team/: who is listed to whom, found, given other roles, removed."""

import uuid
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import User
from audit.events import Event
from audit.models import AuditEvent
from tenants.models import Company, Permission, Privilege, Role
from tests import cast, directory
from tests.accounts.story import is_in, signed_in
from tests.cast import Browse
from tests.team.pages import built_in, seen, sent

pytestmark = pytest.mark.django_db


def looker(company: Company) -> User:
    """Somebody who may see people, and change nobody."""
    seeing = Role.objects.create(name="Looker", company=company, rank=5)
    seeing.privileges.add(Privilege.objects.get(name="Users - View"))
    Permission.objects.create(role=seeing, kind="user", reach="own")
    user = cast.person("eva@acme.example", company=company, role=cast.MEMBER, name="Eva")
    user.roles.add(seeing)
    return user


def test_ada_sees_everybody_of_her_company_and_nobody_else(
    browser: Browse, ada: User, ben: User, cleo: User
) -> None:
    page = seen(browser(ada), "/team/")
    assert "Acme" in page
    assert "2 people" in page
    for words in ("Ada", "ben@acme.example", "Member", "Company Administrator", "made by an administrator"):
        assert words in page
    for words in ("Cleo", "Globex"):
        assert words not in page


def test_whoever_may_see_nobody_finds_nothing(browser: Browse, ben: User) -> None:
    window = browser(ben)
    for path in ("/team/", "/team/links/", "/team/links/new/", "/team/links/many/"):
        assert window.get(path).status_code == 404
    assert "/team/" not in window.get("/").content.decode()
    assert browser().get("/team/").headers["Location"] == "/login/?next=%2Fteam%2F"


def test_how_each_came_is_told(browser: Browse, ada: User, ben: User, acme: Company) -> None:
    def came(**values: Any) -> str:
        User.objects.filter(pk=ben.pk).update(**values)
        return seen(browser(ada), "/team/")

    assert "by a link of ada@acme.example" in came(came_by="join", came_through="ada@acme.example")
    assert "signed up" in came(came_by="sign-up", came_through="")
    assert "through Zendesk" in came(came_by="sso", came_through="Zendesk")
    User.objects.filter(pk=ben.pk).delete()
    Company.objects.filter(pk=acme.pk).update(tenant_dbid=101)
    person = directory.person("dora", tenant=directory.tenant(101), password="dora walks by the sea")
    dora = directory.shadow(person, password="dora walks by the sea")
    page = seen(browser(ada), "/team/")
    assert "from the directory" in page
    one = seen(browser(ada), f"/team/members/{dora.uid}/")
    assert "This person is kept in a directory; roles are given there." in one


@pytest.mark.parametrize(
    ("values", "word"),
    [
        ({"last_login": None}, "never signed in"),
        ({"last_login": timezone.now()}, "active"),
        ({"locked_at": timezone.now()}, "locked"),
        ({"is_active": False}, "switched off"),
    ],
)
def test_how_each_stands_is_told(
    values: dict[str, Any], word: str, browser: Browse, ada: User, ben: User
) -> None:
    User.objects.filter(pk=ada.pk).update(last_login=timezone.now(), came_by="join")
    User.objects.filter(pk=ben.pk).update(**values)
    assert word in seen(browser(ada), "/team/?q=ben")


def test_a_search_finds_by_the_beginning(browser: Browse, ada: User, ben: User) -> None:
    window = browser(ada)
    assert "ben@acme.example" in seen(window, "/team/?q=BEN")
    assert "Company Administrator ·" not in seen(window, "/team/?q=BEN")
    assert "Nobody was found." in seen(window, "/team/?q=zz")
    assert "Nobody was found." in seen(window, "/team/?q=%25%00%27")


def test_very_many_are_paged_by_key(browser: Browse, ada: User, acme: Company) -> None:
    people = [
        User(username=f"p{n:03}@acme.example", login_key=f"p{n:03}@acme.example", display_name=f"P{n}", company=acme)
        for n in range(60)
    ]  # fmt: skip
    User.objects.bulk_create(people)
    window, path, found = browser(ada), "/team/", list[str]()
    for _page in range(3):
        answer = window.get(path)
        found += [one["user"].username for one in answer.context["members"]]
        path, back = f"/team/{answer.context['newer']}", answer.context["older"]
    assert found == ["ada@acme.example", *(one.username for one in people)]
    assert answer.context["newer"] == ""
    before = window.get(f"/team/{back}").context
    assert [one["user"].username for one in before["members"]] == found[25:50]
    first = window.get(f"/team/{before['older']}").context
    assert [one["user"].username for one in first["members"]] == found[:25]
    assert first["older"] == ""
    for nonsense in ("after=x", f"after={uuid.uuid4()}", "before=%00"):
        assert window.get(f"/team/?{nonsense}").status_code == 200


def test_the_statements_do_not_grow_with_the_members(browser: Browse, ada: User, acme: Company) -> None:
    window = browser(ada)

    def statements() -> int:
        with CaptureQueriesContext(
            connection,
        ) as asked:
            assert window.get("/team/").status_code == 200
        return len(asked)

    statements()
    few = statements()
    for number in range(20):
        cast.person(f"p{number}@acme.example", company=acme, role=cast.AGENT)
    assert statements() <= few + 3  # for the first one who has permissions or roles at all
    many = statements()
    cast.person("another@acme.example", company=acme, role=cast.AGENT)
    assert statements() == many
    assert many < 30


# --- roles ---------------------------------------------------------------------------------------------------------------


def test_ada_gives_ben_other_roles_right_in_the_list(browser: Browse, ada: User, ben: User) -> None:
    window, path = browser(ada), f"/team/members/{ben.uid}/"
    page = sent(window, path, roles=[str(built_in("Agent").uid), str(built_in("Member").uid)], back="list")
    assert "The roles of Ben were changed." in page
    assert set(ben.roles.all()) == {built_in("Agent"), built_in("Member")}
    sent(window, path, roles=[str(built_in("Agent").uid)], back="member")
    assert set(ben.roles.all()) == {built_in("Agent")}
    sent(window, path)
    assert not ben.roles.exists()


def test_a_role_that_one_cannot_give_is_no_choice_and_stays(
    browser: Browse, ada: User, ben: User, acme: Company
) -> None:
    high = Role.objects.create(name="High", company=acme, rank=61)
    full = built_in("Full Administrator")
    window, path = browser(ada), f"/team/members/{ben.uid}/"
    sent(window, path, roles=[str(high.uid), str(full.uid), "nonsense", str(uuid.uuid4())])
    assert not ben.roles.exists()
    ben.roles.set([high])
    page = seen(window, path)
    assert "may do or see more than you" in page
    refused = sent(window, path, roles=[str(built_in("Member").uid)])
    assert "may do or see more than you" in refused
    assert list(ben.roles.all()) == [high]
    assert AuditEvent.objects.get(event=Event.REFUSED).details["code"] == "rank_too_high"


def test_whoever_only_looks_gets_no_buttons_and_changes_nothing(
    browser: Browse, acme: Company, ben: User
) -> None:
    window = browser(looker(acme))
    page = window.get("/team/").content.decode()
    for words in ("Change roles", "Remove", "Make a link", "Invite many"):
        assert words not in page
    sent(window, f"/team/members/{ben.uid}/", roles=[str(built_in("Agent").uid)])
    sent(window, f"/team/members/{ben.uid}/remove/")
    assert list(ben.roles.all()) == [built_in("Member")]
    assert User.objects.filter(pk=ben.pk).exists()


def test_somebody_of_another_company_does_not_exist(browser: Browse, cleo: User, ben: User) -> None:
    window = browser(cleo)
    for path in (f"/team/members/{ben.uid}/", f"/team/members/{ben.uid}/remove/"):
        assert window.get(path).status_code == 404
        assert window.post(path, {"roles": []}).status_code == 404
    assert window.get(f"/team/?company={ben.company.uid}").status_code == 404  # type: ignore[union-attr]
    unknown = seen(window, "/team/?company=Acme").replace("Acme", "Nowhere")
    assert unknown == seen(window, "/team/?company=Nowhere")
    assert list(ben.roles.all()) == [built_in("Member")]


# --- removing ------------------------------------------------------------------------------------------------------------


def test_removing_asks_first_and_ends_sessions(browser: Browse, ada: User, ben: User) -> None:
    window, path = browser(ada), f"/team/members/{ben.uid}/remove/"
    signed_in(ben)
    assert is_in(ben)
    assert "Remove Ben?" in seen(window, path)
    assert User.objects.filter(pk=ben.pk).exists()
    assert "Ben was removed." in sent(window, path)
    assert not User.objects.filter(pk=ben.pk).exists()


def test_nobody_removes_himself_or_the_last_administrator(browser: Browse, ada: User, root: User) -> None:
    page = sent(browser(ada), f"/team/members/{ada.uid}/remove/")
    assert "You cannot disable, lock or delete your own account." in page
    # Nobody above all companies is of any team.
    assert browser(root).get(f"/team/members/{root.uid}/").status_code == 404


# --- several companies ---------------------------------------------------------------------------------------------------


def test_whoever_sees_several_companies_chooses_and_stays(
    browser: Browse, root: User, ada: User, cleo: User, globex: Company
) -> None:
    window = browser(root)
    page = seen(window, "/team/")
    assert "Whose team?" in page
    assert "Acme" in page
    assert "Globex" in page
    assert "Cleo" in seen(window, "/team/?company=glo")
    assert "No company’s name begins like this" in seen(window, "/team/?company=none")
    answer = window.get(f"/team/?company={globex.uid}")
    assert "Cleo" in answer.content.decode()
    assert f"/team/links/?company={globex.uid}" in answer.content.decode()
    assert "Which of these?" not in seen(window, "/team/?company=Globex")
    assert window.get(f"/team/?company={uuid.uuid4()}").status_code == 404
    Company.objects.create(name="Globe")
    assert "Which of these?" in seen(window, "/team/?company=gl")


def test_an_empty_installation_has_no_team(browser: Browse, root: User) -> None:
    assert "There is no company yet." in seen(browser(root), "/team/")


def test_what_people_are_called_is_text_and_nothing_else(browser: Browse, ada: User, ben: User) -> None:
    User.objects.filter(pk=ben.pk).update(
        display_name="<script>alert(1)</script>", came_by="join", came_through="<b>x"
    )
    html = browser(ada).get("/team/").content.decode()
    assert "<script>alert" not in html
    assert "<b>x" not in html
