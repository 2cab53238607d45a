from voipbin_sip.sip.timers import Timers


def test_timers_fire_in_order_of_their_times_and_then_of_their_start() -> None:
    timers = Timers()
    fired: list[str] = []
    timers.start(2.0, lambda now: fired.append("c"))
    timers.start(1.0, lambda now: fired.append("a"))
    timers.start(1.0, lambda now: fired.append("b"))
    timers.run(1.5)
    assert fired == ["a", "b"]
    timers.run(2.0)
    assert fired == ["a", "b", "c"]
    assert timers.deadline() is None


def test_a_cancelled_timer_neither_fires_nor_sets_the_deadline() -> None:
    timers = Timers()
    fired: list[float] = []
    first = timers.start(1.0, fired.append)
    timers.start(5.0, fired.append)
    timers.cancel(first)
    timers.cancel(first)
    timers.cancel(None)
    assert timers.deadline() == 5.0
    timers.run(4.0)
    assert fired == []
    assert len(timers) == 1


def test_a_timer_started_by_another_one_fires_in_the_same_run_if_it_is_due() -> None:
    timers = Timers()
    fired: list[float] = []

    def chain(now: float) -> None:
        timers.start(1.5, fired.append)

    timers.start(1.0, chain)
    timers.run(2.0)
    assert fired == [2.0]


def test_a_timer_can_cancel_one_that_is_due_at_the_same_time() -> None:
    timers = Timers()
    fired: list[float] = []
    victim = timers.start(2.0, fired.append)
    timers.start(1.0, lambda now: timers.cancel(victim))
    timers.run(3.0)
    assert fired == []
    assert timers.deadline() is None


def test_cancelled_timers_do_not_pile_up() -> None:
    timers = Timers()
    timers.start(0.5, lambda now: None)
    for number in range(10_000):
        timers.cancel(timers.start(32.0 + number, lambda now: None))
    assert len(timers) == 1
    assert len(timers._heap) < 1000
