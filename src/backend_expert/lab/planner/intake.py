"""What a file that was handed in turns out to be: text within bounds, or one sentence that says why not."""

from __future__ import annotations

import gzip
import io
import subprocess
import zlib
from pathlib import Path

from msgspec import Struct

from backend_expert.lab.planner.binaries import MINIMAL_ENVIRONMENT, find_binaries
from backend_expert.lab.planner.errors import InputError
from backend_expert.model import Text

MOST_BYTES = 256 << 20
"""Largest text that is read, decompressed: a schema of 10,000 tables with statistics has about 100 MB."""

_CUSTOM_DUMP = b"PGDMP"
_GZIP = b"\x1f\x8b"
_CONVERT_S = 60.0


class Rejected(Struct, frozen=True, order=True):
    """An item of an input that was left out: the file, the line it starts on (0: the file as a whole), how it begins, and why."""

    file: str
    line: int
    item: str
    reason: Text


def rejected(file: str, line: int, item: str, en: str, pt: str) -> Rejected:
    """Return a `Rejected` whose item is cut to one short line."""
    short = " ".join(item.split())
    return Rejected(file, line, short[:97] + "…" if len(short) > 98 else short, Text(en, pt))


def read_text(path: Path) -> str:
    """Return the text of a file: plain, UTF-8 or UTF-16 with a mark, compressed with gzip, or a custom-format dump of pg_dump.

    Raises `InputError` when it is missing, empty, too large or no text.
    """
    try:
        with path.open("rb") as file:
            content = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise InputError(
            Text(f"{path} cannot be read: {error.strerror}.", f"{path} não pode ser lido: {error.strerror}."),
        ) from None
    return decode(content, str(path))


def decode(content: bytes, name: str) -> str:
    """Return the text in the bytes of a file called `name`; raise `InputError` as `read_text` does."""
    if content.startswith(_GZIP):
        content = _unzipped(content, name)
    if content.startswith(_CUSTOM_DUMP):
        content = _converted(content, name)
    if len(content) > MOST_BYTES:
        raise _too_large(name)
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        text = content.decode("utf-16", errors="replace")
    elif b"\0" in content[:65_536]:
        raise InputError(
            Text(
                f"{name} is not text: hand in a plain SQL file (pg_dump --schema-only) or a custom-format dump (pg_dump -Fc).",
                f"{name} não é texto: forneça um arquivo SQL simples (pg_dump --schema-only) ou um dump no formato custom (pg_dump -Fc).",
            )
        )
    else:
        text = content.decode("utf-8-sig", errors="replace")
    if not text.strip():
        raise InputError(Text(f"{name} is empty.", f"{name} está vazio."))
    return text.replace("\r\n", "\n").replace("\0", "\ufffd")


def _unzipped(content: bytes, name: str) -> bytes:
    try:
        with gzip.open(io.BytesIO(content)) as stream:
            unzipped = stream.read(MOST_BYTES + 1)
    except (OSError, EOFError, zlib.error):
        raise InputError(
            Text(f"{name} is a damaged gzip file: export it again.", f"{name} é um arquivo gzip danificado: exporte-o de novo."),
        ) from None
    if len(unzipped) > MOST_BYTES:
        raise _too_large(name)
    return unzipped


def _converted(content: bytes, name: str) -> bytes:
    """Return the schema of a custom-format dump as SQL; `pg_restore` only reads the archive and connects to nothing."""
    if len(content) > MOST_BYTES:
        raise _too_large(name)
    command = [
        str(find_binaries().folder / "pg_restore"),
        "--no-owner",
        "--no-privileges",
        "--no-data",
        "--statistics",
        "-f",
        "-",
    ]
    try:
        answer = subprocess.run(  # noqa: S603
            command, input=content, capture_output=True, timeout=_CONVERT_S, env=MINIMAL_ENVIRONMENT, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        answer, reason = None, str(error)
    if answer is None or answer.returncode != 0:
        reason = reason if answer is None else " ".join(answer.stderr.decode(errors="replace").split())[:200]
        raise InputError(
            Text(
                f"{name} is a custom-format dump that pg_restore cannot read ({reason}): export it again as plain SQL.",
                f"{name} é um dump no formato custom que o pg_restore não consegue ler ({reason}): exporte-o de novo como SQL simples.",
            )
        )
    return answer.stdout


def _too_large(name: str) -> InputError:
    limit = MOST_BYTES >> 20
    return InputError(
        Text(
            f"{name} is larger than {limit} MB: export the schema without the data (pg_dump --schema-only).",
            f"{name} é maior que {limit} MB: exporte o esquema sem os dados (pg_dump --schema-only).",
        )
    )
