"""Importing people from a real directory: what comes, changes, goes and comes back; what stops it; how it goes on after being killed."""

import io
import re
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone

from audit.models import AuditEvent
from configserver import service, services
from configserver.directory import Directory
from configserver.engines.ldap import Read
from configserver.engines.ldap.entries import whole
from configserver.engines.ldap.wire import PAGES, Line
from configserver.models import Import, ImportState, Person, Tenant
from configserver.services import applying, importing
from configserver.values import Identity
from core.outcomes import Denied
from tenants.actor import system_actor
from tenants.settings import snapshot
from tests import directories, directory
from tests.cast import Api, acting
from tests.services import ldap_admin
from tests.services.ldap import PEOPLE, SERVICE, Ldap, ldap_machine, password_of, people, person

pytestmark = pytest.mark.django_db


@pytest.fixture(scope="module")
def slapd() -> Iterator[Ldap]:
    """Ten people."""
    with ldap_machine(entries=people(10)) as server:
        yield server


@pytest.fixture
def staff(slapd: Ldap) -> Iterator[Directory]:
    """The directory that brings them; what a test changed there is put back."""
    made = directories.ldap(
        slapd,
        name="Staff",
        import_filter="(&(objectClass=inetOrgPerson)(uid=user*))",
        people_tenant=directory.tenant(101, name="Acme"),
    )
    yield made
    for number in range(10):
        dn = f"uid=user{number},{PEOPLE}"
        try:
            ldap_admin.change(
                slapd, dn, cn=f"User{number} Test", mail=f"user{number}@example.org", telephoneNumber=[]
            )
        except Exception:
            ldap_admin.add(
                slapd, dn, objectClass="inetOrgPerson", uid=f"user{number}", cn=f"User{number} Test", sn="Test",
                mail=f"user{number}@example.org", userPassword=password_of(f"user{number}"),
            )  # fmt: skip


def told(*arguments: str) -> list[str]:
    out = io.StringIO()
    call_command("import_directory", *arguments, stdout=out, stderr=io.StringIO())
    return out.getvalue().splitlines()


def refused(*arguments: str) -> str:
    with pytest.raises(CommandError) as error:
        told(*arguments)
    return str(error.value)


def test_a_dry_run_tells_what_differs_and_changes_nothing(staff: Directory) -> None:
    lines = told("Staff", "--dry-run")
    assert lines[0] == "+ user0"
    assert lines[-2:] == ["10 read: 10 new, 0 changed, 0 gone, 0 left alone.", "Nothing was changed."]
    assert not Person.objects.exists()
    assert not AuditEvent.objects.filter(event="configserver:person:created").exists()


def test_people_come_and_sign_in_by_their_directory(staff: Directory, slapd: Ldap) -> None:
    ldap_admin.change(
        slapd, f"uid=user1,{PEOPLE}", cn="Dora Müller", telephoneNumber="+49 30 1234567", mail="no address"
    )
    assert told("Staff")[-1] == "Done."
    one = Person.objects.get(name="user1")
    assert (one.display_name, one.phone, one.email) == ("Dora Müller", "+49301234567", "")
    assert (one.tenant.dbid, one.directory, one.source, one.entry) == (101, staff, staff, one.source_ref)
    assert AuditEvent.objects.filter(event="configserver:person:created").count() == 10
    last = AuditEvent.objects.latest("pk")
    assert (last.event, last.details["created"], last.details["state"]) == (
        "configserver:import:ended",
        10,
        "done",
    )
    found = service.authenticate(
        "user1", password_of("user1"), environment=snapshot(None), now=timezone.now()
    )
    assert isinstance(found, Identity)
    assert told("Staff")[-2] == "10 read: 0 new, 0 changed, 0 gone, 0 left alone."


