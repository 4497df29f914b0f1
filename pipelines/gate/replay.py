"""`python -m pipelines.gate.replay FOLDER`: a fresh process loads an artifact and asks it anew.

Prints one JSON object; ends with 0 when every golden request is answered as when the artifact was
written, with 4 otherwise.
"""

import json
import sys
from pathlib import Path

from pipelines.errors import TandemError
from pipelines.models.artifact import open_artifact, read_golden
from pipelines.models.golden import answered, differences, to_allow, to_queries

CANNOT_BE_TRUSTED = 4


def replay(folder: Path) -> list[dict[str, object]]:
    """The golden requests that are answered otherwise now, with what differs.

    Raises:
        BadArtifact: The folder is not what its manifest says.
    """
    artifact, requests = open_artifact(folder), read_golden(folder).requests
    catalogue = set(artifact.manifest.item_ids)
    wrong: list[dict[str, object]] = []
    for request in requests:
        # one by one, although they were answered in one batch: a row must not depend on others
        queries = to_queries([request], artifact.manifest.profile_fields)
        allow = to_allow([request], len(artifact.manifest.item_ids))
        now = answered(request, artifact.recommend(queries, allow, request.k), 0)
        found = differences(request.expected, now.expected)
        foreign = sorted(set(now.expected.item_ids) - catalogue)
        found += [f"{item_id} is no item of its catalogue" for item_id in foreign[:1]]
        if found:
            wrong.append({"name": request.name, "differences": found})
    return wrong


def main(folder: Path) -> int:
    """Replays, prints and returns the exit status."""
    try:
        wrong = replay(folder)
    except TandemError as error:
        print(json.dumps({"ok": False, "error": error.record()}))
        return CANNOT_BE_TRUSTED
    print(json.dumps({"ok": not wrong, "wrong": wrong}))
    return CANNOT_BE_TRUSTED if wrong else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
