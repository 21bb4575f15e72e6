"""What is read from a role package."""

import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import configserver
from configserver.spd import Fault, Malformed, Package, PermissionSpec, PrivilegeSpec, RoleSpec, parse
from tenants.models import Kind
from tenants.rights import APPLICATION, PRIVILEGES
from tests.configserver.spd_files import AGENT, HEAD, SAMPLE, frame, install, read, refused


def role(text: str) -> RoleSpec:
    (only,) = read(install(text)).roles
    return only


def test_a_package_has_its_frame_and_its_roles() -> None:
    package = read(
        frame(
            "<name> Roles </name><version>1.0</version><description>What\n  people do</description>"
            "<summary>Adds\n  roles.</summary><deploymentkey>${TENANT}</deploymentkey>"
            '<profile name="install"><dialog/><execution>'
            '<cfg:role name="Agent" rank="20" description="Talks.">'
            '<cfg:privilege application="Gatehouse" name="Users - View"/>'
            '<cfg:permission kind="user" reach="own"/><cfg:permission kind="*" reach="one" tenant="101"/>'
            "</cfg:role></execution></profile>"
        )
    )
    assert package == Package(
        name="Roles",
        version="1.0",
        description="What people do",
        summary="Adds roles.",
        deploymentkey="${TENANT}",
        roles=(
            RoleSpec(
                name="Agent",
                rank=20,
                description="Talks.",
                privileges=(PrivilegeSpec(application="Gatehouse", name="Users - View"),),
                permissions=(
                    PermissionSpec(kind="user", reach="own"),
                    PermissionSpec(kind="*", reach="one", tenant=101),
                ),
            ),
        ),
    )


@pytest.mark.parametrize("host", ["genesys.com", "genesyslab.com"])
@pytest.mark.parametrize("cfg_host", ["genesys.com", "genesyslab.com"])
def test_the_namespaces_of_both_hosts_are_read(host: str, cfg_host: str) -> None:
    inside = f'{HEAD}<profile name="install"><execution>{AGENT}</execution></profile>'
    assert read(frame(inside, host=host, cfg_host=cfg_host)).roles == (RoleSpec(name="Agent"),)


def test_prefixes_are_only_names_for_namespaces() -> None:
    text = (
        '<a:solutionDefinition version="2.0.0" xmlns:a="http://genesys.com/gax/asd"><a:name>Roles</a:name>'
        "<a:version>1</a:version><a:deploymentkey>k</a:deploymentkey>"
        '<a:profile name="install"><a:execution><role xmlns="http://genesys.com/gax/asd/cfg" name="Agent"/>'
        "</a:execution></a:profile></a:solutionDefinition>"
    )
    assert read(text).roles == (RoleSpec(name="Agent"),)


@pytest.mark.parametrize("version", ["2.0.0", "2.0", "2.1.7"])
def test_every_schema_of_the_second_major_version_is_read(version: str) -> None:
    inside = f'{HEAD}<profile name="install"><execution>{AGENT}</execution></profile>'
    assert read(frame(inside, version=version)).roles


def test_a_byte_order_mark_and_the_declaration_of_utf8_change_nothing() -> None:
    text = '<?xml version="1.0" encoding="UTF-8"?>\n' + install('<cfg:role name="Träger"/>')
    assert parse(text.encode("utf-8-sig")) == read(text)
    assert read(text).roles[0].name == "Träger"


def test_a_role_that_says_no_rank_has_ten() -> None:
    assert role(AGENT) == RoleSpec(name="Agent", rank=10)


@pytest.mark.parametrize("rank", [0, 100])
def test_ranks_go_from_nought_to_a_hundred(rank: int) -> None:
    assert role(f'<cfg:role name="Agent" rank="{rank}"/>').rank == rank


def test_spaces_around_names_do_not_count_and_composed_letters_are_one_way() -> None:
    assert role('<cfg:role name=" Agente\u0301 "/>').name == "Agent\u00e9"


def test_the_roles_of_every_profile_that_installs_are_read() -> None:
    one = '<profile name="install"><execution><cfg:role name="{}"/></execution></profile>'
    package = read(frame(HEAD + one.format("Agent") + one.format("Analyst")))
    assert [one.name for one in package.roles] == ["Agent", "Analyst"]


