"""Compare the endpoints recovered of implementations of the RealWorld API with its specification.

    python benchmarks/readers/realworld.py CHECKOUT [CHECKOUT ...]

CHECKOUTs are implementations of the API that github.com/gothinkster/realworld specifies: the same 19 endpoints in every language and
framework, whoever wrote them. Names of parameters and a prefix before all paths do not count; a route for all methods counts for each.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

from backend_expert import readers

SPECIFIED = frozenset(
    """
    POST /users/login
    POST /users
    GET /user
    PUT /user
    GET /profiles/{}
    POST /profiles/{}/follow
    DELETE /profiles/{}/follow
    GET /articles
    GET /articles/feed
    POST /articles
    GET /articles/{}
    PUT /articles/{}
    DELETE /articles/{}
    POST /articles/{}/comments
    GET /articles/{}/comments
    DELETE /articles/{}/comments/{}
    POST /articles/{}/favorite
    DELETE /articles/{}/favorite
    GET /tags
    """.strip().split("\n    ")
)


def endpoints(checkout: Path) -> set[str]:
    """Return the HTTP endpoints of a system with its parameters unnamed."""
    found = set()
    for operation in readers.read(checkout).system.operations:
        if operation.trigger.kind == "http" and operation.trigger.name:
            method, _, path = operation.trigger.name.partition(" ")
            found.add(f"{method} {re.sub(r'{[^{}]*}|:[A-Za-z]+', '{}', path)}")
    return found


def main(arguments: list[str]) -> int:
    """Print one line for each checkout, then what is missing and what the specification does not name."""
    if not arguments:
        print(__doc__, file=sys.stderr)
        return 2
    print("| implementation | right / beside / missed |\n|---|---|")
    remarks = []
    for checkout in map(Path, arguments):
        found = {re.sub(r"^(\w+) /api(?=/)", r"\1 ", each) for each in endpoints(checkout)}
        every = {each.partition(" ")[2] for each in found if each.startswith("ALL ")}
        right = {each for each in SPECIFIED if each in found or each.partition(" ")[2] in every}
        beside = {
            each
            for each in found
            if each not in SPECIFIED and not (each.startswith("ALL ") and each[4:] in {one.partition(" ")[2] for one in right})
        }
        print(f"| {checkout.name} | {len(right)} / {len(beside)} / {len(SPECIFIED - right)} |")
        remarks.append(f"\n{checkout.name}")
        remarks += [f"  missed: {each}" for each in sorted(SPECIFIED - right)] + [f"  beside: {each}" for each in sorted(beside)]
    print("\n".join(remarks))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
