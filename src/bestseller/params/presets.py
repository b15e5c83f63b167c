"""Presets: settings of the section sales for ledgers of a known format, by the format's name."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

PLAIN = "plain"  # a CSV file whose columns are called sku, date, units and so on
FOLDER = Path(__file__).parent.parent / "sales" / "presets"


def preset_names() -> list[str]:
    """Return the names of all presets."""
    return sorted(path.stem for path in FOLDER.glob("*.yaml"))


def preset(name: str) -> dict[str, Any]:
    """Return the settings of one of `preset_names`. Settings that it lacks are those of `PLAIN`."""
    plain = _read(PLAIN)
    return plain if name == PLAIN else together(plain, _read(name))


def together(shape: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings of `shape`, replaced by those of `own` where `own` has a value.

    Where `own` has null or no value, the value of `shape` stays. Two maps are merged key by key;
    an empty map in `own` replaces the map of `shape`.
    """
    result = dict(shape)
    for key, value in own.items():
        inherited = shape.get(key)
        if value is None and key in shape:
            continue
        if isinstance(value, Mapping) and value and isinstance(inherited, Mapping):
            result[key] = together(inherited, value)
        else:
            result[key] = value
    return result


def _read(name: str) -> dict[str, Any]:
    return dict(YAML(typ="safe", pure=True).load(FOLDER / f"{name}.yaml"))
