from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
import time
from collections import Counter
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
import pytest
from dask import config as dask_config
from distributed import Client

from ecgbench.contracts.errors import EcgbenchError, UsageError
from ecgbench.harness.cell.task import check_plugins, plugins_of
from ecgbench.harness.engine import cluster as cluster_module
from ecgbench.harness.engine.cluster import DaskPool, connect
from ecgbench.harness.engine.remote import Order
from ecgbench.harness.planning.catalog import discover
from ecgbench.results.store.progress import Step

if TYPE_CHECKING:
    from collections.abc import Callable

    from ecgbench.harness.planning.study import Study
    from tests.harness.cluster.conftest import Cluster
    from tests.harness.conftest import Bench

pytestmark = pytest.mark.slow


def wait_for(what: Callable[[], bool], seconds: float = 900.0) -> None:
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.05)


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({}, "TLS needs certificates, and Dask is told of none; DASK_DISTRIBUTED__COMM__TLS__CA"),
        (
            {"distributed.comm.tls.ca-file": "/nowhere", "distributed.comm.tls.client.cert": "/no"},
            r"the certificates for TLS cannot be read \(.*No such file",
        ),
    ],
)
def test_tls_without_certificates_is_told(bench: Bench, files: dict[str, str], said: str) -> None:
    with (
        dask_config.set(files),
        pytest.raises(UsageError, match=said),
        connect("tls://127.0.0.1:8786", bench.catalog, "cpu", shared=False),
    ):
        pass


@contextmanager
def pool_of(cluster: Cluster, bench: Bench, *, shared: bool = False, device: str = "cpu") -> Any:
    with connect(cluster.address, bench.catalog, device, shared=shared) as pool:
        yield pool


