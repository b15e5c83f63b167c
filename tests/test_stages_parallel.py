"""Several items of a matrix at once, in a real DVC repository of quick stages."""

from pathlib import Path

import pytest

from bestseller.params import load_params, read_yaml
from conftest import shell, start_git

pytestmark = pytest.mark.slow

TOY = """
stages:
  augment: {cmd: echo 1 > augment.txt, outs: [augment.txt]}
  sales: {cmd: echo 0 > sales.txt, outs: [sales.txt]}
  backtest: {cmd: echo 4 > backtest.txt, outs: [backtest.txt]}
  centroid: {cmd: echo 2 > centroid.txt, outs: [centroid.txt]}
  settings: {cmd: echo 5 > settings.txt, outs: [settings.txt]}
  classifier: {cmd: echo 3 > classifier.txt, outs: [classifier.txt]}
  train:
    matrix: {model: "${models}", seed: "${seeds}"}
    cmd: python meet.py ${key} && cat augment.txt > ${key}.model && test ! -e ${key}.broken
    deps: [augment.txt, centroid.txt, settings.txt]
    outs: ["${key}.model"]
  evaluate:
    matrix: {model: "${models}", seed: "${seeds}"}
    cmd: cat ${key}.model classifier.txt > ${key}.measured
    deps: ["${key}.model", classifier.txt]
    outs: ["${key}.measured"]
  compare:
    cmd: cat *.measured > compared.txt
    deps: [dcgan-plain-0.measured, vanilla-centroid-0.measured]
    outs: [compared.txt]
"""
# Waits until another item runs too, and notes of both that they have met.
MEET = """
import sys, time
from pathlib import Path
key, end = sys.argv[1], time.monotonic() + 300
Path(f"{key}.begun").touch()
while not Path(f"{key}.met").exists() and time.monotonic() < end:
    for other in {path.stem for path in Path().glob("*.begun")} - {key}:
        if not Path(f"{other}.ended").exists():
            Path(f"{other}.met").touch()
            Path(f"{key}.met").touch()
    time.sleep(0.05)
Path(f"{key}.ended").touch()
"""
SETTINGS = "models: [vanilla-plain, vanilla-centroid, dcgan-plain, dcgan-centroid]\n"


@pytest.fixture
def toy(code: Path) -> Path:
    (code / "profiles").mkdir()
    (code / "profiles/toy.yaml").write_text(SETTINGS)
    shell("python", "-m", "stages.profile", "toy", cwd=code)
    (code / "dvc.yaml").write_text(TOY)
    (code / "meet.py").write_text(MEET)
    start_git(code)
    shell("dvc", "init", "--quiet", cwd=code)
    return code


def test_two_run_at_a_time_what_fails_is_named_and_the_others_are_kept(toy: Path) -> None:
    items = load_params(toy / "params.yaml").item_names()
    assert len(items) == 4
    broken = toy / "vanilla-plain-0.broken"
    broken.touch()
    failed = shell("python", "-m", "stages.parallel", "2", cwd=toy, ok=False)
    assert failed.returncode == 1
    assert failed.stderr.splitlines()[-1].startswith("parallel: train@vanilla-plain-0 failed; ")
    assert "Running stage 'train@dcgan-plain-0'" in failed.stdout
    met = {path.stem for path in toy.glob("*.met")}
    assert met == set(items), "each has another beside it"
    trained = {name for name in read_yaml(toy / "dvc.lock")["stages"] if name.startswith("train@")}
    assert len(trained) == 3

    broken.unlink()
    again = shell("python", "-m", "stages.parallel", "1", cwd=toy).stdout
    assert again.count("Running stage 'train@") == 1
    names = set(read_yaml(toy / "dvc.lock")["stages"])
    assert names > {f"{stage}@{item}" for stage in ("train", "evaluate") for item in items}
    assert "up to date" in shell("dvc", "repro", cwd=toy).stdout


@pytest.mark.parametrize("jobs", ["0", "two", "-1"])
def test_another_number_of_jobs_is_refused(jobs: str, toy: Path) -> None:
    told = shell("python", "-m", "stages.parallel", "--", jobs, cwd=toy, ok=False)
    assert told.stderr.startswith(f"parallel: '{jobs}' jobs: give a whole number")
