"""Sources by one registry: what they are, and what adding one takes."""

import shutil
import subprocess
from pathlib import Path

import pytest

from bestseller import sources
from bestseller.params import load_params, read_yaml
from bestseller.sources.gather import open_source
from conftest import REPOSITORY, shell

NEW = '''
"""A list of names, one a line, whose pictures lie beside it."""

import hashlib
from collections.abc import Iterable
from pathlib import Path

from bestseller.page.assemble import CrawlResult
from bestseller.catalogue.product import Product
from bestseller.sources.base import Context
from bestseller.params.section import Section


class Settings(Section):
    names: str


class Source:
    unit = "files"

    def __init__(self, settings: Settings, context: Context) -> None:
        self.path = context.root / settings.names

    def collect(self, images: Path, known: Iterable[str]) -> CrawlResult:
        names = self.path.read_text().split()
        products = [Product(sku=name, name=name, url=name, line="all") for name in names]
        stats = dict.fromkeys(
            ["pages_listed", "pages_forbidden", "images_read", "requests", "not_modified"], 0
        )
        return CrawlResult(products, [], stats | {"body_bytes": 0})

    def probe(self) -> dict[str, str]:
        return {"names": hashlib.sha256(self.path.read_bytes()).hexdigest()}

    def identity(self) -> dict[str, str]:
        return {"source": "names"}
'''


def test_every_source_is_there_with_its_section_and_its_params(tmp_path: Path) -> None:
    params = load_params(REPOSITORY / "params.yaml").catalogue
    assert set(params.sections()) == set(sources.SOURCES)
    declared = read_yaml(REPOSITORY / "dvc.yaml")["stages"]["scrape"]["params"]
    named = {key.split(".")[1] for key in declared if key.startswith("catalogue.")}
    assert named >= set(sources.SOURCES)
    modules = {path.stem for path in Path(sources.__path__[0]).glob("*.py")}
    helpers = {"__init__", "base", "carry", "feed", "gather", "picture_folder"}
    assert modules - helpers == set(sources.SOURCES)
    for name in sources.SOURCES:
        chosen = params.model_copy(update={"source": name})
        source = open_source(chosen, tmp_path, tmp_path)
        assert source.unit in ("pages", "files")


@pytest.mark.slow
def test_adding_a_source_is_one_file_one_line_and_one_section(code: Path) -> None:
    package = code / "src/bestseller/sources"
    (package / "names.py").write_text(NEW.lstrip())
    registry = (package / "__init__.py").read_text()
    line = '    "folder": "a folder of pictures",\n'
    assert registry.count(line) == 1
    (package / "__init__.py").write_text(registry.replace(line, line + '    "names": "a list",\n'))
    params = (code / "params.yaml").read_text()
    params = params.replace("  source: demo\n", "  source: names\n", 1).replace(
        "  folder:\n", "  names:\n    names: names.txt\n  folder:\n"
    )
    (code / "params.yaml").write_text(params)
    (code / "names.txt").write_text("one two\n")
    told = shell("python", "-m", "stages.refresh", cwd=code).stdout
    assert "catalogue: moved (0 -> 1 files)" in told
    done: subprocess.CompletedProcess[str] = shell("python", "-m", "stages.scrape", cwd=code)
    assert done.stdout.startswith("2 products")
    assert "catalogue: same" in shell("python", "-m", "stages.refresh", cwd=code).stdout
    shutil.rmtree(package)
