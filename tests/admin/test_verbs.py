"""What administrators do to people, sessions, messages, companies and rights, by the forms of the administration."""

from datetime import timedelta

import pytest
from django.contrib.auth.hashers import check_password
from django.urls import reverse
from django.utils import timezone

from accounts.limits import PASSWORD, name_key, strangers_key
from accounts.models import User
from accounts.names import Realm
from audit.events import Event
from audit.models import AuditEvent
from core.throttle import take
from delivery.models import Delivery, State
from tenants.models import Company, Permission, Privilege, Role
from tests.cast import Browse
from tests.cast import browser as signed_in

PASSWORD_TEXT = "correct horse battery"


def _events() -> set[str]:
    return set(AuditEvent.objects.values_list("event", flat=True))


def test_a_person_is_added_with_password_roles_and_company(browser: Browse, ada: User, acme: Company) -> None:
    role = Role.objects.get(name="Agent")
    answer = browser(ada).post(
        reverse("admin:accounts_user_add"),
        {
            "email": "dora@acme.example",
            "display_name": "Dora",
            "phone": "+49 30 1234567",
            "language": "de",
            "company": acme.pk,
            "roles": [role.pk],
            "new_password": PASSWORD_TEXT,
            "must_change_password": "on",
        },
    )
    assert answer.status_code == 302
    dora = User.objects.get(username="dora@acme.example")
    assert (dora.company, dora.phone, dora.language, dora.must_change_password) == (
        acme,
        "+49301234567",
        "de",
        True,
    )
    assert dora.roles.get() == role
    assert dora.email_verified_at is None
    assert check_password(PASSWORD_TEXT, dora.password)
    assert Event.USER_CREATED in _events()


def test_a_company_administrator_who_names_no_company_means_his_own(browser: Browse, ada: User) -> None:
    browser(ada).post(
        reverse("admin:accounts_user_add"),
        {"email": "dora@acme.example", "display_name": "Dora", "new_password": PASSWORD_TEXT},
    )
    assert User.objects.get(username="dora@acme.example").company == ada.company


def test_a_role_without_a_company_is_one_of_the_own_company(browser: Browse, ada: User) -> None:
    page, body = browser(ada), {"name": "Desk", "rank": 5}
    assert page.post(reverse("admin:tenants_role_add"), body).status_code == 302
    assert Role.objects.get(name="Desk").company == ada.company


def test_what_is_wrong_with_a_new_role_is_said_on_its_field(browser: Browse, ada: User) -> None:
    above = {"name": "Desk", "rank": 100, "company": ada.company_id}
    form = browser(ada).post(reverse("admin:tenants_role_add"), above).context["adminform"].form
    assert "above your own rank" in str(form.errors["rank"])
    User.objects.filter(pk=ada.pk).update(company=None)
    ada.refresh_from_db()
    form = browser(ada).post(reverse("admin:tenants_role_add"), above | {"rank": 5, "company": ""})
    assert "Choose a company" in str(form.context["adminform"].form.errors["company"])


def test_a_taken_name_and_a_bad_number_are_said_on_their_fields(
    browser: Browse, ada: User, ben: User
) -> None:
    body = {
        "email": "BEN@acme.example",
        "display_name": "Other",
        "new_password": PASSWORD_TEXT,
        "company": ada.company_id,
    }
    form = browser(ada).post(reverse("admin:accounts_user_add"), body).context["adminform"].form
    assert "already signs in" in str(form.errors["email"])
    form = (
        browser(ada)
        .post(reverse("admin:accounts_user_add"), body | {"phone": "12"})
        .context["adminform"]
        .form
    )
    assert "international form" in str(form.errors["phone"])
    assert form["display_name"].value() == "Other"


def test_a_program_is_named_in_two_words_and_a_message_does_not_begin_with_an_address(
    browser: Browse, ada: User, ben: User
) -> None:
    agent = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36"
    signed_in(ben)
    ben.sessions.update(user_agent=agent)
    User.objects.filter(pk=ben.pk).update(last_login=timezone.now(), last_login_agent=agent)
    page, address = browser(ada), reverse("admin:accounts_user_change", args=[ben.pk])
    for shown in (address, reverse("admin:accounts_session_changelist")):
        text = page.get(shown).content.decode()
        assert "Chrome · Linux" in text
        assert "Mozilla" not in text
    answer = page.post(
        reverse("admin:accounts_user_lock", args=[ben.pk]), {"reason": "lost the phone"}, follow=True
    )
    assert [str(one) for one in answer.context["messages"]] == ["Done for ben@acme.example: Locked."]


