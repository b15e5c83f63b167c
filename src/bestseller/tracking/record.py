"""What is to be tracked, collected from dvc.lock and the files it names. Knows no server."""

import csv
import json
import math
import sys
import time
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from bestseller.base.errors import BestsellerError
from bestseller.base.files import read_json
from bestseller.base.lockfile import LOCK_FILE
from bestseller.params import PARAMS_FILE, read_yaml
from bestseller.tracking import naming
from bestseller.tracking.lock import as_json, canonical_hash, pipeline_stages, stage_hash
from bestseller.tracking.secret import secrets_of, without
from bestseller.tracking.source import committed, source_tags

SUMMARY_FILE = "metrics/summary.json"
NEAREST = "nearest_model"  # of the summary's texts, what tables of runs show
REPORT_FILE = "data/report/index.html"
CURVES_FOLDER = "metrics/train"
TIMES_FOLDER = ".scratch/times"  # when each stage last ran here, see stages/__init__.py
STEP_COLUMNS = ("epoch", "images")  # the first of these with whole numbers numbers the points
LARGEST = sys.float_info.max  # what is larger, or is none, is no metric of MLflow's
PICTURES = (".png", ".html")


class Frozen(BaseModel):
    model_config = ConfigDict(frozen=True)


class DataFile(Frozen):
    """A data file or folder that a stage read, named by DVC's hash."""

    path: str
    digest: str


class Point(Frozen):
    """One point of a curve."""

    key: str
    value: float
    step: int


class StageRecord(Frozen):
    """One execution of one stage."""

    name: str
    hash: str
    params: dict[str, str]
    metrics: dict[str, float]
    curves: list[Point]
    tags: dict[str, str]
    datasets: list[DataFile]
    artifacts: list[str]  # files, relative to the checkout
    begun_ms: int = 0  # milliseconds since 1970; 0 = not known
    ended_ms: int = 0


class PipelineRecord(Frozen):
    """The state of the pipeline that one dvc.lock names.

    Attributes:
        name: the profile, and the commit or the DVC experiment.
        changed: the settings that differ from the commit; empty where none does.
        shown: names of the tags, beside the metrics, that tables of runs show.
    """

    hash: str
    name: str
    changed: str = ""
    shown: list[str] = []
    time_ms: int  # milliseconds since 1970
    params: dict[str, str]
    metrics: dict[str, float]
    tags: dict[str, str]
    artifacts: list[str]  # files, relative to the checkout
    stages: list[StageRecord]


def collect(folder: Path, items: Collection[str], leave_out: Collection[str]) -> PipelineRecord:
    """Collect what dvc.lock and the files it names say about the pipeline.

    Args:
        folder: the checkout.
        items: names of the matrix items.
        leave_out: stages that are not tracked, such as the tracking itself.

    Raises:
        BestsellerError: dvc.lock is missing or empty, or a file that it names is not here.
    """
    entries = pipeline_stages(folder, items, leave_out)
    params = read_yaml(folder / PARAMS_FILE)
    secrets = secrets_of(params) | secrets_of(entries)
    tags = source_tags(folder)
    label = str(params.get("profile", "run"))
    version = tags.get("dvc.exp_name") or tags.get("mlflow.source.git.commit", "")[:7]
    path = folder / SUMMARY_FILE
    summary = read_json(path) if path.exists() else {}
    named = {key: value for key, value in summary.items() if isinstance(value, str)}
    kept = [PARAMS_FILE, LOCK_FILE, SUMMARY_FILE, REPORT_FILE]
    return PipelineRecord(
        hash=canonical_hash(entries),
        name=" ".join(part for part in (label, version) if part),
        changed=changes(folder, params, secrets),
        shown=[name for name in named if name == NEAREST],
        time_ms=int(time.time() * 1000),
        params=plain(flatten(params), secrets),
        metrics=numbers(summary),
        tags=tags | named | {"profile": label},
        artifacts=[path for path in kept if (folder / path).is_file()],
        stages=[_stage(folder, name, entry, secrets) for name, entry in entries.items()],
    )


def plain(texts: Mapping[str, str], secrets: Collection[str]) -> dict[str, str]:
    """Return texts by name without secrets."""
    return {name: without(text, secrets) for name, text in texts.items()}


def changes(folder: Path, params: Mapping[str, Any], secrets: Collection[str]) -> str:
    """Return the settings that differ from the commit, see `naming.differences`.

    Empty where none differs or there is no commit. Secrets are left out.
    """
    before = committed(folder, PARAMS_FILE)
    if before is None:
        return ""
    return naming.differences(plain(flatten(before), secrets), plain(flatten(params), secrets))


