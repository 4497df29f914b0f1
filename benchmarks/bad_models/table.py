"""The catalogue of bad models: 26 rows, some made in several ways, and what must stop each."""

from pathlib import Path
from typing import Any

from benchmarks.bad_models import changes, clones, fits, hostile, signatures
from benchmarks.bad_models.contract import copied
from benchmarks.bad_models.program import Change
from benchmarks.bad_models.workshop import HOLD, SHIP, Make, Mutant, Workshop, changed, spoilt
from pipelines.models.examples import PreparedData

HONEST = Mutant(
    0,
    "honest",
    "the honest program in new clothes",
    (),
    changed(lambda _: Change()),
    verdict=SHIP,
)
"""Must ship: else every refusal below might be for the clothes."""


def _fitted(spoil: Any, *, through_test: bool = False) -> Make:
    """A fit on spoilt data; the manifest claims the honest one's history."""

    def make(workshop: Workshop, folder: Path) -> None:
        data: PreparedData = spoil(workshop.data)
        prepared = workshop.data.prepared
        until = prepared.newest_event + 1 if through_test else prepared.fit_cut
        honest = workshop.data.last_instant(prepared.fit_cut)
        item_ids = workshop.data.item_ids if len(data.items) == len(workshop.data.items) else None
        lies = {"fit_until": honest} | ({"item_ids": item_ids} if item_ids else {})
        fits.fitted(folder, data, workshop.params, until, **lies)

    return make


def _untouched(data: PreparedData) -> PreparedData:
    return data


def _clairvoyant(workshop: Workshop) -> Change:
    counts, first = fits.daily_counts(workshop.data)
    return changes.clairvoyant(counts, first, weight=1.0)


def _renamed_popularity(workshop: Workshop, folder: Path) -> None:
    copied(workshop.artifact("popularity"), folder, family="multitask")


def _renamed_items(workshop: Workshop, folder: Path) -> None:
    ids = workshop.honest.item_ids
    copied(workshop.honest, folder, item_ids=[*ids[1:], ids[0]])


def _reordered_heads(workshop: Workshop, folder: Path) -> None:
    copied(workshop.honest, folder, heads=workshop.honest.manifest["heads"][::-1])


def _flipped_file(name: str) -> Make:
    def make(workshop: Workshop, folder: Path) -> None:
        copied(workshop.honest, folder)
        clones.flip(folder / name)

    return make


def _slow_when_long(workshop: Workshop) -> Change:
    return changes.slow(workshop.sizes.loops, from_events=workshop.sizes.short)


LEARNING = (
    Mutant(
        1,
        "items-permuted",
        "fitted with every item under another one's name",
        ("beats_popularity",),
        _fitted(fits.permuted_items),
        is_large=True,
    ),
    Mutant(
        1,
        "labels-shuffled",
        "fitted with the items of all interactions shuffled",
        ("beats_popularity",),
        _fitted(fits.shuffled_items),
    ),
    Mutant(
        5,
        "learnt-the-test-window",
        "fitted through the newest event; the manifest says up to the cut",
        ("plausible", "leakage"),
        _fitted(_untouched, through_test=True),
        is_large=True,
    ),
    Mutant(
        6,
        "clairvoyant",
        "scores read each day's counts, also of days to come",
        ("leakage",),
        changed(_clairvoyant),
        is_large=True,
    ),
    Mutant(
        8,
        "stale-catalogue",
        "fitted on an items snapshot that lacks a tenth",
        ("catalogue_current",),
        _fitted(fits.older_snapshot),
    ),
)

