"""Puts an artifact into BentoML's model store.

Run as a program (`python -m pipelines.package.model_store TAG FOLDER`), because BentoML reads
BENTOML_HOME once, at its import.
"""

import shutil
import sys
from pathlib import Path

FOLDER = "artifact"  # inside the BentoML model, beside BentoML's own model.yaml


def main(tag: str, artifact: str) -> None:
    """Copies the artifact under the tag."""
    import bentoml

    with bentoml.models.create(tag) as model:
        shutil.copytree(artifact, Path(model.path_of(FOLDER)))


if __name__ == "__main__":
    main(*sys.argv[1:])
