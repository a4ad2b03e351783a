"""Compiled code is kept on disk under a digest of everything it was made of."""

import ast
from pathlib import Path

from backend_expert.lab import load
from backend_expert.lab.load.compiled import COMPILED_MODULES

PACKAGE = Path(load.__file__).parent


def imported(module: str) -> set[str]:
    """Return the modules of the package that a module imports when it runs."""
    found = set()
    for node in ast.walk(ast.parse((PACKAGE / module).read_text())):
        if isinstance(node, ast.ImportFrom) and node.module == "backend_expert.lab.load":
            found |= {f"{alias.name}.py" for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("backend_expert.lab.load."):
            found.add(f"{(node.module or '').rpartition('.')[2]}.py")
    return found


def test_the_digest_knows_every_module_that_the_kernel_is_made_of() -> None:
    reached, waiting = set(), {"kernel.py"}
    while waiting:
        module = waiting.pop()
        reached.add(module)
        waiting |= imported(module) - reached
    assert reached == set(COMPILED_MODULES)
