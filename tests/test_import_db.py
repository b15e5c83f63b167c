"""A ledger in a database: what `dvc import-db` keeps of it is read, and follows the database."""

import hashlib
import json
import sqlite3
from pathlib import Path

import pandas as pd
import pytest
from ruamel.yaml import YAML

from bestseller.catalogue.product import Product
from conftest import shell, start_git

QUERY = (
    "SELECT id AS line_id, CAST(number AS TEXT) AS sku, day AS date, units FROM sold "
    "ORDER BY id, rowid"
)


@pytest.fixture
def shop(code: Path) -> Path:
    """A checkout with a database of sales that `dvc import-db` has read once."""
    with sqlite3.connect(code / "shop.db") as database:
        database.execute("CREATE TABLE sold (id INTEGER, number TEXT, day TEXT, units INTEGER)")
    sell(
        code,
        (1, "007", "2022-01-05", 3),
        (2, "008", "2022-01-05", None),
        (3, "NA", "2022-01-06", 2),
    )
    start_git(code)
    shell("dvc", "init", "--quiet", cwd=code)
    shell("dvc", "config", "--local", "db.shop.url", "sqlite:///shop.db", cwd=code)
    shell("dvc", "import-db", "--sql", QUERY, "--conn", "shop", "--out", "ledger.csv", cwd=code)

    products = [
        Product(sku=sku, name=sku, line="L", url="http://h/") for sku in ("007", "008", "NA")
    ]
    (code / "data/raw").mkdir(parents=True)
    lines = [json.dumps(product.model_dump(mode="json")) + "\n" for product in products]
    (code / "data/raw/catalogue.jsonl").write_text("".join(lines))
    (code / "data/source").mkdir()
    (code / "data/source/ledger.json").write_text("{}")
    yaml = YAML()
    params = yaml.load(code / "params.yaml")
    params["sales"] |= {"source": "csv", "path": "ledger.csv", "empty": {"units": "drop"}}
    yaml.dump(params, code / "params.yaml")
    return code


def sell(shop: Path, *rows: tuple[int, str, str, int | None]) -> None:
    with sqlite3.connect(shop / "shop.db") as database:
        database.executemany("INSERT INTO sold VALUES (?, ?, ?, ?)", rows)


def units(shop: Path) -> dict[str, int]:
    shell("python", "-m", "stages.sales", cwd=shop)
    table = pd.read_parquet(shop / "data/sales/units.parquet")
    return dict(zip(table["sku"], table["units"], strict=True))


def digest(shop: Path) -> str:
    return hashlib.sha256((shop / "ledger.csv").read_bytes()).hexdigest()


@pytest.mark.slow
def test_a_database_is_read_and_followed(shop: Path) -> None:
    """Numbers that a gap turns into 3.0 stay 3, texts stay texts, new rows come by an update."""
    assert "3.0" in (shop / "ledger.csv").read_text()
    assert units(shop) == {"007": 3, "008": 0, "NA": 2}

    before = digest(shop)
    shell("dvc", "update", "ledger.csv.dvc", cwd=shop)
    assert digest(shop) == before, "the same rows are the same bytes"

    sell(shop, (4, "008", "2022-02-01", 6), (1, "007", "2022-01-05", 1))  # a sale, a correction
    assert units(shop)["008"] == 0, "nothing moves before the update"
    shell("dvc", "update", "ledger.csv.dvc", cwd=shop)
    assert units(shop) == {"007": 1, "008": 6, "NA": 2}
