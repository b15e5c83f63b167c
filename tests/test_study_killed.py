"""The study as a whole on tiny settings: killed on the way, it ends with the same table."""

import os
import shutil
import signal
import subprocess
import sys
import tarfile
import time
from io import BytesIO
from pathlib import Path

import pandas as pd
import pytest
from PIL import Image
from ruamel.yaml import YAML

from bestseller.base.files import sha256_file
from conftest import REPOSITORY, shell
from watches import watches

pytestmark = pytest.mark.slow
MEASURED = ["finished", "train_cpu_s", "train_wall_s", "measure_cpu_s"]  # differ from run to run
STUDY = ["python", "-m", "stages.study", "--minutes", "20", "--jobs", "1"]

TINY = {
    "settings": {
        "profile": "study",
        "job_threads": 1,
        "models": ["dcgan-plain"],
        "images": {"size": 32, "max_reject_share": 0.5},
        "backbones": {
            "weights": "package",
            "metric_spaces": [
                {"network": "efficientnet_lite2", "layers": [], "side": 64},
                {"network": "efficientnet_lite1", "layers": [3], "side": 64},
            ],
            "perceptual": "efficientnet_lite2",
        },
        "centroid": {"backbone": "efficientnet_lite0", "layer": 3, "images": 0},
        "evaluate": {"images": 16, "pairs": 16},
        "train": {
            "condition": "none",
            "vanilla": {"width": 16, "batch_size": 8, "epochs": 2},
            "dcgan": {"width": 4, "batch_size": 8, "epochs": 2},
        },
    },
    "same_code": [],
    "variants": {
        "vanilla-plain": {"says": "the MLP GAN", "model": "vanilla-plain"},
        "dcgan-plain": {"says": "DCGAN", "model": "dcgan-plain"},
        "dcgan-centroid": {"says": "with the constraint", "model": "dcgan-centroid"},
    },
    "statements": [
        {
            "claim": "A",
            "says": "The constraint lowers the kernel distance",
            "better": "dcgan-centroid",
            "than": "dcgan-plain",
            "metric": "kid",
            "seeds": 2,
        }
    ],
}


@pytest.fixture
def checkout(code: Path) -> Path:
    """A checkout with an archive of 40 drawn watches, and a study of four items on it; another
    dataset's archive is absent."""
    shutil.copytree(REPOSITORY / "profiles", code / "profiles")
    archive = code / "photos.tar"
    with tarfile.open(archive, "w") as tar:
        for number, pixels in enumerate(watches(40, 128)):
            buffer = BytesIO()
            Image.fromarray(pixels).save(buffer, "PNG")
            info = tarfile.TarInfo(f"photos/{number:03}.png")
            info.size = buffer.tell()
            tar.addfile(info, BytesIO(buffer.getvalue()))
    drawn = {"says": "drawn watches", "archive": "photos.tar", "sha256": sha256_file(archive)}
    absent = {"says": "others", "archive": "absent.tar", "sha256": "0" * 64, "photos": 9}
    budget = {"says": "tiny", "profile": "paper-steps"}
    arms = {"dcgan-plain": 2, "dcgan-centroid": 2}
    claims = TINY | {
        "datasets": {"drawn": drawn, "absent": absent},
        "budgets": {
            "other": budget | {"dataset": "absent", "arms": {"vanilla-plain": 1}},
            "tiny": budget
            | {
                "dataset": "drawn",
                "settings": {"train": {"dcgan": {"width": 4, "batch_size": 8, "epochs": 2}}},
                "arms": arms,
            },
        },
    }
    (code / "studies").mkdir()
    (code / "docs").mkdir()
    with (code / "studies/claims.yaml").open("w") as file:
        YAML().dump(claims, file)
    return code


def table_of(folder: Path) -> pd.DataFrame:
    return pd.read_csv(folder / "studies/claims.csv", dtype={"settings": str, "code": str})


def kill_once(folder: Path, happened: Path) -> None:
    """Start the study and kill it, and what it started, when a file appears."""
    with subprocess.Popen(
        [sys.executable, *STUDY[1:]], cwd=folder, start_new_session=True, stderr=subprocess.PIPE
    ) as process:
        deadline = time.monotonic() + 600
        while not any(folder.glob(str(happened))):
            assert process.poll() is None, process.stderr and process.stderr.read()
            assert time.monotonic() < deadline
            time.sleep(0.01)
        os.killpg(process.pid, signal.SIGKILL)


def test_killed_and_finished_it_has_the_same_table(checkout: Path, tmp_path: Path) -> None:
    straight = shutil.copytree(checkout, tmp_path / "straight")
    done = shell(*STUDY, cwd=straight)
    assert "4 rows added" in done.stdout
    (told,) = [line for line in done.stderr.splitlines() if "absent.tar" in line]
    assert "datasets.absent.archive in studies/claims.yaml" in told
    assert "ARCHIVE=" in told

    kill_once(checkout, Path(".scratch/study/items/tiny-dcgan-centroid-0-*/data/models/*"))
    assert len(table_of(checkout)) == 1
    shell(*STUDY, cwd=checkout)
    expected, found = (table_of(f).drop(columns=MEASURED) for f in (straight, checkout))
    pd.testing.assert_frame_equal(found, expected)
    assert not any((checkout / ".scratch/study/items").iterdir())
    assert any((checkout / ".scratch/study/pictures").iterdir())

    before = (checkout / "studies/claims.csv").read_bytes()
    again = shell(*STUDY, cwd=checkout, ok=False)
    assert again.returncode == 1, "nothing could be done for want of the photos"
    assert "4 of 5 rows stand" in again.stdout
    assert (checkout / "studies/claims.csv").read_bytes() == before, "no row is made twice"

    shell("python", "-m", "stages.study_report", cwd=checkout)
    text = (checkout / "docs/reproduction.md").read_text()
    assert "The constraint lowers the kernel distance | tiny |" in text
    assert "`other/vanilla-plain` | 0 | 1" in text
    figures = {path.name: path.read_bytes() for path in (checkout / "docs/reproduction").iterdir()}
    assert set(figures) == {"tiny-seeds.svg", "tiny-differences.svg"}
    shell("python", "-m", "stages.study_report", cwd=checkout)
    assert (checkout / "docs/reproduction.md").read_text() == text
    for name, written in figures.items():
        assert (checkout / "docs/reproduction" / name).read_bytes() == written


def test_a_short_time_does_no_harm(checkout: Path) -> None:
    done = shell("python", "-m", "stages.study", "--minutes", "1e-9", cwd=checkout)
    assert "0 rows added, 5 of 5 missing" in done.stdout
    wrong = shell("python", "-m", "stages.study", "--minutes", "soon", cwd=checkout, ok=False)
    assert wrong.stderr.strip() == "study: MINUTES=soon: no number above 0"
    other = shell("python", "-m", "stages.study", "--only", "all", cwd=checkout, ok=False)
    assert "known budgets: other, tiny" in other.stderr
