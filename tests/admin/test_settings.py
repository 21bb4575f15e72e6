"""Settings: one page for everywhere and one for each company, with revisions that can be put back."""

from django.urls import reverse

from accounts.models import User
from audit.events import Event
from audit.models import AuditEvent
from configserver.remote.config import PASSWORD
from core.options import MASK, declared
from tenants.models import Company, SettingsRevision
from tenants.settings import secret_of, snapshot
from tests.cast import Browse

EVERYWHERE = "admin:tenants_settingsrevision_everywhere"
COMPANY = "admin:tenants_settingsrevision_company"
MINUTES = "Session.IdleLockMinutes"


def test_every_setting_has_a_field_with_help_default_and_source(browser: Browse, root: User) -> None:
    form = browser(root).get(reverse(EVERYWHERE)).context["form"]
    for name, option in declared().items():
        assert str(option.help) in form.fields[name].help_text.replace("&quot;", '"').replace("&#x27;", "'")
        assert "In force:" in form.fields[name].help_text


def test_a_change_makes_a_revision_with_reason_and_holds(browser: Browse, root: User, acme: Company) -> None:
    page = browser(root)
    answer = page.post(reverse(EVERYWHERE), {"revision": 0, MINUTES: "30", "reason": "people complained"})
    assert answer.status_code == 302
    assert snapshot(None)[MINUTES] == snapshot(acme.pk)[MINUTES] == 30
    revision = SettingsRevision.objects.get()
    assert (revision.reason, revision.author_name, revision.values) == (
        "people complained",
        root.username,
        {MINUTES: 30},
    )
    assert AuditEvent.objects.get(event=Event.SETTINGS_CHANGED).details["changes"] == [f"{MINUTES}: – → 30"]
    text = page.get(reverse(EVERYWHERE)).content.decode()
    assert "people complained" in text
    assert "set here" in text


def test_a_change_needs_a_reason_and_values_within_their_bounds(browser: Browse, root: User) -> None:
    page = browser(root)
    form = page.post(reverse(EVERYWHERE), {"revision": 0, MINUTES: "30", "reason": " "}).context["form"]
    assert "reason" in form.errors
    form = page.post(reverse(EVERYWHERE), {"revision": 0, MINUTES: "1441", "reason": "x"}).context["form"]
    assert "from 0 to 1440" in str(form.errors[MINUTES])
    assert form["reason"].value() == "x"
    assert not SettingsRevision.objects.exists()


def test_a_secret_is_typed_and_never_shown_and_an_empty_field_keeps_it(browser: Browse, root: User) -> None:
    page, plain = browser(root), "of-the-portal-7"
    assert "In force: nothing, the default." in page.get(reverse(EVERYWHERE)).content.decode()
    page.post(reverse(EVERYWHERE), {"revision": 0, PASSWORD.name: plain, "reason": "x"})
    assert secret_of(PASSWORD, snapshot(None)) == plain
    page.post(reverse(EVERYWHERE), {"revision": 1, PASSWORD.name: "", MINUTES: "30", "reason": "x"})
    assert secret_of(PASSWORD, snapshot(None)) == plain
    text = page.get(reverse(EVERYWHERE)).content.decode()
    kept = str(SettingsRevision.objects.latest("number").values[PASSWORD.name])
    assert plain not in text
    assert kept not in text
    assert f"In force: {MASK}, set here. Empty: it stays." in text
    refused = page.post(reverse(EVERYWHERE), {"revision": 2, PASSWORD.name: "y" * 501, "reason": "x"})
    assert "y" * 501 not in refused.content.decode()


def test_the_policy_that_is_really_in_force_is_shown(
    browser: Browse, root: User, ada: User, acme: Company
) -> None:
    policy, address = "TwoFactor.Policy", reverse(COMPANY, args=[acme.pk])
    browser(ada).post(address, {"revision": 0, policy: "off", "reason": "x"})
    browser(root).post(reverse(EVERYWHERE), {"revision": 0, policy: "required", "reason": "x"})
    said = browser(ada).get(address).context["form"].fields[policy].help_text
    assert "In force: required, as everywhere, for it is stricter than off, set here." in said


def test_a_companys_own_value_stands_above_and_empty_means_the_one_for_everywhere(
    browser: Browse, ada: User, acme: Company
) -> None:
    page, address = browser(ada), reverse(COMPANY, args=[acme.pk])
    page.post(address, {"revision": 0, MINUTES: "5", "reason": "shared desks"})
    assert (snapshot(acme.pk)[MINUTES], snapshot(None)[MINUTES]) == (5, 15)
    page.post(address, {"revision": 1, MINUTES: "", "reason": "no more"})
    assert snapshot(acme.pk)[MINUTES] == 15


def test_a_company_administrator_comes_straight_to_his_own_settings(
    browser: Browse, ada: User, acme: Company, globex: Company
) -> None:
    answer = browser(ada).get(reverse("admin:tenants_settingsrevision_changelist"))
    assert answer.headers["Location"] == reverse(COMPANY, args=[acme.pk])


def test_the_administrator_of_everything_chooses_and_searches(
    browser: Browse, root: User, acme: Company, globex: Company
) -> None:
    page, address = browser(root), reverse("admin:tenants_settingsrevision_changelist")
    assert [one["name"] for one in page.get(address).context["scopes"]] == ["Everywhere", "Acme", "Globex"]
    assert [one["name"] for one in page.get(address, {"q": "glo"}).context["scopes"]] == ["Globex"]


def test_an_older_revision_is_put_in_force_again(browser: Browse, root: User) -> None:
    page = browser(root)
    page.post(reverse(EVERYWHERE), {"revision": 0, MINUTES: "30", "reason": "first"})
    page.post(reverse(EVERYWHERE), {"revision": 1, MINUTES: "60", "reason": "second"})
    first = SettingsRevision.objects.get(number=1)
    back = reverse("admin:tenants_settingsrevision_roll_back", args=[first.pk])
    assert back in page.get(reverse(EVERYWHERE)).content.decode()
    assert page.post(back, {"reason": "was better"}).headers["Location"] == reverse(EVERYWHERE)
    assert snapshot(None)[MINUTES] == 30
    assert SettingsRevision.objects.count() == 3


def test_who_saves_over_a_change_made_meanwhile_is_told_and_loses_nothing(
    browser: Browse, root: User
) -> None:
    page = browser(root)
    page.post(reverse(EVERYWHERE), {"revision": 0, MINUTES: "30", "reason": "first"})
    answer = page.post(reverse(EVERYWHERE), {"revision": 0, MINUTES: "45", "reason": "second"})
    assert "Somebody else has changed these settings" in answer.content.decode()
    assert answer.context["form"][MINUTES].value() == "45"
    assert snapshot(None)[MINUTES] == 30
    assert AuditEvent.objects.filter(event=Event.REFUSED).exists()


def test_a_refused_change_is_written_down(browser: Browse, ada: User, acme: Company) -> None:
    browser(ada).post(reverse(COMPANY, args=[acme.pk]), {"revision": 0, "reason": "nothing"})
    row = AuditEvent.objects.get(event=Event.REFUSED)
    assert (row.details["code"], row.company_id) == ("nothing_changed", acme.pk)
