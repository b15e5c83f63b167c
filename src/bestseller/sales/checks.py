"""The schema of a row that counts; every failure of a row is reported, not only the first."""

from collections.abc import Callable

import pandas as pd
import pandera.pandas as pa

from bestseller.params import Sales

KINDS = ("sale", "return")


def row_schema(settings: Sales) -> pa.DataFrameSchema:
    """Return the schema of a countable row; the error of each check is the reason for quarantine.

    Args:
        settings: whose declared formats the reasons name.
    """
    date = "is no ISO date (YYYY-MM-DD)"
    if settings.date_format != "%Y-%m-%d":
        date = f"is not as sales.date_format {settings.date_format} says"
    return pa.DataFrameSchema(
        {
            "sku": _column(lambda sku: sku != "", "sku is empty"),
            "date": _column(pd.Series.notna, f"date {date}"),
            "units": _column(pd.Series.notna, "units is no whole number"),
            "returned": _column(
                lambda units: units.between(0, float("inf")), "returned is no whole number"
            ),
            "left": _column(lambda units: ~(units < 0), "more units returned than sold"),
            "kind": _column(lambda kind: kind.isin(KINDS), "kind is neither sale nor return"),
            "sold": _column(lambda units: ~(units < 0), "a sale of negative units"),
            "price": _column(lambda price: ~(price < 0), "price is no number of at least 0"),
            "money": _column(
                lambda other: ~other, "the mark beside the price is not certainly its currency's"
            ),
            "currency": _column(
                lambda code: code.str.fullmatch("([A-Z]{3})?"), "currency is no ISO 4217 code"
            ),
            "as_of": _column(
                lambda known: known, f"as_of is not as sales.as_of_format {settings.as_of_format}"
            ),
        }
    )


def _column(passes: Callable[[pd.Series], pd.Series], reason: str) -> pa.Column:
    check = pa.Check(lambda column: passes(column).astype(bool), error=reason, ignore_na=False)
    return pa.Column(None, check, nullable=True)


def failures(rows: pd.DataFrame, settings: Sales) -> pd.Series:
    """Return all reasons why a row cannot be counted, joined by "; ", empty where it can.

    Args:
        rows: the table of `values.Rows`.
        settings: the sales section of params.yaml.
    """
    judged = rows[["sku", "date", "units", "returned", "kind", "currency"]].assign(
        left=(rows["units"] - rows["returned"]).where(rows["kind"] == "sale", 0),
        sold=rows["units"].where(rows["kind"] == "sale", 0),
        price=rows["price"].where(rows["price"].notna() | ~rows["has_price"], -1),
        money=rows["other_money"],
        as_of=rows["as_of"].notna() | ~rows["has_as_of"],
    )
    reasons = pd.Series("", index=rows.index, dtype=object)
    try:
        row_schema(settings).validate(judged, lazy=True)
    except pa.errors.SchemaErrors as error:
        cases = error.failure_cases
        joined = cases.groupby(cases["index"].astype("int64"), sort=False)["check"].agg("; ".join)
        reasons[joined.index] = joined
    return reasons
