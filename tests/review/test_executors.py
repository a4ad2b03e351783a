"""Who computes changes nothing: threads, processes, and a real Dask cluster that loses a worker in the middle."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from concurrent.futures import Executor, Future
from pathlib import Path
from typing import Any

import pytest

from backend_expert.faces.cli import Exit, run
from backend_expert.lab import load
from backend_expert.lab.load import scale_out
from backend_expert.review.brief import Brief, Need
from backend_expert.review.executors import PROCESSES, THREADS, ExecutorError, executor
from backend_expert.review.pipeline import Request, review
from backend_expert.review.result import to_json

COMPOSE = """services:
  web:
    image: nginx:1.27
    ports: ["80:80"]
    environment:
      ORDERS_URL: http://orders:3000
  orders:
    image: example/orders:1.0
    environment:
      DATABASE_URL: postgres://shop@db:5432/orders
  db:
    image: postgres:16
"""

STATED = """schema: backend-expert/system/1
workloads:
  buyers: {operation: web http, rate_per_s: 10}
"""


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small system with stated traffic."""
    root = tmp_path_factory.mktemp("shop")
    (root / "compose.yaml").write_text(COMPOSE)
    (root / "system.yaml").write_text(STATED)
    return root


@pytest.fixture(scope="module")
def alone(shop: Path) -> str:
    """The review by threads of this process."""
    with executor(THREADS) as pool:
        return reviewed(shop, pool)


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """A Dask cluster of this machine with three worker processes."""
    distributed = pytest.importorskip("distributed", reason="Dask is not installed: pip install 'backend-expert[cluster]'")
    with distributed.LocalCluster(n_workers=3, threads_per_worker=1, processes=True, dashboard_address=":0") as local:
        yield local


def reviewed(root: Path, pool: Executor) -> str:
    """Return the whole result: remedies tried, requirements decided, the peak compared."""
    brief = Brief(requirements=(Need.SURVIVES_PEAK, Need.FAULT_TOLERANT))
    return to_json(review(Request(path=root, peak=3, brief=brief), executor=pool))


class Killing(Executor):
    """Hand work to another executor, and kill a process while the result of the n-th piece of it is awaited."""

    def __init__(self, pool: Executor, at: int, pid: int) -> None:
        self.pool, self.at, self.pid = pool, at, pid
        self.submitted = 0

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        future = self.pool.submit(fn, *args, **kwargs)
        self.submitted += 1
        if self.submitted == self.at:
            os.kill(self.pid, signal.SIGKILL)
        return future


def test_processes_give_the_same_bytes(shop: Path, alone: str) -> None:
    with executor(PROCESSES) as pool:
        assert reviewed(shop, pool) == alone


def test_a_cluster_gives_the_same_bytes_though_a_worker_is_killed(shop: Path, alone: str, cluster: Any) -> None:
    import distributed

    with distributed.Client(cluster.scheduler_address) as client:
        pids = client.run(os.getpid)
        with executor(cluster.scheduler_address) as pool:
            killing = Killing(pool, at=12, pid=min(pids.values()))
            assert reviewed(shop, killing) == alone
        assert killing.submitted > killing.at
        assert min(pids.values()) not in set(client.run(os.getpid).values())


def test_the_command_line_takes_the_address(shop: Path, cluster: Any, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["simulate", str(shop), "--duration", "20s", "--format", "json"]
    assert run(arguments) == Exit.CLEAN
    here = capsys.readouterr().out
    assert run([*arguments, "--cluster", cluster.scheduler_address]) == Exit.CLEAN
    assert capsys.readouterr().out == here


def test_a_worker_with_another_version_is_refused(cluster: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scale_out, "__version__", "9.9")
    with pytest.raises(load.ClusterError, match=r"has version .+ of backend-expert, not 9\.9"), executor(cluster.scheduler_address):
        pass


def test_a_cluster_without_workers_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    distributed = pytest.importorskip("distributed", reason="Dask is not installed: pip install 'backend-expert[cluster]'")
    monkeypatch.setattr(scale_out, "PATIENCE_S", 0.2)
    with (
        distributed.LocalCluster(n_workers=0, dashboard_address=":0") as empty,
        pytest.raises(load.ClusterError, match="has no worker"),
        executor(empty.scheduler_address),
    ):
        pass


def test_a_place_that_is_none_is_one_sentence(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["simulate", str(shop), "--cluster", "the cloud"]) == Exit.USAGE
    assert "'the cloud' is no place to compute" in capsys.readouterr().err


def test_a_process_that_dies_is_one_sentence() -> None:
    with pytest.raises(ExecutorError, match="A process that computed experiments died"), executor(PROCESSES) as pool:
        pool.submit(os._exit, 1).result()


def test_what_was_not_begun_is_dropped_when_the_block_is_left_by_an_exception() -> None:
    waiting: list[Future[int]] = []

    def interrupted() -> None:
        with executor(THREADS) as pool:
            waiting.extend(pool.submit(sum, range(2_000_000)) for _ in range(200))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert waiting[-1].cancelled()
