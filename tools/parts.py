"""The packages of this environment: a table of their licences, or a list of parts in CycloneDX.

``python tools/parts.py`` prints the table, ``python tools/parts.py parts.cdx.json`` writes the list
(CycloneDX 1.6, https://cyclonedx.org/docs/1.6/json/). Neither asks the network. Equal environments
give equal files: there is no date and no serial number in them.
"""

import json
import re
import sys
from collections import Counter
from collections.abc import Iterable
from importlib.metadata import Distribution, distributions
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
UNKNOWN = "not told"
LONGEST = 60  # characters; what is longer is a licence's text and not its name
_PIN = re.compile(r"^([\w.-]+)==(\S+)", re.MULTILINE)
_NEEDS = re.compile(r"[\w.-]+")


def canonical(name: str) -> str:
    """Return a package's name in its one spelling (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def pinned(text: str) -> dict[str, str]:
    """Return the versions that a file of pins names, by canonical name."""
    return {canonical(name): version for name, version in _PIN.findall(text)}


def licence(part: Distribution) -> str:
    """Return a package's licence as its metadata tell it: expression, classifier or name."""
    told = part.metadata
    if expression := told.get_all("License-Expression"):
        return str(expression[0])
    classified = [
        value.rpartition(" :: ")[2]
        for value in told.get_all("Classifier") or []
        if value.startswith("License :: ") and value != "License :: OSI Approved"
    ]
    if classified:
        return ", ".join(sorted(set(classified)))
    name = " ".join(" ".join(told.get_all("License") or []).split())
    return name if 0 < len(name) <= LONGEST else UNKNOWN


def installed() -> dict[str, Distribution]:
    """Return the packages of this environment by canonical name, the first on the path of each."""
    found: dict[str, Distribution] = {}
    for part in distributions():
        if part.metadata["Name"]:
            found.setdefault(canonical(part.metadata["Name"]), part)
    return found


def table(parts: dict[str, Distribution], pins: dict[str, str]) -> list[str]:
    """Return the table's lines: package, version and what it is pinned at if not so, licence."""
    rows = []
    for name, part in sorted(parts.items()):
        # 2.13.0+cpu is the 2.13.0 of the pins, built for another machine
        strange = name in pins and part.version.partition("+")[0] != pins[name]
        note = f" (pinned: {pins[name]})" if strange else ""
        rows.append((name, f"{part.version}{note}", licence(part)))
    widths = [max(len(row[column]) for row in rows) for column in (0, 1)]
    lines = [f"{row[0]:{widths[0]}}  {row[1]:{widths[1]}}  {row[2]}" for row in rows]
    counts = Counter(row[2] for row in rows).most_common()
    return [*lines, "", *(f"{count:4}  {name}" for name, count in counts)]


def components(parts: Iterable[tuple[str, Distribution]]) -> list[dict[str, Any]]:
    """Return the components of the list of parts."""
    return [
        {
            "type": "library",
            "bom-ref": _reference(name, part),
            "name": name,
            "version": part.version,
            "purl": _reference(name, part),
            "licenses": [{"license": {"name": licence(part)}}],
        }
        for name, part in parts
    ]


def cyclonedx(parts: dict[str, Distribution]) -> dict[str, Any]:
    """Return the list of parts with what each needs."""
    ordered = sorted(parts.items())
    references = {name: _reference(name, part) for name, part in ordered}
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "component": {"type": "application", "bom-ref": "bestseller", "name": "bestseller"}
        },
        "components": components(ordered),
        "dependencies": [
            {"ref": "bestseller", "dependsOn": sorted(references.values())},
            *({"ref": references[n], "dependsOn": _needed(p, references)} for n, p in ordered),
        ],
    }


def _reference(name: str, part: Distribution) -> str:
    """Return the address of a package in the form of https://github.com/package-url/purl-spec."""
    return f"pkg:pypi/{name}@{part.version.replace('+', '%2B')}"


def _needed(part: Distribution, references: dict[str, str]) -> list[str]:
    needs = [text for text in part.requires or [] if "extra ==" not in text]
    names = {canonical(found[0]) for text in needs if (found := _NEEDS.match(text))}
    return sorted(references[name] for name in names & references.keys())


def main() -> None:
    parts = installed()
    if len(sys.argv) > 1:
        text = json.dumps(cyclonedx(parts), indent=1, ensure_ascii=False)
        Path(sys.argv[1]).write_text(f"{text}\n", encoding="utf-8")
        print(f"{sys.argv[1]}: {len(parts)} parts")
    else:
        locks = sorted((ROOT / "locks").glob("*.txt"))
        pins = {name: at for lock in locks for name, at in pinned(lock.read_text()).items()}
        print(*table(parts, pins), sep="\n")


if __name__ == "__main__":
    main()
