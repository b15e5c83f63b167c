"""Ready shapes of ledgers: settings of the section sales by the name of a public format."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

PLAIN = "plain"  # sku, date, units and so on under these names, as CSV
FOLDER = Path(__file__).parent.parent / "sales" / "presets"


def preset_names() -> list[str]:
    """Return the names of all presets."""
    return sorted(path.stem for path in FOLDER.glob("*.yaml"))


def preset(name: str) -> dict[str, Any]:
    """Return the settings of one of `preset_names`; what it does not say is as `PLAIN` says."""
    plain = _read(PLAIN)
    return plain if name == PLAIN else together(plain, _read(name))


def together(shape: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """Return `own` settings over those of a shape.

    An own null, or no value, leaves the shape's; maps are taken together key by key, and an empty
    own map is none at all.
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
