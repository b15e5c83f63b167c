"""A retraining, from the search for new data to the commit, in six steps that can be repeated.

A decision is written into a journal before the run acts on it. The next run finishes a run that was
killed: it repeats the steps with the decisions of the journal, and DVC skips finished stages. The
trailer of a commit tells whether the commit was made.
"""

import datetime as dt
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bestseller.base.errors import BestsellerError
from bestseller.base.files import read_json, write_json
from bestseller.params import Retrain
from bestseller.retraining import champion
from bestseller.retraining.decision import Decision
from bestseller.retraining.journal import Journal, RunStore, State
from bestseller.retraining.outcome import Outcome, Summary
from bestseller.retraining.repository import TRAILER, Repository, StageFailed

STORE = ".scratch/retrain"
LAST = "data/retrain/last.json"
# What a run commits, and nothing else.
OWN = ["dvc.lock", "metrics", "data/source", str(Path(LAST).parent), champion.POINTER]
# Outputs of the last run that today's are compared with.
BEFORE = ["data/sales", "data/centroid", "data/backbones"]
INTAKE = ("scrape", "sales", "preprocess")  # stages that refuse bad data
DESIGNED = "shortlist"  # behind it come report and tracking, which tell the decision, and foresight
HEALTH = ("catalogue", "sales")  # metrics/<name>.json

Facts = Mapping[str, Any]


@dataclass(frozen=True)
class Calls:
    """What the steps call.

    Attributes:
        probe: asks the sources; watermarks by file.
        problems: what speaks against the new facts, given the committed ones or None.
        measure_drift: what moved since the outputs in a folder; flat, with ``warnings``.
        decide: the gate's decision about the champion's folder, None where there is no champion.
        publish: mirrors the state into MLflow; a BestsellerError is told and changes nothing.
    """

    probe: Callable[[], Mapping[str, State]]
    problems: Callable[[Mapping[str, Facts] | None, Mapping[str, Facts]], list[str]]
    measure_drift: Callable[[Path], dict[str, Any]]
    decide: Callable[[Path | None], Decision]
    publish: Callable[[], None]