def test_who_changes_goes_and_comes_back(staff: Directory, slapd: Ldap) -> None:
    told("Staff")
    Directory.objects.update(import_percent=100)
    before = Person.objects.get(name="user2")
    ldap_admin.change(slapd, f"uid=user2,{PEOPLE}", cn="Another Name")
    ldap_admin.change(slapd, f"uid=user3,{PEOPLE}", mail="new@example.org")
    ldap_admin.remove(slapd, f"uid=user4,{PEOPLE}")
    lines = told("Staff")
    assert lines[:4] == [
        "~ user2: display_name",
        "~ user3: email",
        "- user4",
        "9 read: 0 new, 2 changed, 1 gone, 0 left alone.",
    ]
    after = Person.objects.get(name="user2")
    assert (after.display_name, after.version) == ("Another Name", before.version)  # a name ends no session
    assert Person.objects.get(name="user3").version > before.version
    gone = Person.objects.get(name="user4")
    assert (gone.is_active, gone.gone_at is not None) == (False, True)
    assert gone.version > 1

    ldap_admin.add(
        slapd,
        f"uid=user4,{PEOPLE}",
        objectClass="inetOrgPerson",
        uid="user4",
        cn="X",
        sn="X",
        userPassword="x",
    )
    assert "! user4: name_taken" in told("Staff")  # another entry, of whoever has the name now


def test_whom_an_import_switched_off_comes_back_with_the_same_entry(staff: Directory, slapd: Ldap) -> None:
    told("Staff")
    Directory.objects.update(import_percent=100)
    narrow = services.DirectoryDraft(import_filter="(&(objectClass=inetOrgPerson)(uid=user1))")
    services.change_directory(staff, narrow, by=system_actor(), now=timezone.now())
    told("Staff")
    assert Person.objects.filter(is_active=True).count() == 1
    Person.objects.filter(name="user5").update(gone_at=None)  # as if an administrator had done it
    wide = services.DirectoryDraft(import_filter="(&(objectClass=inetOrgPerson)(uid=user*))")
    services.change_directory(staff, wide, by=system_actor(), now=timezone.now())
    told("Staff")
    assert list(Person.objects.filter(is_active=False).values_list("name", flat=True)) == ["user5"]


def test_a_new_name_is_the_same_person(staff: Directory, slapd: Ldap) -> None:
    told("Staff")
    uid = Person.objects.get(name="user6").uid
    ldap_admin.rename(slapd, f"uid=user6,{PEOPLE}", "uid=user66")
    try:
        assert "~ user66: name" in told("Staff")
        assert Person.objects.get(name="user66").uid == uid
    finally:
        ldap_admin.rename(slapd, f"uid=user66,{PEOPLE}", "uid=user6")


def test_an_import_that_changes_too_much_stops_until_it_is_meant(staff: Directory, slapd: Ldap) -> None:
    told("Staff")
    for number in range(3):
        ldap_admin.change(slapd, f"uid=user{number},{PEOPLE}", cn="Everybody")
    assert "more than 20 %" in refused("Staff")
    assert not Person.objects.filter(display_name="Everybody").exists()
    assert Import.objects.latest("pk").state == ImportState.STOPPED
    assert told("Staff", "--even-if-many")[-1] == "Done."
    assert Person.objects.filter(display_name="Everybody").count() == 3


def test_an_empty_answer_switches_nobody_off(staff: Directory) -> None:
    told("Staff")
    nobody = services.DirectoryDraft(import_filter="(uid=nobody)")
    services.change_directory(staff, nobody, by=system_actor(), now=timezone.now())
    assert "more than 20 %" in refused("Staff")
    assert Person.objects.filter(is_active=True).count() == 10


def test_only_what_changed_is_read(staff: Directory, slapd: Ldap) -> None:
    told("Staff")
    for number in (7, 8):
        time.sleep(1.1)  # the directory's clock knows seconds
        ldap_admin.change(slapd, f"uid=user{number},{PEOPLE}", cn="Changed")
        lines = told("Staff", "--changed")
        assert lines[0] == f"~ user{number}: display_name"
        assert "1 changed, 0 gone" in lines[-2]
    assert lines[-2].startswith("2 read")  # the last one before, and the new one


