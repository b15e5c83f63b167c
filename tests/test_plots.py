"""The page of DVC's plots: it draws by itself and asks nobody."""

import re
import shutil
from pathlib import Path

import pytest

from browser import browse, needs_browser
from conftest import REPOSITORY, shell, start_git

PLOTS = """
plots:
  - curve.csv:
      x: epoch
      y: diversity
      title: Diversity
  - cost.csv:
      template: bar_horizontal
      x: seconds
      y: gan
  - quality.csv:
      template: scatter
      x: distance
      y: diversity
  - confusion.csv:
      template: confusion
      x: actual
      y: predicted
  - flat.json
"""
FILES = {
    "dvc.yaml": PLOTS,
    "curve.csv": "epoch,diversity\n1,0.5\n2,0.25\n3,1.5\n",
    "cost.csv": "gan,seconds\ndcgan,10\nblend,5\n",
    "quality.csv": "model,distance,diversity\n<b>,4,1\nb,2,2\n",
    "confusion.csv": "actual,predicted\nA,A\nA,A\nA,B\nB,B\n",
    "flat.json": '{"kid": 1.5}',
}


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository with our DVC settings, tables of each kind, and a change of one of them."""
    folder = tmp_path_factory.mktemp("plots")
    (folder / ".dvc").mkdir()
    for name in (".dvc/config", ".dvc/plots.html"):
        shutil.copyfile(REPOSITORY / name, folder / name)
    for name, text in FILES.items():
        (folder / name).write_text(text)
    start_git(folder)
    (folder / "cost.csv").write_text("gan,seconds\ndcgan,20\nblend,5\n")
    return folder


@needs_browser
def test_it_draws_each_kind_for_each_revision_without_a_network(
    repository: Path, tmp_path: Path
) -> None:
    shell("dvc", "plots", "diff", cwd=repository)  # HEAD against the workspace
    path = repository / "dvc_plots" / "index.html"
    assert not re.search(r'(src|href)="?https?:', path.read_text())
    page = browse(path, "", tmp_path)  # which fails at any request and any line of the console
    plots = {div.get("id"): div for div in page.xpath("//body/div")}
    assert "flat_json" not in plots
    (curve,) = plots["curve_csv"].xpath(".//*[local-name()='polyline']")[:1]
    points = [tuple(map(float, point.split(","))) for point in curve.get("points").split()]
    assert [x for x, _ in points] == sorted(x for x, _ in points)
    # downwards in the picture: 1.5 is highest, 0.25 lowest; 0.5 is a fifth of the way up
    heights = [y for _, y in points]
    share = (heights[1] - heights[0]) / (heights[1] - heights[2])
    assert share == pytest.approx(0.2, abs=1e-6)
    bars = plots["cost_csv"].xpath(".//*[local-name()='rect']")
    told = {bar.xpath("string(*[local-name()='title'])"): float(bar.get("width")) for bar in bars}
    widths = {tuple(sorted(text.split("\n"))): width for text, width in told.items()}
    assert len(widths) == 4
    of = {
        (
            next(t for t in key if t.startswith("gan")),
            next(t for t in key if t.startswith("rev")),
        ): w
        for key, w in widths.items()
    }
    new, old = of["gan: dcgan", "rev: workspace"], of["gan: dcgan", "rev: HEAD"]
    assert new == pytest.approx(2 * old)
    dots = plots["quality_csv"].xpath(".//*[local-name()='circle']")
    assert len(dots) == 4
    cells = [td.text_content() for td in plots["confusion_csv"].xpath("(.//table)[1]//td")]
    assert cells == ["2", "", "1", "1"]


@needs_browser
def test_one_revision_is_drawn_too(repository: Path, tmp_path: Path) -> None:
    shell("dvc", "plots", "show", "-o", str(tmp_path / "shown"), cwd=repository)
    page = browse(tmp_path / "shown" / "index.html", "", tmp_path)
    assert len(page.xpath("//*[local-name()='polyline']")) == 1
