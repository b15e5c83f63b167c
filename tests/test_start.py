"""A stage starts without the libraries that it does not use: what is imported, not how long."""

import subprocess
import sys

import pytest

from conftest import REPOSITORY

SLOW = ("torch", "torchvision", "lpips", "mlflow", "matplotlib", "openpyxl", "scipy.stats")
COMPILER = "torch._dynamo"
HEAVY = ("torchvision", "lpips", "mlflow", "openpyxl", "scipy.stats", COMPILER)
SPARED: dict[str, tuple[str, ...]] = {  # by stage: what it uses where the data ask for it, or never
    "scrape": SLOW,
    "sales": SLOW,
    "preprocess": SLOW,
    "augment": SLOW,
    "settings": SLOW,
    "track": tuple(name for name in SLOW if name != "mlflow"),
    "report": ("torch", "torchvision", "lpips", "mlflow", "scipy.stats"),
    "backbone": HEAVY,
    "centroid": HEAVY,
    "train": HEAVY,
    "classifier": HEAVY,
    "backtest": HEAVY,
    "evaluate": HEAVY,
    "compare": HEAVY,
    "shortlist": HEAVY,
}


def imported(code: str) -> set[str]:
    """The names of the modules that a new process has after it ran some code."""
    code += "; import sys; print(*sys.modules)"
    run = subprocess.run(
        [sys.executable, "-c", code],
        cwd=REPOSITORY,
        env={"PYTHONPATH": "src", "PATH": ""},
        capture_output=True,
        text=True,
        check=True,
    )
    return set(run.stdout.split())


@pytest.mark.parametrize("stage", SPARED)
def test_a_stage_imports_no_slow_library_that_it_can_do_without(stage: str) -> None:
    assert not imported(f"import stages.{stage}").intersection(SPARED[stage])


def test_torchvision_comes_without_the_compiler_which_whoever_asks_still_gets() -> None:
    build = "from bestseller.backbones.vision import models; models.resnet18()"
    assert "torchvision.models.resnet" in imported(build)
    assert COMPILER not in imported(build)
    ask = "; import torch._dynamo.utils as u; assert u.is_compile_supported('cpu') in (True, False)"
    after = imported(f"{build}{ask}; import torch; assert torch._dynamo.utils is u")
    assert "torch._dynamo.convert_frame" in after
    before = imported(
        f"import torch._dynamo as d; {build}; import sys, torch; "
        "assert torch._dynamo is d is sys.modules['torch._dynamo']"
    )
    assert COMPILER in before
