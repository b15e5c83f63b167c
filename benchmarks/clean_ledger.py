"""Measure how long a large ledger takes from a CSV file's bytes to units a product.

Run: ``python benchmarks/clean_ledger.py [--rows 1000000]`` with ``src`` on the path. The ledger has
every column that is known, two daily extracts of which the second corrects a tenth of the first,
returns, three channels, two currencies, and one row in a thousand that cannot be read.
"""

import argparse
import resource
import time

import numpy as np
import pandas as pd

from bestseller.params import load_params
from bestseller.sales import clean_ledger, read_table, units_per_product

PRODUCTS = 5_516
DAYS = 1_062


def make_ledger(rows: int, seed: int = 0) -> bytes:
    """Return a CSV file of `rows` rows."""
    rng = np.random.default_rng(seed)
    first = int(rows / 1.1)
    again = rng.choice(first, rows - first, replace=False)
    order = np.concatenate([np.arange(first), again])
    days = np.datetime64("2019-04-05") + rng.integers(0, DAYS, first)
    table = pd.DataFrame(
        {
            "sku": np.char.mod("W%05d", rng.integers(0, PRODUCTS, first)),
            "date": days.astype(str),
            "units": rng.integers(1, 5, first).astype(str),
            "line_id": np.char.mod("L%08d", np.arange(first)),
            "kind": rng.choice(["sale", "return"], first, p=[0.97, 0.03]),
            "channel": rng.choice(["web", "store", "partner"], first),
            "price": np.char.mod("%.2f", rng.uniform(100, 9000, first)),
            "currency": rng.choice(["EUR", "USD"], first),
        }
    ).iloc[order]
    table["as_of"] = np.where(np.arange(rows) < first, "2022-03-02", "2022-03-03")
    table.loc[rng.random(rows) < 0.001, "units"] = "many"
    return table.to_csv(index=False).encode()


def main() -> None:
    """Print CPU and wall seconds, rows a second, and peak memory."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    rows = parser.parse_args().rows
    settings = load_params().sales
    data = make_ledger(rows)
    skus = [f"W{number:05d}" for number in range(PRODUCTS)]
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    cpu, wall = time.process_time(), time.perf_counter()
    ledger = clean_ledger(read_table(data, settings), dict(zip(skus, skus, strict=True)), settings)
    units = units_per_product(ledger.clean, skus, ledger.until)
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{rows:,} rows, {len(data) / 1e6:.0f} MB: {cpu:.1f} CPU s, {wall:.1f} s")
    print(f"peak memory {peak:,.0f} MiB, of which {before:,.0f} before the ledger was read")
    print(f"{units['units'].sum():,} units; {ledger.summary}")


if __name__ == "__main__":
    main()
