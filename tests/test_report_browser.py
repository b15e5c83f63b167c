"""The page in a browser: loaded from an address, filtered, compared, saved."""

from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote_to_bytes

import pytest

from bestseller.designs.export import read_choice
from bestseller.designs.feedback import take
from bestseller.params import Params
from browser import BROWSER, browse, needs_browser, visit
from fake_outputs import HOSTILE, write_outputs
from stages import report


def shown(page: Any) -> list[Any]:
    return page.xpath("//main//article[not(@hidden)]")


@pytest.mark.slow
@needs_browser
def test_a_request_and_a_console_error_would_be_seen(tmp_path: Path) -> None:
    path = tmp_path / "bad.html"
    path.write_text("<img src=http://127.0.0.1:9/x.png><script>console.error('boo')</script>")
    found = visit(path, "", tmp_path)
    assert found.requests == ["http://127.0.0.1:9/x.png"]
    assert len(found.console) == 1


@pytest.mark.slow
@needs_browser
def test_the_page_filters_sorts_compares_and_opens(report_folder: Path, tmp_path: Path) -> None:
    path = report_folder / "data/report/index.html"
    records = {
        d.record["id"]: d.record for d in read_choice(report_folder / "data/designs").designs
    }

    page = browse(path, f"line={quote('Explorer <b>II</b>')}", tmp_path)
    assert [card.get("data-line") for card in shown(page)] == ["Explorer <b>II</b>"]
    assert page.xpath("string(//output[@id='count'])") == "1 of 7"
    assert page.xpath("//title/text()") == ["New designs from what sells"]

    page = browse(path, "sort=newness", tmp_path)
    values = [r["training"]["percentile"] for r in records.values()]
    cards = page.xpath("//div[@id='flat']/article")
    assert [float(c.get("data-newness")) for c in cards] == sorted(values, reverse=True)
    assert "Score" not in page.xpath("//select[@id='sort']/option/text()"), "no order across lines"

    chosen = sorted(records)[:3]
    page = browse(path, f"compare={','.join(chosen)}&view={','.join(chosen)}", tmp_path)
    assert page.xpath("//dialog[@id='viewer']/@open") == [""]
    assert [a.get("data-id") for a in page.xpath("//dialog//article")] == chosen
    assert page.xpath("string(//*[@id='ticked'])") == "3"

    page = browse(path, f"view={chosen[0]}", tmp_path)
    (card,) = page.xpath("//dialog//article")
    assert HOSTILE in card.xpath(".//ol[@class='sellers']//b/text()")
    assert not page.xpath("//img[@src='x']")
    assert len(page.xpath("//script")) == 1

    page = browse(path, "line=nowhere&compare=bogus&view=bogus", tmp_path)
    assert shown(page) == []
    assert not page.xpath("//*[@id='empty']/@hidden")
    assert not page.xpath("//dialog/@open")


@pytest.mark.slow
@needs_browser
def test_feedback_saved_by_the_page_is_what_the_next_run_reads(
    report_folder: Path, tmp_path: Path
) -> None:
    kept, rejected, other = sorted(p.stem for p in (report_folder / "data/designs").glob("*.png"))[
        :3
    ]
    note = '=SUM(1), "bold"'
    state = f"keep={kept},{other}&reject={rejected}&note-{rejected}={quote(note)}"
    page = browse(report_folder / "data/report/index.html", f"{state}&view={rejected}", tmp_path)
    pressed = page.xpath("//main//*[@aria-pressed='true']")
    assert {(b.xpath("ancestor::article/@data-id")[0], b.text) for b in pressed} == {
        (kept, "Keep"),
        (other, "Keep"),
        (rejected, "Reject"),
    }
    (copy,) = page.xpath("//dialog//*[@aria-pressed='true']")
    assert copy.text == "Reject"
    (link,) = page.xpath("//a[@id='save' and not(@hidden)]")
    assert link.text == "Save (3)"
    kind, _, data = link.get("href").partition(",")
    assert kind == "data:text/csv;charset=utf-8"
    (tmp_path / link.get("download")).write_bytes(unquote_to_bytes(data))

    taken = take(tmp_path / "feedback.csv", report_folder / "data/designs", tmp_path / "kept")
    rows = taken.table.set_index("file")
    assert rows["verdict"].to_dict() == {
        f"{kept}.png": "keep",
        f"{other}.png": "keep",
        f"{rejected}.png": "reject",
    }
    assert rows.loc[f"{rejected}.png", "note"] == f"'{note}"  # a spreadsheet computes nothing
    assert len(taken.pictures) == 1

    (tmp_path / "another").mkdir()  # a browser that has kept nothing
    page = browse(report_folder / "data/report/index.html", "", tmp_path / "another")
    assert page.xpath("//a[@id='save']/@hidden")


@pytest.mark.slow
def test_a_page_of_500_designs_is_under_8_mb(
    tmp_path: Path, report_params: Params, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_outputs(tmp_path, per_line=250)
    monkeypatch.chdir(tmp_path)
    report.main(report_params)
    path = tmp_path / "data/report/index.html"
    assert path.read_text(encoding="utf-8").count("<article") == 501
    assert path.stat().st_size < 8e6
    if BROWSER:
        page = browse(path, "line=Daytona&sort=newness", tmp_path)
        assert len(shown(page)) == 250
