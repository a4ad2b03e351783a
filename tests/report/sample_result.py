"""A review of an invented shop, large enough to show every part of a report."""

from __future__ import annotations

import math
from typing import Any

from sample_database import COMPARED, DATABASE

from backend_expert.model import Evidence, Link, Severity, Text, Unread
from backend_expert.review.result import (
    Assumption,
    Band,
    CategoryScore,
    CheckedRule,
    CodeExample,
    Edge,
    Footer,
    History,
    HistoryChange,
    HistoryEvent,
    Interval,
    Measure,
    MeasureFirst,
    Node,
    PeakStudy,
    Proof,
    Recommendation,
    ReportedFinding,
    Requirement,
    Result,
    Series,
    Snippet,
)

PEAK = Band(60, 120, Text("peak, 5 times the traffic", "pico, 5 vezes o tráfego"))
FAULT = Band(60, 90, Text("payment answers 10 times slower", "payment responde 10 vezes mais devagar"))


def series(name: str, title: Text, worst: float, settles_s: float, *, silent: bool = False) -> Series:
    """Return three minutes in slices of a second: calm, a peak from 60 s to 120 s, and a recovery that takes `settles_s`."""
    times = tuple(float(second) for second in range(180))

    def strain(second: float) -> float:
        if second < 60:
            return 0.0
        if second < 120:
            return 1 - math.exp(-(second - 60) / 9)
        return math.exp(-(second - 120) / settles_s)

    ripple = tuple(1 + 0.12 * math.sin(second * 1.7) + 0.07 * math.sin(second * 0.61) for second in times)
    p99 = tuple(round(48 * (worst / 48) ** strain(second) * wave, 2) for second, wave in zip(times, ripple, strict=True))
    lost = max(0.0, 1 - 900 / worst) if worst > 900 else 0.0
    offered = tuple(500.0 if 60 <= second < 120 else 100.0 for second in times)
    success = tuple(round(1 - lost * strain(second), 4) for second in times)
    return Series(
        id=name,
        title=title,
        time_s=times,
        latency_p50_ms=tuple(round(value / 4, 2) for value in p99),
        latency_p99_ms=tuple(None if silent and 96 <= second < 104 else value for second, value in zip(times, p99, strict=True)),
        success_ratio=tuple(None if silent and 96 <= second < 104 else value for second, value in zip(times, success, strict=True)),
        offered_per_s=offered,
        goodput_per_s=tuple(
            0.0 if silent and 96 <= s < 104 else round(rate * share * (0.97 + 0.03 * wave), 1)
            for s, rate, share, wave in zip(times, offered, success, ripple, strict=True)
        ),
    )


BEFORE, AFTER = Text("before", "antes"), Text("after", "depois")
P99_AT_PEAK = Text("p99 at the peak", "p99 no pico")
GOOD_ANSWERS = Text("requests answered well", "requisições bem respondidas")


def measure(name: str, title: Text, before: float, after: float, spread: float = 0.08) -> Measure:
    """Return a measure whose intervals are `spread` wide on either side."""

    def around(value: float) -> Interval:
        return Interval(value, value - abs(value) * spread, value + abs(value) * spread)

    higher = "ratio" in name or name.endswith("_per_s")
    return Measure(
        id=name,
        title=title,
        lower_is_better=not higher,
        before=around(before),
        after=around(after),
        difference=around(after - before),
    )


def ratio(before: Interval, after: Interval) -> Measure:
    """Return the measure of the share of requests that were answered well."""
    difference = Interval(after.value - before.value, after.low - before.high, after.high - before.low)
    return Measure(id="success_ratio", title=GOOD_ANSWERS, lower_is_better=False, before=before, after=after, difference=difference)


def node(
    name: str, kind: str, technology: str, replicas: str, group: str, findings: tuple[str, ...] = (), worst: Severity | None = None
) -> Node:
    return Node(
        name=name,
        kind=kind,
        technology=technology,
        replicas=replicas,
        group=group,
        findings=findings,
        worst=worst,
        evidence=(Evidence("compose.yaml", 4, "compose"),),
    )


