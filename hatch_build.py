"""Install the repository's top-level folders as one package, ``ecgbench``.

A wheel gets ``metrics/`` as ``ecgbench/metrics/`` from the ``sources`` table in pyproject.toml.  Public
modules go to the package's root: the files of ``harness/public/`` and the folders ``harness/contracts/``,
``harness/nn/``, ``harness/recordings/`` and ``harness/testing/``.  An editable install can put only a whole folder on ``sys.path``, so the git-ignored
``build/editable/ecgbench`` is filled with links to the real files; imports, type checkers and editors all
follow them.
"""

import os
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

FOLDERS = ("harness", "generators", "metrics", "datasets", "results")


class EcgbenchPackage(BuildHookInterface):
    """Lay out ``ecgbench`` for a wheel, or link it for ``pip install -e .``."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Add what the ``sources`` table cannot say to ``build_data``."""
        root = Path(self.root)
        public = [*sorted((root / "harness" / "public").glob("[!._]*.*"))]
        public += [root / "harness" / name for name in ("contracts", "nn", "recordings", "testing")]
        public += sorted((root / "harness" / "public").glob("__*__.py"))
        if version != "editable":
            build_data["force_include"] |= {str(p): f"ecgbench/{p.name}" for p in public}
            return
        package = root / "build" / "editable" / "ecgbench"
        package.mkdir(parents=True, exist_ok=True)
        for real in [*(root / folder for folder in FOLDERS), *public]:
            link = package / real.name
            if not os.path.lexists(link):
                link.symlink_to(os.path.relpath(real, package), target_is_directory=real.is_dir())
