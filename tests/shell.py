"""A shell of a user: a folder and an environment of its own, for commands as they are printed."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import sysconfig
from dataclasses import dataclass
from pathlib import Path


@dataclass
class Shell:
    """Runs commands in a folder, in a virtual environment that sees this one's packages.

    Attributes:
        folder: the working folder.
        python: the environment's; None before the first command.
        printed: by the last command, standard output and error.
    """

    folder: Path
    python: Path | None = None
    printed: str = ""

    def __call__(self, line: str) -> str:
        """Run a command; return its standard output.

        Raises:
            AssertionError: it fails.
        """
        words = shlex.split(line, comments=True)
        done = self._run(*self._words(words))
        self.printed = done.stdout + done.stderr
        assert done.returncode == 0, f"{line}\n{self.printed}"
        return done.stdout

    def _words(self, words: list[str]) -> list[str]:
        python = str(self._environment())
        program, *rest = words
        if program == "pip":
            # nothing comes from an index: the packages of this environment are seen
            offline = ["--no-deps", "--no-build-isolation", "--no-index"]
            return [sys.executable, "-m", "pip", "--python", python, *rest, *offline]
        if program == "python":
            return [python, *rest]
        return [python, "-m", program, *rest] if program in ("ecgbench", "pytest") else words

    def _environment(self) -> Path:
        if self.python is None:
            home = self.folder / ".venv"
            self._run(sys.executable, "-m", "venv", "--without-pip", str(home))
            self.python = home / "bin" / "python"
            find = "import sysconfig; print(sysconfig.get_path('purelib'))"
            packages = Path(self._run(str(self.python), "-c", find).stdout.strip())
            mine = sysconfig.get_path("purelib")
            (packages / "parent.pth").write_text(f"import site; site.addsitedir({mine!r})\n")
        return self.python

    def _run(self, *words: str) -> subprocess.CompletedProcess[str]:
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("PYTEST_", "ECGBENCH_"))
        }
        return subprocess.run(
            words,
            cwd=self.folder,
            env=kept | {"ECGBENCH_CACHE_DIR": str(self.folder / ".cache"), "COLUMNS": "200"},
            capture_output=True,
            text=True,
            check=False,
        )
