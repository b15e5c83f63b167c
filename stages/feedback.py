"""Take in what people said about the last run's designs, for the next run to read."""

from pathlib import Path

from bestseller.designs.feedback import KEEP, take
from bestseller.params import Params
from stages import run

DESIGNS = Path("data/designs")
FEEDBACK = Path("data/feedback")
FILE = "what the report page saved, or data/designs/shortlist.csv with its column verdict filled in"


def main(params: Params, file: str) -> None:
    table = take(Path(file), DESIGNS, FEEDBACK).table
    kept = int((table["verdict"] == KEEP).sum())
    print(f"{FEEDBACK}: {kept} designs kept, {len(table) - kept} rejected; run `dvc repro`")


if __name__ == "__main__":
    run(main, [("file", FILE)])
