"""The published agent client, run as it is under Node, against this server (mission S2)."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import Integration, User
from accounts.tokens.issue import access_token
from cobrowse.models import CobrowseSession
from tenants.models import Company
from tests.accounts.vouched import integration_of, token_of
from tests.cobrowse.story import SHOP, Customer, Desktop, application
from tests.services.agent_sdk import AgentSdk, SdkError

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def sdk(live_server: Any) -> Iterator[AgentSdk]:
    client = AgentSdk(live_server.url)
    yield client
    client.close()


@pytest.fixture
def desk(acme: Company) -> Integration:
    return integration_of(acme, ceiling="Company Administrator")


def vouched(desk: Integration, user: User, **more: Any) -> str:
    return token_of(desk, now=timezone.now(), sub=user.username, **{"role": "agent", **more})


def refused(sdk: AgentSdk, call: str, *args: Any, **more: Any) -> tuple[int | None, str | None, str]:
    with pytest.raises(SdkError) as caught:
        sdk(call, *args, **more)
    return caught.value.status, caught.value.id, caught.value.message


def test_it_reads_the_person_the_account_the_policy_and_the_region(
    sdk: AgentSdk, desk: Integration, ben: User, acme: Company
) -> None:
    token = vouched(desk, ben)
    assert sdk("users.current", token=token) == {"id": str(ben.uid)}
    assert sdk("users.get", str(ben.uid), token=token) == {"id": str(ben.uid)}
    (account,) = sdk("accounts.list", token=token)
    assert (account["id"], account["license_key"]) == (str(acme.uid), desk.licence_key)
    assert account["features"]["full_device"] is False
    policy = sdk("policies.current", token=token)
    assert policy["sessions:create"] is True
    assert policy["features:read"] is False
    assert sdk("regions.closest", token=token)["type"] == "self-hosted"
    assert sdk("devices.list", {"filter_user_id": "x"}, token=token) == []
    assert refused(sdk, "devices.get", "abc", token=token)[:2] == (404, "device_not_found")


def test_it_finds_a_customer_by_the_six_digits_and_joins_asks_and_ends(
    sdk: AgentSdk, desk: Integration, ben: User, acme: Company, client: Any
) -> None:
    application(acme, "cluster", origins=SHOP)
    carol = Customer()
    said = carol.starts(custom_data={"user_id": "carol"})
    token = vouched(desk, ben)
    found = sdk("sessions.get", said["code"], token=token, **{"as": "s"})
    assert (found["id"], found["state"], found["agent"]) == (said["sessionHistoryId"], "pending", False)
    assert found["custom_data"] == {"user_id": "carol"}
    assert carol.sees()["state"] == "idle"  # reading it changed nothing
    joined = sdk("update", {"agent": "me"}, on="s")
    assert (joined["state"], joined["isActive"], joined["agent"]["name"]) == ("active", True, "Ben")
    assert [one["id"] for one in joined["agents"]] == [str(ben.uid)]
    assert sdk("setRemoteControl", "requested", on="s")["remote_control"] == "requested"
    carol.does("mode", {"mode": "write", "action": "grant"})
    assert sdk("fetch", on="s")["remote_control"] == "on"
    assert sdk("setRemoteControl", "off", on="s")["remote_control"] == "off"
    assert refused(sdk, "setRemoteControl", "on", on="s")[:2] == (403, "not_yours_to_decide")
    assert refused(sdk, "setFullDevice", "requested", on="s")[0] == 400
    changed = sdk("update", {"custom_data": {"user_id": None, "ticket": "4711"}}, on="s")
    assert changed["custom_data"] == {"ticket": "4711"}
    ended = sdk("end", on="s")
    assert (ended["state"], ended["ended_reason"]) == ("ended", "agent_ended")
    assert carol.sees()["endedReason"] == "agent-left"
    assert refused(sdk, "end", on="s")[:2] == (409, "session_ended")
    assert refused(sdk, "update", {"custom_data": {"a": "b"}}, on="s")[:2] == (409, "session_ended")
    assert refused(sdk, "sessions.get", said["code"], token=token)[:2] == (404, "session_not_found")
    assert sdk("sessions.get", said["sessionHistoryId"], token=token)["state"] == "ended"


def test_it_makes_a_session_whose_customer_comes_with_the_nine_digits(
    sdk: AgentSdk, desk: Integration, ben: User, acme: Company
) -> None:
    application(acme, "cluster", origins=SHOP)
    token = vouched(desk, ben)
    made = sdk("sessions.create", {"custom_data": {"ticket": "1"}, "agent": "me"}, token=token, **{"as": "s"})
    assert (made["state"], len(made["code"]), made["agent"]["id"]) == ("pending", 6, str(ben.uid))
    row = CobrowseSession.objects.get()
    carol = Customer()
    joined = carol.post(f"/cobrowse/rest/live/sessions/{row.token}/join", {"role": 1, "name": "Carol"})
    assert joined.status_code == 200
    assert sdk("fetch", on="s")["state"] == "active"
    assert refused(sdk, "sessions.create", {}, token=token)[:2] == (409, "too_many_sessions")


def test_lists_are_of_ones_own_and_for_administrators_of_everybody(
    sdk: AgentSdk, desk: Integration, ben: User, bea: User, ada: User
) -> None:
    for user, ticket in ((ben, "1"), (bea, "2")):
        Desktop(user).post("/api/1/sessions", {"custom_data": {"ticket": ticket, "kind": "x"}})
    (own,) = sdk("sessions.list", {}, token=vouched(desk, ben))
    assert own["custom_data"]["ticket"] == "1"
    assert refused(sdk, "sessions.list", {"agent": "all"}, token=vouched(desk, ben))[0] == 403
    boss = vouched(desk, ada, role="administrator")
    assert len(sdk("sessions.list", {"agent": "all"}, token=boss)) == 2
    assert len(sdk("sessions.list", {"agent": "all", "limit": 1}, token=boss)) == 1
    assert [
        one["custom_data"]["ticket"]
        for one in sdk(
            "sessions.list", {"agent": "all", "filter_ticket": "2", "filter_kind": "x"}, token=boss
        )
    ] == ["2"]
    assert len(sdk("sessions.list", {"agent": "all", "state": ["pending", "active"]}, token=boss)) == 2
    assert sdk("sessions.list", {"agent": "all", "state": "ended"}, token=boss) == []
    later = (timezone.now() + timedelta(hours=1)).isoformat()
    assert sdk("sessions.list", {"agent": "all", "activated_before": later}, token=boss) == []
    assert refused(sdk, "sessions.list", {"state": "asleep"}, token=boss)[0] == 400


def test_a_token_that_has_run_out_says_so_in_the_words_that_the_client_knows(
    sdk: AgentSdk, desk: Integration, ben: User
) -> None:
    long_ago = timezone.now() - timedelta(hours=2)
    for token in (
        token_of(desk, now=long_ago, sub=ben.username, role="agent"),
        access_token(Desktop(ben).session, now=long_ago)[0],
    ):
        with pytest.raises(SdkError) as caught:
            sdk("users.current", token=token)
        # Which the client throws for these words alone; it puts them where other errors have the status.
        assert (caught.value.name, caught.value.status) == ("TokenExpiredError", "jwt expired")
    status, id, message = refused(sdk, "users.current", token="nonsense")
    assert (status, id) == (401, "invalid_token")
    assert message != "jwt expired"
    assert refused(sdk, "users.current", token=None)[:2] == (401, "unauthenticated")


def test_a_policy_is_enforced_here_and_not_by_the_client(
    sdk: AgentSdk, desk: Integration, ben: User, bea: User
) -> None:
    rows = [
        Desktop(user).post("/api/1/sessions", {"custom_data": {"ticket": ticket}}).json()
        for user, ticket in ((ben, "1"), (bea, "2"))
    ]

    def of(policy: dict[str, Any], **more: Any) -> str:
        return vouched(desk, ben, **{"role": None, "policy": policy, **more})

    nothing = of({"version": 3})
    assert refused(sdk, "sessions.list", {}, token=nothing)[:2] == (403, "privilege_missing")
    reads = of({"version": 3, "sessions": {"permissions": ["read"]}})
    assert len(sdk("sessions.list", {}, token=reads)) == 1
    assert refused(sdk, "sessions.create", {}, token=reads)[0] == 403
    sdk("sessions.get", rows[0]["id"], token=reads, **{"as": "own"})
    for call, args in (("end", []), ("update", [{"custom_data": {"a": "b"}}])):
        assert refused(sdk, call, *args, on="own")[0] == 403
    assert refused(sdk, "accounts.list", token=reads)[0] == 403
    assert sdk("users.current", token=reads)["id"] == str(ben.uid)

    one = of({"version": 2, "sessions": {"id": rows[1]["id"]}})  # a viewer of somebody else's session
    assert sdk("sessions.get", rows[1]["id"], token=one)["id"] == rows[1]["id"]
    assert refused(sdk, "sessions.get", rows[0]["id"], token=one)[0] == 404
    assert sdk("sessions.list", {}, token=one) == []

    ticket = of({"version": 3, "sessions": {"custom_data": {"ticket": "1"}}})
    assert [row["id"] for row in sdk("sessions.list", {}, token=ticket)] == [rows[0]["id"]]
    sdk("sessions.get", rows[0]["id"], token=ticket, **{"as": "ticket"})
    assert refused(sdk, "update", {"custom_data": {"ticket": "2"}}, on="ticket")[0] == 403
    assert sdk("update", {"custom_data": {"note": "x"}}, on="ticket")["custom_data"]["note"] == "x"
    assert refused(sdk, "sessions.create", {"custom_data": {"ticket": "2"}}, token=ticket)[0] == 403

    told = sdk("policies.current", token=reads)
    assert (told["sessions:read"], told["sessions:create"], told["features:read"]) == (True, False, False)


def test_where_desktops_prove_themselves_a_client_that_cannot_is_told_why(
    sdk: AgentSdk, desk: Integration, ben: User, acme: Company
) -> None:
    application(acme, "cluster", token="ABCDEFGHIJKLMNOPQRSTUV2345")
    status, id, message = refused(sdk, "users.current", token=vouched(desk, ben))
    assert (status, id) == (403, "agent_token_missing")
    assert "does not start" in message


def test_a_foreign_company_finds_nothing(sdk: AgentSdk, desk: Integration, ben: User, cleo: User) -> None:
    made = Desktop(ben).post("/api/1/sessions", {}).json()
    foreign = Desktop(cleo).tokens
    assert foreign is not None
    for name in (made["id"], made["code"]):
        assert refused(sdk, "sessions.get", name, token=foreign["access_token"])[0] == 404
    assert sdk("sessions.list", {"agent": "all"}, token=foreign["access_token"]) == []
    assert refused(sdk, "users.get", str(ben.uid), token=foreign["access_token"])[0] == 404
