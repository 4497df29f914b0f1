"""What an exit code of `tandem` means to Airflow."""

from enum import Enum

DONE, ENVIRONMENT, NOTHING_TO_DO = 0, 5, 99
SIGNAL_OFFSET = 128
"""A command that died by signal n ends with 128 + n, as in a shell."""

MEANING = {
    1: "a bug, see the log file below",
    2: "usage or configuration is wrong",
    3: "the input was refused",
    4: "the gate or a deployment check said no",
    ENVIRONMENT: "the environment is at fault",
}


class Outcome(Enum):
    """What the task does next."""

    DONE = "done"
    SKIP = "skip"
    RETRY = "retry"
    FAIL = "fail"


def outcome(code: int) -> Outcome:
    """Skip when there was nothing to do; try again only what another try may heal."""
    if code == DONE:
        return Outcome.DONE
    if code == NOTHING_TO_DO:
        return Outcome.SKIP
    return Outcome.RETRY if code == ENVIRONMENT or _by_signal(code) else Outcome.FAIL


def explain(code: int, words: list[str], output: list[str]) -> str:
    """Which command ended how, and what it said last: its error block, or its last line."""
    starts = [number for number, line in enumerate(output) if line.startswith("error:")]
    said = "\n".join(output[starts[-1] :] if starts else output[-1:])
    if code == NOTHING_TO_DO:
        return said
    if _by_signal(code):
        ending = f"was killed by signal {code % SIGNAL_OFFSET}"
    else:
        ending = f"ended with {code}, {MEANING.get(code, 'which is none of its codes')}"
    return f"tandem {' '.join(words)} {ending}\n{said}"


def _by_signal(code: int) -> bool:
    return code < 0 or code > SIGNAL_OFFSET
