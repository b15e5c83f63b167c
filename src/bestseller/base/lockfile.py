"""What a kill of DVC can leave: half a dvc.lock, half a pointer, half a list of locks, temporaries.

DVC writes both in place, dvc.lock in a third of a second after each stage. Every stage keeps a copy
of dvc.lock as it starts, and our commands put a sound one back before they run DVC. An entry that
the copy lacks costs no computing: DVC has the stage's outputs in its run cache.

Beside what it links or copies DVC writes ``.<22 letters>.tmp``, and never looks for those of a
killed one.
"""

import json
import os
import re
import subprocess
import time
from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from bestseller.base.errors import BestsellerError
from bestseller.base.files import atomic_path, remove
from bestseller.base.index_lock import free_index
from bestseller.base.processes import is_running, is_there

LOCK_FILE = "dvc.lock"
COPY = Path(".scratch") / LOCK_FILE
ASIDE = Path(".scratch") / f"{LOCK_FILE}.damaged"
RWLOCK = Path(".dvc") / "tmp" / "rwlock"
SWEPT = ("data", "metrics", ".dvc/cache")
DEAD_S = 60.0  # seconds in which a living DVC writes into its temporary, or is done with it
SETTLE_S, SETTLE_TRIES = 0.25, 20  # seconds between two looks at DVC's locks, and how many
Stages = Mapping[str, Mapping[str, Any]]
_TEMPORARY = re.compile(r"\.[\w-]{22}\.tmp")  # dvc_objects.fs.utils.tmp_fname
_ENTRY = re.compile(r"^  (\S.*):\n((?:(?:   .*)?\n)*)", re.MULTILINE)
_FILE = re.compile(r"^    - path: .*\n((?:      .*\n)*)", re.MULTILINE)


def keep(root: Path) -> None:
    """Keep a copy of dvc.lock, unless another DVC is just writing it."""
    try:
        text = (root / LOCK_FILE).read_text(encoding="utf-8")
        copy = (root / COPY).read_text(encoding="utf-8") if (root / COPY).exists() else ""
    except (OSError, UnicodeDecodeError):
        return
    names, known = entries(text), entries(copy) or []
    if text == copy or names is None or (len(names) < len(known) and names == known[: len(names)]):
        return
    with atomic_path(root / COPY) as temporary:
        temporary.write_text(text, encoding="utf-8")


def entries(text: str) -> list[str] | None:
    """Return the names of the stages in a dvc.lock as DVC writes it, None where it breaks off.

    That is a look at the text, thirty times as fast as a reading of the YAML.
    """
    head, _, body = text.partition("stages:\n")
    if not head.startswith("schema:") or not body.endswith("\n"):
        return None
    found = _ENTRY.findall(body)
    for _, entry in found:
        if "    cmd:" not in entry or any("md5: " not in file for file in _FILE.findall(entry)):
            return None
    return [name.strip("'\"") for name, _ in found]


def mend(root: Path) -> str:
    """Put back what a kill left half-written of DVC's files; take away what else it left.

    These are dvc.lock, of which what is replaced is kept in `ASIDE`, and the pointers in data/, as
    the champion's: the committed one comes back, or where there is none it goes.

    Returns:
        One line that says what was done, empty where nothing was.

    Raises:
        BestsellerError: dvc.lock holds the marks of a merge, which a person has to decide.
    """
    free_locks(root)
    _sweep(root)
    return "; ".join(filter(None, [free_index(root), *_pointers(root), _lock(root)]))


def _pointers(root: Path) -> Iterator[str]:
    """Mend the pointers that are half-written, and tell which."""
    for path in sorted((root / "data").glob("*.dvc")):
        data, name = path.read_bytes(), path.relative_to(root).as_posix()
        if _is_pointer(data) or b"\n<<<<<<< " in b"\n" + data:
            continue
        committed = _committed(root, name)
        if _is_pointer(committed):
            with atomic_path(path) as temporary:
                temporary.write_bytes(committed)
            yield f"{name}: was half-written; the committed one is back"
        else:
            remove(path)
            yield f"{name}: was half-written and is not committed, so it is removed"


def _is_pointer(data: bytes) -> bool:
    try:
        (out,) = YAML(typ="safe").load(data.decode())["outs"]
        return data.endswith(b"\n") and bool(out["md5"] and out["path"])
    except (YAMLError, UnicodeDecodeError, KeyError, TypeError, ValueError):
        return False


