from pipelines.contracts.model import Estimate
from pipelines.contracts.twins import Twin, Twins
from pipelines.evaluate.appendix import page

COSTS = {
    "train.cf": {"seconds": 6.94, "peak_memory_bytes": 928_612_352},
    "gate.judged": {"latency_ms": 3.1},
}


def test_each_step_tells_its_seconds_and_memory():
    text = page(COSTS, None)

    assert '<th scope="row">train.cf</th><td>6.9</td><td>929</td>' in text
    assert "gate.judged" not in text
    assert "Not measured here" in text


def test_twins_stand_side_by_side_with_the_interval_of_their_difference():
    gap = Estimate(value=0.001, low=-0.002, high=0.004, n_events=900, n_users=80)
    twin = Twin(task="like", metric="like_auc", window="test", together=0.771, alone=0.77, gap=gap)

    text = page({}, Twins(schema=1, data_version="data/1", epochs=9, twins=[twin]))

    wanted = "<td>like AUC</td><td>0.7710</td><td>0.7700</td><td>0.0010 <small>-0.0020 … 0.0040"
    assert wanted in text
    assert "<td>80</td>" in text
