"""What the clock does for co-browse: it ends what lapsed, compares the tokens, and forgets what is kept no longer."""

from datetime import datetime, timedelta

import pytest
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from accounts.models import User
from audit.events import Event
from audit.models import AuditEvent
from cobrowse import housekeeping
from cobrowse.models import AgentToken, Application, CobrowseSession, Page, Participant, Validity
from cobrowse.sessions.history import durations
from cobrowse.sessions.life import end_lapsed
from cobrowse.tasks import compare
from cobrowse.tasks import end_lapsed as end_lapsed_task
from portal import prepare
from portal.celery import SCHEDULE, app
from portal.tasks import prune
from tenants.actor import system_actor
from tenants.models import Company
from tenants.settings import change_settings
from tests.accounts.story import signed_in
from tests.admin.test_cobrowse_sessions import ended, one_of, waiting
from tests.cobrowse.story import TOKEN, application
from tests.conftest import Clock

BEGAN = datetime.fromisoformat("2026-11-22T09:00:00+00:00")


def at(seconds: float) -> datetime:
    return BEGAN + timedelta(seconds=seconds)


# --- the history (design/sources, 1.8) ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("entered", "ended_at", "now", "wanted"),
    [
        ([], 10, 20, []),
        ([0], 10, 20, [10]),
        ([0], None, 20, [20]),  # it goes on
        ([0, 4, 9], 10, 20, [4, 5, 1]),
        ([-60, 4], 10, 20, [4, 6]),  # the first one was there before the agent came
        ([-60, -30, 4], 10, 20, [0, 4, 6]),
        ([3, 4], 10, 20, [4, 6]),  # told of late
        ([0, 12], 10, 20, [10, 0]),  # told of after the end
        ([0, 8, 5], 10, 20, [8, 0, 2]),  # clocks that ran backwards
        ([0, 1.9, 3.1], 3.9, 20, [1, 2, 0]),
        ([0, 4], -5, 20, [0, 0]),  # ended before both were there
    ],
)
def test_each_page_lasts_until_the_next_one(
    entered: list[float], ended_at: float | None, now: float, wanted: list[int]
) -> None:
    over = None if ended_at is None else at(ended_at)
    assert durations([at(one) for one in entered], began=BEGAN, ended=over, now=at(now)) == wanted


@given(st.lists(st.floats(-100, 1_000), min_size=1, max_size=20), st.floats(0, 500))
def test_together_the_pages_last_as_long_as_the_session(entered: list[float], ended_at: float) -> None:
    found = durations([at(one) for one in entered], began=BEGAN, ended=at(ended_at), now=at(2_000))
    assert len(found) == len(entered)
    assert all(one >= 0 for one in found)
    assert sum(found) == int((at(ended_at) - BEGAN).total_seconds())


# --- the clock ---------------------------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_what_lapsed_is_ended_at_the_time_at_which_it_was_over(acme: Company) -> None:
    now = timezone.now()
    runs, waits = one_of(acme), waiting(acme)
    silent = one_of(acme, agent_seen_at=now - timedelta(minutes=7))
    unanswered = waiting(acme, expires_at=now - timedelta(minutes=3))
    assert end_lapsed(now=now) == 2
    assert end_lapsed(now=now) == 0
    for found, reason, minutes in ((silent, "silent", 2), (unanswered, "nobody-came", 3)):
        found.refresh_from_db()
        assert (found.state, found.ended_reason) == ("ended", reason)
        assert found.ended_at == now - timedelta(minutes=minutes)
    assert set(CobrowseSession.objects.filter(ended_at=None)) == {runs, waits}
    assert AuditEvent.objects.filter(event=Event.COBROWSE_ENDED, actor_name="").count() == 2


@pytest.mark.django_db
def test_more_than_one_batch_is_ended_at_once(monkeypatch: pytest.MonkeyPatch, acme: Company) -> None:
    monkeypatch.setattr("cobrowse.sessions.life.BATCH", 3)
    now = timezone.now()
    for _number in range(8):
        waiting(acme, expires_at=now)
        waiting(acme)
    assert end_lapsed_task() == 8
    assert CobrowseSession.objects.filter(ended_at=None).count() == 8


@pytest.mark.django_db
def test_the_clock_compares_the_tokens(acme: Company, globex: Company) -> None:
    application(acme, "cluster", token=TOKEN)
    application(globex, "cluster")
    assert compare() == 1
    assert not Application.objects.filter(checked_at=None).exists()


def test_the_worker_knows_what_the_clock_asks_for() -> None:
    wanted = {"cobrowse.compare", "cobrowse.end-lapsed"}
    assert wanted <= {one["task"] for one in SCHEDULE.values()}
    app.loader.import_default_modules()
    assert wanted <= set(app.tasks)


@pytest.mark.django_db
def test_the_history_is_kept_for_the_days_that_the_setting_says(
    acme: Company, ben: User, clock: Clock
) -> None:
    now = timezone.now()
    for name, days in (("old", 31), ("young", 29)):
        found = ended(acme, began=now - timedelta(days=days), ended_at=now - timedelta(days=days))
        Participant.objects.create(session=found, number=1, role=1, fingerprint=name, joined_at=now)
        Page.objects.create(session=found, url="https://shop.acme.example/", entered_at=now)
        AgentToken.objects.create(
            session=found, sign_in=signed_in(ben), right="view", created_at=now, expires_at=now
        )
    runs = one_of(acme, began=now - timedelta(days=400))  # one that is live is not history
    assert housekeeping.prune(now=now) == 0  # 90 days
    change_settings({"Cobrowse.HistoryDays": 30}, company=None, reason="less", by=system_actor(), now=now)
    assert prune() >= 4
    assert Participant.objects.get().fingerprint == "young"
    assert Page.objects.count() == AgentToken.objects.count() == 1
    assert runs in CobrowseSession.objects.all()
    assert CobrowseSession.objects.count() == 2


@pytest.mark.django_db
def test_a_company_has_no_retention_of_its_own(acme: Company) -> None:
    refused = change_settings(
        {"Cobrowse.HistoryDays": 1}, company=acme, reason="less", by=system_actor(), now=timezone.now()
    )
    assert refused.code == "global_only"  # type: ignore[union-attr]


@pytest.mark.django_db
def test_a_start_compares_the_tokens_and_says_what_is_amiss(
    acme: Company, caplog: pytest.LogCaptureFixture
) -> None:
    application(acme, "cluster", token=TOKEN)
    Application.objects.update(validity=Validity.OFF, checked_at=None)
    caplog.clear()
    prepare.everything(pages=False)
    assert Application.objects.get().validity == Validity.WORKSPACE_MISSING
    assert [one.levelname for one in caplog.records if one.name == "cobrowse"] == ["WARNING"]
    assert TOKEN not in caplog.text
