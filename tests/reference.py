"""Write the reference of docs/reference from specs, docstrings and options: ``python tests/reference.py``.

A test compares the pages with the code, so nothing in them is written by hand.
"""

from __future__ import annotations

import inspect
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import click

import ecgbench
from ecgbench.contracts import hooks
from ecgbench.contracts.families import FAMILIES
from ecgbench.contracts.specs import MetricSpec, PluginSpec
from ecgbench.harness.cli import COMMANDS, cli
from ecgbench.harness.cli.help import EXAMPLES, EXITS, VARIABLES
from ecgbench.harness.planning.cards import card
from ecgbench.harness.planning.catalog import SPEC_OF_HOOK, discover
from ecgbench.processing import BeatWindowConfig

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from ecgbench.contracts.specs import Kind
    from ecgbench.harness.planning.catalog import Entry

FOLDER = Path(__file__).parents[1] / "docs" / "reference"
COMMAND = "python tests/reference.py"
SAYS = f"<!-- written by {COMMAND}; do not edit -->"
USUAL = [
    ("ranked", True),
    ("reference", False),
    ("redistributable", False),
    ("needs_labels", False),
    ("needs_patients", False),
    ("needs_both_folds", False),
]
"""Facts without a line of their own."""

CLASSES = (
    ecgbench.EcgWindows,
    ecgbench.Splits,
    ecgbench.Context,
    ecgbench.Generator,
    ecgbench.Comparison,
    ecgbench.Score,
    ecgbench.Contributions,
    ecgbench.Term,
    ecgbench.Costs,
)


def main() -> None:
    """Write the pages."""
    FOLDER.mkdir(exist_ok=True)
    for name, text in pages().items():
        (FOLDER / name).write_text(text, "utf-8")


def pages() -> dict[str, str]:
    """Return the text of each page by its file name."""
    kinds: tuple[Kind, ...] = ("generator", "dataset", "metric")
    made = {f"{kind}s.md": _kind(kind) for kind in kinds}
    made |= {"commands.md": _commands(), "contract.md": _contract()}
    return {name: "\n".join([SAYS, *lines, ""]) for name, lines in made.items()}


def _kind(kind: Kind) -> Iterator[str]:
    entries = [entry for entry in discover([]).of_kind(kind) if entry.origin.built_in]
    yield f"# Built-in {kind}s"
    if kind != "metric":
        for entry in entries:
            yield from _plugin(entry, "##")
        return
    for name, family in FAMILIES.items():
        yield from ("", f"## {family.title[0].upper()}{family.title[1:]}")
        for entry in entries:
            if cast("MetricSpec", entry.spec).family == name:
                yield from _plugin(entry, "###")


def _plugin(entry: Entry, level: str) -> Iterator[str]:
    facts = card(entry)
    yield from ("", f"{level} `{facts['name']}`", "", f"{_sentence(facts['summary'])}", "")
    told = ("kind", "name", "summary", "settings", "target", "origin")
    for fact, value in facts.items():
        is_usual = value in ("", None, []) or (fact, value) in USUAL
        if fact not in told and not is_usual:
            yield f"- {fact.replace('_', ' ')}: {_value(fact, value)}"
    columns = ("name", "type", "default", "limits", "smoke", "search", "description")
    rows = [
        [_setting(column, setting[column]) for column in columns] for setting in facts["settings"]
    ]
    if rows:
        yield ""
        yield from _table(("setting", *columns[1:-1], "meaning"), rows)


def _value(fact: str, value: Any) -> str:
    if fact == "formula":
        return f"`{value}`"
    if fact == "bounds":
        low, high = value
        return f"{'−∞' if low is None else f'{low:g}'} to {'∞' if high is None else f'{high:g}'}"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dict):
        return f"PhysioNet {value['slug']} {value['version']}"
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _setting(column: str, value: Any) -> str:
    if column == "name":
        return f"`{value}`"
    return "" if value is None and column != "default" else str(value)


