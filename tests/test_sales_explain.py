"""What a file looks like to the cleaner, told before anything runs."""

from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from bestseller.sales.explain import explain
from conftest import shell
from ledgers import DESIGNS, cleaned, settings, units
from test_sales_files import LONE_QUOTES
from test_sales_presets import EXPORTS
from test_sales_workbooks import ROWS, workbook


def told(path: Path) -> str:
    return "\n".join(explain(path, settings()))


def proposed(text: str) -> dict[str, Any]:
    """The settings that an explanation proposes, as YAML reads them."""
    block = text.partition("params.yaml:\n")[2].split("\nby ")[0].split("\ndecide")[0]
    found = dict(YAML(typ="safe").load(block))
    del found["path"], found["source"]
    return found


# What Excel saves is named by no column, so no preset of it is proposed.
NAMED = [export for export in EXPORTS if not export[0].startswith(("excel", "plain"))]


@pytest.mark.parametrize("export", NAMED, ids=[export[0] for export in NAMED])
def test_a_public_format_is_recognised_and_what_is_proposed_reads_it(
    export: tuple[str, str, dict, dict[str, int], float, int], tmp_path: Path
) -> None:
    name, data, _, sold, *_ = export
    (tmp_path / "export").write_text(data, encoding="utf-8", newline="")
    text = told(tmp_path / "export")
    own = proposed(text)
    assert own["preset"] == name
    assert units(cleaned(data, DESIGNS | {"116610": "MUG-1"}, **own)) == sold
    assert "and 0 cannot be read" in text.partition("by the proposed settings")[2]


def test_formats_are_guessed_and_doubts_are_told(tmp_path: Path) -> None:
    path = tmp_path / "verkauf.csv"
    path.write_bytes(
        "Verkäufe 2026;;\nArtikelnummer;Datum;Menge\nMUG-1;05.01.2026;1.200\n"
        "FERN-1;13.01.2026;2,00\n".encode("cp1252")
    )
    text = told(path)
    own = proposed(text)
    assert own == {
        "encoding": "cp1252",
        "delimiter": ";",
        "skip_lines": 1,
        "columns": {"sku": "Artikelnummer", "date": "Datum", "units": "Menge"},
        "date_format": "%d.%m.%Y",
        "decimal": ",",
        "thousands": ".",
    }
    assert units(cleaned(path.read_bytes(), **own)) == {"MUG-1": 1200, "FERN-1": 2}
    assert "decide: 1.200 is read with a decimal comma" in text
    assert "line 3: sale of 1200 MUG-1 on 2026-01-05" in text


def test_a_day_that_two_formats_fit_is_a_doubt(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("sku,date,units\nMUG-1,05/01/2026,1\n")
    assert "fit %d/%m/%Y and %m/%d/%Y: which is it?" in told(tmp_path / "a.csv")


def test_lone_quotes_are_seen(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text(LONE_QUOTES)
    own = proposed(told(tmp_path / "a.txt"))
    assert (own["quoting"], own["delimiter"]) == ("none", "\t")
    assert units(cleaned(LONE_QUOTES, **own)) == {"MUG-1": 3, "FERN-1": 2, "TOTE-1": 9}


def test_a_workbook_names_its_sheets(tmp_path: Path) -> None:
    (tmp_path / "a.xlsx").write_bytes(workbook(("Sales", ROWS), ("Notes", [["x"]])))
    text = told(tmp_path / "a.xlsx")
    assert "an Excel workbook, sheets Sales, Notes" in text
    assert {"sheet": "Sales", "skip_lines": 1}.items() <= proposed(text).items()


def test_the_command_explains_and_changes_nothing(code: Path) -> None:
    (code / "a.csv").write_text("Material;Fakturadatum;Fakt. Menge\nM;02.01.2026;1,000-\n")
    before = sorted(path.relative_to(code) for path in code.rglob("*") if path.suffix != ".pyc")
    done = shell("python", "-m", "stages.sales", "--explain", "a.csv", cwd=code)
    assert "preset: sap-billing" in done.stdout
    assert "line 2: return of 1 M on 2026-01-02" in done.stdout
    assert "by params.yaml as it stands: has no column sku" in done.stdout
    after = sorted(p.relative_to(code) for p in code.rglob("*") if p.suffix != ".pyc")
    assert [p for p in after if "__pycache__" not in p.parts] == [
        p for p in before if "__pycache__" not in p.parts
    ]
    missing = shell("python", "-m", "stages.sales", "--explain", "b.csv", cwd=code, ok=False)
    assert missing.returncode == 1 and "b.csv: No such file" in missing.stderr
