"""What the benchmark asks of a fitted model, by protocol."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from benchmarks.quality.fits import Cut
from pipelines.measures.leave_one_out import leave_one_out
from pipelines.measures.protocols import Answers, Questions, live, window
from pipelines.measures.scores import Window
from pipelines.measures.slices import fit_counts
from pipelines.measures.user_scores import METRICS
from pipelines.models.artifact import Artifact
from pipelines.models.examples import Ints, PreparedData
from pipelines.params import Params

Doubles = npt.NDArray[np.float64]
COLD_K = 50


@dataclass(frozen=True)
class Exam:
    """All questions about one data set, and the cuts that the fits must keep to.

    Args:
        data: Prepared tables of a recipe run.
        params: How results are measured.
    """

    data: PreparedData
    params: Params

    @cached_property
    def live_cut(self) -> Cut:
        """Frozen where the validation window starts."""
        return Cut("live", self.data, self.data.prepared.fit_cut, None)

    @cached_property
    def window_cut(self) -> Cut:
        """Frozen where the test window starts."""
        return Cut("window", self.data, self.data.prepared.test_cut, self.live_cut)

    @cached_property
    def last_cut(self) -> Cut:
        """Without every user's last event."""
        held_out = leave_one_out(self.data)
        return Cut("last", held_out.fit, held_out.until, self.live_cut)

    @cached_property
    def test(self) -> Window:
        """The test window with its resamples."""
        return Window.of(self.data, self.data.window("test"), self.params)

    @cached_property
    def held_out(self) -> Window:
        """The last events."""
        asked = leave_one_out(self.data)
        return Window.of(asked.asked, asked.rows, self.params)

    @cached_property
    def cold(self) -> Ints:
        """Rows of the test window whose item nobody had chosen before the cut."""
        rows, items = self.test.rows, self.data.item_rows[self.test.rows]
        counts = fit_counts(self.data)
        cold: Ints = rows[(items >= 0) & (counts[np.maximum(items, 0)] == 0)]
        return cold

    def live(self, model: Artifact) -> Answers:
        """`live` on the test window."""
        return live(model, self._questions(self.test), "live")

    def window(self, model: Artifact) -> Doubles:
        """[users] NDCG of `window`."""
        answers = window(model, self._questions(self.test), "window")
        return METRICS["ndcg"](answers.hits, answers.relevant)

    def last(self, model: Artifact) -> Answers:
        """`live` on the last events."""
        return live(model, self._questions(self.held_out), "last")

    def cold_hits(self, model: Artifact) -> Doubles:
        """[cold interactions] 1 where the slate of COLD_K holds the item."""
        pages = self.data.pages(self.cold)
        rows = np.concatenate(
            [np.arange(a, b) for a, b in zip(pages.start, pages.end, strict=True)]
        )
        asked = Questions(self.data, rows, COLD_K, self.params.evaluate.batch)
        answers = live(model, asked, "cold items")
        inside = np.isin(answers.rows, self.cold)
        return (answers.ranks[inside] > 0).astype(np.float64)

    def cold_chance(self) -> float:
        """What a slate of COLD_K unseen items drawn evenly would reach."""
        seen = self.data.page_start[self.cold] - self.data.user_start[self.cold]
        return float(np.mean(COLD_K / (len(self.data.items) - seen)))

    def _questions(self, asked: Window) -> Questions:
        return Questions(asked.data, asked.rows, asked.k, self.params.evaluate.batch)
