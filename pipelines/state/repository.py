"""Git by subprocess: argument lists, our identity, no hooks, none of the user's settings."""

import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

import psutil

from pipelines import storage
from pipelines.errors import EnvironmentFault, GitFailed, LockHeld
from pipelines.progress import log
from pipelines.state.last_words import disk_fault, tail

MAIN = "main"
NAME, EMAIL = "Tandem", "tandem@localhost"
OURS = (
    "commit.gpgsign=false",
    "tag.gpgsign=false",
    "push.gpgsign=false",
    "push.followtags=false",
    "core.hooksPath=/dev/null",
    "core.excludesFile=/dev/null",
    "core.autocrlf=false",
    "core.fsmonitor=false",
    "core.quotePath=false",
    "gc.auto=0",
    "maintenance.auto=false",
    "protocol.file.allow=always",
    "safe.directory=*",
)
OPTIONS = tuple(word for setting in OURS for word in ("-c", setting))
REJECTED = ("[rejected]", "[remote rejected]", "cannot lock ref")
UNFINISHED = ("*.lock", "refs/**/*.lock", "objects/*.lock", "objects/tmp_*", "objects/*/tmp_*")
UNPACKING = "unpacker error"
"""Git's word for a push that failed on the disk of the other side: nobody else was first."""


def environment() -> dict[str, str]:
    """Our environment without Git's own variables (a hook's), with a fixed author."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    names = {f"GIT_{role}_NAME": NAME for role in ("AUTHOR", "COMMITTER")}
    emails = {f"GIT_{role}_EMAIL": EMAIL for role in ("AUTHOR", "COMMITTER")}
    return kept | names | emails | {"GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C.UTF-8"}


class Repository:
    """A Git repository, bare or with a work tree."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def git(self, *words: str) -> str:
        """What a command prints.

        Raises:
            GitFailed: It ended with another code than 0.
            DiskFull, NotWritable, DiskError: The disk is at fault.
        """
        done = self._run(words)
        if done.returncode != 0:
            raise self._failure(words, done.stderr.decode(errors="replace"), done.returncode)
        return done.stdout.decode(errors="surrogateescape")

    def ask(self, *words: str) -> str | None:
        """What a command prints, stripped; None if it ended with another code than 0."""
        done = self._run(words)
        return done.stdout.decode(errors="surrogateescape").strip() if not done.returncode else None

    def bytes_of(self, *words: str) -> bytes | None:
        """What a command prints, as bytes; None if it ended with another code than 0."""
        done = self._run(words)
        return done.stdout if not done.returncode else None

    def resolve(self, revision: str) -> str | None:
        """The commit that a revision names, 40 hex digits."""
        return self.ask("rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}")

    def show(self, commit: str, path: str | Path) -> bytes | None:
        """A file's content at a commit; None if it is not there."""
        return self.bytes_of("cat-file", "blob", f"{commit}:{path}")

    def contents(self, commit: str, paths: Sequence[str]) -> list[bytes]:
        """The content of many files at a commit, in order, by one Git process.

        Raises:
            GitFailed: The commit has no such file.
        """
        words = ("cat-file", "--batch=%(objectsize)")
        names = "".join(f"{commit}:{path}\n" for path in paths)
        done = self._run(words, names.encode())
        contents, rest = [], done.stdout
        for path in paths:
            size, _, rest = rest.partition(b"\n")
            if not size.isdigit():
                raise self._failure(words, f"{path} is not at {commit}")
            contents.append(rest[: int(size)])
            rest = rest[int(size) + 1 :]
        return contents

    def object_id(self, commit: str, path: str | Path) -> str | None:
        """The id of a file's or a folder's content at a commit."""
        return self.ask("rev-parse", "--verify", "--quiet", f"{commit}:{path}")

    def files(self, commit: str, folder: str | Path) -> list[str]:
        """Paths of the files below a folder at a commit."""
        listed = self.ask("ls-tree", "-r", "-z", "--name-only", commit, "--", f"{folder}/") or ""
        return [path for path in listed.split("\0") if path]

    def tracked(self) -> set[str]:
        """Paths of the files that Git tracks here."""
        return set(self.git("ls-files", "-z").split("\0")) - {""}

    def tags_at(self, commit: str) -> list[str]:
        """Tags of exactly this commit, sorted."""
        return sorted(self.git("tag", "--points-at", commit).split())

    def import_commits(self, stream: bytes) -> None:
        """Makes the commits and refs of a stream, see `git fast-import`; index and files stay.

        Raises:
            GitFailed: Git does not take it.
            DiskFull, NotWritable, DiskError: The disk is at fault.
        """
        words = ("fast-import", "--quiet", "--force", "--done")
        done = self._run(words, stream)
        if done.returncode != 0:
            raise self._failure(words, done.stderr.decode(errors="replace"), done.returncode)

    def push(self, *refspecs: str) -> bool:
        """Pushes all refs to where the clone is from, or none; False when another was first.

        Raises:
            GitFailed: It failed for another reason.
            DiskFull, NotWritable, DiskError: A disk is at fault, here or there.
        """
        words = ("push", "--porcelain", "--atomic", "--no-verify", "origin", *refspecs)
        done = self._run(words)
        if done.returncode == 0:
            return True
        said = (done.stdout + done.stderr).decode(errors="replace")
        failure = self._failure(words, said, done.returncode)
        is_lost = any(word in said for word in REJECTED) and UNPACKING not in said
        if is_lost and isinstance(failure, GitFailed):
            return False
        raise failure

    def clear_locks(self) -> list[psutil.Process]:
        """Removes locks and half-received objects of a killed Git, if no Git process works here.

        What came up while we looked for processes stays: its maker may have begun then.

        Returns:
            The Git processes at work here, if there is any such file; all stay then.
        """
        before = {path: state for path in self._unfinished() if (state := _state_of(path))}
        holders = list(_at_work(self.path)) if before else []
        for path, state in before.items() if not holders else ():
            if _state_of(path) == state:
                shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
                log(f"removed {path}: the Git process that made it is gone")
        return holders

    def leftovers(self) -> list[Path]:
        """What `clear_locks` would remove: nothing while a Git process works here."""
        found = list(self._unfinished())
        return [] if found and any(_at_work(self.path)) else found

    def take_over(self) -> None:
        """Clears what a killed Git left, for somebody who must have the repository for himself.

        Raises:
            LockHeld: A Git process works here; it is named.
        """
        holders = self.clear_locks()
        if holders:
            names = [f"pid {one.pid}, {_command(one)}" for one in holders]
            raise LockHeld(
                f"Git is at work here: {names[0]}",
                where=[str(self.path), *names[1:]],
                hint="wait until it ends, then run the same again",
            )

    def _unfinished(self) -> Iterator[Path]:
        folder = self.path / ".git" if (self.path / ".git").is_dir() else self.path
        for pattern in UNFINISHED:
            yield from folder.glob(pattern)

    def _run(
        self, words: Sequence[str], content: bytes = b""
    ) -> subprocess.CompletedProcess[bytes]:
        try:
            return subprocess.run(
                ["git", *OPTIONS, *words],
                cwd=self.path,
                env=environment(),
                input=content,
                capture_output=True,
                check=False,
            )
        except FileNotFoundError as error:
            raise GitFailed(
                "git cannot be started", where=[str(self.path)], hint="install git"
            ) from error

    def _failure(self, words: Sequence[str], said: str, code: int = 1) -> EnvironmentFault:
        origin = self.ask("config", "remote.origin.url")
        folders = [self.path, Path(origin)] if origin else [self.path]
        return disk_fault(said, code, folders) or GitFailed(
            f"`git {words[0]}` failed: {' '.join(tail(said, 1)) or 'it said nothing'}",
            where=[str(self.path), *tail(said)],
        )


