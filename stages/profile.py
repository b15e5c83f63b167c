"""Switch params.yaml to a profile, a file in profiles/; all other keys and all comments stay."""

import re
from collections.abc import Mapping
from io import StringIO
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq

from bestseller.base.errors import BestsellerError
from bestseller.base.files import atomic_path
from bestseller.params import PARAMS_FILE, Params, load_params
from stages import run

PROFILES = Path("profiles")


def main(params: Params, name: str) -> None:
    """Rewrite params.yaml with the values of the profile `name`."""
    source = PROFILES / f"{name}.yaml"
    if not source.is_file():
        known = ", ".join(sorted(path.stem for path in PROFILES.glob("*.yaml")))
        raise BestsellerError(f"{source}: not found; known profiles: {known}")
    yaml = YAML()
    yaml.preserve_quotes = True
    yaml.width = 10_000  # long comments and values stay on their line
    yaml.indent(mapping=2, sequence=4, offset=2)
    settings = yaml.load(Path(PARAMS_FILE))
    overlay(settings, yaml.load(source), source)
    text = StringIO()
    yaml.dump(settings, text)
    with atomic_path(PARAMS_FILE) as temporary:
        temporary.write_text(re.sub(r"(?<=\S) {2,}# ", " # ", text.getvalue()), encoding="utf-8")
        try:
            load_params(temporary)
        except BestsellerError as error:
            raise BestsellerError(f"{source}{str(error).removeprefix(str(temporary))}") from error
    print(f"{PARAMS_FILE}: profile {params.profile} -> {name}; `dvc repro` runs what it changes")


def overlay(settings: CommentedMap, values: Mapping[str, Any], source: Path) -> None:
    """Put `values` into `settings` in place; a map that is empty or null there takes any keys.

    Raises:
        BestsellerError: a key of `values` is not in `settings`.
    """
    for key, value in values.items():
        if key not in settings:
            raise BestsellerError(f"{source}: {key}: not in {PARAMS_FILE}; mend its spelling")
        old = settings[key]
        if isinstance(value, Mapping) and isinstance(old, CommentedMap) and old:
            overlay(old, value, source)
        elif isinstance(value, list) and isinstance(old, list):
            settings[key] = _list_with_comments(settings, key, value)
        else:
            settings[key] = value


def _list_with_comments(settings: CommentedMap, key: str, values: list[Any]) -> CommentedSeq:
    """Return `values` as a block list that carries the old list's comments.

    ruamel.yaml keeps the comment behind the key at both the key and the list, and what follows
    the list, such as a blank line, at its last value. An empty list is written as [].
    """
    old, new = settings[key], CommentedSeq(values)
    behind_key = settings.ca.items.get(key, [None] * 3)[2]
    if not values:
        new.fa.set_flow_style()
    elif behind_key is not None:
        new.ca.comment = [behind_key, None]
    after = old.ca.items.get(len(old) - 1)
    if after is not None and values:
        new.ca.items[len(values) - 1] = after
    return new


if __name__ == "__main__":
    run(main, [("name", "paper, demo, or a file of your own in profiles/")])
