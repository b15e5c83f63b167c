"""Where products come from: the section catalogue."""

from typing import Annotated, Literal

from pydantic import Field

from bestseller.params.section import Count, NonNegative, Positive, Section, Share


class Site(Section):
    url: str
    product_path: str
    listings: list[str]
    max_listing_pages: Count


class Shopify(Section):
    url: str
    currency: Annotated[str, Field(pattern=r"^([A-Z]{3})?$")]
    line: Annotated[str, Field(pattern=r"^(product_type|vendor|tag:.+)$")]


class Folder(Section):
    path: str
    table: str


class Crawl(Section):
    delay_s: Annotated[float, Field(ge=0)]
    concurrency: Count
    timeout_s: Positive
    max_body_mb: Positive
    min_found_share: Share


class Demo(Section):
    scale: Annotated[float, Field(gt=0, le=1)]
    seed: NonNegative
    season: Count
    image_size: Annotated[int, Field(ge=128, le=1024)]


class Catalogue(Section):
    source: Literal["demo", "site", "shopify", "folder"]
    user_agent: Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9._-]*$")]
    contact: str
    permission: bool
    site: Site
    shopify: Shopify
    folder: Folder
    crawl: Crawl
    demo: Demo
