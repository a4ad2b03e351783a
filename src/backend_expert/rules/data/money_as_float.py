"""Amounts of money in binary fractions."""

from __future__ import annotations

import re
from collections.abc import Iterator

from backend_expert.model import Finding, Severity, System, Text
from backend_expert.rules.catalogue import rule
from backend_expert.rules.data.asked import Problem, findings
from backend_expert.rules.data.kinds import kind_of
from backend_expert.rules.wording import listed

_MONEY = re.compile(
    r"(?:^|_)(?:price|amount|total|subtotal|balance|cost|fee|salary|preco|valor|saldo|custo|tarifa)(?:s|$|_)", re.IGNORECASE
)
_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


@rule(
    "money-as-float",
    code="BE-DAT-011",
    family="data",
    severity=Severity.MEDIUM,
    en="Money in binary fractions",
    pt="Dinheiro em frações binárias",
    since="0.2",
)
def money_as_float(system: System) -> Iterator[Finding]:
    """Yield each table with columns that are named as amounts of money and hold floating point."""
    problems = []
    for dataset in system.datasets:
        columns = tuple(
            each.name
            for each in dataset.columns
            if kind_of(each.type) in {"float", "money"} and _MONEY.search(_HUMP.sub("_", each.name))
        )
        if columns:
            problems.append(Problem(dataset, columns))
    yield from findings("money-as-float", system, problems, Severity.MEDIUM, _told)


def _told(problem: Problem) -> tuple[Text, Text]:
    table = problem.dataset.table
    first = problem.dataset.column(problem.columns[0])
    type_ = first.type if first is not None else ""
    return (
        Text(
            f"`{table}` keeps money as {type_}: {listed(problem.columns, 'en', most=4)}",
            f"`{table}` guarda dinheiro como {type_}: {listed(problem.columns, 'pt', most=4)}",
        ),
        Text(
            "A binary fraction cannot hold 0.10: ten of them make 0.9999999999999999. Sums drift by cents, equal amounts compare as "
            "different, and a ledger no longer balances. `money` rounds by a setting of the server.",
            "Uma fração binária não consegue guardar 0,10: dez delas somam 0,9999999999999999. Somas desviam em centavos, valores iguais "
            "comparam como diferentes, e um livro-caixa deixa de fechar. `money` arredonda conforme uma configuração do servidor.",
        ),
    )
