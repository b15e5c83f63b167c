"""The locks: what they hold, what an index tells, and pip refusing a file that was changed."""

import http.server
import json
import os
import re
import shutil
import sys
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from conftest import REPOSITORY, shell
from loopback import Answer, Shop
from tools.index import Index, Links, LockError, configured, usable
from tools.lock import HEADS, Parts, closure, cpu_hashes, locked, written

LOCKS = {name: locked((REPOSITORY / f"locks/{name}.txt").read_text()) for name in HEADS}
A, B = "a" * 64, "b" * 64


def wheel(folder: Path, name: str, version: str, *needs: str, module: str = "") -> Path:
    """Write a pure wheel by hand (https://peps.python.org/pep-0427/) and return it."""
    info = f"{name}-{version}.dist-info"
    texts = {
        f"{name}.py": module,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
        + "".join(f"Requires-Dist: {need}\n" for need in needs),
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: hand\nRoot-Is-Purelib: true\n"
        "Tag: py3-none-any\n",
    }
    record = "".join(f"{file},,\n" for file in texts) + f"{info}/RECORD,,\n"
    made = folder / f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(made, "w") as archive:
        for file, text in (texts | {f"{info}/RECORD": record}).items():
            archive.writestr(file, text)
    return made


def test_every_package_stands_in_one_lock_with_hashes() -> None:
    for name, pins in LOCKS.items():
        assert pins, name
        for package, (version, hashes) in pins.items():
            assert hashes, package
            assert all(re.fullmatch("[0-9a-f]{64}", digest) for digest in hashes), package
            assert ("+" in version) == (name == "cpu"), package
    rest = [package for name, pins in LOCKS.items() if name != "cpu" for package in pins]
    assert len(set(rest)) == len(rest)
    (torch,) = LOCKS["cpu"].values()
    assert torch[0] == f"{LOCKS['runtime']['torch'][0]}+cpu"
    assert not set(torch[1]) & set(LOCKS["runtime"]["torch"][1])
    assert {"triton", "nvidia-cublas", "nvidia-cudnn-cu13", "cuda-toolkit"} <= LOCKS["cuda"].keys()
    assert not [p for p in rest if p.startswith("nvidia-") and p not in LOCKS["cuda"]]


def test_a_lock_is_read_as_it_was_written() -> None:
    pins = {"beta": ("2.0", [A, B]), "alpha": ("1.0+cpu", [B])}
    text = written("A head.", pins)
    assert text == (
        "# A head. Written by `make lock`.\n"
        f"alpha==1.0+cpu \\\n    --hash=sha256:{B}\n"
        f"beta==2.0 \\\n    --hash=sha256:{A} \\\n    --hash=sha256:{B}\n"
    )
    assert locked(text) == pins


@pytest.mark.parametrize(
    ("file", "fits"),
    [
        ("torch-2.13.0-cp311-cp311-manylinux_2_28_x86_64.whl", True),
        ("torch-2.13.0-cp313-cp313-macosx_14_0_arm64.whl", True),
        ("torch-2.13.0-py3-none-any.whl", True),
        ("torch-2.13.0-cp38-abi3-musllinux_1_2_x86_64.whl", True),
        ("torch-2.13.0.tar.gz", True),
        ("torch-2.13.0-cp310-cp310-manylinux_2_28_x86_64.whl", False),
        ("torch-2.13.0-cp313-cp313t-manylinux_2_28_x86_64.whl", False),
        ("torch-2.13.0-cp311-cp311-win_amd64.whl", False),
        ("torch-2.13.0+cpu-cp311-cp311-manylinux_2_28_x86_64.whl", False),
        ("torch-2.13.1-py3-none-any.whl", False),
        ("torch-2.13.0-py36+-none-any.whl", False),
        ("torch-2.13.0-py3.11.egg", False),
    ],
)
def test_only_files_of_supported_environments_are_locked(file: str, fits: bool) -> None:
    assert usable(file, "2.13.0") is fits


