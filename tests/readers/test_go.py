"""Calls, defaults and timeouts in Go."""

from __future__ import annotations

import pytest

from backend_expert.model import Certainty, Mechanism, Publish, call_sites, dependencies, walk

SERVICES = """
    shop: {build: ./shop, expose: [80]}
    billing: {build: ./billing, expose: [8080]}
    stock: {image: acme/stock}
    db: {image: mongo}
    cache: {image: redis}
    mq: {image: rabbitmq}
    """
BUILT = {"shop/Dockerfile": "FROM golang:1\n", "billing/Dockerfile": "FROM golang:1\n"}


@pytest.fixture
def shop(joined):
    """Return a function from the body of a function of the shop to the remote steps of the shop, by callee."""

    def steps(body: str, files: dict[str, str] | None = None):
        text = body if "func " in body else f"func main() {{\n{body}\n}}"
        system = joined(SERVICES, BUILT | {"shop/cmd/main.go": f"package main\n{text}\n"} | (files or {}))
        return {site.callee: site.step for site in call_sites(system) if site.caller == "shop"}

    return steps


@pytest.mark.parametrize(
    "body",
    [
        'http.Get("http://billing:8080/x")',
        'host, ok := os.LookupEnv("BILLING_HOST")\nif !ok {\n host = "billing"\n}\nhttp.Get("http://" + host)',
        'url := fmt.Sprintf("http://%s:%d/x", getEnv("BILLING_HOST", "billing"), 80)\nhttp.Get(url)',
        'req, _ := http.NewRequest("GET", "http://billing/x", nil)',
        'conn, _ := grpc.Dial("billing:8080", grpc.WithInsecure())',
        'const base = "http://billing"\nfunc main() { http.Post(base + "/x", "", nil) }',
        'func main() { s := &server{url: "http://billing"}; s.run() }\nfunc (s *server) run() { http.Get(s.url + "/x") }',
        "func main() { pb.NewInvoicesClient(conn) }",
    ],
)
def test_the_address_of_a_call_is_followed_to_its_text(shop, body):
    served = {"billing/server.go": "package billing\nfunc main() { pb.RegisterInvoicesServer(s, &server{}) }\n"}
    assert set(shop(body, served)) == {"billing"}


@pytest.mark.parametrize(
    "body",
    ['x := "billing"', 'log.Printf("calling http://billing:8080")', 'http.Get(r.URL.Query().Get("u"))', "pb.NewOthersClient(conn)"],
)
def test_a_name_that_nobody_calls_is_no_edge(shop, body):
    assert shop(body) == {}


def test_a_variable_read_into_a_field_gets_its_deployed_value(joined):
    services = SERVICES.replace("shop: {build: ./shop,", "shop: {build: ./shop, environment: {BILLING_ADDR: 'billing:8080'},")
    text = 'package main\nfunc main() { mustMapEnv(&svc.billing, "BILLING_ADDR") }\nfunc f(s *svc) { grpc.NewClient(s.billing) }\n'
    (found,) = [each for each in dependencies(joined(services, BUILT | {"shop/main.go": text})) if each.caller == "shop"]
    assert (found.callee, found.protocol) == ("billing", "grpc")
    assert {"shop/main.go:2", "shop/main.go:3"} <= {str(line) for line in found.evidence}


@pytest.mark.parametrize(
    ("body", "absent"),
    [
        ('http.Get("http://billing")', True),
        ('req, _ := http.NewRequest("GET", "http://billing", nil)\nhttp.DefaultClient.Do(req)', True),
        ('req, _ := http.NewRequest("GET", "http://billing", nil)\nclient := &http.Client{}\nclient.Do(req)', True),
        ('req, _ := http.NewRequest("GET", "http://billing", nil)\nc := &http.Client{Timeout: time.Second}\nc.Do(req)', False),
        ('req, _ := http.NewRequestWithContext(ctx, "GET", "http://billing", nil)\nhttp.DefaultClient.Do(req)', False),
        ('req, _ := http.NewRequest("GET", "http://billing", nil)\nelsewhere.Do(req)', False),
    ],
)
def test_the_default_client_waits_for_ever(shop, body, absent):
    assert shop(body)["billing"].policy.lacks(Mechanism.TIMEOUT) is absent


