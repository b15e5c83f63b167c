"""A typo takes nothing away, and what a failed stage takes away comes back."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from dvc.fs import LocalFileSystem
from dvc.parsing.context import Context

from bestseller.base.errors import BestsellerError
from bestseller.params import Params, load_params
from conftest import REPOSITORY, shell, start_git
from stages import check
from stages.plan import foresee

PIPELINE = """
stages:
  check:
    cmd: python -m stages.check
    params: [params.yaml: ]
    outs: [data/checked.txt: {persist: true}]
  train:
    cmd: >-
      if test -e broken; then python -m stages.train dcgan-plain-0; else
      mkdir -p data/one metrics && echo 1 > data/one/a && echo x > metrics/one.csv; fi
    deps: [data/checked.txt]
    params: [train.dcgan.lr]
    outs: [data/one]
    plots: [metrics/one.csv: {cache: false}]
"""


@pytest.fixture
def params() -> Params:
    return load_params(REPOSITORY / "params.yaml")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "params.yaml").write_bytes((REPOSITORY / "params.yaml").read_bytes())
    return tmp_path


def changed(params: Params, section: str, **values: object) -> Params:
    part = getattr(params, section).model_copy(update=values)
    return params.model_copy(update={section: part})


def test_valid_settings_leave_the_same_bytes(folder: Path, params: Params) -> None:
    check.main(params)
    first = Path(check.CHECKED).read_bytes()
    check.main(changed(params, "report", title="Another"))
    assert Path(check.CHECKED).read_bytes() == first


@pytest.mark.parametrize(
    ("section", "values", "told"),
    [
        ("backbones", {"perceptual": "efficientnet_lite9"}, "perceptual: 'efficientnet_lite9' is"),
        ("centroid", {"backbone": "vgg61"}, "centroid.backbone: 'vgg61' is no known network"),
        ("centroid", {"backbone": "vgg16"}, "centroid.backbone: package has no vgg16"),
        (
            "augment",
            {"flip": False, "zoom": 0, "brightness": 0, "channel_shift": 0},
            "augment.share: 0.5 but",
        ),
        ("train", {"launcher": "torchrun", "processes": 3}, "vanilla.batch_size: 32 cannot be"),
    ],
)
def test_what_a_later_stage_would_refuse(
    section: str, values: dict[str, object], told: str, folder: Path, params: Params
) -> None:
    with pytest.raises(BestsellerError, match=r"^params\.yaml: ") as error:
        check.main(changed(params, section, **values))
    assert told in str(error.value)
    assert [path.name for path in folder.iterdir()] == ["params.yaml"]


def test_only_what_the_cache_has_is_tidied_away(folder: Path) -> None:
    for path in ("cache/ab/c0", "metrics/old.csv", "metrics/lost.csv", "metrics/new.csv"):
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text("x")
    lock = {
        "train@dcgan-plain-1": {
            "outs": [
                {"path": "metrics/old.csv", "md5": "abc0"},
                {"path": "metrics/lost.csv", "md5": "dead"},
            ]
        },
        "train@dcgan-plain-0": {"outs": [{"path": "metrics/new.csv", "md5": "abc0"}]},
        "compare": {"outs": [{"path": "cache", "md5": "abc0"}]},
    }
    removed = check.tidy(lock, ["dcgan-plain-0"], folder / "cache")
    assert removed == ["metrics/old.csv"]
    assert sorted(p.name for p in (folder / "metrics").iterdir()) == ["lost.csv", "new.csv"]


def test_ctrl_c_is_one_line(tmp_path: Path) -> None:
    script = tmp_path / "long.py"
    script.write_text("import stages\ndef main(params): raise KeyboardInterrupt\nstages.run(main)")
    done = subprocess.run(
        [sys.executable, script],
        cwd=REPOSITORY,
        env=os.environ | {"DVC_STAGE": "train", "PYTHONPATH": str(REPOSITORY)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 130
    assert done.stderr == "long: stopped; `make restore` brings the last outputs back\n"


@pytest.mark.slow
def test_nothing_is_lost_to_a_typo_nor_to_a_stage_that_fails(code: Path) -> None:
    (code / "dvc.yaml").write_text(PIPELINE)
    (code / ".gitignore").write_text("__pycache__/\n/data/\n/.scratch/\n")
    start_git(code)
    shell("dvc", "init", "--quiet", cwd=code)
    shell("dvc", "repro", "--quiet", cwd=code)
    kept = {path: (code / path).read_bytes() for path in ("data/one/a", "metrics/one.csv")}
    settings = (code / "params.yaml").read_text()
    before, _, after = settings.partition("  dcgan:\n    lr: 2e-4")
    assert after

    for command in (["dvc", "repro"], ["dvc", "exp", "run"]):
        (code / "params.yaml").write_text(f"{before}  dcgan:\n    lr: fast{after}")
        failed = shell(*command, cwd=code, ok=False)
        assert "check: params.yaml: train.dcgan.lr: 'fast' is not allowed" in failed.stderr
        assert "make restore" not in failed.stderr
        assert {path: (code / path).read_bytes() for path in kept} == kept

    (code / "params.yaml").write_text(f"{before}  dcgan:\n    lr: 1e-3{after}")
    (code / "broken").touch()
    failed = shell("dvc", "repro", cwd=code, ok=False)
    (told,) = (line for line in failed.stderr.splitlines() if line.startswith("train: "))
    assert told.endswith("; `make restore` brings the last outputs back")
    assert not any((code / path).exists() for path in kept)
    shell("python", "-m", "stages.restore", cwd=code)
    assert {path: (code / path).read_bytes() for path in kept} == kept


def test_a_day_without_quotes_is_a_day_to_the_stages_and_told_before_dvc_refuses_it(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """DVC's own reader of params.yaml is asked whether it takes the file."""
    text = (REPOSITORY / "params.yaml").read_text()
    for written, is_taken in (('"2024-01-01"', True), ("2024-01-01", False)):
        path = folder / "params.yaml"
        path.write_text(text.replace('  from: ""', f"  from: {written}", 1))
        params = load_params(path)
        assert params.sales.from_ == "2024-01-01"
        check.main(params)
        told = capsys.readouterr().err
        if is_taken:
            assert Context.load_from(LocalFileSystem(), str(path)) and told == ""
            continue
        with pytest.raises(TypeError, match="'date'"):
            Context.load_from(LocalFileSystem(), str(path))
        mend = 'DVC takes no bare date: write "2024-01-01"'
        assert told.startswith("check: warning: params.yaml: sales.from: ") and mend in told
        with pytest.raises(BestsellerError, match=mend):
            foresee(params)
