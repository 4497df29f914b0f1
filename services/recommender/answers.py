"""The shapes of answers and problems: what callers may rely on, with an example each."""

from typing import Any, Literal

from pydantic import ConfigDict, Field

from services.recommender.schemas import Shape, with_example

Slot = Literal["blue", "green"]
Fallback = Literal["unknown-user", "history-only", "no-history"]
WarningCode = Literal[
    "fewer-than-k",
    "nothing-left",
    "unknown-items",
    "later-than-now",
    "unknown-profile-fields",
    "unknown-item-fields",
]


class Warned(Shape):
    """Something that the caller should know about an answer that is good otherwise."""

    model_config = with_example(code="unknown-items", detail="1 item of the history is not known")

    code: WarningCode
    detail: str


class ModelInfo(Shape):
    """Which model answered: the first link of the lineage."""

    model_config = ConfigDict(protected_namespaces=())

    version: str
    family: str
    data_version: str
    bento: str


class Policy(Shape):
    """The rule that turned scores into a slate, and the probability that it shows these items."""

    name: str
    propensity: float


class Timings(Shape):
    """Milliseconds: reading the user's state, the model's call, and everything."""

    store: float
    model: float
    total: float


class RankedItem(Shape):
    """An item with its place, its score and the calibrated prediction of each task."""

    item_id: str
    rank: int
    score: float
    predictions: dict[str, float]


class SlateItem(RankedItem):
    """An item of a slate, with where it came from and which rules touched it."""

    source: str
    rules: list[str]
    fields: dict[str, Any] | None = None


class SimilarItem(Shape):
    """A neighbour of an item."""

    item_id: str
    rank: int
    score: float


class Neighbours(Shape):
    """An item and its neighbours, nearest first."""

    item_id: str
    items: list[SimilarItem]


_MODEL = {
    "version": "recommender@v1.0.0",
    "family": "multitask",
    "data_version": "data/1998-03-30",
    "bento": "recommender:v1.0.0",
}
_SHARED = {
    "request_id": "5e2f0c1d9a7b4f3c8d6e5f4a3b2c1d0e",
    "model": _MODEL,
    "warnings": [],
    "timings_ms": {"store": 0.2, "model": 2.1, "total": 2.9},
}
_ITEM = {"item_id": "313", "rank": 1, "score": 4.2, "predictions": {"like": 0.81, "rating": 4.3}}


class RecommendAnswer(Shape):
    """A slate, best first."""

    model_config = with_example(
        **_SHARED,
        user_id="196",
        items=[
            {**_ITEM, "source": "multitask", "rules": [], "fields": {"title": "Titanic (1997)"}}
        ],
        policy={"name": "greedy", "propensity": 1.0},
        fallback=None,
    )

    request_id: str
    user_id: str | None
    items: list[SlateItem]
    model: ModelInfo
    policy: Policy
    fallback: Fallback | None
    """Why this is less than a personal answer; null = it is one."""
    warnings: list[Warned]
    timings_ms: Timings


class RankAnswer(Shape):
    """The known ones of the items given, best first."""

    model_config = with_example(**_SHARED, user_id="196", items=[_ITEM], fallback=None)

    request_id: str
    user_id: str | None
    items: list[RankedItem]
    model: ModelInfo
    fallback: Fallback | None
    warnings: list[Warned]
    timings_ms: Timings


class SimilarAnswer(Shape):
    """One entry per item asked for, in the order asked."""

    model_config = with_example(
        **_SHARED,
        results=[{"item_id": "50", "items": [{"item_id": "181", "rank": 1, "score": 0.93}]}],
    )

    request_id: str
    results: list[Neighbours]
    model: ModelInfo
    warnings: list[Warned]
    timings_ms: Timings


class Release(Shape):
    """What a bento carries: which version it is, and of which artifact."""

    model_config = ConfigDict(protected_namespaces=())

    version: str
    """The registry tag, for example recommender@v1.0.0."""
    bento: str
    model: str
    """The tag in BentoML's model store."""
    model_digest: str
    """SHA-256 over the artifact's files, as the registry knows it."""
    family: str
    data_version: str
    commit: str
    judged_fit_until: str
    trained_until: str
    tasks: list[dict[str, Any]]


class ModelAnswer(Release):
    """The release that answers here, and the process that it runs in."""

    model_config = with_example(
        **_MODEL,
        model="recommender:v1.0.0",
        model_digest="9f2c…",
        commit="4b825dc642cb6eb9a060e54bf8d69288fbee4904",
        judged_fit_until="1998-03-05T22:15:04Z",
        trained_until="1998-04-05T23:58:41Z",
        tasks=[{"name": "like", "kind": "binary", "label": {"value": {"at_least": 4}}}],
        slot="blue",
        pid=4711,
    )

    slot: Slot | None
    pid: int


class FieldProblem(Shape):
    """One field at fault."""

    field: str
    pointer: str
    code: str
    detail: str


class ProblemAnswer(Shape):
    """RFC 9457 problem+json: the body of every refusal."""

    model_config = with_example(
        type="/problems/invalid-field",
        title="a field is not valid",
        status=422,
        detail="k must be at least 1, got 0",
        code="invalid-field",
        instance="/v1/recommend",
        request_id="5e2f0c1d9a7b4f3c8d6e5f4a3b2c1d0e",
        errors=[
            {
                "field": "k",
                "pointer": "/k",
                "code": "less-than-1",
                "detail": "k must be at least 1, got 0",
            }
        ],
    )

    type: str
    title: str
    status: int
    detail: str
    code: str
    instance: str | None = None
    request_id: str
    errors: list[FieldProblem] = Field(default_factory=list)
    """All fields at fault; absent in the gateway's own answers."""
