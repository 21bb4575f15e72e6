"""A refusal is a sentence on the form and a row in the audit that stays; nothing else changes."""

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import User
from audit.events import Event
from audit.models import AuditEvent
from audit.verify import verify
from core.admin import VerbAdmin
from tenants.models import Company, Permission, Privilege, Role
from tests.cast import FULL, Browse, person


def _refusals() -> list[AuditEvent]:
    return list(AuditEvent.objects.filter(event=Event.REFUSED))


def _form(user: User, **changes: object) -> dict[str, object]:
    return {
        "email": user.email,
        "display_name": user.display_name,
        "phone": "",
        "language": "",
        "company": user.company_id or "",
        "roles": [role.pk for role in user.roles.all()],
        "is_active": "on",
    } | changes


def _save(page: Client, user: User, **changes: object) -> str:
    answer = page.post(reverse("admin:accounts_user_change", args=[user.pk]), _form(user, **changes))
    return answer.content.decode() if answer.status_code == 200 else str(answer.status_code)


def test_a_role_above_ones_rank_is_refused_with_a_sentence_and_an_audit_row(
    browser: Browse, ada: User, ben: User
) -> None:
    full = Role.objects.get(name=FULL)
    text = _save(browser(ada), ben, roles=[full.pk])
    assert "above your own rank" in text
    assert list(ben.roles.values_list("name", flat=True)) == ["Member"]
    row = _refusals()[-1]
    assert (row.actor_uid, row.subject_uid) == (str(ada.uid), str(ben.uid))
    assert row.details == {"verb": "change", "kind": "user", "code": "rank_too_high"}
    assert row.company_id == ada.company_id
    assert verify().broken_at is None


def test_somebody_above_ones_rank_can_be_neither_changed_locked_signed_out_nor_deleted(
    browser: Browse, ada: User, acme: Company
) -> None:
    chief = person("chief@acme.example", company=acme, role=FULL)
    page = browser(ada)
    assert "may do or see more than you" in _save(page, chief, display_name="Fool")
    for verb, body in (
        ("lock", {"reason": "x"}),
        ("set_password", {"new_password": "correct horse battery"}),
        ("delete", {"post": "yes"}),
        ("sign_out", {}),
        ("unlock", {}),
    ):
        answer = page.post(reverse(f"admin:accounts_user_{verb}", args=[chief.pk]), body)
        said = "above your own rank" if verb == "sign_out" else "may do or see more than you"
        assert said in answer.content.decode(), verb
    chief.refresh_from_db()
    assert (chief.display_name, chief.locked_at, chief.password) == ("Chief", None, "!")
    assert {row.details["code"] for row in _refusals()} == {"rank_too_high"}
    assert len(_refusals()) == 6


@pytest.mark.parametrize("who", ["root", "ada"])
def test_nobody_disables_locks_or_deletes_himself(
    who: str, browser: Browse, request: pytest.FixtureRequest
) -> None:
    me: User = request.getfixturevalue(who)
    page = browser(me)
    sentence = "your own account"
    assert sentence in _save(page, me, is_active="")
    assert (
        sentence
        in page.post(reverse("admin:accounts_user_lock", args=[me.pk]), {"reason": "x"}).content.decode()
    )
    assert (
        sentence
        in page.post(reverse("admin:accounts_user_delete", args=[me.pk]), {"post": "yes"}).content.decode()
    )
    me.refresh_from_db()
    assert me.may_sign_in
    assert len(_refusals()) == 3


def test_the_last_administrator_of_the_installation_stays(browser: Browse, root: User) -> None:
    assert "last administrator" in _save(browser(root), root, roles=[Role.objects.get(name="Member").pk])
    assert root.roles.get().name == FULL


def test_a_refused_password_is_said_on_its_field_and_not_sent_back(
    browser: Browse, ada: User, ben: User
) -> None:
    address = reverse("admin:accounts_user_set_password", args=[ben.pk])
    answer = browser(ada).post(address, {"new_password": "hunter2"})
    assert "new_password" in answer.context["adminform"].form.errors
    assert "hunter2" not in answer.content.decode()
    assert "hunter2" not in str([row.details for row in AuditEvent.objects.all()])


