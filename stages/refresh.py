"""Look whether the shop or the ledger moved, and note it, so that `dvc repro` follows."""

from collections.abc import Mapping
from pathlib import Path

from bestseller.catalogue.gather import probe
from bestseller.catalogue.source import ledger_bytes, ledger_state
from bestseller.files import read_json, write_json
from bestseller.params import Params
from stages import WORKSPACE, run
from stages.sales import SOURCE as LEDGER
from stages.scrape import SOURCE as CATALOGUE
from stages.scrape import http_cache


def note(path: str, state: Mapping[str, int | str]) -> str:
    """Write a watermark if it moved, and say so in a few words."""
    before = read_json(path) if Path(path).exists() else None
    if before == state:
        return "same"
    write_json(path, state)
    size = next(key for key in state if key != "sha256")
    return f"moved ({before.get(size, 0) if before else 0} -> {state[size]} {size})"


def main(params: Params) -> None:
    catalogue = note(CATALOGUE, probe(params.catalogue, http_cache(), WORKSPACE))
    data, _ = ledger_bytes(params.sales, params.catalogue, WORKSPACE)
    ledger = note(LEDGER, ledger_state(data))
    print(f"catalogue: {catalogue}\nledger: {ledger}")


if __name__ == "__main__":
    run(main)
