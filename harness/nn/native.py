"""``gru.c``, compiled for this processor at first use, kept in the user's cache, and loaded.

The compiled object is a file ``kernels/gru-KEY-DIGEST.so`` of the cache (`cache_dir`).  KEY hashes the
source, the compiler's version, the flags and the processor.  DIGEST hashes the object itself.  Only an
object with its own digest in its name is loaded: a truncated one would crash the process.  The object is
written under another name, and renamed when it is whole and on disk.  So a killed compiler leaves nothing
that looks like an object, and each of several processes that compile at once puts a whole one there.  If
the cache cannot be written, a process compiles into a temporary folder.

The compiler is the one in ``CC``, else the system's, else the one in the package ``ziglang`` (the extra
``compiler``).  That is Clang: its code is as fast, but without OpenMP, so on one thread.

The environment variable ``ECGBENCH_KERNEL`` is ``native`` (fail without the kernel), ``torch`` (do not
use it), or unset (use it if there is one).
"""

from __future__ import annotations

import ctypes
import hashlib
import logging
import os
import platform
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from ecgbench.contracts.errors import DataError, EcgbenchError, UsageError
from ecgbench.environment import cache_dir

SOURCE = Path(__file__).with_name("gru.c")
COMPILERS = ("cc", "gcc", "clang")

FLAGS = (
    "-std=gnu11",
    "-O3",
    "-march=native",
    "-ffp-contract=fast",  # a product and a sum in one instruction
    "-fno-math-errno",
    "-fno-trapping-math",
    "-fno-signed-zeros",
    # not -ffast-math: NaN must come through, and the order of sums is written in the source
    "-fPIC",
    "-shared",
)
OPENMP = ("-fopenmp",)
"""Left out if the compiler has no OpenMP.  GCC's is torch's own: threads are not started twice."""

COST = "takes 3 to 6 times as long as native"
"""Of torch: a joint iteration, on one thread 3 to 4, on two 5 to 6 (``tests/benchmarks/test_recurrent.py``)."""

SECONDS = 300.0
"""Seconds until a compiler is given up."""


COMPILING = "compiling-"


class KernelError(EcgbenchError):
    """There is no kernel; the message says why, and how to get one."""


@dataclass(frozen=True)
class Kernel:
    """The kernel of recurrent stacks on the CPU.

    Attributes:
        name: ``native`` or ``torch``.
        reason: why, in words for the user.
    """

    name: str
    reason: str


@cache
def kernel() -> Kernel:
    """Return the kernel of `RecurrentStack` for float32 on the CPU in this process.

    The first call compiles it, in a few seconds, unless the cache has it.  Without a compiler a note is
    logged, once.

    Raises:
        UsageError: ``ECGBENCH_KERNEL`` has an unknown value.
        KernelError: it is ``native``, and there is no kernel.
    """
    wanted = os.environ.get("ECGBENCH_KERNEL") or None
    if wanted not in {None, "native", "torch"}:
        raise UsageError(f"ECGBENCH_KERNEL is {wanted!r}: set it to native or torch, or unset it")
    if wanted == "torch":
        return Kernel("torch", f"{COST}; ECGBENCH_KERNEL is torch")
    try:
        loaded = library()
    except KernelError as error:
        if wanted == "native":
            raise
        instead = Kernel("torch", f"{COST}; {error}")
        logging.getLogger(__name__).warning("recurrent networks run in torch: %s", instead.reason)
        return instead
    threads = "OpenMP" if loaded.gru_has_threads() else "one thread, the compiler has no OpenMP"
    built = f"vectors of {loaded.gru_vector_bits()} bits, {threads}, {Path(loaded._name)}"  # noqa: SLF001 - the path it was loaded from has no other name
    return Kernel("native", built)


@cache
def library(*, double: bool = False) -> ctypes.CDLL:
    """Return the loaded kernel.

    Args:
        double: the same source in float64, for tests.

    Raises:
        KernelError: there is no compiler, or it fails.
    """
    compiler = _compiler()
    with tempfile.TemporaryDirectory(prefix="ecgbench-") as temporary:
        version = _run(compiler, ["--version"], temporary)
    if version.returncode != 0:
        raise KernelError(f"the C compiler {shlex.join(compiler)} does not run: {_last(version)}")
    flags = (*FLAGS, *(["-DDOUBLE"] if double else []))
    how = repr((version.stdout, compiler, flags, OPENMP)).encode()
    made_from = [SOURCE.read_bytes(), how, _processor()]
    key = hashlib.sha256(b"\0".join(made_from)).hexdigest()[:24]
    try:
        folder = cache_dir() / "kernels"
        for found in sorted(folder.glob(f"gru-{key}-*.so")):
            if loaded := _load(found):
                return loaded
        folder.mkdir(parents=True, exist_ok=True)
        _remove_remains(folder)
        return _built(compiler, flags, folder, key)
    except (
        OSError,
        DataError,
    ):  # there is no cache, it cannot be written, or no program in it may run
        with tempfile.TemporaryDirectory(prefix="ecgbench-") as temporary:
            try:
                return _built(compiler, flags, Path(temporary), key)
            except OSError as error:
                raise KernelError(f"the compiled kernel cannot be used: {error}") from error


