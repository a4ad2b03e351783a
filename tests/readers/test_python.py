"""Calls, defaults and timeouts in Python."""

from __future__ import annotations

import pytest

from backend_expert.model import Branch, Call, Certainty, Mechanism, Publish, Query, Repeat, call_sites, dependencies, walk
from backend_expert.model.graph import children

SERVICES = """
    shop: {build: ./shop, expose: [80]}
    billing: {image: acme/billing, expose: [8080]}
    stock: {image: acme/stock}
    db: {image: postgres}
    cache: {image: redis}
    mq: {image: rabbitmq}
    """


@pytest.fixture
def shop(joined):
    """Return a function from the text of shop/app.py to the remote steps of the shop, by callee."""

    def edges(text: str, services: str = SERVICES):
        system = joined(services, {"shop/app.py": text, "shop/Dockerfile": "FROM python:3\n"})
        return {site.callee: site.step for site in call_sites(system) if site.caller == "shop"}

    return edges


@pytest.mark.parametrize(
    "text",
    [
        "requests.get('http://billing:8080/x')",
        "B = 'billing'\nrequests.get(f'http://{B}:8080/x/{id}')",
        "B = os.getenv('BILLING_HOST', 'billing')\nrequests.get('http://{b}/{id}'.format(b=B, id=id))",
        "B = os.environ.get('BILLING_HOST') or 'billing'\nrequests.get('http://%s/%s' % (B, id))",
        "URL = 'http://' + 'billing' + ':8080'\ndef f():\n    return requests.post(URL + '/x')",
        "def init(self):\n    self.url = 'http://billing'\ndef f(self):\n    return requests.get(self.url + '/x')",
        "app.config['B'] = 'http://billing'\nrequests.get(app.config['B'])",
        "channel = grpc.insecure_channel('billing:8080')",
        "os.environ.get('BILLING_URL', 'billing')",
    ],
)
def test_the_address_of_a_call_is_followed_to_its_text(shop, text):
    assert set(shop(text)) == {"billing"}


@pytest.mark.parametrize(
    "text",
    [
        "x = 'billing'",
        "log.info('calling http://billing:8080')",
        "raise ValueError('http://billing is gone')",
        "MODE = os.getenv('MODE', 'billing')",
        "requests.get('http://' + request.args['host'])",
        "CORS(app, origins='http://billing:8080')",
        "# requests.get('http://billing')",
    ],
)
def test_a_name_that_nobody_calls_is_no_edge(shop, text):
    assert shop(text) == {}


def test_the_value_that_is_deployed_wins_over_the_default(shop):
    services = SERVICES.replace("expose: [80]", "environment: {BILLING_HOST: stock}")
    edges = shop("B = os.getenv('BILLING_HOST', 'billing')\nrequests.get('http://' + B)", services)
    assert set(edges) == {"stock"}
    assert edges["stock"].certainty is Certainty.DECLARED
    assert "shop/app.py:2" in {str(line) for line in edges["stock"].evidence}


@pytest.mark.parametrize(
    ("call", "timeout_ms", "absent"),
    [
        ("requests.get('http://billing')", None, True),
        ("requests.get('http://billing', timeout=None)", None, True),
        ("requests.get('http://billing', timeout=2.5)", 2_500, False),
        ("T = 3\nrequests.get('http://billing', timeout=T)", 3_000, False),
        ("T = int(os.getenv('WAIT_S', '4'))\nrequests.get('http://billing', timeout=T)", 4_000, False),
        ("requests.get('http://billing', timeout=(1, limit))", None, False),
        ("requests.get('http://billing', **options)", None, False),
        ("httpx.get('http://billing')", 5_000, False),
        ("urlopen('http://billing')", None, True),
        ("requests.get('http://billing', timeout=2)\nrequests.get('http://billing/x')", None, True),
        ("requests.get('http://billing', timeout=2)\nrequests.get('http://billing/x', timeout=9)", 9_000, False),
    ],
)
def test_a_timeout_counts_where_it_is_passed(shop, call, timeout_ms, absent):
    policy = shop(call)["billing"].policy
    assert (policy.timeout_ms.value if policy.timeout_ms else None) == timeout_ms
    assert policy.lacks(Mechanism.TIMEOUT) is absent


def test_a_call_without_a_timeout_is_shown_on_its_line(shop):
    policy = shop("import requests\n\nrequests.get('http://billing', timeout=1)\nrequests.get('http://billing/x')\n")[
        "billing"
    ].policy
    assert [str(line) for line in policy.evidence] == ["shop/app.py:4"]


@pytest.mark.parametrize(
    ("text", "callee"),
    [
        ("psycopg2.connect(host='db', dbname='orders')", "db"),
        ("create_engine('postgresql://u:p@db/orders')", "db"),
        ("redis.Redis(host=os.getenv('REDIS', 'cache'))", "cache"),
        ("pika.BlockingConnection(pika.ConnectionParameters(host='mq'))", "mq"),
        ("Celery('tasks', broker='amqp://mq')", "mq"),
    ],
)
def test_stores_and_brokers_are_found_where_code_connects(shop, text, callee):
    assert set(shop(text)) == {callee}


@pytest.mark.parametrize(
    "path", ["shop/tests/x.py", "shop/test_x.py", "shop/examples/x.py", "shop/x_pb2_grpc.py", "shop/scripts/load.py"]
)
def test_tests_examples_and_generated_code_are_left_out(joined, path):
    system = joined(SERVICES, {path: "requests.get('http://billing')", "shop/Dockerfile": "FROM python:3\n"})
    assert not [each for each in dependencies(system) if each.caller == "shop"]


