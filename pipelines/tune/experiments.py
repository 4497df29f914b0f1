"""Trials as DVC experiments: a commit on HEAD that no branch holds, under `refs/exps`.

DVC keeps an experiment as `refs/exps/AA/BBBB…/NAME`, AA BBBB… being the commit that it starts from.
`dvc exp save` makes such a ref from the workspace, which it changes meanwhile, in seconds. Git
alone makes it from the files that differ, in milliseconds, and touches neither index nor files.
"""

import json
import time
from collections.abc import Mapping
from pathlib import Path

from pipelines.state.repository import EMAIL, NAME, Repository

METRICS = "reports/trial.json"
GRAPH = "dvc.yaml"
DECLARED = f"\nmetrics: # of this trial\n  - {METRICS}\n"


class Experiments:
    """The experiments of a clone, on its present commit.

    Args:
        root: The clone; outside of one, or before its first commit, nothing is saved.
    """

    def __init__(self, root: Path) -> None:
        self._repository = Repository(root)
        top = self._repository.ask("rev-parse", "--show-toplevel")
        is_clone = top is not None and Path(top) == root.resolve()
        self._head = self._repository.resolve("HEAD") if is_clone else None

    def save(self, name: str, params: bytes, metrics: Mapping[str, object]) -> str | None:
        """Saves a trial, in place of one of the same name; its name, or None outside of a clone.

        Args:
            name: The experiment's.
            params: Content of its params.yaml.
            metrics: What `dvc exp show` lists, nested by at most one level.
        """
        if self._head is None:
            return None
        graph = self._repository.show(self._head, GRAPH) or b""
        files = {
            "params.yaml": params,
            GRAPH: graph + DECLARED.encode(),
            METRICS: f"{json.dumps(metrics, indent=2)}\n".encode(),
        }
        ref = f"refs/exps/{self._head[:2]}/{self._head[2:]}/{name}"
        self._repository.import_commits(_stream(ref, self._head, f"trial {name}", files))
        return name


def _stream(ref: str, parent: str, message: str, files: Mapping[str, bytes]) -> bytes:
    """One commit as `git fast-import` takes it."""
    who = f"{NAME} <{EMAIL}> {int(time.time())} +0000"
    parts = [f"commit {ref}\ncommitter {who}\n".encode(), _data(message.encode())]
    parts.append(f"from {parent}\n".encode())
    for path, content in files.items():
        parts += [f"M 100644 inline {path}\n".encode(), _data(content)]
    return b"".join([*parts, b"\ndone\n"])


def _data(content: bytes) -> bytes:
    return b"data %d\n%b\n" % (len(content), content)
