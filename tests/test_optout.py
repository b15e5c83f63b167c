"""Owners' marks against machine learning: how each is read, and that the crawler obeys it."""

import json
from pathlib import Path

import pytest
from scrapy.http import HtmlResponse, Response

from bestseller.base.errors import BestsellerError
from bestseller.web.crawl import crawl_site
from bestseller.web.optout import (
    RESERVATIONS,
    Rule,
    product_token,
    read_rules,
    reservation_mark,
    reserved,
    training_refused,
)
from loopback import ORIGIN, Answer, Shop, crawl, page, png, robots, site, sitemap

AGENT = "bestseller"


@pytest.mark.parametrize(
    ("value", "mark"),
    [
        ("noai", "noai"),
        ("NoAI", "noai"),
        ("noindex, noimageai", "noimageai"),
        ("bestseller: noai", "noai"),
        ("Bestseller: nofollow, noai", "noai"),
        ("otherbot: noai", ""),
        ("otherbot: noindex, noai", ""),
        ("otherbot: noai, bestseller: noimageai", "noimageai"),
        ("unavailable_after: 25 Jun 2030 15:00:00 PST, noai", "noai"),
        ("max-snippet: 20, noai", "noai"),
        ("noindex, nofollow", ""),
        ("noaid", ""),
    ],
)
def test_robots_directives_bind_whom_they_name(value: str, mark: str) -> None:
    response = Response("http://h/", headers={"X-Robots-Tag": value})
    assert reservation_mark(response, AGENT) == (f"X-Robots-Tag: {mark}" if mark else "")


def test_each_header_line_is_read_for_itself() -> None:
    lines = {"X-Robots-Tag": ["otherbot: noindex", "noai"]}
    assert reservation_mark(Response("http://h/", headers=lines), AGENT)
    lines = {"X-Robots-Tag": ["noindex", "otherbot: noai"]}
    assert not reservation_mark(Response("http://h/", headers=lines), AGENT)


@pytest.mark.parametrize(
    ("head", "mark"),
    [
        ("<meta name=robots content=noai>", "meta robots: noai"),
        ("<META CONTENT='noindex, NOIMAGEAI' NAME='Robots'>", "meta robots: noimageai"),
        ("<meta data-x='>' content=noai class=a name=robots />", "meta robots: noai"),
        ("<meta name=bestseller content=noai>", "meta bestseller: noai"),
        ("<meta name=otherbot content=noai>", ""),
        ("<meta content=1 name=tdm-reservation>", "meta tdm-reservation: 1"),
        ("<meta name=TDM-Reservation content=' 1 '>", "meta tdm-reservation: 1"),
        ("<meta name=tdm-reservation content=0>", ""),
        ("<meta name=tdm-reservation content=10>", ""),
        ("<!-- <meta name=robots content=noai> -->", ""),
        ("<meta name=description content='noai, robots'>", ""),
        (f"<style>{'a{} ' * 20_000}</style><meta name=robots content=noai>", "meta robots: noai"),
    ],
)
def test_meta_tags_are_read_in_any_spelling(head: str, mark: str) -> None:
    response = HtmlResponse("http://h/", body=f"<html><head>{head}<title>a</title>".encode())
    assert reservation_mark(response, AGENT) == mark


def test_tdm_header_reserves() -> None:
    for value, mark in (("1", "header tdm-reservation: 1"), ("0", ""), ("", "")):
        response = Response("http://h/", headers={"TDM-Reservation": value})
        assert reservation_mark(response, AGENT) == mark


@pytest.mark.parametrize(
    ("pattern", "path", "matches"),
    [
        ("/", "/a", True),
        ("/a", "/ab/c", True),
        ("/a", "/b/a", False),
        ("/a$", "/a", True),
        ("/a$", "/ab", False),
        ("/*.png", "/img/a.png?w=1", True),
        ("/*.png$", "/img/a.png?w=1", False),
        ("/*.png$", "/a.png.png", True),
        ("/*/b/*/d$", "/a/b/c/d", True),
        ("/*/b/*/d$", "/b/c/d", False),
        ("/a*a$", "/a", False),
        ("*", "/anything", True),
        ("/p?x=*&y", "/p?x=1&y=2", True),
    ],
)
def test_locations_match_as_in_robots(pattern: str, path: str, matches: bool) -> None:
    assert reserved([Rule(pattern, True)], path) is matches


def test_the_first_rule_that_matches_decides() -> None:
    rules = read_rules(
        b'[{"location": "/press/", "tdm-reservation": 0},'
        b' {"location": "/", "tdm-reservation": 1, "tdm-policy": "https://h/policy.json"}]'
    )
    assert [reserved(rules, path) for path in ("/press/a", "/a")] == [False, True]
    assert not reserved([], "/a")


@pytest.mark.parametrize(
    "body",
    [
        b"{}",
        b"[1]",
        b'[{"location": "/"}]',
        b'[{"tdm-reservation": 1}]',
        b'[{"location": "/", "tdm-reservation": 2}]',
        b"[",
        b"\xff",
        b"[" * 100_000,
    ],
)
def test_a_broken_tdmrep_is_an_error(body: bytes) -> None:
    with pytest.raises(ValueError, match=r"no JSON|no list|an entry without"):
        read_rules(body)


