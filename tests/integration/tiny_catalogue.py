"""The catalogue of the small artifact: ids of every awkward kind, in text order."""

ITEM_IDS = sorted(
    ["-7", "007", "7", "A b", "né", "ne\u0301", "🎬", "%2F", "zz"]
    + [f"item {number}" for number in range(31)]
)
TASKS = [
    {"name": "watch", "kind": "retrieval", "positive": {"event": "rating"}},
    {"name": "like", "kind": "binary", "label": {"value": {"at_least": 4}}},
    {"name": "rating", "kind": "regression", "label": "value"},
]
HEADS = ["like", "rating"]
PROFILE_FIELDS = ["age", "occupation"]
MAX_HISTORY = 20
