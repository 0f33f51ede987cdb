"""Forged archives: a valid one, changed in every way."""

from __future__ import annotations

import hashlib
import io
import json
import stat
import struct
import zipfile
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
from hypothesis import strategies as st

from ecgbench.results.store.npz import npz
from ecgbench.results.store.records import (
    SEAL,
    UNSEALED,
    CellRecord,
    PlanRecord,
    ScoreRecord,
    digest_of,
)
from ecgbench.results.store.store import sha256

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

from tests.results.exchange.valid import NAME, RECORDS, SKIPPED, SYNTHETIC, VALID

ODD = st.one_of(
    st.sampled_from(
        [
            b"NaN", b"1e999", b"-1e999", b"9" * 40, b"-" + b"9" * 400, b"9" * 5000, b"1e308", b"-1",
            b'"\\ud800"', b'"\xff\xfe"', b'"\\u0000"', b"[" * 3000, b"[" * 400 + b"]" * 400,
            b'{"a":' * 500 + b"1" + b"}" * 500, b"null", b"true", b"0", b"1.5", b'""', b"[]", b"{}",
            b'"../../x"', b'"cohort\\n"', b'"' + b"f" * 64 + b'"', b'{"a": 1, "a": 2}', b"1 ,", b"",
            b"[[1.0], [2.0, 3.0]]", b"[4, 4]", b"[18446744073709551615]", b'"\\u001b[31m"',
        ]
    ),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
        lambda inner: st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=5), inner, max_size=3),
        max_leaves=5,
    ).map(lambda value: json.dumps(value).encode()),
)  # fmt: skip

ABSOLUTE = "/tmp/ecgbench-fuzz-was-here"

NAMES = st.one_of(
    st.sampled_from(
        [
            "../outside/keep", "cells/../../outside/keep", "cells", "cells/", "",
            "leases/x", "provenance/000000000000.json", "board/x", "cells\\x", "damaged/x", ".",
            f"cells/{NAME}/log.txt", f"cells/{NAME}/checkpoint/all/x", f"cells/{NAME}/scores/",
            f"cells/{NAME}/artefacts/.x", f"cells/{NAME}/artefacts/a/b", f"cells/{NAME}/artefacts/x",
            f"cells/{NAME}/artefacts/x\0.png", f"cells/{NAME}/cell.json\n", f"CELLS/{NAME}/cell.json",
            f"cells/cohort/jitter/seed-00-{'0' * 12}/cell.json", f"cells/{NAME}/synthetic.npz/x",
            f"cells/cohort/jitter/seed-7-{'0' * 12}/cell.json", "manifest.json", "Manifest.json",
            f"cells/{NAME}/scores/level-{'0' * 12}.json", f"plans/{'0' * 12}/{'0' * 12}.json",
            ABSOLUTE, *VALID,
        ]
    ),
    st.text(max_size=20),
)  # fmt: skip


@dataclass
class Draft:
    """An archive in the making: entries in order, and the claims about them."""

    entries: list[tuple[str, bytes]]
    manifest: bytes | None = None
    tweaks: dict[int, dict[str, int]] = field(default_factory=dict)

    def paths(self) -> list[str]:
        return [path for path, _ in self.entries]

    def get(self, path: str) -> bytes | None:
        return next((content for name, content in self.entries if name == path), None)

    def put(self, path: str, content: bytes) -> None:
        self.entries = [(n, content if n == path else c) for n, c in self.entries]

    def rename(self, old: str, new: str) -> None:
        self.entries = [
            (new + n.removeprefix(old) if n.startswith(old) else n, c) for n, c in self.entries
        ]

    def told(self) -> bytes:
        """The manifest of these entries."""
        files = [
            {"path": name.encode("utf-8", "replace").decode(), "size": len(c), "sha256": sha256(c)}
            for name, c in self.entries
        ]
        fields = {"schema": 3, "who": "me", "when": "2026", "environment": {"python": "3"}}
        return json.dumps({**fields, "files": files}).encode()

    def zipped(self) -> bytes:
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            entries = [("manifest.json", self.told() if self.manifest is None else self.manifest)]
            for number, (name, content) in enumerate(entries + self.entries):
                info = zipfile.ZipInfo("x")
                info.filename = name  # as it is: the constructor cuts at a NUL
                info.compress_type = zipfile.ZIP_DEFLATED
                info.external_attr = (stat.S_IFREG | 0o644) << 16
                tweaks = self.tweaks.get(number, {})
                info.compress_type = tweaks.get("first_compress_type", info.compress_type)
                archive.writestr(info, content)
                for attribute, value in tweaks.items():
                    if not attribute.startswith("first"):
                        setattr(info, attribute, value)
        return buffer.getvalue()