@pytest.mark.parametrize(
    ("text", "refused"),
    [
        ("User-agent: *\nContent-Signal: search=yes, ai-train=no\nAllow: /", True),
        ("User-Agent: *\nAllow: /\ncontent-signal: AI-Train = No # why", True),
        ("User-agent: *\nContent-Signal: search=no, ai-train=yes", False),
        ("User-agent: *\n# Content-Signal: ai-train=no", False),
        ("User-agent: otherbot\nContent-Signal: ai-train=no", False),
        ("User-agent: otherbot\nUser-agent: Bestseller/2\nContent-Signal: ai-train=no", True),
        ("User-agent: bestseller\nAllow: /\n\nUser-agent: *\nContent-Signal: ai-train=no", False),
        ("User-agent: *\nAllow: /\nUser-agent: otherbot\nContent-Signal: ai-train=no", False),
        ("User-agent: *\nSitemap: /s.xml\nUser-agent: a\nContent-Signal: ai-train=no", True),
        ("Content-Signal: ai-train=no\nUser-agent: a\nAllow: /", True),
        ("User-agent: *\nContent-Signal: no-ai-train=no", False),
    ],
)
def test_content_signals_bind_by_group(text: str, refused: bool) -> None:
    assert training_refused(text.encode(), AGENT) is refused


def test_product_token() -> None:
    assert product_token("Shop-Bot/1.2 (+https://h/)") == "shop-bot"


def marked_shop() -> Shop:
    """Return a shop of which some pages and pictures are reserved in different ways."""
    names = ["sound", "header", "others", "reserved", "both"]
    pages = {f"/products/{name}": page(name, [f"/img/{name}.png"]) for name in names}
    pages["/products/header"].headers["X-Robots-Tag"] = "bestseller: noai"
    pages["/products/others"].headers["X-Robots-Tag"] = "otherbot: noai"
    pages["/products/both"] = page("both", ["/img/marked.png", "/kept/a.png", "/img/both.png"])
    rules = [
        {"location": "/products/reserved$", "tdm-reservation": 1},
        {"location": "/kept/*.png", "tdm-reservation": 1},
    ]
    marked = Answer(png(9), headers={"tdm-reservation": "1"})
    return Shop(
        pages
        | {f"/img/{name}.png": Answer(png(n)) for n, name in enumerate(names)}
        | {
            "/robots.txt": robots(),
            "/sitemap.xml": sitemap(list(pages)),
            RESERVATIONS: Answer(json.dumps(rules).encode()),
            "/img/marked.png": marked,
            "/kept/a.png": Answer(png(8)),
        }
    )


def test_what_is_reserved_is_left_out_with_its_mark(tmp_path: Path) -> None:
    shop = marked_shop()
    known = [f"{ORIGIN}/products/reserved", f"{ORIGIN}/kept/old.png", f"{ORIGIN}/products/gone"]
    with shop.serve() as url:
        result = crawl_site(site(url, tmp_path), tmp_path / "images", 0.5, known)
    told = "opts out of machine learning"
    rejects = {row.url.removeprefix(ORIGIN): row.reason for row in result.rejects}
    assert rejects == {
        "/products/header": f"{told} (X-Robots-Tag: noai)",
        "/products/reserved": f"{told} ({RESERVATIONS}: tdm-reservation: 1)",
        "/img/marked.png": f"{told} (header tdm-reservation: 1)",
        "/kept/a.png": f"{told} ({RESERVATIONS}: tdm-reservation: 1)",
    }
    images = {product.sku: len(product.images) for product in result.products}
    assert images == {"sound": 1, "others": 1, "both": 1}
    assert result.stats["pages_forbidden"] == 2
    # What an earlier catalogue holds is judged too, by what was learnt of its site.
    assert {url.removeprefix(ORIGIN) for url in result.forbidden} == rejects.keys() | {
        "/kept/old.png"
    }
    assert not [path for path in shop.asked if path in ("/products/reserved", "/kept/a.png")]
    first = list(dict.fromkeys(shop.asked))
    assert first[:3] == ["/robots.txt", RESERVATIONS, "/sitemap.xml"]
    assert shop.asked.count(RESERVATIONS) == 1


ALL_FORBIDDEN = f"forbid all 5 product pages ({ORIGIN}/products/both: opts out of machine learning"


@pytest.mark.parametrize(
    ("answers", "told"),
    [
        (
            {"/robots.txt": robots("Content-Signal: ai-train=no")},
            f"{ALL_FORBIDDEN} (robots.txt: Content-Signal: ai-train=no)",
        ),
        (
            {RESERVATIONS: Answer(b'[{"location": "*", "tdm-reservation": 1}]')},
            f"{ALL_FORBIDDEN} ({RESERVATIONS}: tdm-reservation: 1)",
        ),
        ({RESERVATIONS: Answer(b"{]")}, f"{RESERVATIONS} cannot be read (no JSON)"),
        ({RESERVATIONS: Answer(status=503)}, f"{RESERVATIONS} cannot be read (HTTP 503)"),
        (
            {RESERVATIONS: Answer(status=302, headers={"Location": "http://127.0.0.1:1/"})},
            f"{RESERVATIONS} cannot be read (IgnoreRequest)",
        ),
    ],
)
def test_a_reserved_site_is_not_crawled(
    tmp_path: Path, answers: dict[str, Answer], told: str
) -> None:
    shop = marked_shop()
    shop.pages |= answers
    with shop.serve() as url, pytest.raises(BestsellerError) as error:
        crawl(url, tmp_path)
    assert told in str(error.value) and "\n" not in str(error.value)
    assert not [path for path in shop.asked if path.startswith(("/products", "/img"))]


@pytest.mark.parametrize(
    "answer",
    [
        Answer(status=404),
        Answer(status=403),
        Answer(b"<html>Not here</html>", headers={"Content-Type": "text/html"}),
        Answer(b"[]"),
    ],
)
def test_a_site_without_tdmrep_reserves_nothing(tmp_path: Path, answer: Answer) -> None:
    shop = marked_shop()
    shop.pages[RESERVATIONS] = answer
    with shop.serve() as url:
        result = crawl(url, tmp_path, share=0.5)
    assert {product.sku for product in result.products} == {"sound", "others", "reserved", "both"}
