"""Look whether the shop or the ledger moved, and note it, so that `dvc repro` follows."""

from pathlib import Path

from bestseller.catalogue.gather import probe
from bestseller.files import read_json, write_json
from bestseller.params import Params
from bestseller.sales.source import probe_ledger
from stages import WORKSPACE, run
from stages.sales import SOURCE as LEDGER
from stages.scrape import SOURCE as CATALOGUE
from stages.scrape import http_cache

State = dict[str, int | str]


def watermarks(params: Params) -> dict[str, State]:
    """Ask the sources for their state now, by the file that notes it."""
    cache = http_cache()
    return {
        CATALOGUE: probe(params.catalogue, cache, WORKSPACE),
        LEDGER: probe_ledger(params.sales, params.catalogue, WORKSPACE, cache),
    }


def note(path: str, state: State) -> str:
    """Write a watermark if it moved, and say so in a few words."""
    before = read_json(path) if Path(path).exists() else None
    if before == state:
        return "same"
    write_json(path, state)
    size = next(key for key in state if key != "sha256")
    return f"moved ({before.get(size, 0) if before else 0} -> {state[size]} {size})"


def main(params: Params) -> None:
    for path, state in watermarks(params).items():
        print(f"{Path(path).stem}: {note(path, state)}")


if __name__ == "__main__":
    run(main)
