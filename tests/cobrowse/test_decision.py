"""Every cell of the table that decides whether a request of the agent's side goes on (mission C4, seed 000)."""

from itertools import product

import pytest

from cobrowse.decision import Log, Reason, Sent, Verdict, decide

ON = Verdict(goes_on=True)
CELLS = {
    # cluster has a token, what was sent, off means refuse
    (False, Sent.ABSENT, False): ON,
    (False, Sent.OTHER, False): Verdict(goes_on=True, log=Log.NOT_CONFIGURED),
    (False, Sent.ABSENT, True): Verdict(goes_on=False, log=Log.NOT_CONFIGURED, reason=Reason.MISSING),
    (False, Sent.OTHER, True): Verdict(goes_on=False, log=Log.NOT_CONFIGURED, reason=Reason.INVALID),
    (True, Sent.VALID, False): Verdict(goes_on=True, authenticated=True),
    (True, Sent.VALID, True): Verdict(goes_on=True, authenticated=True),
    (True, Sent.OTHER, False): Verdict(goes_on=False, log=Log.INVALID, reason=Reason.INVALID),
    (True, Sent.OTHER, True): Verdict(goes_on=False, log=Log.INVALID, reason=Reason.INVALID),
    (True, Sent.ABSENT, False): Verdict(goes_on=False, log=Log.MISSING, reason=Reason.MISSING),
    (True, Sent.ABSENT, True): Verdict(goes_on=False, log=Log.MISSING, reason=Reason.MISSING),
}


@pytest.mark.parametrize("cell", CELLS)
def test_each_cell_is_as_the_source_system_states(cell: tuple[bool, Sent, bool]) -> None:
    is_set, sent, refuse_unset = cell
    assert decide(is_set=is_set, sent=sent, refuse_unset=refuse_unset) == CELLS[cell]


def test_the_table_has_every_cell_but_a_valid_token_where_there_is_none_to_be_like() -> None:
    every = set(product((False, True), Sent, (False, True)))
    assert every - CELLS.keys() == {(False, Sent.VALID, False), (False, Sent.VALID, True)}


def test_nothing_but_a_valid_token_is_ever_taken_for_authenticated() -> None:
    for is_set, sent, refuse_unset in product((False, True), Sent, (False, True)):
        verdict = decide(is_set=is_set, sent=sent, refuse_unset=refuse_unset)
        assert verdict.authenticated == (is_set and sent is Sent.VALID)
        assert verdict.goes_on == (verdict.reason is None)
