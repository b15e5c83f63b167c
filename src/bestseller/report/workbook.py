"""The line review as a spreadsheet: pictures, prices, neighbours, and room for what people say."""

import io
import zipfile
from pathlib import Path
from typing import Any

from openpyxl import Workbook
from openpyxl.drawing.image import Image as Drawing
from openpyxl.styles import Alignment, Font
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.datavalidation import DataValidation
from PIL import Image

from bestseller.base.files import atomic_path
from bestseller.designs.design import NEAREST
from bestseller.designs.export import defused
from bestseller.designs.verdicts import KEEP, REJECT, SAID
from bestseller.report.order import in_order
from bestseller.report.prices import Bands, likely_price
from bestseller.report.results import Results

THUMBNAIL = 96  # pixels
ROW_HEIGHT = 75  # points, that the picture fits
EPOCH = (1980, 1, 1, 0, 0, 0)  # of every part of the file: equal inputs give equal bytes
WIDTHS = {"picture": 14, "design": 20, "note": 40, "looks": 36} | {"file": 18}
CHOICES = {"verdict": (KEEP, REJECT), "picked": ("yes", "no")}
HEAD = ["picture", "design", "line", "price_band", "likely_price", "currency"]
HEAD += ["sells_at_least", "sells_expected", "newness", "looks"]
HEAD += [f"best_seller_{i}" for i in range(1, NEAREST + 1)] + [*SAID, "file"]


def write_workbook(path: Path, results: Results) -> None:
    """Write a row per design; verdict, note and the other columns of `SAID` are to be filled in.

    They hold what was said of the same design before, after an earlier run.
    Read back by `designs.verdicts.parse`. Text that a spreadsheet would compute is defused.
    """
    book = Workbook()
    sheet: Any = book.active
    sheet.title = "Line review"
    sheet.append(HEAD)
    bands = Bands.of(results.prices, results.params.report.price_bands)
    table = results.feedback
    told = {row["file"]: row for row in table.to_dict("records")} if len(table) else {}
    for row, design in enumerate(in_order(results), start=2):
        values = _row(design.record, bands)
        before = told.get(values["file"], {})
        values |= {name: before.get(name, "") for name in SAID}
        sheet.append([defused(values[name]) for name in HEAD])
        sheet.row_dimensions[row].height = ROW_HEIGHT
        picture = Image.fromarray(design.image)
        shown = picture.resize((THUMBNAIL, THUMBNAIL), Image.Resampling.BICUBIC)
        buffer = io.BytesIO()
        shown.save(buffer, "PNG")
        sheet.add_image(Drawing(buffer), f"A{row}")
    _dress(sheet)
    written = io.BytesIO()
    book.save(written)
    with atomic_path(path) as temporary:
        _settled(written, temporary)


def _row(record: dict[str, Any], bands: Bands) -> dict[str, Any]:
    price = likely_price(record["best_sellers"])
    sellers = {
        f"best_seller_{i}": f"{s['name']} ({s['sku']}; {s['units']:,} sold{_priced(s, bands)})"
        for i, s in enumerate(record["best_sellers"], start=1)
    }
    return dict.fromkeys(HEAD, "") | {
        "design": f"{record['line']} {record['rank']}",
        "line": record["line"],
        "price_band": bands.band(price),
        "likely_price": price,
        "currency": bands.currency if price is not None else "",
        "sells_at_least": round(record["score_low"], 2),
        "sells_expected": round(record["score"], 2),
        "newness": round(record["training"]["percentile"]),
        "looks": ", ".join(part["word"] for part in record["departs"]["line"]),
        "file": f"{record['id']}.png",
        **sellers,
    }


def _priced(seller: dict[str, Any], bands: Bands) -> str:
    return f"; {bands.written(seller['price'])}" if "price" in seller else ""


def _dress(sheet: Any) -> None:
    last = max(sheet.max_row, 2)
    for column, name in enumerate(HEAD, start=1):
        letter = get_column_letter(column)
        sheet.column_dimensions[letter].width = WIDTHS.get(name, 26 if "seller" in name else 15)
        sheet[f"{letter}1"].font = Font(bold=True)
        if name in CHOICES:
            allowed = DataValidation(
                type="list", formula1=f'"{",".join(CHOICES[name])}"', allow_blank=True
            )
            sheet.add_data_validation(allowed)
            allowed.add(f"{letter}2:{letter}{last}")
    for row in sheet.iter_rows(min_row=2):
        for cell in row:
            cell.alignment = Alignment(wrap_text=True, vertical="center")
    sheet.freeze_panes = "C2"
    sheet.auto_filter.ref = sheet.dimensions


def _settled(written: io.BytesIO, path: Path) -> None:
    """Copy a workbook without the times of its making."""
    with zipfile.ZipFile(written) as source, zipfile.ZipFile(path, "w") as target:
        for name in source.namelist():
            data = source.read(name)
            if name == "docProps/core.xml":
                data = b"".join(_without_times(data))
            info = zipfile.ZipInfo(name, EPOCH)
            info.compress_type = zipfile.ZIP_DEFLATED
            target.writestr(info, data)


def _without_times(core: bytes) -> list[bytes]:
    """Return the properties of the document in parts, without when it was made and changed."""
    parts, rest = [], core
    for name in (b"created", b"modified"):
        before, opened, after = rest.partition(b"<dcterms:" + name)
        _, closed, rest = after.partition(b"</dcterms:" + name + b">")
        parts.append(before if opened and closed else before + opened + after)
    return [*parts, rest]
