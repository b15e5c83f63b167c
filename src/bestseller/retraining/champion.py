"""The promoted model: a folder that DVC keeps, and git's history of the file that points to it.

That history is the history of promotions: a rollback commits an earlier version of the file. It
holds the model's name beside DVC's hash, so that it can be read without the data.
"""

import shutil
from io import StringIO
from pathlib import Path
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict, ValidationError
from ruamel.yaml import YAML

from bestseller.base.errors import BestsellerError
from bestseller.base.files import (
    atomic_path,
    read_json,
    remove,
    require,
    sha256_file,
    write_json,
)
from bestseller.retraining.decision import Decision
from bestseller.retraining.repository import Repository

CHAMPION = "data/champion"
POINTER = f"{CHAMPION}.dvc"
MODELS = "data/models"
WEIGHTS = "generator.safetensors"
FACTS = "champion.json"


class Champion(BaseModel):
    """What champion.json says.

    Attributes:
        model: name, a matrix item such as ``dcgan-plain-0``.
        generator_sha256: of the generator's weights.
        run: id of the retraining that promoted it.
        reasons: of the gate, one sentence each.
        facts: what the gate measured.
    """

    model_config = ConfigDict(frozen=True)

    model: str
    generator_sha256: str
    run: str
    reasons: list[str]
    facts: dict[str, float | int | str]


class Promotion(NamedTuple):
    """A version of the pointer in git's history."""

    commit: str
    day: str  # ISO date
    md5: str  # DVC's hash of the folder
    model: str
    weights: str  # SHA-256 of the generator's


def install(root: Path, decision: Decision, run: str) -> None:
    """Make the challenger's files the champion's; done once for a run."""
    folder = root / CHAMPION
    if (folder / FACTS).exists() and read(root).run == run:
        return
    model = require(root / MODELS / decision.challenger, "dvc repro")
    with atomic_path(folder) as copy:
        shutil.copytree(model, copy, copy_function=shutil.copyfile)
        facts = Champion(
            model=decision.challenger,
            generator_sha256=sha256_file(require(copy / WEIGHTS, "dvc repro")),
            run=run,
            reasons=decision.reasons,
            facts=decision.facts,
        )
        write_json(copy / FACTS, facts.model_dump())


def read(root: Path) -> Champion:
    """Return what champion.json says.

    Raises:
        BestsellerError: the champion is not here, or no champion.
    """
    path = root / CHAMPION / FACTS
    try:
        return Champion.model_validate(read_json(path, "dvc pull data/champion.dvc"))
    except ValidationError as error:
        raise BestsellerError(
            f"{path}: no champion; `dvc checkout {POINTER}` puts it back"
        ) from error


def point(repository: Repository) -> None:
    """Have DVC keep the champion, and name it in the file that git keeps."""
    repository.dvc("add", "--quiet", CHAMPION)
    champion = read(repository.root)
    path = repository.root / POINTER
    yaml = YAML()
    pointer = yaml.load(path)
    pointer["meta"] = champion.model_dump(include={"model", "generator_sha256", "run"})
    text = StringIO()
    yaml.dump(pointer, text)
    with atomic_path(path) as temporary:
        temporary.write_text(text.getvalue(), encoding="utf-8")


def history(repository: Repository) -> list[Promotion]:
    """Return the versions of the pointer that the branch has seen, the newest first."""
    log = repository.git("log", "--format=%H %cs", "--", POINTER).splitlines()
    found = [_promotion(repository, *line.split()) for line in log]
    return [promotion for promotion in found if promotion]


def _promotion(repository: Repository, commit: str, day: str) -> Promotion | None:
    """Return the champion as of a commit, None where it had none."""
    text = repository.committed(POINTER, commit)
    if text is None:
        return None
    pointer = YAML(typ="safe").load(text)
    meta = {"model": "", "generator_sha256": ""} | (pointer.get("meta") or {})
    md5, model, weights = pointer["outs"][0]["md5"], meta["model"], meta["generator_sha256"]
    return Promotion(commit, day, str(md5), str(model), str(weights))


