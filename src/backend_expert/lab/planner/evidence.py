"""How far a cost can be trusted: the worst of everything the plan touches."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from backend_expert.lab.planner.analysis import Analysed
from backend_expert.lab.planner.answer import Level
from backend_expert.lab.planner.extremes import at_an_end
from backend_expert.lab.planner.laboratory import Lab
from backend_expert.lab.planner.plan import Plan
from backend_expert.lab.planner.statistics import Statistics
from backend_expert.lab.planner.whatif import Hypothetical
from backend_expert.model import Text

_ORDER = {Level.EXACT: 0, Level.APPROX: 1, Level.GUESS: 2}


class Evidence(Struct, frozen=True):
    """A level with the reasons why it is not better."""

    level: Level
    reasons: tuple[Text, ...] = ()


def of_lab(lab: Lab, statistics: Statistics | None) -> Evidence:
    """Return what holds for every plan of the lab, whatever it touches."""
    if statistics is None or not statistics.relations:
        reason = Text("no statistics were given: sizes are assumed", "nenhuma estatística foi fornecida: os tamanhos são supostos")
        return Evidence(Level.GUESS, (reason,))
    reasons = []
    if statistics.version != 18:
        shown = str(statistics.version or "?")
        reasons.append(
            Text(
                f"the statistics come from PostgreSQL {shown}, the planner here is that of 18",
                f"as estatísticas vêm do PostgreSQL {shown}; o planner aqui é o da versão 18",
            )
        )
    if not statistics.settings:
        reasons.append(
            Text(
                "the settings of the source server are unknown; export with 'queries export-sql' to bring them along",
                "as configurações do servidor de origem são desconhecidas; exporte com 'queries export-sql' para trazê-las",
            )
        )
    if lab.loaded.matched < 0.9:
        share = f"{lab.loaded.matched * 100:.0f}"
        reasons.append(
            Text(
                f"only {share} % of the relations in the statistics are in the schema: are they of the same database?",
                f"apenas {share} % das relações das estatísticas estão no esquema: são do mesmo banco de dados?",
            )
        )
    if lab.catalogue.extended_statistics or statistics.extended:
        reasons.append(
            Text(
                "extended statistics (CREATE STATISTICS) cannot be restored",
                "estatísticas estendidas (CREATE STATISTICS) não podem ser restauradas",
            )
        )
    if statistics.redacted:
        reasons.append(Text("values in the statistics were hidden", "valores das estatísticas foram ocultados"))
    return Evidence(Level.APPROX if reasons else Level.EXACT, tuple(reasons))


def of_plan(base: Evidence, statement: Analysed, plan: Plan, lab: Lab, used: tuple[Hypothetical, ...]) -> Evidence:
    """Return the level of one plan: that of the lab, or worse for what this plan touches."""
    reasons = list(base.reasons)
    level = base.level
    # A plan names tables without their schema: of two with one name either may be meant.
    guessed = sorted(each for each in lab.loaded.guessed if each.partition(".")[2] in plan.relations)
    if guessed and level is not Level.GUESS:
        level = Level.GUESS
        names = ", ".join(guessed)
        reasons.append(Text(f"the size of {names} is assumed", f"o tamanho de {names} é suposto"))
    softer = [*_softer(statement, plan, lab, used)] if level is not Level.GUESS else []
    if softer and level is Level.EXACT:
        level = Level.APPROX
    return Evidence(level, (*reasons, *softer))


def _softer(statement: Analysed, plan: Plan, lab: Lab, used: tuple[Hypothetical, ...]) -> Iterator[Text]:
    """Yield why a plan on restored statistics may still cost something else on the server they come from."""
    if statement.generic:
        yield Text("generic plan: the parameters are unknown", "plano genérico: os parâmetros são desconhecidos")
    if any(key.expression for made in used for key in made.definition.keys):
        yield Text("a new index on an expression has no statistics", "um índice novo sobre uma expressão não tem estatísticas")
    read = [index for index in lab.catalogue.indexes if index.name in plan.indexes]
    if any(made.definition.method == "gin" for made in used) or any(index.method == "gin" for index in read):
        yield Text("size and cost of a GIN index are rough", "o tamanho e o custo de um índice GIN são aproximados")
    for made in used:
        if made.size.boundary:
            yield Text(
                f"{made.definition} may turn out one level lower; costed with the higher tree",
                f"{made.definition} pode ficar com um nível a menos; o custo é o da árvore mais alta",
            )
    for column in at_an_end(plan, lab, used):
        yield Text(
            f"{column} is compared near the end of its values, where the server looks at its real index",
            f"{column} é comparada perto do fim de seus valores, onde o servidor consulta o índice real",
        )


def worst(levels: list[Level]) -> Level:
    """Return the least sure of the levels; EXACT when there is none."""
    return max(levels, key=lambda level: _ORDER[level], default=Level.EXACT)
