"""What the sections of params.yaml are made of, and those of the models that learn item to item."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

Share = Annotated[float, Field(gt=0, lt=1)]
Positive = Annotated[int, Field(gt=0)]
PositiveFloat = Annotated[float, Field(gt=0)]
Rate = Annotated[float, Field(ge=0, lt=1)]
Weight = Annotated[float, Field(ge=0)]
Port = Annotated[int, Field(ge=1024, le=65535)]
Weighting = Literal["fixed", "uncertainty"]


class Section(BaseModel):
    """A frozen section of params.yaml."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class ScoreWeights(Section):
    """What a task of each kind adds to the score, when a request does not say."""

    retrieval: PositiveFloat
    binary: Weight
    regression: Weight


class LossWeights(Section):
    """What a task of each kind adds to the loss; 0 = such tasks are not learnt."""

    retrieval: Weight
    binary: Weight
    regression: Weight

    @model_validator(mode="after")
    def _something_is_learnt(self) -> "LossWeights":
        if self.retrieval == self.binary == self.regression == 0:
            raise ValueError("at least one weight should be greater than 0")
        return self


class FactorParams(Section):
    """The biased matrix factorisation that the heads read."""

    dim: Positive
    user_l2: PositiveFloat
    """Labels of 0 that every user is given."""
    item_l2: PositiveFloat
    """Labels of 0 that every item is given."""
    bias_variance: PositiveFloat
    """Of a user's lasting bias, in units of the noise's."""
    mood_variance: PositiveFloat
    """Of what of the bias drifts."""
    mood_half_life_events: PositiveFloat
    """That many events apart, two events share half of the mood."""
    taste_half_life_events: PositiveFloat
    """The same, of a user's factors."""


class MultitaskParams(Section):
    """The two-tower multi-task model."""

    embedding_dim: Annotated[int, Field(gt=0, multiple_of=4)]
    """Of items and queries; four attention heads share it."""
    max_history: Positive
    """Newest events that the query tower reads."""
    head_width: Positive
    """Hidden units that the ranking heads share."""
    head_rank: Positive
    """Of each ranking head's bilinear form."""
    dropout: Rate
    item_dropout: Rate
    """Share of a history's events that are blanked while fitting."""
    id_dropout: Rate
    """Share of items shown without their own vector while fitting."""
    learning_rate: PositiveFloat
    weight_decay: PositiveFloat
    average_decay: Rate
    """What a step keeps of the weights' moving average."""
    batch_pages: Positive
    """Pages (one user, one instant) in a batch."""
    max_epochs: Positive
    patience: Positive
    """Epochs without a better validation score before the fit ends."""
    loss_weights: LossWeights
    weighting: Weighting
    """`fixed`, or `uncertainty`: the loss weights times what each task's noise says."""
    experts: Positive
    """Networks behind the query tower, mixed for each task; 1 = a bottom that all tasks share."""
    score_weights: ScoreWeights
    folds: Annotated[int, Field(ge=2)]
    """Parts that users are dealt into; a page reads counts without its own user's part."""
    memory_items: Positive
    """Most chosen items whose item-item weights are remembered; the cost grows by its square."""
    memory_l2: PositiveFloat
    """Of EASE, as in `cf`."""
    factors: FactorParams
    full_softmax_items: Positive
    """In a larger catalogue the softmax is sampled, and heads rank what was retrieved."""
    sampled_items: Positive
    """Drawn for a step's softmax, where it is sampled."""
    rank_candidates: Annotated[int, Field(ge=1000)]
    """Best of the retrieval order that the heads rank, where the catalogue is large."""


class NeighbourhoodParams(Section):
    """What the families of sparse item-item weights share."""

    nearest: Positive
    """Items that are kept for each item."""
    max_weights: Positive
    """Of all items together, 8 bytes each: a large catalogue keeps fewer of each item."""
    half_life_events: PositiveFloat
    """That many events further back, an event of the history weighs half."""
    max_history: Positive
    prior_half_life_days: PositiveFloat
    """As in `popularity`, for the prior."""
    prior_weight: PositiveFloat
    """Of recent popularity (largest = 1) beside the sum of weights (largest of one event = 1)."""


class NeighboursParams(NeighbourhoodParams):
    """Item-item nearest neighbours with recency-weighted history."""

    shrinkage: Weight
    """What is added to the counts, so that few choices say little."""
    target_exponent: Annotated[float, Field(ge=0, le=1)]
    """Of the count of the item that is scored; the other one has what is left of 1."""
    user_exponent: Weight
    """Somebody who chose n items counts n to minus that."""


class SequenceParams(NeighbourhoodParams):
    """Sequence rules with recency-weighted history."""

    max_steps: Positive
    """Events that lie between at most, plus one."""
    rule_half_life_events: PositiveFloat
    """That many events further apart, what follows counts half."""
    shrinkage: Weight
    """Choices that nothing followed, which every item is given."""


class FactorisationParams(Section):
    """Labels by factors of items, the user's part solved live; variances in units of the noise."""

    dim: Positive
    rounds: Positive
    """Of alternating between users and items while fitting."""
    l2: PositiveFloat
    """Of factors; its inverse is the variance of a taste in one direction."""
    item_bias_l2: PositiveFloat
    item_half_life_days: PositiveFloat
    """After that time a label counts half for its item."""
    user_variance: PositiveFloat
    """Of a user's lasting bias."""
    mood_variance: PositiveFloat
    """Of a user's passing bias."""
    mood_half_life_events: PositiveFloat
    """Two events that far apart share half of the mood."""
    taste_half_life_events: PositiveFloat


class AlsParams(Section):
    """Implicit ALS; its predictions are of a factorisation of the labels."""

    dim: Positive
    l2: PositiveFloat
    confidence: PositiveFloat
    """That a choice adds to the confidence of 1 that every pair has."""
    rounds: Positive
    half_life_events: PositiveFloat
    """That many events further back, an event of the history weighs half."""
    max_history: Positive
    prior_half_life_days: PositiveFloat
    """As in `popularity`, for the prior."""
    prior_weight: PositiveFloat
    """Of recent popularity (largest = 1) beside the expected preference."""
    labels: FactorisationParams