def _state_of(path: Path) -> tuple[int, int, int] | None:
    """What tells a lock file from another one of the same name."""
    try:
        facts = path.lstat()
    except FileNotFoundError:
        return None
    return facts.st_ino, facts.st_mtime_ns, facts.st_ctime_ns


def _at_work(path: Path) -> Iterator[psutil.Process]:
    """Git processes that stand in the folder or name it."""
    for process in psutil.process_iter():
        try:
            is_git = process.name().startswith("git")
            if is_git and (
                Path(process.cwd()).is_relative_to(path) or str(path) in process.cmdline()
            ):
                yield process
        except (psutil.Error, OSError):
            continue


def _command(process: psutil.Process) -> str:
    try:
        return f"`{' '.join(process.cmdline())}`"
    except psutil.Error:
        return "which has just ended"


def clone(source: Path, target: Path, revision: str = MAIN) -> Repository:
    """A clone of a branch or a tag; `target` must not exist, its parent must.

    Without links: damage to a file of the clone must not be damage to the source.

    Raises:
        GitFailed: The source cannot be read.
    """
    parent = Repository(target.parent)
    options = ("--quiet", "--template=", "--no-hardlinks", "--branch", revision)
    with storage.translated(target):
        parent.git("clone", *options, str(source), str(target))
    return Repository(target)
