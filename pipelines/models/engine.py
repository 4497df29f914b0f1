"""The one place that imports TensorFlow: Keras 2 is chosen before, and fits are made repeatable."""

import os

os.environ["TF_USE_LEGACY_KERAS"] = "1"  # TFRS 0.7 is written for Keras 2
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")  # equal bytes are promised on CPUs alone

import tensorflow as tf
from threadpoolctl import threadpool_limits


def make_repeatable(seed: int, threads: int) -> None:
    """Seeds every generator and makes TensorFlow choose repeatable kernels.

    The number of threads takes part in the order of float sums, so it is a parameter and not the
    machine's, for NumPy's linear algebra, too; once TensorFlow has started in this process, its
    own can no longer be changed.
    """
    threadpool_limits(threads, user_api="blas")
    tf.keras.utils.set_random_seed(seed)
    tf.config.experimental.enable_op_determinism()
    try:
        tf.config.threading.set_intra_op_parallelism_threads(threads)
        tf.config.threading.set_inter_op_parallelism_threads(1)
    except RuntimeError:
        return  # a second fit in one process, as in tests


__all__ = ["make_repeatable", "tf"]
