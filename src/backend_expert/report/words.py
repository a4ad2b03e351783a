"""The words that every report shares, in English and Portuguese.

Kept in English in Portuguese texts, because engineers in Brazil say them so: timeout, retry, cache, pool, commit, seed, worker,
gateway, broker.
"""

from __future__ import annotations

from collections.abc import Callable

from backend_expert.model import Severity, Text

# The English word is the key.
WORDS = {
    # headings and navigation
    "backend review": "revisão do backend",
    "Sections": "Seções",
    "To what to do first": "Ir para o que fazer primeiro",
    "Do first": "Primeiro",
    "System": "Sistema",
    "Peak": "Pico",
    "Requirements": "Requisitos",
    "Findings": "Achados",
    "Queries": "Consultas",
    "Queries and indexes": "Consultas e índices",
    "Assumptions": "Suposições",
    "What to do first": "O que fazer primeiro",
    "The system, with the findings on it": "O sistema, com os achados marcados",
    "At {factor} times the usual traffic": "Com {factor} vezes o tráfego normal",
    "Tried, and not recommended": "Testado e não recomendado",
    "Assumptions and questions": "Suposições e perguntas",
    "Questions to you": "Perguntas para você",
    "Not read, not run": "O que não foi lido nem executado",
    "Rules checked": "Regras verificadas",
    "Run it again": "Rodar de novo",
    # the verdict
    "grade {grade}, {score} of 100": "nota {grade}, {score} de 100",
    "Scores by category": "Notas por categoria",
    "weight {share}": "peso {share}",
    "Why these scores": "Por que essas notas",
    "Category": "Categoria",
    "Points taken off": "Pontos descontados",
    "none": "nenhum",
    # severities and counts
    "critical": "crítico",
    "high": "alto",
    "medium": "médio",
    "low": "baixo",
    "info": "informativo",
    # what to do first
    "No.": "Nº",
    "Recommendation": "Recomendação",
    "Measured, before → after": "Medido, antes → depois",
    "Effort": "Esforço",
    "effort": "esforço",
    "Answers": "Resolve",
    "answers": "resolve",
    "hours": "horas",
    "days": "dias",
    "weeks": "semanas",
    "95 % interval {bounds}": "intervalo de 95 %: {bounds}",
    "better in {share} of draws": "melhor em {share} dos sorteios",
    "not measured: no lab decides it": "não medido: nenhum laboratório decide isso",
    "Advised too, though no lab measures it": "Também recomendado, embora nenhum laboratório meça",
    "{n} more stand with their findings below.": "Mais {n} estão abaixo, junto dos achados que resolvem.",
    # the system
    "Architecture of {system}": "Arquitetura de {system}",
    "Overview by group": "Visão geral por grupo",
    "Around {name}": "Em torno de {name}",
    "{n} components": "{n} componentes",
    "1 component": "1 componente",
    "waits for the answer": "espera a resposta",
    "does not wait for the answer": "não espera a resposta",
    "assumed": "suposto",
    "a finding, in the colour of its severity": "um achado, na cor da sua gravidade",
    "Everywhere, so not marked one by one": "Em toda parte, por isso não marcados um a um",
    "Not connected by anything that was read": "Sem ligação com o resto no que foi lido",
    "{name} and {n} more": "{name} e mais {n}",
    "Components": "Componentes",
    "Component": "Componente",
    "Kind": "Tipo",
    "Technology": "Tecnologia",
    "Replicas": "Réplicas",
    "Calls": "Chama",
    "service": "serviço",
    "gateway": "gateway",
    "worker": "worker",
    "database": "banco de dados",
    "cache": "cache",
    "broker": "broker",
    "external": "externo",
    "client": "cliente",
    "platform": "plataforma",
    # plots and proofs
    "Slowest 1 % of the answers (p99), ms": "1 % mais lento das respostas (p99), ms",
    "logarithmic": "escala logarítmica",
    "Good answers per second": "Boas respostas por segundo",
    "dotted: requests that arrive": "pontilhado: requisições que chegam",
    "objective {value}": "objetivo {value}",
    "no answer at all": "nenhuma resposta",
    "answered": "respondidas",
    "First to break": "O primeiro a ceder",
    "Measured": "Medido",
    "before": "antes",
    "after": "depois",
    "difference": "diferença",
    "difference (95 % interval)": "diferença (intervalo de 95 %)",
    "Experiment": "Experimento",
    "{n} paired runs.": "{n} execuções pareadas.",
    "hurts": "piora",
    "undecided": "indefinido",
    "Step by step": "Passo a passo",
    "The shortest history that breaks it": "A história mais curta que leva à violação",
    "How it ends": "Como termina",
    "fault": "falha",
    "What happened over time": "O que aconteceu ao longo do tempo",
    # requirements
    "broken": "violado",
    "Counterexample": "Contraexemplo",
    # findings
    "confidence {share}": "confiança {share}",
    "1 more place": "Mais 1 lugar",
    "{n} more places": "Mais {n} lugares",
    "See also": "Veja também",
    "Evidence": "Evidência",
    "Also answered by": "Também resolvido por",
    "The pseudocode and the examples are the same as here": "O pseudocódigo e os exemplos são os mesmos daqui",
    "About this rule": "Sobre esta regra",
    "Pseudocode": "Pseudocódigo",
    "Implementation": "Implementação",
    "When not": "Quando não usar",
    "Trade-off": "O custo",
    "What it does not fix": "O que não resolve",
    # tried and rejected
    "Remedy": "Correção",
    "For": "Para",
    "What the lab measured": "O que o laboratório mediu",
    # assumptions
    "Measure these first": "Meça isto primeiro",
    "Place in system.yaml": "Lugar no system.yaml",
    "Value": "Valor",
    "Range tried": "Faixa testada",
    "Weight in the result": "Peso no resultado",
    "Why this value": "Por que este valor",
    "{n} more assumptions": "Mais {n} suposições",
    "No number had to be assumed.": "Nenhum número precisou ser suposto.",
    # not read, rules, footer
    "File": "Arquivo",
    "What was not understood": "O que não foi entendido",
    "partly read": "lido em parte",
    "Rule": "Regra",
    "What it looks for": "O que procura",
    "Found": "Achou",
    "{n} more findings stand in the whole report.": "Mais {n} achados estão no relatório completo.",
    "and {n} more": "e mais {n}",
    "1 number was assumed; the page shows it.": "1 número foi suposto; a página mostra qual.",
    "{n} numbers were assumed; the page lists them.": "{n} números foram supostos; a página mostra todos.",
    "The whole report as a page": "O relatório completo em uma página",
    "version": "versão",
    "digest of what was read": "digest do que foi lido",
    "format of the result": "formato do resultado",
}

