"""A folder of pictures here, with or without a table."""

from collections.abc import Iterable
from pathlib import Path

from bestseller.page.assemble import CrawlResult
from bestseller.sources.base import Context
from bestseller.sources.carry import Shop
from bestseller.sources.picture_folder import Folder as Settings
from bestseller.sources.picture_folder import probe_folder, read_folder

__all__ = ["Settings", "Source"]


class Source:
    """The folder of the settings."""

    unit = "files"

    def __init__(self, settings: Settings, context: Context) -> None:
        self.settings, self.context = settings, context

    def collect(self, images: Path, known: Iterable[str]) -> CrawlResult:
        crawl = self.context.params.crawl
        return read_folder(
            self.settings, self.context.root, images, crawl.max_body_mb, crawl.min_found_share
        )

    def probe(self) -> dict[str, str]:
        return probe_folder(self.settings, self.context.root)

    def identity(self) -> Shop:
        return {"source": "folder", "path": self.settings.path}
