"""Write locks/: every package that the Makefile installs, at one version, with its files' hashes.

``python tools/lock.py [index of PyTorch's CPU wheels]`` (``make lock``) starts from the names in
requirements.txt and requirements-dev.txt, follows what each package needs on every Python and
system that the project supports, and asks the package index of pip's configuration for the SHA-256
of the files. Versions are those of this environment; what is not installed here, CUDA's packages
above all, keeps its version while that fits, and gets the newest that does otherwise. No package is
downloaded but torch's CPU build.
"""

import hashlib
import subprocess
import sys
import tempfile
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from importlib.metadata import distributions
from pathlib import Path
from urllib.request import urlopen

from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from tools.index import PYTHONS, Index, Links, LockError, configured, usable

ROOT = Path(__file__).resolve().parent.parent
LOCKS = ROOT / "locks"
SYSTEMS = (("Linux", "x86_64"), ("Linux", "aarch64"), ("Darwin", "arm64"))
BUILD = ("setuptools",)  # builds those few packages that come as source
SERVERS = ("dvc-s3", "boto3", "psycopg2-binary")  # an object store, a shared MLflow
HEADS = {
    "build": "What builds the packages that come as source: installed first.",
    "cpu": "The CPU build of torch: Linux without an NVIDIA GPU installs it before the rest.",
    "cuda": "What torch needs on Linux with an NVIDIA GPU, on top of runtime.txt.",
    "runtime": "What requirements.txt names, and what that needs.",
    "servers": "For a remote at an object store and a shared MLflow, on top of runtime.txt.",
    "ray": "For `engine: ray`: what requirements-ray.txt names, on top of runtime.txt.",
    "develop": "What requirements-dev.txt names, on top of runtime.txt, servers.txt and ray.txt.",
}

Needs = Callable[[str, SpecifierSet], list[Requirement]]


def environments() -> list[dict[str, str]]:
    """Return the values of the markers of https://peps.python.org/pep-0508/ per environment."""
    return [
        {
            **{key: str(value) for key, value in default_environment().items()},
            "python_version": python,
            "python_full_version": f"{python}.0",
            "platform_system": system,
            "sys_platform": system.lower(),
            "platform_machine": machine,
        }
        for python in PYTHONS
        for system, machine in SYSTEMS
    ]


def closure(roots: Iterable[Requirement], needs: Needs) -> dict[str, SpecifierSet]:
    """Return all packages that `roots` need in any supported environment, and in what versions.

    Args:
        roots: requirements, with their extras.
        needs: what a package needs, markers included, from its canonical name and the versions of
            it that were asked for so far: what is nearer to the roots is asked first.
    """
    everywhere = environments()
    wanted: dict[str, SpecifierSet] = {}
    seen: set[tuple[str, frozenset[str]]] = set()
    todo = deque(roots)
    for root in todo:
        _narrow(wanted, root)
    while todo:
        need = todo.popleft()
        key = (canonicalize_name(need.name), frozenset(need.extras))
        if key in seen:
            continue
        seen.add(key)
        extras = ["", *need.extras]
        for found in needs(key[0], wanted[key[0]]):
            if found.marker is None or any(
                found.marker.evaluate(e | {"extra": x}) for e in everywhere for x in extras
            ):
                _narrow(wanted, found)
                todo.append(found)
    return wanted


def _narrow(wanted: dict[str, SpecifierSet], need: Requirement) -> None:
    name = canonicalize_name(need.name)
    wanted[name] = wanted.get(name, SpecifierSet()) & need.specifier


class Parts:
    """Versions and needs of packages: those installed here, and others as the index has them.

    Args:
        index: the package index.
        kept: versions that the locks hold, for packages that are not installed here.
    """

    def __init__(self, index: Index, kept: Mapping[str, str]) -> None:
        self.index = index
        self.kept = kept
        self.versions: dict[str, str] = {}
        self._needs: dict[str, list[Requirement]] = {}
        for part in distributions():
            name = canonicalize_name(part.metadata["Name"])
            self.versions.setdefault(name, part.version.partition("+")[0])
            self._needs.setdefault(name, [Requirement(need) for need in part.requires or []])

    def needs(self, name: str, wanted: SpecifierSet) -> list[Requirement]:
        """Return what a package needs; choose a version of one that is not here."""
        if name not in self._needs:
            kept = name in self.kept and wanted.contains(self.kept[name])
            self.versions[name] = self.kept[name] if kept else self.index.newest(name, wanted)
            self._needs[name] = self.index.needs(name, self.versions[name])
        return self._needs[name]

    def cuda(self, name: str, wanted: SpecifierSet) -> list[Requirement]:
        """Return the same, but for torch what the index's build needs."""
        if name == "torch":
            return self.index.needs(name, self.versions[name])
        return self.needs(name, wanted)

    def closure(self, roots: Iterable[Requirement], needs: Needs) -> set[str]:
        """Return the names of all that `roots` need; every version fits all that ask for it."""
        for name, wanted in (found := closure(roots, needs)).items():
            if not wanted.contains(self.versions[name], prereleases=True):
                raise LockError(f"{name} {self.versions[name]}: {wanted} is asked for")
        return set(found)


