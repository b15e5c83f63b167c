"""params.yaml: its comments, its agreement with DVC's reading of it, its profiles, its errors."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from dvc.utils.serialize import load_yaml

from bestseller.base.errors import BestsellerError
from bestseller.params import GanSettings, load_params, read_yaml
from conftest import REPOSITORY, shell

KEY = re.compile(r"^(?P<indent> *)(?P<key>\w+):(?P<rest>.*)$")
PAPER = re.compile(r"\[paper: (?P<value>[^\]]*)\]")


def lines_by_key(path: Path) -> dict[str, str]:
    """Each key of a block-style YAML file with the comment above it and the rest of its line."""
    found, above, comment = {}, [(-1, "")], ""
    for line in path.read_text().splitlines():
        if line.lstrip().startswith("#"):
            comment += (
                f" {line.lstrip()} " if not comment else line.lstrip().removeprefix("# ") + " "
            )
            continue
        said, comment = comment, ""
        if match := KEY.match(line):
            while len(match["indent"]) <= above[-1][0]:
                above.pop()
            key = f"{above[-1][1]}.{match['key']}".lstrip(".")
            above.append((len(match["indent"]), key))
            found[key] = match["rest"] + said
    return found


def leaves(tree: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in tree.items():
        if isinstance(value, Mapping):
            yield from leaves(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


PARAMS = REPOSITORY / "params.yaml"
KNOWN_GANS = [
    name for name, section in load_params(PARAMS).train if isinstance(section, GanSettings)
]
PUBLISHED = ("vanilla", "dcgan", "d2gan", "pggan")
LINES = lines_by_key(PARAMS)
PROFILES = {path.stem: dict(leaves(read_yaml(path))) for path in REPOSITORY.glob("profiles/*.yaml")}


def test_the_loader_accepts_the_committed_file() -> None:
    params = load_params(PARAMS)
    assert set(params.gan_names()) <= set(KNOWN_GANS)
    assert params.item_names()[0] == f"{params.models[0]}-{params.seeds[0]}"


@pytest.mark.parametrize("path", [PARAMS, *sorted(REPOSITORY.glob("profiles/*.yaml"))], ids=str)
def test_dvc_reads_the_same_values(path: Path) -> None:
    assert list(leaves(read_yaml(path))) == list(leaves(load_yaml(path)))


def test_no_line_is_longer_than_a_screen_and_the_settings_of_most_people_come_first() -> None:
    lines = PARAMS.read_text().splitlines()
    assert max(map(len, lines)) <= 100
    begin = lines.index("# What people change first:") + 1
    listed = lines[begin : lines.index("", begin)]
    assert len(listed) == 8
    keys = {key for key, _ in leaves(read_yaml(PARAMS))}
    for line in listed:
        first = line.removeprefix("#").split()[0].rstrip(",").replace("<model>", "dcgan")
        assert first in keys, line


def test_numbers_and_words_follow_yaml_1_2(tmp_path: Path) -> None:
    (tmp_path / "x.yaml").write_text("a: 1e-4\nb: off\nc: 010\nd: on\n")
    ours = read_yaml(tmp_path / "x.yaml")
    assert ours == {"a": 0.0001, "b": "off", "c": 10, "d": "on"}
    assert ours == load_yaml(tmp_path / "x.yaml")


@pytest.mark.parametrize("key", [key for key, _ in leaves(read_yaml(PARAMS))])
def test_every_key_has_a_comment(key: str) -> None:
    assert LINES[key].partition("# ")[2].strip(), f"{key}: no comment in params.yaml"


def paper_value(text: str) -> Any:
    if text == "product":  # of the published GANs, plain and constrained
        return [f"{gan}-{c}" for gan in PUBLISHED for c in ("plain", "centroid")]
    known = {"empty": [], "true": True, "false": False}
    return known[text] if text in known else read_scalar(text)


def read_scalar(text: str) -> Any:
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def test_the_paper_profile_says_what_the_comments_say() -> None:
    promised = {
        key: paper_value(match["value"])
        for key, rest in LINES.items()
        if (match := PAPER.search(rest))
    }
    assert promised  # the comments are found
    departs = {k: first(v) for k, v in PROFILES["paper"].items() if v != PROFILES["demo"][k]}
    assert departs == promised | {"profile": "paper"}


def first(value: Any) -> Any:
    """Of several feature spaces the comment names the main one's network."""
    is_spaces = isinstance(value, list) and value and isinstance(value[0], Mapping)
    return value[0]["network"] if is_spaces else value


def test_the_profiles_cover_the_same_keys() -> None:
    assert set(PROFILES["demo"]) == set(PROFILES["paper"])
    for name, profile in PROFILES.items():
        assert set(profile) <= set(PROFILES["demo"]), f"{name}: `make profile NAME=demo` comes back"


def test_paper_steps_is_paper_in_small_batches() -> None:
    paper, steps = PROFILES["paper"], PROFILES["paper-steps"]
    departs = {key: value for key, value in steps.items() if value != paper[key]}
    batches = {f"train.{gan}.batch_size": 16 for gan in PUBLISHED}
    assert departs == batches | {"train.pggan.lr": 1e-3, "profile": "paper-steps"}
    assert set(steps) == set(paper)