def sealed(plain: Any, raw: bytes = b"") -> bytes:
    """A record's bytes, sealed; the text ``@@`` in it becomes the raw bytes."""
    content = {**plain, "sha256": UNSEALED.decode()} if isinstance(plain, dict) else plain
    text = json.dumps(content, indent=1, sort_keys=True).encode().replace(b'"@@"', raw) + b"\n"
    digest = hashlib.sha256(text).hexdigest().encode()
    return text.replace(SEAL % UNSEALED, SEAL % digest, 1)


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the paths of all values inside a JSON value."""
    inside = (
        value.items()
        if isinstance(value, dict)
        else enumerate(value)
        if isinstance(value, list)
        else ()
    )
    for key, inner in inside:
        yield (*path, key)
        yield from places(inner, (*path, key))


def place(value: Any, path: tuple[Any, ...]) -> Any:
    for key in path:
        value = value[key]
    return value


def like(old: Any, draw: Callable[..., Any]) -> bytes:
    """The JSON text of another value of the same type."""
    texts = ["", "ok", "failed", "skipped", "x" * 70, "f" * 64, "0" * 12, NAME, SKIPPED.name, "a\n"]
    chosen: dict[type, list[Any]] = {
        bool: [True, False],
        int: [-1, 0, 1, 2, 7, 2**63, 10**30],
        float: [-1.0, 0.0, 1.5, 1e308, -1e308, 5e-324, 1e300],
        str: [*texts, "level", "jitter", "cost", "higher", "level-x", "a\u202e\x1b[31m"],
        list: [[], [old, old], old * 2 if isinstance(old, list) else []],
        dict: [{}, {"a": old}, {"training.csv": "f" * 64}, {"../../outside/keep": "f" * 64}],
    }
    return json.dumps(draw(st.sampled_from(chosen.get(type(old), texts)))).encode()


def replace(value: Any, path: tuple[Any, ...], new: Any) -> None:
    for key in path[:-1]:
        value = value[key]
    value[path[-1]] = new


def change_record(draft: Draft, draw: Callable[..., Any]) -> None:
    """Put an odd value anywhere into a record, and let names and digests agree with it."""
    present = [path for path in draft.paths() if path in RECORDS]
    if not present:
        return
    path = draw(st.sampled_from(present))
    content = draft.get(path)
    assert content is not None
    with suppress(ValueError, RecursionError):
        plain = json.loads(content)
        plain.pop("sha256", None)
        where = draw(st.sampled_from(list(places(plain))))
        raw = draw(ODD) if draw(st.booleans()) else like(place(plain, where), draw)
        replace(plain, where, "@@")
        content = sealed(plain, raw)
        draft.put(path, content)
        if draw(st.booleans()):
            agree(draft, path, content)


def agree(draft: Draft, path: str, content: bytes) -> None:
    """Call a changed record by its name, so its content is looked at too."""
    with suppress(Exception):
        folder = path.rpartition("/")[0]
        if path.endswith("cell.json"):
            name = msgspec.json.decode(content, type=CellRecord).cell.name
            draft.rename(folder + "/", f"cells/{name}/")
        elif "/scores/" in path:
            metric = msgspec.json.decode(content, type=ScoreRecord).metric
            draft.rename(path, f"{folder}/{metric.name}-{metric.key}.json")
        else:
            plan = msgspec.json.decode(content, type=PlanRecord)
            draft.rename(path, f"plans/{plan.board_key}/{digest_of(plan)}.json")


def change_entry(draft: Draft, draw: Callable[..., Any]) -> None:
    """Rename, double, swap, drop, empty or add an entry."""
    if not draft.entries:
        return
    number = st.integers(0, len(draft.entries) - 1)
    i, j = draw(number), draw(number)
    (name, content), (other, others) = draft.entries[i], draft.entries[j]
    match draw(st.sampled_from(["rename", "double", "swap", "drop", "empty", "add", "move"])):
        case "rename":
            draft.entries[i] = (draw(NAMES), content)
        case "double":
            draft.entries.insert(j, (name, draw(st.sampled_from([content, others]))))
        case "swap":
            draft.entries[i], draft.entries[j] = (name, others), (other, content)
        case "drop":
            del draft.entries[i]
        case "empty":
            draft.entries[i] = (name, b"")
        case "add":
            draft.entries.insert(j, (draw(NAMES), draw(st.binary(max_size=10))))
        case "move":
            draft.entries.insert(j, draft.entries.pop(i))


def change_header(draft: Draft, draw: Callable[..., Any]) -> None:
    """Let the zip claim something false about an entry."""
    number = draw(st.integers(0, len(draft.entries)))
    modes = [stat.S_IFLNK, stat.S_IFDIR, stat.S_IFIFO, stat.S_IFCHR, stat.S_IFBLK, stat.S_IFSOCK, 0]
    draft.tweaks[number] = draw(
        st.sampled_from(
            [
                *({"external_attr": (mode | 0o777) << 16} for mode in modes),
                *({"flag_bits": bits} for bits in (1, 0x20, 0x40, 0x800, 0xFFFF)),
                *({"compress_type": kind} for kind in (0, 8, 9, 12, 14, 93, 99)),
                *({"first_compress_type": kind} for kind in (0, 12, 14)),
                *({"file_size": size} for size in (0, 1, 2**31, 2**40)),
                *({"compress_size": size} for size in (0, 1, 2**31, 2**40)),
                *({"header_offset": offset} for offset in (0, 1, 2**31, 2**40)),
                {"CRC": 0},
                {"extract_version": 63},
                {"volume": 7},
            ]
        )
    )


def change_manifest(draft: Draft, draw: Callable[..., Any]) -> None:
    """Put an odd value anywhere into the manifest."""
    plain = json.loads(draft.told())
    replace(plain, draw(st.sampled_from(list(places(plain)))), "@@")
    draft.manifest = json.dumps(plain).encode().replace(b'"@@"', draw(ODD))


def change_arrays(draft: Draft, draw: Callable[..., Any]) -> None:
    """Change an array's header, its dtype, or the bytes of the file of arrays; cell.json agrees."""
    content = draft.get(SYNTHETIC)
    record = draft.get(f"cells/{NAME}/cell.json")
    if content is None or record is None:
        return
    if draw(st.booleans()):
        content = with_header(draw(HEADERS), draw(st.binary(max_size=40)))
    elif draw(st.booleans()):
        content = changed(content, draw)
    else:
        content = npz(
            {
                draw(st.sampled_from(["signals", "x", "indices"])): np.zeros(
                    draw(st.sampled_from([(3, 1, 8), (2, 1, 8), (3, 8), (0, 1, 8), (3, 0, 0), ()])),
                    draw(
                        st.sampled_from(
                            ["<f4", ">f4", "<f8", "<f2", "<i8", "<c8", "<U3", "V0", "M8[s]"]
                        )
                    ),
                ),
                "labels": np.zeros(
                    3, draw(st.sampled_from(["<i8", "<i4", ">i8", "<u8", "<f8", "?"]))
                ),
            }
        )
    draft.put(SYNTHETIC, content)
    with suppress(ValueError, TypeError, RecursionError):
        plain = json.loads(record) | {"synthetic_file": sha256(content)}
        plain["stored"] = draw(st.booleans())
        plain["reference"] = draw(st.booleans())
        plain.pop("sha256", None)
        draft.put(f"cells/{NAME}/cell.json", sealed(plain))


