"""Sources by one registry: what they are; what adding one takes, see test_additions."""

from pathlib import Path

from bestseller import sources
from bestseller.params import load_params, read_yaml
from bestseller.sources.gather import open_source
from conftest import REPOSITORY


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