def switch(name: str, code: Path, ok: bool = True) -> str:
    done = shell("python", "-m", "stages.profile", name, cwd=code, ok=ok)
    assert ok or done.returncode == 1
    return done.stderr


@pytest.fixture
def with_profiles(code: Path) -> Path:
    for path in REPOSITORY.glob("profiles/*.yaml"):
        (code / "profiles").mkdir(exist_ok=True)
        (code / "profiles" / path.name).write_bytes(path.read_bytes())
    return code


def test_the_demo_profile_is_the_committed_file(with_profiles: Path) -> None:
    switch("demo", with_profiles)
    assert (with_profiles / "params.yaml").read_bytes() == PARAMS.read_bytes()


def test_paper_changes_its_keys_and_demo_comes_back(with_profiles: Path) -> None:
    switch("paper", with_profiles)
    rewritten = with_profiles / "params.yaml"
    committed = dict(leaves(read_yaml(PARAMS)))
    assert dict(leaves(read_yaml(rewritten))) == committed | PROFILES["paper"]
    load_params(rewritten)
    comments = {key: rest.partition("# ")[2] for key, rest in lines_by_key(rewritten).items()}
    assert comments == {key: rest.partition("# ")[2] for key, rest in LINES.items()}
    switch("demo", with_profiles)
    assert rewritten.read_bytes() == PARAMS.read_bytes()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (None, "known profiles: catalogue, demo, fine, paper"),
        ("train:\n  dcgan:\n    learning_rate: 1\n", "learning_rate: not in params.yaml"),
        ("threads: 0\n", "profiles/mine.yaml: threads: 0 is not allowed"),
    ],
)
def test_a_bad_profile_leaves_params_alone(
    with_profiles: Path, text: str | None, told: str
) -> None:
    if text is not None:
        (with_profiles / "profiles/mine.yaml").write_text(text)
    (message,) = switch("mine", with_profiles, ok=False).splitlines()
    assert told in message
    assert (with_profiles / "params.yaml").read_bytes() == PARAMS.read_bytes()
    assert not list(with_profiles.glob(".params*"))


def test_a_profile_may_declare_a_ledger(with_profiles: Path) -> None:
    """Its maps have names of a file's own columns, which params.yaml cannot list."""
    (with_profiles / "profiles/mine.yaml").write_text(
        "sales:\n  preset: shopify-orders\n  totals: [Sum]\n  columns: {channel: Source}\n"
        "  not_counted: {Tags: [test]}\n  values: {kind: {pending: drop}}\n"
    )
    switch("mine", with_profiles)
    sales = load_params(with_profiles / "params.yaml").sales
    assert sales.columns.sku == "Lineitem sku" and sales.columns.channel == "Source"
    assert sales.not_counted == {"Cancelled at?": ["*"], "Tags": ["test"]}
    assert (sales.totals, sales.values["kind"]["pending"]) == (["Sum"], "drop")


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("threads: 2", "threads: 0", r"threads: 0 is not allowed; .*greater than or equal to 1"),
        ("threads: 2", "threads: two", r"threads: 'two' is not allowed; .*integer"),
        ("lr: 2e-4", "lr: -1e-4", r"train\.vanilla\.lr: -0\.0001 is not allowed; .*than 0"),
        ("profile: demo", "profil: demo", r"profil: unknown key; did you mean profile\? .*1 more"),
        ("    epochs: 1\n", "    epoch: 1\n", r"blend\.epoch: unknown key; did you mean epochs\?"),
        ("threads: 2", "threads: 2\ncolour: red", "colour: unknown key; remove it or mend"),
        ("  - vanilla-plain", "  - biggan-plain", r"models: .*'biggan' is no GAN.*vanilla, dcgan"),
        ("  - vanilla-plain", "  - vanilla-odd", r"models: .*'odd' is no constraint.*plain, centr"),
        ("  - dcgan-plain", "  - vanilla-plain", r"models: .*only once"),
        ("threshold: mean", "threshold: 101", r"centroid\.threshold"),
        ("source: demo", "source: shop", r"source: 'shop' is not allowed; .*'demo', 'site'"),
        ("size: 64", "size: 60", r"images\.size: 60 is not allowed"),
        ("threads: 2", "threads: [", r"line \d+: no YAML"),
        pytest.param("threads: 2", f"threads: {'[' * 1_500}", "nested too deep", id="deep"),
    ],
)
def test_a_bad_value_is_answered_with_one_line(
    tmp_path: Path, old: str, new: str, told: str
) -> None:
    text = PARAMS.read_text()
    assert old in text
    (tmp_path / "params.yaml").write_text(text.replace(old, new, 1))
    with pytest.raises(BestsellerError, match=told) as error:
        load_params(tmp_path / "params.yaml")
    assert "\n" not in str(error.value)


def test_a_centre_of_each_line_needs_networks_that_know_the_line(tmp_path: Path) -> None:
    text = PARAMS.read_text().replace("  per: all", "  per: line", 1)
    (tmp_path / "params.yaml").write_text(text)
    assert load_params(tmp_path / "params.yaml").centroid.per == "line"
    assert "  condition: line" in text
    (tmp_path / "params.yaml").write_text(text.replace("condition: line", "condition: none", 1))
    with pytest.raises(BestsellerError, match=r"train: .*centroid\.per is line"):
        load_params(tmp_path / "params.yaml")
