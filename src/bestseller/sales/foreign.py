"""What a file is where it is no table that this package reads, and what to do about it."""

import codecs
import io
import zipfile

from bestseller.base.errors import BestsellerError

ZIP, OLE = b"PK\x03\x04", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
# Marks at a file's beginning that tell its encoding (Unicode 16, section 23.8); UTF-32's is longer
# and begins with UTF-16's.
MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
SIGNATURES = (
    (OLE, "an old Excel workbook (.xls) or one with a password: save it as .xlsx or CSV without"),
    (b"%PDF", "a PDF: export the table as CSV or .xlsx"),
    (b"\x1f\x8b", "packed with gzip: unpack it"),
    (b"BZh", "packed with bzip2: unpack it"),
    (b"7z\xbc\xaf", "packed with 7-Zip: unpack it"),
    (b"PAR1", "a Parquet file: export the table as CSV"),
    (b"SQLite format 3", "a SQLite database: export the table as CSV, or see `dvc import-db`"),
)
PAGES = (b"<!doctype", b"<html", b"<table", b"<meta", b"<head", b"<?xml", b"<!--")
INSIDE = (
    ("xl/workbook.bin", "a binary workbook (.xlsb): save it as .xlsx or CSV"),
    ("mimetype", "an OpenDocument file (.ods): save it as .xlsx or CSV"),
)


def is_workbook(data: bytes, name: str) -> bool:
    """Tell whether a file is an Excel workbook (.xlsx, .xlsm), told by its content.

    Raises:
        BestsellerError: it is neither that nor text, with the mend in one line.
    """
    for signature, kind in SIGNATURES:
        if data.startswith(signature):
            raise BestsellerError(f"{name}: is {kind}")
    if data[:512].lstrip(b"\xef\xbb\xbf \t\r\n").lower().startswith(PAGES):
        raise BestsellerError(
            f"{name}: is an HTML or XML page, whatever its name says: open it in a spreadsheet and "
            "save it as .xlsx or CSV"
        )
    if not data.startswith(ZIP):
        return False
    try:
        inside = zipfile.ZipFile(io.BytesIO(data)).namelist()
    except zipfile.BadZipFile as error:
        raise BestsellerError(f"{name}: is a damaged workbook or archive ({error})") from error
    for entry, kind in INSIDE:
        if entry in inside:
            raise BestsellerError(f"{name}: is {kind}")
    if "xl/workbook.xml" not in inside:
        raise BestsellerError(f"{name}: is a ZIP archive, no workbook: unpack it")
    return True


def is_wide(head: bytes) -> bool:
    """Tell whether a text's first bytes are of UTF-16: zeros at odd places alone, or at even."""
    fewer, more = sorted((head[::2].count(0), head[1::2].count(0)))
    return fewer == 0 and more > 0.2 * len(head)


def encoding_of(data: bytes, declared: str, name: str) -> str:
    """Return the codec of a text: its own byte-order mark's, else the declared one.

    Raises:
        BestsellerError: zero bytes say that it is UTF-16 without a mark, and another is declared.
    """
    for mark, encoding in MARKS:
        if data.startswith(mark):
            return encoding
    wide, codec = is_wide(data[:256]), declared.lower().replace("_", "-")
    which = "utf-16-le" if data[1:2] == b"\0" else "utf-16-be"
    if wide and codec in ("utf-16", "utf16"):
        return which  # Python would take this machine's order of bytes
    if wide and not codec.startswith(("utf-16", "utf16", "utf-32", "utf32")):
        raise BestsellerError(
            f"{name}: no {declared.upper()}: every other byte is zero; set sales.encoding: {which}"
        )
    return declared