NODES = (
    node("bank", "external", "", "", ""),
    node("catalog", "service", "express", "2", "shop"),
    node("gateway", "gateway", "nginx", "2", "edge"),
    node("notify", "worker", "nestjs", "1", "shop", ("a8",), Severity.LOW),
    node("orders", "service", "nestjs", "2", "shop", ("a1", "a2", "a5"), Severity.CRITICAL),
    node("payment", "service", "nestjs", "1", "shop", ("a1", "a2"), Severity.CRITICAL),
    node("postgres", "database", "postgresql", "1", "data", ("a3", "a4", "a7"), Severity.HIGH),
    node("rabbitmq", "broker", "rabbitmq", "1", "data", ("a6",), Severity.MEDIUM),
    node("redis", "cache", "redis", "1", "data"),
    node("stock", "service", "nestjs", "2", "shop", ("a4",), Severity.HIGH),
    node("web", "client", "", "", "edge"),
)


def edge(
    caller: str, callee: str, protocol: str, *, findings: tuple[str, ...] = (), worst: Severity | None = None, **more: Any
) -> Edge:
    return Edge(
        caller=caller,
        callee=callee,
        protocol=protocol,
        synchronous=more.get("synchronous", True),
        certainty=more.get("certainty", "declared"),
        findings=findings,
        worst=worst,
        evidence=(Evidence("compose.yaml", 30, "compose"),),
    )


EDGES = (
    edge("catalog", "postgres", "postgresql"),
    edge("catalog", "redis", "redis"),
    edge("gateway", "catalog", "http"),
    edge("gateway", "orders", "http"),
    edge("notify", "rabbitmq", "amqp", synchronous=False),
    edge("orders", "payment", "http", findings=("a1", "a2"), worst=Severity.CRITICAL),
    edge("orders", "postgres", "postgresql", findings=("a5",), worst=Severity.HIGH),
    edge("orders", "rabbitmq", "amqp", synchronous=False),
    edge("orders", "stock", "http"),
    edge("payment", "bank", "https", findings=("a2",), worst=Severity.HIGH),
    edge("payment", "postgres", "postgresql"),
    edge("stock", "postgres", "postgresql", findings=("a4",), worst=Severity.HIGH),
    edge("stock", "redis", "redis", certainty="assumed"),
    edge("web", "gateway", "http"),
)

COMPOSE = Evidence("compose.yaml", 41, "compose", 42)
COMPOSE_SNIPPET = Snippet(
    evidence=COMPOSE,
    first_line=38,
    lines=(
        "  orders:",
        "    build: ./services/orders",
        "    environment:",
        "      PAYMENT_URL: http://payment:3000",
        "      PAYMENT_TOKEN: «secret 3f9a12»",
        "    depends_on:",
        "      - payment",
    ),
)
RULE_PAGE = Text(
    "## What it finds\n\nA synchronous call for which no timeout was found.\n\n## Why it hurts\n\nWorkers are "
    "held: `50 / 200 = 0.25 s`."
    '\n\n## Do instead\n\n```ts title="src/orders.ts"\nawait fetch(url, { signal: AbortSignal.timeout(800) })\n```\n\n'
    "- Set it at the caller.\n- Keep it above the callee's p99.\n\nSee "
    "[Nygard](https://pragprog.com/titles/mnee2/release-it-second-edition/).",
    "## O que encontra\n\nUma chamada síncrona sem timeout nos arquivos lidos.\n\n## Por que dói\n\nOs workers "
    "ficam presos: `50 / 200 = 0,25 s`."
    '\n\n## Faça assim\n\n```ts title="src/orders.ts"\nawait fetch(url, { signal: AbortSignal.timeout(800) })\n```\n\n'
    "- Configure no chamador.\n- Deixe acima do p99 do chamado.\n\nVeja "
    "[Nygard](https://pragprog.com/titles/mnee2/release-it-second-edition/).",
)


