"""Ask the shop and the ledger for news and note them, so that `dvc repro` runs what they change."""

from pathlib import Path

from bestseller.base.files import read_json, write_json
from bestseller.catalogue.diagnosis import is_passing
from bestseller.catalogue.raw import REJECTS, read_rejects
from bestseller.params import Params
from bestseller.sales.source import probe_ledger
from bestseller.sources.gather import probe
from stages import WORKSPACE, run
from stages.sales import SOURCE as LEDGER
from stages.scrape import RAW, http_cache
from stages.scrape import SOURCE as CATALOGUE

State = dict[str, int | str]
AGAIN = "asked_again"


def watermarks(params: Params) -> dict[str, State]:
    """Ask the sources for their state now, by the file that notes it.

    What the last crawl lost for a reason that passes is news too, so that it is asked for again:
    a count in the catalogue's watermark moves on as long as there is any.
    """
    cache = http_cache()
    catalogue: State = probe(params.catalogue, cache, WORKSPACE)
    if times := _asked_again() + any(is_passing(row.reason) for row in read_rejects(RAW / REJECTS)):
        catalogue[AGAIN] = times
    return {
        CATALOGUE: catalogue,
        LEDGER: probe_ledger(params.sales, params.catalogue, WORKSPACE, cache),
    }


def _asked_again() -> int:
    """Return how often the crawl was repeated so far for what was lost in passing."""
    return int(read_json(CATALOGUE).get(AGAIN, 0)) if Path(CATALOGUE).exists() else 0


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
