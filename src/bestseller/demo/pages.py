"""The shop's pages for people and crawlers: home, lines, products, robots.txt, sitemaps."""

import gzip
from html import escape
from urllib.parse import quote

from bestseller.demo.lines import LINES
from bestseller.demo.markup import head_markup, image_paths, microdata
from bestseller.demo.world import BRAND, CURRENCY, Product, first_day

PER_PAGE = 60
FORBIDDEN_PATH = "/private/"
SITEMAPS = {"Classic": "/sitemaps/classic.xml.gz", "Professional": "/sitemaps/professional.xml"}
PIXEL = "data:image/gif;base64,R0lGODlhAQABAAAAACH5BAEKAAEALAAAAAABAAEAAAICTAEAOw=="
STYLE = """
body{font:16px/1.5 system-ui,sans-serif;margin:0 auto;max-width:72rem;padding:1rem;color:#222}
a{color:inherit}nav{color:#666;font-size:.9rem}.grid{display:grid;gap:1rem;
grid-template-columns:repeat(auto-fill,minmax(11rem,1fr))}.grid a{text-decoration:none;
font-size:.85rem}img{max-width:100%;height:auto}h1{font-weight:500;font-size:1.4rem}"""


def product_path(product: Product) -> str:
    """Return the path of a product's page."""
    return f"{FORBIDDEN_PATH if product.role == 'forbidden' else '/products/'}{product.slug}"


def line_path(line: str) -> str:
    """Return the path of a line's first page."""
    return f"/lines/{line.lower().replace(' ', '-')}"


def product_page(product: Product, related: list[Product]) -> bytes:
    """Return a product's page; `related` are shown small below it."""
    crumbs = (
        f'<nav><a href="/">Home</a> / {product.category} / '
        f'<a href="{line_path(product.line)}">{product.line}</a></nav>'
    )
    news = ""
    if product.changed:
        news = f"<p>New price since {first_day(product.changed):%d %B %Y}.</p>"
    if product.role == "discontinued":
        news += "<p>No longer available.</p>"
    if product.role == "microdata":
        main = microdata(product)
    else:
        main = (
            f"<h1>{escape(product.name)}</h1>{_photos(product)}"
            f"<p>{CURRENCY} {product.price:,}</p><p>Reference {product.sku}</p>{_sizes(product)}"
        )
    facts = "".join(
        f"<tr><th>{name.replace('_', ' ')}</th><td>{escape(str(value))}</td></tr>"
        for name, value in vars(product.watch).items()
    )
    others = "".join(_card(other) for other in related)
    body = (
        f"{crumbs}<main>{main}{news}<table>{facts}</table></main>"
        f'<aside class="related"><h2>You may also like</h2><div class="grid">{others}</div></aside>'
    )
    canonical = f'<link rel="canonical" href="{product_path(product)}">\n'
    return _page(product.name, body, canonical + head_markup(product))


def home_page(products: list[Product], hidden: list[Product]) -> bytes:
    """Return the front page; `hidden` are linked although robots.txt forbids them."""
    parts = []
    for category in SITEMAPS:
        members = [line for line in LINES if line.category == category]
        items = "".join(
            f'<li><a href="{line_path(line.name)}">{line.name}</a> '
            f"({sum(p.line == line.name for p in products)})</li>"
            for line in members
        )
        parts.append(f"<h2>{category}</h2><ul>{items}</ul>")
    staff = "".join(f'<a href="{product_path(p)}" rel="nofollow">Staff preview</a>' for p in hidden)
    return _page("Watches", f"<h1>{escape(BRAND)}</h1>{''.join(parts)}{staff}")


def line_page(line: str, products: list[Product], number: int) -> bytes:
    """Return page `number` (from 1) of a line's products."""
    shown = products[(number - 1) * PER_PAGE : number * PER_PAGE]
    pages = range(1, -(-len(products) // PER_PAGE) + 1)
    links = " ".join(f'<a href="{line_path(line)}?page={page}">{page}</a>' for page in pages)
    cards = "".join(_card(product) for product in shown)
    nav = '<nav><a href="/">Home</a></nav>'
    return _page(line, f'{nav}<h1>{line}</h1><div class="grid">{cards}</div><p>{links}</p>')


def robots_txt(origin: str) -> bytes:
    """Return robots.txt."""
    text = f"User-agent: *\nDisallow: {FORBIDDEN_PATH}\n\nSitemap: {origin}/sitemap.xml\n"
    return text.encode()


def sitemap_index(origin: str) -> bytes:
    """Return the index of the two sitemaps."""
    items = "".join(f"<sitemap><loc>{origin}{path}</loc></sitemap>" for path in SITEMAPS.values())
    return _xml(f"<sitemapindex {_SITEMAP}>{items}</sitemapindex>")


def sitemap(category: str, products: list[Product], origin: str) -> bytes:
    """Return a category's sitemap, compressed where its path says so."""
    lines = [line.name for line in LINES if line.category == category]
    items = [f"<url><loc>{origin}{line_path(line)}</loc></url>" for line in lines]
    for product in products:
        if product.category != category:
            continue
        since = (
            max(product.launch, first_day(product.changed)) if product.changed else product.launch
        )
        urls = [origin + quote(product_path(product))]
        if product.role == "tracking_url":
            urls.append(f"{urls[0]}?utm_source=newsletter&amp;utm_medium=email")
        items += [f"<url><loc>{url}</loc><lastmod>{since}</lastmod></url>" for url in urls]
    body = _xml(f"<urlset {_SITEMAP}>{''.join(items)}</urlset>")
    return gzip.compress(body, mtime=0) if SITEMAPS[category].endswith(".gz") else body


_SITEMAP = 'xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"'


def _xml(text: str) -> bytes:
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{text}\n'.encode()


def _page(title: str, body: str, head: str = "") -> bytes:
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">\n'
        f"<title>{escape(title)} - {escape(BRAND)}</title>\n{head}<style>{STYLE}</style></head>\n"
        f"<body>{body}</body></html>\n"
    ).encode()


def _photos(product: Product) -> str:
    paths, alt = image_paths(product), escape(product.name)
    if product.role == "lazy_image":
        return "".join(
            f'<img class="lazy" src="{PIXEL}" data-src="{path}" alt="{alt}">'
            f'<noscript><img src="{path}" alt="{alt}"></noscript>'
            for path in paths
        )
    prefix = ".." if product.role == "relative_image" else ""
    return "".join(f'<img src="{prefix}{path}" alt="{alt}">' for path in paths)


def _sizes(product: Product) -> str:
    options = "".join(f"<option>{sku.rpartition('-')[2]}</option>" for sku in product.variants)
    return f'<p><select name="size">{options}</select></p>' if options else ""


def _card(product: Product) -> str:
    return (
        f'<a href="{product_path(product)}"><img loading="lazy" alt="" '
        f'src="{image_paths(product)[0]}"><br>{escape(product.name)}</a>'
    )
