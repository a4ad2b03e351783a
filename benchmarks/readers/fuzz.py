"""Feed every reader with damaged files and see that none of them fails or hangs.

    python benchmarks/readers/fuzz.py [--files N] [--seed S] [--format NAME] [CHECKOUT ...]

For each format N files (10,000) are made from those in `seeds` and from files of the checkouts: bytes flipped, parts cut out, repeated,
moved or taken from another file, brackets nested, ends cut off. Each stands in a small repository with a Compose file; its reader and
the join run over it in this process. A traceback, or a file that takes more than two seconds of processor time, is printed with the
number that makes it again.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from msgspec import Struct

from backend_expert.readers import formats
from backend_expert.readers.join import join
from backend_expert.readers.repository import Repository

LIMIT_S = 2.0
"""Processor time that one file may take."""

SEEDS = Path(__file__).parent / "seeds"
"""One directory for each format: small files written for this, with one of every construct that its reader looks for."""

COMPOSE = """\
services:
  api:
    build: ./app
    env_file: [app/.env]
    environment: {STOCK_URL: "http://stock:8080", DB: "postgres://db/orders"}
    depends_on: [db]
  stock: {image: acme/stock, ports: ["8080:8080"]}
  db: {image: postgres:16}
  mq: {image: rabbitmq:3}
"""
"""What every damaged file stands beside."""

TOKENS = (*"([{)]}<>\"'`:-#\\$,;=.@&*|%é\n\0\t\ufeff", "${", "{{", "}}", "//", "/*", "*/", "=>", "..", "\n\n")
"""What is put into files: signs with a meaning in some format, alone or thousands of times."""


class Failure(Struct, frozen=True):
    """What went wrong, and the number of the file that makes it again."""

    format: str
    number: int
    path: str
    problem: str


def mutated(content: bytes, other: bytes, source: random.Random) -> bytes:
    """Return a damaged copy of a file; `other` lends parts."""
    for _ in range(source.randint(1, 6)):
        begin = source.randint(0, len(content))
        end = min(len(content), begin + int(source.expovariate(1 / 40)))
        match source.randint(0, 8):
            case 0:
                content = content[:begin] + bytes(source.randrange(256) for _ in range(source.randint(1, 4))) + content[begin + 1 :]
            case 1:
                content = content[:begin] + content[end:]
            case 2:
                content = content[:end] + content[begin:end] * source.choice([1, 2, 50]) + content[end:]
            case 3:
                start = source.randint(0, len(other))
                content = content[:begin] + other[start : start + source.randint(1, 200)] + content[begin:]
            case 4:
                content = content[:begin] + source.choice(TOKENS).encode() * source.choice([1, 1, 2, 100, 3_000]) + content[begin:]
            case 5:
                content = content[:begin]
            case 6:
                lines = content.split(b"\n")
                source.shuffle(lines)
                content = b"\n".join(lines)
            case 7:
                content = content[:begin] + content[begin:end].swapcase() + content[end:]
            case _:
                content = content.replace(source.choice(TOKENS).encode(), source.choice(TOKENS).encode())
        content = content[:200_000]
    return content


def trials(name: str, files: int, seed: int, samples: Mapping[str, Sequence[bytes]]) -> Iterator[Failure]:
    """Yield the failures of one format over so many files."""
    reader = formats()[name]
    sound = {path.relative_to(SEEDS / name): path.read_bytes() for path in sorted((SEEDS / name).rglob("*")) if path.is_file()}
    paths = list(sound)
    with tempfile.TemporaryDirectory() as directory:
        root = Path(directory)
        (root / "compose.yaml").write_text(COMPOSE)
        for path, content in sound.items():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_bytes(content)
        compose = tuple(formats()["compose"](Repository.open(root)))
        for number in range(files):
            source = random.Random(f"{seed} {name} {number}")
            path = paths[number % len(paths)]
            public = samples.get(path.suffix, ())
            begin = source.choice([sound[path], *public])
            (root / path).write_bytes(mutated(begin, source.choice([*sound.values(), *public]), source))
            started = time.process_time()
            try:
                repository = Repository.open(root)
                fragments = tuple(reader(repository))
                join(fragments if name == "compose" else (*compose, *fragments), repository)
            except Exception:  # noqa: BLE001 (whatever it is, it is what this looks for)
                yield Failure(name, number, str(path), traceback.format_exc())
            if (spent := time.process_time() - started) > LIMIT_S:
                yield Failure(name, number, str(path), f"it took {spent:.1f} s")
            (root / path).write_bytes(sound[path])


def samples_of(checkouts: Sequence[Path]) -> dict[str, list[bytes]]:
    """Return files of public repositories by their suffix: at most 300 of a kind, none larger than 60 kB."""
    found: dict[str, list[bytes]] = {}
    for checkout in checkouts:
        for path in sorted(each for each in checkout.rglob("*") if each.is_file() and not each.is_symlink()):
            if path.stat().st_size <= 60_000 and len(found.setdefault(path.suffix, [])) < 300:
                found[path.suffix].append(path.read_bytes())
    return found


def main(arguments: list[str]) -> int:
    """Run the trials of all formats, or of one; print each failure and a line for each format."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--format", choices=sorted(formats()), action="append")
    parser.add_argument("checkouts", nargs="*", type=Path)
    given = parser.parse_args(arguments)
    samples = samples_of(given.checkouts)
    failed = 0
    for name in given.format or sorted(formats()):
        started = time.process_time()
        failures = list(trials(name, given.files, given.seed, samples))
        failed += len(failures)
        for failure in failures[:5]:
            print(f"--- {failure.format}, file {failure.number} ({failure.path})\n{failure.problem}")
        spent = time.process_time() - started
        print(
            f"{name}: {given.files:,} files, {len(failures)} failures, {spent * 1_000 / max(1, given.files):.1f} ms a file",
            flush=True,
        )
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
