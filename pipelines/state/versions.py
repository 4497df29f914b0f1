"""The registry: Git tags in gto's form, `recommender@v3.0.0` and `recommender#production#2`."""

import json
import re
from typing import NamedTuple

from pipelines import storage
from pipelines.contracts.model import GATE, REFIT, WINNER, Verdict, Winner
from pipelines.contracts.state import Version
from pipelines.errors import UnknownVersion
from pipelines.home import Home
from pipelines.state.commits import run_of
from pipelines.state.fetch import read_record, require_file
from pipelines.state.repository import EMAIL, NAME, Repository

ARTIFACT = "recommender"
STAGE = "production"
DIGEST = "Model-Digest"
_TAG = re.compile(rf"{ARTIFACT}@v\d+\.0\.0")


class Tagged(NamedTuple):
    """A version's tag: the commit that it names, and the digest of the served model."""

    commit: str
    model_digest: str


def names(repository: Repository) -> list[str]:
    """Registered versions, oldest first."""
    tags = repository.git("tag", "--list", f"{ARTIFACT}@v*").split()
    return sorted((tag for tag in tags if _TAG.fullmatch(tag)), key=number)


def at(repository: Repository, commit: str) -> str | None:
    """The version of a commit, if it has one."""
    return next((tag for tag in repository.tags_at(commit) if _TAG.fullmatch(tag)), None)


def following(repository: Repository) -> str:
    """The name of the next version: every version raises the major, the first is v1.0.0."""
    known = names(repository)
    last = number(known[-1]) if known else 0
    return f"{ARTIFACT}@v{last + 1}.0.0"


def number(version: str) -> int:
    """The major number: 3 for `recommender@v3.0.0`."""
    return int(version.partition("@v")[2].partition(".")[0])


def lookup(home: Home, version: str) -> Version:
    """A registered version with all that its commit says of it.

    Raises:
        UnknownVersion: The registry has no such version.
    """
    found = tagged(home, version)
    return describe(home, found.commit, version, found.model_digest)


def tagged(home: Home, version: str) -> Tagged:
    """What the registry itself says of a version; its commit is not read.

    Raises:
        UnknownVersion: The registry has no such version.
    """
    state = Repository(home.state_repo)
    reference = f"refs/tags/{_known(state, version)}"
    commit = state.git("rev-parse", f"{reference}^{{commit}}").strip()
    words = (f"--format=%(trailers:key={DIGEST},valueonly)", reference)
    return Tagged(commit, state.git("for-each-ref", *words).strip())


def registered(home: Home) -> list[str]:
    """Registered versions of the home, newest first."""
    return names(Repository(home.state_repo))[::-1]


def describe(home: Home, commit: str, version: str, model_digest: str) -> Version:
    """What a commit says of the version that it is, or is to become."""
    winner = read_record(home, commit, WINNER, Winner)
    judged = read_record(home, commit, GATE, Verdict)
    return Version(
        version=version,
        commit=commit,
        run=run_of(Repository(home.state_repo), commit),
        family=winner.family,
        model_digest=model_digest,
        judged_digest=winner.artifact_digest,
        data_version=judged.data_version,
        partition=partition_of(judged.data_version),
        judged_fit_until=storage.micros_to_rfc3339(winner.fit_until),
        trained_until=storage.micros_to_rfc3339(_trained_until(home, commit)),
        verdict=judged.verdict,
        kind=judged.kind,
    )


def _trained_until(home: Home, commit: str) -> int:
    """The last event that the served model learnt from, microseconds, as its manifest says."""
    return int(json.loads(require_file(home, commit, REFIT / "manifest.json"))["fit_until"])


def partition_of(data_version: str) -> str:
    """The KEY of a data version: `1998-03-09` for `data/1998-03-09.r2`."""
    return data_version.removeprefix("data/").partition(".r")[0]


def tag(repository: Repository, version: str, commit: str, model_digest: str) -> None:
    """Makes the version's annotated tag in a repository; pushing it is the caller's."""
    import gto.api

    name, _, given = version.partition("@")
    gto.api.register(
        repository.path.as_posix(),
        name,
        commit,
        version=given,
        message=f"Register {version}\n\n{DIGEST}: {model_digest}",
        author=NAME,
        author_email=EMAIL,
    )


def assign(home: Home, version: str) -> None:
    """Records that a version is meant for production, unless the newest record says so already.

    Raises:
        UnknownVersion: The registry has no such version.
    """
    import gto.api

    state = Repository(home.state_repo)
    name, _, given = _known(state, version).partition("@")
    if assigned(home) == version:
        return
    state.clear_locks()
    gto.api.assign(
        home.state_repo.as_posix(),
        name,
        STAGE,
        version=given,
        message=f"Assign {version} to {STAGE}",
        force=True,
        author=NAME,
        author_email=EMAIL,
    )


def assigned(home: Home) -> str | None:
    """The version that the registry means for production, if any."""
    state = Repository(home.state_repo)
    tags = state.git("tag", "--list", f"{ARTIFACT}#{STAGE}#*").split()
    if not tags:
        return None
    newest = max(tags, key=lambda tag: int(tag.rpartition("#")[2]))
    return at(state, state.git("rev-parse", f"refs/tags/{newest}^{{commit}}").strip())


def _known(state: Repository, version: str) -> str:
    known = names(state)
    if version in known:
        return version
    raise UnknownVersion(
        f"the registry has no version {version[:80]!r}",
        where=[str(state.path)],
        hint=f"it has {', '.join(known[-3:]) or 'none yet'}",
    )
