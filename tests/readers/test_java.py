"""Feign, RestTemplate, discovery and the properties that Java code reads."""

from __future__ import annotations

import pytest

from backend_expert.model import Call, Certainty, Mechanism, Publish, call_sites, walk

SERVICES = """
    shop: {build: ./shop, expose: [80]}
    billing: {build: ./billing-service, expose: [8080]}
    stock: {image: acme/stock}
    db: {image: mongo}
    """
CODE = "shop/src/main/java/org/acme/samples/Shop.java"


@pytest.fixture
def shop(joined):
    """Return a function from the body of a class of the shop to the remote steps of the shop, by callee."""

    def steps(body: str, files: dict[str, str] | None = None):
        text = body if "class " in body or "interface " in body else f"class Shop {{\n{body}\n}}"
        built = {"shop/Dockerfile": "FROM openjdk:17\n", "billing-service/Dockerfile": "FROM openjdk:17\n"}
        names = {"billing-service/src/main/resources/application.yml": "spring:\n  application:\n    name: billing-api\n"}
        system = joined(SERVICES, {CODE: text} | built | names | (files or {}))
        return {site.callee: site.step for site in call_sites(system) if site.caller == "shop"}

    return steps


@pytest.mark.parametrize(
    "body",
    [
        '@FeignClient("billing-api") interface Billing {}',
        '@FeignClient(name = Names.BILLING) interface Billing {} class Names { static final String BILLING = "billing-api"; }',
        '@FeignClient(name = "x", url = "${billing.url:http://billing:8080}") interface Billing {}',
        'void f() { restTemplate.getForObject("http://BILLING-API/x/{id}", String.class); }',
        'static final String B = "http://billing";\nvoid f() { rest.exchange(B + "/x", GET, null, X.class); }',
        '@Value("${billing.host:billing}") String host;\nvoid f() { rest.getForObject("http://" + host + "/x", X.class); }',
        'void f() { discoveryClient.getInstances("billing-api").get(0); }',
        'void f() { String h = System.getenv("B_HOST") == null ? "billing" : System.getenv("B_HOST"); new URL("http://" + h); }',
        'void f() { String h = Optional.ofNullable(System.getenv("BILLING_HOST")).orElse("billing"); }',
        'void f() { new URL(String.format("http://%s/%s", System.getenv().getOrDefault("B_HOST", "billing"), id)); }',
        'void f() { WebClient.builder().baseUrl("http://billing").build(); }',
    ],
)
def test_the_service_behind_a_call_is_found(shop, body):
    assert set(shop(body)) == {"billing"}


@pytest.mark.parametrize(
    "body",
    [
        'String s = "billing";',
        'void f() { log.info("http://billing is gone"); }',
        '@CrossOrigin(origins = "http://billing:8080") class Shop { }',
        'void f() { rest.getForObject("http://" + request.getHost(), X.class); }',
        '@FeignClient("elsewhere") interface Elsewhere {}',
    ],
)
def test_a_name_that_nobody_calls_is_no_edge(shop, body):
    assert shop(body) == {}


def test_a_placeholder_is_filled_from_the_properties_of_the_module(shop):
    properties = {"shop/src/main/resources/application.properties": "stock.url=http://${stock.host}:80\nstock.host=stock\n"}
    assert set(shop('@Value("${stock.url}") String url;', properties)) == {"stock"}


BEAN = "@Bean RestTemplate rest() { return new RestTemplate(); }\n"
CALL = 'void f() { rest.getForObject("http://billing/x", X.class); }\n'


@pytest.mark.parametrize(
    ("body", "files", "absent"),
    [
        (BEAN + CALL, {}, True),
        (CALL, {}, False),
        (BEAN + CALL + "void g(SimpleClientHttpRequestFactory f) { f.setReadTimeout(500); }", {}, False),
        (BEAN + CALL, {"shop/src/main/resources/application.properties": "rest.read-timeout=500\n"}, False),
    ],
)
def test_a_rest_template_without_a_timeout_anywhere_waits_for_ever(shop, body, files, absent):
    policy = shop(body, files)["billing"].policy
    assert policy.lacks(Mechanism.TIMEOUT) is absent
    if absent:
        assert f"{CODE}:2" in {str(line) for line in policy.evidence}


CONTROLLER = """
@RestController @RequestMapping("/api/orders")
class Orders {
    Orders(@Value("http://${billing.host:billing}") String url) { this.url = url; }
    @GetMapping("/{id:[0-9]+}") Order get(long id) { return load(id); }
    @RequestMapping(method = RequestMethod.POST) void post() { rabbitTemplate.convertAndSend("shop", "order.placed", order); }
    @KafkaListener(topics = "${topics.paid}") void paid(String event) { load(1); }
    @Scheduled(fixedRate = 5000) void sweep() { }
    Order load(long id) { return rest.getForObject(url + "/invoices/" + id, Order.class); }
}
"""


def test_controllers_and_listeners_are_operations_with_what_they_call(joined):
    services = SERVICES + "\n    mq: {image: rabbitmq}\n    log: {image: kafka}\n"
    files = {
        CODE: CONTROLLER,
        "shop/Dockerfile": "FROM openjdk:17\n",
        "shop/src/main/resources/application.yml": "topics:\n  paid: paid-orders\n",
    }
    system = joined(services, files)
    steps = {
        operation.name: [step for step in walk(operation.steps) if isinstance(step, Call | Publish)]
        for operation in system.operations
        if operation.component == "shop" and operation.certainty is not Certainty.ASSUMED
    }
    assert {name: [getattr(step, "operation", "") or step.topic for step in found] for name, found in steps.items()} == {
        "shop GET /api/orders/{id}": ["billing http"],
        "shop POST /api/orders": ["mq/order.placed"],
        "shop on paid-orders": ["billing http"],
        "shop sweep": [],
    }


def test_the_interface_of_a_feign_client_serves_nothing(shop, joined):
    files = {CODE: '@FeignClient("x") interface X { @GetMapping("/y") String y(); }', "shop/Dockerfile": "FROM openjdk:17\n"}
    assert not [each for each in joined(SERVICES, files).operations if "/y" in each.name]


def test_a_call_on_another_class_goes_to_the_method_there(joined):
    names = ("Orders", "OrderServiceImpl", "StockServiceImpl")
    texts = (
        '@RestController class Orders { OrderService orderService; @GetMapping("/x") X load() { return orderService.load(); } }',
        'class OrderServiceImpl { X load() { return rest.getForObject("http://billing/x", X.class); } }',
        'class StockServiceImpl { X load() { return rest.getForObject("http://stock/x", X.class); } }',
    )
    files = {f"shop/src/main/java/{name}.java": text for name, text in zip(names, texts, strict=True)}
    files["shop/src/main/java/OrderService.java"] = "interface OrderService { X load(); }"
    system = joined(SERVICES, files | {"shop/Dockerfile": "FROM openjdk:17\n"})
    calls = [step.operation for step in walk(system.operation("shop GET /x").steps) if isinstance(step, Call)]
    assert calls == ["billing http"]