def find(repository: Repository, wanted: str) -> Promotion:
    """Return the champion to go back to.

    Args:
        repository: the checkout.
        wanted: name of a model, its latest promotion is meant; or a commit, the champion as of it;
            or empty, the one that today's champion replaced.

    Raises:
        BestsellerError: there is no such champion, or it is today's.
    """
    promotions = history(repository)
    if not promotions:
        raise BestsellerError(f"{POINTER}: not in git's history; nothing was promoted yet")
    if not wanted:
        chosen = _before(promotions)
    else:
        named = [promotion for promotion in promotions if promotion.model == wanted]
        chosen = named[0] if named else _as_of(repository, wanted)
    if chosen is None:
        known = ", ".join(dict.fromkeys(p.model for p in promotions))
        told = wanted or "no champion before today's"
        raise BestsellerError(f"{told}: not in the history of {POINTER}, which has {known}")
    if chosen.md5 == promotions[0].md5:
        raise BestsellerError(f"{wanted}: is the champion already, {chosen.model}")
    return chosen


def _before(promotions: list[Promotion]) -> Promotion | None:
    """Return the champion before today's; champions that a rollback took away do not count."""
    stack, _ = _replay(promotions)
    return stack[-2] if len(stack) > 1 else None


def _replay(promotions: list[Promotion]) -> tuple[list[Promotion], dict[str, str]]:
    """Go through the history, newest first, from its beginning.

    Returns:
        The champions that led to today's, today's last; and the weights that a rollback took away
        and nothing brought back, with the day of that rollback.
    """
    stack: list[Promotion] = []
    taken: dict[str, str] = {}
    for promotion in reversed(promotions):
        known = [entry.md5 for entry in stack]
        if promotion.md5 in known:
            back = known.index(promotion.md5) + 1
            taken |= {entry.weights: promotion.day for entry in stack[back:]}
            del stack[back:]
        else:
            stack.append(promotion)
        taken.pop(promotion.weights, None)
    return stack, taken


def unless_rolled_back(repository: Repository, decision: Decision) -> Decision:
    """Keep the champion if a person has rolled back a champion with the challenger's weights.

    News of sales alone train no generator anew: the gate would promote at once what a rollback
    has just taken away.
    """
    if not decision.promote:
        return decision
    weights = require(repository.root / MODELS / decision.challenger / WEIGHTS, "dvc repro")
    _, taken = _replay(history(repository))
    if (day := taken.get(sha256_file(weights))) is None:
        return decision
    reason = f"A rollback of {day} took these weights away: only `make rollback` brings them back."
    return decision.model_copy(update={"promote": False, "reasons": [*decision.reasons, reason]})


def _as_of(repository: Repository, revision: str) -> Promotion | None:
    commit = repository.asks("rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}")
    if commit is None:
        return None
    return _promotion(repository, commit, repository.git("show", "-s", "--format=%cs", commit))


def put_back(repository: Repository, promotion: Promotion) -> Champion:
    """Commit an earlier champion as today's, with its files in the workspace.

    Raises:
        BestsellerError: neither DVC's cache nor its remote has the files; today's champion stays.
    """
    root = repository.root
    text = repository.git("show", f"{promotion.commit}:{POINTER}") + "\n"
    with atomic_path(root / POINTER) as temporary:
        temporary.write_text(text, encoding="utf-8")
    try:
        repository.dvc("pull" if repository.has_remote() else "checkout", "--force", POINTER)
        champion = read(root)
    except BestsellerError:
        repository.restore([POINTER])
        repository.dvc("checkout", "--force", "--quiet", POINTER)
        raise
    message = f"Rollback: {champion.model} is the champion again\n\nAs of {promotion.commit}."
    repository.commit(message, [POINTER])
    return champion


def take_away_unless_committed(repository: Repository) -> None:
    """Remove a champion that no commit knows."""
    if repository.committed(POINTER) is None:
        remove(repository.root / CHAMPION)
