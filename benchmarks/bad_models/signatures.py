"""Programs that answer well and are asked in vain: their signatures are not those of the contract.

Each loads without a word, and fails at the first request.
"""

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

from benchmarks.bad_models.contract import Tensor, forge
from benchmarks.bad_models.program import Change, Program
from benchmarks.bad_models.workshop import Make, Workshop
from pipelines.models.engine import tf

Signatures = dict[str, Any]
TIMES, NOW = 3, 5
"""Places among the arguments of a question."""


def forged(spoil: Callable[[Program, Signatures], None]) -> Make:
    """Forges the honest program, its signatures spoilt; golden.json stays the honest one's."""

    def make(workshop: Workshop, folder: Path) -> None:
        program = Program(workshop.honest, Change())
        signatures = program.signatures()
        spoil(program, signatures)
        forge(workshop.honest, folder, program, signatures, golden=False)

    return make


def without_rank(_: Program, signatures: Signatures) -> None:
    """Nobody can ask for the score of a given item."""
    del signatures["rank"]


def other_arguments(program: Program, signatures: Signatures) -> None:
    """The arguments have no names, only places."""

    def recommend(*arguments: Tensor) -> dict[str, Tensor]:
        return program.recommend(*arguments)

    signatures["recommend"] = tf.function(recommend, input_signature=_specs(program))


def other_type(program: Program, signatures: Signatures) -> None:
    """Times are floats."""

    @wraps(program.recommend)
    def recommend(*arguments: Tensor) -> dict[str, Tensor]:
        whole = list(arguments)
        for place in (TIMES, NOW):
            whole[place] = tf.cast(whole[place], tf.int64)
        return program.recommend(*whole)

    specs = list(_specs(program))
    specs[TIMES] = tf.TensorSpec([None, None], tf.float32)
    specs[NOW] = tf.TensorSpec([None], tf.float32)
    signatures["recommend"] = tf.function(recommend, input_signature=specs)


def other_shape(program: Program, signatures: Signatures) -> None:
    """Scores come as a column."""

    @wraps(program.recommend)
    def recommend(*arguments: Tensor) -> dict[str, Tensor]:
        answer = program.recommend(*arguments)
        return {**answer, "scores": answer["scores"][..., None]}

    signatures["recommend"] = tf.function(recommend, input_signature=_specs(program))


def _specs(program: Program) -> tuple[Any, ...]:
    weights = tf.TensorSpec([None, None], tf.float32)
    allow, k = tf.TensorSpec([None, None], tf.bool), tf.TensorSpec([], tf.int32)
    return (*program.context_specs(), allow, weights, k)
