"""Facts for help and reference: examples of commands, exit codes, environment variables."""

from __future__ import annotations

EXAMPLES: dict[str, tuple[str, str]] = {
    "run": (
        "ecgbench run --generators timegan --study smoke --datasets ecgsyn",
        "ecgbench run --datasets mitdb --seeds 0-5 --set generator.timegan.hidden=32",
    ),
    "leaderboard": (
        "ecgbench leaderboard",
        "ecgbench leaderboard --dataset mitdb --format markdown",
    ),
    "report": (
        "ecgbench report --out site/",
        "ecgbench report --store leaderboards/mitdb-v1/store --out site/",
    ),
    "compare": (
        "ecgbench compare timegan gaussian-noise",
        "ecgbench compare gmm kde --dataset mitdb --json",
    ),
    "plot": (
        "ecgbench plot windows --dataset mitdb --generators timegan,vae --out windows.pdf",
        "ecgbench plot people --dataset mitdb --generators gmm,vae --out people.svg",
    ),
    "tune": (
        "ecgbench tune vae --trials 30",
        "ecgbench tune kde --dataset ecgsyn --study smoke --out kde.toml",
    ),
    "audit": (
        "ecgbench audit --metrics mmd,copied-share --datasets mitdb",
        "ecgbench audit --plugin my_metric.py --metrics my-metric --datasets ecgsyn",
    ),
    "status": (
        "ecgbench status",
        "ecgbench status --store /shared/results --json",
    ),
    "list": (
        "ecgbench list",
        "ecgbench list metrics --plugin my_metric.py",
    ),
    "show": (
        "ecgbench show generator timegan",
        "ecgbench show mitdb/timegan/seed-0",
    ),
    "new": (
        "ecgbench new generator my-model",
        "ecgbench new metric my-metric --file",
    ),
    "check": (
        "ecgbench check my-metric",
        "ecgbench check my_metric.py",
    ),
    "dataset": (
        "ecgbench dataset check clinic.toml",
        "ecgbench dataset check mitdb",
    ),
    "fetch": (
        "ecgbench fetch mitdb",
        "ecgbench fetch ludb --data-dir .",
    ),
    "explore": (
        "ecgbench explore mitdb --out mitdb.html",
        "ecgbench explore ludb --set dataset.ludb.leads=II,V1 --json",
    ),
    "split": (
        "ecgbench split mitdb --seed 0 --out split/",
        "ecgbench split ecgsyn --seed 1 --study smoke --format wfdb --out split/",
    ),
    "score": (
        "ecgbench score mine.npz --name my-model",
        "ecgbench score beats.csv --rate 125 --resample --name my-model --dataset mitdb --seed 0",
    ),
    "sample": (
        "ecgbench sample mitdb/gmm/seed-0 --n 500 --format wfdb --out gmm/",
        "ecgbench sample ecgsyn/timegan/seed-1 --format csv --out timegan/",
    ),
    "reproduce": (
        "ecgbench reproduce mitdb/timegan/seed-0",
        "ecgbench reproduce ecgsyn/my-model/seed-0 --plugin my_model.py",
    ),
    "export": (
        "ecgbench export --out mine.zip",
        "ecgbench export mitdb/gmm/seed-0 --out gmm.zip --by 'A. Researcher'",
    ),
    "merge": (
        "ecgbench merge theirs.zip --dry-run",
        "ecgbench merge theirs.zip --verify",
    ),
    "forget": (
        "ecgbench forget gmm --dataset mitdb",
        "ecgbench forget quick/mitdb --yes",
    ),
    "doctor": (
        "ecgbench doctor",
        "ecgbench doctor --plugin my_model.py --data-dir .",
    ),
}
"""By command."""

EXITS = {
    0: "all is well",
    1: "a cell, a score, a check or a comparison failed; the help of the command says which",
    2: "wrong usage, a wrong setting, or a file that cannot be read or written",
    130: "interrupted; finished work is kept, and the same command continues",
}
"""The exit codes of all commands."""

VARIABLES = {
    "ECGBENCH_DATA_DIR": "folder with datasets, like `--data-dir`",
    "ECGBENCH_STORE": "the store, like `--store`",
    "ECGBENCH_CACHE_DIR": "cache of fetched datasets and their windows; default: the user's cache folder",
    "ECGBENCH_PHYSIONET_URL": "another server of PhysioNet's layout, for mirrors",
    "ECGBENCH_DISABLE": (
        "plugins to leave out, comma list of `distribution:entry-point` or `distribution`"
    ),
    "ECGBENCH_KERNEL": "`native` or `torch`: the recurrent kernel",
    "CC": (
        "the C compiler of the native kernel; default: `cc`, `gcc`, `clang`, then the one of the extra "
        "`compiler`"
    ),
}
"""Environment variables, each with its meaning in Markdown."""


def epilog(command: str) -> str | None:
    """Return the end of a command's help; None without examples."""
    if command not in EXAMPLES:
        return None
    # click leaves the lines of a paragraph that starts with \b as they are
    return "\n".join(["\b", "Examples:", *(f"  {example}" for example in EXAMPLES[command])])
