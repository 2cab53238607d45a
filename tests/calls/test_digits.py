"""A phone that sends each digit in two ways is heard once."""

from voipbin_sip.calls.digits import DigitGate


def test_the_second_way_of_the_same_press_does_not_count() -> None:
    gate = DigitGate()
    heard = [
        digit
        for digit, source, now in [
            ("1", "rfc4733", 0.0),
            ("1", "info", 0.05),
            ("2", "rfc4733", 0.3),
            ("1", "info", 0.35),  # late
            ("2", "info", 0.4),
        ]
        if gate.passes(source, now)
    ]
    assert heard == ["1", "2"]


def test_the_same_digit_pressed_twice_counts_twice() -> None:
    gate = DigitGate()
    assert gate.passes("info", 0.0)
    assert gate.passes("info", 0.2)


def test_another_way_takes_over_after_silence() -> None:
    gate = DigitGate()
    assert gate.passes("inband", 0.0)
    assert not gate.passes("rfc4733", 1.0)
    assert gate.passes("rfc4733", 10.0)
    assert not gate.passes("inband", 10.1)
