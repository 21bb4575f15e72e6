"""Where a rule of a tenant comes from agrees with what is in force."""

import pytest
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from configserver import services
from configserver.choice import Said
from configserver.inheritance import Source, standing
from configserver.models import ENVIRONMENT_DBID, Tenant
from configserver.options import tenant_rules
from configserver.tree import Link, chain, settings_of
from core.options import Snapshot, Value, declared
from tenants.actor import system_actor
from tests import directory

LENGTH, DAYS = (
    f"security-authentication-rules.{name}" for name in ("password-min-length", "password-expiration")
)
VALUES = st.dictionaries(st.sampled_from([LENGTH, DAYS]), st.integers(0, 60), max_size=2)


def _environment(revised: dict[str, Value], *, pinned: dict[str, Value] | None = None) -> Snapshot:
    values = {name: one.default for name, one in declared().items()} | revised | (pinned or {})
    return Snapshot(values, pinned=frozenset(pinned or {}))


@given(
    tenants=st.lists(st.tuples(VALUES, st.booleans()), min_size=1, max_size=4),
    revised=VALUES,
    pinned=VALUES,
)
def test_the_value_that_is_shown_is_the_one_in_force(
    tenants: list[tuple[dict[str, int], bool]], revised: dict[str, int], pinned: dict[str, int]
) -> None:
    root = Link(
        pk=1,
        dbid=ENVIRONMENT_DBID,
        parent=None,
        is_active=True,
        said=Said(),
        inherits=True,
        rules={LENGTH: 59},
    )
    links = [
        Link(
            pk=10 + place, dbid=100 + place, parent=None, is_active=True, said=Said(), inherits=inherits, rules=own
        )
        for place, (own, inherits) in enumerate(tenants)
    ]  # fmt: skip
    environment = _environment(dict(revised), pinned=dict(pinned))
    for name in (LENGTH, DAYS):
        expected: Value = environment[name]
        for link in reversed(links):
            if name in pinned:
                break
            if not link.inherits:
                expected = tenant_rules()[name].default
            expected = link.rules.get(name, expected)
        found = standing(tenant_rules()[name], [*links, root], environment)
        assert found.value == expected
        assert (found.source is Source.PINNED) == (name in pinned)
        assert (found.source is Source.TENANT) == (found.dbid is not None and name in _of(links, found.dbid))


def _of(links: list[Link], dbid: int) -> dict[str, Value]:
    return next(dict(link.rules) for link in links if link.dbid == dbid)


@pytest.mark.django_db
def test_it_agrees_with_the_settings_of_the_tenant() -> None:
    holding = directory.tenant(100, name="Holding", rules={DAYS: 30})
    acme = directory.tenant(101, name="Acme tenant", parent=holding, rules={LENGTH: 20})
    draft = services.TenantDraft(inherits=False)
    services.change_tenant(holding, draft, by=system_actor(), now=timezone.now())
    environment = _environment({DAYS: 90, LENGTH: 14})
    for tenant in (acme, holding, Tenant.objects.get(dbid=ENVIRONMENT_DBID)):
        in_force = settings_of(tenant.dbid, environment)
        for name, rule in tenant_rules().items():
            assert standing(rule, chain(tenant.pk), environment).value == in_force[name]