def test_an_administrator_locks_with_a_reason_and_unlocks_with_the_counters(
    browser: Browse, ada: User, ben: User
) -> None:
    page, theirs = browser(ada), signed_in(ben)
    assert "Unlock" not in page.get(reverse("admin:accounts_user_change", args=[ben.pk])).content.decode()
    page.post(reverse("admin:accounts_user_lock", args=[ben.pk]), {"reason": "lost laptop"})
    ben.refresh_from_db()
    assert (ben.locked_at is not None, ben.locked_reason) == (True, "lost laptop")
    assert theirs.get("/admin/").status_code == 302
    key = strangers_key(name_key(ben.username, realm=Realm.INTERNAL))
    for _try in range(11):
        take(PASSWORD, key, now=timezone.now())
    text = page.get(reverse("admin:accounts_user_change", args=[ben.pk])).content.decode()
    assert "lost laptop" in text
    assert "Refused for another" in text
    page.post(reverse("admin:accounts_user_unlock", args=[ben.pk]))
    ben.refresh_from_db()
    assert ben.locked_at is None
    assert "None counted." in page.get(reverse("admin:accounts_user_change", args=[ben.pk])).content.decode()


def test_a_wait_after_too_many_codes_is_seen_and_ended(browser: Browse, ada: User, ben: User) -> None:
    User.objects.filter(pk=ben.pk).update(codes_paused_until=timezone.now() + timedelta(minutes=10))
    page, address = browser(ada), reverse("admin:accounts_user_change", args=[ben.pk])
    text = page.get(address).content.decode()
    assert "No codes for another" in text
    unlock = reverse("admin:accounts_user_unlock", args=[ben.pk])
    assert unlock in text
    page.post(unlock)
    assert "None counted." in page.get(address).content.decode()


def test_a_lock_needs_a_reason(browser: Browse, ada: User, ben: User) -> None:
    answer = browser(ada).post(reverse("admin:accounts_user_lock", args=[ben.pk]), {"reason": " "})
    assert "reason" in answer.context["adminform"].form.errors
    ben.refresh_from_db()
    assert ben.locked_at is None


def test_a_set_password_works_and_ends_every_session(browser: Browse, ada: User, ben: User) -> None:
    signed_in(ben)
    browser(ada).post(
        reverse("admin:accounts_user_set_password", args=[ben.pk]),
        {"new_password": PASSWORD_TEXT, "must_change_password": "on"},
    )
    ben.refresh_from_db()
    assert check_password(PASSWORD_TEXT, ben.password)
    assert ben.must_change_password
    assert not ben.sessions.filter(ended_at=None).exists()


def test_opening_the_page_of_a_verb_changes_nothing(browser: Browse, ada: User, ben: User) -> None:
    signed_in(ben)
    session = ben.sessions.get()
    page, before = browser(ada), AuditEvent.objects.count()
    for address in (
        *(
            reverse(f"admin:accounts_user_{verb}", args=[ben.pk])
            for verb in ("lock", "unlock", "sign_out", "set_password", "delete")
        ),
        reverse("admin:accounts_session_end", args=[session.pk]),
    ):
        assert page.get(address).status_code == 200
        assert page.head(address).status_code == 200
    ben.refresh_from_db()
    session.refresh_from_db()
    assert (ben.locked_at, session.ended_at, AuditEvent.objects.count()) == (None, None, before)


def test_a_session_is_ended_from_the_page_of_its_person(browser: Browse, ada: User, ben: User) -> None:
    theirs = signed_in(ben)
    session, page = ben.sessions.get(), browser(ada)
    address = reverse("admin:accounts_session_end", args=[session.pk])
    assert address in page.get(reverse("admin:accounts_user_change", args=[ben.pk])).content.decode()
    assert page.post(address).status_code == 302
    session.refresh_from_db()
    assert session.ended_reason == "by_administrator"
    assert theirs.get("/admin/").status_code == 302
    assert "ended already" in page.post(address).content.decode()


def test_everything_of_a_person_is_ended_at_once(browser: Browse, ada: User, ben: User) -> None:
    signed_in(ben), signed_in(ben)
    browser(ada).post(reverse("admin:accounts_user_sign_out", args=[ben.pk]))
    assert not ben.sessions.filter(ended_at=None).exists()


def test_a_deleted_person_is_gone_and_the_audit_still_knows(browser: Browse, ada: User, ben: User) -> None:
    answer = browser(ada).post(reverse("admin:accounts_user_delete", args=[ben.pk]), {"post": "yes"})
    assert answer.status_code == 302
    assert not User.objects.filter(pk=ben.pk).exists()
    assert AuditEvent.objects.get(event=Event.USER_DELETED).subject_name == "ben@acme.example"


