from __future__ import annotations

import multiprocessing.forkserver
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from ecgbench.contracts.errors import EcgbenchError
from ecgbench.harness.isolation import process
from ecgbench.harness.isolation.messages import Exit
from ecgbench.harness.isolation.process import Limits
from ecgbench.results.store.progress import Usage
from tests.harness.isolation.conftest import OFF


def call(function: Any, *arguments: Any, **options: Any) -> list[Any]:
    """What was told, and at last the reason of the exit."""
    told = []
    for message in process.call(
        function, *arguments, kinds=sys.modules["processes"].KINDS, **options
    ):
        match message:
            case Exit(reason):
                told.append(reason)
            case Usage():
                pass
            case _:
                told.append(message.value)
    return told


def test_a_fork_server_that_is_killed_while_it_starts_one_is_started_again(targets: Any) -> None:
    call(targets.echo, 1)  # there is one now
    server = multiprocessing.forkserver._forkserver._forkserver_pid  # type: ignore[attr-defined]
    os.kill(server, signal.SIGSTOP)
    found: list[Any] = []
    thread = threading.Thread(target=lambda: found.extend(call(targets.echo, 2)))
    thread.start()
    time.sleep(0.3)  # it waits for an answer
    os.kill(server, signal.SIGKILL)
    thread.join(120)
    assert found == [2, None]


