"""Whatever the system, the rules answer, twice the same, in whole sentences about things that exist."""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from backend_expert.model import (
    Ack,
    Action,
    Autoscaling,
    Branch,
    CacheGet,
    CachePut,
    Call,
    Certainty,
    Compensate,
    Component,
    Dataset,
    Deployment,
    Estimate,
    Evidence,
    Kind,
    Lock,
    Mechanism,
    Operation,
    Parallel,
    Policy,
    Pool,
    Port,
    Publish,
    Query,
    Repeat,
    Reply,
    Retry,
    Setting,
    Step,
    System,
    Topic,
    Transaction,
    Trigger,
    Volume,
    Wait,
    Work,
    Workload,
)
from backend_expert.rules import all_rules, check

RUNNING = ("desk", "orders", "payment", "stock")
STORES = ("postgres", "redis")
NAMES = ("broker", *RUNNING, *STORES)
OPERATIONS = tuple(f"{name} {verb}" for name in RUNNING for verb in ("GET /", "POST /"))
DATASETS = tuple(f"{name}/{rest}" for name in STORES for rest in ("*", "shop", "shop.order"))
TOPICS = ("broker/created", "broker/paid")
RUNNING_KINDS = (Kind.SERVICE, Kind.GATEWAY, Kind.WORKER, Kind.EXTERNAL, Kind.CLIENT, Kind.PLATFORM)
PLACE = (Evidence("system.yaml", 3, "system.yaml"),)

certainties = st.sampled_from(Certainty)
estimates = st.builds(Estimate, st.sampled_from([0.0, 0.5, 1.0, 2.0, 20.0, 300.0]), st.just(2.0), certainties, st.just(PLACE))
maybe = st.none() | estimates
shares = st.builds(Estimate, st.sampled_from([0.0, 0.25, 1.0]), st.just(1.0), certainties)
retries = st.builds(Retry, estimates, maybe, maybe, st.sampled_from(["none", "full"]), st.none() | shares)
policies = st.builds(
    Policy,
    timeout_ms=maybe,
    retry=st.none() | retries,
    pool=st.none() | st.builds(Pool, estimates),
    optional=st.none() | st.booleans(),
    absent=st.lists(st.sampled_from(Mechanism), unique=True, max_size=3).map(tuple),
    evidence=st.just(PLACE),
)
facts = {"certainty": certainties, "evidence": st.just(PLACE)}
leaves: st.SearchStrategy[Step] = st.one_of(
    st.builds(Work, cpu_ms=maybe, **facts),
    st.builds(Wait, time_ms=estimates, **facts),
    st.builds(
        Query,
        dataset=st.sampled_from(DATASETS),
        action=st.sampled_from(Action),
        filter_columns=st.sampled_from([(), ("id",)]),
        time_ms=maybe,
        policy=policies,
        **facts,
    ),
    st.builds(CachePut, dataset=st.sampled_from(DATASETS), policy=policies, **facts),
    st.builds(Call, operation=st.sampled_from(OPERATIONS), policy=policies, **facts),
    st.builds(Publish, topic=st.sampled_from(TOPICS), confirmed=st.none() | st.booleans(), **facts),
    st.builds(Ack, **facts),
    st.builds(Reply, **facts),
)


def blocks(inner: st.SearchStrategy[Step]) -> st.SearchStrategy[Step]:
    steps = st.lists(inner, min_size=1, max_size=3).map(tuple)
    return st.one_of(
        st.builds(Transaction, store=st.sampled_from(STORES), steps=steps, **facts),
        st.builds(Lock, resource=st.just("r"), steps=steps, **facts),
        st.builds(Repeat, count=estimates, steps=steps, **facts),
        st.builds(Branch, probability=shares, then=steps, otherwise=steps, **facts),
        st.builds(Compensate, steps=steps, undo=steps, **facts),
        st.builds(Parallel, branches=st.lists(steps, min_size=1, max_size=2).map(tuple), **facts),
        st.builds(
            CacheGet, dataset=st.sampled_from(DATASETS), hit_ratio=st.none() | shares, on_miss=steps, policy=policies, **facts
        ),
    )


