"""The package index of pip's configuration: versions, hashes and metadata of packages.

Source: https://packaging.python.org/en/latest/specifications/simple-repository-api/. No package is
downloaded whole.
"""

import hashlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from email.parser import Parser
from html.parser import HTMLParser
from io import BytesIO
from typing import Any
from urllib.error import HTTPError
from urllib.parse import unquote
from urllib.request import Request, urlopen
from zipfile import ZipFile

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import parse_sdist_filename, parse_wheel_filename
from packaging.version import Version

PYTHONS = ("3.11", "3.12", "3.13")
TAIL = 1 << 20  # bytes of a wheel's end: the list of its files, and its metadata


class LockError(Exception):
    """A lock cannot be written; the message says why, in one line."""


def usable(filename: str, version: str) -> bool:
    """Return whether a file of the index is of this version and for a supported environment."""
    try:
        if not filename.endswith(".whl"):
            return parse_sdist_filename(filename)[1] == Version(version)
        _, made, _, tags = parse_wheel_filename(filename)
    except ValueError:  # an egg, an installer, a name of former days
        return False
    pythons = {f"cp{python.replace('.', '')}" for python in PYTHONS}
    return made == Version(version) and any(
        (tag.platform == "any" or tag.platform.startswith(("manylinux", "musllinux", "macosx")))
        and tag.abi in {"none", "abi3", *pythons}
        and (tag.abi == "abi3" or tag.interpreter in {"py3", *pythons})
        for tag in tags
    )


class Index:
    """The package index of pip's configuration, through its JSON interface (PEP 691, 658)."""

    def __init__(self, address: str) -> None:
        self.address = address.rstrip("/")
        self._files: dict[str, list[dict[str, Any]]] = {}

    def files(self, name: str) -> list[dict[str, Any]]:
        """Return the records of all files of a package."""
        if name not in self._files:
            accept = {"Accept": "application/vnd.pypi.simple.v1+json"}
            with urlopen(Request(f"{self.address}/{name}/", headers=accept), timeout=60) as page:
                self._files[name] = json.load(page)["files"]
        return self._files[name]

    def hashes(self, name: str, version: str) -> list[str]:
        """Return the SHA-256 of the usable files of a version, sorted."""
        found = {
            file["hashes"]["sha256"]
            for file in self.files(name)
            if usable(file["filename"], version)
        }
        if not found:
            raise LockError(f"{name} {version}: the package index has no file of it")
        return sorted(found)

    def newest(self, name: str, wanted: SpecifierSet) -> str:
        """Return the newest release of a package that fits and is not withdrawn."""
        made = {
            parse_wheel_filename(file["filename"])[1]
            for file in self.files(name)
            if file["filename"].endswith(".whl") and not file.get("yanked")
        }
        fitting = [version for version in wanted.filter(made) if not version.is_prerelease]
        if not fitting:
            raise LockError(f"{name}: the package index has no wheel of {wanted}")
        return str(max(fitting))

    def needs(self, name: str, version: str) -> list[Requirement]:
        """Return what a version needs, as its first usable wheel for Linux tells."""
        for file in self.files(name):
            wheel = file["filename"]
            if wheel.endswith(("x86_64.whl", "any.whl")) and usable(wheel, version):
                told = Parser().parsestr(metadata(file).decode())
                return [Requirement(need) for need in told.get_all("Requires-Dist") or []]
        raise LockError(f"{name} {version}: the package index has no wheel of it for Linux")


def metadata(file: Mapping[str, Any]) -> bytes:
    """Return the metadata of a wheel: the index's copy (PEP 658), or else from the wheel's end."""
    try:
        with urlopen(f"{file['url']}.metadata", timeout=60) as page:
            text: bytes = page.read()
    except HTTPError:
        part = {"Range": f"bytes=-{min(TAIL, file['size'])}"}
        with urlopen(Request(file["url"], headers=part), timeout=60) as page:
            tail = page.read(TAIL)
        wheel = ZipFile(BytesIO(tail.rjust(file["size"], b"\0")))
        (name,) = [n for n in wheel.namelist() if n.endswith(".dist-info/METADATA")]
        return wheel.read(name)
    told = file.get("core-metadata")
    if isinstance(told, dict) and hashlib.sha256(text).hexdigest() != told["sha256"]:
        raise LockError(f"{file['filename']}: its metadata are not what the index says")
    return text


def configured() -> str:
    """Return the address of the package index that pip uses, as pip itself tells it."""
    told = subprocess.run(
        [sys.executable, "-m", "pip", "install", "--help"],
        env=os.environ | {"COLUMNS": "1000"},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    found = re.search(r"--index-url <url>.*?\(default:? (\S+?)\)", told, flags=re.DOTALL)
    if not found:
        raise LockError("pip install --help: it does not tell the package index")
    return found[1]


class Links(HTMLParser):
    """The files of an index's page for one package, and their SHA-256 (PEP 503)."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.hashes: dict[str, str] = {}
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        address, _, digest = (dict(attrs).get("href") or "").partition("#sha256=")
        if tag == "a" and digest:
            self.hashes[unquote(address.rpartition("/")[2])] = digest