ANSWERS = (
    Mutant(
        2,
        "constant-scores",
        "all scores 0",
        ("varied",),
        changed(lambda _: changes.constant_scores()),
    ),
    Mutant(
        3,
        "nan-in-one-row",
        "one item's score is NaN",
        ("finite",),
        changed(lambda w: changes.nan_in_one_row(w.honest)),
    ),
    Mutant(
        3,
        "nan-without-history",
        "NaN for the empty history alone",
        ("finite",),
        changed(lambda _: changes.nan_without_history()),
    ),
    Mutant(
        3,
        "infinite-prediction",
        "one item's predictions are infinite",
        ("finite",),
        changed(lambda w: changes.infinite_prediction(w.honest)),
    ),
    Mutant(
        4,
        "popularity-renamed",
        "the popularity artifact, named multitask",
        ("personalised",),
        _renamed_popularity,
    ),
    Mutant(
        4,
        "one-list-for-all",
        "answers a stranger, whoever asks",
        ("personalised",),
        changed(lambda _: changes.nobody()),
    ),
    Mutant(
        4,
        "one-list-named-popularity",
        "the same, named popularity, which may be the same for all",
        ("beats_best_baseline",),
        changed(lambda _: changes.nobody(), family="popularity"),
    ),
    Mutant(
        9,
        "rows-shifted",
        "each item has its neighbour's row; golden.json is the honest one",
        ("golden",),
        changed(lambda _: changes.rolled(), golden=False),
    ),
    Mutant(
        9,
        "rows-shifted-golden-too",
        "the same, with golden.json answered anew",
        ("beats_popularity",),
        changed(lambda _: changes.rolled()),
        is_large=True,
    ),
    Mutant(
        9,
        "names-shifted",
        "the manifest lists each item in its neighbour's place",
        ("exclusions", "golden", "signature"),
        _renamed_items,
    ),
    Mutant(
        16,
        "unfair-to-some",
        "histories of some lengths are served badly, all others well",
        ("slice:",),
        changed(lambda w: changes.unfair(*w.sizes.unfair, loss=0.6)),
        is_large=True,
    ),
    Mutant(
        17,
        "head-negated",
        "the regression head says the opposite",
        ("task:",),
        changed(lambda w: changes.negated_head(w.head("regression"), 1.0, 5.0)),
    ),
    Mutant(
        17,
        "like-negated",
        "the binary head says the opposite",
        ("task:",),
        changed(lambda w: changes.negated_head(w.head("binary"), 0.0, 1.0)),
    ),
    Mutant(
        18,
        "timid-head",
        "the binary head's logits times 0.1",
        ("calibration:",),
        changed(lambda w: changes.timid_head(w.head("binary"), 0.1)),
    ),
    Mutant(
        18,
        "bold-head",
        "the binary head's logits times 10",
        ("calibration:",),
        changed(lambda w: changes.timid_head(w.head("binary"), 10.0)),
        is_large=True,
    ),
    Mutant(
        23,
        "random",
        "noise that is drawn at each call",
        ("deterministic", "stable"),
        changed(lambda _: changes.random_scores(0.05)),
    ),
    Mutant(
        23,
        "neighbourly",
        "a row's scores depend on the rows beside it",
        ("deterministic", "stable"),
        changed(lambda _: changes.neighbourly(0.5)),
    ),
    Mutant(
        24,
        "maskless",
        "excluded items are recommended",
        ("exclusions",),
        changed(lambda _: changes.maskless()),
    ),
    Mutant(
        25,
        "collapsed",
        "the same twenty items for all, each time in another order",
        ("coverage",),
        changed(lambda w: changes.collapsed(fits.most_chosen(w.data))),
        is_large=True,
    ),
)

CONTRACT = (
    Mutant(
        11,
        "heads-reordered",
        "the manifest names the heads in another order",
        ("signature",),
        _reordered_heads,
    ),
    Mutant(
        10,
        "vocabulary-shuffled",
        "ids of a history are looked up in a shuffled table; golden.json is the honest one",
        ("golden",),
        changed(lambda w: changes.shuffled_vocabulary(w.honest), golden=False),
    ),
    Mutant(
        10,
        "vocabulary-forgotten",
        "no id of any request is in the vocabulary; golden.json answered anew",
        ("feature_parity",),
        changed(lambda _: changes.forgotten_vocabulary()),
    ),
    Mutant(
        11,
        "no-rank",
        "the signature `rank` is missing",
        ("signature",),
        signatures.forged(signatures.without_rank),
    ),
    Mutant(
        11,
        "nameless-arguments",
        "arguments without names",
        ("signature",),
        signatures.forged(signatures.other_arguments),
    ),
    Mutant(
        11,
        "float-times",
        "times are floats",
        ("signature",),
        signatures.forged(signatures.other_type),
    ),
    Mutant(
        11,
        "scores-in-a-column",
        "scores have one dimension more",
        ("signature",),
        signatures.forged(signatures.other_shape),
    ),
    Mutant(
        12,
        "users-for-items",
        "slates name users",
        ("signature", "golden"),
        changed(lambda w: changes.other_names(w.honest)),
    ),
)