CHARGED_TWICE = History(
    title=Text("a card is charged twice", "um cartão é cobrado duas vezes"),
    events=(
        HistoryEvent(actor="client", target="orders", text=Text("asks for order 1", "pede o pedido 1")),
        HistoryEvent(
            actor="orders", target="payment", text=Text("asks to charge 40.00", "pede a cobrança de 40,00"), evidence=COMPOSE
        ),
        HistoryEvent(
            actor="payment",
            target="bank",
            text=Text("charges the card", "cobra o cartão"),
            changes=(HistoryChange("charge.count", "0", "1"),),
        ),
        HistoryEvent(
            actor="payment",
            target="orders",
            text=Text("the answer comes too late", "a resposta chega tarde demais"),
            fault="timeout",
        ),
        HistoryEvent(actor="orders", target="payment", text=Text("asks again", "pede de novo"), evidence=COMPOSE),
        HistoryEvent(
            actor="payment",
            target="bank",
            text=Text("charges the card again", "cobra o cartão de novo"),
            changes=(HistoryChange("charge.count", "1", "2"),),
        ),
        HistoryEvent(actor="orders", text=Text("marks the order as paid", "marca o pedido como pago")),
    ),
    final=(("charge.count", "2"), ("order.status", "PAID")),
)


def finding(
    name: str, rule: str, code: str, category: Any, severity: Severity, title: Text, why: Text, **more: Any
) -> ReportedFinding:
    return ReportedFinding(
        id=name,
        rule=rule,
        code=code,
        category=category,
        severity=severity,
        status=more.get("status", "inferred"),
        confidence=more.get("confidence", 0.9),
        title=title,
        why=why,
        subject=more["subject"],
        components=more["components"],
        links=more.get("links", ()),
        evidence=more.get("evidence", (Evidence("compose.yaml", 12, "compose"),)),
        snippets=more.get("snippets", ()),
        recommendations=more.get("recommendations", ()),
        rule_page=more.get("rule_page", Text("", "")),
        history=more.get("history"),
        comparisons=more.get("comparisons", ()),
    )


FINDINGS = (
    finding(
        "a1",
        "no-timeout",
        "R1",
        "resilience",
        Severity.CRITICAL,
        Text("`orders → payment` has no timeout", "`orders → payment` não tem timeout"),
        Text(
            "At 200 requests/s a payment that hangs holds all 50 workers of `orders` after 0.25 s (50 / 200). "
            "From then on every order "
            "waits, also those that need no payment. No timeout was found in the files read.",
            "Com 200 requisições/s, um payment travado prende os 50 workers de `orders` em 0,25 s (50 / 200). "
            "A partir daí todo pedido "
            "espera, inclusive os que não precisam de pagamento. Nenhum timeout foi encontrado nos arquivos lidos.",
        ),
        subject="orders → payment",
        components=("orders", "payment"),
        links=(Link("orders", "payment"),),
        evidence=(COMPOSE, Evidence("k8s/orders.yaml", 27, "kubernetes")),
        snippets=(COMPOSE_SNIPPET,),
        recommendations=("timeout-budget:orders", "circuit-breaker:orders"),
        status="proved",
        rule_page=RULE_PAGE,
    ),
    finding(
        "a2",
        "retry-amplification",
        "R3",
        "resilience",
        Severity.HIGH,
        Text(
            "Retries multiply to 9 attempts on `web → orders → payment → bank`",
            "As tentativas se multiplicam: 9 em `web → orders → payment → bank`",
        ),
        Text(
            "`orders` tries 3 times and `payment` tries 3 times: one order can ask the bank 9 times (3 × 3), "
            "just when the bank is slow.",
            "`orders` tenta 3 vezes e `payment` tenta 3 vezes: um pedido pode chamar o banco 9 vezes (3 × 3), "
            "justamente quando ele está lento.",
        ),
        subject="orders → payment → bank",
        components=("payment", "orders"),
        links=(Link("orders", "payment"), Link("payment", "bank")),
        recommendations=("retry-budget:payment",),
        status="proved",
        history=CHARGED_TWICE,
    ),
    finding(
        "a3",
        "single-instance-store",
        "A4",
        "resilience",
        Severity.HIGH,
        Text(
            "`postgres` runs once and four services cannot answer without it",
            "`postgres` roda uma vez só e quatro serviços não respondem sem ele",
        ),
        Text(
            "A crash of the one instance stops every order until it restarts.",
            "Se a única instância cai, nenhum pedido é aceito até ela voltar.",
        ),
        subject="postgres",
        components=("postgres",),
        recommendations=("replicas:postgres",),
    ),
    finding(
        "a4",
        "shared-store",
        "A2",
        "structure",
        Severity.MEDIUM,
        Text(
            "`postgres` is shared by `catalog`, `orders`, `payment` and `stock`",
            "`postgres` é dividido por `catalog`, `orders`, `payment` e `stock`",
        ),
        Text(
            "One slow query of any of them takes connections from the others.",
            "Uma consulta lenta de qualquer um deles tira conexões dos outros.",
        ),
        subject="postgres",
        components=("postgres", "stock"),
        links=(Link("stock", "postgres"),),
    ),
    finding(
        "a5",
        "pool-too-small",
        "S6",
        "scale",
        Severity.HIGH,
        Text(
            "The pool of `orders` (10) is smaller than the 18 connections the peak needs",
            "O pool de `orders` (10) é menor que as 18 conexões do pico",
        ),
        Text(
            "Little's law: 500 queries/s × 36 ms = 18 busy connections.",
            "Lei de Little: 500 consultas/s × 36 ms = 18 conexões ocupadas.",
        ),
        subject="orders → postgres",
        components=("orders", "postgres"),
        links=(Link("orders", "postgres"),),
        recommendations=("right-sized-pool:orders",),
        status="measured",
    ),
    finding(
        "a6",
        "no-persistence",
        "D1",
        "data",
        Severity.MEDIUM,
        Text("`rabbitmq` keeps its messages in the container", "`rabbitmq` guarda as mensagens dentro do contêiner"),
        Text(
            "No volume was found: what is queued is gone when the container is replaced.",
            "Nenhum volume encontrado: o que está na fila se perde com o contêiner.",
        ),
        subject="rabbitmq",
        components=("rabbitmq",),
    ),
    finding(
        "a7",
        "published-store",
        "X2",
        "security",
        Severity.HIGH,
        Text(
            "`postgres` is published on port 5432 of every address", "`postgres` está publicado na porta 5432 em todos os endereços"
        ),
        Text("Whoever reaches the host reaches the database.", "Quem alcança o host alcança o banco de dados."),
        subject="postgres",
        components=("postgres",),
        evidence=(Evidence("compose.yaml", 71, "compose"),),
    ),
    finding(
        "a8",
        "no-health-probe",
        "O1",
        "delivery",
        Severity.LOW,
        Text("No health check was found for `notify`", "Nenhum health check encontrado para `notify`"),
        Text("A worker that hangs is not restarted.", "Um worker travado não é reiniciado."),
        subject="notify",
        components=("notify",),
        status="asked",
        confidence=0.6,
    ),
    finding(
        "a9",
        "no-health-probe",
        "O1",
        "delivery",
        Severity.LOW,
        Text("No health check was found for `stock`", "Nenhum health check encontrado para `stock`"),
        Text("A service that hangs still gets requests.", "Um serviço travado continua recebendo requisições."),
        comparisons=(COMPARED,),
        subject="stock",
        components=("stock",),
    ),
)