def test_a_built_in_role_and_a_used_privilege_cannot_be_deleted(browser: Browse, root: User) -> None:
    page, role = browser(root), Role.objects.get(name="Agent")
    answer = page.post(reverse("admin:tenants_role_delete", args=[role.pk]), {"post": "yes"})
    assert "built-in" in answer.content.decode()
    assert Role.objects.filter(pk=role.pk).exists()
    assert [row.details["kind"] for row in _refusals()] == ["role"]


def test_a_company_with_people_cannot_be_deleted(
    browser: Browse, root: User, ben: User, acme: Company
) -> None:
    answer = browser(root).post(reverse("admin:tenants_company_delete", args=[acme.pk]), {"post": "yes"})
    assert "1 person belongs to this company" in answer.content.decode()
    assert Company.objects.filter(pk=acme.pk).exists()


def test_what_vanished_meanwhile_is_404_and_no_refusal(
    browser: Browse, ada: User, ben: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    page, found = browser(ada), VerbAdmin.get_object

    def and_then_it_is_gone(
        self: VerbAdmin, request: object, object_id: str, from_field: object = None
    ) -> object:
        obj = found(self, request, object_id)  # type: ignore[arg-type]
        User.objects.filter(pk=ben.pk).delete()
        return obj

    monkeypatch.setattr(VerbAdmin, "get_object", and_then_it_is_gone)
    answer = page.post(
        reverse("admin:accounts_user_change", args=[ben.pk]), _form(ben, roles=[], display_name="Benno")
    )
    assert answer.status_code == 404
    assert _refusals() == []


def test_a_view_only_person_sees_no_button_and_changes_nothing(
    browser: Browse, ada: User, ben: User, acme: Company
) -> None:
    viewer = person("vera@acme.example", company=acme, role="Member")
    role = Role.objects.create(name="Viewer", company=acme, rank=5)
    role.privileges.set(Privilege.objects.filter(name__in=["Administration - Open", "Users - View"]))
    Permission.objects.create(role=role, kind="user", reach="own")
    viewer.roles.set([role])
    page = browser(viewer)
    address = reverse("admin:accounts_user_change", args=[ben.pk])
    text = page.get(address).content.decode()
    assert "ben@acme.example" in text
    assert 'name="_save"' not in text
    for path in (
        address,
        *(
            reverse(f"admin:accounts_user_{verb}", args=[ben.pk])
            for verb in ("delete", "lock", "set_password")
        ),
    ):
        assert page.post(path, _form(ben, display_name="Hacked", reason="x")).status_code == 403
    assert page.get(reverse("admin:accounts_user_add")).status_code == 403
    ben.refresh_from_db()
    assert (ben.display_name, ben.locked_at) == ("Ben", None)


def test_what_the_editor_may_not_see_is_not_lost_on_saving(
    browser: Browse, ada: User, ben: User, acme: Company
) -> None:
    """Somebody who may manage people but not see roles must not take every role from whom he renames."""
    clerk = person("carl@acme.example", company=acme, role="Member")
    role = Role.objects.create(name="Clerk", company=acme, rank=50)
    role.privileges.set(
        Privilege.objects.filter(name__in=["Administration - Open", "Users - View", "Users - Manage"])
    )
    Permission.objects.create(role=role, kind="user", reach="own")
    clerk.roles.set([role])
    page = browser(clerk)
    answer = page.post(
        reverse("admin:accounts_user_change", args=[ben.pk]),
        {"email": ben.email, "display_name": "Benno", "is_active": "on"},
    )
    assert answer.status_code == 302
    ben.refresh_from_db()
    assert (ben.display_name, ben.company) == ("Benno", acme)
    assert [one.name for one in ben.roles.all()] == ["Member"]
