"""The examples of the remedies work: TypeScript compiles in strict mode against the real packages, YAML says what it claims."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
import sqlglot
import yaml
from sqlglot import exp

from backend_expert import readers, rules
from backend_expert.advice import Example, all_remedies

HERE = Path(__file__).parent
COMPILER = HERE / "node_modules" / ".bin" / "tsc"
EXAMPLES = [pytest.param(example, id=f"{remedy.id}-{example.place}") for remedy in all_remedies() for example in remedy.examples()]
YAML = [parameter for parameter in EXAMPLES if parameter.values[0].language == "yaml"]  # type: ignore[union-attr]


def test_the_typescript_examples_compile(tmp_path: Path) -> None:
    if shutil.which("node") is None or not COMPILER.exists():
        pytest.skip("the TypeScript compiler is not installed: run `npm ci --ignore-scripts` in tests/advice")
    # The files must stand below node_modules for their imports to be found, and not in the tree of the package.
    folder = HERE / "build" / tmp_path.name
    folder.mkdir(parents=True, exist_ok=True)
    try:
        for remedy in all_remedies():
            for example in remedy.examples():
                if example.language == "ts":
                    (folder / f"{remedy.id}.ts").write_text(example.code, encoding="utf-8")
        settings = folder / "tsconfig.json"
        settings.write_text('{"extends": "../../tsconfig.json", "include": ["*.ts"]}', encoding="utf-8")
        result = subprocess.run([COMPILER, "-p", settings], capture_output=True, text=True, timeout=120, check=False)
        assert result.stdout == ""
        assert result.returncode == 0
    finally:
        shutil.rmtree(folder)


@pytest.mark.parametrize("example", YAML)
def test_the_yaml_examples_name_what_they_run(example: Example) -> None:
    documents = [document for document in yaml.safe_load_all(example.code) if document]
    assert documents
    for document in documents:
        if example.place == "Compose":
            assert document["services"]
            assert all("image" in service for service in document["services"].values())
        else:
            assert {"apiVersion", "kind", "metadata"} <= set(document)


@pytest.mark.parametrize("example", [each for each in EXAMPLES if each.values[0].language == "sql"])  # type: ignore[union-attr]
def test_the_sql_examples_are_statements_of_postgresql(example: Example) -> None:
    statements = sqlglot.parse(example.code, dialect="postgres", error_level=sqlglot.ErrorLevel.RAISE)
    assert statements
    # Accounts, rights and publications are all that the parser takes unread.
    unread = [each for each in statements if each is None or isinstance(each, exp.Command)]
    assert [
        each
        for each in unread
        if each is None or not each.sql(comments=False).startswith(("CREATE ROLE", "GRANT", "CREATE PUBLICATION"))
    ] == []


@pytest.mark.parametrize("example", EXAMPLES)
def test_no_example_holds_a_moving_tag_or_a_secret(example: Example) -> None:
    assert ":latest" not in example.code
    assert "PASSWORD:" not in example.code


@pytest.mark.parametrize("example", YAML)
def test_our_own_readers_understand_the_yaml_examples(example: Example, tmp_path: Path) -> None:
    if "postgresql.cnpg.io" in example.code:
        pytest.skip("the resource of an operator: our readers do not know it, and say so")
    assert read_as_repository(example, tmp_path).unread == ()


@pytest.mark.parametrize(
    "remedy",
    [
        "disruption-budget",
        "health-probe",
        "non-root-user",
        "persistent-volume",
        "pinned-image",
        "private-network",
        "secret-store",
        "store-credentials",
    ],
)
@pytest.mark.parametrize("place", ["Compose", "Kubernetes"])
def test_the_example_of_a_remedy_does_not_have_the_problem(remedy: str, place: str, tmp_path: Path) -> None:
    found = next(each for each in all_remedies() if each.id == remedy)
    example = next((each for each in found.examples() if each.place == place), None)
    if example is None:
        pytest.skip(f"{remedy} has no example for {place}")
    findings = rules.check(read_as_repository(example, tmp_path).system)
    assert [finding.title.en for finding in findings if finding.rule in found.addresses] == []


def read_as_repository(example: Example, folder: Path) -> readers.Reading:
    (folder / ("compose.yaml" if example.place == "Compose" else "manifests.yaml")).write_text(example.code, encoding="utf-8")
    return readers.read(folder)