def test_the_same_privilege_in_two_roles_is_no_repetition() -> None:
    one = '<cfg:role name="{}"><cfg:privilege application="G" name="p"/></cfg:role>'
    assert len(read(install(one.format("Agent") + one.format("Analyst"))).roles) == 2


def test_comments_and_instructions_say_nothing() -> None:
    assert role(f"<!-- <!DOCTYPE x> --><?print all?>{AGENT}") == RoleSpec(name="Agent")


def test_attributes_of_the_schema_instance_are_no_attributes_of_ours() -> None:
    assert role('<cfg:role name="Agent" xsi:type="x"/>') == RoleSpec(name="Agent")


@pytest.mark.parametrize(
    ("inside", "count"),
    [
        (AGENT, 0),
        (f'<os:exec command="x"/>{AGENT}', 1),
        (f"<os:exec><os:argument>x</os:argument><os:argument/></os:exec>{AGENT}", 1),
        (f"<fileio:copy/><log>done</log>{AGENT}<os:exec/>", 3),
    ],
)
def test_steps_that_are_not_carried_out_are_counted(inside: str, count: int) -> None:
    assert read(install(inside)).passed_over == count


def test_what_a_dialog_asks_is_counted_and_not_asked() -> None:
    dialog = '<dialog>Please<input name="a"><os:x/></input><cfg:choose-tenant><cfg:role/></cfg:choose-tenant></dialog>'
    text = frame(f'{HEAD}<profile name="install">{dialog}<execution>{AGENT}</execution></profile>')
    assert read(text).passed_over == 2


def test_a_profile_that_does_not_install_counts_once_and_brings_no_role() -> None:
    other = '<profile name="uninstall"><dialog/><execution><cfg:role name="Gone"/></execution></profile>'
    package = read(
        frame(f'{HEAD}{other}<profile name="install"><execution>{AGENT}</execution></profile><other/>')
    )
    assert (package.roles, package.passed_over) == ((RoleSpec(name="Agent"),), 2)


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=200), st.integers(0, 2_500), st.integers(0, 60))
def test_no_bytes_make_it_raise(noise: bytes, at: int, gone: int) -> None:
    sample = SAMPLE.read_bytes()
    for data in (noise, sample[:at] + noise + sample[at + gone :], sample[:at] + sample[at + gone :]):
        assert isinstance(parse(data), Package | Malformed)


@settings(max_examples=100, deadline=None)
@given(st.text(st.characters(exclude_characters="<&\"'", exclude_categories=["Cs"]), max_size=300))
def test_a_refusal_repeats_little_of_the_file_and_nothing_that_cannot_be_seen(noise: str) -> None:
    found = refused(install(f'<cfg:role name="a" rank="{noise}x"/>'))
    assert len(found.detail) <= 120
    assert found.detail.isprintable()


def test_the_sample_is_read_whole() -> None:
    package = read(SAMPLE.read_text("utf-8"))
    assert (package.name, package.version, package.passed_over) == ("IA Roles", "1.0.0", 0)
    by_name = {one.name: one for one in package.roles}
    assert list(by_name) == [
        "Company Administrator",
        "Application Designer",
        "Reporting Analyst",
        "Contact Centre Agent",
    ]
    assert by_name["Contact Centre Agent"].privileges == (
        PrivilegeSpec(application="Workspace", name="Agent - Can Monitor Co-browse"),
    )


def test_the_sample_names_only_privileges_and_kinds_that_there_are() -> None:
    for one in read(SAMPLE.read_text("utf-8")).roles:
        ours = {granted.name for granted in one.privileges if granted.application == APPLICATION}
        assert ours <= PRIVILEGES.keys()
        assert {permitted.kind for permitted in one.permissions} <= set(Kind.values)


def test_the_page_about_the_format_shows_a_file_that_is_read_and_names_every_reason() -> None:
    page = (Path(configserver.__file__).parents[1] / "docs" / "role-packages.md").read_text("utf-8")
    shown = page.split("```xml\n")[1].split("```")[0]
    assert [one.name for one in read(shown).roles] == ["Agent"]
    of_files = {fault.value for fault in Fault} - {Fault.SNAPSHOT, Fault.SNAPSHOT_VERSION}
    reasons = page.split("## Why a file is refused")[1]
    assert set(re.findall(r"`([a-z_0-9]+)`", reasons)) == of_files
    kinds = page.split("`kind` of object (")[1].split(")")[0]
    assert set(re.findall(r"`([^`]+)`", kinds)) == set(Kind.values)
