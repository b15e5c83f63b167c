"""The page by keyboard alone, and what it looks like: first screen, zoom, print."""

import re
from pathlib import Path

import pytest

from browser import Tab, needs_browser, opened

pytestmark = [pytest.mark.slow, needs_browser]
PICKED = "document.querySelectorAll('main .card [data-star][aria-pressed=true]').length"
ROLLUP = "document.getElementById('rollup').textContent"
LINE = "document.activeElement.closest('article')?.dataset.line"
FOCUS = "document.activeElement.closest('article')?.dataset.id"
WAIT = "new Promise((done) => setTimeout(done, 300))"
GOAL = 60  # keys to pick twelve of 48 designs under a budget


def pick(tab: Tab, count: int) -> None:
    """Pick every second design from the one that has the focus."""
    for _ in range(count):
        tab.press("s", "ArrowRight", "ArrowRight")


def test_twelve_of_48_are_picked_under_a_budget_in_sixty_keys(
    many_designs: Path, tmp_path: Path
) -> None:
    with opened(tmp_path / "profile") as tab:
        tab.open(many_designs.as_uri())
        tab.press("p", "1", "2", "Enter")  # the budget; Enter goes to the first design
        first = tab.run(LINE)
        pick(tab, 7)
        tab.press("/", "ArrowDown", "ArrowDown", "Escape")  # the second line, and to its designs
        assert tab.run(LINE) not in {first, None}
        pick(tab, 5)
        print(f"{tab.keys} keys")
        assert tab.run(PICKED) == 12
        assert tab.keys <= GOAL
        assert tab.run(ROLLUP) == "12 picked in 2 lines; room for 0 more."
        tab.press("s")
        assert tab.run(ROLLUP).endswith("1 too many."), "the budget is told when it is passed"
        tab.press("u")
        assert tab.run(ROLLUP).endswith("room for 0 more.")
        assert "of 0" not in tab.run("document.querySelector('#plan table').innerText")
        at_price = "[...document.querySelectorAll('.at-price')].map((c) => parseInt(c.textContent))"
        assert sum(share or 0 for share in tab.run(at_price)) in {99, 100, 101}
        assert tab.run("document.getElementById('picked-all').textContent") == "12"
        assert tab.errors == []


def test_the_plan_is_filled_in_five_keys(many_designs: Path, tmp_path: Path) -> None:
    with opened(tmp_path / "profile") as tab:
        tab.open(many_designs.as_uri())
        tab.press("p", "1", "1", "Tab", "Enter")
        assert tab.run(PICKED) == 11
        assert tab.run(ROLLUP).endswith("room for 0 more.")


def test_arrows_reach_the_folded_lines_and_come_back(many_designs: Path, tmp_path: Path) -> None:
    with opened(tmp_path / "profile") as tab:
        tab.open(many_designs.as_uri())
        tab.run("[...document.querySelectorAll('#groups > .group .open')].at(-1).focus()")
        last = tab.run(FOCUS)
        tab.press("ArrowRight")
        assert tab.run("document.activeElement.tagName") == "SUMMARY"
        tab.press("ArrowLeft")
        assert tab.run(FOCUS) == last
        tab.press("ArrowDown", "ArrowDown")
        assert tab.run("document.activeElement.closest('#thin') !== null")
        assert tab.run(FOCUS) not in {last, None}
        tab.press("ArrowLeft")
        assert tab.run(FOCUS) == last


def test_side_by_side_by_keyboard_zooms_about_the_middle(
    many_designs: Path, tmp_path: Path
) -> None:
    with opened(tmp_path / "profile") as tab:
        tab.open(many_designs.as_uri())
        tab.press("ArrowDown", "c", "ArrowRight", "c")
        second = tab.run(FOCUS)
        tab.press("v")
        assert tab.run("document.querySelectorAll('#columns .card').length") == 2
        tab.press("ArrowRight", "r")
        rejected = "document.querySelector('main [data-verdict=reject][aria-pressed=true]')"
        assert tab.run(f"{rejected}.closest('article').dataset.id") == second
        tab.press("+", "+")
        tab.run(WAIT)
        middles = (
            "[...document.querySelectorAll('.frame')].map((f) => (f.scrollLeft + f.clientWidth / 2)"
            " / f.scrollWidth)"
        )
        assert tab.run(middles) == pytest.approx([0.5, 0.5], abs=0.01)
        before = tab.run("document.querySelector('.frame').scrollLeft")
        tab.press("ArrowRight")
        tab.run(WAIT)
        moved = "[...document.querySelectorAll('.frame')].map((f) => f.scrollLeft)"
        left, right = tab.run(moved)
        assert left == right > before, "zoomed, the arrows move the pictures together"
        tab.press("Escape")
        assert not tab.run("document.getElementById('viewer').open")
        assert tab.errors == []


def test_the_tools_do_not_move_what_is_below_them(many_designs: Path, tmp_path: Path) -> None:
    with opened(tmp_path / "profile") as tab:
        tab.resize(1440, 900)
        tab.open(many_designs.as_uri())
        height = "document.getElementById('tools').offsetHeight"
        before = tab.run(height)
        tab.press("ArrowDown", "s", "c", "/", "ArrowDown", "Escape")
        for button in ("undo", "save", "reset"):
            assert not tab.run(f"document.getElementById('{button}').hidden")
        assert tab.run(height) == before


@pytest.mark.parametrize(("width", "height"), [(1440, 900), (390, 844)])
def test_the_first_screen_shows_six_designs_beside_sellers(
    width: int, height: int, many_designs: Path, tmp_path: Path
) -> None:
    with opened(tmp_path / "profile") as tab:
        tab.resize(width, height)
        tab.open(many_designs.as_uri())
        ends = "[...document.querySelectorAll('.firsts img, .firsts .thumb')].map((part) => "
        ends += "part.getBoundingClientRect().bottom)"
        bottoms = tab.run(ends)
        assert len(bottoms) == 12
        assert max(bottoms) <= height
        assert tab.run("document.documentElement.scrollWidth") <= width, "nothing is cut off"
        notices = "[...document.querySelectorAll('.notices details')]"
        assert not tab.run(f"{notices}.some((notice) => notice.open)")
        assert tab.run(f"Math.max(...{notices}.map((n) => n.clientHeight))") < 2 * 28


def test_what_is_shown_is_printed_twelve_a_page_without_a_hash(
    many_designs: Path, tmp_path: Path
) -> None:
    with opened(tmp_path / "profile") as tab:
        for state, pages in (("", 5), ("#line=Daytona", 2)):
            tab.open(many_designs.as_uri() + state)
            assert len(re.findall(rb"/Type\s*/Page\b", tab.printed())) == pages
        text = tab.run("document.querySelector('#designs').innerText")
        ids = tab.run("[...document.querySelectorAll('main .card')].map((c) => c.dataset.id)")
        assert len(ids) == 49
        assert not [name for name in ids if name in text]