def test_a_name_that_somebody_has_is_left_alone_and_never_linked(staff: Directory) -> None:
    draft = services.PersonDraft(name="USER8", display_name="Ours", tenant=Tenant.objects.get(dbid=1))
    ours = services.create_person(
        draft, password="", environment=snapshot(None), by=system_actor(), now=timezone.now()
    )
    assert isinstance(ours, Person)
    assert "! user8: name_taken" in told("Staff")
    ours.refresh_from_db()
    assert (ours.source, ours.display_name) == (None, "Ours")

    handed = services.change_person(
        ours, services.PersonDraft(source=staff), by=system_actor(), now=timezone.now()
    )
    assert isinstance(handed, Person)
    assert "~ user8: display_name, email, name" in told("Staff")
    ours.refresh_from_db()
    assert (ours.name, bool(ours.source_ref)) == ("user8", True)


def test_what_was_being_applied_goes_on_where_it_was_killed(
    staff: Directory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(applying, "AT_ONCE", 3)
    seen: list[int] = []

    def killed(left: int) -> None:
        seen.append(left)
        if len(seen) == 2:
            raise KeyboardInterrupt

    run = services.plan_import(staff, whole=True, by=system_actor(), now=timezone.now())
    assert isinstance(run, Import)
    with pytest.raises(KeyboardInterrupt):
        services.apply_import(run, by=system_actor(), now=timezone.now(), progress=killed)
    assert (seen, Person.objects.count()) == ([7, 4], 6)
    again = services.plan_import(staff, whole=True, by=system_actor(), now=timezone.now())
    assert isinstance(again, Denied)
    lines = told("Staff")
    assert lines[0].endswith("goes on.")
    assert (lines[-1], Person.objects.count()) == ("Done.", 10)
    assert AuditEvent.objects.filter(event="configserver:person:created").count() == 10


def test_an_import_that_is_overtaken_writes_nothing_more(staff: Directory) -> None:
    def begun_anew(_read: int) -> None:
        Import.objects.filter(state=ImportState.READING).update(state=ImportState.FAILED)

    outcome = services.plan_import(
        staff, whole=True, by=system_actor(), now=timezone.now(), progress=begun_anew
    )
    assert outcome is importing.OVERTAKEN


def test_of_two_plans_one_is_applied_whichever_came_first(staff: Directory) -> None:
    for which in (0, 1):
        plans = [
            services.plan_import(staff, whole=True, by=system_actor(), now=timezone.now())
            for _time in range(2)
        ]
        assert all(isinstance(one, Import) for one in plans)
        assert isinstance(services.apply_import(plans[which], by=system_actor(), now=timezone.now()), Import)
        for again in plans:
            outcome = services.apply_import(again, by=system_actor(), now=timezone.now())
            assert outcome is applying.NOT_PLANNED


def test_a_directory_that_does_not_answer_changes_nobody(staff: Directory) -> None:
    told("Staff")
    Directory.objects.update(servers="ldaps://127.0.0.1:1")
    assert "takes no connections" in refused("Staff")
    assert Person.objects.filter(is_active=True).count() == 10
    assert Import.objects.latest("pk").state == ImportState.FAILED


def test_who_may_not_change_directories_imports_nobody(staff: Directory, ada: Any) -> None:
    refusal = services.plan_import(staff, whole=True, by=acting(ada), now=timezone.now())
    assert isinstance(refusal, Denied)
    assert refusal.code == "forbidden"


@pytest.mark.parametrize(
    "draft",
    [
        {"import_filter": "uid=*"},
        {"import_filter": "(uid=*)", "people_tenant": None},
        {"import_percent": 0},
        {"login_attribute": "no such)"},
    ],
)
def test_what_does_not_fit_is_refused(staff: Directory, draft: dict[str, Any]) -> None:
    changed = services.change_directory(
        staff, services.DirectoryDraft(**draft), by=system_actor(), now=timezone.now()
    )
    assert isinstance(changed, Denied)


def test_a_directory_without_an_import_says_so(slapd: Ldap) -> None:
    directories.ldap(slapd, name="Plain")
    assert "imports nobody" in refused("Plain")
    assert "no directory" in refused("Nowhere")


def test_more_people_than_a_page_come_over_one_connection() -> None:
    with ldap_machine(entries=(person(f"p{number}") for number in range(1_201))) as server:
        directories.ldap(
            server, name="Many", import_filter="(uid=p*)", people_tenant=directory.tenant(101, name="Acme")
        )
        server.forget()
        assert told("Many")[-2] == "1201 read: 1201 new, 0 changed, 0 gone, 0 left alone."
        assert server.binds() == [SERVICE]
        assert Person.objects.count() == 1_201, connection.vendor


# --- what nearly went wrong ------------------------------------------------------------------------------------------------


def entries(monkeypatch: pytest.MonkeyPatch, *pages: list[tuple[str, str]]) -> None:
    """Let the directory give these ids and names."""
    read = [
        [Read(ref=ref, login=name, display_name=name, email="", phone="", changed="") for ref, name in page]
        for page in pages
    ]
    monkeypatch.setattr("configserver.engines.ldap.read_everybody", lambda *_one, **_more: iter(read))


def test_an_id_that_comes_twice_holds_nobody_up(staff: Directory, monkeypatch: pytest.MonkeyPatch) -> None:
    entries(monkeypatch, [("r1", "anna"), ("r2", "carl")], [("r1", "anna.new")])
    assert "! anna.new: twice" in told("Staff")
    assert set(Person.objects.values_list("name", flat=True)) == {"anna", "carl"}


def test_a_name_of_somebody_who_was_handed_over_is_not_taken_from_him(
    staff: Directory, monkeypatch: pytest.MonkeyPatch
) -> None:
    entries(monkeypatch, [("r1", "bob"), ("r2", "leaver")])
    told("Staff")
    Directory.objects.update(import_percent=100)
    draft = services.PersonDraft(name="carl", display_name="Carl", tenant=staff.people_tenant, source=staff)
    made = services.create_person(
        draft, password="", environment=snapshot(None), by=system_actor(), now=timezone.now()
    )
    assert isinstance(made, Person)
    entries(monkeypatch, [("r1", "carl")])
    assert "! carl: name_taken" in told("Staff")
    assert not Person.objects.get(name="leaver").is_active
    assert Person.objects.get(name="bob").is_active


def test_a_step_that_cannot_be_done_any_more_becomes_a_conflict(
    staff: Directory, monkeypatch: pytest.MonkeyPatch
) -> None:
    entries(monkeypatch, [("r1", "anna"), ("r2", "carl")])
    run = services.plan_import(staff, whole=True, by=system_actor(), now=timezone.now())
    assert isinstance(run, Import)
    for name, ref in (("anna", ""), ("somebody", "r2")):
        Person.objects.create(
            name=name, display_name=name, tenant_id=staff.people_tenant_id, source=staff, source_ref=ref
        )
    done = services.apply_import(run, by=system_actor(), now=timezone.now())
    assert isinstance(done, Import)
    assert (done.state, [one.why for one in done.steps.all()]) == (ImportState.DONE, ["name_taken"] * 2)


def test_whom_an_administrator_switched_off_stays_so(
    staff: Directory, monkeypatch: pytest.MonkeyPatch
) -> None:
    Directory.objects.update(import_percent=100)
    entries(monkeypatch, [("r1", "anna")])
    told("Staff")
    entries(monkeypatch, [])
    told("Staff")
    for active in (True, False):
        services.change_person(
            Person.objects.get(),
            services.PersonDraft(is_active=active),
            by=system_actor(),
            now=timezone.now(),
        )
    entries(monkeypatch, [("r1", "anna")])
    told("Staff")
    assert not Person.objects.get().is_active


def test_an_import_that_goes_on_late_switches_nobody_on_whom_an_administrator_switched_off(
    staff: Directory, monkeypatch: pytest.MonkeyPatch
) -> None:
    Directory.objects.update(import_percent=100)
    for read in ([("r1", "anna")], []):
        entries(monkeypatch, read)
        told("Staff")
    entries(monkeypatch, [("r1", "anna")])
    run = services.plan_import(staff, whole=True, by=system_actor(), now=timezone.now())
    assert isinstance(run, Import)
    Person.objects.update(gone_at=None)  # as an administrator's own switching off leaves it
    services.apply_import(run, by=system_actor(), now=timezone.now())
    assert not Person.objects.get().is_active


def test_an_import_that_is_dropped_midway_is_not_done(
    staff: Directory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(applying, "AT_ONCE", 3)

    def changed(_left: int) -> None:
        off = services.DirectoryDraft(is_active=False)
        services.change_directory(staff, off, by=system_actor(), now=timezone.now())

    run = services.plan_import(staff, whole=True, by=system_actor(), now=timezone.now())
    assert isinstance(run, Import)
    done = services.apply_import(run, by=system_actor(), now=timezone.now(), progress=changed)
    assert isinstance(done, Import)
    assert (done.state, Person.objects.count()) == (ImportState.FAILED, 3)


def test_old_imports_are_forgotten_with_what_they_hold_of_people(staff: Directory) -> None:
    for _time in range(12):
        services.plan_import(staff, whole=True, by=system_actor(), now=timezone.now())
    assert Import.objects.count() == 10


def test_whoever_may_not_change_people_imports_none(staff: Directory, root: Any) -> None:
    actor = acting(root)
    held = frozenset(one for one in actor.rights.privileges if one[1] != "Users - Manage")
    refusal = services.plan_import(
        staff,
        whole=True,
        by=replace(actor, rights=replace(actor.rights, privileges=held)),
        now=timezone.now(),
    )
    assert isinstance(refusal, Denied)


def test_what_an_import_goes_by_is_for_those_who_stand_above_its_people(staff: Directory, root: Any) -> None:
    told("Staff")
    high = services.create_role(
        services.RoleDraft(name="Master", rank=90), by=system_actor(), now=timezone.now()
    )
    services.change_person(
        Person.objects.get(name="user1"),
        services.PersonDraft(roles=[high]),
        by=system_actor(),
        now=timezone.now(),
    )
    actor = acting(root)
    weaker = replace(actor, rights=replace(actor.rights, rank=50))
    for draft in ({"import_filter": "(uid=me)"}, {"import_percent": 100}, {"login_attribute": "mail"}):
        refusal = services.change_directory(
            staff, services.DirectoryDraft(**draft), by=weaker, now=timezone.now()
        )
        assert isinstance(refusal, Denied)
        assert refusal.code == "rank_too_high"


def test_pages_without_entries_do_not_go_on_for_ever(
    staff: Directory, monkeypatch: pytest.MonkeyPatch
) -> None:
    endless = ({"result": 0, "controls": {PAGES: {"value": {"cookie": b"x"}}}}, ())
    monkeypatch.setattr(Line, "_search", lambda *_one, **_more: endless)
    assert "pages without entries" in refused("Staff")


def test_a_directory_that_changes_drops_what_was_half_done(
    staff: Directory, monkeypatch: pytest.MonkeyPatch
) -> None:
    entries(monkeypatch, [("r1", "anna")])
    run = services.plan_import(staff, whole=True, by=system_actor(), now=timezone.now())
    assert isinstance(run, Import)
    Import.objects.update(state=ImportState.APPLYING)
    services.change_directory(
        staff, services.DirectoryDraft(is_active=False), by=system_actor(), now=timezone.now()
    )
    run.refresh_from_db()
    assert run.state == ImportState.FAILED
    assert "imports nobody" in refused("Staff")
    assert not Person.objects.exists()


def test_nobody_imports_people_to_whom_groups_give_more_than_he_has(staff: Directory, root: Any) -> None:
    high = services.create_role(
        services.RoleDraft(name="Master", rank=90), by=system_actor(), now=timezone.now()
    )
    services.change_directory(
        staff, services.DirectoryDraft(groups=[("cn=a", high)]), by=system_actor(), now=timezone.now()
    )
    actor = acting(root)
    weaker = replace(actor, rights=replace(actor.rights, rank=50))
    refusal = services.plan_import(staff, whole=True, by=weaker, now=timezone.now())
    assert isinstance(refusal, Denied)
    assert refusal.code == "rank_too_high"


def test_a_page_that_does_not_say_what_follows_fails_the_import(
    staff: Directory, monkeypatch: pytest.MonkeyPatch
) -> None:
    told("Staff")
    Directory.objects.update(import_percent=100)
    answers = iter(
        [({"result": 0, "controls": {PAGES: {"value": {"cookie": b"x"}}}}, ()), ({"result": 0}, ())]
    )
    monkeypatch.setattr(Line, "_search", lambda *_one, **_more: next(answers))
    assert "not known who is missing" in refused("Staff")
    assert Person.objects.filter(is_active=True).count() == 10


@pytest.mark.parametrize("raw", [b"bad\0", b"ad\nmin", b"x" * 255, b"\xff"])
def test_a_name_is_taken_whole_or_not_at_all(raw: bytes) -> None:
    assert whole(raw, 254) == ""
    read = Read(ref="r", login="\u202etxt", display_name="", email="", phone="", changed="")
    assert importing._entry(read).name == ""


# --- by page and API -------------------------------------------------------------------------------------------------------


def test_the_page_compares_first_and_then_imports(
    staff: Directory, slapd: Ldap, root: Any, browser: Any
) -> None:
    ldap_admin.change(slapd, f"uid=user1,{PEOPLE}", cn="<b>Dora</b>")
    page, path = browser(root), f"/admin/configserver/directory/{staff.pk}/import_people/"
    form = page.get(path).content.decode()
    assert re.search(r'name="dry_run"[^>]*checked', form)
    compared = page.post(path, {"dry_run": "on"}).content.decode()
    assert "10 read, 10 new, 0 changed, 0 gone, 0 left alone" in compared
    assert "user9" in compared
    assert not Person.objects.exists()
    assert ">done<" in page.post(path, {}).content.decode()
    assert Person.objects.count() == 10
    ldap_admin.change(slapd, f"uid=user1,{PEOPLE}", cn="Dora")
    changed = page.post(path, {"only_changed": "on"}).content.decode()
    assert "<b>Dora</b>" not in changed
    assert Person.objects.get(name="user1").display_name == "Dora"
    shown = page.get(f"/admin/configserver/directory/{staff.pk}/change/").content.decode()
    assert "10 new" in shown


def test_the_api_tells_what_it_did_and_stops_by_the_same_rule(
    staff: Directory, slapd: Ldap, root: Any
) -> None:
    api, path = Api(root), f"/api/v1/directories/{staff.uid}/import/"
    told = api.post(path, {"dry_run": True}).json()
    assert (told["state"], told["read"], told["created"], Person.objects.count()) == ("planned", 10, 10, 0)
    assert told["steps"][0] == {
        "action": "create",
        "name": "user0",
        "fields_changed": ["display_name", "email", "name", "phone"],
        "why": "",
    }
    assert api.post(path, {}).json()["state"] == "done"
    for number in range(3):
        ldap_admin.change(slapd, f"uid=user{number},{PEOPLE}", cn="Everybody")
    stopped = api.post(path, {}).json()
    assert (stopped["state"], stopped["changed"]) == ("stopped", 3)
    assert not Person.objects.filter(display_name="Everybody").exists()
    assert api.post(path, {"even_if_many": True}).json()["state"] == "done"
    assert Person.objects.filter(display_name="Everybody").count() == 3
    Directory.objects.update(servers="ldaps://127.0.0.1:1")
    failed = api.post(path, {}).json()
    assert (failed["state"], bool(failed["reason"])) == ("failed", True)


def test_too_many_for_a_wait_are_left_to_the_command(
    staff: Directory, root: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(applying, "MOST_ON_A_PAGE", 9)
    told_of = Api(root).post(f"/api/v1/directories/{staff.uid}/import/", {}).json()
    assert (told_of["state"], "import_directory" in told_of["reason"]) == ("failed", True)
    assert not Person.objects.exists()


def test_imports_are_counted_and_for_those_who_may_change_directories(
    staff: Directory, root: Any, ada: Any
) -> None:
    assert Api(ada).post(f"/api/v1/directories/{staff.uid}/import/", {}).status_code == 404
    answers = [
        Api(root).post(f"/api/v1/directories/{staff.uid}/import/", {"dry_run": True}).status_code
        for _time in range(12)
    ]
    assert answers == [200] * 10 + [429] * 2


def test_what_imports_nobody_says_so(root: Any) -> None:
    directories.radius("127.0.0.1:1812", name="Radius")
    radius = Directory.objects.get(name="Radius")
    assert Api(root).post(f"/api/v1/directories/{radius.uid}/import/", {}).json()["code"] == "invalid"
