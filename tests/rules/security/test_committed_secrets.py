"""A sample shows what a secret looks like; a file that leads to a sample holds none either."""

from __future__ import annotations

from pathlib import Path

import pytest

from backend_expert import readers
from backend_expert.rules.security.secret_committed import secret_committed


@pytest.mark.parametrize(("name", "found"), [(".env", 1), (".env.docker", 1), (".env.example", 0), (".env.sample", 0)])
def test_a_value_from_a_sample_is_no_secret(tmp_path: Path, name: str, found: int) -> None:
    (tmp_path / name).write_text("POSTGRES_PASSWORD=kR7-pq2Lw9\n", encoding="utf-8")
    compose = f"services:\n  db:\n    image: postgres:17.2\n    env_file: [{name}]\n"
    (tmp_path / "compose.yaml").write_text(compose, encoding="utf-8")
    assert len(list(secret_committed(readers.read(tmp_path).system))) == found