HEADERS = st.one_of(
    st.builds(
        "{{'descr': {}, 'fortran_order': {}, 'shape': {}, }}".format,
        st.sampled_from(
            [
                "'<f4'", "'<i8'", "'O'", "()", "[()]", "[('a', 'O')]", "'V0'", "'<U0'", "None", "'<f4",
                "[('a', '<f4', (0,))]", "'9999999999f8'", "{}", "'f4,'", "'M8[xx]'", "b'f4'",
            ]
        ),
        st.sampled_from(["False", "True", "1", "None", "0L"]),
        st.sampled_from(
            [
                "(3, 1, 8)", "(3,)", "()", "(-1,)", "(0, -1)", "(99999999999,)", "(0, 9" + "9" * 30 + ")",
                "(1099511627776, 1099511627776, 1099511627776, 0)", "(3L,)", "(True,)", "[3]", "(3,",
                "(2**64,)", "(4294967296, 4294967296)",
            ]
        ),
    ),
    st.sampled_from(["", "{", "\\", "'''", "(" * 500, "-" * 3000 + "1", "9" * 6000, "{[]: 1}", "{1}"]),
    st.text(max_size=30),
)  # fmt: skip


def with_header(header: str, data: bytes) -> bytes:
    """Return a file of arrays; its signals have this header."""
    text = header.encode("utf-8", "replace") + b"\n"
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(VALID[SYNTHETIC])) as old, zipfile.ZipFile(buffer, "w") as new:
        signals = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text + data
        # as of 1980: the same draws have to give the same bytes
        new.writestr(zipfile.ZipInfo("signals.npy"), signals)
        new.writestr(zipfile.ZipInfo("labels.npy"), old.read("labels.npy"))
    return buffer.getvalue()


