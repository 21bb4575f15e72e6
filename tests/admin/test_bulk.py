"""Actions on several objects ask first, go through the verbs one by one, and report each refusal."""

from datetime import timedelta

from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from audit.events import Event
from audit.models import AuditEvent
from core.admin_verbs import BULK_LIMIT
from delivery.models import Delivery, State
from tenants.models import Company
from tests.cast import FULL, Browse, person
from tests.cast import browser as signed_in

PEOPLE = "admin:accounts_user_changelist"


def _chosen(*users: User, action: str, **more: str) -> dict[str, object]:
    return {"action": action, "_selected_action": [str(user.pk) for user in users], **more}


def test_a_bulk_action_asks_before_anything_happens(browser: Browse, ada: User, ben: User) -> None:
    answer = browser(ada).post(reverse(PEOPLE), _chosen(ben, action="remove", index="0"))
    assert answer.status_code == 200
    assert answer.templates[0].name == "admin/verb_bulk.html"
    assert User.objects.filter(pk=ben.pk).exists()


def test_each_refusal_is_shown_and_written_down_and_the_others_are_done(
    browser: Browse, ada: User, ben: User, acme: Company
) -> None:
    chief = person("chief@acme.example", company=acme, role=FULL)
    answer = browser(ada).post(reverse(PEOPLE), _chosen(ada, ben, chief, action="remove", confirmed="1"))
    text = answer.content.decode()
    assert "your own account" in text
    assert "may do or see more than you" in text
    assert set(User.objects.values_list("username", flat=True)) == {ada.username, chief.username}
    refused = AuditEvent.objects.filter(event=Event.REFUSED)
    assert {row.subject_name: row.details["code"] for row in refused} == {
        ada.username: "own_account",
        chief.username: "rank_too_high",
    }
    assert AuditEvent.objects.filter(event=Event.USER_DELETED).count() == 1


def test_the_stock_bulk_delete_does_not_exist(browser: Browse, root: User, ben: User) -> None:
    page = browser(root)
    assert "delete_selected" not in page.get(reverse(PEOPLE)).content.decode()
    page.post(reverse(PEOPLE), _chosen(ben, action="delete_selected", post="yes", index="0"))
    page.post(reverse(PEOPLE), _chosen(ben, action="delete_selected", post="yes"))
    assert User.objects.filter(pk=ben.pk).exists()


def test_several_sessions_are_ended_at_once(browser: Browse, ada: User, ben: User) -> None:
    signed_in(ben), signed_in(ben)
    keys = [str(pk) for pk in ben.sessions.values_list("pk", flat=True)]
    answer = browser(ada).post(
        reverse("admin:accounts_session_changelist"),
        {"action": "end", "_selected_action": keys, "confirmed": "1"},
    )
    assert answer.status_code == 302
    assert not ben.sessions.filter(ended_at=None).exists()


def test_several_messages_are_sent_again_at_once(browser: Browse, ada: User, acme: Company) -> None:
    now = timezone.now()
    rows = [
        Delivery.objects.create(
            kind="email", to="a@acme.example", template="code", language="en", company_id=acme.pk, state=state,
            next_try_at=now, expires_at=now + timedelta(hours=1), created_at=now,
        )
        for state in (State.FAILED, State.FAILED, State.SENT)
    ]  # fmt: skip
    answer = browser(ada).post(
        reverse("admin:delivery_delivery_changelist"),
        {"action": "retry", "_selected_action": [str(row.pk) for row in rows], "confirmed": "1"},
    )
    assert "Only a message that failed" in answer.content.decode()
    assert list(Delivery.objects.order_by("pk").values_list("state", flat=True)) == [
        "queued",
        "queued",
        "sent",
    ]


def test_keys_that_are_no_numbers_are_404(browser: Browse, ada: User) -> None:
    for key in ("abc", "1;drop", "¹"):
        assert (
            browser(ada).post(reverse(PEOPLE), {"action": "remove", "_selected_action": [key]}).status_code
            == 404
        )


def test_more_than_the_limit_are_refused_at_once(browser: Browse, root: User, acme: Company) -> None:
    User.objects.bulk_create(
        [
            User(username=f"p{i}@acme.example", login_key=f"p{i}@acme.example", company=acme)
            for i in range(BULK_LIMIT + 1)
        ]
    )
    some = User.objects.exclude(pk=root.pk).first()
    assert some is not None
    answer = browser(root).post(
        reverse(PEOPLE), _chosen(some, action="remove", select_across="1", confirmed="1"), follow=True
    )
    assert f"at most {BULK_LIMIT}" in answer.content.decode()
    assert User.objects.count() == BULK_LIMIT + 2


def test_who_may_only_look_is_offered_no_action(browser: Browse, root: User, ada: User) -> None:
    assert browser(root).get(reverse("admin:audit_auditevent_changelist")).context["action_form"] is None
