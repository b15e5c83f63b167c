"""Marks of currencies beside a price: signs and ISO 4217 codes."""

import re

# Signs and the currencies that are written with them (CLDR's narrow and local symbols).
DOLLARS = "USD CAD AUD NZD SGD HKD TWD MXN ARS CLP COP"
SIGNS = {
    "US$": "USD",
    "US $": "USD",
    "CA$": "CAD",
    "C$": "CAD",
    "AU$": "AUD",
    "A$": "AUD",
    "NZ$": "NZD",
    "HK$": "HKD",
    "NT$": "TWD",
    "MX$": "MXN",
    "S$": "SGD",
    "R$": "BRL",
    "$": DOLLARS,
    "€": "EUR",
    "£": "GBP",
    "¥": "JPY CNY",
    "円": "JPY",
    "元": "CNY",
    "₩": "KRW",
    "₹": "INR",
    "₺": "TRY",
    "₽": "RUB",
    "₴": "UAH",
    "zł": "PLN",
    "Kč": "CZK",
    "Ft": "HUF",
    "Fr.": "CHF",
    "kr.": "SEK NOK DKK ISK",
    "kr": "SEK NOK DKK ISK",
}
SIGN = "|".join(re.escape(sign) for sign in sorted(SIGNS, key=len, reverse=True))
MARK = re.compile(rf"(?P<code>[A-Z]{{3}})|(?P<sign>{SIGN})")
BEFORE, AFTER = re.compile(r"[-+( ]*"), re.compile(r"[-) ]*")


def without_mark(text: str) -> tuple[str, str]:
    """Return a price without the mark of a currency on either side, and what that can mean.

    Returns:
        The rest, and ISO 4217 codes with spaces between them; the text itself and no code where
        there is no mark, more than one, or one amid the number.
    """
    marks = list(MARK.finditer(text))
    if len(marks) != 1:
        return text, ""
    (mark,) = marks
    before, after = text[: mark.start()], text[mark.end() :]
    if not (BEFORE.fullmatch(before) or AFTER.fullmatch(after)):
        return text, ""
    codes = mark["code"] or SIGNS[mark["sign"]]
    return (before.rstrip() + after.lstrip()).strip(), codes