def _times(folder: Path, name: str) -> tuple[int, int]:
    """Return when a stage last began and ended here, in milliseconds since 1970; 0 = unknown."""
    path = folder / TIMES_FOLDER / f"{name}.json"
    if not path.exists():
        return 0, 0
    noted = read_json(path)
    return int(noted["begun"] * 1000), int((noted["begun"] + noted["seconds"]) * 1000)


def _stage(
    folder: Path, name: str, entry: Mapping[str, Any], secrets: Collection[str]
) -> StageRecord:
    outs = entry.get("outs") or []
    paths = [out["path"] for out in outs]
    for path in paths:
        if not (folder / path).exists():
            raise BestsellerError(f"{path}: in {LOCK_FILE} but not here; run `dvc checkout`")
    tables = [path for path in paths if path.startswith("metrics/") and path.endswith(".json")]
    metrics: dict[str, float] = {}
    for path in tables:
        prefix = f"{Path(path).stem}/" if len(tables) > 1 else ""
        metrics |= {prefix + key: value for key, value in numbers(read_json(folder / path)).items()}
    curves = [path for path in paths if path.startswith(CURVES_FOLDER) and path.endswith(".csv")]
    locked = (entry.get("params") or {}).values()
    begun_ms, ended_ms = _times(folder, name)
    return StageRecord(
        name=name,
        hash=stage_hash(entry),
        params=plain({k: v for part in locked for k, v in flatten(part).items()}, secrets),
        metrics=metrics,
        curves=[point for path in curves for point in read_curves(folder / path)],
        tags=plain({"dvc.cmd": str(entry["cmd"])}, secrets)
        | {f"out.{out['path']}": f"md5 {out['md5']}, {out['size']} bytes" for out in outs},
        datasets=[
            DataFile(path=dep["path"], digest=dep["md5"])
            for dep in entry.get("deps") or []
            if dep["path"].startswith("data/")
        ],
        artifacts=[found for path in paths for found in _pictures(folder, path)],
        begun_ms=begun_ms,
        ended_ms=ended_ms,
    )


def _pictures(folder: Path, path: str) -> Iterator[str]:
    """Yield `path`, or the files right under it, as far as a browser shows them."""
    for found in sorted((folder / path).iterdir()) if (folder / path).is_dir() else [folder / path]:
        if found.suffix in PICTURES:
            yield found.relative_to(folder).as_posix()


def flatten(tree: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    """Flatten nested settings: keys joined with dots, values as text (JSON where not text)."""
    flat: dict[str, str] = {}
    for key, value in tree.items():
        if isinstance(value, Mapping):
            flat |= flatten(value, f"{prefix}{key}.")
        else:
            plain = as_json(value)  # a day is text there
            text = plain if isinstance(plain, str) else json.dumps(plain)
            flat[_text(f"{prefix}{key}")] = _text(text)
    return flat


def _text(text: str) -> str:
    """Return `text` without halves of characters, which YAML can write and no file can hold."""
    return text.encode(errors="replace").decode()


def numbers(table: Any) -> dict[str, float]:
    """Return the numbers of a flat JSON object; text, flags and lists are no metrics."""
    return {
        key: float(value)
        for key, value in (table.items() if isinstance(table, Mapping) else ())
        if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < LARGEST
    }


def read_curves(path: Path) -> list[Point]:
    """Read the curves of a CSV file: a row per point, a column per curve.

    The points are numbered by the first of `STEP_COLUMNS` that holds whole numbers, else by row.
    Cells that are no finite number are left out.
    """
    with path.open(newline="", encoding="utf-8") as file:
        rows = [{key: _number(cell) for key, cell in row.items()} for row in csv.DictReader(file)]
    counters = [key for key in STEP_COLUMNS if all(_is_whole(row.get(key)) for row in rows)]
    return [
        Point(key=key, value=value, step=int(row[counters[0]] or 0) if counters else number)
        for number, row in enumerate(rows)
        for key, value in row.items()
        if value is not None and key not in counters[:1]
    ]


def _is_whole(value: float | None) -> bool:
    return value is not None and value.is_integer()


def _number(cell: Any) -> float | None:
    try:
        value = float(cell)
    except (TypeError, ValueError):
        return None
    return value if math.isfinite(value) else None