def test_needs_are_followed_on_every_supported_python_and_system() -> None:
    needs = {
        "app": ["Web[tls]>=2", 'old; python_version < "3.11"', 'new<3; python_version >= "3.13"'],
        "web": ['tls-lib==1.*; extra == "tls"', 'never; extra == "http2"', "base"],
        "tls-lib": [
            'mac; sys_platform == "darwin"',
            'win; sys_platform == "win32"',
            "app",
            "new>1",
        ],
    }
    found = closure(
        [Requirement("app")], lambda name, _: [Requirement(text) for text in needs.get(name, [])]
    )
    assert set(found) == {"app", "web", "tls-lib", "base", "mac", "new"}
    assert found["new"] == SpecifierSet("<3,>1")


@contextmanager
def index(pages: dict[str, Answer]) -> Iterator[Index]:
    with Shop(pages).serve() as address:
        for answer in pages.values():
            answer.body = answer.body.replace(b"HERE", address.encode())
        yield Index(f"{address}/simple/")


def listing(*files: Mapping[str, object]) -> Answer:
    return Answer(json.dumps({"files": files}).encode())


def end_of(file: Path) -> Answer:
    """Answer a request for the last bytes of a file (RFC 9110, 14.2)."""

    def act(handler: http.server.BaseHTTPRequestHandler) -> None:
        count = int(handler.headers["Range"].removeprefix("bytes=-"))
        body = file.read_bytes()[-count:]
        handler.send_response(206)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    return Answer(act=act)


def test_versions_hashes_and_needs_come_from_the_index(tmp_path: Path) -> None:
    bare = wheel(tmp_path, "bare", "1.5", "deep>=1", module="# " + "x" * 3_000_000)
    told = b"Metadata-Version: 2.1\nName: card\nVersion: 2.0\nRequires-Dist: bare (<2)\n"
    card = {"filename": "card-2.0-py3-none-any.whl", "url": "HERE/card.whl"}
    pages = {
        "/simple/card/": listing(card | {"hashes": {"sha256": A}, "core-metadata": {"sha256": A}}),
        "/card.whl.metadata": Answer(told),
        "/simple/bare/": listing(
            *(
                {"filename": f"bare-{version}-py3-none-any.whl", "hashes": {"sha256": digest}}
                | {"url": "HERE/bare.whl", "size": bare.stat().st_size, "yanked": version == "1.9"}
                for version, digest in (("1.5", B), ("1.9", A), ("1.6a1", A), ("2.0", A))
            )
        ),
        "/bare.whl": end_of(bare),
    }
    with index(pages) as asked:
        assert asked.newest("bare", SpecifierSet("<2")) == "1.5"
        assert asked.hashes("bare", "1.5") == [B]
        assert [str(need) for need in asked.needs("bare", "1.5")] == ["deep>=1"]
        with pytest.raises(LockError, match="no wheel of >2"):
            asked.newest("bare", SpecifierSet(">2"))
        with pytest.raises(LockError, match=r"bare 3\.0: the package index has no file"):
            asked.hashes("bare", "3.0")
        with pytest.raises(LockError, match=r"card-2\.0.*not what the index says"):
            asked.needs("card", "2.0")
    right = card | {"hashes": {}, "core-metadata": {"sha256": sha256(told).hexdigest()}}
    with index(pages | {"/simple/card/": listing(right)}) as asked:
        assert [str(need) for need in asked.needs("card", "2.0")] == ["bare<2"]


def test_what_is_not_installed_keeps_its_version_while_that_fits() -> None:
    files = [{"filename": f"far-{v}-py3-none-any.whl", "url": "HERE/f"} for v in ("1.0", "2.0")]
    pages = {"/simple/far/": listing(*files), "/f.metadata": Answer(b"Name: far\n")}
    with index(pages) as asked:
        for wanted, version in (("far", "1.0"), ("far>1", "2.0")):
            parts = Parts(asked, {"far": "1.0"})
            assert parts.closure([Requirement(wanted)], parts.needs) == {"far"}
            assert parts.versions["far"] == version
        parts = Parts(asked, {})
        assert parts.closure([Requirement("numpy")], parts.needs) == {"numpy"}
        with pytest.raises(LockError, match=r"numpy .*: ==0\.1 is asked for"):
            parts.closure([Requirement("numpy==0.1")], parts.needs)


