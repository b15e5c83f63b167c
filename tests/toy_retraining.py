"""A pipeline of shell commands whose sources, gate and tracking are files, retrained for tests.

Run in a checkout that `make_toy` made, this file is `python -m stages.retrain` with toy calls.
"""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parent.parent
COMMAND = (sys.executable, __file__)
CODE = {"PYTHONPATH": f"{REPOSITORY}{os.pathsep}{REPOSITORY / 'src'}"}

TOY = """
stages:
  scrape:
    cmd: mkdir -p data/raw && cp world/catalogue data/raw/ && cp world/catalogue.json metrics/
    deps: [data/source/catalogue.json]
    outs:
      - data/raw/catalogue: {persist: true}
      - metrics/catalogue.json: {cache: false, persist: true}
  sales:
    cmd: >-
      if grep -q broken world/ledger; then echo "sales: ledger: no table" >&2; exit 1; fi;
      mkdir -p data/sales && cp world/ledger data/sales/ && cp world/sales.json metrics/
    deps: [data/source/ledger.json, data/raw/catalogue]
    outs:
      - data/sales/ledger: {persist: true}
      - metrics/sales.json: {cache: false, persist: true}
  preprocess:
    cmd: mkdir -p data/processed && cp data/raw/catalogue data/processed/
    deps: [data/raw/catalogue]
    outs: [data/processed/catalogue]
  shortlist:
    cmd: >-
      mkdir -p data/models/toy && cat data/processed/catalogue data/sales/ledger >
      data/models/toy/generator.safetensors && date +%N >> metrics/summary.json
    deps: [data/processed/catalogue, data/sales/ledger]
    outs:
      - data/models/toy
      - metrics/summary.json: {cache: false}
  report:
    cmd: mkdir -p data/report && cp data/retrain/last.json data/report/index.html
    deps: [data/models/toy, data/retrain/last.json]
    outs: [data/report/index.html]
"""


# What a run of the toy commits, beside a new champion.
EXPECTED_OWN = {
    "data/retrain/last.json",
    "data/source/catalogue.json",
    "data/source/ledger.json",
    "dvc.lock",
    "metrics/catalogue.json",
    "metrics/sales.json",
    "metrics/summary.json",
}


def watermarks() -> dict[str, dict[str, int | str]]:
    return {
        f"data/source/{name}.json": {
            "sha256": hashlib.sha256(Path("world", name).read_bytes()).hexdigest()
        }
        for name in ("catalogue", "ledger")
    }


def make_toy(folder: Path, settings: Mapping[str, Any]) -> None:
    """Make a checkout with git and DVC in which nothing has run yet.

    Args:
        folder: to be made.
        settings: of params.yaml's section retrain, where they differ from the committed ones.
    """
    from ruamel.yaml import YAML

    from bestseller.params import read_yaml
    from conftest import REPOSITORY, commit, shell, start_git

    for name in ("world", "metrics", "data/source", "data/retrain"):
        (folder / name).mkdir(parents=True)
    params = read_yaml(REPOSITORY / "params.yaml")
    params["retrain"] |= settings
    YAML().dump(params, folder / "params.yaml")
    (folder / "dvc.yaml").write_text(TOY)
    (folder / "data/retrain/last.json").write_text("{}\n")
    ignored = "/.scratch/ /world/ /data/?* !/data/source/ !/data/retrain/ !/data/champion.dvc"
    (folder / ".gitignore").write_text("\n".join(ignored.split()) + "\n")
    (folder / "world/catalogue.json").write_text('{"products": 1}')
    start_git(folder)
    shell("dvc", "init", "--quiet", cwd=folder)
    shell("dvc", "config", "core.analytics", "false", cwd=folder)
    shell("dvc", "config", "core.autostage", "true", cwd=folder)
    commit(folder, "dvc")


def news(folder: Path, catalogue: str, ledger: str, **world: Any) -> None:
    """Set the outside world: what the sources hold, and what the gate and the tracking will do."""
    (folder / "world/catalogue").write_text(catalogue)
    (folder / "world/ledger").write_text(ledger)
    sales = {"last_date": "2026-10-31", "rows": len(ledger)}
    (folder / "world/sales.json").write_text(json.dumps(sales))
    (folder / "world/calls.json").write_text(json.dumps(world))


def retrain(
    folder: Path, status: int, *options: str, **variables: str
) -> subprocess.CompletedProcess[str]:
    """Retrain the toy; it must end with a status. Its DVC is forked from `warm`."""
    import warm
    from conftest import shell

    path = f"{warm.programs()}{os.pathsep}{os.environ['PATH']}"
    done = shell(*COMMAND, *options, cwd=folder, ok=False, PATH=path, **CODE, **variables)
    assert done.returncode == status, done.stdout[-3000:] + done.stderr[-3000:]
    return done


def make_promoted(folder: Path, settings: Mapping[str, Any]) -> Path:
    """Make a toy whose first retraining promoted a model; return its folder."""
    make_toy(folder, settings)
    news(folder, "watches", "one", promote=True)
    retrain(folder, 10)
    return folder


def git(folder: Path, *arguments: str) -> str:
    from conftest import shell

    return shell("git", *arguments, cwd=folder).stdout.strip()


def _main() -> None:
    sys.executable = shutil.which("python") or sys.executable  # which DVC is started with
    from bestseller.base.errors import BestsellerError
    from bestseller.params import Params
    from bestseller.retraining.decision import Decision
    from bestseller.retraining.run import Calls, Retraining
    from stages import retrain

    world = json.loads(Path("world/calls.json").read_text())

    def linger(step: str) -> None:
        """Leave time to be killed in, where that is wanted."""
        print(step, flush=True)
        if step == os.environ.get("LINGER_AT"):
            time.sleep(60)

    def probe() -> dict[str, dict[str, int | str]]:
        linger("probing")
        return watermarks()

    def problems(before: Mapping[str, Any] | None, now: Mapping[str, Any]) -> list[str]:
        linger("checking")
        lost = before is not None and now["sales"]["rows"] < before["sales"]["rows"]
        return ["the ledger lost rows"] if lost else []

    def drift(before: Path) -> dict[str, Any]:
        linger("measuring")
        old = before / "data/sales/ledger"
        text = old.read_text() if old.exists() else "nothing"
        return {"warnings": [f"the ledger was {text}"]}

    def decide(champion: Path | None) -> Decision:
        linger("judging")
        facts: dict[str, float | int | str] = {"champions": int(champion is not None)}
        reason = "a reason"
        return Decision(promote=world["promote"], challenger="toy", reasons=[reason], facts=facts)

    def publish() -> None:
        linger("publishing")
        if world.get("dead"):
            raise BestsellerError("the server is dead")

    def retraining(params: Params) -> Retraining:
        return Retraining(
            Path.cwd(), params.retrain, Calls(probe, problems, drift, decide, publish)
        )

    retrain._retraining = retraining
    mains = {"--abandon": retrain.abandon, "--anyway": retrain.anyway}
    retrain.run(next((mains[flag] for flag in mains if flag in sys.argv), retrain.main), argv=[])


if __name__ == "__main__":
    _main()