def test_a_fork_server_that_never_starts_one_is_named(
    targets: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def start(process: Any) -> None:
        raise EOFError

    monkeypatch.setattr("multiprocessing.context.ForkServerProcess.start", start)
    with pytest.raises(EcgbenchError, match="was ended 3 times before it could start one"):
        call(targets.echo, 1)


def test_messages_come_in_order_and_the_last_is_the_exit(targets: Any) -> None:
    sent = call(targets.echo, 1, "two", [3.0])
    assert sent == [1, "two", [3.0], None]


@pytest.mark.parametrize(
    ("how", "reason"),
    [
        ("raise", "ValueError: a\nproblem"),
        ("error", "a message for the user"),
        ("sys.exit()", f"{OFF} 0"),
        ("sys.exit(2)", f"{OFF} 2"),
        ("os._exit(0)", f"{OFF} 0"),
        ("os._exit(5)", f"{OFF} 5"),
        ("9", "its process was ended by SIGKILL (out of memory?)"),
        ("11", "its process was ended by SIGSEGV"),
        ("15", "its process was ended by SIGTERM"),
        ("40", "its process was ended by signal 40"),
    ],
)
def test_a_process_that_ends_before_its_time_has_a_reason(
    targets: Any, how: str, reason: str
) -> None:
    assert call(targets.end, how) == ["began", reason]


def test_the_log_receives_what_was_printed(targets: Any, tmp_path: Path) -> None:
    log = tmp_path / "below" / "log.txt"
    assert call(targets.say, log=log) == [None]
    assert sorted(log.read_text("utf-8").splitlines()) == [
        "from a program",
        "to stderr",
        "to stdout ♥",
    ]
    call(targets.say, log=log)
    assert len(log.read_text("utf-8").splitlines()) == 6


def test_the_log_has_the_traceback_of_what_was_raised(targets: Any, tmp_path: Path) -> None:
    call(targets.end, "raise", log=tmp_path / "log.txt")
    assert 'raise ValueError("a\\nproblem")' in (tmp_path / "log.txt").read_text()


def test_a_message_for_the_user_needs_no_traceback(targets: Any, tmp_path: Path) -> None:
    call(targets.end, "error", log=tmp_path / "log.txt")
    assert (tmp_path / "log.txt").read_text() == ""


def test_a_crash_loses_nothing_that_was_printed_and_tells_where_it_was(
    targets: Any, tmp_path: Path
) -> None:
    call(targets.print_and_crash, log=tmp_path / "log.txt")
    text = (tmp_path / "log.txt").read_text()
    assert text.startswith("last words\n")
    assert "in print_and_crash" in text


@pytest.mark.slow
def test_what_is_printed_without_a_log_goes_where_this_process_prints(
    targets: Any, plugins: Path
) -> None:
    code = (
        f"import sys; sys.path.insert(0, {str(plugins)!r})\n"
        "import processes\n"
        "from ecgbench.harness.isolation import process\n"
        "list(process.call(processes.say))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "from a program" in done.stdout


@pytest.mark.parametrize("threads", [1, 2])
def test_torch_and_its_like_use_as_many_threads_as_asked(targets: Any, threads: int) -> None:
    (for_torch, pools, variable), _ = call(targets.threads, limits=Limits(threads=threads))
    assert for_torch == threads
    assert pools == [threads]
    assert variable == str(threads)


def test_memory_that_was_freed_is_there_for_the_next_tensor(targets: Any) -> None:
    *faults, _ = call(targets.page_faults)
    assert max(faults) > 1000
    assert faults[-1] < 100


def test_what_takes_seconds_to_import_is_there_from_the_start(targets: Any) -> None:
    assert call(targets.imported) == [True, None]


def test_the_process_has_the_environment_variables_of_this_moment(
    targets: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The fork server, which may have been started long ago, has those of its start."""
    call(targets.echo)
    monkeypatch.setenv("ECGBENCH_TEST_A", "1")
    assert call(targets.variables) == [{"ECGBENCH_TEST_A": "1"}, None]
    monkeypatch.delenv("ECGBENCH_TEST_A")
    monkeypatch.setenv("ECGBENCH_TEST_B", "2")
    assert call(targets.variables) == [{"ECGBENCH_TEST_B": "2"}, None]


def test_the_process_works_in_the_folder_of_this_moment(
    targets: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    call(targets.echo)
    monkeypatch.chdir(tmp_path)
    call(targets.say, log=Path("log.txt"))
    assert (tmp_path / "log.txt").exists()


def test_closing_the_iterator_ends_the_process(
    targets: Any, wait_for: Any, gone: Any, tmp_path: Path
) -> None:
    messages = process.call(targets.sleep, tmp_path / "pid", kinds=targets.KINDS)
    assert next(messages) == targets.Value("sleeping")
    messages.close()  # type: ignore[attr-defined]  # it is a generator
    wait_for(lambda: gone(int((tmp_path / "pid").read_text())))


def test_ctrl_c_is_left_to_this_process(targets: Any) -> None:
    assert call(targets.interrupts) == ["still here", None]


@pytest.mark.slow
@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGINT])
def test_the_process_dies_with_this_one_however_that_ends(
    targets: Any, wait_for: Any, gone: Any, plugins: Path, tmp_path: Path, end: signal.Signals
) -> None:
    code = (
        f"import sys; sys.path.insert(0, {str(plugins)!r})\n"
        "from pathlib import Path\n"
        "import processes\n"
        "from ecgbench.harness.isolation import process\n"
        f"for message in process.call(processes.sleep, Path({str(tmp_path / 'pid')!r}), kinds=processes.KINDS):\n"
        "    print(message.value, flush=True)\n"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", code],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    )
    assert parent.stdout is not None
    assert parent.stdout.readline() == "sleeping\n"
    parent.send_signal(end)
    parent.wait(60)
    parent.stdout.close()
    wait_for(lambda: gone(int((tmp_path / "pid").read_text())))


def test_a_thread_that_a_plugin_leaves_running_holds_up_nobody(
    targets: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "GRACE", 0.2)
    assert call(targets.leave_a_thread) == [1, None]


def test_a_process_that_a_plugin_leaves_running_holds_up_nobody(
    targets: Any, gone: Any, tmp_path: Path
) -> None:
    assert call(targets.leave_a_child, tmp_path / "pid") == [f"{OFF} 3"]
    assert gone(int((tmp_path / "pid").read_text()))


def test_a_plugin_may_start_processes_of_its_own(targets: Any) -> None:
    assert call(targets.start_a_process) == [49, None]


def test_a_message_that_a_worker_may_not_send_is_not_heard(targets: Any) -> None:
    assert call(targets.forge) == ["sound", None]


def test_files_of_the_users_folder_do_not_stand_for_modules_of_python(
    targets: Any, tmp_path: Path
) -> None:
    """A new fork server starts with the user's folder as its own."""
    for name in ("random", "socket", "numpy"):
        (tmp_path / f"{name}.py").write_text("raise ImportError('the wrong file')\n")
    script = (
        "import os, sys\n"
        "from ecgbench.harness.isolation import process\n"
        f"sys.path.append({str(Path(targets.__file__).parent)!r})\n"
        "import processes\n"
        "for message in process.call(processes.echo, 3, kinds=processes.KINDS): print(message)\n"
        "assert 'PYTHONSAFEPATH' not in os.environ\n"
    )
    (tmp_path / "elsewhere").mkdir()
    file = tmp_path / "elsewhere" / "script.py"
    file.write_text(script)
    done = subprocess.run(
        [sys.executable, file], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "the wrong file" not in done.stderr
    assert "value=3" in done.stdout


def test_a_process_may_start_scripts_beside_their_modules(targets: Any) -> None:
    assert call(targets.safe_path) == [None, None]