TIMEOUT_CODE = """// One budget for the whole order; what is left of it travels with the call.
const response = await fetch(`${PAYMENT_URL}/charges`, {
  method: 'POST',
  body: JSON.stringify(charge),
  signal: AbortSignal.timeout(800),
});
"""
NGINX_CODE = """services:
  gateway:
    environment:
      UPSTREAM_TIMEOUT_MS: "1500"  # above orders' 1,200 ms
"""

RECOMMENDATIONS = (
    Recommendation(
        id="timeout-budget:orders",
        remedy="timeout-budget",
        rank=1,
        title=Text("Give the order a time budget", "Dê ao pedido um orçamento de tempo"),
        action=Text("Set a timeout of 800 ms on `orders → payment`.", "Configure um timeout de 800 ms em `orders → payment`."),
        findings=("a1", "a2"),
        components=("orders",),
        effort="hours",
        status="proved",
        proof=Proof(
            lab="load",
            experiment=Text("payment answers 10 times slower for 30 s.", "payment responde 10 vezes mais devagar por 30 s."),
            verdict="helps",
            summary=Text(
                "With the budget 97 % of the orders are answered well while payment is slow, instead of 41 %.",
                "Com o orçamento, 97 % dos pedidos são bem respondidos enquanto payment está lento, em vez de 41 %.",
            ),
            measures=(
                measure("latency_p99_ms", P99_AT_PEAK, 8_420, 812),
                ratio(Interval(0.412, 0.391, 0.433), Interval(0.971, 0.962, 0.98)),
                measure("recovery_s", Text("time to recover", "tempo de recuperação"), 47, 2.1),
            ),
            share_better=0.97,
            draws=200,
            replications=12,
            series=(series("before", BEFORE, 8_420, 24, silent=True), series("after", AFTER, 812, 2)),
            bands=(FAULT,),
            objective_ms=1000,
        ),
        pseudocode=Text(
            "budget = deadline of the request, or 1200 ms\nleft = budget - elapsed\nif left < 50 ms: answer "
            "503  # no time to do it well\n"
            "call payment with timeout min(left, 800 ms)",
            "orçamento = prazo da requisição, ou 1200 ms\nresta = orçamento - decorrido\nse resta < 50 ms: "
            "responda 503  # não dá tempo de fazer bem\n"
            "chame payment com timeout min(resta, 800 ms)",
        ),
        examples=(
            CodeExample(place="NestJS", language="ts", code=TIMEOUT_CODE),
            CodeExample(place="Compose", language="yaml", code=NGINX_CODE),
        ),
        trade_off=Text(
            "Some charges will succeed after the order gave up: make them idempotent.",
            "Algumas cobranças vão ocorrer depois da desistência: torne-as idempotentes.",
        ),
        when_not=Text(
            "Not on a stream, and not below the callee's own p99.", "Não em streams, nem abaixo do p99 do próprio serviço chamado."
        ),
        does_not_fix=Text("It does not make payment faster.", "Não deixa payment mais rápido."),
    ),
    Recommendation(
        id="right-sized-pool:orders",
        remedy="right-sized-pool",
        rank=2,
        title=Text("Size the pool for the peak", "Dimensione o pool para o pico"),
        action=Text("Raise the pool of `orders` from 10 to 24 connections.", "Aumente o pool de `orders` de 10 para 24 conexões."),
        findings=("a5",),
        components=("orders",),
        effort="hours",
        status="proved",
        proof=Proof(
            lab="load",
            experiment=Text("5 times the traffic for 60 s.", "5 vezes o tráfego por 60 s."),
            verdict="helps",
            summary=Text("The queue for a connection is gone at the peak.", "A fila por conexão desaparece no pico."),
            measures=(measure("latency_p99_ms", P99_AT_PEAK, 820, 104),),
            share_better=0.93,
            draws=200,
            replications=12,
        ),
    ),
    Recommendation(
        id="retry-budget:payment",
        remedy="retry-budget",
        rank=3,
        title=Text("Retry at one layer, with a budget", "Tente de novo em uma só camada, com orçamento"),
        action=Text(
            "Retry in `payment` only, at most 10 % of the calls.", "Tente de novo só em `payment`, no máximo 10 % das chamadas."
        ),
        findings=("a2",),
        components=("payment", "orders"),
        effort="days",
        status="proved",
        proof=Proof(
            lab="load",
            experiment=Text("the bank fails one call in three.", "o banco falha em uma de cada três chamadas."),
            verdict="helps",
            summary=Text(
                "The bank gets 1.1 calls an order instead of 4.6.", "O banco recebe 1,1 chamada por pedido em vez de 4,6."
            ),
            measures=(measure("calls_per_order", Text("calls to the bank per order", "chamadas ao banco por pedido"), 4.6, 1.1),),
            share_better=1.0,
            draws=200,
            replications=12,
        ),
    ),
    Recommendation(
        id="replicas:postgres",
        remedy="replicas",
        rank=4,
        title=Text("Run a standby of `postgres`", "Mantenha um standby do `postgres`"),
        action=Text(
            "Add a synchronous standby with automatic failover.", "Acrescente um standby síncrono com failover automático."
        ),
        findings=("a3",),
        components=("postgres",),
        effort="weeks",
        status="inferred",
    ),
    Recommendation(
        id="private-network:postgres",
        remedy="private-network",
        rank=0,
        title=Text("Keep the port of `postgres` inside", "Mantenha a porta do `postgres` do lado de dentro"),
        action=Text("Take `5432:5432` out of compose.yaml.", "Tire `5432:5432` do compose.yaml."),
        findings=("a7",),
        components=("postgres",),
        effort="hours",
        status="inferred",
    ),
    Recommendation(
        id="circuit-breaker:orders",
        remedy="circuit-breaker",
        rank=0,
        title=Text("Put a circuit breaker on `orders → payment`", "Ponha um circuit breaker em `orders → payment`"),
        action=Text("Open after half of 20 calls failed.", "Abra depois que metade de 20 chamadas falhar."),
        findings=("a1",),
        components=("orders",),
        effort="days",
        status="rejected",
        proof=Proof(
            lab="load",
            experiment=Text("payment answers 10 times slower for 30 s.", "payment responde 10 vezes mais devagar por 30 s."),
            verdict="no-difference",
            summary=Text(
                "A slow payment is not a failed one: without a timeout it never opens.",
                "Lento não é falho: sem timeout, ele nunca abre.",
            ),
            measures=(measure("latency_p99_ms", P99_AT_PEAK, 8_420, 8_390),),
            share_better=0.49,
            draws=200,
            replications=12,
        ),
    ),
)

