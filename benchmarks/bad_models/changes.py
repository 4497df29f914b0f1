"""What is done to an honest program's questions and answers, one function per fault.

Each takes what it needs to know of the data and returns a `Change`.
"""

import numpy as np
import numpy.typing as npt

from benchmarks.bad_models.contract import Original, Tensor
from benchmarks.bad_models.program import Asked, Change, Said
from pipelines.models.engine import tf

DAY_US = 86_400_000_000
MEGABYTE = 1_000_000
FAVOURITES = 20
"""Items that a collapsed model shows to all."""


def constant_scores() -> Change:
    """Every item scores 0, so the order of the table decides."""
    return Change(say=lambda _, said: said._replace(scores=tf.zeros_like(said.scores)))


def nan_in_one_row(original: Original) -> Change:
    """The last item's score is NaN, as with one damaged row of weights."""
    damaged = tf.one_hot(len(original.item_ids) - 1, len(original.item_ids)) > 0
    return Change(
        say=lambda _, said: said._replace(scores=tf.where(damaged[None], np.nan, said.scores))
    )


def nan_without_history() -> Change:
    """Only who has no history gets NaN."""

    def say(asked: Asked, said: Said) -> Said:
        is_empty = ~tf.reduce_any(asked.item_ids != "", axis=1)
        return said._replace(scores=tf.where(is_empty[:, None], np.nan, said.scores))

    return Change(say=say)


def infinite_prediction(original: Original) -> Change:
    """One item's predictions are infinite; its score is fine."""
    damaged = tf.one_hot(0, len(original.item_ids)) > 0

    def say(_: Asked, said: Said) -> Said:
        predictions = tf.where(damaged[None, :, None], np.inf, said.predictions)
        return said._replace(predictions=predictions)

    return Change(say=say)


def nobody() -> Change:
    """Whoever asks, the program answers a stranger without a history, at one and the same time."""

    def ask(asked: Asked) -> Asked:
        return Asked(
            tf.zeros_like(asked.item_ids),
            tf.zeros_like(asked.events),
            asked.values * np.nan,
            tf.zeros_like(asked.timestamps),
            tf.zeros_like(asked.profile),
            tf.fill(tf.shape(asked.now), tf.constant(0, tf.int64)),
        )

    return Change(ask=ask)


def rolled() -> Change:
    """Each item has its neighbour's row of the table."""
    return Change(say=lambda _, said: Said(*(tf.roll(part, 1, axis=1) for part in said)))


def shuffled_vocabulary(original: Original) -> Change:
    """Item ids of a history are looked up in a table that was made in another order."""
    ids = np.array(original.item_ids, dtype=object)
    shuffled = np.random.default_rng(5).permutation(ids)
    table = tf.lookup.StaticHashTable(
        tf.lookup.KeyValueTensorInitializer(tf.constant(ids), tf.constant(shuffled)), ""
    )

    def ask(asked: Asked) -> Asked:
        return asked._replace(item_ids=table.lookup(asked.item_ids))

    return Change(ask=ask, keep=[table])


def forgotten_vocabulary() -> Change:
    """Ids are hashed otherwise than in training: no item of any history is in the vocabulary."""

    def ask(asked: Asked) -> Asked:
        is_item = asked.item_ids != ""
        return asked._replace(
            item_ids=tf.where(is_item, tf.strings.join(["#", asked.item_ids]), ""),
            profile=tf.where(asked.profile != "", tf.strings.join(["#", asked.profile]), ""),
        )

    return Change(ask=ask)


def other_names(original: Original) -> Change:
    """The catalogue holds users, as after a fit with the two columns swapped."""
    return Change(names=[f"p1_{place:032x}" for place in range(len(original.item_ids))])


def slow(loops: int, from_events: int = 0) -> Change:
    """A busy loop in the graph, for histories of at least so many events."""

    def say(asked: Asked, said: Said) -> Said:
        length = tf.reduce_max(tf.reduce_sum(tf.cast(asked.item_ids != "", tf.int32), axis=1))
        count = tf.where(length >= from_events, loops, 0)
        _, spent = tf.while_loop(
            lambda turn, _: turn < count,
            lambda turn, value: (turn + 1, tf.sin(value) + 1.0),
            (0, tf.reduce_sum(said.scores[:1, :1])),
            parallel_iterations=1,
        )
        return said._replace(scores=said.scores + 0.0 * spent)

    return Change(say=say)


