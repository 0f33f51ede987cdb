"""Compiling, keeping and loading the kernel, when all goes well and when it does not."""

from __future__ import annotations

import importlib.util
import os
import shutil
import signal
import subprocess
import sys
import time
import tomllib
from functools import cache
from pathlib import Path

import pytest

from ecgbench.contracts.errors import UsageError
from ecgbench.nn import native

COMPILER = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
needs_compiler = pytest.mark.skipif(COMPILER is None, reason="no C compiler")

QUICK = tuple("-O0" if flag == "-O3" else flag for flag in native.FLAGS)
WHICH = f"from ecgbench.nn import native; native.FLAGS = {QUICK}; print(native.kernel().name)"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache, and a process before its first search for the kernel."""
    monkeypatch.setenv("ECGBENCH_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.delenv("ECGBENCH_KERNEL", raising=False)
    monkeypatch.setattr(native, "FLAGS", QUICK)
    monkeypatch.setattr(native, "kernel", cache(native.kernel.__wrapped__))
    monkeypatch.setattr(native, "library", cache(native.library.__wrapped__))
    return tmp_path / "cache" / "kernels"


def forget() -> None:
    native.kernel.cache_clear()
    native.library.cache_clear()


@pytest.fixture
def compiler(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A compiler that counts its runs, and misbehaves as the file ``how`` beside it says."""
    script = tmp_path / "bin" / "cc"
    script.parent.mkdir()
    script.write_text(
        f"""#!/bin/sh
cd {script.parent}
case "$1" in --version) echo a compiler for tests; exit;; esac
echo ran >> runs
. ./how
exec {COMPILER} "$@"
"""
    )
    script.chmod(0o755)
    (script.parent / "how").touch()
    monkeypatch.setenv("CC", str(script))
    return script.parent


@pytest.fixture
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A PATH with no compiler in it, the folder it names, and no compiler among the packages."""
    place = tmp_path / "nowhere"
    place.mkdir()
    monkeypatch.setenv("PATH", str(place))
    monkeypatch.delenv("CC", raising=False)
    monkeypatch.setattr(native, "find_spec", lambda name: None)
    return place


@pytest.fixture
def ziglang(nowhere: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The package in place of the real one: no OpenMP, and files of its own in a given folder."""
    package = tmp_path / "site" / "ziglang"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "__main__.py").write_text(
        f"""
import os, pathlib, sys
zig, cc, *arguments = sys.argv
assert cc == "cc"
for name in ("GLOBAL", "LOCAL"):
    pathlib.Path(os.environ[f"ZIG_{{name}}_CACHE_DIR"], name).touch()
if "-fopenmp" in arguments:
    sys.exit("'omp.h' file not found")
os.environ["PATH"] = os.path.dirname({COMPILER!r})
os.execv({COMPILER!r}, [{COMPILER!r}, *arguments])
"""
    )
    monkeypatch.setenv("PYTHONPATH", str(package.parent))
    monkeypatch.syspath_prepend(package.parent)
    monkeypatch.setattr(native, "find_spec", importlib.util.find_spec)
    return package


def runs(compiler: Path) -> int:
    return len((compiler / "runs").read_text().splitlines())


@needs_compiler
def test_a_kernel_is_compiled_once_and_found_again(folder, compiler):
    assert native.kernel().name == "native"
    (found,) = folder.iterdir()
    assert str(found) in native.kernel().reason
    forget()
    assert native.kernel().name == "native"
    assert runs(compiler) == 1


@needs_compiler
@pytest.mark.parametrize("what", ["FLAGS", "_processor", "version"])
def test_other_flags_processors_and_compilers_have_objects_of_their_own(
    what, folder, compiler, monkeypatch
):
    assert native.kernel().name == "native"
    if what == "FLAGS":
        monkeypatch.setattr(native, "FLAGS", (*native.FLAGS, "-fno-strict-aliasing"))
    elif what == "_processor":
        monkeypatch.setattr(native, "_processor", lambda: b"another")
    else:
        script = compiler / "cc"
        script.write_text(script.read_text().replace("a compiler", "another compiler"))
    forget()
    assert native.kernel().name == "native"
    assert len(list(folder.glob("*.so"))) == 2


@needs_compiler
def test_another_source_has_an_object_of_its_own(folder, tmp_path, monkeypatch):
    assert native.kernel().name == "native"
    source = tmp_path / "gru.c"
    source.write_text(native.SOURCE.read_text() + "\n/* changed */\n")
    monkeypatch.setattr(native, "SOURCE", source)
    forget()
    assert native.kernel().name == "native"
    assert len(list(folder.glob("*.so"))) == 2


def test_without_a_compiler_torch_serves_and_one_note_says_so(nowhere, caplog):
    for _ in range(3):
        assert native.kernel().name == "torch"
    (note,) = caplog.records
    for word in (native.COST, "install one", "pip install 'synthetic-ecgbench[compiler]'"):
        assert word in note.getMessage()


def test_the_extra_that_the_note_names_brings_the_compiler():
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]
    (requirement,) = project["optional-dependencies"]["compiler"]
    assert project["name"] == "synthetic-ecgbench"
    assert requirement.startswith("ziglang>=")


