"""A slot becomes ready when it can answer as judged, and not before."""

from pathlib import Path

from tests.integration import serving
from tests.integration.service.asking import (
    assert_problem,
)


def test_a_slot_without_an_online_store_is_not_ready_until_there_is_one(
    artifact: Path, tmp_path: Path
) -> None:
    serving.prepare_home(tmp_path, artifact, serving.make_release(artifact))
    served = serving.start(tmp_path)
    try:
        assert serving.wait_until_answers(served, "/livez", 200)
        loading = serving.wait_until_answers(served, "/readyz", 503)
        assert_problem(loading, 503, "not-ready")
        assert loading.headers["retry-after"]

        without_store = serving.wait_until_refused(served, "/readyz", "store-unavailable")
        assert without_store.status_code == 503

        serving.write_online_store(tmp_path / "online.sqlite", {}, {})
        serving.wait_until_answers(served, "/readyz", 200)
    finally:
        served.stop()


def test_a_changed_model_file_is_never_loaded(artifact: Path, tmp_path: Path) -> None:
    serving.prepare_home(tmp_path, artifact, serving.make_release(artifact))
    serving.write_online_store(tmp_path / "online.sqlite", {}, {})
    stored = tmp_path / "bentoml" / "models" / "recommender" / "v1.0.0" / "artifact"
    (stored / "golden.json").write_text('{"schema": 1, "requests": []}')

    served = serving.start(tmp_path)
    try:
        refused = serving.wait_until_refused(served, "/readyz", "the model was refused")
        assert_problem(refused, 503, "not-ready")
        with served.client() as client:
            assert_problem(client.post("/v1/recommend", json={}), 503, "not-ready")
    finally:
        served.stop()
