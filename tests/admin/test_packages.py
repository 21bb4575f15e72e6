"""Role packages in the administration: looked at, applied, and rolled back."""

import random
import string
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse
from django.utils.html import escape

from accounts.models import User
from audit.events import Event
from audit.models import AuditEvent
from configserver.forms_package import KEPT
from configserver.models import Role, SolutionPackage
from tests import cast, directory
from tests.cast import Browse
from tests.configserver.packages import AGENT, ANALYST, applied, package
from tests.configserver.spd_files import SAMPLE, install
from tests.conftest import Clock

LIST, ADD = "admin:configserver_solutionpackage_changelist", "admin:configserver_solutionpackage_add"


def upload(page: Client, data: bytes) -> HttpResponse:
    """Choose a file with this in it."""
    return page.post(reverse(ADD), {"file": SimpleUploadedFile("roles.xml", data, "application/xml")})


def apply(page: Client, answer: Any, **more: str) -> Any:
    """Press Apply on the page that shows the difference."""
    return page.post(reverse(ADD), {"held": answer.context["held"], **more})


def address(page: str, package: SolutionPackage) -> str:
    """The address of a page about this package."""
    return reverse(f"admin:configserver_solutionpackage_{page}", args=[package.pk])


def test_a_file_is_looked_at_and_then_applied(browser: Browse, root: User) -> None:
    page = browser(root)
    assert "enctype" in page.get(reverse(ADD)).content.decode()
    looked = upload(page, SAMPLE.read_bytes())
    text = looked.content.decode()
    for told in (
        "IA Roles 1.0.0",
        "4 new roles",
        "Contact Centre Agent",
        "Workspace: Agent - Can Monitor Co-browse",
    ):
        assert told in text
    assert not Role.objects.exists()
    answer = apply(page, looked)
    assert answer.status_code == 302
    done = SolutionPackage.objects.get()
    assert answer.headers["Location"] == address("change", done)
    assert (done.applied_by, Role.objects.filter(package="IA Roles").count()) == ("root@portal.example", 4)
    shown = page.get(answer.headers["Location"]).content.decode()
    assert "is applied" in shown
    assert "belongs to this package" in shown
    assert "IA Roles" in page.get(reverse(LIST)).content.decode()
    assert AuditEvent.objects.get(event=Event.PACKAGE_APPLIED).actor_uid == str(root.uid)


def test_what_comes_goes_changes_and_is_taken_over_stands_there_with_its_sign(
    browser: Browse, root: User
) -> None:
    applied(package(AGENT, ANALYST))
    directory.role("Clerk", rank=20)
    chat = '<cfg:role name="Agent" rank="5"><cfg:privilege application="Workspace" name="Chat"/></cfg:role>'
    data = package(chat, '<cfg:role name="Clerk" rank="20"/>', '<cfg:role name="New"/>', version="2")
    answer = upload(browser(root), data)
    roles = {one.name: one for one in answer.context["roles"]}
    assert {name: one.state for name, one in roles.items()} == {
        "Analyst": "removed",
        "Agent": "changed",
        "New": "new",
        "Clerk": "taken_over",
    }
    assert (roles["Agent"].gained, roles["Agent"].lost) == (("Workspace: Chat",), ("Workspace: Monitor",))
    assert roles["Agent"].rank == "20 → 5"
    text = answer.content.decode()
    assert "Given:" in text
    assert "Taken away:" in text
    assert "1 role goes" in text


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"roles", "Line 1: This is not well-formed XML"),
        (b'<!DOCTYPE x [<!ENTITY a "b">]><x>&a;</x>', "Line 1: The file has a document type"),
        (install('<cfg:role name="A" rank="101"/>').encode(), "Line 5: “101” is no rank"),
        (install('<cfg:role name="A" rank="&lt;b&gt;"/>').encode(), "Line 5: “<b>” is no rank"),
    ],
)
def test_what_is_no_package_is_said_with_its_line(
    data: bytes, told: str, browser: Browse, root: User
) -> None:
    answer = upload(browser(root), data)
    assert answer.status_code == 200
    assert escape(told) in answer.content.decode()
    assert "held" not in answer.context
    assert not SolutionPackage.objects.exists()


def test_without_a_file_one_is_asked_for(browser: Browse, root: User) -> None:
    page = browser(root)
    for body in ({}, {"file": "text and no file"}):
        assert "Choose a file first." in page.post(reverse(ADD), body).content.decode()
    assert "This file is empty." in upload(page, b"").content.decode()