def cpu_hashes(version: str, index: str | None, known: Mapping[str, list[str]]) -> list[str]:
    """Return the SHA-256 of torch's CPU wheels: all of `index`, or the known ones and pip's.

    Args:
        version: `2.13.0+cpu`.
        index: the address of PyTorch's CPU wheels; None: the wheel that pip finds for this Python.
        known: the hashes that the lock holds by version.
    """
    if index:
        with urlopen(f"{index.rstrip('/')}/torch/", timeout=60) as page:
            links = Links(page.read().decode()).hashes
        return sorted({digest for name, digest in links.items() if usable(name, version)})
    found = set(known.get(version, []))
    with tempfile.TemporaryDirectory() as folder:
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", folder]
        subprocess.run([*pip, f"torch=={version}"], check=False, capture_output=True)
        found |= {hashlib.sha256(f.read_bytes()).hexdigest() for f in Path(folder).iterdir()}
    if not found:
        raise LockError(f"torch {version}: not found; make lock TORCH_INDEX=<PyTorch's CPU wheels>")
    return sorted(found)


def locked(text: str) -> dict[str, tuple[str, list[str]]]:
    """Return the version and the hashes of each package of a lock."""
    found: dict[str, tuple[str, list[str]]] = {}
    for line in text.replace("\\\n", " ").splitlines():
        if line and not line.startswith("#"):
            pin, *hashes = line.split()
            name, _, version = pin.partition("==")
            found[name] = (version, [digest.removeprefix("--hash=sha256:") for digest in hashes])
    return found


def written(head: str, pins: Mapping[str, tuple[str, list[str]]]) -> str:
    """Return the text of a lock, in pip's form."""
    lines = [f"# {head} Written by `make lock`."]
    for name, (version, hashes) in sorted(pins.items()):
        lines.append(
            " \\\n    ".join([f"{name}=={version}", *(f"--hash=sha256:{h}" for h in hashes)])
        )
    return "\n".join(lines) + "\n"


def roots(file: str) -> list[Requirement]:
    """Return the requirements that a file names."""
    lines = [line.strip() for line in (ROOT / file).read_text(encoding="utf-8").splitlines()]
    return [Requirement(line) for line in lines if line and not line.startswith("#")]


def main() -> None:
    files = {lock: LOCKS / f"{lock}.txt" for lock in HEADS}
    old = {lock: locked(file.read_text()) for lock, file in files.items() if file.exists()}
    kept = {name: version for name, (version, _) in old.get("cuda", {}).items()}
    parts = Parts(Index(configured()), kept)
    runtime = parts.closure(roots("requirements.txt"), parts.needs)
    servers = parts.closure(map(Requirement, SERVERS), parts.needs) - runtime
    ray = parts.closure(roots("requirements-ray.txt"), parts.needs) - runtime - servers
    develop = parts.closure(roots("requirements-dev.txt"), parts.needs)
    names = {
        "build": set(BUILD),
        "cuda": parts.closure([Requirement("torch")], parts.cuda) - runtime,
        "runtime": runtime - set(BUILD),
        "servers": servers,
        "ray": ray,
        "develop": develop - runtime - servers - ray,
    }
    new = {}
    for lock, members in names.items():
        versions = {name: parts.versions[name] for name in members}
        new[lock] = {name: (at, parts.index.hashes(name, at)) for name, at in versions.items()}
    torch = f"{parts.versions['torch']}+cpu"
    known = dict(old.get("cpu", {}).values())
    new["cpu"] = {"torch": (torch, cpu_hashes(torch, next(iter(sys.argv[1:]), None), known))}
    LOCKS.mkdir(exist_ok=True)
    for lock, pins in new.items():
        files[lock].write_text(written(HEADS[lock], pins), encoding="utf-8")
        print(f"locks/{lock}.txt: {len(pins)} packages")


if __name__ == "__main__":
    try:
        main()
    except (LockError, OSError) as error:
        sys.exit(f"locks/: nothing was written: {error}")
