"""`tandem VERB` as a subprocess, for verbs that drive others: steps do not import each other."""

import json
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from pipelines import storage
from pipelines.errors import BadRecord, EnvironmentFault, VerbFailed
from pipelines.params import Params


def run(verb: str, *words: str, params: Params | None = None) -> dict[str, Any]:
    """Runs a verb and returns its record; what it tells people goes to our stderr.

    Args:
        verb: For example `up`.
        words: Its arguments and options, without `--json`.
        params: Handed on as they are, with all overrides; the verb must take `--params`.

    Raises:
        VerbFailed: The verb failed; the error carries its message and its exit code.
    """
    with tempfile.TemporaryDirectory(prefix="tandem-") as folder:
        command = [sys.executable, "-m", "pipelines", verb, *words, "--json"]
        if params is not None:
            file = Path(folder) / "params.json"  # JSON is YAML
            storage.write_json(file, params.model_dump(mode="json", by_alias=True))
            command += ["--params", str(file)]
        ended = subprocess.run(
            command, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, check=False
        )
    record = _record(ended.stdout, verb)
    if ended.returncode != 0:
        error = record.get("error", {})
        code, message = _told_by(ended.returncode)
        message = error.get("message", message)
        raise VerbFailed(f"`tandem {verb}` failed: {message}", code, hint=error.get("hint", ""))
    return record


def _told_by(code: int) -> tuple[int, str]:
    """An exit code of ours, and what it says where the verb said nothing."""
    if code > 0:
        return code, f"exit code {code}"
    return EnvironmentFault.exit_code, f"it was ended by {signal.Signals(-code).name}"


def _record(output: bytes, verb: str) -> dict[str, Any]:
    try:
        record = json.loads(output or b"{}")
    except ValueError as error:
        raise BadRecord(f"`tandem {verb} --json` printed no JSON") from error
    return dict(record)
