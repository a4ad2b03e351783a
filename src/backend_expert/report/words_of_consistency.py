"""The words around the answers of the states lab, in both languages."""

from __future__ import annotations

from collections.abc import Callable

from backend_expert.model import Text

WORDS = {
    "title": Text("Consistency of {system}", "Consistência de {system}"),
    "none": Text(
        "No flow was found: no known handler changes data or the world outside. Describe handlers under 'operations' in system.yaml.",
        "Nenhum fluxo encontrado: nenhum handler conhecido altera dados ou o mundo externo. Descreva os handlers em 'operations' no "
        "system.yaml.",
    ),
    "fidelity": Text(
        "The flows are checked as they were declared or recovered; whether the code does just that is not checked.",
        "Os fluxos são verificados como declarados ou recuperados; não se verifica se o código faz exatamente isso.",
    ),
    "flow": Text("Flow: {name}", "Fluxo: {name}"),
    "violated": Text("BROKEN", "VIOLADO"),
    "holds": Text("holds", "vale"),
    "capped": Text("capped", "limite"),
    "no-verdict": Text("no verdict", "sem veredito"),
    "shortest": Text("The shortest history that breaks {invariant}:", "A história mais curta que viola {invariant}:"),
    "left-out": Text(
        "{count} steps that only pass calls and answers on are left out.",
        "{count} passos que só repassam chamadas e respostas ficaram de fora.",
    ),
    "left-out-one": Text(
        "1 step that only passes a call or an answer on is left out.",
        "1 passo que só repassa uma chamada ou resposta ficou de fora.",
    ),
    "final": Text("In the end", "No fim"),
    "fix": Text("What to do", "O que fazer"),
    "set": Text("The smallest set that was found: {remedies}.", "O menor conjunto encontrado: {remedies}."),
    "minimal": Text("Leaving out any one of them brings a history back.", "Tirar qualquer um deles traz uma história de volta."),
    "nothing-helps": Text(
        "No remedy of the catalogue removes these histories.", "Nenhum remédio do catálogo elimina essas histórias."
    ),
    "clean": Text("With all of them nothing is broken within the bounds.", "Com todos eles nada é violado dentro dos limites."),
    "remains": Text("What remains: {what}.", "O que resta: {what}."),
    "still-broken": Text("{name} stays broken", "{name} continua violado"),
    "still-capped": Text(
        "{name} shows no violation, but is not explored to its end (CAPPED)",
        "{name} não mostra violação, mas não foi explorado até o fim (INTERROMPIDO)",
    ),
    "ladder": Text(
        "What each remedy does, every invariant explored again (columns: the invariants by their numbers)",
        "O que cada remédio faz, cada invariante explorado de novo (colunas: os invariantes por número)",
    ),
    "cells": Text(
        "a number: broken in so many steps; {none}: no violation within the bounds, exhaustive; {capped}: CAPPED, nothing found so far",
        "um número: violado em tantos passos; {none}: nenhuma violação dentro dos limites, exaustivo; {capped}: INTERROMPIDO, nada "
        "encontrado até ali",
    ),
    "as-is": Text("as it is", "como está"),
    "together": Text("all of them", "todos juntos"),
    "alone": Text("{name} alone", "só {name}"),
    "remedy": Text("Remedy", "Remédio"),
    "for": Text("against {invariants}", "contra {invariants}"),
    "explain": Text("more: {command}", "mais: {command}"),
    "rests-on": Text(
        "These answers rest on what no file says; point at the handler or state it in system.yaml to confirm:",
        "Estas respostas se apoiam no que nenhum arquivo diz; aponte o handler ou informe no system.yaml para confirmar:",
    ),
    "invariant": Text("What must not happen", "O que não pode acontecer"),
    "answer": Text("Answer", "Resposta"),
    "again": Text("again: {command}", "de novo: {command}"),
    "state": Text("State", "Estado"),
    "value": Text("Value", "Valor"),
    "flows": Text("Flows", "Fluxos"),
}

NONE, CAPPED = "-", "…"
"""The cells of the ladder that are no number."""


def words_of_consistency(language: str) -> Callable[..., str]:
    """Return the function that gives a sentence in `en` or `pt-BR`, its places filled; raise `KeyError` for an unknown one."""

    def word(key: str, **places: object) -> str:
        chosen = WORDS[key].in_language(language)
        return chosen.format(**places) if places else chosen

    return word


def left_out(count: int, language: str) -> str:
    """Return how many steps of a history are not told, in words."""
    word = words_of_consistency(language)
    return word("left-out-one") if count == 1 else word("left-out", count=count)
