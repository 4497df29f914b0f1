"""`python -m tests.mutants`: changes one line at a time, and runs the test that must notice.

Each mutant lives in a copy of the tracked files, so that nothing here is touched. A mutant is
killed when its test, which passes without it, fails with it; a test that cannot be found or a line
that has changed is no kill. Prints n/n and ends with 1 unless all are killed.
"""

import argparse
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from tests.mutants.catalogue import MUTANTS, Mutant

ROOT = Path(__file__).resolve().parents[2]
AT_ONCE = 2
TEST_SECONDS = 300
PASSED, FAILED = 0, 1
"""pytest's exit codes; any other says that the test did not run."""


def main(words: Sequence[str] | None = None) -> int:
    """Runs all mutants, or those whose description has the words."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__)
    parser.add_argument("word", nargs="?", default="", help="only mutants that say this")
    wanted = [one for one in MUTANTS if parser.parse_args(words).word in one.what]
    unmutated = sorted({one.test for one in wanted})
    with copy() as folder:
        code, said = run_tests(folder, unmutated)
    if code != PASSED:
        print(said, "the named tests must pass without a mutant", sep="\n")
        return 1
    with ThreadPoolExecutor(AT_ONCE) as pool:
        killed = list(pool.map(is_killed, wanted))
    print(f"{sum(killed)}/{len(wanted)} mutants killed")
    return 0 if wanted and all(killed) else 1


def is_killed(mutant: Mutant) -> bool:
    """Whether the mutant's test fails with it, and only because of it; prints a line."""
    start = time.monotonic()
    with copy() as folder:
        try:
            apply(mutant, folder)
        except ValueError as error:
            verdict, said = "NOT APPLIED", str(error)
        else:
            code, said = run_tests(folder, [mutant.test])
            verdict = {PASSED: "SURVIVED", FAILED: "killed"}.get(code, f"NOT RUN ({code})")
    seconds = time.monotonic() - start
    print(f"{verdict:<11} {seconds:5.1f} s  {mutant.what}: {mutant.test}", flush=True)
    if verdict not in ("killed", "SURVIVED"):
        print(said, flush=True)
    return verdict == "killed"


def apply(mutant: Mutant, folder: Path) -> None:
    """Changes the mutant's line in a copy; the indent stays.

    Raises:
        ValueError: The file does not have the line exactly once.
    """
    path = folder / mutant.path
    lines = path.read_text().splitlines()
    found = [number for number, line in enumerate(lines) if line.strip() == mutant.line]
    if len(found) != 1:
        raise ValueError(f"{mutant.path} has {len(found)} times: {mutant.line}")
    whole = lines[found[0]]
    lines[found[0]] = whole[: len(whole) - len(whole.lstrip())] + mutant.instead
    path.write_text("\n".join(lines) + "\n")


def run_tests(folder: Path, tests: Sequence[str]) -> tuple[int, str]:
    """pytest's exit code for some tests in a copy, and the end of what it said."""
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *tests]
    try:
        done = subprocess.run(
            command, cwd=folder, capture_output=True, text=True, timeout=TEST_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        return -1, f"no end after {TEST_SECONDS} s"
    return done.returncode, done.stdout[-3000:] + done.stderr[-1000:]


@contextmanager
def copy() -> Iterator[Path]:
    """A copy of the tracked files as they are now, removed at the end."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    with tempfile.TemporaryDirectory(prefix="mutant-") as folder:
        for name in filter(None, listed.stdout.decode().split("\0")):
            target = Path(folder) / name
            target.parent.mkdir(parents=True, exist_ok=True)
            if (ROOT / name).is_file():
                shutil.copyfile(ROOT / name, target)
        subprocess.run(["git", "init", "--quiet", folder], check=True)
        yield Path(folder)


if __name__ == "__main__":
    sys.exit(main())
