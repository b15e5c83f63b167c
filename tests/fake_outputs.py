"""A small, consistent set of stage outputs, drawn and numbered at random, for tests of the report.

Three lines (one with a hostile name), two models, seven designs. Nothing here was computed by a
model; only the formats are real.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image, ImageDraw

from bestseller.base.files import write_json
from bestseller.designs.design import SOURCE_TYPE, Choice, Design, design_id
from bestseller.designs.export import read_choice, write_choice
from bestseller.images.store import ImageSet
from bestseller.metrics.registry import as_records, columns_of
from bestseller.params import Params
from bestseller.report.results import Results

SIZE = 64
LINES = {"Datejust": 14, "Daytona": 12, "Explorer <b>II</b>": 3}
MODELS = ["dcgan-centroid-0", "dcgan-plain-0"]
STUDIED = "Of 3 published comparisons 1 holds."
HOSTILE = "</style></script><script>document.title='owned'</script><img src=x onerror=alert(1)>"


def dial(rng: np.random.Generator) -> np.ndarray:
    """Draw a round thing with hands, uint8 SIZE x SIZE x 3."""
    scale = 4
    sheet = Image.new("RGB", (SIZE * scale, SIZE * scale), (244, 244, 242))
    draw = ImageDraw.Draw(sheet)
    metal, face = (tuple(int(v) for v in rng.integers(low, 230, 3)) for low in (120, 20))
    middle = SIZE * scale // 2
    draw.rectangle((middle - 44, 0, middle + 44, SIZE * scale), fill=metal)
    for radius, colour in ((92, metal), (76, face)):
        draw.ellipse((middle - radius, middle - radius, middle + radius, middle + radius), colour)
    for angle in rng.uniform(0, 2 * np.pi, 2):
        end = (middle + 56 * np.cos(angle), middle + 56 * np.sin(angle))
        draw.line((middle, middle, *end), fill=(250, 250, 245), width=8)
    return np.asarray(sheet.resize((SIZE, SIZE), Image.Resampling.LANCZOS))


def write_outputs(root: Path, per_line: int = 3, seed: int = 0) -> None:
    """Write everything that the report reads into `root`, which becomes the working directory."""
    rng = np.random.default_rng(seed)
    products = _products()
    photos = np.stack([dial(rng) for _ in range(len(products))])
    _write_data(root, products, photos, rng)
    _write_metrics(root, rng)
    _write_pictures(root, rng)
    write_json(root / "data/retrain/last.json", {})
    write_json(root / "studies/answers.json", {"sentence": STUDIED, "answers": []})
    write_choice(root / "data/designs", choice(products, per_line, rng))
    write_json(root / "data/designs/kept.json", [])


def read_results(folder: Path, params: Params, **more: Any) -> Results:
    """Return what the report is made from, without curves, answers and health."""
    choice = read_choice(folder / "data/designs")
    return Results(
        params=params,
        designs=choice.designs,
        counts=choice.counts,
        images=ImageSet.open(folder / "data/processed"),
        ledger=pd.read_parquet(folder / "data/sales/ledger.parquet"),
        models=pd.read_csv(folder / "metrics/models.csv"),
        similarity=pd.read_csv(folder / "metrics/similarity.csv"),
        answers=[],
        curves={},
        health={},
        **more,
    )


def _products() -> pd.DataFrame:
    rows = [
        {"sku": f"{line[:4]}-{i:03d}", "name": f"{line} {i} mm & steel", "line": line}
        for line, count in LINES.items()
        for i in range(count)
    ]
    rows[0]["name"] = HOSTILE
    rows[1]["name"] = "=HYPERLINK(1)"
    return pd.DataFrame(rows)


def _write_data(
    root: Path, products: pd.DataFrame, photos: np.ndarray, rng: np.random.Generator
) -> None:
    for folder in ("sales", "processed", "raw"):
        (root / "data" / folder).mkdir(parents=True)
    described = [
        {"sku": row["sku"], "name": row["name"], "url": "", "price": str(50 + 40 * i)}
        | {"currency": "EUR"}
        for i, row in enumerate(products.to_dict("records"))
    ]
    text = "".join(f"{json.dumps(product)}\n" for product in described)
    (root / "data/raw/catalogue.jsonl").write_text(text, encoding="utf-8")
    ledger = pd.DataFrame(
        {
            "sku": rng.choice(products["sku"], 400),
            "date": pd.to_datetime("2019-04-05") + pd.to_timedelta(np.arange(400) * 2, "D"),
            "units": rng.integers(1, 9, 400),
        }
    )
    ledger["line"] = ledger["sku"].map(products.set_index("sku")["line"])
    ledger.to_parquet(root / "data/sales/ledger.parquet", index=False)
    index = products[["sku", "line"]].assign(
        category="Classic",
        view="front",
        sha256=[f"{i:064x}" for i in range(len(products))],
        cluster=range(len(products)),
        split=["train" if i % 5 else "test" for i in range(len(products))],
    )
    index.to_parquet(root / "data/processed/index.parquet", index=False)
    np.save(root / "data/processed/images.npy", photos)


def _write_metrics(root: Path, rng: np.random.Generator) -> None:
    (root / "metrics/train").mkdir(parents=True)
    facts: dict[str, dict[str, Any]] = {
        "catalogue": {"products": 29, "images": 33, "rejects": 2, "found_share": 0.97},
        "sales": {"rows": 400, "units": 1804, "unknown_share": 0.004, "quarantined": 3},
        "preprocess": {"images": 29, "rejects": 1, "near_duplicates": 0},
        "backbone": {"resnet18_accuracy": 0.83, "wall_s": None},
        "classifier": {"accuracy_test": 0.71, "temperature": 1.31, "lines_left_out": ""},
    }
    for name, values in facts.items():
        write_json(root / f"metrics/{name}.json", values)
    similarity = pd.DataFrame(
        [
            {"line": line, "model": model, "similarity": v, "low": v - 3, "high": v + 3}
            for i, line in enumerate(sorted(LINES))
            for j, model in enumerate(MODELS)
            for v in [40 + 10 * i + 8 * j * (i - 1)]
        ]
    )
    similarity.to_csv(root / "metrics/similarity.csv", index=False)
    pd.DataFrame(
        {
            "model": MODELS,
            "gan": "dcgan",
            "constraint": ["centroid", "plain"],
            "seed": 0,
            "fd_catalogue": [12.3456, 14.2],
            "fd_catalogue_low": [11.9, 13.1],
            "fd_catalogue_high": [12.8, 15.0],
            "near_copy_share": [0.011, 0.02],
        }
    ).to_csv(root / "metrics/models.csv", index=False)
    pd.DataFrame(
        {
            "gan": "dcgan",
            "constraint": ["plain", "centroid"],
            "seeds": 1,
            "seconds": [115.9, 177.8],
            "images_per_second": [413.0, 269.2],
            "times_plain": [1.0, 1.534],
        }
    ).to_csv(root / "metrics/cost.csv", index=False)
    answers = ["One training seed per model.", "kid_catalogue: best is dcgan-centroid (0.012)."]
    columns = as_records(columns_of({"features": ["catalogue"]}).values())
    told = {"answers": answers, "columns": columns, "nearest": MODELS[:1]}
    write_json(root / "metrics/comparison.json", told)
    pd.DataFrame(
        {
            "anchor": ["training images", "noise"],
            "similarity": [88.0, 6.1],
            "low": [86.0, 5.0],
            "high": [90.0, 7.0],
            "n": [50, 200],
        }
    ).to_csv(root / "metrics/anchors.csv", index=False)
    epochs = np.arange(1, 41)
    for model in MODELS:
        noise = rng.normal(0, 0.05, (4, 40))
        pd.DataFrame(
            {
                "epoch": epochs,
                "images": epochs * 800,
                "d_loss": 1.3 - 0.2 * np.log(epochs) / 3 + noise[0],
                "g_loss": 0.7 + 0.4 * np.log(epochs) / 3 + noise[1],
                "d_real": 0.55 + noise[2],
                "d_fake": 0.42 + noise[3],
                "diversity": 1 - np.exp(-epochs / 6),
            }
        ).to_csv(root / f"metrics/train/{model}.csv", index=False)


def _write_pictures(root: Path, rng: np.random.Generator) -> None:
    grid = np.concatenate(
        [np.concatenate([dial(rng) for _ in range(8)], axis=1) for _ in range(3)], axis=0
    )
    for model in MODELS:
        for folder, name in (("models", "samples"), ("evaluation", "nearest")):
            path = root / f"data/{folder}/{model}/{name}.png"
            path.parent.mkdir(parents=True)
            Image.fromarray(grid).save(path)


def choice(products: pd.DataFrame, per_line: int, rng: np.random.Generator) -> Choice:
    """Make up designs; the first nearest best seller of the first one has the hostile name."""
    designs, counts = [], []
    for line, real in LINES.items():
        chosen = per_line if real > 5 else 1
        for rank in range(1, chosen + 1):
            latent = rng.standard_normal(5).astype(np.float32)
            model = MODELS[rank % 2]
            near = products.iloc[[0, 1, *rng.integers(2, len(products), 3)]]
            sellers = [
                product
                | {"units": 90 - i, "distance": i + 0.5, "price": 100.0 * i, "currency": "EUR"}
                for i, product in enumerate(near.to_dict("records"))
            ]
            training = {k: sellers[-1][k] for k in ("sku", "name", "line")}
            record = {
                "id": design_id(model, line, latent),
                "line": line,
                "rank": rank,
                "score": round(float(rng.lognormal(0.4, 0.4)), 6),
                "similarity": None if real < 5 else round(float(rng.uniform(30, 80)), 6),
                "score_low": 0.5,
                "score_high": 5.25,
                "picture_score": 2.5,
                "beyond_seen": rank == 2,
                "departs": {
                    "line": [{"measure": "lightness", "word": "darker", "deviations": -2.0}],
                    "best_sellers": [],
                },
                "occlusion": rng.normal(0, 0.1, (4, 4)).round(4).tolist(),
                "best_sellers": sellers,
                "novelty": ["novel", "variation"][rank % 2],
                "picture": 0.6,
                "training": training | {"distance": 1.25, "percentile": 20.0 + 25 * (rank % 3)},
                "model": model,
                "model_hash": "ab" * 32,
                "seed": 1,
                "score_worth": "Of two held-out designs, the score names the better seller.",
                "latent_index": rank,
                "latent": [float(v) for v in latent],
                "image_sha256": "0" * 64,
                "feature_space": "resnet18_catalogue",
                "digital_source_type": SOURCE_TYPE,
            }
            if rank % 2:  # a blend of two products; other models' designs have no parents
                pairs = zip(near.to_dict("records")[:2], (0.58, 0.42), (41, 0), strict=True)
                record["parents"] = [p | {"share": s, "units": units} for p, s, units in pairs]
            designs.append(Design(dial(rng), record))
        counts.append(
            {
                "line": line,
                "models": " ".join(MODELS),
                "candidates": 128,
                "near_copies": 4,
                "abstained": 9,
                "held_back": 5,
                "rejected": 0,
                "considered": 62,
                "places": per_line,
                "chosen": chosen,
            }
        )
    return Choice(designs, pd.DataFrame(counts))
