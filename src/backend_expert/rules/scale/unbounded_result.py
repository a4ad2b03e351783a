"""Lists that are answered whole, however long they have become."""

from __future__ import annotations

from collections.abc import Iterator

from backend_expert.model import Action, Dataset, Finding, Link, Operation, Query, Severity, System, Text, walk
from backend_expert.rules.catalogue import rule
from backend_expert.rules.effects import methods, places_apart
from backend_expert.rules.paths import distinct
from backend_expert.rules.wording import figure, listed

FEW_ROWS = 1000
"""Stated rows below which a whole table is one page: 1,000 rows of 200 bytes are 200 kB."""

ROW_BYTES = 500
"""A row as JSON, a cautious figure for the arithmetic."""


@rule(
    "unbounded-result",
    code="BE-SCA-004",
    family="scale",
    severity=Severity.MEDIUM,
    en="List without a limit",
    pt="Lista sem limite",
)
def unbounded_result(system: System) -> Iterator[Finding]:
    """Yield, for each component and table, the GET routes named after the table that read all of it while requests add to it."""
    datasets = {dataset.name: dataset for dataset in system.datasets}
    growing = _growing(system)
    found: dict[tuple[str, str], list[tuple[Operation, Query]]] = {}
    for operation in system.operations:
        if operation.trigger.kind == "http" and methods(operation) == {"GET"}:
            for step in walk(operation.steps):
                whole = isinstance(step, Query) and step.action is Action.READ and step.limited is False and not step.filter_columns
                if whole and isinstance(step, Query) and step.dataset in growing and _lists(operation, datasets[step.dataset]):
                    found.setdefault((operation.component, step.dataset), []).append((operation, step))
    for (component, name), reads in sorted(found.items()):
        yield _finding(component, datasets[name], reads)


def _growing(system: System) -> frozenset[str]:
    """Return the datasets into which requests or messages insert, those left out that somebody says stay small."""
    small = {dataset.name for dataset in system.datasets if dataset.rows is not None and _few(dataset)}
    inserted = {
        step.dataset
        for operation in system.operations
        if operation.trigger.kind != "start"
        for step in walk(operation.steps)
        if isinstance(step, Query) and step.action is Action.INSERT
    }
    return frozenset(inserted - small)


def _few(dataset: Dataset) -> bool:
    return dataset.rows is not None and not dataset.rows.assumed and dataset.rows.value <= FEW_ROWS


def _lists(operation: Operation, dataset: Dataset) -> bool:
    """Tell whether a route is the list of a table: its last word is the name of the table, in singular or plural."""
    last = operation.trigger.name.rstrip("/").rpartition("/")[2].lower()
    return _singular(last) == _singular(dataset.table.rpartition(".")[2].lower())


def _singular(word: str) -> str:
    plain = "".join(letter for letter in word if letter.isalnum())
    return plain[:-3] + "y" if plain.endswith("ies") else plain.removesuffix("s")


def _finding(component: str, dataset: Dataset, reads: list[tuple[Operation, Query]]) -> Finding:
    operations = distinct(operation.name for operation, _ in reads)
    table = dataset.table
    rows = 100_000
    size = rows * ROW_BYTES / 1e6
    return Finding(
        rule="unbounded-result",
        severity=Severity.MEDIUM,
        subject=f"{component} {dataset.name} whole",
        components=(component, dataset.store) if dataset.store != component else (component,),
        links=(Link(component, dataset.store),) if dataset.store != component else (),
        title=Text(
            f"{listed(operations, 'en', most=3)} {'answers' if len(operations) == 1 else 'answer'} with the whole table `{table}`",
            f"{listed(operations, 'pt', most=3)} {'responde' if len(operations) == 1 else 'respondem'} com a tabela `{table}` inteira",
        ),
        why=Text(
            f"The read has neither a condition nor a limit, and requests add rows to `{table}`. With {figure(rows, 'en')} rows of "
            f"{ROW_BYTES} bytes one answer is {figure(size, 'en')} MB, read, held in memory and written out for each request; two of "
            f"them at the same time are enough to take a small instance down.",
            f"A leitura não tem condição nem limite, e requisições acrescentam linhas a `{table}`. Com {figure(rows, 'pt')} linhas de "
            f"{ROW_BYTES} bytes, uma resposta tem {figure(size, 'pt')} MB, lidos, mantidos em memória e enviados a cada requisição; "
            f"duas ao mesmo tempo bastam para derrubar uma instância pequena.",
        ),
        evidence=places_apart(step for _, step in reads),
        confidence=0.7,
    )