def _failed(company: Company) -> Delivery:
    now = timezone.now()
    return Delivery.objects.create(
        kind="email", to="ben@acme.example", template="code", language="en", company_id=company.pk, state=State.FAILED,
        error="550 no such mailbox", next_try_at=now, expires_at=now + timedelta(hours=1), created_at=now,
    )  # fmt: skip


def test_a_failed_message_shows_why_and_is_sent_again(browser: Browse, ada: User, acme: Company) -> None:
    message, page = _failed(acme), browser(ada)
    assert "550 no such mailbox" in page.get(reverse("admin:delivery_delivery_changelist")).content.decode()
    assert page.post(reverse("admin:delivery_delivery_retry", args=[message.pk])).status_code == 302
    message.refresh_from_db()
    assert message.state == State.QUEUED
    assert Event.DELIVERY_RETRIED in _events()


def test_a_message_cannot_be_changed_or_deleted(browser: Browse, root: User, acme: Company) -> None:
    message, page = _failed(acme), browser(root)
    change = reverse("admin:delivery_delivery_change", args=[message.pk])
    assert page.post(change, {"to": "mallory@evil.example"}).status_code == 404
    assert (
        page.post(reverse("admin:delivery_delivery_delete", args=[message.pk]), {"post": "yes"}).status_code
        == 404
    )
    assert page.get(reverse("admin:delivery_delivery_add")).status_code == 404
    message.refresh_from_db()
    assert message.to == "ben@acme.example"


def test_the_trail_cannot_be_changed_or_deleted(browser: Browse, root: User) -> None:
    page = browser(root)
    row = AuditEvent.objects.first()
    assert row is not None
    for address in ("change", "delete"):
        assert (
            page.post(
                reverse(f"admin:audit_auditevent_{address}", args=[row.pk]), {"post": "yes"}
            ).status_code
            == 404
        )
    assert page.get(reverse("admin:audit_auditevent_add")).status_code == 404


def test_a_role_is_made_changed_and_deleted(browser: Browse, ada: User, acme: Company) -> None:
    page = browser(ada)
    view = Privilege.objects.get(name="Users - View")
    page.post(
        reverse("admin:tenants_role_add"),
        {"name": "Desk", "company": acme.pk, "rank": 20, "privileges": [view.pk]},
    )
    role = Role.objects.get(name="Desk")
    assert (role.company, role.privileges.get()) == (acme, view)
    page.post(
        reverse("admin:tenants_role_change", args=[role.pk]),
        {"name": "Front desk", "rank": 30, "privileges": []},
    )
    role.refresh_from_db()
    assert (role.name, role.rank, role.privileges.count()) == ("Front desk", 30, 0)
    page.post(reverse("admin:tenants_permission_add"), {"role": role.pk, "kind": "user", "reach": "own"})
    assert Permission.objects.get(role=role).kind == "user"
    page.post(reverse("admin:tenants_role_delete", args=[role.pk]), {"post": "yes"})
    assert not Role.objects.filter(name="Front desk").exists()
    assert {Event.ROLE_CREATED, Event.ROLE_CHANGED, Event.ROLE_DELETED, Event.PERMISSION_CREATED} <= _events()


def test_a_privilege_that_one_does_not_hold_cannot_be_put_into_a_role(
    browser: Browse, ada: User, acme: Company
) -> None:
    introspect = Privilege.objects.get(name="Tokens - Introspect")
    answer = browser(ada).post(
        reverse("admin:tenants_role_add"),
        {"name": "Sneaky", "company": acme.pk, "rank": 20, "privileges": [introspect.pk]},
    )
    assert "do not have yourself" in answer.content.decode()
    assert not Role.objects.filter(name="Sneaky").exists()


def test_a_company_is_added_and_switched_off_with_its_sessions(
    browser: Browse, root: User, ben: User, acme: Company
) -> None:
    page = browser(root)
    page.post(reverse("admin:tenants_company_add"), {"name": "Initech", "is_active": "on"})
    assert Company.objects.filter(name="Initech").exists()
    signed_in(ben)
    page.post(reverse("admin:tenants_company_change", args=[acme.pk]), {"name": "Acme"})
    acme.refresh_from_db()
    assert not acme.is_active
    assert not ben.sessions.filter(ended_at=None).exists()


@pytest.mark.parametrize("model", ["company", "privilege"])
def test_what_belongs_to_no_company_is_added_only_by_those_who_see_every_company(
    model: str, browser: Browse, ada: User
) -> None:
    assert browser(ada).get(reverse(f"admin:tenants_{model}_add")).status_code == 403
