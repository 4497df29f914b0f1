import sys
from pathlib import Path

import pytest

from pipelines import verbs
from pipelines.errors import VerbFailed
from pipelines.params import Params


def test_a_failed_verb_passes_on_its_message_its_hint_and_its_exit_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TANDEM_HOME", str(tmp_path))

    with pytest.raises(VerbFailed, match="`tandem status` failed: ") as caught:
        verbs.run("status")

    assert caught.value.exit_code == 2
    assert "tandem init" in caught.value.hint


def test_a_verb_gets_our_parameters_with_all_overrides(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TANDEM_HOME", str(tmp_path))
    params = Params.load(overrides=["dataset=nothing-here"])

    with pytest.raises(VerbFailed, match="nothing-here"):
        verbs.run("ingest", "--list", params=params)


def test_a_verb_that_a_signal_ended_is_a_fault_of_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "python"
    program.write_text("#!/bin/sh\nkill -9 $$\n")
    program.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(program))

    with pytest.raises(
        VerbFailed, match="`tandem status` failed: it was ended by SIGKILL"
    ) as ended:
        verbs.run("status")

    assert ended.value.exit_code == 5
