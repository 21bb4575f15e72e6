"""Runtime settings: who changed what and why, what is in force where, and the way back."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
from pytest_django import Settings

from accounts.models import User
from accounts.options import IDLE_LOCK
from audit.events import Event
from audit.models import AuditEvent
from audit.record import Origin
from configserver.options import MIN_LENGTH
from configserver.remote.config import PASSWORD as OF_PORTAL
from core import epoch, options
from core.options import MASK, Option, declared
from core.outcomes import Denied
from tenants import settings as runtime
from tenants.actor import system_actor
from tenants.models import Company, SettingSecret, SettingsRevision
from tenants.settings import (
    CONFLICT,
    NOTHING_CHANGED,
    active,
    change_settings,
    roll_back,
    secret_of,
    snapshot,
    sources,
)
from tests.conftest import Clock
from tests.parallel import in_parallel
from twofactor.options import AFTER_SENDS, DIGITS, POLICY

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db]
Value = bool | int | str | None


def change(
    clock: Clock, values: dict[str, Any], *, company: Company | None = None, **more: Any
) -> SettingsRevision | Denied:
    asked: dict[str, Any] = {"reason": "because", "by": system_actor(), "now": clock()} | more
    return change_settings(values, company=company, **asked)


def changed(
    clock: Clock, values: dict[str, Any], *, company: Company | None = None, **more: Any
) -> SettingsRevision:
    result = change(clock, values, company=company, **more)
    assert isinstance(result, SettingsRevision), result
    return result


@contextmanager
def pinning(settings: Settings, **variables: str) -> Iterator[None]:
    """A process that was started with these variables."""
    settings.PINNED_OPTIONS = variables
    runtime.pinned.cache_clear()
    runtime._everywhere._held = runtime._of_companies._held = (0, {})
    yield
    settings.PINNED_OPTIONS = {}
    runtime.pinned.cache_clear()


# --- changing ----------------------------------------------------------------------------------------------------------


def test_before_any_change_the_defaults_are_in_force(acme: Company) -> None:
    for company_id in (None, acme.pk):
        assert dict(snapshot(company_id)) == {name: option.default for name, option in declared().items()}
        assert set(sources(company_id).values()) == {"default"}


def test_a_change_is_in_force_at_once_and_says_who_and_why(clock: Clock, root: User) -> None:
    revision = changed(
        clock,
        {"TwoFactor.CodeDigits": "8"},
        reason=" longer codes ",
        by=replace(system_actor(), origin=Origin(actor=root, address="192.0.2.1")),
    )
    assert snapshot(None).number(DIGITS) == 8
    assert (revision.number, revision.values, revision.company) == (1, {"TwoFactor.CodeDigits": 8}, None)
    assert (revision.reason, revision.author_uid, revision.author_name) == (
        "longer codes",
        str(root.uid),
        "root@portal.example",
    )
    assert revision.at == clock()
    row = AuditEvent.objects.get(event=Event.SETTINGS_CHANGED)
    assert (row.actor_uid, row.company_id, row.address) == (str(root.uid), None, "192.0.2.1")
    assert row.details == {"reason": "longer codes", "changes": ["TwoFactor.CodeDigits: – → 8"]}


def test_each_change_is_a_new_revision_on_top_of_the_others(clock: Clock) -> None:
    changed(clock, {"TwoFactor.CodeDigits": 8})
    second = changed(clock, {"TwoFactor.Policy": "required", "TwoFactor.CodeDigits": 7})
    assert second.number == 2
    assert active(None) == {"TwoFactor.Policy": "required", "TwoFactor.CodeDigits": 7}
    assert SettingsRevision.objects.count() == 2
    assert AuditEvent.objects.latest("id").details["changes"] == [
        "TwoFactor.CodeDigits: 8 → 7",
        "TwoFactor.Policy: – → required",
    ]


def test_a_value_can_be_taken_back_to_the_default(clock: Clock) -> None:
    changed(clock, {"TwoFactor.CodeDigits": 8, "TwoFactor.Policy": "required"})
    changed(clock, {"TwoFactor.CodeDigits": None})
    assert active(None) == {"TwoFactor.Policy": "required"}
    assert snapshot(None).number(DIGITS) == DIGITS.default


@pytest.mark.parametrize("values", [{}, {"TwoFactor.CodeDigits": None}, {"TwoFactor.Policy": "required"}])
def test_a_change_of_nothing_makes_no_revision(clock: Clock, values: dict[str, Any]) -> None:
    changed(clock, {"TwoFactor.Policy": "required"})
    assert change(clock, values) is NOTHING_CHANGED
    assert SettingsRevision.objects.count() == 1
    assert AuditEvent.objects.count() == 1


# --- refusals ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "code", "field"),
    [
        ({"TwoFactor.CodeDigits": 3}, "invalid", "TwoFactor.CodeDigits"),
        ({"TwoFactor.CodeDigits": 11}, "invalid", "TwoFactor.CodeDigits"),
        ({"TwoFactor.CodeDigits": "six"}, "invalid", "TwoFactor.CodeDigits"),
        ({"TwoFactor.CodeDigits": 6.0}, "invalid", "TwoFactor.CodeDigits"),
        ({"TwoFactor.CodeDigits": True}, "invalid", "TwoFactor.CodeDigits"),
        ({"TwoFactor.Policy": "strict"}, "invalid", "TwoFactor.Policy"),
        ({"TwoFactor.Policy": ""}, "invalid", "TwoFactor.Policy"),
        ({"Login.Security.Strict": "perhaps"}, "invalid", "Login.Security.Strict"),
        (
            {"TwoFactor.EmailSubject": "Code\r\nBcc: mallory@evil.example"},
            "invalid",
            "TwoFactor.EmailSubject",
        ),
        ({"TwoFactor.EmailSubject": "\x00"}, "invalid", "TwoFactor.EmailSubject"),
        ({"TwoFactor.EmailSubject": "\ud800"}, "invalid", "TwoFactor.EmailSubject"),
        ({"TwoFactor.EmailFrom": "nobody"}, "invalid", "TwoFactor.EmailFrom"),
        ({"TwoFactor.EmailFrom": "a@b.example, c@d.example"}, "invalid", "TwoFactor.EmailFrom"),
        ({"TwoFactor.codedigits": 8}, "unknown_setting", "TwoFactor.codedigits"),
        ({"SECRET_KEY": "x"}, "unknown_setting", "SECRET_KEY"),
        ({"": 1}, "unknown_setting", ""),
        ({"TwoFactor.CodeDigits": 8, "Nothing.Such": 1}, "unknown_setting", "Nothing.Such"),
    ],
)
def test_what_does_not_fit_is_refused_whole(
    clock: Clock, values: dict[str, Any], code: str, field: str
) -> None:
    refused = change(clock, values)
    assert isinstance(refused, Denied)
    assert (refused.code, refused.field) == (code, field)
    assert str(refused.message)
    assert not SettingsRevision.objects.exists()
    assert not AuditEvent.objects.exists()


@pytest.mark.parametrize("reason", ["", "   ", "\n", "x" * 301])
def test_a_change_needs_a_reason_of_reasonable_length(clock: Clock, reason: str) -> None:
    refused = change(clock, {"TwoFactor.CodeDigits": 8}, reason=reason)
    assert isinstance(refused, Denied)
    assert (refused.code, refused.field) == ("reason_needed", "reason")
    assert not SettingsRevision.objects.exists()


def test_every_declared_bound_holds_and_its_edges_are_inside(clock: Clock) -> None:
    numbers = [option for option in declared().values() if option.type is int]
    assert numbers
    for option in numbers:
        assert option.minimum is not None
        assert option.maximum is not None
        for value in (option.minimum - 1, option.maximum + 1):
            assert isinstance(change(clock, {option.name: value}), Denied)
        for value in (option.minimum, option.maximum):
            if value != active(None).get(option.name):
                changed(clock, {option.name: value})
            assert snapshot(None)[option.name] == value


# --- companies ---------------------------------------------------------------------------------------------------------


def test_the_value_of_a_company_stands_above_the_global_one_and_beside_the_others(
    clock: Clock, acme: Company, globex: Company
) -> None:
    changed(clock, {"TwoFactor.CodeDigits": 7, "Session.IdleLockMinutes": 30})
    changed(clock, {"TwoFactor.CodeDigits": 8}, company=acme)
    assert [snapshot(one).number(DIGITS) for one in (None, acme.pk, globex.pk)] == [7, 8, 7]
    assert [snapshot(one).number(IDLE_LOCK) for one in (None, acme.pk, globex.pk)] == [30, 30, 30]
    assert sources(acme.pk)["TwoFactor.CodeDigits"] == "company"
    assert sources(acme.pk)["Session.IdleLockMinutes"] == "global"
    assert sources(globex.pk)["TwoFactor.CodeDigits"] == "global"
    assert sources(acme.pk)["TwoFactor.Policy"] == "default"


def test_a_global_change_reaches_companies_without_a_value_of_their_own(clock: Clock, acme: Company) -> None:
    changed(clock, {"TwoFactor.CodeDigits": 8}, company=acme)
    assert snapshot(acme.pk).text(POLICY) == "optional"
    changed(clock, {"TwoFactor.Policy": "required", "TwoFactor.CodeDigits": 9})
    assert snapshot(acme.pk).text(POLICY) == "required"
    assert snapshot(acme.pk).number(DIGITS) == 8
    changed(clock, {"TwoFactor.CodeDigits": None}, company=acme)
    assert snapshot(acme.pk).number(DIGITS) == 9


def test_of_two_policies_of_the_second_factor_the_stricter_one_is_in_force(
    clock: Clock, acme: Company
) -> None:
    found = {}
    for everywhere in POLICY.choices:
        change(clock, {POLICY.name: everywhere})
        for own in POLICY.choices:
            change(clock, {POLICY.name: own}, company=acme)
            found[everywhere, own] = (snapshot(acme.pk).text(POLICY), sources(acme.pk)[POLICY.name])
    assert found == {
        ("off", "off"): ("off", "company"),
        ("off", "optional"): ("optional", "company"),
        ("off", "required"): ("required", "company"),
        ("optional", "off"): ("optional", "global"),
        ("optional", "optional"): ("optional", "company"),
        ("optional", "required"): ("required", "company"),
        ("required", "off"): ("required", "global"),
        ("required", "optional"): ("required", "global"),
        ("required", "required"): ("required", "company"),
    }


def test_a_company_may_have_the_default_as_a_value_of_its_own(clock: Clock, acme: Company) -> None:
    changed(clock, {"TwoFactor.CodeDigits": 9})
    changed(clock, {"TwoFactor.CodeDigits": DIGITS.default}, company=acme)
    assert snapshot(acme.pk).number(DIGITS) == DIGITS.default


def test_revisions_are_numbered_for_each_company_and_written_down_as_its_own(
    clock: Clock, acme: Company, globex: Company
) -> None:
    numbers = [
        changed(clock, {"TwoFactor.CodeDigits": digits}, company=company).number
        for company, digits in ((None, 7), (acme, 7), (acme, 8), (globex, 7), (None, 8))
    ]
    assert numbers == [1, 1, 2, 1, 2]
    companies = list(AuditEvent.objects.order_by("id").values_list("company_id", flat=True))
    assert companies == [None, acme.pk, acme.pk, globex.pk, None]


def test_a_setting_that_all_share_cannot_be_changed_for_one_company(
    clock: Clock, acme: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    shared = Option(name="Shared.Number", default=1, minimum=0, maximum=9, company=False, help="One for all.")
    monkeypatch.setattr(options, "_registry", dict(options._registry) | {shared.name: shared})
    refused = change(clock, {"Shared.Number": 2}, company=acme)
    assert isinstance(refused, Denied)
    assert (refused.code, refused.field) == ("global_only", "Shared.Number")
    changed(clock, {"Shared.Number": 3})
    assert snapshot(acme.pk).number(shared) == 3
    assert sources(acme.pk)["Shared.Number"] == "global"


# --- pins --------------------------------------------------------------------------------------------------------------


def test_the_environment_stands_above_everything_and_cannot_be_changed(
    clock: Clock, acme: Company, settings: Settings
) -> None:
    changed(clock, {"TwoFactor.CodeDigits": 7})
    changed(clock, {"TwoFactor.CodeDigits": 8}, company=acme)
    with pinning(settings, OPTION_TWOFACTOR__CODEDIGITS="9"):
        assert [snapshot(one).number(DIGITS) for one in (None, acme.pk)] == [9, 9]
        assert snapshot(None).pinned == {"TwoFactor.CodeDigits"}
        assert sources(acme.pk)["TwoFactor.CodeDigits"] == "environment"
        for value in (10, 9, None):
            refused = change(clock, {"TwoFactor.CodeDigits": value}, company=acme)
            assert isinstance(refused, Denied)
            assert refused.code == "pinned"
            assert "OPTION_TWOFACTOR__CODEDIGITS" in str(refused.message)
        changed(clock, {"TwoFactor.Policy": "required"})
    runtime._everywhere._held = runtime._of_companies._held = (0, {})
    assert [snapshot(one).number(DIGITS) for one in (None, acme.pk)] == [7, 8]


# --- the way back ------------------------------------------------------------------------------------------------------


def test_an_older_revision_is_put_in_force_again_by_a_new_one(clock: Clock, root: User) -> None:
    first = changed(clock, {"TwoFactor.CodeDigits": 7})
    changed(clock, {"TwoFactor.CodeDigits": 8, "TwoFactor.Policy": "required"})
    back = roll_back(first, reason="", by=replace(system_actor(), origin=Origin(actor=root)), now=clock())
    assert isinstance(back, SettingsRevision)
    assert (back.number, back.values, back.reason) == (
        3,
        {"TwoFactor.CodeDigits": 7},
        "roll back to revision 1",
    )
    assert snapshot(None).number(DIGITS) == 7
    assert snapshot(None).text(POLICY) == "optional"
    assert SettingsRevision.objects.count() == 3
    assert AuditEvent.objects.latest("id").details["changes"] == [
        "TwoFactor.CodeDigits: 8 → 7",
        "TwoFactor.Policy: required → –",
    ]


def test_a_company_is_rolled_back_alone(clock: Clock, acme: Company) -> None:
    first = changed(clock, {"TwoFactor.CodeDigits": 7}, company=acme)
    changed(clock, {"TwoFactor.CodeDigits": 8}, company=acme)
    changed(clock, {"TwoFactor.CodeDigits": 9})
    roll_back(first, reason="too long", by=system_actor(), now=clock())
    assert [snapshot(one).number(DIGITS) for one in (acme.pk, None)] == [7, 9]


def test_rolling_back_to_what_is_in_force_changes_nothing(clock: Clock) -> None:
    first = changed(clock, {"TwoFactor.CodeDigits": 7})
    assert roll_back(first, reason="again", by=system_actor(), now=clock()) is NOTHING_CHANGED


def test_a_setting_that_is_gone_does_not_come_back(clock: Clock) -> None:
    old = SettingsRevision.objects.create(
        number=1, values={"Gone.Option": 1, "TwoFactor.CodeDigits": 7}, at=clock()
    )
    changed(clock, {"TwoFactor.CodeDigits": 8})
    back = roll_back(old, reason="", by=system_actor(), now=clock())
    assert isinstance(back, SettingsRevision)
    assert back.values == {"TwoFactor.CodeDigits": 7}


def test_a_reason_for_rolling_back_that_is_too_long_is_refused(clock: Clock) -> None:
    first = changed(clock, {"TwoFactor.CodeDigits": 7})
    changed(clock, {"TwoFactor.CodeDigits": 8})
    refused = roll_back(first, reason="x" * 301, by=system_actor(), now=clock())
    assert isinstance(refused, Denied)
    assert refused.code == "reason_needed"


def test_a_stored_value_that_no_longer_fits_gives_way_and_nothing_breaks(clock: Clock, acme: Company) -> None:
    changed(clock, {"security-authentication-rules.password-min-length": 16})
    SettingsRevision.objects.create(
        company=acme,
        number=1,
        values={MIN_LENGTH.name: 9_999, "Gone.Option": "x", AFTER_SENDS.name: 7},
        at=clock(),
    )
    assert snapshot(acme.pk).number(MIN_LENGTH) == 16
    assert snapshot(acme.pk).text(AFTER_SENDS) == "deny"
    changed(clock, {"TwoFactor.CodeDigits": 8}, company=acme)
    assert snapshot(acme.pk).number(DIGITS) == 8


# --- caching and many at once ------------------------------------------------------------------------------------------


def test_settings_are_read_once_a_version(
    clock: Clock, acme: Company, django_assert_num_queries: Any
) -> None:
    snapshot(acme.pk)
    with django_assert_num_queries(1):  # the version; a process with its own poller does not even ask that
        first = snapshot(acme.pk)
    assert snapshot(acme.pk) is first
    changed(clock, {"TwoFactor.CodeDigits": 8}, company=acme)
    assert snapshot(acme.pk) is not first


@pytest.mark.django_db(transaction=True)
def test_a_refused_change_leaves_every_cache_as_it_was(clock: Clock) -> None:
    before = epoch.current()
    change(clock, {"TwoFactor.CodeDigits": 99})
    change(clock, {})
    assert epoch.current() == before


@pytest.mark.django_db(transaction=True)
def test_of_changes_at_the_same_moment_each_is_kept_or_told_and_none_undoes_another(clock: Clock) -> None:
    names = [
        "TwoFactor.CodeDigits",
        "TwoFactor.MaxCodeSends",
        "TwoFactor.MaxCodeChecks",
        "TwoFactor.CodeExpiryMinutes",
    ]
    kept: list[tuple[str, int]] = []

    def work(number: int) -> None:
        for value in [7, 8] * 15:
            result = change(clock, {names[number]: value})
            if isinstance(result, SettingsRevision):
                kept.append((names[number], value))
            else:
                assert result in (CONFLICT, NOTHING_CHANGED)

    in_parallel(4, work)
    assert active(None) == dict(kept)
    assert SettingsRevision.objects.count() == len(kept)
    assert AuditEvent.objects.count() == len(kept)
    assert sorted(SettingsRevision.objects.values_list("number", flat=True)) == list(range(1, len(kept) + 1))


# --- secrets -----------------------------------------------------------------------------------------------------------


SECRET = OF_PORTAL.name
PLAIN = "of-the-portal-7"


def test_a_secret_is_kept_sealed_and_shown_nowhere(clock: Clock, api: Any, root: User) -> None:
    changed(clock, {SECRET: PLAIN})
    assert secret_of(OF_PORTAL, snapshot(None)) == PLAIN
    stored = str(list(SettingsRevision.objects.values())) + str(list(SettingSecret.objects.values()))
    trail = str(list(AuditEvent.objects.values()))
    shown = api(root).get("/api/v1/settings/").text + api(root).get("/api/v1/settings/revisions/").text
    for text in (stored, trail, shown):
        assert PLAIN not in text
    assert str(SettingSecret.objects.get().uid) not in shown + trail
    assert MASK in trail


def test_a_secret_is_replaced_rolled_back_and_taken_away(clock: Clock) -> None:
    changed(clock, {SECRET: PLAIN})
    first = SettingsRevision.objects.get()
    changed(clock, {SECRET: "another-one-8"})
    assert secret_of(OF_PORTAL, snapshot(None)) == "another-one-8"
    back = roll_back(first, reason="it was right", by=system_actor(), now=clock())
    assert not isinstance(back, Denied)
    assert secret_of(OF_PORTAL, snapshot(None)) == PLAIN
    mask = change(clock, {SECRET: MASK})
    assert isinstance(mask, Denied)
    changed(clock, {SECRET: ""})
    assert secret_of(OF_PORTAL, snapshot(None)) == ""


def test_a_pinned_secret_is_the_text_of_the_environment(clock: Clock, settings: Settings) -> None:
    with pinning(settings, OPTION_GENESYSSDK__CONFIGSERVERLOGIN__PASSWORD=PLAIN):
        assert secret_of(OF_PORTAL, snapshot(None)) == PLAIN
    runtime._everywhere._held = (0, {})


def test_whoever_changes_where_a_secret_is_sent_gives_it_again(clock: Clock) -> None:
    url = "GenesysSDK.ConfigServerLogin.PrimaryUrl"
    changed(clock, {url: "https://one.example", SECRET: PLAIN})
    refused = change(clock, {url: "https://evil.example"})
    assert isinstance(refused, Denied)
    assert (refused.code, refused.field) == ("secret_needed", SECRET)
    for name, value in (("BackupUrl", "https://evil.example"), ("CaFile", "/etc/evil.pem")):
        assert isinstance(change(clock, {f"GenesysSDK.ConfigServerLogin.{name}": value}), Denied)
    changed(clock, {"GenesysSDK.ConfigServerLogin.TimeoutMs": 5_000})
    changed(clock, {url: "https://two.example", SECRET: PLAIN})
    changed(clock, {url: None})  # nobody is sent anything
    changed(clock, {SECRET: None})
    changed(clock, {url: "https://three.example"})