def test_the_cpu_builds_of_torch_come_from_the_given_index() -> None:
    names = [f"torch-9.0%2Bcpu-cp{python}-linux_x86_64.whl" for python in ("311-cp311",)]
    names += [f"torch-9.0%2Bcpu-cp3{p}-cp3{p}-manylinux_2_28_x86_64.whl" for p in (11, 12, 14)]
    links = "".join(
        f'<a href="/whl/{n}#sha256={c * 64}">' for n, c in zip(names, "0123", strict=True)
    )
    assert len(Links(links).hashes) == 4
    with Shop({"/cpu/torch/": Answer(links.encode())}).serve() as address:
        assert cpu_hashes("9.0+cpu", f"{address}/cpu/", {}) == ["1" * 64, "2" * 64]


def test_pip_tells_its_index(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/of/this/test")
    assert configured() == "http://127.0.0.1:9/of/this/test"


def machine(folder: Path, gpu: bool) -> dict[str, str]:
    """Lay out a checkout whose locks hold hand-made wheels; return a machine's variables."""
    wheels, programs = folder / "wheels", folder / "bin"
    for path in (wheels, programs, folder / "locks"):
        path.mkdir(parents=True)
    for name, script in (("uname", "echo Linux"), ("nvidia-smi", f"exit {0 if gpu else 9}")):
        (programs / name).write_text(f"#!/bin/sh\n{script}\n")
        (programs / name).chmod(0o755)
    shutil.copy(REPOSITORY / "Makefile", folder)
    (folder / "requirements.txt").write_text("torch==2.13.0\n")
    parts = {
        "build": wheel(wheels, "setuptools", "99.0"),
        "runtime": wheel(wheels, "torch", "2.13.0", "cublas"),
        "cpu": wheel(folder if gpu else wheels, "torch", "2.13.0+cpu"),
        "cuda": wheel(wheels, "cublas", "13.0"),
    }
    for lock, made in parts.items():
        name, version, *_ = made.name.split("-")
        pins = {name: (version, [sha256(made.read_bytes()).hexdigest()])}
        (folder / f"locks/{lock}.txt").write_text(written(HEADS[lock], pins))
    shell(sys.executable, "-m", "venv", "--without-pip", ".venv", cwd=folder)
    # this environment's pip serves: it installs into the folder of the python that runs it
    pip = Path(next(p for p in sys.path if (Path(p) / "pip/__init__.py").exists())) / "pip"
    (installed,) = (folder / ".venv/lib").glob("python3.*/site-packages")
    (installed / "pip").symlink_to(pip, target_is_directory=True)
    return {
        "PATH": f"{programs}:{os.environ['PATH']}",
        "PIP_NO_INDEX": "1",
        "PIP_FIND_LINKS": str(wheels),
        "PIP_CONFIG_FILE": os.devnull,
    }


def installed(folder: Path) -> set[str]:
    found = (folder / ".venv/lib").glob("python3.*/site-packages/*.dist-info")
    return {path.name.removesuffix(".dist-info") for path in found}


@pytest.mark.slow
@pytest.mark.parametrize("gpu", [False, True])
def test_pip_takes_the_files_of_the_locks_and_no_others(tmp_path: Path, gpu: bool) -> None:
    variables = machine(tmp_path, gpu)
    shell("make", "setup", cwd=tmp_path, ok=True, **variables)
    cpu, cuda = {"torch-2.13.0+cpu"}, {"torch-2.13.0", "cublas-13.0"}
    assert installed(tmp_path) == {"setuptools-99.0"} | (cuda if gpu else cpu)


@pytest.mark.slow
def test_a_changed_file_is_refused(tmp_path: Path) -> None:
    variables = machine(tmp_path, gpu=False)
    wheel(tmp_path / "wheels", "torch", "2.13.0+cpu", module="import this  # harm")
    done = shell("make", "setup", cwd=tmp_path, ok=False, **variables)
    assert done.returncode != 0
    assert "DO NOT MATCH THE HASHES" in done.stderr
    assert done.stderr.splitlines()[-2].startswith("torch 2.13.0+cpu was not found, or it is none")
    assert installed(tmp_path) == {"setuptools-99.0"}
    assert not (tmp_path / ".venv/runtime.done").exists()
    told = shell("make", "setup", "TORCH_HASHES=off", cwd=tmp_path, ok=True, **variables).stderr
    assert "torch 2.13.0+cpu: taken without a check of its hash" in told
    assert installed(tmp_path) == {"setuptools-99.0", "torch-2.13.0+cpu"}
