"""What the watchdog makes of answers and crashes."""

import io

from pipelines.rollout import watch
from pipelines.rollout.watch import CRASHES, MISSES, START_TICKS, Judge


def test_slot_that_answered_before_is_frozen_after_two_questions_without_an_answer() -> None:
    judge = Judge()
    judge.asked("blue", 7, lives=True, is_ready=True)

    found = [judge.asked("blue", 7, lives=False, is_ready=False) for _ in range(MISSES)]

    assert found == [False, True]


def test_an_answer_in_between_starts_the_count_anew() -> None:
    judge = Judge()
    judge.asked("blue", 7, lives=True, is_ready=True)
    judge.asked("blue", 7, lives=False, is_ready=False)
    judge.asked("blue", 7, lives=True, is_ready=False)

    assert not judge.asked("blue", 7, lives=False, is_ready=False)


def test_slot_that_starts_may_take_two_minutes_to_answer() -> None:
    judge = Judge()
    judge.asked("blue", 7, lives=True, is_ready=True)
    judge.forget("blue")

    found = [judge.asked("blue", 8, lives=False, is_ready=False) for _ in range(START_TICKS)]

    assert found == [False] * (START_TICKS - 1) + [True]


def test_third_crash_in_a_row_is_one_too_many_and_getting_ready_ends_the_row() -> None:
    judge = Judge()

    assert [judge.crashed("blue") for _ in range(CRASHES)] == [False, False, True]
    judge.asked("blue", 7, lives=True, is_ready=True)
    assert not judge.crashed("blue")
    assert not judge.crashed("green")


def test_listener_acknowledges_each_event_and_ends_with_its_input(tmp_path) -> None:
    content = "processname:other groupname:other from_state:RUNNING"
    header = f"ver:3.0 server:s serial:1 pool:w poolserial:1 eventname:E len:{len(content)}\n"
    answers = io.StringIO()

    watch.main(str(tmp_path), io.StringIO(2 * (header + content)), answers)

    assert answers.getvalue() == 2 * "READY\nRESULT 2\nOK" + "READY\n"
