"""A year of `make retrain` on the embedded shop, whose ledger comes as a file that grows."""

import re
from pathlib import Path

import pandas as pd
import pytest

from bestseller.base.files import read_json
from bestseller.demo import DemoShop
from bestseller.params import read_yaml
from conftest import REPOSITORY, commit, copy_checkout, shell, start_git

pytestmark = pytest.mark.slow
SCALE, SEED, LAST_SEASON, SIDE = 0.01, 7, 5, 128  # as in tiny.yaml; season 5 ends after a year
BEGIN = pd.Timestamp("2022-03-01")  # the ledger's last day in season 1
MODEL = "vanilla-plain-0"
ONE_STEP, TRAINED = (f"train: {{vanilla: {{epochs: {epochs}}}}}\n" for epochs in (0.1, 60))
SETTINGS = """
models: [vanilla-plain]
train: {vanilla: {batch_size: 16, lr: 1e-3, width: 128}}
evaluate: {images: 128}
sales: {source: csv, path: world/ledger.csv}
retrain:
  notify: cat > world/told.json
  gate:
    max_near_copy_rate: 1.0
    max_abstained_share: 1.0
    min_diversity_share: 0.0
    min_coverage: 0.0
"""
FROM_SALES = {"sales", "classifier", "backtest", f"evaluate@{MODEL}", "compare", "shortlist"}
TELLING = {"foresight", "report", "track"}
EVERY = (
    FROM_SALES
    | TELLING
    | {"check", "scrape", "preprocess", "augment", "backbone", "centroid", "settings"}
)
EVERY |= {f"train@{MODEL}"}


class Year:
    """A checkout and the outside world month by month.

    Args:
        folder: to be made: a copy of the working tree with tiny settings.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        copy_checkout(folder, without="metrics/")
        (folder / "dvc.lock").unlink(missing_ok=True)
        (folder / "data/champion.dvc").unlink(missing_ok=True)
        (folder / "data/retrain/last.json").write_text("{}\n")
        for path in (folder / "data/source").iterdir():
            path.unlink()
        with (folder / ".gitignore").open("a") as file:
            file.write("/world/\n")
        (folder / "world").mkdir()
        start_git(folder)
        self.settle((REPOSITORY / "tests/tiny.yaml").read_text())
        self.settle(SETTINGS)
        shop = DemoShop(SCALE, SEED, LAST_SEASON, SIDE)
        self.ledger = shop.ledger().assign(line_id=lambda rows: rows.index.astype(str))

    def settle(self, settings: str) -> None:
        """Change params.yaml and commit it, as a person does."""
        (self.folder / "profiles/year.yaml").write_text(settings)
        shell("python", "-m", "stages.profile", "year", cwd=self.folder)
        commit(self.folder, "settings")

    def sold_until(self, month: int) -> pd.DataFrame:
        """Return the ledger up to the end of a month, 0 is before the year."""
        end = (BEGIN + pd.DateOffset(months=month)).date().isoformat()
        return self.ledger[self.ledger["date"] <= end]

    def deliver(self, ledger: pd.DataFrame) -> None:
        ledger.to_csv(self.folder / "world/ledger.csv", index=False)

    def retrain(self, status: int) -> set[str]:
        """Retrain, and return the stages that ran; the tracking server is dead all year."""
        (self.folder / "world/told.json").unlink(missing_ok=True)
        dead = {"MLFLOW_TRACKING_URI": "http://127.0.0.1:9"}
        done = shell("python", "-m", "stages.retrain", cwd=self.folder, ok=False, **dead)
        assert done.returncode == status, done.stdout[-4000:] + done.stderr[-4000:]
        ran = re.findall(r"Running stage '([^']+)'", done.stdout)
        assert len(ran) == len(set(ran)), "no stage runs twice"
        return set(ran)

    def told(self) -> dict[str, list[str]]:
        told: dict[str, list[str]] = read_json(self.folder / "world/told.json")
        return told

    def refused(self, problem: str) -> None:
        """Check that the data are refused for this and that the checkout is as it was."""
        before = self.state()
        assert self.retrain(3) <= {"sales"}
        assert problem in " ".join(self.told()["problems"])
        assert self.state() == before

    def state(self) -> dict[str, str]:
        """Return the commit, what differs from it, and what broken data could harm."""
        files = ["data/sales/ledger.parquet", "data/raw/catalogue.jsonl", "data/report/index.html"]
        asked = {
            "commit": ["git", "rev-parse", "HEAD"],
            "changes": ["git", "status", "--porcelain"],
            "files": ["sha256sum", *files],
        }
        return {name: shell(*words, cwd=self.folder).stdout for name, words in asked.items()}

    def champion(self) -> str:
        return str(read_yaml(self.folder / "data/champion.dvc")["meta"]["run"])


def test_a_year(tmp_path: Path) -> None:
    year = Year(tmp_path / "clone")

    # Month 1: everything is new. A model of a single step is the first champion.
    year.settle(ONE_STEP)
    year.deliver(year.sold_until(1))
    assert year.retrain(10) == EVERY
    first = year.champion()

    # Months 2 and 3: the ledger is late. Asked twice, since the first may have left something.
    for _ in (2, 3):
        assert year.retrain(0) == set()

    # Month 4: it comes with a column of another name.
    year.deliver(year.sold_until(4).rename(columns={"units": "qty"}))
    year.refused("units")

    # Month 5: new products, and a person who has let it train longer.
    year.settle(f"catalogue: {{demo: {{season: 3}}}}\n{TRAINED}")
    year.deliver(year.sold_until(5))
    assert year.retrain(10) == EVERY
    second = year.champion()
    assert second != first
    assert year.told()["reasons"][0].endswith("better.")

    # Months 6 to 8: nothing after a promotion, then two thirds of the rows are lost.
    assert year.retrain(0) == set()
    year.deliver(year.sold_until(7).iloc[::3])
    year.refused("rows counted")

    # Month 9: sales alone, and a person who spares the training: a worse challenger.
    year.settle(ONE_STEP)
    year.deliver(year.sold_until(9))
    assert year.retrain(11) == FROM_SALES | TELLING | {"check", "settings", f"train@{MODEL}"}
    assert year.told()["reasons"][0].endswith("worse.")
    assert year.champion() == second

    # Months 10 to 12: nothing, also after a challenger that was not promoted.
    assert year.retrain(0) == set()

    log = shell("git", "log", "--format=%s", cwd=year.folder).stdout.splitlines()
    assert [line for line in log if line.startswith("Retraining")] == [
        f"Retraining: {MODEL} not promoted",
        f"Retraining: {MODEL} promoted",
        f"Retraining: {MODEL} promoted",
    ]