def oversized(n_bytes: int) -> Change:
    """Ballast among the weights; random, so that nothing compresses it."""
    words = np.random.default_rng(3).random(n_bytes // 4, dtype=np.float32)
    ballast = tf.Variable(words, trainable=False)

    def say(_: Asked, said: Said) -> Said:
        return said._replace(scores=said.scores + 0.0 * ballast[0])

    return Change(say=say, keep=[ballast])


def growing(bytes_per_call: int) -> Change:
    """Each call appends to a list that is never cut."""
    log = tf.Variable(tf.zeros([0]), shape=[None], trainable=False)
    entry = tf.zeros([bytes_per_call // 4])

    def say(_: Asked, said: Said) -> Said:
        longer = log.assign(tf.concat([log, entry], axis=0))
        return said._replace(scores=said.scores + 0.0 * longer[0])

    return Change(say=say, keep=[log])


def unfair(shortest: int, longest: int, loss: float) -> Change:
    """For histories of some lengths the order is mixed with noise; all others are served well."""

    def say(asked: Asked, said: Said) -> Said:
        length = tf.reduce_sum(tf.cast(asked.item_ids != "", tf.int32), axis=1)
        is_hit = (length >= shortest) & (length <= longest)
        n_items = said.scores.shape[1]
        noise = tf.constant(np.random.default_rng(11).normal(size=n_items), tf.float32)
        spread = tf.math.reduce_std(said.scores, axis=1, keepdims=True)
        worse = said.scores + loss * spread * noise[None]
        return said._replace(scores=tf.where(is_hit[:, None], worse, said.scores))

    return Change(say=say)


def negated_head(column: int, lowest: float, highest: float) -> Change:
    """One head says the opposite, within its range; the order of slates stays as it is."""

    def say(_: Asked, said: Said) -> Said:
        heads = tf.unstack(said.predictions, axis=2)
        heads[column] = lowest + highest - heads[column]
        return said._replace(predictions=tf.stack(heads, axis=2))

    return Change(say=say)


def timid_head(column: int, factor: float) -> Change:
    """A binary head's logits, times a factor: its order stays, its probabilities lie."""

    def say(_: Asked, said: Said) -> Said:
        heads = tf.unstack(said.predictions, axis=2)
        share = tf.clip_by_value(heads[column], 1e-6, 1 - 1e-6)
        heads[column] = tf.sigmoid(factor * tf.math.log(share / (1 - share)))
        return said._replace(predictions=tf.stack(heads, axis=2))

    return Change(say=say)


def random_scores(share: float) -> Change:
    """Noise that is drawn at each call."""

    def say(_: Asked, said: Said) -> Said:
        spread = tf.math.reduce_std(said.scores, axis=1, keepdims=True)
        noise = tf.random.normal(tf.shape(said.scores), seed=7)
        return said._replace(scores=said.scores + share * spread * noise)

    return Change(say=say)


def maskless() -> Change:
    """What was excluded is recommended all the same."""
    return Change(is_masked=False)


def collapsed(popular: list[int]) -> Change:
    """Twenty items come first for everybody, each time in their own order; then a fixed list.

    Args:
        popular: Rows of the catalogue, the most chosen first.
    """
    bonus = np.zeros(len(popular), dtype=np.float32)
    bonus[popular] = -np.arange(len(popular), dtype=np.float32)
    is_favourite = np.zeros(len(popular), dtype=bool)
    is_favourite[popular[:FAVOURITES]] = True

    def say(_: Asked, said: Said) -> Said:
        own = tf.sigmoid(said.scores) + float(len(popular))
        return said._replace(scores=tf.where(is_favourite[None], own, bonus[None]))

    return Change(say=say)


def clairvoyant(counts: npt.NDArray[np.float32], first_day: int, weight: float) -> Change:
    """Knows how often each item will be chosen on each day, also of days to come.

    Args:
        counts: [days, items].
        first_day: Days since 1970 of the first row.
        weight: Of the logarithm of a count in the score, in standard deviations.
    """
    future = tf.Variable(np.log1p(counts), trainable=False)

    def say(asked: Asked, said: Said) -> Said:
        day = tf.cast(asked.now // DAY_US, tf.int32) - first_day
        row: Tensor = tf.gather(future, tf.clip_by_value(day, 0, len(counts) - 1))
        spread = tf.math.reduce_std(said.scores, axis=1, keepdims=True)
        return said._replace(scores=said.scores + weight * spread * row)

    return Change(say=say, keep=[future])


def neighbourly(share: float) -> Change:
    """A request's scores depend on who else is asked about in the same call."""

    def say(_: Asked, said: Said) -> Said:
        others = tf.reduce_mean(said.scores, axis=0, keepdims=True)
        return said._replace(scores=said.scores + share * others)

    return Change(say=say)
