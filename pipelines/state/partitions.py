"""The partitions that a run has accepted: which they are, and how DVC takes them in.

A clone holds the new partitions alone. DVC merges them into the folders that it tracks when they
are added one by one (`dvc add data/items/dt=KEY`); adding the whole folder would drop the others.
"""

from collections.abc import Sequence
from pathlib import Path

from pipelines import storage
from pipelines.contracts.data import (
    ACCEPTED,
    REPORTS,
    TABLES,
    AcceptedManifest,
    PartitionReport,
)
from pipelines.errors import AlreadyAccepted, PartitionTaken
from pipelines.state import dvc
from pipelines.state.repository import Repository

MANIFEST = "manifest.json"


def own(path: Path) -> list[PartitionReport]:
    """Decisions in a clone that are not in its commit, in order: what the run accepted."""
    listed = Repository(path).git(
        "status", "--porcelain", "-z", "--untracked-files=all", "--", f"{REPORTS}/"
    )
    names = [entry[3:] for entry in listed.split("\0") if entry.endswith(".json")]
    reports = [storage.read_record(path / name, PartitionReport) for name in names]
    return sorted(reports, key=_order)


def at(clone: Repository, commit: str) -> dict[str, PartitionReport]:
    """The accepted partitions of a commit, by KEY."""
    names = [name for name in clone.files(commit, REPORTS) if name.endswith(".json")]
    contents = clone.contents(commit, names)
    reports = [PartitionReport.model_validate_json(content) for content in contents]
    return {report.key: report for report in sorted(reports, key=_order)}


def newest(reports: Sequence[PartitionReport]) -> PartitionReport | None:
    """The partition that was accepted last: its tag is the data version."""
    return max(reports, key=_order, default=None)


def track(path: Path, keys: Sequence[str]) -> None:
    """Lets DVC take in partitions that lie on the clone's disk; safe to repeat."""
    targets: list[str] = []
    for table in TABLES if keys else ():
        folder = ACCEPTED / table
        if (path / f"{folder}.dvc").exists():
            targets += [str(folder / f"dt={key}") for key in keys if _exists(path, folder, key)]
        elif (path / folder).is_dir():
            targets.append(str(folder))
    if targets:
        dvc.run(path, "add", "--quiet", *targets)


def put_back(clone: Repository, mine: str, theirs: str) -> list[PartitionReport]:
    """After a reset to another run's commit, brings back the decisions of our own commit.

    They are numbered after those that were accepted before them now.

    Args:
        clone: The run's clone, at `theirs`.
        mine: Our commit, which was rejected.
        theirs: The commit that won.

    Returns:
        Our decisions that are still to be committed.

    Raises:
        AlreadyAccepted: The other run accepted the same rows.
        PartitionTaken: It accepted other rows for one of our KEYs.
    """
    before, ours, accepted = (at(clone, name) for name in (f"{mine}~1", mine, theirs))
    changed = [key for key in ours if ours[key] != before.get(key)]
    left = [key for key in changed if not _is_taken(ours[key], before.get(key), accepted.get(key))]
    if not left:
        raise AlreadyAccepted(
            f"another run has accepted {', '.join(changed)} with the same rows", where=[theirs]
        )
    last = newest(list(accepted.values()))
    number = last.sequence or 0 if last else 0
    for position, key in enumerate(left, start=1):
        files = [f"{REPORTS / key}.{ending}" for ending in ("json", "html")]
        clone.git("checkout", "--quiet", mine, "--", *files)
        _renumber(clone.path, key, number + position)
    return own(clone.path)


def _is_taken(
    ours: PartitionReport, before: PartitionReport | None, theirs: PartitionReport | None
) -> bool:
    """Whether the other run has done the same for this KEY."""
    if theirs is None or theirs == before:
        return False
    if theirs.landing_digest == ours.landing_digest:
        return True
    raise PartitionTaken(
        f"another run has accepted other rows for {ours.key}: {theirs.tag}",
        where=[f"{REPORTS / ours.key}.json"],
        hint="open a new run: there these rows are an amendment, a new data version",
    )


def _renumber(path: Path, key: str, sequence: int) -> None:
    file = path / REPORTS / f"{key}.json"
    report = storage.read_record(file, PartitionReport)
    storage.write_record(file, report.model_copy(update={"sequence": sequence}))
    for table in TABLES:
        manifest = path / ACCEPTED / table / f"dt={key}" / MANIFEST
        if manifest.exists():
            content = storage.read_record(manifest, AcceptedManifest)
            storage.write_record(manifest, content.model_copy(update={"sequence": sequence}))


def _order(report: PartitionReport) -> tuple[int, str]:
    return report.sequence or 0, report.key


def _exists(path: Path, folder: Path, key: str) -> bool:
    return (path / folder / f"dt={key}").is_dir()
