import subprocess
from pathlib import Path

from pipelines.tune.experiments import Experiments


def git(folder: Path, *words: str) -> str:
    named = ["-c", "user.name=a", "-c", "user.email=a@localhost"]
    done = subprocess.run(
        ["git", *named, *words], cwd=folder, check=True, capture_output=True, text=True
    )
    return done.stdout


def make_clone(folder: Path) -> Path:
    folder.mkdir()
    git(folder, "init", "--quiet", "--initial-branch=main")
    (folder / "params.yaml").write_text("cf:\n  l2: 1.0\n")
    (folder / "dvc.yaml").write_text("stages: {}\n")
    git(folder, "add", ".")
    git(folder, "commit", "--quiet", "--message=first")
    return folder


def refs(folder: Path) -> list[str]:
    return git(folder, "for-each-ref", "--format=%(refname)", "refs/exps").split()


def test_a_trial_is_a_commit_on_the_present_one_with_its_params_and_metrics(tmp_path: Path) -> None:
    clone = make_clone(tmp_path / "clone")
    head = git(clone, "rev-parse", "HEAD").strip()

    name = Experiments(clone).save("cf-1", b"cf:\n  l2: 2.0\n", {"validation": {"ndcg": 0.5}})

    ref = f"refs/exps/{head[:2]}/{head[2:]}/cf-1"
    assert name == "cf-1"
    assert refs(clone) == [ref]
    assert git(clone, "rev-parse", f"{ref}^").strip() == head
    assert git(clone, "show", f"{ref}:params.yaml") == "cf:\n  l2: 2.0\n"
    assert '"ndcg": 0.5' in git(clone, "show", f"{ref}:reports/trial.json")
    assert git(clone, "show", f"{ref}:dvc.yaml").startswith("stages: {}\n\nmetrics:")


def test_neither_index_nor_files_are_touched(tmp_path: Path) -> None:
    clone = make_clone(tmp_path / "clone")
    (clone / "params.yaml").write_text("cf:\n  l2: 3.0\n")
    (clone / "staged").write_text("x")
    git(clone, "add", "staged")
    before = git(clone, "status", "--porcelain=v2", "--branch")

    Experiments(clone).save("cf-1", b"cf:\n  l2: 2.0\n", {})

    assert git(clone, "status", "--porcelain=v2", "--branch") == before
    assert (clone / "params.yaml").read_text() == "cf:\n  l2: 3.0\n"
    assert not (clone / "reports").exists()


def test_a_trial_that_is_repeated_takes_its_own_place(tmp_path: Path) -> None:
    clone = make_clone(tmp_path / "clone")

    Experiments(clone).save("cf-1", b"l2: 1\n", {"trial": 1})
    Experiments(clone).save("cf-1", b"l2: 1\n", {"trial": 2})

    assert '"trial": 2' in git(clone, "show", f"{refs(clone)[0]}:reports/trial.json")
    assert len(refs(clone)) == 1


def test_outside_of_a_clone_nothing_is_saved(tmp_path: Path) -> None:
    clone = make_clone(tmp_path / "clone")
    (clone / "below").mkdir()
    (tmp_path / "empty").mkdir()

    assert Experiments(tmp_path / "empty").save("cf-1", b"", {}) is None
    assert Experiments(clone / "below").save("cf-1", b"", {}) is None
    assert refs(clone) == []