def _lock(root: Path) -> str:
    """Put dvc.lock back where it is half-written, and tell it."""
    path = root / LOCK_FILE
    if not path.exists():
        return ""
    data = path.read_bytes()
    if b"\n<<<<<<< " in b"\n" + data:
        raise BestsellerError(
            f"{LOCK_FILE}: has marks of a merge; `git checkout --ours {LOCK_FILE}` or --theirs, "
            "then run again"
        )
    copy = (root / COPY).read_bytes() if (root / COPY).exists() else b""
    committed = _committed(root, LOCK_FILE)
    now = _stages(data)
    if now is not None and (data == committed or not _is_cut(now, _stages(copy) or {})):
        return ""
    sound = next((text for text in (copy, committed) if _stages(text) is not None), None)
    with atomic_path(root / ASIDE) as temporary:
        temporary.write_bytes(data)
    if sound is None:
        remove(path)
        return f"{LOCK_FILE}: was half-written and no copy is known; DVC's run cache makes it anew"
    with atomic_path(path) as temporary:
        temporary.write_bytes(sound)
    return f"{LOCK_FILE}: was half-written; the last sound one is back, the other in {ASIDE}"


def _is_cut(now: Stages, copy: Stages) -> bool:
    """Tell whether a lock that can be read has lost its end, stages or a stage's outputs."""
    names, known = list(now), list(copy)
    if names != known[: len(names)]:
        return False
    ours, theirs = ([out["path"] for out in of[names[-1]].get("outs") or []] for of in (now, copy))
    return len(names) < len(known) or (len(ours) < len(theirs) and ours == theirs[: len(ours)])


def _stages(data: bytes) -> Stages | None:
    """Return the stages in a dvc.lock, None where it is no whole one."""
    if not data.endswith(b"\n"):
        return None
    try:
        lock: Any = YAML(typ="safe").load(data.decode())
        stages = lock["stages"]
        sound = all(_is_whole(entry) for entry in stages.values())
    except (YAMLError, UnicodeDecodeError, KeyError, TypeError, AttributeError, ValueError):
        return None
    return dict(stages) if sound and stages else None


def _is_whole(entry: Mapping[str, Any]) -> bool:
    files = [*(entry.get("deps") or []), *(entry.get("outs") or [])]
    return bool(entry["cmd"]) and all(file["path"] and len(file) > 1 for file in files)


def _committed(root: Path, name: str) -> bytes:
    asked = ["git", "show", f"HEAD:./{name}"]
    try:
        return subprocess.run(asked, cwd=root, capture_output=True, check=False).stdout
    except OSError:  # no git here
        return b""


def _sweep(root: Path) -> None:
    """Remove DVC's temporaries, among the outputs and in its cache, that nobody writes into."""
    for name in SWEPT:
        for folder, _, files in os.walk(root / name):
            for path in (Path(folder, file) for file in files if _TEMPORARY.fullmatch(file)):
                with suppress(OSError):
                    if time.time() - path.lstat().st_mtime > DEAD_S:
                        path.unlink()


def free_locks(root: Path) -> None:
    """Wait for a killed DVC to be gone, and take its locks away if it stays as a zombie."""
    path = root / RWLOCK
    for _ in range(SETTLE_TRIES):
        if not _is_left_over(path):
            return
        time.sleep(SETTLE_S)
    remove(path)


def _is_left_over(path: Path) -> bool:
    """Tell whether DVC's list of locks is that of killed processes, which DVC takes for living.

    It is half-written, as DVC writes it in place, or it names a zombie and no living process.
    Processes that are gone are no matter: DVC knows them.
    """
    try:
        locks = json.loads(path.read_bytes())
        holders = [*locks.get("write", {}).values()]
        holders += [holder for readers in locks.get("read", {}).values() for holder in readers]
        there = [int(h["pid"]) for h in holders if is_there(int(h["pid"]))]
        return bool(there) and not any(map(is_running, there))
    except FileNotFoundError:
        return False
    except (ValueError, KeyError, TypeError, AttributeError):
        return True


def left_over(
    stages: Mapping[str, Any], folder: Path, items: Collection[str], cache: Path
) -> list[str]:
    """Return what matrix items that are no more left in a checkout, where DVC's cache has it too.

    Args:
        stages: entries of dvc.lock, in which DVC keeps such items.
        folder: the checkout.
        items: names of today's matrix items.
        cache: folder of the cache's MD5 objects.

    Returns:
        Paths of outputs, from the checkout, in the order of dvc.lock.
    """
    gone = [entry for name, entry in stages.items() if name.partition("@")[2] not in {"", *items}]
    return [
        out["path"]
        for entry in gone
        for out in entry.get("outs", [])
        if (folder / out["path"]).exists() and cached_object(cache, str(out["md5"])).exists()
    ]


def cached_object(cache: Path, digest: str) -> Path:
    """Return where DVC's cache keeps the object of an MD5."""
    return cache / digest[:2] / digest[2:]