SCORES = tuple(
    CategoryScore(category=category, title=Text(en, pt), score=score, weight=weight, deductions=deductions)  # type: ignore[arg-type]
    for category, en, pt, score, weight, deductions in (
        ("resilience", "Resilience", "Resiliência", 38, 0.25, (("a1", 30), ("a2", 17), ("a3", 15))),
        ("consistency", "Consistency", "Consistência", 100, 0.15, ()),
        ("scale", "Scale", "Escala", 72, 0.15, (("a5", 28),)),
        ("data", "Data", "Dados", 88, 0.1, (("a6", 12),)),
        ("api", "Interfaces", "Interfaces", 100, 0.05, ()),
        ("security", "Security", "Segurança", 70, 0.15, (("a7", 30),)),
        ("delivery", "Delivery", "Entrega", 90, 0.05, (("a8", 5), ("a9", 5))),
        ("structure", "Structure", "Estrutura", 85, 0.1, (("a4", 15),)),
    )
)

REQUIREMENTS = (
    Requirement(
        id="survives-peak",
        title=Text("It survives the peak", "Sobrevive ao pico"),
        verdict="broken",
        answer=Text(
            "At 5 times the traffic p99 reaches 8,420 ms; the objective is 300 ms.",
            "Com 5 vezes o tráfego o p99 chega a 8.420 ms; o objetivo é 300 ms.",
        ),
        counterexample=Text(
            "From second 71 on all 50 workers of `orders` wait for `payment`.",
            "A partir do segundo 71, os 50 workers de `orders` esperam por `payment`.",
        ),
        series=(series("peak", Text("as it is", "como está"), 8_420, 24),),
        bands=(PEAK,),
    ),
    Requirement(
        id="scales-horizontally",
        title=Text("It scales horizontally", "Escala horizontalmente"),
        verdict="held",
        answer=Text(
            "1, 2 and 4 replicas answer 210, 412 and 790 requests/s.", "1, 2 e 4 réplicas respondem 210, 412 e 790 requisições/s."
        ),
    ),
    Requirement(
        id="eventually-consistent",
        title=Text("It is eventually consistent", "É eventualmente consistente"),
        verdict="not-decidable",
        answer=Text("Not decidable yet: no flow was found.", "Ainda não decidível: nenhum fluxo foi encontrado."),
    ),
)

