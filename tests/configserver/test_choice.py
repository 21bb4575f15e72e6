"""Which engine answers for a person: every rule of the options library and enforce-external-auth."""

from itertools import product

import pytest

from configserver.choice import INTERNAL, Choice, Said, Why, engine_of

OWN, TENANTS, ABOVE = "own-directory", "tenants-directory", "directory-above"


@pytest.mark.parametrize(
    ("own", "external_id", "tenants", "choice"),
    [
        ("", "", [], Choice(engine=INTERNAL, why=Why.NO_DIRECTORY)),
        ("", "d.adler", [Said()], Choice(engine=INTERNAL, why=Why.NO_DIRECTORY)),
        (OWN, "", [Said(library=INTERNAL)], Choice(engine=OWN, why=Why.OWN)),
        ("", "d.adler", [Said(library=TENANTS)], Choice(engine=TENANTS, why=Why.EXTERNAL_ID)),
        ("", "", [Said(library=TENANTS)], Choice(engine=INTERNAL, why=Why.NO_EXTERNAL_ID)),
        ("", "", [Said(library=TENANTS, enforce=True)], Choice(engine=TENANTS, why=Why.ENFORCED)),
        ("", "d.adler", [Said(library=INTERNAL)], Choice(engine=INTERNAL, why=Why.TURNED_OFF)),
        ("", "", [Said(library=INTERNAL, enforce=True)], Choice(engine=INTERNAL, why=Why.TURNED_OFF)),
        ("", "d", [Said(), Said(library=ABOVE)], Choice(engine=ABOVE, why=Why.EXTERNAL_ID)),
        ("", "d", [Said(library=TENANTS), Said(library=ABOVE)], Choice(engine=TENANTS, why=Why.EXTERNAL_ID)),
        ("", "d", [Said(library=INTERNAL), Said(library=ABOVE)], Choice(engine=INTERNAL, why=Why.TURNED_OFF)),
        ("", "", [Said(library=TENANTS), Said(enforce=True)], Choice(engine=TENANTS, why=Why.ENFORCED)),
        (
            "",
            "",
            [Said(library=TENANTS, enforce=False), Said(enforce=True)],
            Choice(engine=INTERNAL, why=Why.NO_EXTERNAL_ID),
        ),
    ],
)
def test_the_road_as_the_options_tell_it(
    own: str, external_id: str, tenants: list[Said], choice: Choice
) -> None:
    assert engine_of(own=own, external_id=external_id, tenants=tenants) == choice


def test_exactly_one_engine_answers_whatever_is_said() -> None:
    said = [
        Said(library=library, enforce=enforce)
        for library, enforce in product(("", INTERNAL, TENANTS), (None, True, False))
    ]
    for own, external_id, first, second in product(("", OWN), ("", "d"), said, said):
        chosen = engine_of(own=own, external_id=external_id, tenants=[first, second])
        assert chosen.engine in {INTERNAL, OWN, TENANTS}
        assert (chosen.engine == OWN) == bool(own)
