"""``python -m ecgbench`` is the command ``ecgbench``."""

import sys

from ecgbench.harness.cli import main

if __name__ == "__main__":
    sys.exit(main())