RULES = tuple(
    CheckedRule(id=name, code=code, category=category, title=Text(en, pt), found=found)  # type: ignore[arg-type]
    for name, code, category, en, pt, found in (
        ("long-chain", "A1", "structure", "Long synchronous chains", "Cadeias síncronas longas", 0),
        ("no-health-probe", "O1", "delivery", "Components without a health check", "Componentes sem health check", 2),
        ("no-persistence", "D1", "data", "Stores that keep nothing", "Bancos que não guardam nada", 1),
        ("no-timeout", "R1", "resilience", "Calls that can wait for ever", "Chamadas que podem esperar para sempre", 1),
        ("pool-too-small", "S6", "scale", "Pools too small for the peak", "Pools pequenos demais para o pico", 1),
        ("published-store", "X2", "security", "Stores published to the outside", "Bancos publicados para fora", 1),
        ("retry-amplification", "R3", "resilience", "Retries that multiply", "Tentativas que se multiplicam", 1),
        ("shared-store", "A2", "structure", "A store that several services share", "Um banco dividido por vários serviços", 1),
        ("single-instance-store", "A4", "resilience", "A store that runs once", "Um banco que roda uma vez só", 1),
        ("synchronous-cycle", "A3", "structure", "Synchronous cycles", "Ciclos síncronos", 0),
    )
)