def test_more_than_a_megabyte_is_refused(browser: Browse, root: User) -> None:
    assert upload(browser(root), b" " * 1_000_001).status_code == 413


def test_a_file_that_does_not_fit_into_a_page_is_sent_elsewhere(browser: Browse, root: User) -> None:
    noise = "".join(random.Random(1).choices(string.ascii_letters + string.digits, k=980_000))
    answer = upload(browser(root), f"<!--{noise}-->{install(AGENT)}".encode())
    assert "Import it by manage.py import_spd" in answer.content.decode()
    assert "held" not in answer.context
    wordy = upload(browser(root), f"<!--{'word ' * 190_000}-->{install(AGENT)}".encode())
    assert len(wordy.context["held"]) < 10_000


def test_what_was_looked_at_opens_for_nobody_else_and_not_when_it_was_changed(
    browser: Browse, root: User
) -> None:
    page = browser(root)
    looked = upload(page, package(AGENT))
    other = browser(cast.person("two@portal.example", company=None, role=cast.FULL))
    for answer in (
        apply(other, looked),
        page.post(reverse(ADD), {"held": looked.context["held"][:-4] + "AAAA"}),
        page.post(reverse(ADD), {"held": "k1.AAAA"}),
        page.post(reverse(ADD), {"held": "ä\0"}),
        page.post(reverse(ADD), {"held": ""}),
    ):
        assert answer.status_code == 200
        assert "Choose the file again." in answer.content.decode()
    assert not Role.objects.exists()
    assert apply(page, looked).status_code == 302


