"""A real Dask cluster on this machine, one of its workers killed in the middle."""

import os
import signal

import msgspec
import pytest

from backend_expert.lab import load
from backend_expert.lab.load import sketch
from backend_expert.lab.load.scale_out import cluster
from backend_expert.model import System

dask = pytest.importorskip("dask", reason="Dask is not installed: pip install 'backend-expert[cluster]'")
distributed = pytest.importorskip("distributed", reason="Dask is not installed: pip install 'backend-expert[cluster]'")


def shop(workers: int) -> System:
    return sketch.system(
        [sketch.component("web", workers=50), sketch.component("db", workers=workers)],
        [
            sketch.operation("GET /", "web", sketch.work(1), sketch.call("select")),
            sketch.operation("select", "db", sketch.work(10)),
        ],
        {"GET /": 300},
    )


def test_a_killed_worker_changes_nothing() -> None:
    scenario = load.Scenario(60, arrivals=load.spike(2, 20, 20))
    alone = load.compare(shop(4), shop(8), scenario, replications=16)
    killed: list[int] = []
    with (
        distributed.LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None) as local,
        distributed.Client(local) as client,
        cluster(local.scheduler_address) as executor,
    ):
        pids = sorted(client.run(os.getpid).values())

        def kill_one(done: int, _of: int) -> None:
            if done == 3:
                os.kill(pids[0], signal.SIGKILL)
                killed.append(pids[0])

        spread = load.compare(shop(4), shop(8), scenario, replications=16, executor=executor, progress=kill_one)
    assert killed
    assert msgspec.json.encode(spread) == msgspec.json.encode(alone)


def test_nobody_at_the_address_is_said() -> None:
    quick = dask.config.set({"distributed.comm.timeouts.connect": "0.3s"})
    with quick, pytest.raises(OSError, match=r"127\.0\.0\.1:9"), cluster("tcp://127.0.0.1:9"):
        pass
