"""The same bytes from processes here, from a Ray cluster, and from one that loses a node half-way.

The cluster is a real one, on loopback: each node has its own raylet, store and workers.
"""

import hashlib
import io
import socket
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw

from bestseller.backbones import FeatureSpace, backbone
from bestseller.backbones.weights import published_backbone
from bestseller.base import engine
from bestseller.base.engine import Processes, RayCluster
from bestseller.base.errors import BestsellerError
from bestseller.images import prepare as prepared
from bestseller.images.prepare import Photo, prepare
from bestseller.params import load_params

ROOT = Path(__file__).parent.parent
IMAGES = load_params(ROOT / "params.yaml").images


@pytest.fixture(autouse=True)
def here() -> Iterator[None]:
    yield
    engine.configure("local")


def squared(factor: int, shard: list[int]) -> list[int]:
    if shard == [13]:
        raise BestsellerError("a shard: 13 brings no luck; leave it out")
    return [factor * value**2 for value in shard]


def slow(_: None, shard: int) -> tuple[int, str]:
    import ray

    time.sleep(0.2)
    return shard, ray.get_runtime_context().get_node_id()


SHARDS = [[n, n + 1] for n in range(0, 40, 2)]
EXPECTED = [[3 * n**2, 3 * (n + 1) ** 2] for n in range(0, 40, 2)]


@pytest.mark.parametrize("workers", [1, 2])
def test_processes_give_results_in_order(workers: int) -> None:
    with engine.engine(workers) as computer:
        assert isinstance(computer, Processes)
        assert list(computer.map(squared, 3, iter(SHARDS))) == EXPECTED
        with pytest.raises(BestsellerError, match="13 brings no luck"):
            list(computer.map(squared, 3, [[1], [13], [2]]))


def test_shards_are_taken_as_they_are_needed() -> None:
    taken = []

    def shards() -> Iterator[list[int]]:
        for shard in SHARDS:
            taken.append(shard)
            yield shard

    with engine.engine(2) as computer:
        results = computer.map(squared, 3, shards())
        next(results)
        assert len(taken) <= 2 * engine.AHEAD
        results.close()  # type: ignore[attr-defined]


def test_without_ray_the_setting_says_what_helps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    engine.configure("ray")
    with pytest.raises(
        BestsellerError, match=r"engine: ray: Ray is not installed.*requirements-ray"
    ):
        engine.cluster()


def test_an_address_without_a_cluster_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    ray = pytest.importorskip("ray")
    assert not ray.is_initialized()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{taken.getsockname()[1]}"  # nobody listens there
        monkeypatch.setenv("RAY_ADDRESS", address)
        engine.configure("ray")
        with pytest.raises(BestsellerError) as told:
            engine.cluster()
    assert str(told.value).startswith(f"RAY_ADDRESS={address}: no Ray cluster answers there")
    assert "\n" not in str(told.value)


@pytest.fixture(scope="module")
def nodes() -> Iterator[Any]:
    """Start a cluster of two nodes, of one CPU each; the second one can be killed."""
    cluster_utils = pytest.importorskip("ray.cluster_utils")
    import ray

    store = {"object_store_memory": 100 * 2**20, "num_cpus": 1}
    head = store | {"include_dashboard": False}
    cluster = cluster_utils.Cluster(initialize_head=True, head_node_args=head)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_ADDRESS", cluster.address)
        patch.setenv("PYTHONPATH", str(Path(__file__).parent))  # for the functions of this file
        yield cluster, store
    ray.shutdown()
    cluster.shutdown()


def photos() -> tuple[list[Photo], dict[str, bytes]]:
    """Draw 150 photos, of which some are refused."""
    rows, files = [], {}
    random = np.random.default_rng(0)
    for number in range(150):
        picture = Image.new("RGB", (96, 96), "white")
        if number % 10:
            draw = ImageDraw.Draw(picture)
            left, top = random.integers(8, 36, 2)
            colour = tuple(int(c) for c in random.integers(0, 180, 3))
            draw.ellipse((left, top, 92 - left, 92 - top // 2), fill=colour)
        buffer = io.BytesIO()
        picture.save(buffer, "PNG")
        name = hashlib.sha256(buffer.getvalue() + bytes([number])).hexdigest()
        files[name] = buffer.getvalue()
        rows.append(Photo(f"w{number}", "Ring", "", "front", name, ""))
    return rows, files


def taken_in() -> str:
    rows, files = photos()
    settings = IMAGES.model_copy(update={"max_reject_share": 0.5})
    found = prepare(rows, files.__getitem__, settings, 2)
    return hashlib.sha256(
        np.ascontiguousarray(found.images.images).tobytes()
        + found.images.index.to_csv().encode()
        + repr((found.refused, found.summary)).encode()
    ).hexdigest()


def seen(monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr(backbone, "BATCHES_OF_SHARD", 1)
    torch.set_num_threads(1)
    space = FeatureSpace(published_backbone("efficientnet_lite0", Path("weights")), (3, 5), 64)
    images = np.random.default_rng(1).integers(0, 256, (200, 32, 32, 3), dtype=np.uint8)
    return hashlib.sha256(space.features(images).tobytes()).hexdigest()


@pytest.mark.slow
def test_every_engine_gives_the_same_bytes(nodes: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prepared, "FEW", 1)
    here = taken_in(), seen(monkeypatch)
    engine.configure("ray")
    assert isinstance(engine.cluster(), RayCluster)
    assert (taken_in(), seen(monkeypatch)) == here, "one node"
    cluster, size = nodes
    other = cluster.add_node(**size)
    cluster.wait_for_nodes()
    with engine.engine(1) as computer:
        found = list(computer.map(slow, None, range(16)))
        assert len({node for _, node in found}) == 2, "both nodes work"
    assert (taken_in(), seen(monkeypatch)) == here, "two nodes"
    lost = threading.Timer(1.5, lambda: cluster.remove_node(other, allow_graceful=False))
    lost.start()
    with engine.engine(1) as computer:
        found = list(computer.map(slow, None, range(30)))
        assert [shard for shard, _ in found] == list(range(30)), "a node was lost half-way"
        with pytest.raises(BestsellerError) as told:
            list(computer.map(squared, 3, [[1], [13], [2]]))
        assert str(told.value) == "a shard: 13 brings no luck; leave it out"
    lost.join()
    assert (taken_in(), seen(monkeypatch)) == here, "one node is left"
