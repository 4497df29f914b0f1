"""`python -m pipelines.tune.trial FAMILY FOLDER`: a fresh process fits and scores one setting.

It reads `prepared/` and `params.yaml` of the folder and writes `outcome.json` there, or
`error.json` with an error of ours. Stdout gets a JSON line `[epoch, score]` for each epoch. It dies
with whoever started it: that one holds its stdin open.
"""

import json
import os
import sys
import threading
from pathlib import Path

from pipelines import storage
from pipelines.contracts.tune import Outcome
from pipelines.errors import NoValidation, TandemError
from pipelines.measures.validation import on_validation
from pipelines.models import artifact
from pipelines.models.examples import PreparedData
from pipelines.models.family import fit
from pipelines.params import Params

PREPARED, PARAMS, ARTIFACT = "prepared", "params.yaml", "artifact"
OUTCOME, ERROR = "outcome.json", "error.json"
ORPHANED = 1


def attempt(family: str, folder: Path) -> Outcome:
    """What the family reaches on the validation window with the folder's parameters.

    As in `train`: fitted up to the cut, written, and scored through the written files.

    Raises:
        NoValidation: The prepared data have no validation window.
    """
    params, data = Params.load(folder / PARAMS), PreparedData.load(folder / PREPARED)
    until = data.prepared.fit_cut
    fitted = fit(
        family, data, params, until=until, epochs=None, calibration=None, on_epoch=_tell_epoch
    )
    artifact.write(folder / ARTIFACT, fitted, data, params, data.last_instant(until))
    validation = on_validation(folder / ARTIFACT, data, params)
    if validation is None:
        raise NoValidation("the prepared data have no validation window")
    return Outcome(
        metrics={name: one.value for name, one in validation.estimates.items()},
        users=validation.users,
    )


def main(family: str, folder: Path) -> int:
    """Tries, writes and returns the exit status."""
    threading.Thread(target=_die_with_parent, daemon=True).start()
    try:
        storage.write_record(folder / OUTCOME, attempt(family, folder))
    except TandemError as error:
        storage.write_json(folder / ERROR, error.record())
        return error.exit_code
    return 0


def _tell_epoch(epoch: int, score: float) -> None:
    print(json.dumps([epoch, score]), flush=True)


def _die_with_parent() -> None:
    """Waits for the end of stdin, which comes when the parent is gone, however it went."""
    os.read(sys.stdin.fileno(), 1)
    os._exit(ORPHANED)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], Path(sys.argv[2])))