# Longer texts, and words that are not spelled as the ids of the Result are.
SENTENCES = {
    "about-scores": Text(
        "Every category starts at 100; each finding takes points off. The grade is the mean by weight. The gate works on "
        "findings, never on the score.",
        "Cada categoria começa em 100 e cada achado desconta pontos. A nota geral é a média ponderada. O que barra a entrega "
        "são os achados, nunca a nota.",
    ),
    "no-remedy-helps": Text(
        "No remedy was measured to help. The findings below say what is known.",
        "Nenhuma correção mostrou ganho nas medições. Os achados abaixo dizem o que se sabe.",
    ),
    "nothing-measured": Text(
        "The lab was not run, so nothing was measured. The findings below say what is known.",
        "O laboratório não foi executado, então nada foi medido. Os achados abaixo dizem o que se sabe.",
    ),
    "nothing-to-do": Text(
        "Nothing to do first: no rule found a problem in the files that were read.",
        "Nada a fazer primeiro: nenhuma regra encontrou problema nos arquivos lidos.",
    ),
    "no-layout": Text(
        "No layout program runs on this machine; this is the same drawing as Mermaid text.",
        "Nenhum programa de desenho roda nesta máquina; este é o mesmo desenho em texto Mermaid.",
    ),
    "no-requirement": Text(
        "No requirement was stated. A brief states them: they are then tried in the labs.",
        "Nenhum requisito foi informado. Um briefing os informa, e então eles são testados nos laboratórios.",
    ),
    "no-finding": Text(
        "No rule found a problem in the files that were read.",
        "Nenhuma regra encontrou problema nos arquivos lidos.",
    ),
    "about-rejected": Text(
        "These remedies were tried on this system too. They did not win, so they are not advised.",
        "Estas correções também foram testadas neste sistema. Não trouxeram ganho, por isso não são recomendadas.",
    ),
    "about-measure-first": Text(
        "Of everything that was assumed, this moves the answers at the peak most, from one end of its plausible range to the other:",
        "De tudo o que foi suposto, isto é o que mais muda as respostas no pico, de uma ponta à outra da faixa plausível:",
    ),
    "about-assumptions": Text(
        "Nobody stated these numbers. The experiments drew each from its range instead of trusting it. To replace one, write it "
        "at its place in system.yaml and run the review again.",
        "Ninguém informou estes números. Os experimentos sortearam cada um dentro da sua faixa, em vez de confiar no valor. Para "
        "trocar um deles, escreva-o no lugar indicado do system.yaml e rode a revisão de novo.",
    ),
    "all-read": Text(
        "Every file that looked like a description of the system was read, and every experiment ran to its end.",
        "Todo arquivo que parecia descrever o sistema foi lido, e todo experimento foi até o fim.",
    ),
    "about-rerun": Text(
        "Seed {seed}. The same files, seed and version give the same report, byte for byte.",
        "Seed {seed}. Os mesmos arquivos, a mesma seed e a mesma versão dão o mesmo relatório, byte a byte.",
    ),
    "about-peak-plot": Text(
        "Latency and answers over time at {factor} times the usual traffic",
        "Latência e respostas ao longo do tempo com {factor} vezes o tráfego normal",
    ),
    "cut-short": Text(
        "The rest did not fit here; it stands in the HTML report.",
        "O resto não coube aqui; está no relatório HTML.",
    ),
    "kept-short": Text(
        "Kept short to fit a comment; the HTML report holds the whole.",
        "Encurtado para caber em um comentário; o relatório HTML traz tudo.",
    ),
    "better-in-draws": Text(
        "Better in {share} of {n} draws of the assumed numbers.",
        "Melhor em {share} de {n} sorteios dos números supostos.",
    ),
    "helps": Text("helps", "ajuda"),
    "no-difference": Text("no difference", "sem diferença"),
    "not-decidable": Text("not decidable", "não decidível"),
    "status-proved": Text("proved in the lab", "provada no laboratório"),
    "status-rejected": Text("tried and rejected", "testada e rejeitada"),
    "status-inferred": Text("inferred, not measured", "inferida, não medida"),
    "finding-proved": Text("proved in the lab", "provado no laboratório"),
    "finding-measured": Text("measured", "medido"),
    "finding-inferred": Text("inferred from the files", "inferido dos arquivos"),
    "finding-asked": Text("a question: the files do not decide it", "uma pergunta: os arquivos não decidem"),
    "held": Text("held", "cumprido"),
}

_COUNTED = {
    Severity.CRITICAL: ("critical", "critical", "crítico", "críticos"),
    Severity.HIGH: ("high", "high", "alto", "altos"),
    Severity.MEDIUM: ("medium", "medium", "médio", "médios"),
    Severity.LOW: ("low", "low", "baixo", "baixos"),
    Severity.INFO: ("for information", "for information", "informativo", "informativos"),
}


def words(language: str) -> Callable[..., str]:
    """Return the function that gives a shared word or sentence in `en` or `pt-BR`, its places filled; another raises `KeyError`."""

    def word(key: str, **places: object) -> str:
        text = SENTENCES[key] if key in SENTENCES else Text(key, WORDS[key])
        chosen = text.in_language(language)
        return chosen.format(**places) if places else chosen

    return word


def severity_count(severity: Severity, count: int, language: str) -> str:
    """Return `3 high`, or `3 altos` in Portuguese."""
    one, many, um, varios = _COUNTED[severity]
    if language == "pt-BR":
        return f"{count} {um if count == 1 else varios}"
    return f"{count} {one if count == 1 else many}"
