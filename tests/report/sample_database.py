"""The answer of the planner lab on an invented schema, for the sample review."""

from __future__ import annotations

from backend_expert.lab.planner.answer import Answer, Compared, IndexAdvice, IndexRemoval, Level, Point, QueryOutcome, Unplanned
from backend_expert.model import Text
from backend_expert.review.result import DatabaseStudy

COMPARED = Compared(
    statement="SELECT id FROM orders WHERE placed_at::date = $1",
    better="SELECT id FROM orders WHERE placed_at >= CAST($1 AS DATE) AND placed_at < CAST($1 AS DATE) + 1",
    needs="orders (placed_at)",
    create="CREATE INDEX CONCURRENTLY orders_placed_at_idx ON public.orders (placed_at);",
    before=29_206.0,
    after=412.5,
    level=Level.GUESS,
    plan_before=("Seq Scan on public.orders  cost 29206.00  rows 10000", "  Filter: ((placed_at)::date = $1)"),
    plan_after=("Index Scan using [orders (placed_at)] on public.orders  cost 412.50  rows 10000",),
)

DATABASE = DatabaseStudy(
    name="orders/migrations",
    dialect="postgres",
    datasets=("postgres/orders",),
    derived=1,
    answer=Answer(
        level=Level.GUESS,
        reasons=(
            Text("no statistics were given: sizes are assumed", "nenhuma estatística foi fornecida: os tamanhos são supostos"),
        ),
        refused=(),
        tables=2,
        matched=0.0,
        guessed=("public.orders",),
        taken="",
        covered=1.0,
        unplanned=(Unplanned("src/orders.ts", 40, "SELECT * FROM orders WHERE $1", "syntax error"),),
        rejected=(),
        plans=12,
        before=31_000.0,
        after=1_900.0,
        queries=(
            QueryOutcome(
                statement="SELECT * FROM orders WHERE customer_id = $1",
                kind="select",
                file="src/orders.ts",
                line=12,
                calls=1.0,
                share=0.94,
                before=29_206.0,
                after=83.1,
                level=Level.GUESS,
                reasons=(),
                uses=("orders (customer_id)",),
                risk=Text("measure it after the build", "meça depois de criar o índice"),
            ),
        ),
        indexes=(
            IndexAdvice(
                index="orders (customer_id)",
                name="orders_customer_id_idx",
                table="public.orders",
                columns=("customer_id",),
                create=(
                    "SET lock_timeout = '5s';",
                    "CREATE INDEX CONCURRENTLY orders_customer_id_idx ON public.orders (customer_id);",
                ),
                drop=("SET lock_timeout = '5s';", "DROP INDEX CONCURRENTLY public.orders_customer_id_idx;"),
                bytes=15_700_000,
                bytes_low=13_400_000,
                bytes_high=18_100_000,
                contribution=0.9,
                write_share=0.01,
                build="minutes",
                level=Level.GUESS,
            ),
        ),
        frontier=(Point(2e6, 0.0, 0, 1.0), Point(3e7, 15.7e6, 1, 0.061)),
        removals=(
            IndexRemoval(
                index="orders_a",
                table="public.orders",
                kind="prefix",
                instead="orders_b",
                bytes=44_900_000,
                cost_ratio=1.0,
                drop=("DROP INDEX CONCURRENTLY public.orders_a;",),
                create=("CREATE INDEX CONCURRENTLY orders_a ON public.orders (placed_at);",),
            ),
        ),
        rewrites=(COMPARED,),
    ),
)