def sample() -> Result:
    """Return the review."""
    return Result(
        system="shop",
        verdict=Text(
            "A slow payment stops every order: `orders` waits for it without a limit.",
            "Um pagamento lento para todos os pedidos: `orders` espera por ele sem limite.",
        ),
        read=Text(
            "Read 14 files: 11 components, 14 calls; 3 of 4 remedies proved in the load lab.",
            "14 arquivos lidos: 11 componentes, 14 chamadas; 3 de 4 correções provadas no laboratório de carga.",
        ),
        grade="D",
        score=54,
        scores=SCORES,
        requirements=REQUIREMENTS,
        recommendations=RECOMMENDATIONS,
        nodes=NODES,
        edges=EDGES,
        peak=PeakStudy(
            factor=5,
            summary=Text(
                "As it is, p99 passes the objective 9 s into the peak and stays above it for 100 s. With "
                "everything that is recommended it never does.",
                "Como está, o p99 passa do objetivo 9 s depois do início do pico e fica acima por 100 s. Com "
                "tudo o que é recomendado, nunca passa.",
            ),
            first_to_break="orders",
            objective_ms=300,
            series=(
                series("before", BEFORE, 8_420, 24, silent=True),
                series("after", Text("after all of it", "depois de tudo"), 142, 2),
            ),
            bands=(PEAK,),
            measures=(
                measure("latency_p99_ms", P99_AT_PEAK, 8_420, 142),
                ratio(Interval(0.412, 0.391, 0.433), Interval(0.9994, 0.9991, 0.9997)),
            ),
        ),
        findings=FINDINGS,
        assumptions=(
            Assumption(
                path="operations.orders:http.steps[0].cpu_ms",
                value=4,
                low=1,
                high=16,
                reason=Text("a NestJS handler", "um handler NestJS"),
                matters=0.61,
            ),
            Assumption(
                path="workloads.web.rate_per_s",
                value=100,
                low=25,
                high=400,
                reason=Text("no traffic was stated", "nenhum tráfego foi informado"),
                matters=0.22,
            ),
            Assumption(path="network_ms", value=0.5, low=0.2, high=1.25, reason=Text("one data centre", "um data center")),
        ),
        measure_first=(
            MeasureFirst(
                title=Text("The processor time of a request in `orders`", "O tempo de processador de uma requisição em `orders`"),
                effect=Text(
                    "Assumed: 4 ms, plausible from 1 ms to 16 ms. At 5x the p99 is 61 ms at the low end and 940 ms at the high end.",
                    "Suposto: 4 ms, plausível de 1 ms a 16 ms. Com 5x o p99 é 61 ms na ponta baixa e 940 ms na ponta alta.",
                ),
                numbers=("operations/orders:http/steps/0/cpu_ms",),
                weight=1.0,
                success_ratio_low=1.0,
                success_ratio_high=0.97,
                latency_p99_ms_low=61.0,
                latency_p99_ms_high=940.0,
            ),
        ),
        questions=(
            Text(
                "Does `notify` acknowledge a message before or after its work?",
                "`notify` confirma a mensagem antes ou depois do trabalho?",
            ),
        ),
        unread=(
            Unread(
                "charts/shop/templates/orders.yaml",
                12,
                Text(
                    "a template: `{{ .Values.replicas }}` has no value here",
                    "um template: `{{ .Values.replicas }}` não tem valor aqui",
                ),
                partly=True,
            ),
            Unread(
                "legacy/stack.yml",
                3,
                Text("broken YAML: a tab where a space must be", "YAML quebrado: há um tab onde deve haver um espaço"),
            ),
        ),
        notes=(
            Text(
                "No source code was read: handlers are assumed to call each dependency once.",
                "Nenhum código-fonte foi lido: supõe-se que cada handler chama cada dependência uma vez.",
            ),
        ),
        rules=RULES,
        footer=Footer(
            command="backend-expert review examples/shop --peak 5x --seed 7",
            seed=7,
            version="0.1.0",
            digest="b3f1c9d24e77",
            commit="9f2c1ab",
            commit_date="2026-10-02",
        ),
        databases=(DATABASE,),
    )
