"""Shops that say that they are asked too often, and photos that were lost."""

import email.utils
import hashlib
import json
import time
from http.server import BaseHTTPRequestHandler
from itertools import pairwise
from pathlib import Path

import pytest
from scrapy.http import Response

from bestseller.base.errors import BestsellerError
from bestseller.catalogue.diagnosis import is_passing
from bestseller.catalogue.product import Image, Product, Rejected
from bestseller.catalogue.raw import read_catalogue, write_raw
from bestseller.sources.carry import LastCatalogue, carry_over
from bestseller.web.throttle import retry_after
from conftest import shell
from loopback import Answer, Shop, crawl, page, png, robots, sitemap


class Busy:
    """Answers `refusals` times with a refusal, then with the answer that is there."""

    def __init__(self, refusals: int, status: int, header: str | None, body: bytes = b"") -> None:
        self.left, self.status, self.header, self.body = refusals, status, header, body
        self.asked_at: list[float] = []

    def __call__(self, handler: BaseHTTPRequestHandler) -> None:
        self.asked_at.append(time.monotonic())
        refused = self.left > 0
        self.left -= refused
        handler.send_response(self.status if refused else 200)
        if refused and self.header is not None:
            date = email.utils.formatdate(time.time() + 2, usegmt=True)
            handler.send_header("Retry-After", date if self.header == "date" else self.header)
        body = b"" if refused else self.body
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)


def ten_photos(answers: dict[int, Answer]) -> Shop:
    pages = {f"/products/{n}": page(f"{n}", [f"/{n}.png"]) for n in range(10)}
    photos = {f"/{n}.png": answers.get(n, Answer(png(n))) for n in range(10)}
    return Shop(pages | photos | {"/robots.txt": robots(), "/sitemap.xml": sitemap(list(pages))})


def test_photos_answered_429_are_waited_for(tmp_path: Path) -> None:
    """Six of ten photos are refused at first, by each of the ways to say when to come back."""
    ways = [(429, "1"), (430, "1"), (503, "1"), (429, "date"), (429, None), (429, "soon")]
    busy = {n: Busy(1, *way, png(n)) for n, way in enumerate(ways)}
    shop = ten_photos({n: Answer(act=way) for n, way in busy.items()})
    begin = time.monotonic()
    with shop.serve() as url:
        result = crawl(url, tmp_path)
    assert time.monotonic() - begin >= 1
    assert result.rejects == []
    shown = {product.sku: product.images[0].sha256 for product in result.products}
    assert shown == {f"{n}": hashlib.sha256(png(n)).hexdigest() for n in range(10)}
    assert min(b - a for a, b in (busy[0].asked_at, busy[1].asked_at, busy[2].asked_at)) >= 0.95


def test_pages_and_robots_are_waited_for_too(tmp_path: Path) -> None:
    shop = ten_photos({})
    shop.pages["/products/3"].act = Busy(2, 429, "0", shop.pages["/products/3"].body)
    for path in ("/robots.txt", "/sitemap.xml"):
        shop.pages[path].act = Busy(1, 503, "0", shop.pages[path].body)
    with shop.serve() as url:
        result = crawl(url, tmp_path)
    assert len(result.products) == 10 and result.rejects == []


def test_the_wait_is_bounded_and_too_many_lost_photos_end_the_crawl(tmp_path: Path) -> None:
    shop = ten_photos({n: Answer(act=Busy(99, 429, "3600")) for n in range(6)})
    begin = time.monotonic()
    with shop.serve() as url, pytest.raises(BestsellerError) as error:
        crawl(url, tmp_path, max_wait_s=5.0)
    assert time.monotonic() - begin < 30
    told = str(error.value)
    assert "6 of 10 photos could not be had" in told
    assert "HTTP 429, still after catalogue.crawl.max_wait_s" in told
    assert "raise catalogue.crawl.max_wait_s" in told and "the last catalogue stays" in told


def test_a_robots_txt_that_stays_refused_is_told_with_the_mend(tmp_path: Path) -> None:
    shop = ten_photos({})
    shop.pages["/robots.txt"] = Answer(act=Busy(99, 429, "60"))
    mend = r"robots\.txt: HTTP 429, still after .*; raise catalogue\.crawl\.max_wait_s"
    with shop.serve() as url, pytest.raises(BestsellerError, match=mend):
        crawl(url, tmp_path, max_wait_s=1.0)


@pytest.mark.parametrize("share", [0.3, 0.5])
def test_the_share_of_photos_that_may_be_lost(tmp_path: Path, share: float) -> None:
    """`crawl` allows 1 - share; forbidden photos are not lost."""
    shop = ten_photos({n: Answer(status=404) for n in range(5)})
    shop.pages["/robots.txt"] = robots("Disallow: /9.png")
    with shop.serve() as url:
        if share == 0.5:
            with pytest.raises(BestsellerError, match="5 of 9 photos could not be had"):
                crawl(url, tmp_path, share)
        else:
            assert len(crawl(url, tmp_path, share).rejects) == 6


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("120", 120.0),
        (" 0 ", 0.0),
        ("1.5", 1.5),
        ("9" * 25, 1e9),
        ("9" * 99, None),
        *((value, None) for value in ("", "soon", "-1")),
    ],
)
def test_the_header_retry_after(value: str, seconds: float | None) -> None:
    response = Response("http://h", headers={"Retry-After": value} if value else {})
    assert retry_after(response) == seconds


