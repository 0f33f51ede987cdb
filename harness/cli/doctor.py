"""``ecgbench doctor``: versions, devices, data, and problems."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

import ecgbench
from ecgbench.contracts.errors import DataError, EcgbenchError
from ecgbench.contracts.plain import plain
from ecgbench.environment import cache_dir, environment
from ecgbench.harness.cli import COMMANDS, incomplete_installation, other_distribution
from ecgbench.harness.cli.options import data_dir_option, plugin_option, store_option
from ecgbench.harness.data import physionet
from ecgbench.harness.planning.catalog import Catalog, discover
from ecgbench.results.store.store import Store


@click.command()
@plugin_option
@data_dir_option
@store_option
def doctor(plugins: tuple[Path, ...], data_dir: Path | None, store_path: Path) -> int:
    """Tell versions, devices, the data found and every problem; exit code 1 if there is one."""
    problems: list[str] = []
    if other := other_distribution():
        problems.append(
            f"the unrelated distribution ecgbench {other} is installed here and overwrites this "
            "package's files: pip uninstall ecgbench, then pip install --force-reinstall "
            "synthetic-ecgbench"
        )
    problems += _lacking()
    catalog = Catalog()
    try:
        catalog = discover(plugins)
    except EcgbenchError as error:
        problems.append(str(error))
    problems += [f"plugin {problem}" for problem in catalog.problems]
    for (kind, name), entries in sorted(catalog.entries.items()):
        if len(entries) > 1:
            owners = " and ".join(f"{e.origin} ({e.origin.plugin})" for e in entries)
            problems.append(
                f"{kind} {name} is claimed by {owners}; leave one out: ECGBENCH_DISABLE"
            )
    facts = _machine()
    try:
        facts["cache"] = f"{cache_dir()}"
    except DataError as error:
        problems.append(str(error))
    else:
        facts |= _data(catalog, data_dir, problems)
    facts["store"] = _store(store_path, problems)
    facts["plugins"] = f"{len(catalog.entries)} found, {len(catalog.problems)} problems"
    console = Console()
    table = Table(box=None, show_header=False)
    table.add_column(style="dim")
    table.add_column(overflow="fold")
    for name, value in facts.items():
        table.add_row(name, Text(plain(value)))
    console.print(table)
    for problem in problems:
        console.print(Text(f"problem: {plain(problem)}", style="red"), soft_wrap=True)
    console.print(Text("all is well", style="green") if not problems else "", end="\n")
    return 1 if problems else 0


def _lacking() -> list[str]:
    """Return the problem of an installation without some of its modules.

    An editable one is made of links, which an update of the code does not make.
    """
    package = Path(ecgbench.__file__).parent
    beside = Path(ecgbench.__file__).resolve().parent  # where the links lead
    modules = [f"ecgbench.{file.stem}" for file in sorted(beside.glob("[!_]*.py"))]
    modules = [name for name in modules if not (package / f"{name.partition('.')[2]}.py").exists()]
    try:
        for target, _ in COMMANDS.values():
            import_module(target.partition(":")[0])
    except ModuleNotFoundError as error:
        return [incomplete_installation(error)]
    return [incomplete_installation(ModuleNotFoundError(name=name)) for name in modules[:1]]


def _machine() -> dict[str, str]:
    found = environment()
    facts = {
        "python": found["python"],
        "system": found["system"],
        "processor": f"{found['processor']}, {found['cores']} cores, {found['memory_gib']} GiB",
    }
    facts |= {name: version or "not installed" for name, version in found["packages"].items()}
    import torch  # noqa: PLC0415 - a second to import, and it may be the problem

    from ecgbench.nn import native  # noqa: PLC0415 - as below

    names = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
    facts["devices"] = ", ".join(["cpu", *(f"cuda:{i} {name}" for i, name in enumerate(names))])
    kernel = native.kernel()
    facts["recurrent kernel"] = f"{kernel.name}: {kernel.reason}"
    return facts


def _data(catalog: Catalog, data_dir: Path | None, problems: list[str]) -> dict[str, str]:
    facts = {}
    for entry in catalog.of_kind("dataset"):
        source = catalog.dataset(entry.spec.name).source
        where = f"dataset {entry.spec.name}"
        if source is None:
            facts[where] = "embedded"
            continue
        folder = physionet.find(source, data_dir)
        if folder is None:
            facts[where] = f"not on this machine: ecgbench fetch {entry.spec.name}"
            continue
        try:
            physionet.verify(source, folder)
        except DataError as error:
            problems.append(str(error))
            facts[where] = f"damaged: {folder}"
        else:
            facts[where] = f"complete and verified: {folder}"
    return facts


def _store(path: Path, problems: list[str]) -> str:
    store = Store(path)
    try:
        count = sum(1 for _ in store.cell_names())
        store.plans()
    except EcgbenchError as error:
        problems.append(str(error))
        return f"{store.path} (damaged)"
    return f"{store.path} ({count} cells)"
