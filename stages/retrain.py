"""Retrain if the shop, the ledger or people have news: refresh, compare, promote a better model.

Verdicts on designs wait as files in data/inbox. They are taken in and committed first.

Exit statuses: 0 nothing is new; 10 a model was promoted; 11 the champion stays; 3 the new data are
refused and the old ones kept; 4 another retraining is running; 1 it failed, and the next retraining
continues it. `--anyway` goes through all steps also without news. `--abandon` puts back the last
commit's state and forgets an unfinished run.
"""

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bestseller.base.errors import BestsellerError
from bestseller.params import Params
from bestseller.retraining.decision import Decision
from bestseller.retraining.health import problems
from bestseller.retraining.inbox import INBOX, take_in, waiting
from bestseller.retraining.journal import Busy, RunStore, State
from bestseller.retraining.notify import notify
from bestseller.retraining.outcome import EXIT_STATUS, Outcome, Summary
from bestseller.retraining.run import STORE, Calls, Retraining
from stages import _told, run

FLAGS = ("--anyway", "--abandon")
QUIET = (Outcome.NOTHING_NEW, Outcome.LOCKED)  # of which nobody is notified


def main(params: Params) -> None:
    """Retrain where there is news."""
    _retrain(params, anyway=False)


def anyway(params: Params) -> None:
    """Retrain also where there is none."""
    _retrain(params, anyway=True)


def abandon(params: Params) -> None:
    """Forget an unfinished run."""
    forgotten = _retraining(params).abandon()
    print(f"retrain: {forgotten} is forgotten; all is as the last commit has it")


def _retrain(params: Params, *, anyway: bool) -> None:
    if params.sales.source == "none":
        raise BestsellerError(
            "params.yaml: sales.source: none: a retraining follows the ledger, and there is none; "
            "run `make refresh repro` for a new catalogue"
        )
    try:
        summary = _retraining(params).run(anyway=_feedback() or anyway)
    except Busy as error:
        summary = Summary(outcome=Outcome.LOCKED, problems=[str(error)])
    except BestsellerError as error:
        summary = Summary(outcome=Outcome.FAILED, problems=[str(error)])
    except Exception as error:  # whoever is notified must hear of a defect too
        summary = Summary(outcome=Outcome.FAILED, problems=[_told("retrain", error)])
    if params.retrain.notify and summary.outcome not in QUIET:
        problem = notify(params.retrain.notify, summary, params.retrain.notify_timeout_s)
        if problem:
            summary = summary.model_copy(update={"notes": [*summary.notes, problem]})
    print("\n".join(summary.lines()), flush=True)
    raise SystemExit(EXIT_STATUS[summary.outcome])


def _retraining(params: Params) -> Retraining:
    def probe() -> Mapping[str, State]:
        from stages.refresh import watermarks  # noqa: PLC0415 (slow import)

        return watermarks(params)

    def measure(before: Path) -> dict[str, Any]:
        from bestseller.retraining.drift import measure_drift  # noqa: PLC0415 (slow import)

        return measure_drift(before, Path.cwd(), params)

    def decide(champion: Path | None) -> Decision:
        from bestseller.retraining.gate import decision_of  # noqa: PLC0415 (slow import)

        return decision_of(Path.cwd(), champion, params)

    limits = params.retrain.health
    calls = Calls(probe, lambda old, new: problems(old, new, limits), measure, decide, publish)
    return Retraining(Path.cwd(), params.retrain, calls)


def _feedback() -> bool:
    """Take in the feedback that waits in data/inbox, which is news of its own; tell whether any."""
    root = Path.cwd()
    if not waiting(root):
        return False
    from bestseller.designs.feedback import take  # noqa: PLC0415 (slow import)

    designs, folder = Path("data/designs"), Path("data/feedback")
    count = take_in(
        root, RunStore(root / STORE), str(folder), lambda file: take(file, designs, folder)
    )
    print(f"feedback: {count} files of {INBOX} taken in")
    return count > 0


def publish() -> None:
    """Mirror everything into MLflow, in a process of its own: however it ends, the run goes on."""
    if subprocess.run([sys.executable, "-m", "stages.publish"], check=False).returncode:
        raise BestsellerError("not all of it is in MLflow; `make publish` sends it")


if __name__ == "__main__":
    flags = {flag for flag in FLAGS if flag in sys.argv}
    chosen = abandon if "--abandon" in flags else anyway if flags else main
    run(chosen, argv=[argument for argument in sys.argv[1:] if argument not in flags])
