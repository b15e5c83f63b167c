"""Take in what people said about the last run's designs, for the next run to read."""

from pathlib import Path

from bestseller.designs.feedback import take
from bestseller.designs.verdicts import KEEP, REJECT
from bestseller.params import Params
from stages import run

DESIGNS = Path("data/designs")
FEEDBACK = Path("data/feedback")
FILE = "what the page saved, or its line-review.xlsx with the column verdict filled in"


def main(params: Params, file: str) -> None:
    table = take(Path(file), DESIGNS, FEEDBACK).table
    kept, rejected = (int((table["verdict"] == verdict).sum()) for verdict in (KEEP, REJECT))
    noted = int((table["note"] != "").sum())
    print(f"{FEEDBACK}: {kept} kept, {rejected} rejected, {noted} notes; run `make repro`")


if __name__ == "__main__":
    run(main, [("file", FILE)])
