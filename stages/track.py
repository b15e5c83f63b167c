"""Mirror dvc.lock into MLflow: a run for the pipeline, a child run for each of its stages.

It never fails for a tracking server: what could not be sent waits on disk, and
`python -m stages.publish` sends it.
"""

import sys
from pathlib import Path

from bestseller.base.errors import BestsellerError
from bestseller.base.files import write_json
from bestseller.params import Params
from bestseller.tracking import collect, publish
from stages import run

TRACKED = "data/tracked.json"
STAGE_WAIT_S = 4.0  # seconds that a stage waits for another process that is publishing
STAGE_SEND_S = 60.0  # and for a server


def main(params: Params) -> None:
    """Write which executions the pipeline consists of, and publish them as well as it goes."""
    record = collect(Path.cwd(), params.item_names(), leave_out=["track"])
    try:
        for note in publish(record, Path.cwd(), wait_s=STAGE_WAIT_S, within_s=STAGE_SEND_S):
            print(f"track: warning: {note}", file=sys.stderr)
    except BestsellerError as error:
        print(f"track: warning: {error}", file=sys.stderr)
    write_json(TRACKED, {stage.name: stage.hash for stage in record.stages})


if __name__ == "__main__":
    run(main)
