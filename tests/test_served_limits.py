"""What a request to a served model may ask for, and what `package --out` may replace."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bestseller.base.errors import BestsellerError
from bestseller.serving.limits import (
    MAX_BODY_MB,
    MAX_ROWS,
    MAX_SEED,
    check_body,
    check_rows,
    checked_seed,
    checked_truncation,
)


def test_rows_and_images_are_bounded() -> None:
    check_rows(MAX_ROWS)
    with pytest.raises(BestsellerError, match="257 rows: more than 256"):
        check_rows(MAX_ROWS + 1)
    part = "A" * 2**20
    check_body([part] * MAX_BODY_MB)
    with pytest.raises(BestsellerError, match="ask in several"):
        check_body([part] * MAX_BODY_MB + ["A"])
    with pytest.raises(BestsellerError, match="row 1: no image"):
        check_body(["A", 1.0])


@pytest.mark.parametrize("seed", [0, 7, np.int64(7), 7.0, MAX_SEED])
def test_a_seed_is_taken(seed: Any) -> None:
    assert checked_seed(0, seed) == seed


@pytest.mark.parametrize("seed", [-1, 0.5, np.nan, np.inf, None, "x", 2**63, 10**400])
def test_a_seed_that_is_none_is_refused(seed: Any) -> None:
    with pytest.raises(BestsellerError, match="row 3: seed"):
        checked_seed(3, seed)


@pytest.mark.parametrize(
    ("value", "bound"), [(None, np.inf), (0, np.inf), (0.0, np.inf), (0.7, 0.7), (5, 5.0)]
)
def test_a_truncation_is_taken(value: Any, bound: float) -> None:
    assert checked_truncation(value) == bound


@pytest.mark.parametrize("value", [-1, np.nan, np.inf, "x", 10**400])
def test_a_truncation_that_is_none_is_refused(value: Any) -> None:
    with pytest.raises(BestsellerError, match="truncation"):
        checked_truncation(value)


def test_a_folder_that_is_no_package_is_never_replaced(tmp_path: Path) -> None:
    from bestseller.serving.package import _check_own

    _check_own(tmp_path / "new")
    (tmp_path / "empty").mkdir()
    _check_own(tmp_path / "empty")
    photos = tmp_path / "photos"
    photos.mkdir()
    (photos / "MLmodel").write_text("")
    (tmp_path / "link").symlink_to(tmp_path / "empty")
    for out in (photos, photos / "MLmodel", tmp_path / "link"):
        with pytest.raises(BestsellerError, match="is there and is no package"):
            _check_own(out)
    (photos / "code/bestseller").mkdir(parents=True)
    _check_own(photos)
