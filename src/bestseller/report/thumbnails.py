"""Photos of real products, each in a page once."""

from bestseller.report.pictures import encode_array
from bestseller.report.results import Results


class Thumbnails:
    """Photos of real products, each in the page once: a CSS class with a background."""

    def __init__(self, results: Results) -> None:
        shown = results.images.of_main_view()
        self.images = shown.images
        self.rows: dict[str, int] = {}
        for row, sku in enumerate(shown.index["sku"]):
            self.rows.setdefault(sku, row)
        self.used: dict[int, str] = {}

    def css_class(self, sku: str) -> str:
        """Return the class of a product's photo, or ``none`` where the set holds no photo."""
        row = self.rows.get(sku)
        return "none" if row is None else self.used.setdefault(row, f"t{len(self.used)}")

    def rules(self) -> str:
        """Return the style of every photo asked for so far."""
        return "".join(
            f".{name}{{background-image:url({encode_array(self.images[row])})}}\n"
            for row, name in self.used.items()
        )
