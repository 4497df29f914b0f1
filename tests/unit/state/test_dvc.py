"""What DVC's words mean, and which of its locks are stale."""

from pathlib import Path

import pytest

from pipelines.errors import DiskError, DiskFull, DvcFailed, LockHeld, NotWritable
from pipelines.state import dvc

KILLED = "ERROR: failed to reproduce 'fit': failed to run: python -m pipelines fit, exited with {}"


@pytest.mark.parametrize(("code", "text"), [(-9, "-9"), (137, "137"), (1, "1")])
def test_the_code_of_a_stage_is_read_from_what_dvc_says(code: int, text: str) -> None:
    assert dvc.exit_code_in(KILLED.format(text)) == code


def test_there_is_no_code_where_no_stage_ran() -> None:
    assert dvc.exit_code_in("ERROR: 'dvc.yaml' is invalid") is None


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        ("ERROR: 'x' is busy, it is being blocked by:\n  (PID 7): dvc repro", LockHeld),
        ("ERROR: [Errno 28] No space left on device", DiskFull),
        ("ERROR: [Errno 122] Disk quota exceeded: 'x'", DiskFull),
        ("ERROR: [Errno 27] File too large: 'x'", DiskFull),
        ("ERROR: unexpected error - database or disk is full", DiskFull),
        ("ERROR: unexpected error - disk I/O error", DiskError),
        ("ERROR: [Errno 5] Input/output error", DiskError),
        ("ERROR: [Errno 13] Permission denied: 'x'", NotWritable),
        ("ERROR: [Errno 30] Read-only file system: 'x'", NotWritable),
        ("ERROR: 'dvc.yaml' is invalid", DvcFailed),
        ("", DvcFailed),
    ],
)
def test_a_failure_is_translated_by_its_words(said: str, kind: type[Exception]) -> None:
    assert type(dvc.failure(("repro",), said, Path("clone"), 1)) is kind


def test_a_failure_shows_its_reason_first() -> None:
    error = dvc.failure(("add",), "WARNING: a\nERROR: the reason\nsee the manual", Path("clone"), 1)

    assert error.message == "`dvc add` failed: the reason"


@pytest.mark.parametrize(
    "content", [b"", b"{", b'{"write": {"x": {"pid": 4194999, "cmd": "dvc"}}}']
)
def test_locks_that_nobody_holds_are_removed(tmp_path: Path, content: bytes) -> None:
    lock = tmp_path / ".dvc/tmp/rwlock"
    lock.parent.mkdir(parents=True)
    lock.write_bytes(content)

    dvc.repair_locks(tmp_path)

    assert not lock.exists()


def test_an_empty_lock_table_is_left_alone(tmp_path: Path) -> None:
    lock = tmp_path / ".dvc/tmp/rwlock"
    lock.parent.mkdir(parents=True)
    lock.write_bytes(b"{}")

    dvc.repair_locks(tmp_path)

    assert lock.exists()


def test_a_verb_in_a_clone_sees_the_clones_code_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", "elsewhere")
    monkeypatch.setenv("GIT_DIR", "elsewhere")

    variables = dvc.environment({"TANDEM_RUN_ID": "run"})

    assert {"PYTHONPATH", "GIT_DIR"}.isdisjoint(variables)
    assert (variables["DVC_NO_ANALYTICS"], variables["TANDEM_RUN_ID"]) == ("1", "run")