def _compiler() -> list[str]:
    if chosen := os.environ.get("CC"):
        return shlex.split(chosen)
    for name in COMPILERS:
        if path := shutil.which(name):
            return [path]
    if find_spec("ziglang"):
        return [sys.executable, "-m", "ziglang", "cc"]
    raise KernelError(
        f"no C compiler ({', '.join(COMPILERS)}) is on PATH; install one (gcc, say), name one in CC, "
        "or pip install 'synthetic-ecgbench[compiler]'"
    )


def _processor() -> bytes:
    """Return the processor's model and instruction sets: ``-march=native`` depends on them."""
    lines = [platform.machine(), platform.processor()]
    try:
        told = Path("/proc/cpuinfo").read_text("utf-8").split("\n\n", 1)[0].splitlines()
    except OSError:
        told = []
    names = ("model name", "flags", "Features", "CPU implementer", "CPU part")
    return "\n".join(lines + [line for line in told if line.startswith(names)]).encode()


def _remove_remains(folder: Path) -> None:
    """Remove the remains of processes that were killed while they compiled."""
    for remains in folder.glob(f"{COMPILING}*"):
        if time.time() - remains.stat().st_mtime > SECONDS:
            shutil.rmtree(remains, ignore_errors=True)


def _built(compiler: list[str], flags: tuple[str, ...], folder: Path, key: str) -> ctypes.CDLL:
    """Compile into ``folder`` and load.

    Raises:
        OSError: the folder cannot be written, or nothing in it loaded.
        KernelError: the compiler failed.
    """
    with tempfile.TemporaryDirectory(prefix=COMPILING, dir=folder) as temporary:
        made = Path(temporary) / "gru.so"
        for more in (OPENMP, ()):
            done = _run(compiler, [*flags, *more, "-o", str(made), str(SOURCE)], temporary)
            if done.returncode == 0:
                break
        else:
            raise KernelError(f"{shlex.join(compiler)} cannot compile {SOURCE}: {_last(done)}")
        with made.open("rb+") as stream:
            digest = hashlib.sha256(stream.read()).hexdigest()
            os.fsync(stream.fileno())
        whole = made.replace(folder / f"gru-{key}-{digest}.so")
    loaded = _load(whole)
    if loaded is None:
        raise OSError(f"{whole} cannot be loaded")
    return loaded


def _run(
    compiler: list[str], arguments: list[str], folder: str
) -> subprocess.CompletedProcess[str]:
    """Run a compiler that may keep files of its own in ``folder``.

    Zig's writes 50 MB, by default into the user's home; if it cannot write there, it tries for ever.

    Raises:
        KernelError: it does not start or does not end.
    """
    own = {"ZIG_GLOBAL_CACHE_DIR": folder, "ZIG_LOCAL_CACHE_DIR": folder}
    try:
        return subprocess.run(
            [*compiler, *arguments],
            capture_output=True,
            text=True,
            check=False,
            timeout=SECONDS,
            env=os.environ | own,
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise KernelError(f"the C compiler {shlex.join(compiler)} does not run: {error}") from error


def _last(done: subprocess.CompletedProcess[str]) -> str:
    """Return the last line of a program's complaint."""
    return (done.stderr.strip().splitlines() or ["no message"])[-1]


def _load(path: Path) -> ctypes.CDLL | None:
    """Load an object if its digest is that of its name; else remove it if possible."""
    try:
        if hashlib.sha256(path.read_bytes()).hexdigest() == path.stem.rpartition("-")[2]:
            return _declared(ctypes.CDLL(str(path)))
        path.unlink()
    except OSError:
        pass
    return None


def _declared(kernel: ctypes.CDLL) -> ctypes.CDLL:
    pointer, number, size = ctypes.c_void_p, ctypes.c_int, ctypes.c_int64
    for name, result, arguments in (
        ("gru_has_threads", number, []),
        ("gru_vector_bits", number, []),
        ("gru_states_size", size, [pointer]),
        ("gru_gradients_size", size, [pointer]),
        ("gru_scratch_size", size, [pointer, number, number]),
        ("gru_forward", None, [pointer, number, *[pointer] * 5]),
        ("gru_backward", None, [pointer, number, *[pointer] * 8]),
    ):
        function = getattr(kernel, name)
        function.restype, function.argtypes = result, arguments
    return kernel
