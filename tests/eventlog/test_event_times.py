"""Times of the events of one writer, against a slow reference: the later of now and the time before."""

from hypothesis import example, given
from hypothesis import strategies as st
from pytest_insight.eventlog.files.clock import SystemClock
from pytest_insight.eventlog.files.event_times import EventTimes
from pytest_insight.eventlog.times import format_time, parse_time

START_US = 1_795_867_199_999_990
"""Ten microseconds before a second, a minute and an hour end."""


class Machine:
    """A machine whose wall clock may be replaced by tested code, while its uptime goes on."""

    def __init__(self):
        self.now_us = START_US
        self.shown_us = 0

    def time_ns(self):
        """Time that the process sees."""
        return (self.now_us + self.shown_us) * 1000

    def elapsed_s(self):
        """Seconds since the start of the machine."""
        return (self.now_us - START_US) / 1e6


@given(st.lists(st.sampled_from([0, 1, 2, 9, 10, 11, 999_999, 1_000_000, 1_000_001, 3_600_000_000]), max_size=30))
def test_each_time_is_the_one_of_its_moment(steps):
    """Within a second, over its end, and after hours."""
    machine = Machine()
    times = EventTimes(SystemClock(None, machine), machine)
    assert (times.last_at, times.last_us) == ("", 0)
    for step in steps:
        machine.now_us += step
        assert times.next() == times.last_at == format_time(machine.now_us)
        assert times.last_us == machine.now_us


@example([(0, -5)])
@given(
    st.lists(
        st.tuples(st.integers(0, 3_000_000), st.sampled_from([0, 0, -5, -86_400_000_000, 86_400_000_000])), max_size=30
    )
)
def test_no_time_is_before_the_one_before_whatever_the_clock_shows(steps):
    """A frozen or moved clock of tested code changes neither the order nor the day of the events."""
    machine = Machine()
    times = EventTimes(SystemClock(None, machine), machine)
    before = times.last_us
    for step, machine.shown_us in steps:
        machine.now_us += step
        us = parse_time(times.next())
        assert before <= us == times.last_us
        assert abs(us - machine.now_us) <= 3_000_000
        before = us
