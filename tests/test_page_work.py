"""The work on the page stays: typed into a browser as a merchandiser would, key by key."""

import json
from pathlib import Path
from urllib.parse import unquote

import numpy as np
import pandas as pd
import pytest

from bestseller.designs.feedback import take
from bestseller.params import load_params
from browser import Tab, needs_browser, opened
from fake_outputs import write_outputs
from stages import report

pytestmark = [pytest.mark.slow, needs_browser]
PICKED = "[...document.querySelectorAll('main [data-star][aria-pressed=true]')].length"
FOCUS = "document.activeElement.closest('article')?.dataset.id"
SAVED = "document.getElementById('save').href"


def table(tab: Tab) -> list[list[str]]:
    """The rows of the file that the page would save."""
    text = unquote(tab.run(SAVED).partition(",")[2])
    return [line.split(",") for line in text.lstrip("\ufeff").split("\r\n")[1:-1]]


def test_what_is_said_stays_and_is_taken_back_and_loaded_again(
    many_designs: Path, tmp_path: Path
) -> None:
    with opened(tmp_path / "profile") as tab:
        tab.open(many_designs.as_uri())
        tab.press("ArrowDown")
        first = tab.run(FOCUS)
        tab.press("k", "ArrowRight", "r", "ArrowRight", "s")
        assert [row[1] for row in table(tab)] == ["keep", "reject", ""]
        tab.press("n", *"dark", "Enter")
        assert [row[2] for row in table(tab)] == ["", "", "dark"], "N writes a note"
        tab.press("Escape", "u")
        assert [row[2] for row in table(tab)] == ["", "", ""], "U takes back"
        tab.press("u", "u")
        assert [row[0][:12] for row in table(tab)] == [first]
        tab.press("ArrowRight", "r")
        kept = table(tab)

        assert tab.warnings == 0
        tab.open(many_designs.as_uri())  # without anything behind #
        assert tab.warnings == 1, "what is not saved as a file is warned of on leaving"
        assert table(tab) == kept, "the browser keeps it"
        link = tab.run("location.href")

        text = unquote(tab.run(SAVED).partition(",")[2])
        tab.run("localStorage.clear()")
        tab.open(many_designs.as_uri())
        assert tab.run("document.getElementById('save').hidden")
        give = (
            "(() => { const box = new DataTransfer(); box.items.add(new File([%s], 'f.csv'));"
            " const input = document.getElementById('load'); input.files = box.files;"
            " input.dispatchEvent(new Event('change', {bubbles: true})); })()"
        )
        tab.run(give % json.dumps(text))
        tab.run("new Promise((done) => setTimeout(done, 300))")
        assert table(tab) == kept, "a saved file comes back"
        assert "2 of 2" in tab.run("document.getElementById('loaded').textContent")

        tab.run("localStorage.clear()")
        tab.open(link)
        assert table(tab) == kept, "so does the address"
        assert tab.errors == []


def test_the_plan_fills_its_places_with_the_surest(many_designs: Path, tmp_path: Path) -> None:
    with opened(tmp_path / "profile") as tab:
        tab.open(many_designs.as_uri())
        places = "[...document.querySelectorAll('td.place')].map((cell) => cell.textContent)"
        asked = [int(text.split(" of ")[1]) for text in tab.run(places) if text]
        assert sum(asked) == 12
        tab.run("document.getElementById('fill').click()")
        assert tab.run(PICKED) == 12
        assert all(
            text.split(" of ")[0] == text.split(" of ")[1] for text in tab.run(places) if text
        )
        tab.run(
            "(() => { const box = document.getElementById('budget'); box.value = 20;"
            " box.dispatchEvent(new Event('change')); })()"
        )
        assert "room for 8 more" in tab.run("document.getElementById('rollup').textContent")
        assert tab.errors == []


