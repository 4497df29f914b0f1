"""Fits are repeatable whatever the machine is."""

import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from pipelines.models.engine import make_repeatable


@pytest.mark.parametrize("threads", [1, 2])
def test_linear_algebra_uses_as_many_threads_as_the_parameters_say(threads):
    with threadpool_limits(3 - threads, user_api="blas"):
        make_repeatable(seed=1, threads=threads)

        used = {pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"}

    assert used == {threads}