class Retraining:
    """The retraining of one checkout.

    Args:
        root: the checkout.
        settings: section retrain of params.yaml.
        calls: what the steps call.
    """

    def __init__(self, root: Path, settings: Retrain, calls: Calls) -> None:
        self.root, self.settings, self.calls = root, settings, calls
        self.repository = Repository(root)
        self.store = RunStore(root / STORE)

    def run(self, *, anyway: bool = False) -> Summary:
        """Retrain if there is news, or finish what an earlier run left.

        Args:
            anyway: go through all steps also without news.

        Raises:
            journal.Busy: another process is retraining.
            BestsellerError: a step failed; the next run goes on from there.
        """
        with self.store.alone():
            journal = self.store.read()
            if journal is None:
                journal = self._begin(anyway)
                if journal is None:
                    return Summary(outcome=Outcome.NOTHING_NEW)
            else:
                print(f"retrain: taking up {journal.run}, which was not finished")
                self.repository.check(OWN)
            return self._go_on(journal)

    def abandon(self) -> str:
        """Put everything back to the last commit, forget an unfinished run and return its id.

        Raises:
            journal.Busy: another process is retraining.
            BestsellerError: there is no unfinished run, or its results are committed already.
        """
        with self.store.alone():
            journal = self.store.read()
            if journal is None:
                raise BestsellerError(f"{self.store.folder}: no unfinished run to abandon")
            if self.repository.commit_of(journal.run, journal.base):
                raise BestsellerError(f"{journal.run}: is committed; `make retrain` finishes it")
            self._put_back()
            self.store.clear()
            return journal.run

    def _begin(self, anyway: bool) -> Journal | None:
        """Look for news; return the journal of a new run, None where there is none."""
        self.repository.check([])
        if self.settings.push:
            self.repository.git("remote", "get-url", self.settings.push)
        self._say(1, "news: the sources are asked")
        found = {path: dict(state) for path, state in self.calls.probe().items()}
        moved = [path for path, state in found.items() if self._watermark(path) != state]
        if not moved and not anyway:
            return None
        print(f"moved: {', '.join(moved) or 'nothing'}")
        verb = "pull" if self.repository.has_remote() else "checkout"
        self.repository.dvc(verb, "--force", "--quiet", "--allow-missing")
        if (self.root / champion.POINTER).exists():
            champion.read(self.root)
        self.store.clear()  # of what a run left that died before it had a journal
        now = dt.datetime.now(dt.UTC)
        journal = Journal(run=f"{now:%Y%m%dT%H%M%SZ}", base=self.repository.head(), states=found)
        self.store.write(journal)
        return journal

    def _watermark(self, path: str) -> State | None:
        return read_json(self.root / path) if (self.root / path).exists() else None

    def _go_on(self, journal: Journal) -> Summary:
        commit = self.repository.commit_of(journal.run, journal.base)
        if not commit:
            if not journal.problems:
                journal = self._take_in(journal)
            if journal.problems:
                return self._refuse(journal)
            journal = self._train_and_judge(journal)
            commit = self._commit(journal)
        return self._finish(journal, commit)

    def _take_in(self, journal: Journal) -> Journal:
        """Steps 2 and 3: new data, whether they are sound, and what moved."""
        self._say(2, "refresh: the catalogue and the ledger")
        self.store.keep_before(self.root, BEFORE)
        for path, state in journal.states.items():
            if self._watermark(path) != state:
                write_json(self.root / path, state)
        try:
            self.repository.dvc("repro", "scrape", "sales")
            if problems := self.calls.problems(*self._facts()):
                return self._note(journal, problems=problems)
            self._say(3, "drift: what moved since the last run")
            self.repository.dvc("repro", "preprocess")
        except StageFailed as error:
            if error.stage in INTAKE and error.told:
                return self._note(journal, problems=[f"{error.stage}: {error.told}"])
            raise
        if journal.drift is None:
            journal = self._note(journal, drift=self.calls.measure_drift(self.store.before))
        for warning in (journal.drift or {})["warnings"]:
            print(f"drift: {warning}")
        return journal

    def _facts(self) -> tuple[dict[str, Facts] | None, dict[str, Facts]]:
        """Return the committed facts, None where they were never committed, and those of now."""
        committed = {name: self.repository.committed(f"metrics/{name}.json") for name in HEALTH}
        now = {name: read_json(self.root / f"metrics/{name}.json") for name in HEALTH}
        texts = {name: text for name, text in committed.items() if text is not None}
        before = {name: json.loads(text) for name, text in texts.items()}
        return (before if len(before) == len(HEALTH) else None), now

    def _refuse(self, journal: Journal) -> Summary:
        """Put the old data back."""
        self._put_back()
        self.store.clear()
        return Summary(
            outcome=Outcome.REFUSED,
            run=journal.run,
            champion=self._champion(),
            problems=journal.problems,
        )

    def _put_back(self) -> None:
        """Make the workspace what the last commit says."""
        self.repository.restore(OWN)
        champion.take_away_unless_committed(self.repository)
        self.repository.dvc("checkout", "--force", "--quiet", "--allow-missing")

    def _train_and_judge(self, journal: Journal) -> Journal:
        """Steps 4 and 5: what changed runs, and the gate decides."""
        self._say(4, "train: what the news changes, up to the designs")
        self.repository.dvc("repro", DESIGNED)
        self._say(5, "gate: the best model of today against the champion")
        if journal.decision is None:
            folder = self.root / champion.CHAMPION
            decision = self.calls.decide(folder if folder.exists() else None)
            decision = champion.unless_rolled_back(self.repository, decision)
            journal = self._note(journal, decision=decision)
        assert journal.decision is not None
        if journal.decision.promote:
            champion.install(self.root, journal.decision, journal.run)
        write_json(
            self.root / LAST,
            {
                "run": journal.run,
                "drift": journal.drift,
                "decision": journal.decision.model_dump(),
                "champion": self._champion(),
            },
        )
        return journal

    def _commit(self, journal: Journal) -> str:
        """Step 6: write the decision into the report, and commit what the run has changed."""
        decision = journal.decision
        assert decision is not None
        self._say(6, "commit: the report, the champion and the commit")
        self.repository.dvc("repro")
        if decision.promote:
            champion.point(self.repository)
        if not journal.branch:
            journal = self._note(journal, branch=self._branch(journal))
        self.repository.switch(journal.branch)
        verb = "promoted" if decision.promote else "not promoted"
        lines = "\n".join(f"- {reason}" for reason in decision.reasons)
        message = f"Retraining: {decision.challenger} {verb}\n\n{lines}".strip()
        return self.repository.commit(f"{message}\n\n{TRAILER}: {journal.run}", OWN)

    def _branch(self, journal: Journal) -> str:
        """Return the name of the branch for the commit."""
        if not self.settings.branch:
            return self.repository.branch()
        until = self._facts()[1]["sales"]["last_date"]
        return self.repository.free_branch(
            self.settings.branch.format(until=until, run=journal.run)
        )

    def _finish(self, journal: Journal, commit: str) -> Summary:
        """Push the committed results and publish them to MLflow."""
        assert journal.decision is not None
        if self.repository.has_remote():
            self.repository.dvc("push", "--quiet")
        if self.settings.push:
            self.repository.git("push", "--quiet", self.settings.push, "HEAD")
        notes = []
        try:
            self.calls.publish()
        except BestsellerError as error:
            notes.append(str(error))
        self.store.clear()
        return Summary(
            outcome=Outcome.PROMOTED if journal.decision.promote else Outcome.KEPT,
            run=journal.run,
            branch=self.repository.branch(),
            commit=commit,
            champion=self._champion(),
            challenger=journal.decision.challenger,
            reasons=journal.decision.reasons,
            drift=(journal.drift or {}).get("warnings", []),
            notes=notes,
            facts=journal.decision.facts,
        )

    def _champion(self) -> str:
        """Return the champion's name, empty where there is none."""
        folder = self.root / champion.CHAMPION
        return champion.read(self.root).model if folder.exists() else ""

    def _note(self, journal: Journal, **found: Any) -> Journal:
        """Write what was found out into the journal and return it."""
        journal = Journal.model_validate(journal.model_dump() | found)
        self.store.write(journal)
        return journal

    def _say(self, step: int, text: str) -> None:
        print(f"{step}/6 {text}", flush=True)
