"""What the crawler may ask, and what its parsers are spared."""

import re
from contextlib import nullcontext
from pathlib import Path

import pytest
from scrapy.exceptions import IgnoreRequest
from scrapy.http import HtmlResponse, Request

from bestseller.web.crawl import crawl_site
from bestseller.web.guard import (
    MAX_ATTRIBUTES,
    MAX_HTML_MB,
    MarkupGuard,
    is_public,
    origin_of,
)
from bestseller.web.limits import TooLong, cpu_limit
from bestseller.web.site import Site
from loopback import Answer, Shop, page, png, sitemap


def test_other_ports_of_a_shop_on_this_machine_are_not_the_shop(tmp_path: Path) -> None:
    """The configured shop has a name that leads to loopback; that opens its port alone."""
    canary = Shop({"/s.png": Answer(png(8))})
    with canary.serve() as victim:
        port = victim.rsplit(":", 1)[1]
        shop = Shop(
            {
                "/robots.txt": Answer(b"Sitemap: /sitemap.xml"),
                "/sitemap.xml": sitemap(["/products/a"], origin=""),
                "/products/a": page("a", [f"http://localhost:{port}/s.png", "/a.png"]),
                "/a.png": Answer(png(1)),
            }
        )
        with shop.serve() as url:
            named = Site(url.replace("127.0.0.1", "localhost"), tmp_path / "cache", delay_s=0)
            result = crawl_site(named, tmp_path / "images", max_lost_photo_share=1)
    assert canary.asked == []
    assert [len(product.images) for product in result.products] == [1]
    assert [row.reason for row in result.rejects] == [
        f"refused: http://localhost:{port}/s.png is no public address"
    ]


def test_computing_is_bounded() -> None:
    with pytest.raises(TooLong, match=r"more than 0\.1 s"), cpu_limit(0.1):
        re.fullmatch(r"(a|aa)+b", "a" * 100)
    with cpu_limit(0.1):
        pass
    re.fullmatch(r"(a|aa)+b", "a" * 30)  # the limit is off again


@pytest.mark.parametrize(
    "address",
    [
        "::ffff:10.0.0.1",
        "64:ff9b::7f00:1",
        "64:ff9b:1::a00:1",
        "2002:7f00:1::",
        "2001:0:1::1",
        "::127.0.0.1",
        "::ffff:0:7f00:1",
        "fec0::1",
        "fd00::1",
        "ff02::1",
    ],
)
def test_ipv6_addresses_that_may_lead_inside_are_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize(
    "url",
    [
        "http://user@shop.example/",
        "http://shop.example:x/",
        "file:///etc/passwd",
        "data:image/png;base64,aaaa",
        "//shop.example/",
        "http:///x",
    ],
)
def test_addresses_that_can_be_misread_have_no_origin(url: str) -> None:
    with pytest.raises(ValueError, match=r"address|[Pp]ort"):
        origin_of(url)


def test_only_crowded_tags_and_huge_pages_are_refused() -> None:
    """Inline pictures and long texts have many separators, but not in a tag or not unquoted."""
    data = "ab/+" * 100_000
    sound = f"<img src='data:image/png;base64,{data}'><p>{'word ' * 50_000}<p class=a id=b>"
    request = Request("http://shop.example/")
    crowded = f"<p {'a ' * (MAX_ATTRIBUTES + 1)}>"
    large = " " * (MAX_HTML_MB * 1_000_000 + 1)
    for text, refused in ((sound, False), (crowded, True), (large, True)):
        answer = HtmlResponse(request.url, body=text.encode())
        with pytest.raises(IgnoreRequest) if refused else nullcontext():
            assert MarkupGuard().process_response(request, answer) is answer


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("8.8.8.8", True),
        ("2606:4700::1111", True),
        ("127.0.0.1", False),
        ("10.1.2.3", False),
        ("169.254.169.254", False),
        ("100.64.0.1", False),
        ("0.0.0.0", False),
        ("224.0.0.1", False),
        ("::1", False),
        ("fe80::1", False),
        ("::ffff:127.0.0.1", False),
    ],
)
def test_public_addresses(address: str, public: bool) -> None:
    assert is_public(address) is public
