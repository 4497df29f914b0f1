"""The partitions that a run has accepted: which they are, and how DVC takes them in.

A clone holds the new partitions alone. DVC merges them into the folders that it tracks when they
are added one by one (`dvc add data/items/dt=KEY`); adding the whole folder would drop the others.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

from pipelines import disk, storage
from pipelines.contracts.data import (
    ACCEPTED,
    REPORTS,
    TABLES,
    AcceptedManifest,
    PartitionReport,
)
from pipelines.errors import AlreadyAccepted, PartitionTaken
from pipelines.home import Home
from pipelines.state import dvc
from pipelines.state.objects import Objects, md5_of, output_of_add
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
    contents = zip(names, clone.contents(commit, names), strict=True)
    reports = [
        storage.parse_record(content, PartitionReport, f"{name} at {commit[:12]}")
        for name, content in contents
    ]
    return {report.key: report for report in sorted(reports, key=_order)}


def newest(reports: Sequence[PartitionReport]) -> PartitionReport | None:
    """The partition that was accepted last: its tag is the data version."""
    return max(reports, key=_order, default=None)


def track(home: Home, path: Path, keys: Sequence[str]) -> None:
    """Lets DVC take in partitions that lie on the clone's disk; safe to repeat, and quick then.

    Raises:
        DiskFull: The cache cannot hold them.
    """
    targets: list[Path] = []
    for table in TABLES if keys else ():
        folder = ACCEPTED / table
        pointer = path / f"{folder}.dvc"
        if not pointer.exists():
            targets += [folder] if (path / folder).is_dir() else []
            continue
        listed = Objects(home).listing(output_of_add(pointer.read_bytes()), str(folder))
        parts = [Path(f"dt={key}") for key in keys if (path / folder / f"dt={key}").is_dir()]
        targets += [
            folder / part for part in parts if not _is_taken_in(path / folder, part, listed)
        ]
    if targets:
        needed = sum(file.stat().st_size for name in targets for file in (path / name).rglob("*"))
        disk.require_space(home.cache, needed, f"a copy of {len(targets)} folders")
        dvc.run(path, "add", *map(str, targets))


def _is_taken_in(folder: Path, part: Path, listed: Mapping[str, str]) -> bool:
    """Whether a listing of DVC's names exactly the files of a partition, with their content."""
    files = [file for file in (folder / part).rglob("*") if file.is_file()]
    found = {file.relative_to(folder).as_posix(): md5_of(file) for file in files}
    return found == {name: md5 for name, md5 in listed.items() if name.startswith(f"{part}/")}


def put_back(clone: Repository, mine: str, theirs: str) -> None:
    """After a reset to another run's commit, brings back the decisions of our own commit.

    They are numbered after those that were accepted before them now.

    Args:
        clone: The run's clone, at `theirs`.
        mine: Our commit, which was rejected.
        theirs: The commit that won.

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
