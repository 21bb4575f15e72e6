"""What becomes of the samples: shared out, held beside the control of the same round, and never divided by nothing."""

import pytest

from bench.client import Operation, Outcome
from bench.measure import Figure, NothingDoneError, Slice, by_turns, per_operation, percentile
from bench.scenarios import get


def sample(web: float, *, database: float = 0, worker: float = 0) -> Slice:
    cpu = {"web": web, "database": database, "worker": worker}
    return Slice(operations=10, seconds=2, cpu_ms=cpu, latencies_ms=[1.0, 3.0])


def test_what_was_used_is_shared_out_among_what_was_done() -> None:
    done = Outcome(operations=4, seconds=1, latencies_ms=[1, 2, 3, 4], failures=[])
    taken = per_operation({"web": 100.0, "worker": 50.0}, {"web": 180.0, "worker": 60.0}, done)
    assert taken.cpu_ms == {"web": 20.0, "worker": 2.5}
    assert (taken.of(), taken.of("web")) == (22.5, 20.0)
    assert taken.of("web", "database") == 20.0  # a part that this server does not have costs nothing


def test_a_stretch_in_which_nothing_was_done_says_why_instead_of_a_figure() -> None:
    done = Outcome(operations=0, seconds=1, latencies_ms=[], failures=["POST /x: 429"])
    with pytest.raises(NothingDoneError, match="POST /x: 429"):
        per_operation({"web": 0.0}, {"web": 1.0}, done)


def test_the_ratio_is_taken_round_by_round_so_that_a_slow_machine_is_no_slow_product() -> None:
    # In the second round everything took three times as long.
    figure = Figure(
        subject=[sample(4), sample(12), sample(4)], control=[sample(1), sample(3), sample(1)]
    )  # fmt: skip
    assert figure.ratio == 4
    assert figure.cpu() == 4


def test_the_worker_can_be_told_apart() -> None:
    figure = Figure(subject=[sample(4, database=2, worker=9)], control=[sample(1)])
    assert (figure.cpu("web", "database"), figure.cpu("worker"), figure.cpu()) == (6, 9, 15)
    assert figure.rate == 5


def test_control_and_operation_take_turns_after_both_have_warmed_up() -> None:
    control, operation = get("/control"), get("/operation")
    ran: list[tuple[str, float]] = []

    def run(what: Operation, seconds: float) -> Slice:
        ran.append(("control" if what is control else "operation", seconds))
        return sample(1)

    figure = by_turns(
        operation, control=control, run=run, rounds=2, seconds=2, control_seconds=1, warm_up=0.5
    )
    assert ran[2:] == [("control", 1), ("operation", 2)] * 2
    assert (len(figure.subject), len(figure.control)) == (2, 2)


def test_a_percentile_is_a_value_that_was_measured() -> None:
    values = [float(one) for one in range(100, 0, -1)]
    assert (percentile(values, 50), percentile(values, 99), percentile(values, 100)) == (50, 99, 100)
    assert percentile([7.0], 99) == 7