def test_the_enlarged_view_takes_every_key_and_zooms_together(
    many_designs: Path, tmp_path: Path
) -> None:
    with opened(tmp_path / "profile") as tab:
        tab.open(many_designs.as_uri())
        tab.press("ArrowDown", "Enter")
        title = "document.getElementById('viewer-title').textContent"
        first = tab.run(title)
        tab.press("k", "ArrowRight")
        assert tab.run(title) != first
        tab.press("s", "Escape")
        assert [(row[1], row[3]) for row in table(tab)] == [("keep", ""), ("", "yes")]
        assert not tab.run("document.getElementById('viewer').open")
        tab.press("c", "ArrowRight", "c")
        tab.run("document.getElementById('compare').click()")
        widths = "[...document.querySelectorAll('.frame img')].map((i) => Math.round(i.width))"
        before = tab.run(widths)
        tab.press("+", "+")
        after = tab.run(widths)
        assert len(after) == 2
        assert after[0] > 2 * before[0] and after[1] > 2 * before[1]
        tab.run("document.querySelectorAll('.frame')[0].scrollTo(40, 30)")
        tab.run("new Promise((done) => setTimeout(done, 300))")
        there = "[...document.querySelectorAll('.frame')].map((f) => [f.scrollLeft, f.scrollTop])"
        assert tab.run(there) == [[40, 30], [40, 30]]
        assert tab.errors == []


def test_a_blind_review_by_keyboard_enters_the_feedback(many_designs: Path, tmp_path: Path) -> None:
    with opened(tmp_path / "profile") as tab:
        tab.open(many_designs.as_uri())
        tab.press("b")
        right = "document.querySelector('#blind-right img') ? 'ArrowRight' : 'ArrowLeft'"
        other = {"ArrowLeft": "ArrowRight", "ArrowRight": "ArrowLeft"}
        designed = tab.run(right)
        tab.press(designed, designed)  # preferred, and known as the drawn one
        designed = tab.run(right)
        tab.press(other[designed], other[designed])  # not preferred, but taken for real
        assert tab.run("document.getElementById('blind-at').textContent") == "2 of 49"
        shapes = (
            "[...document.querySelectorAll('#blind-pair button > *')].map((e) => e.clientWidth)"
        )
        left, across = tab.run(shapes)
        assert left == across, "same size"
        assert (
            tab.run("document.querySelectorAll('#blind-pair [alt], #blind-pair [title]').length")
            == 0
        )
        tab.press("Escape")
        answers = sorted((row[4], row[5]) for row in table(tab))
        assert answers == [("no", "yes"), ("yes", "no")]
        text = unquote(tab.run(SAVED).partition(",")[2])
        assert tab.errors == []
    (tmp_path / "feedback.csv").write_text(text, encoding="utf-8")
    designs = many_designs.parents[1] / "designs"
    found = take(tmp_path / "feedback.csv", designs, tmp_path / "kept").table
    assert sorted(found["preferred"]) == ["no", "yes"]


def test_the_promise_follows_the_slider(tmp_path: Path) -> None:
    root = tmp_path / "run"
    root.mkdir()
    write_outputs(root, per_line=24)
    scores = np.linspace(0.1, 3.2, 300)
    held = pd.DataFrame({"sku": "s", "line": "l", "score": scores, "bad": scores < 1})
    (root / "data/preference").mkdir(parents=True)
    held.to_parquet(root / "data/preference/held_out.parquet")
    for place, path in enumerate(sorted((root / "data/designs").glob("?" * 12 + ".json"))):
        record = json.loads(path.read_text())
        path.write_text(json.dumps(record | {"picture_score": 0.5 + place / 16}))
    committed = load_params("params.yaml")
    two = {"models": ["dcgan-plain", "dcgan-centroid"], "seeds": [0]}
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        report.main(committed.model_copy(update=two))
    said = "document.getElementById('cut-said').textContent"
    marked = "[...document.querySelectorAll('main .card.above')].length"
    with opened(tmp_path / "profile") as tab:
        tab.open((root / "data/report/index.html").as_uri())
        first = tab.run(said)
        assert first.startswith("Promised: of the ") and tab.run(marked) == 0
        promised = "document.getElementById('promise').querySelector('p').textContent"
        assert tab.run(promised) == first, "the slider begins at what is promised"
        earned = [row["earned"] for row in json.loads(tab.run("cut.dataset.rows"))]
        assert len(earned) == 10 and 1 <= sum(earned) < 10
        for place, promise in enumerate(earned):
            tab.run(
                f"(() => {{ cut.value = {place};"
                " cut.dispatchEvent(new Event('input', {bubbles: true})); })()"
            )
            told = tab.run(said)
            assert told.startswith("Promised" if promise else "Not promised")
            named = int(told.partition("of the ")[2].split()[0])
            assert tab.run(marked) == named, "the designs that it speaks of are marked"
        link = tab.run("location.href")
        tab.open(link)
        assert tab.run(said) == told, "the address keeps the cut"
        tab.run("document.getElementById('cut-off').click()")
        assert tab.run(said) == first and tab.run(marked) == 0
        assert tab.errors == []