def changed(content: bytes, draw: Callable[..., Any]) -> bytes:
    """Bytes flipped, put in, taken out, or written over from elsewhere."""
    found = bytearray(content)
    for _ in range(draw(st.integers(1, 3))):
        place = draw(st.integers(0, max(0, len(found) - 1)))
        if draw(st.booleans()):  # headers are at the end
            place = max(0, len(found) - 1 - place % 700)
        piece = draw(st.binary(min_size=1, max_size=6))
        match draw(st.sampled_from(["flip", "insert", "cut", "shorten", "copy"])):
            case "flip":
                found[place : place + 1] = piece[:1]
            case "insert":
                found[place:place] = piece
            case "cut":
                del found[place : place + len(piece) ** 3]
            case "shorten":
                del found[place:]
            case "copy":
                found[place : place + 30] = found[:30]
    return bytes(found)


@st.composite
def archives(draw: Callable[..., Any]) -> bytes:
    """A valid archive, changed at one to three places, and in the end perhaps its bytes."""
    draft = Draft(list(VALID.items()))
    changes = [change_record, change_entry, change_header, change_manifest, change_arrays]
    deep = draw(
        st.sampled_from([[change_record], [change_arrays], [change_record, change_arrays], changes])
    )
    for _ in range(draw(st.integers(0, 3))):
        draw(st.sampled_from(deep))(draft, draw)
    with suppress(
        zipfile.BadZipFile, struct.error, OverflowError, UnicodeError, NotImplementedError
    ):
        content = draft.zipped()
        return changed(content, draw) if deep is changes and draw(st.booleans()) else content
    return b"PK\x05\x06" + bytes(18)
