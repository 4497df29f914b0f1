"""`tandem register`: gives the run's commit the next version, if the gate's verdict is ship."""

import os
from pathlib import Path

from pipelines import storage
from pipelines.contracts.model import GATE, REFIT, Verdict
from pipelines.contracts.state import Registered, Version
from pipelines.errors import (
    AlreadyRegistered,
    DigestMismatch,
    NotCommitted,
    OnHold,
    PushRejected,
    Rejected,
)
from pipelines.home import Home
from pipelines.progress import log
from pipelines.state import fetch, record, versions
from pipelines.state.commits import VERDICT, run_of, trailer
from pipelines.state.repository import Repository

TRIES = 5
VERB = "register"


def run() -> Registered:
    """Registers the commit of the clone that cwd is: the next major version, as a Git tag.

    Raises:
        NotCommitted: The clone's commit is not in the state, or gate has not run.
        OnHold: The verdict is hold.
        Rejected: The verdict is reject.
        DigestMismatch: The artifact is no longer the one that was judged and committed.
        AlreadyRegistered: The commit has a version.
        PushRejected: Other runs took every number that was tried.
        LockHeld: A Git process that hangs holds a lock of the state; it is named.
    """
    home = Home.find().require()
    clone = Repository(Path.cwd())
    commit = _committed(home, clone)
    require_ship(fetch.read_record(home, commit, GATE, Verdict))
    digest = _unchanged(home, commit, clone.path / REFIT)
    state = Repository(home.state_repo)
    for _ in range(TRIES):
        clone.git("fetch", "--quiet", "--tags", "--force", "origin")
        version = versions.at(clone, commit)
        if version is not None:
            return _found(home, versions.describe(home, commit, version, digest))
        version = versions.following(clone)
        described = versions.describe(home, commit, version, digest)
        versions.tag(clone, version, commit, digest)
        if clone.push(f"refs/tags/{version}"):
            log(f"registered {version}: {described.family}, learnt up to {described.trained_until}")
            return Registered(**described.model_dump())
        clone.git("tag", "--delete", version)
        log(f"{version} was refused: another run has taken it, or a killed one left its lock")
        state.clear_locks()
    state.take_over()
    raise PushRejected(f"{TRIES} times another run took the version", hint="run the same again")


def _found(home: Home, described: Version) -> Registered:
    """The version that the commit has: as ours, if a try that was killed gave it.

    That try ended before it could say so. Ending with 99 now would skip the task, and with it the
    event that deploys the version.

    Raises:
        AlreadyRegistered: An earlier try has said so, or another caller gave it.
    """
    run = os.environ.get("TANDEM_RUN_ID")
    steps = record.find(home, run).steps if run is not None else []
    earlier = [step for step in steps if step.verb == VERB][:-1]  # the last one is this very try
    if not earlier or any(step.exit_code == 0 for step in earlier):
        raise AlreadyRegistered(
            f"the commit is {described.version} already", where=[described.commit]
        )
    log(f"{described.version}: the tag of an earlier try, which was killed")
    return Registered(**described.model_dump())


def require_ship(verdict: Verdict) -> None:
    """Refuses a verdict that is not ship.

    Raises:
        OnHold: It is hold.
        Rejected: It is reject; the failed checks are named.
    """
    if verdict.verdict == "hold":
        raise OnHold(f"on hold: {verdict.reason}", where=[str(GATE)])
    if verdict.verdict == "reject":
        failed = [check for check in verdict.checks if check.verdict == "fail"]
        raise Rejected(
            f"the gate rejects {verdict.winner}: {verdict.reason}",
            where=[f"{check.name}: {check.reason}" for check in failed],
            hint=f"{GATE} holds every check with its value and threshold",
        )


def _committed(home: Home, clone: Repository) -> str:
    """The clone's commit, if it is a run's that was pushed to the state and gate has run in it."""
    commit = clone.resolve("HEAD")
    state = Repository(home.state_repo)
    is_known = commit is not None and state.resolve(commit) is not None
    made_by = run_of(clone, commit) if commit is not None else None
    is_ours = made_by is not None and made_by == os.environ.get("TANDEM_RUN_ID", made_by)
    if commit is None or not is_known or not is_ours:
        raise NotCommitted(
            "this clone's commit is not a run's that the state has",
            where=[str(clone.path)],
            hint="register acts on a run after `tandem run commit ID`",
        )
    if trailer(clone, commit, VERDICT) is None:
        raise NotCommitted(
            "the gate has not run", where=[str(GATE)], hint="tandem run step ID gate, then commit"
        )
    return commit


def _unchanged(home: Home, commit: str, artifact: Path) -> str:
    """The model digest of the committed artifact, if what lies in the clone still is the same."""
    stored = fetch.files_of(home, commit, REFIT)
    present = storage.file_digests(artifact) if artifact.is_dir() else stored
    wrong = [name for name in sorted(stored | present) if stored.get(name) != present.get(name)]
    if wrong:
        raise DigestMismatch(
            f"{len(wrong)} files of {REFIT} are not those that the gate judged",
            where=[f"{REFIT}/{name}" for name in wrong],
            hint="an artifact is never edited: open a new run",
        )
    return storage.digest_of_files(stored)
