"""Send to MLflow what a dead server missed, what dvc.lock holds now, and who the champion is.

Run outside of DVC; it may be repeated at any time. It ends with 1 if something was not sent.
"""

import sys
from pathlib import Path

from bestseller.base.errors import BestsellerError
from bestseller.params import Params
from bestseller.serving.registry import announce_champion
from bestseller.tracking import collect, publish
from bestseller.tracking.server import repository_root
from stages import run

CHAMPION = Path("data/champion")
WAIT_S = 120.0  # seconds to wait for another process that is publishing


def main(params: Params) -> None:
    record = collect(Path.cwd(), params.item_names(), leave_out=["track"])
    problems = []
    try:
        for note in publish(record, Path.cwd(), wait_s=WAIT_S):
            print(f"publish: {note}", file=sys.stderr)
    except BestsellerError as error:
        problems.append(str(error))
    try:
        if CHAMPION.exists():
            announce_champion(CHAMPION, repository_root(), wait_s=WAIT_S)
    except BestsellerError as error:
        problems.append(str(error))
    for problem in problems:
        print(f"publish: {problem}", file=sys.stderr)
    if problems:
        raise SystemExit(1)


if __name__ == "__main__":
    run(main)
