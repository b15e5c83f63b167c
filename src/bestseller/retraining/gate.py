"""The promotion gate: decides whether the best model of this run becomes the champion.

It must reach the floors of params.yaml and beat the champion on today's held-out photos. Images of
both are drawn and measured anew (`scoring`): numbers of two runs are of other photos and other
feature spaces, so they are never compared. It must beat the champion in every metric space. A
difference inside its interval, or spaces that disagree, are a tie. After a tie the champion stays,
unless the challenger can draw a line of today's catalogue that the champion never learned.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
from pydantic import ValidationError

from bestseller.base.compute import configure_torch
from bestseller.base.errors import BestsellerError
from bestseller.base.files import read_json, read_table, require
from bestseller.comparison.references import REAL
from bestseller.evaluation.quality import rounded
from bestseller.gans import TrainedGenerator, load_generator
from bestseller.images.store import ImageSet
from bestseller.metrics.registry import Columns, from_records, of_metric
from bestseller.params import Gate, Params
from bestseller.report.words import count, joined, model_label
from bestseller.retraining.decision import Decision
from bestseller.retraining.scoring import HeldOutComparison, NotComparable, compare_on_held_out

METRICS, MODELS = Path("metrics"), Path("data/models")
PROCESSED = Path("data/processed")
RESTORE = "dvc checkout data/champion.dvc"
Facts = dict[str, float | int | str]


def decision_of(root: Path, champion: Path | None, params: Params) -> Decision:
    """Return the decision about the best model of the run in a checkout.

    Args:
        root: the checkout, after `dvc repro`.
        champion: folder of the champion, such as ``data/champion``; None where there is none.
        params: of the run.

    Raises:
        BestsellerError: a file is missing or damaged, or this code cannot rebuild the champion.
    """
    configure_torch(params.threads, params.retrain.gate.seed)
    name = str(read_json(root / METRICS / "summary.json", "dvc repro compare")["nearest_model"])
    challenger = load_generator(root / MODELS / name)
    measured = read_json(root / METRICS / "evaluate" / f"{name}.json", f"dvc repro evaluate@{name}")
    models = read_table(root / METRICS / "models.csv", "dvc repro compare")
    told = read_json(root / METRICS / "comparison.json", "dvc repro compare")["columns"]
    facts, failed = floors(measured, _real(models), params.retrain.gate, from_records(told))
    facts["challenger_sha256"] = challenger.hash
    label = model_label(name)

    def decide(promote: bool, *reasons: str) -> Decision:
        return Decision(promote=promote, challenger=name, reasons=list(reasons), facts=facts)

    if failed:
        return decide(False, *(f"{label} misses a floor: {why}" for why in failed))
    if champion is None:
        return decide(True, f"{label} reaches every floor, and there is no champion yet.")
    old = _load_champion(champion)
    facts |= {"last_champion": old.name, "last_champion_sha256": old.hash}
    if old.hash == challenger.hash:
        return decide(False, f"The champion is still this model: {label}, with the same weights.")
    images = ImageSet.open(root / PROCESSED, "dvc repro preprocess").of_main_view()
    new_lines = _new_lines(challenger, old, images)
    facts["lines_new"] = len(new_lines)
    found = compare_on_held_out(challenger, old, images, root, params)
    if isinstance(found, NotComparable):
        return decide(found.promote, found.reason)
    facts |= rounded(found.facts())
    return decide(*_verdict(found, label, new_lines))


def floors(
    measured: Mapping[str, Any], real: Mapping[str, Any], limits: Gate, columns: Columns
) -> tuple[Facts, list[str]]:
    """Compare a model's metrics with the floors.

    Args:
        measured: metrics/evaluate/<model>.json.
        real: the same metrics of real held-out images.
        limits: the section retrain.gate of params.yaml.
        columns: the run's metrics.

    Returns:
        What was looked at, and a sentence for every floor that is missed.
    """
    have = {name: column for name, column in columns.items() if name in measured}
    copies = {name: measured[name] for name in of_metric(have, "near_copy_rate")}
    diversity = [*of_metric(have, "lpips"), *of_metric(have, "diversity")][0]
    share = measured[diversity] / real[diversity]
    coverages = of_metric(have, "coverage")
    facts: Facts = {key: measured[key] for key in ("abstained_share", *coverages)}
    facts |= copies | {"diversity_share": round(share, 6)}
    failed = [
        f"its {key} of {rate:.1%} is above retrain.gate.max_near_copy_rate "
        f"{limits.max_near_copy_rate:.1%}."
        for key, rate in copies.items()
        if rate > limits.max_near_copy_rate
    ]
    if (abstained := measured["abstained_share"]) > limits.max_abstained_share:
        failed.append(
            f"{abstained:.1%} of its images are unlike every product, above "
            f"retrain.gate.max_abstained_share {limits.max_abstained_share:.1%}."
        )
    if share < limits.min_diversity_share:
        failed.append(
            f"its {diversity} is {share:.1%} of that of real images, below "
            f"retrain.gate.min_diversity_share {limits.min_diversity_share:.1%}."
        )
    failed += [
        f"its {name} of {measured[name]:.1%} of the training images is below "
        f"retrain.gate.min_coverage {limits.min_coverage:.1%}."
        for name in coverages
        if measured[name] < limits.min_coverage
    ]
    return facts, failed


def _real(models: pd.DataFrame) -> dict[str, Any]:
    rows = models[models["model"] == REAL].to_dict("records")
    if not rows:
        raise BestsellerError(f"{METRICS / 'models.csv'}: no row {REAL}; run `dvc repro compare`")
    return {str(key): value for key, value in rows[0].items()}


def _load_champion(folder: Path) -> TrainedGenerator:
    require(folder / "generator.json", RESTORE)
    require(folder / "generator.safetensors", RESTORE)
    try:
        return load_generator(folder)
    except (ValidationError, KeyError, TypeError, BestsellerError) as error:
        told = str(error).splitlines()[0].partition("; run ")[0]
        raise BestsellerError(
            f"{folder}: this code cannot rebuild the champion ({told}); run `{RESTORE}`, or remove "
            "data/champion.dvc to begin without one"
        ) from error


def _new_lines(new: TrainedGenerator, old: TrainedGenerator, images: ImageSet) -> list[str]:
    """Return the lines of today's catalogue that `new` learned and `old` did not, sorted."""
    return sorted((set(new.lines) - set(old.lines)) & set(images.index["line"]))


def _verdict(found: HeldOutComparison, label: str, new_lines: list[str]) -> tuple[bool, str]:
    told = "; ".join(
        f"{space.metric} to {count(found.n_real, 'held-out image')} of today is "
        f"{space.challenger.value:.4g} for {label} and {space.champion.value:.4g} for the "
        f"champion, a difference of {space.difference.value:+.4g} "
        f"({space.difference.low:+.4g} to {space.difference.high:+.4g})"
        for space in found.spaces
    )
    if found.better:
        return True, f"{told}: better."
    if found.worse:
        return False, f"{told}: worse."
    if new_lines:
        lines = "the line" if len(new_lines) == 1 else "the lines"
        return True, f"{told}: a tie; only the challenger draws {lines} {joined(new_lines)}."
    return False, f"{told}: a tie, and a tie promotes nobody."