steps = st.recursive(leaves, blocks, max_leaves=6)
triggers = st.one_of(
    st.just(Trigger(kind="http")),
    st.builds(
        Trigger,
        kind=st.just("message"),
        name=st.sampled_from(TOPICS),
        concurrency=maybe,
        acknowledge=st.sampled_from([None, "before", "after", "auto"]),
        maximum_deliveries=st.sampled_from([None, 5]),
        dead_letter=st.none() | st.booleans(),
    ),
)
ports = st.builds(
    Port,
    number=st.sampled_from([5432, 15672]),
    published=st.sampled_from([None, 0, 5432]),
    address=st.sampled_from(["", "127.0.0.1"]),
)
deployments = st.builds(
    Deployment,
    replicas=maybe,
    workers=maybe,
    cpu_cores=maybe,
    event_loop=st.none() | st.booleans(),
    autoscaling=st.none() | st.just(Autoscaling(minimum=1, maximum=3)),
    ports=st.lists(ports, max_size=2).map(tuple),
    volumes=st.lists(st.builds(Volume, path=st.sampled_from(["/data", "/x.sql"]), persistent=st.booleans()), max_size=2).map(tuple),
    user=st.sampled_from(["", "root"]),
    complete=st.booleans(),
)
secrets = st.sampled_from([(), (Setting(name="JWT_SECRET", value="<secret:0123abcd>", secret=True, evidence=PLACE),)])


@st.composite
def systems(draw: st.DrawFn) -> System:
    components = tuple(
        Component(
            name=name,
            kind=Kind.BROKER
            if name == "broker"
            else draw(st.sampled_from(RUNNING_KINDS if name in RUNNING else (Kind.DATABASE, Kind.CACHE))),
            technology=draw(st.sampled_from(["", "rabbitmq", "postgresql", "nginx"])),
            image=draw(st.sampled_from(["", "redis", "postgres:17"])),
            settings=draw(secrets),
            deployment=draw(st.none() | deployments),
            evidence=PLACE,
        )
        for name in NAMES
    )
    operations = tuple(
        Operation(
            name=name,
            component=name.partition(" ")[0],
            trigger=draw(triggers),
            steps=tuple(draw(st.lists(steps, max_size=3))),
            certainty=draw(certainties),
            evidence=PLACE,
        )
        for name in OPERATIONS
    )
    return System(
        name="any",
        components=components,
        operations=operations,
        datasets=tuple(Dataset(name=name, store=name.partition("/")[0]) for name in DATASETS),
        topics=tuple(Topic(name=name, broker=name.partition("/")[0], durable=draw(st.none() | st.booleans())) for name in TOPICS),
        workloads=tuple(Workload(name=name, operation=name, rate_per_s=draw(estimates)) for name in OPERATIONS[:2]),
    )


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(systems())
def test_findings_speak_of_what_exists(system: System) -> None:
    findings = check(system)
    assert findings == check(system)
    known = {rule.id for rule in all_rules()}
    for finding in findings:
        assert finding.rule in known
        assert finding.components
        assert set(finding.components) <= set(NAMES)
        assert len(set(finding.components)) == len(finding.components)
        assert all({link.caller, link.callee} <= set(NAMES) for link in finding.links)
        assert finding.evidence
        assert 0 < finding.confidence <= 1
        for text in (finding.title.en, finding.title.pt, finding.why.en, finding.why.pt):
            assert text == text.strip()
            assert "None" not in text
            assert "``" not in text
            assert "  " not in text
        assert finding.why.en.endswith((".", ".)"))
        assert finding.why.en != finding.why.pt
    assert len({finding.fingerprint for finding in findings}) == len(findings)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(systems())
def test_no_secret_and_no_hash_of_one_is_printed(system: System) -> None:
    assert all("0123abcd" not in str(finding) for finding in check(system))