def test_a_server_that_names_no_wait_and_refuses_again_gets_longer_rests(tmp_path: Path) -> None:
    busy, unclear = Busy(3, 429, "0", png(0)), Busy(1, 503, "in a moment", png(1))
    shop = ten_photos({0: Answer(act=busy), 1: Answer(act=unclear)})
    with shop.serve() as url:
        assert crawl(url, tmp_path).rejects == []
    rests = [b - a for a, b in pairwise(busy.asked_at)]
    assert rests[1] >= 0.95 and rests[2] >= 0.95


def test_a_date_in_retry_after(monkeypatch: pytest.MonkeyPatch) -> None:
    later = email.utils.formatdate(time.time() + 90, usegmt=True)
    found = retry_after(Response("http://h", headers={"Retry-After": later}))
    assert found is not None and 88 < found <= 90
    naive = Response("http://h", headers={"Retry-After": later.removesuffix(" GMT")})
    monkeypatch.setenv("TZ", "America/New_York")
    time.tzset()
    try:
        assert 88 < (retry_after(naive) or 0) <= 90, "it is in UTC, wherever this machine is"
    finally:
        monkeypatch.undo()
        time.tzset()
    past = Response("http://h", headers={"Retry-After": "Wed, 21 Oct 2015 07:28:00 GMT"})
    assert retry_after(past) == 0.0


@pytest.mark.parametrize(
    ("reason", "passing"),
    [
        ("HTTP 429, still after catalogue.crawl.max_wait_s", True),
        ("HTTP 430", True),
        ("HTTP 503", True),
        ("no answer (TimeoutError)", True),
        ("not fetched", True),
        ("HTTP 404", False),
        ("HTTP 410", False),
        ("Forbidden by robots.txt", False),
        ("no image but text/html", False),
        ("opts out of machine learning (meta robots: noai)", False),
    ],
)
def test_which_reasons_pass(reason: str, passing: bool) -> None:
    assert is_passing(reason) == passing


def test_a_photo_lost_in_passing_stays_as_it_was(tmp_path: Path) -> None:
    def photo(name: str, seed: int) -> Image:
        digest = hashlib.sha256(png(seed)).hexdigest()
        (tmp_path / "old").mkdir(exist_ok=True)
        (tmp_path / "old" / f"{digest}.png").write_bytes(png(seed))
        return Image(url=f"http://h/{name}", view="front", sha256=digest, file=f"{digest}.png")

    a, b, c = photo("a", 1), photo("b", 2), photo("c", 3)
    old = Product(sku="1", name="x", url="http://h/p/1", images=(a, b, c))
    write_raw(tmp_path / "raw", [old], [], tmp_path / "old")
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / a.file).write_bytes(png(1))
    from bestseller.page.assemble import CrawlResult

    lost = [Rejected("1", b.url, "HTTP 503"), Rejected("1", c.url, "HTTP 404")]
    found = CrawlResult([old.model_copy(update={"images": (a,)})], lost, {})
    result = carry_over(found, LastCatalogue([old]), tmp_path / "raw", tmp_path / "images")
    assert result.products[0].images == (a, b) and result.rejects == lost
    assert (tmp_path / "images" / b.file).read_bytes() == png(2)
    assert not (tmp_path / "images" / c.file).exists()


@pytest.mark.slow
def test_a_photo_lost_in_passing_is_asked_for_at_the_next_refresh(code: Path) -> None:
    shop = ten_photos({})
    with shop.serve() as url:
        shop.pages["/robots.txt"] = Answer(status=404)
        shop.pages["/sitemap.xml"] = sitemap([f"/products/{n}" for n in range(10)], url)
        params = (code / "params.yaml").read_text()
        for old, new in {
            "  source: demo\n  user_agent": "  source: site\n  user_agent",
            '  site:\n    url: ""': f'  site:\n    url: "{url}"',
            "delay_s: 1.0": "delay_s: 0.0",
        }.items():
            assert params.count(old) == 1
            params = params.replace(old, new)
        (code / "params.yaml").write_text(params)

        def refresh() -> str:
            told = shell("python", "-m", "stages.refresh", cwd=code).stdout.splitlines()[0]
            return told.split(" (")[0]

        def scrape() -> list[int]:
            shell("python", "-m", "stages.scrape", cwd=code)
            return [len(p.images) for p in read_catalogue(code / "data/raw/catalogue.jsonl")]

        shop.pages["/4.png"] = Answer(status=503)
        assert refresh() == "catalogue: moved"
        assert scrape() == [1, 1, 1, 1, 0, 1, 1, 1, 1, 1]
        assert refresh() == "catalogue: moved", "the shop is the same, the photo is missing"
        assert scrape() == [1, 1, 1, 1, 0, 1, 1, 1, 1, 1]
        shop.pages["/4.png"] = Answer(png(4))
        assert refresh() == "catalogue: moved"
        assert scrape() == [1] * 10
        assert refresh() == "catalogue: same"
        state = json.loads((code / "data/source/catalogue.json").read_text())
        assert state["pages"] == 10 and state["asked_again"] == 2