COSTS = (
    Mutant(
        13,
        "slow",
        "a busy loop in the graph",
        ("latency",),
        changed(lambda w: changes.slow(w.sizes.loops)),
        is_large=True,
    ),
    Mutant(
        14,
        "slow-when-long",
        "a busy loop for long histories only",
        ("latency",),
        changed(_slow_when_long),
        is_large=True,
    ),
    Mutant(
        15,
        "oversized",
        "ballast among the weights",
        ("size",),
        changed(lambda w: changes.oversized(w.sizes.ballast_bytes)),
    ),
    Mutant(
        15,
        "growing",
        "each call keeps some memory",
        ("memory",),
        changed(lambda w: changes.growing(w.sizes.growth_bytes)),
        is_large=True,
    ),
)

FILES = (
    *(
        Mutant(21, f"flipped {name}", "one bit of one file", ("digest",), _flipped_file(name))
        for name in (
            "golden.json",
            "card.md",
            "saved_model/saved_model.pb",
            "saved_model/variables/variables.index",
            "saved_model/variables/variables.data-00000-of-00001",
        )
    ),
    Mutant(
        22,
        "extra-file",
        "a file that the manifest does not list",
        ("digest",),
        lambda w, folder: hostile.extra_file(w.honest, folder),
    ),
    Mutant(
        22,
        "text-graph",
        "a graph as text beside the binary one",
        ("ops_allowed",),
        lambda w, folder: hostile.text_graph(w.honest, folder),
    ),
    Mutant(
        22,
        "writes-a-file",
        "an operation that writes a file",
        ("ops_allowed",),
        changed(lambda _: hostile.writes_a_file(), golden=False),
    ),
    Mutant(
        22,
        "prints-to-a-file",
        "a print whose stream is a file",
        ("ops_allowed",),
        changed(lambda _: hostile.prints_to_a_file(), golden=False),
    ),
    Mutant(
        22,
        "reads-a-file",
        "an operation that reads a file",
        ("ops_allowed",),
        changed(lambda _: hostile.reads_a_file(), golden=False),
    ),
    Mutant(
        22,
        "nested-graph",
        "a file operation in a graph that stands as bytes in the graph",
        ("ops_allowed",),
        changed(lambda _: hostile.nested_graph(), golden=False),
    ),
)

CLONES = (
    Mutant(
        21,
        "flipped manifest.json",
        "one bit of the winner's manifest",
        ("digest",),
        spoilt(lambda clone: clones.flipped(clone, "manifest.json")),
        is_clone=True,
    ),
    Mutant(
        7,
        "siblings-of-a-page",
        "histories by the order of the file: a page's events see each other",
        ("leakage",),
        spoilt(clones.file_order),
        is_clone=True,
        is_large=True,
    ),
    Mutant(
        19,
        "quarantined-rows",
        "rows in the train window that validation never accepted",
        ("data_accepted",),
        spoilt(clones.quarantined_rows),
        is_clone=True,
        is_large=True,
    ),
    Mutant(
        26,
        "few-users",
        "a test window of thirty users",
        ("evidence",),
        spoilt(clones.few_users),
        verdict=HOLD,
        is_clone=True,
        is_large=True,
    ),
    Mutant(
        26,
        "another-refit",
        "what would be served is another model than the judged one",
        ("refit_overlap",),
        spoilt(clones.other_refit),
        is_clone=True,
        is_large=True,
    ),
    Mutant(
        26,
        "no-way-back",
        "the champion's files are nowhere",
        ("rollback_target",),
        spoilt(clones.lost_champion),
        verdict=HOLD,
        is_clone=True,
    ),
)

MUTANTS = (*LEARNING, *ANSWERS, *CONTRACT, *COSTS, *FILES, *CLONES)
