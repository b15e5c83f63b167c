"""What the shop's product pages tell machines: schema.org as JSON-LD or microdata, Open Graph."""

import json
from html import escape
from typing import Any

from bestseller.demo.world import BRAND, CURRENCY, Product

Node = dict[str, Any]


def image_paths(product: Product) -> list[str]:
    """Return the paths of a product's photos; the file name ends in the view that it shows."""
    return [f"/images/{product.sku}-{view}.{product.suffix}" for view in product.views]


def head_markup(product: Product) -> str:
    """Return the machine-readable part of a product page's head."""
    if product.role == "microdata":
        return ""
    if product.role == "opengraph":
        return _open_graph(product)
    if product.role == "graph":
        return _script(_graph(product))
    node = _group(product) if product.role == "variants" else _product(product)
    if product.role == "lazy_image":
        del node["image"]
    if product.role == "relative_image":
        node["image"] = [f"..{path}" for path in node["image"]]
    broken = '<script type="application/ld+json">{"@type": "WebSite", "name": "Halden</script>\n'
    return (broken if product.role == "broken_json" else "") + _script(
        {"@context": "https://schema.org", **node}
    )


def microdata(product: Product) -> str:
    """Return the marked-up part of the body of the page that has no JSON-LD."""
    images = "".join(f'<img itemprop="image" src="{path}" alt="">' for path in image_paths(product))
    return (
        '<div itemscope itemtype="https://schema.org/Product">'
        f'<h1 itemprop="name">{escape(product.name)}</h1>{images}'
        f'<meta itemprop="sku" content="{product.sku}">'
        f'<meta itemprop="category" content="{escape(_category(product))}">'
        '<span itemprop="brand" itemscope itemtype="https://schema.org/Brand">'
        f'<span itemprop="name">{escape(BRAND)}</span></span>'
        '<p itemprop="offers" itemscope itemtype="https://schema.org/Offer">'
        f'<span itemprop="price" content="{product.price}.00">{product.price:,}</span> '
        f'<span itemprop="priceCurrency">{CURRENCY}</span>'
        '<link itemprop="availability" href="https://schema.org/InStock"></p></div>'
    )


def _product(product: Product) -> Node:
    return {
        "@type": "Product",
        "sku": product.sku,
        "mpn": f"HR{product.sku}",
        "gtin13": _gtin13(product),
        "name": product.name,
        "brand": {"@type": "Brand", "name": BRAND},
        "category": _category(product),
        "image": image_paths(product),
        "offers": _offer(product),
    }


def _group(product: Product) -> Node:
    """Return the design as a ProductGroup with its sizes written out inside it."""
    return {
        **_bare_group(product),
        "hasVariant": [_variant(product, sku) for sku in product.variants],
    }


def _graph(product: Product) -> Node:
    """Return the design as a flat @graph whose nodes refer to one another by @id."""
    url = f"/products/{product.slug}"
    sizes, offers = [], []
    for sku in product.variants:
        offers.append({**_offer(product), "@id": f"{url}#offer-{sku}"})
        size = _variant(product, sku) | {"offers": {"@id": f"{url}#offer-{sku}"}}
        sizes.append({**size, "@id": f"{url}#{sku}", "isVariantOf": {"@id": f"{url}#group"}})
    group = {**_bare_group(product), "@id": f"{url}#group"}
    group["hasVariant"] = [{"@id": size["@id"]} for size in sizes]
    group["brand"] = {"@id": "/#brand"}
    brand = {"@type": "Brand", "@id": "/#brand", "name": BRAND}
    page = {"@type": "WebPage", "@id": url, "name": product.name}
    return {"@context": "https://schema.org", "@graph": [page, group, *sizes, *offers, brand]}


def _bare_group(product: Product) -> Node:
    return {
        "@type": "ProductGroup",
        "productGroupID": product.sku,
        "name": product.name,
        "brand": {"@type": "Brand", "name": BRAND},
        "category": _category(product),
        "image": image_paths(product),
        "variesBy": "https://schema.org/size",
    }


def _variant(product: Product, sku: str) -> Node:
    size = sku.rpartition("-")[2]
    return {
        "@type": "Product",
        "sku": sku,
        "name": f"{product.name}, wrist {size}",
        "size": size,
        "image": image_paths(product)[0],
        "offers": _offer(product),
    }


def _offer(product: Product) -> Node:
    stock = "Discontinued" if product.role == "discontinued" else "InStock"
    return {
        "@type": "Offer",
        "price": f"{product.price}.00",
        "priceCurrency": CURRENCY,
        "availability": f"https://schema.org/{stock}",
        "url": f"/products/{product.slug}",
    }


def _open_graph(product: Product) -> str:
    properties = {
        "og:type": "product",
        "og:title": product.name,
        "og:url": f"/products/{product.slug}",
        "og:image": image_paths(product)[0],
        "product:retailer_item_id": product.sku,
        "product:brand": BRAND,
        "product:category": _category(product),
        "product:price:amount": f"{product.price}.00",
        "product:price:currency": CURRENCY,
        "product:availability": "in stock",
    }
    return "".join(
        f'<meta property="{name}" content="{escape(value)}">\n'
        for name, value in properties.items()
    )


def _category(product: Product) -> str:
    return f"{product.category} > {product.line}"


def _gtin13(product: Product) -> str:
    """Return an EAN-13 from the range 02 that is kept for a shop's own use."""
    digits = f"02{product.sku}0000"
    odd, even = sum(map(int, digits[::2])), sum(map(int, digits[1::2]))
    return f"{digits}{-(odd + 3 * even) % 10}"


def _script(node: Node) -> str:
    text = json.dumps(node, ensure_ascii=False).replace("<", "\\u003c")
    return f'<script type="application/ld+json">{text}</script>\n'
