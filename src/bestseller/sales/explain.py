"""What a file looks like to the cleaner, told before anything runs."""

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
from ruamel.yaml import YAML

from bestseller.base.errors import BestsellerError
from bestseller.params import Sales, preset_names, together
from bestseller.sales.checks import failures
from bestseller.sales.columns import our_columns
from bestseller.sales.foreign import is_workbook
from bestseller.sales.guess import Guess, guess_encoding, guess_rows, guess_text
from bestseller.sales.header import AUTO
from bestseller.sales.orders import filled_down, not_counted
from bestseller.sales.periods import detect_period
from bestseller.sales.read import RawTable, read_table
from bestseller.sales.values import read_values
from bestseller.sales.workbook import filled_sheets, sheet_names, sheet_records

SHOWN, FIRST = 5, 2000  # rows shown, and rows tried


def explain(path: Path, settings: Sales) -> Iterator[str]:
    """Yield lines that say what a file looks like, which settings that means, and what they read.

    Args:
        path: of the file.
        settings: section sales as it stands; its limits and window are kept.

    Raises:
        BestsellerError: the file is missing, or is neither text nor a workbook.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise BestsellerError(f"{path}: {error.strerror}") from error
    workbook = is_workbook(data, str(path))
    if workbook:
        guess = _of_workbook(data, settings, str(path))
        yield f"file: an Excel workbook, sheets {', '.join(sheet_names(data, str(path)))}"
    else:
        encoding = guess_encoding(data)
        guess = guess_text(data.decode(encoding, errors="replace").removeprefix("\ufeff"))
        declared = {"utf-8-sig": "utf-8"}.get(encoding, encoding)
        guess.settings = {"encoding": declared} | guess.settings
        yield f"file: text, {len(data):,} bytes, encoding {encoding}"
        yield f"delimiter: {guess.settings['delimiter']!r}, quoting: {guess.settings['quoting']}"
    yield f"header: {'row' if workbook else 'line'} {guess.header}"
    yield f"columns: {', '.join(guess.columns)}"
    known = ", ".join(guess.presets) or f"none of {', '.join(preset_names())}"
    yield f"presets that have these columns: {known}"
    proposed = _over_the_preset(guess)
    yield "proposed, under sales in params.yaml:"
    yield from (f"  {line}" for line in _as_yaml({"source": "csv", "path": str(path)} | proposed))
    yield from (f"decide: {doubt}" for doubt in guess.doubts)
    yield ""
    yield from _rows(data, _with(settings, proposed), str(path), "the proposed settings")
    yield ""
    yield from _rows(data, settings, str(path), "params.yaml as it stands")


def _of_workbook(data: bytes, settings: Sales, name: str) -> Guess:
    names = filled_sheets(data, name)
    sheet = settings.sheet if settings.sheet in names else names[0]
    shape = settings.model_copy(update={"sheet": sheet, "skip_lines": 0})
    guess = guess_rows([(n, cells) for n, cells, _ in sheet_records(data, shape, name)][:200])
    if guess.header > 1:
        guess.settings = {"skip_lines": guess.header - 1} | guess.settings
    if len(names) > 1:
        guess.settings = {"sheet": sheet} | guess.settings
        guess.doubts.append(f"which sheet is meant? set sales.sheet: {', '.join(names)}")
    return guess


def _over_the_preset(guess: Guess) -> dict[str, Any]:
    """Return the guessed settings less those that their preset has already."""
    name = guess.settings.get("preset", "plain")
    shape = _with(None, {"preset": name})
    return {
        key: value
        for key, value in guess.settings.items()
        if key in ("preset", "columns") or getattr(shape, key) not in (value, AUTO)
    }


def _with(settings: Sales | None, proposed: dict[str, Any]) -> Sales:
    kept: dict[str, Any] = {"source": "csv", "path": "", "level": "product", "allocation": "none"}
    kept |= {"from": "", "until": "", "as_of": "", "period": "auto"}
    kept |= {"max_unknown_share": 1.0, "max_quarantined_share": 1.0}
    if settings:
        kept |= {"level": settings.level, "allocation": settings.allocation}
    return Sales.model_validate(together(kept, proposed))


def _rows(data: bytes, settings: Sales, name: str, by: str) -> Iterator[str]:
    """Yield the first rows as the cleaner understands them under some settings."""
    try:
        table = read_table(data, settings, name)
        columns = our_columns(table, settings, name)
        rows = table.rows.head(FIRST)
        head = RawTable(rows, {line: p for line, p in table.problems.items() if line in rows.index})
        texts, unclear = filled_down(head.rows, settings, head.problems, name)
        head.problems.update(unclear)
        read = read_values(texts, columns, settings)
        left_out = read.empty | read.not_counted | not_counted(texts, settings, name)
    except BestsellerError as error:
        yield f"by {by}: {str(error).removeprefix(f'{name}: ')}"
        return
    reasons = failures(read.table, settings)
    lines = {key: n for key, n in table.lines.items() if n}
    yield f"by {by}: {len(table.rows)} rows; " + ", ".join(f"{k} {n}" for k, n in lines.items())
    first = read.table.head(SHOWN)
    for line, row in zip(first.index.tolist(), first.to_dict("records"), strict=True):
        problem = head.problems.get(line) or reasons.loc[line]
        if left_out.loc[line]:
            yield f"  line {line}: does not count"
        elif problem:
            yield f"  line {line}: quarantined: {problem}"
        else:
            day = row["date"].date().isoformat()
            money = f", {row['price']:g} {row['currency']}".rstrip() if row["has_price"] else ""
            units = abs(row["units"])
            yield f"  line {line}: {row['kind']} of {units:g} {row['sku']} on {day}{money}"
    misfits = pd.Series(head.problems, dtype=object).reindex(reasons.index)
    reasons = misfits.where(misfits.notna(), reasons).mask(left_out, "")
    bad = reasons[reasons != ""]
    yield (
        f"  of the first {len(head.rows)} rows {int(left_out.sum())} do not count and {len(bad)} "
        "cannot be read"
    )
    days = read.table.loc[~left_out & (reasons == ""), "date"]
    yield f"  their dates tell sums by {detect_period(days)}"
    for reason, times in bad.value_counts().head(3).items():
        yield f"    {times} times, such as line {bad.index[bad == reason][0]}: {reason}"


def _as_yaml(settings: dict[str, Any]) -> list[str]:
    text = io.StringIO()
    yaml = YAML(pure=True)
    yaml.width = 10_000
    yaml.dump(settings, text)
    return text.getvalue().splitlines()