ROUTES = """
from flask import Blueprint
bp = Blueprint('orders', __name__, url_prefix='/v1')

@bp.route('/orders/<int:id>', methods=['GET', 'DELETE'])
def order(id):
    return stock(id)

@bp.post('/orders')
def place():
    for item in request.json:
        requests.get('http://billing/prices/{}'.format(item))
    if request.json['paid']:
        requests.post('http://billing/payments', timeout=2)
    try:
        publisher.send()
    except ConnectionError:
        requests.get('http://billing/fallback')

def stock(id):
    return requests.get(f'http://stock/levels/{id}')

class Publisher:
    QUEUE = 'placed'
    def send(self):
        self.channel.basic_publish(exchange='', routing_key=self.QUEUE, body='')

def work():
    channel.basic_consume(queue='placed', on_message_callback=handle, auto_ack=True)

def handle(channel, method, properties, body):
    requests.get('http://stock/taken')
"""


@pytest.fixture
def operations(joined):
    """Return the operations of the shop with what their steps do, by name."""

    def shown(steps):
        for step in steps:
            match step:
                case Repeat() | Branch():
                    yield type(step).__name__
                    yield from shown(children(step)[0])
                case Call():
                    yield step.operation
                case Publish():
                    yield step.topic

    system = joined(SERVICES, {"shop/app.py": ROUTES, "shop/Dockerfile": "FROM python:3\n"})
    return {operation.name: list(shown(operation.steps)) for operation in system.operations if operation.component == "shop"}


def test_routes_and_consumers_are_operations_with_what_they_call(operations):
    assert operations == {
        "shop GET /v1/orders/{id}": ["stock http"],
        "shop DELETE /v1/orders/{id}": ["stock http"],
        "shop POST /v1/orders": ["Repeat", "billing http", "Branch", "billing http", "mq/placed"],
        "shop on placed": ["stock http"],
    }


def test_a_queue_that_acknowledges_by_itself_is_told(joined):
    system = joined(SERVICES, {"shop/app.py": ROUTES, "shop/Dockerfile": "FROM python:3\n"})
    assert system.operation("shop on placed").trigger.acknowledge == "auto"


def test_a_handler_is_taken_to_use_the_stores_of_its_component(joined):
    text = "create_engine('postgresql://db/orders')\n@app.get('/orders')\ndef f():\n    pass\n@app.get('/health')\ndef h():\n    pass\n"
    system = joined(SERVICES, {"shop/app.py": text, "shop/Dockerfile": "FROM python:3\n"})
    queries = [step for step in walk(system.operation("shop GET /orders").steps) if isinstance(step, Query)]
    assert [(step.dataset, step.certainty) for step in queries] == [("db/orders", Certainty.RECOVERED)]
    assert not [step for step in walk(system.operation("shop GET /health").steps) if isinstance(step, Query)]


def test_a_file_of_routes_alone_is_read(joined):
    routes = """
router = APIRouter(prefix="/v1")


@router.get("/users/{user_id}")
async def user(user_id: int, users=Depends(users_of)):
    return await users.one(user_id)
"""
    system = joined(SERVICES, {"shop/routers/users.py": routes, "shop/Dockerfile": "FROM python:3\n"})
    assert "shop GET /v1/users/{user_id}" in {each.name for each in system.operations}


SENDING = """
from flask import Flask
app = Flask(__name__)
connection = pika.BlockingConnection(pika.ConnectionParameters(host='mq'))
channel = connection.channel()
{setup}

@app.post('/orders')
def place():
    channel.basic_publish('', 'placed', 'body'{properties})
"""


@pytest.mark.parametrize(
    ("setup", "properties", "confirmed", "persistent"),
    [
        ("", "", False, False),
        ("channel.confirm_delivery()", ", pika.BasicProperties(delivery_mode=2)", True, True),
        ("", ", properties=pika.BasicProperties(headers={})", False, False),
        ("", ", properties=pika.BasicProperties(delivery_mode=mode)", False, None),
        ("", ", properties=elsewhere", False, None),
    ],
)
def test_what_keeps_a_message_is_read(joined, setup, properties, confirmed, persistent):
    text = SENDING.format(setup=setup, properties=properties)
    system = joined(SERVICES, {"shop/app.py": text, "shop/Dockerfile": "FROM python:3\n"})
    (sent,) = [step for each in system.operations for step in walk(each.steps) if isinstance(step, Publish)]
    assert (sent.confirmed, sent.persistent) == (confirmed, persistent)


def test_who_declares_a_queue_is_read(joined):
    worker = (
        "channel.queue_declare(queue='placed', durable=True)\nchannel.basic_consume(queue='placed', on_message_callback=handle)\n"
    )
    worker += "def handle(channel, method, properties, body):\n    print(body)\n"
    files = {"shop/app.py": SENDING.format(setup="", properties=""), "shop/Dockerfile": "FROM python:3\n"}
    files |= {"billing/app.py": "connection = pika.BlockingConnection(pika.ConnectionParameters(host='mq'))\n" + worker}
    services = SERVICES.replace("{image: acme/billing, expose: [8080]}", "{build: ./billing}")
    system = joined(services, files | {"billing/Dockerfile": "FROM python:3\n"})
    (topic,) = [topic for topic in system.topics if topic.name == "mq/placed"]
    assert (topic.declared_by, topic.durable) == (("billing",), True)
