"""Values of params.yaml that the stages understand and DVC does not."""

import datetime as dt
from collections.abc import Iterator, Mapping
from typing import Any

from bestseller.params import read_yaml


def bare_values(path: str) -> list[str]:
    """Return a line for each day or time that stands without quotes, with the mend.

    YAML reads such a one as a date, as which the stages take it; DVC refuses the whole file.
    """
    return [
        f'{path}: {key}: {value} stands without quotes, and DVC takes no bare date: write "{value}"'
        for key, value in _values(read_yaml(path))
        if isinstance(value, dt.date)
    ]


def _values(section: Any, key: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(section, Mapping):
        for name, value in section.items():
            yield from _values(value, f"{key}.{name}".lstrip("."))
    elif isinstance(section, list):
        for place, value in enumerate(section):
            yield from _values(value, f"{key}.{place}")
    else:
        yield key, section