def command(bench: Bench, cluster: Cluster, *flags: str) -> subprocess.Popen[str]:
    plugins = [flag for file in bench.files for flag in ("--plugin", str(file))]
    fixed = ["--datasets", "cohort", "--generators", "jitter", "--no-references"]
    fixed += ["--metrics", "level,spread", "--threads", "1", "--store", str(bench.store.path)]
    fixed += ["--scheduler", cluster.address]
    return subprocess.Popen(
        [sys.executable, "-m", "ecgbench", "run", *plugins, *fixed, *flags],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def results(bench: Bench, study: Study) -> list[tuple[Any, ...]]:
    """What a run came to, but for its costs."""
    found = []
    for cell in bench.plan(study).cells:
        record = bench.store.cell(cell.id.name)
        assert record is not None
        scores = {score.metric.name: score.value for score in bench.store.scores(cell.id.name)}
        found.append((cell.id.name, record.status, record.synthetic, record.synthetic_file, scores))
        assert bench.store.damage(cell.id.name) is None
    return found


@pytest.mark.parametrize("shared", [False, True], ids=["wire", "store"])
def test_a_cluster_makes_the_bytes_that_this_machine_makes(
    bench: Bench, cluster: Cluster, *, shared: bool
) -> None:
    study = bench.study(seeds=(0, 1, 2), references=True, metrics=("level", "spread", "shared"))
    bench.run(study)
    local = results(bench, study)
    cluster.scheduler()
    workers = [cluster.worker(), cluster.worker()]
    with Client(cluster.address, set_as_default=False) as client:
        client.wait_for_workers(len(workers))  # a pool looks for workers every few seconds only
    bench.store_name = "other"
    bench.store.path.mkdir()
    bench.forget_trace()
    with pool_of(cluster, bench, shared=shared) as pool:
        bench.run(study, pool=pool)
        assert len(pool.data) == 1
    assert results(bench, study) == local
    assert bench.watch.failures == [None] * 6
    assert Step(3, 3, {"loss": 1 / 3}) in bench.watch.messages
    assert Counter(line.split()[0] for line in bench.trace)["fit"] == 3
    # each worker wrote the data down once
    assert len(list(cluster.folder.rglob("ecgbench/windows/*/signals.npy"))) == len(workers)
    folder = bench.store.folder(bench.plan(study).cells[-1].id.name)
    assert (folder / "log.txt").exists()
    assert (folder / "artefacts" / "training.csv").exists()
    assert not (folder / "checkpoint").exists()


def test_an_order_is_small_whatever_the_size_of_the_data(bench: Bench) -> None:
    task = bench.task(bench.plan().cells[0])
    order = Order(task=task, topic="t", plugin_files={}, inbox={})
    assert len(pickle.dumps(order)) < 10_000


@pytest.mark.parametrize("shared", [False, True], ids=["wire", "store"])
def test_scores_are_added_to_a_cell_that_is_finished(
    bench: Bench, cluster: Cluster, *, shared: bool
) -> None:
    bench.run(bench.study(metrics=("level",)))
    before = results(bench, bench.study(metrics=("level",)))
    bench.forget_trace()
    cluster.scheduler()
    cluster.worker()
    with pool_of(cluster, bench, shared=shared) as pool:
        bench.run(pool=pool)
    assert bench.trace == ["score spread"]
    ((*cell, scores),) = results(bench, bench.study())
    assert cell == list(before[0][:-1])
    assert set(scores) == {"level", "spread"}


def test_a_damaged_cell_is_set_aside_before_it_is_sent(bench: Bench, cluster: Cluster) -> None:
    bench.run(bench.study(metrics=("level",)))
    before = results(bench, bench.study(metrics=("level",)))
    file = bench.store.folder(bench.plan().cells[0].id.name) / "synthetic.npz"
    file.write_bytes(file.read_bytes()[:-1] + b"\x01")
    cluster.scheduler()
    cluster.worker()
    with pool_of(cluster, bench) as pool:
        bench.run(pool=pool)
    assert results(bench, bench.study())[0][:-1] == before[0][:-1]
    assert list((bench.store.path / "damaged").rglob("synthetic.npz"))


@pytest.mark.parametrize("how", ["os._exit(3)", "segfault", "killed", "raises", "NaN"])
def test_a_misbehaving_plugin_costs_its_own_cell_and_no_worker(
    bench: Bench, cluster: Cluster, how: str
) -> None:
    cluster.scheduler()
    worker = cluster.worker()
    study = bench.study(generators=("bad", "jitter"), generator={"bad": {"how": how}})
    with pool_of(cluster, bench) as pool:
        before = set(pool.client.scheduler_info()["workers"])
        bench.run(study, pool=pool)
        assert set(pool.client.scheduler_info()["workers"]) == before
    assert [cell.state for cell in bench.plan(study).cells] == ["failed", "done"]
    assert bench.plan(study).cells[0].reason
    assert worker.poll() is None


def test_a_worker_killed_in_mid_fit_costs_only_time(bench: Bench, cluster: Cluster) -> None:
    cluster.scheduler()
    workers = [cluster.worker(), cluster.worker()]
    run = command(bench, cluster, "--seeds=0-3", "--set=generator.jitter.seconds=0.5")
    wait_for(lambda: sum(line.startswith("step") for line in bench.trace) >= 2)
    cells = list(psutil.Process(workers[0].pid).children(recursive=True))
    cluster.kill(workers[0])
    out, _ = run.communicate(timeout=120)
    assert run.returncode == 0, out
    study = bench.study(seeds=(0, 1, 2, 3), generator={"jitter": {"seconds": 0.5}})
    assert [cell.state for cell in bench.plan(study).cells] == ["done"] * 4
    assert "failed" not in out
    assert cells
    assert not any(child.is_running() for child in cells)


@pytest.mark.long
def test_a_client_killed_leaves_no_cell_running_and_the_next_one_goes_on(
    bench: Bench, cluster: Cluster
) -> None:
    cluster.scheduler()
    worker = cluster.worker()
    flags = ("--seeds=0,1", "--set=generator.jitter.seconds=1")
    first = command(bench, cluster, *flags)
    wait_for(lambda: "step 2" in bench.trace)

    def cells() -> int:
        """Processes below the worker in sessions of their own: wardens and what they guard."""
        found = [child.pid for child in psutil.Process(worker.pid).children(recursive=True)]
        return sum(_session(pid) not in (worker.pid, None) for pid in found)

    assert cells()
    first.send_signal(signal.SIGKILL)
    first.communicate()

    wait_for(lambda: not cells(), 30)
    bench.forget_trace()
    second = command(bench, cluster, *flags)
    out, _ = second.communicate(timeout=120)
    assert second.returncode == 0, out
    study = bench.study(seeds=(0, 1), generator={"jitter": {"seconds": 1}})
    assert [cell.state for cell in bench.plan(study).cells] == ["done"] * 2


@pytest.mark.long
def test_a_scheduler_that_is_lost_is_told_and_the_next_run_goes_on(
    bench: Bench, cluster: Cluster
) -> None:
    scheduler = cluster.scheduler()
    worker = cluster.worker()
    environ = {"DASK_DISTRIBUTED__COMM__TIMEOUTS__CONNECT": "3s"}
    os.environ.update(environ)
    try:
        flags = ("--seeds=0-2", "--set=generator.jitter.seconds=0.7")
        run = command(bench, cluster, *flags)
    finally:
        for name in environ:
            del os.environ[name]
    wait_for(lambda: "score spread" in bench.trace)  # the first cell is finished
    wait_for(lambda: Counter(bench.trace)["step 2"] == 2)
    cluster.kill(scheduler)
    out, _ = run.communicate(timeout=120)
    assert run.returncode == 2, out
    assert f"the scheduler at {cluster.address} is lost; finished work is kept" in out
    assert "Traceback" not in out
    study = bench.study(seeds=(0, 1, 2), generator={"jitter": {"seconds": 0.7}})
    assert [cell.state for cell in bench.plan(study).cells] == ["done", "todo", "todo"]
    if worker.poll() is None:
        cluster.kill(worker)
    cluster.scheduler()
    cluster.worker()
    again = command(bench, cluster, *flags)
    out, _ = again.communicate(timeout=120)
    assert again.returncode == 0, out
    assert [cell.state for cell in bench.plan(study).cells] == ["done"] * 3


def test_gpus_are_dask_resources(bench: Bench, cluster: Cluster) -> None:
    cluster.scheduler()
    cluster.worker()
    cluster.worker("--resources", "GPU=1")
    # a pool starts with the first worker, which may be the other one
    with Client(cluster.address, set_as_default=False) as client:
        client.wait_for_workers(2, timeout=60)
    with pool_of(cluster, bench, device="cuda") as pool:
        assert pool.slots == 1
        study = bench.study(seeds=(0, 1))
        bench.run(study, pool=pool, device="cuda")
        workers = pool.client.scheduler_info()["workers"]
    gpu = [w["local_directory"] for w in workers.values() if w["resources"].get("GPU")]
    others = [w["local_directory"] for w in workers.values() if not w["resources"].get("GPU")]
    assert [cell.state for cell in bench.plan(study).cells] == ["done"] * 2
    assert all((Path(folder) / "ecgbench" / "store").is_dir() for folder in gpu)
    assert not any((Path(folder) / "ecgbench" / "store").is_dir() for folder in others)
    assert bench.cell(study).environment["device"] == "cuda"


@pytest.mark.long
@pytest.mark.parametrize("shared", [False, True], ids=["wire", "store"])
def test_cells_of_50_mb_come_either_way(bench: Bench, cluster: Cluster, *, shared: bool) -> None:
    cluster.scheduler()
    cluster.worker()
    bench.files = (*bench.files, bench.files[0].with_name("big.py"))
    bench.store.path.mkdir()
    study = bench.study(metrics=("big", "spread"), seeds=(0, 1))
    with pool_of(cluster, bench, shared=shared) as pool:
        bench.run(study, pool=pool)
    for cell in bench.plan(study).cells:
        assert cell.state == "done", cell.reason
        (file,) = bench.store.folder(cell.id.name).glob("artefacts/big-*-noise.bin")
        assert file.stat().st_size == 50_000_000
        assert bench.store.damage(cell.id.name) is None


def test_an_address_without_a_scheduler_is_a_usage_error(
    bench: Bench, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster_module, "CONNECT", 1)
    with (
        pytest.raises(UsageError, match="no Dask scheduler answers there"),
        pool_of(cluster, bench),
    ):
        pass


@pytest.mark.parametrize("address", ["nowhere", "foo://x:1"])
def test_a_process_ends_whose_scheduler_has_no_address(address: str, tmp_path: Path) -> None:
    run = ["run", "--scheduler", address, "--datasets", "ecgsyn", "--metrics", "mmd"]
    done = subprocess.run(
        [sys.executable, "-m", "ecgbench", *run, "--store", str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 2
    assert f"--scheduler {address}: no Dask scheduler answers there" in done.stderr


def test_a_cluster_without_workers_is_a_usage_error(
    bench: Bench, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster_module, "JOIN", 1)
    cluster.scheduler()
    with pytest.raises(UsageError, match="no worker has joined it"), pool_of(cluster, bench):
        pass


def test_a_store_that_workers_do_not_see_is_told(bench: Bench, cluster: Cluster) -> None:
    cluster.scheduler()
    cluster.worker()
    with pool_of(cluster, bench, shared=True) as pool:
        start = DaskPool.start
        elsewhere = bench.folder / "elsewhere"

        def moved(self: DaskPool, task: Any) -> None:
            start(self, replace(task, store=elsewhere))

        pool.start = moved.__get__(pool)
        with pytest.raises(EcgbenchError, match=r"there is no folder .*elsewhere.*--results wire"):
            bench.run(pool=pool)


def test_a_plugin_of_another_version_on_the_worker_is_told(bench: Bench) -> None:
    task = bench.task(bench.plan().cells[0])
    files = [str(file) for file in bench.files]
    check_plugins(plugins_of(task), discover(files))
    other = replace(
        task, metrics=tuple(_of(metric, origin="good.py 000000000000") for metric in task.metrics)
    )
    with pytest.raises(
        UsageError, match=r"metric level is from good.py [0-9a-f]+ and was from good.py 0+ when"
    ):
        check_plugins(plugins_of(other), discover(files))
    with pytest.raises(UsageError, match="no dataset is called 'cohort'"):
        check_plugins(plugins_of(task), discover())


def _session(pid: int) -> int | None:
    try:
        return os.getsid(pid)
    except ProcessLookupError:
        return None


def _of(record: Any, **changes: Any) -> Any:
    import msgspec

    return msgspec.structs.replace(record, **changes)


def test_without_dask_the_command_says_what_to_install(bench: Bench) -> None:
    code = (
        "import sys; sys.modules['distributed'] = None\n"
        "from ecgbench.harness.cli import main\n"
        f"sys.exit(main(['run', '--plugin', {str(bench.files[0])!r}, '--datasets', 'cohort',"
        f" '--generators', 'jitter', '--store', {str(bench.store.path)!r},"
        " '--scheduler', 'tcp://127.0.0.1:9']))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "pip install 'synthetic-ecgbench[dask]'" in done.stderr
    assert "Traceback" not in done.stderr
