"""Calls of an identity provider that come at the same moment."""

import json

import pytest
from django.db import connection

from configserver.models import Group, Person
from tests.configserver.provider import GROUP, PATCH, USER, Provider, scim_directory
from tests.parallel import in_parallel

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db(transaction=True)]


def test_of_many_who_make_the_same_user_one_does() -> None:
    _directory, token = scim_directory()
    answers: list[int] = []

    def work(number: int) -> None:
        name = "Anna" if number % 2 else "anna"
        answers.append(
            Provider(token).call("POST", "Users", {"schemas": [USER], "userName": name}).status_code
        )

    in_parallel(8, work)
    assert sorted(answers) == [201] + [409] * 7
    assert Person.objects.filter(name_key="anna").count() == 1


def test_of_many_who_make_the_same_group_one_does() -> None:
    _directory, token = scim_directory()
    answers: list[int] = []

    def work(_number: int) -> None:
        body = {"schemas": [GROUP], "displayName": "Sellers"}
        answers.append(Provider(token).call("POST", "Groups", body).status_code)

    in_parallel(6, work)
    assert sorted(answers) == [201] + [409] * 5
    assert Group.objects.count() == 1


def test_changes_of_several_attributes_at_once_are_all_kept() -> None:
    _directory, token = scim_directory()
    path = f"Users/{Provider(token).brings('anna')['id']}"
    values = {
        "displayName": "Anna Amsel",
        "externalId": "00u1",
        "name.givenName": "Anna",
        "name.familyName": "Amsel",
    }

    def work(number: int) -> None:
        name, value = list(values.items())[number]
        Provider(token).patch(path, {"op": "replace", "path": name, "value": value})

    in_parallel(len(values), work)
    person = Person.objects.get(name="anna")
    kept = (person.display_name, person.source_ref, person.given_name, person.family_name)
    assert kept == tuple(values.values())


def test_members_who_come_at_once_are_all_in_it() -> None:
    _directory, token = scim_directory()
    provider = Provider(token)
    users = [provider.brings(f"user{number}")["id"] for number in range(6)]
    group = provider.groups("Sellers")["id"]

    def work(number: int) -> None:
        operation = {"op": "add", "path": "members", "value": [{"value": users[number]}]}
        Provider(token).patch(f"Groups/{group}", operation, status=204)

    in_parallel(6, work)
    assert Group.objects.get().members.count() == 6


def test_of_changes_under_the_same_entity_tag_one_is_made() -> None:
    _directory, token = scim_directory()
    made = Provider(token).brings("anna")
    answers: list[int] = []

    def work(number: int) -> None:
        body = {
            "schemas": [PATCH],
            "Operations": [{"op": "replace", "path": "displayName", "value": f"A{number}"}],
        }
        answer = Provider(token).call(
            "PATCH", f"Users/{made['id']}", body, **{"If-Match": made["meta"]["version"]}
        )
        answers.append(answer.status_code)
        assert answer.status_code == 200 or json.loads(answer.content)["status"] == "412"

    in_parallel(5, work)
    assert sorted(answers) == [200] + [412] * 4, connection.vendor


def test_members_come_while_they_get_other_names() -> None:
    _directory, token = scim_directory()
    provider = Provider(token)
    users = [provider.brings(f"user{number}")["id"] for number in range(4)]
    groups = [provider.groups(f"Group {number}", *users[:2])["id"] for number in range(2)]

    def work(number: int) -> None:
        own = Provider(token)
        for time in range(5):
            name = {"op": "replace", "path": "displayName", "value": f"Name {number} {time}"}
            own.patch(f"Users/{users[number % 4]}", name)
            members = {"op": "replace", "path": "members", "value": [{"value": users[(number + time) % 4]}]}
            own.patch(f"Groups/{groups[number % 2]}", members, status=204)

    in_parallel(4, work)
    assert Group.objects.count() == 2