def _commands() -> Iterator[str]:
    yield "# Commands"
    context = click.Context(cli, info_name="ecgbench")
    for name in COMMANDS:
        command = cli.get_command(context, name)
        assert command is not None
        inner = click.Context(command, info_name=name, parent=context)
        # click 8.1.0 has an optional choice in two pairs of brackets
        usage = re.sub(r"\[(\[.+?\])\]", r"\1", " ".join(command.collect_usage_pieces(inner)))
        yield from (
            "",
            f"## `ecgbench {name}`",
            "",
            "```text",
            f"ecgbench {name} {usage}".rstrip(),
            "```",
        )
        for paragraph in inspect.cleandoc(command.help or "").split("\n\n"):
            yield from ("", " ".join(paragraph.replace("``", "`").split()))
        yield ""
        options = [param for param in command.params if isinstance(param, click.Option)]
        yield from _table(("option", "meaning"), (_option(option, inner) for option in options))
        yield from ("", "```", *EXAMPLES.get(name, ()), "```")
    yield from ("", "## Exit codes", "")
    yield from _table(("code", "meaning"), ((str(code), text) for code, text in EXITS.items()))
    yield from ("", "## Environment variables", "")
    yield from _table(("variable", "meaning"), ((f"`{n}`", text) for n, text in VARIABLES.items()))


def _option(option: click.Option, context: click.Context) -> tuple[str, str]:
    record = option.get_help_record(context)
    assert record is not None
    return f"`{record[0]}`", record[1]


def _contract() -> Iterator[str]:
    yield from (
        "# Hooks, specs and data",
        "",
        "All names are of the package `ecgbench`.",
        "",
        "## Hooks",
    )
    for name, spec in SPEC_OF_HOOK.items():
        line = inspect.getdoc(getattr(hooks, name)) or ""
        yield from ("", f"### `{name}()`", "", f"{line} Each is a `{spec.__name__}`.")
    yield from ("", "## Specs", "", "Fields of every spec:", "")
    yield from _attributes(PluginSpec)
    for spec in SPEC_OF_HOOK.values():
        yield from _class(spec)
    yield from _class(ecgbench.PhysioNet)
    yield from ("", "## Data")
    for cls in CLASSES:
        yield from _class(cls)
    yield from ("", "### `processing.BeatWindowConfig`", "", _summary(BeatWindowConfig), "")
    yield from _table(
        ("setting", "default", "meaning"),
        (
            (f"`{field.name}`", str(field.default), field.type.__metadata__[0].description)
            for field in ecgbench.contracts.config.fields(BeatWindowConfig)
        ),
    )


def _class(cls: type) -> Iterator[str]:
    yield from ("", f"### `{cls.__name__}`", "", _summary(cls))
    if documented(cls):
        yield from ("", *_attributes(cls))
    methods = [*_methods(cls)]
    if methods:
        yield ""
        yield from _table(("method", "result"), methods)


def _summary(cls: type) -> str:
    return " ".join((inspect.getdoc(cls) or "").split("\n\n")[0].split()).replace("``", "`")


def _attributes(cls: type) -> Iterator[str]:
    rows = ((f"`{name}`", text) for name, text in documented(cls).items())
    yield from _table(("attribute", "meaning"), rows)


def documented(cls: type) -> dict[str, str]:
    """Return the attributes in the docstring of a class, with their meanings in Markdown."""
    _, _, section = (inspect.getdoc(cls) or "").partition("Attributes:\n")
    found = re.findall(r"^    (\w+): (.+(?:\n {8}.+)*)", section, re.MULTILINE)
    return {name: " ".join(text.replace("``", "`").split()) for name, text in found}


def _methods(cls: type) -> Iterator[tuple[str, str]]:
    for name, method in vars(cls).items():
        function = getattr(method, "__func__", method)
        if inspect.isfunction(function) and not name.startswith("_"):
            names = [p for p in inspect.signature(function).parameters if p not in ("self", "cls")]
            yield f"`{name}({', '.join(names)})`", _summary(cast("type", function))


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(head)} |"
    yield f"|{'---|' * len(head)}"
    for row in rows:
        cells = (" ".join(cell.split()).replace("|", r"\|") for cell in row)
        yield f"| {' | '.join(cells)} |"


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}."


if __name__ == "__main__":
    main()