@pytest.mark.parametrize(
    ("body", "callee"),
    [
        ('amqp.Dial(fmt.Sprintf("amqp://guest:guest@%s:5672/", "mq"))', "mq"),
        ('redis.NewClient(&redis.Options{Addr: "cache:6379"})', "cache"),
        ('mongo.Connect(ctx, options.Client().ApplyURI("mongodb://db:27017"))', "db"),
    ],
)
def test_stores_and_brokers_are_found_where_code_connects(joined, body, callee):
    system = joined(SERVICES, BUILT | {"shop/main.go": f"package main\nfunc main() {{ {body} }}\n"})
    assert {each.callee for each in dependencies(system) if each.caller == "shop"} == {callee}


def test_code_below_a_directory_with_the_name_of_a_component_is_its_own(joined):
    services = "".join(f"{name}: {{build: ., expose: [80]}}\n" for name in ("geo", "rate", "search", "user"))
    files = {"Dockerfile": "FROM golang:1\n", "services/search/server.go": 'package s\nfunc f() { http.Get("http://geo") }\n'}
    assert {(each.caller, each.callee) for each in dependencies(joined(services, files))} == {("search", "geo")}


HANDLERS = """package main
func main() {
    r := mux.NewRouter()
    r.HandleFunc("/orders/{id}", getOrder).Methods("GET", "HEAD")
    http.HandleFunc("POST /orders", func(w http.ResponseWriter, r *http.Request) { place() })
    v1 := engine.Group("/v1")
    v1.GET("/stock/:id", s.stock)
    msgs, _ := ch.Consume("placed", "", true, false, false, false, nil)
}
func getOrder(w http.ResponseWriter, r *http.Request) { http.Get("http://billing/invoices") }
func place() {
    for _, each := range items { http.Get("http://stock/" + each) }
    ch.Publish("", "placed", false, false, amqp.Publishing{})
}
func (s *server) stock(c *gin.Context) { }
"""


def test_routes_and_consumers_are_operations_with_what_they_call(joined):
    system = joined(SERVICES, BUILT | {"shop/main.go": HANDLERS})
    shown = {
        operation.name: [type(step).__name__ for step in walk(operation.steps)]
        for operation in system.operations
        if operation.component == "shop" and operation.certainty is not Certainty.ASSUMED
    }
    assert shown == {
        "shop GET /orders/{id}": ["Work", "Call", "Reply"],
        "shop POST /orders": ["Work", "Repeat", "Call", "Publish", "Reply"],
        "shop GET /v1/stock/:id": ["Work", "Reply"],
        "shop on placed": ["Work"],
    }
    assert system.operation("shop on placed").trigger.acknowledge == "auto"


def test_the_stores_of_a_grpc_service_stay_with_its_calls(joined):
    files = {
        "billing/main.go": """package main
            func main() {
                redis.NewClient(&redis.Options{Addr: "cache:6379"})
                pb.RegisterInvoicesServer(s, &server{})
                http.HandleFunc("/", root)
            }
            func root(w http.ResponseWriter, r *http.Request) { }
            """,
        "shop/main.go": "package main\nfunc main() { pb.NewInvoicesClient(conn) }\n",
    }
    system = joined(SERVICES, BUILT | files)
    using = {site.operation for site in call_sites(system) if site.callee == "cache"}
    assert using == {"billing grpc"}


@pytest.mark.parametrize(
    ("setup", "message", "confirmed", "persistent"),
    [
        ("ch, _ := conn.Channel()", "amqp.Publishing{}", False, False),
        ("ch, _ := conn.Channel(); ch.Confirm(false)", "amqp.Publishing{DeliveryMode: amqp.Persistent}", True, True),
        ("", "message", None, None),
    ],
)
def test_what_keeps_a_message_is_read(joined, setup, message, confirmed, persistent):
    text = f"""package main
func main() {{
    conn, _ := amqp.Dial("amqp://mq")
    {setup}
    q, _ := ch.QueueDeclare("placed", true, false, false, false, nil)
    http.HandleFunc("POST /orders", func(w http.ResponseWriter, r *http.Request) {{ ch.Publish("", "placed", false, false, {message}) }})
}}
"""
    system = joined(SERVICES, BUILT | {"shop/main.go": text})
    (sent,) = [step for each in system.operations for step in walk(each.steps) if isinstance(step, Publish)]
    assert (sent.confirmed, sent.persistent) == (confirmed, persistent)
    assert [(topic.declared_by, topic.durable) for topic in system.topics if topic.name == "mq/placed"] == [(("shop",), True)]