@needs_compiler
def test_where_there_is_no_other_the_compiler_among_the_packages_serves(ziglang, folder):
    assert native.kernel().name == "native"
    assert "one thread" in native.kernel().reason
    assert "ziglang" not in sys.modules
    assert [file.suffix for file in folder.iterdir()] == [".so"]  # the compiler's own are gone


def test_the_systems_compiler_goes_before_the_one_among_the_packages(ziglang, nowhere):
    system = nowhere / "clang"
    system.touch(0o755)
    assert native._compiler() == [str(system)]


def test_a_package_that_cannot_run_is_told(ziglang):
    (ziglang / "__main__.py").unlink()
    with pytest.raises(native.KernelError, match=r"ziglang cc does not run: .*__main__"):
        native.library()


@pytest.mark.parametrize("command", ["/no/such/compiler", "false", "true"])
def test_with_a_compiler_that_does_not_work_torch_serves(command, monkeypatch, caplog):
    monkeypatch.setenv("CC", command)
    assert native.kernel().name == "torch"
    assert len(caplog.records) == 1


@needs_compiler
def test_the_compilers_complaint_is_told(compiler):
    (compiler / "how").write_text("echo out of memory >&2; exit 1")
    with pytest.raises(native.KernelError, match="out of memory"):
        native.library()


@needs_compiler
def test_a_compiler_without_openmp_makes_a_kernel_of_one_thread(compiler):
    (compiler / "how").write_text('case "$*" in *-fopenmp*) echo no such option >&2; exit 1;; esac')
    assert "one thread" in native.kernel().reason


@needs_compiler
def test_a_compiler_killed_in_the_middle_leaves_nothing(folder, compiler, caplog):
    how = compiler / "how"
    how.write_text(
        'while [ "$1" != -o ]; do shift; done; head -c 9999 /dev/zero > "$2"; kill -9 $$'
    )
    assert native.kernel().name == "torch"
    assert not list(folder.iterdir())
    how.write_text("")
    forget()
    assert native.kernel().name == "native"


@needs_compiler
@pytest.mark.parametrize("damage", ["truncated", "changed", "empty"])
def test_a_damaged_object_is_never_loaded_but_made_again(damage, folder, compiler):
    assert native.kernel().name == "native"
    (found,) = folder.iterdir()
    whole = found.read_bytes()
    found.unlink()  # the process holds it open
    damaged = {"truncated": whole[:5000], "changed": whole[:-1] + b"?", "empty": b""}[damage]
    found.write_bytes(damaged)
    forget()
    assert native.kernel().name == "native"
    assert runs(compiler) == 2
    assert [file.read_bytes() for file in folder.iterdir()] == [whole]


@needs_compiler
@pytest.mark.parametrize("kind", ["a file", "read-only"])
def test_where_the_cache_cannot_be_written_a_temporary_folder_serves(kind, folder, monkeypatch):
    cache = folder.parent
    if kind == "a file":
        cache.write_text("in the way")
    elif os.geteuid() == 0:
        pytest.skip("root may write anywhere")
    else:
        cache.mkdir(mode=0o500)
    assert native.kernel().name == "native"
    assert native.library().gru_vector_bits() % 128 == 0


@needs_compiler
def test_two_processes_that_compile_at_once_both_have_a_kernel(folder, compiler):
    (compiler / "how").write_text("sleep 1")
    command = [sys.executable, "-c", WHICH]
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    assert [process.communicate(timeout=60)[0] for process in both] == ["native\n", "native\n"]
    assert native.kernel().name == "native"
    assert runs(compiler) <= 2
    assert all(file.suffix == ".so" for file in folder.iterdir())


@needs_compiler
def test_a_process_killed_while_it_compiles_hinders_no_other(folder, compiler):
    how = compiler / "how"
    how.write_text("sleep 3")
    process = subprocess.Popen([sys.executable, "-c", WHICH])
    while not (compiler / "runs").exists():
        time.sleep(0.02)
        assert process.poll() is None
    process.send_signal(signal.SIGKILL)
    process.wait()
    how.write_text("")
    assert native.kernel().name == "native"
    assert len(list(folder.glob("*.so"))) == 1


def test_the_environment_can_choose_torch(monkeypatch, caplog):
    monkeypatch.setenv("ECGBENCH_KERNEL", "torch")
    assert native.kernel().name == "torch"
    assert "ECGBENCH_KERNEL is torch" in native.kernel().reason
    assert not caplog.records


def test_the_environment_can_insist_on_the_kernel(monkeypatch):
    monkeypatch.setenv("ECGBENCH_KERNEL", "native")
    monkeypatch.setenv("CC", "/no/such/compiler")
    with pytest.raises(native.KernelError, match="/no/such/compiler"):
        native.kernel()


def test_an_unknown_choice_is_an_error_that_names_the_known(monkeypatch):
    monkeypatch.setenv("ECGBENCH_KERNEL", "nativ")
    with pytest.raises(UsageError, match="native or torch"):
        native.kernel()