def test_after_an_hour_it_is_looked_at_again(
    browser: Browse, root: User, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = browser(root)
    looked = upload(page, package(AGENT))
    monkeypatch.setattr("configserver.forms_package.KEPT", -KEPT)
    late = upload(page, package(AGENT))
    assert "more than an hour old" in apply(page, late).content.decode()
    assert apply(page, looked).status_code == 302


def test_what_changed_in_between_is_shown_again_and_not_done(browser: Browse, root: User) -> None:
    page = browser(root)
    looked = upload(page, package(AGENT))
    directory.role("Agent", rank=3)
    answer = apply(page, looked)
    text = answer.content.decode()
    assert answer.status_code == 200
    assert "The roles have changed since" in text
    assert "3 → 20" in text
    assert Role.objects.get().rank == 3
    assert apply(page, answer).status_code == 302
    assert Role.objects.get().rank == 20


def test_what_stands_in_the_way_is_said_beside_the_difference(browser: Browse, root: User) -> None:
    page = browser(root)
    applied(package(AGENT))
    looked = upload(page, package(ANALYST, version="2"))
    dora = directory.person("dora", tenant=directory.tenant(101), roles=[Role.objects.get()])
    refused = apply(page, looked)
    assert "held by 1 person" in refused.content.decode()
    assert refused.context["held"] is None
    assert AuditEvent.objects.get(event=Event.REFUSED).details["code"] == "in_use"
    again = upload(page, package(ANALYST, version="2"))
    assert "cannot be applied as things are" in again.content.decode()
    dora.roles.clear()
    assert apply(page, looked).status_code == 302


def test_a_package_is_rolled_back_after_its_difference_was_shown(browser: Browse, root: User) -> None:
    page = browser(root)
    directory.role("Agent", rank=3)
    done = applied(package(AGENT, ANALYST))
    back = address("roll_back", done)
    assert back in page.get(address("change", done)).content.decode()
    asked = page.get(back)
    text = asked.content.decode()
    assert "20 → 3" in text
    assert "1 role goes" in text
    assert Role.objects.count() == 2
    seen = asked.context["plan"].seen
    assert seen in text
    assert page.post(back, {"seen": seen}).status_code == 302
    assert [(role.name, role.rank) for role in Role.objects.all()] == [("Agent", 3)]
    shown = page.get(address("change", done)).content.decode()
    assert back not in shown
    assert "Rolled back" in page.get(reverse(LIST)).content.decode()


@pytest.mark.parametrize("seen", ["", "x", "0" * 64, "0" * 65])
def test_it_is_not_rolled_back_unseen(seen: str, browser: Browse, root: User) -> None:
    page, done = browser(root), applied(package(AGENT))
    answer = page.post(address("roll_back", done), {"seen": seen})
    assert answer.status_code == 200
    assert Role.objects.exists()
    good = answer.context["plan"].seen
    assert page.post(address("roll_back", done), {"seen": good}).status_code == 302


def test_it_says_why_it_is_not_rolled_back(browser: Browse, root: User) -> None:
    page, done = browser(root), applied(package(AGENT))
    applied(package(AGENT, name="Later"))
    back = address("roll_back", done)
    asked = page.get(back)
    assert "Later 1.0 was applied later" in asked.content.decode()
    assert 'type="submit"' not in asked.content.decode().partition('id="solutionpackage_form"')[2]
    answer = page.post(back, {"seen": asked.context["plan"].seen})
    assert answer.content.decode().count("was applied later") == 1
    assert AuditEvent.objects.get(event=Event.REFUSED).details["code"] == "superseded"


def test_a_package_whose_kept_roles_cannot_be_read_stays(browser: Browse, root: User) -> None:
    page, done = browser(root), applied(package(AGENT))
    SolutionPackage.objects.update(before='{"owners": {}, "roles": "x"}')
    for answer in (
        page.get(address("roll_back", done)),
        page.post(address("roll_back", done), {"seen": "x"}),
    ):
        assert answer.status_code == 200
        assert "cannot be read" in answer.content.decode()


def test_nobody_brings_in_more_than_he_has(browser: Browse, ben: User) -> None:
    directory.lets_see_everything(ben, "Directories - View", "Directories - Manage", "Administration - Open")
    page = browser(ben)
    looked = upload(page, package('<cfg:role name="Chief" rank="31"/>'))
    assert "above your own rank" in looked.content.decode()
    assert looked.context["held"] is None


def test_who_only_views_looks_at_what_was_applied(browser: Browse, ben: User) -> None:
    directory.lets_see_everything(ben, "Directories - View", "Administration - Open")
    page, done = browser(ben), applied(package(AGENT))
    assert page.get(address("change", done)).status_code == 200
    assert reverse(ADD) not in page.get(reverse(LIST)).content.decode()
    assert page.get(reverse(ADD)).status_code == 403
    assert upload(page, package(ANALYST)).status_code == 403
    assert page.get(address("roll_back", done)).status_code == 403
    assert page.post(address("roll_back", done), {"seen": "x"}).status_code == 403
    assert AuditEvent.objects.filter(event=Event.REFUSED).count() == 2


def test_for_a_company_administrator_there_is_none(browser: Browse, ada: User) -> None:
    done = applied(package(AGENT))
    ada.roles.get().privileges.add(*directory.portal_privileges("Directories - View", "Directories - Manage"))
    page = browser(ada)
    assert not page.get(reverse(LIST)).context["cl"].result_count
    for where in ("change", "roll_back", "delete", "history"):
        assert page.get(address(where, done)).status_code == 404
        assert page.post(address(where, done), {"seen": "x", "post": "yes"}).status_code == 404
    assert upload(page, package(ANALYST)).status_code == 403
    assert page.get(reverse(ADD)).status_code == 403


def test_a_package_is_never_changed_or_deleted(browser: Browse, root: User) -> None:
    page, done = browser(root), applied(package(AGENT))
    for where in ("change", "delete"):
        assert page.post(address(where, done), {"name": "X", "post": "yes"}).status_code == 404
    done.refresh_from_db()
    assert done.name == "Roles"


def test_markup_in_a_file_is_shown_as_text(browser: Browse, root: User) -> None:
    role = '<cfg:role name="&lt;script&gt;alert(1)&lt;/script&gt;" description="&lt;img src=x&gt;"/>'
    page = browser(root)
    looked = upload(page, package(role))
    apply(page, looked)
    done = SolutionPackage.objects.get()
    for answer in (
        looked,
        page.get(reverse(LIST)),
        page.get(address("change", done)),
        page.get(address("roll_back", done)),
    ):
        text = answer.content.decode()
        assert "&lt;script&gt;alert(1)" in text
        assert "<script>alert(1)" not in text
        assert "<img src=x>" not in text


@pytest.mark.parametrize("query", ["state=applied", "state=back", "state=x", "q=Ro", "q=%00"])
def test_the_list_is_filtered(query: str, browser: Browse, root: User) -> None:
    applied(package(AGENT))
    found = browser(root).get(f"{reverse(LIST)}?{query}").context["cl"].result_count
    assert found == (0 if query == "state=back" else 1)


def test_a_long_list_of_rights_is_folded_and_whole(browser: Browse, root: User) -> None:
    rights = "".join(f'<cfg:privilege application="A" name="P{n:03}"/>' for n in range(100))
    text = upload(browser(root), package(f'<cfg:role name="Wide">{rights}</cfg:role>')).content.decode()
    assert "The rest: 100 given" in text
    assert all(text.count(f"A: P{n:03}<") == 1 for n in range(100))
