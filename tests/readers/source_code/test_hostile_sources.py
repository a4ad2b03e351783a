"""Whatever stands in a source file: facts or nothing, never an error, never a time that grows faster than the file."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backend_expert import readers
from backend_expert.readers import builds, csharp, go, java, keys, php, properties, python
from backend_expert.readers.repository import Repository

SEEDS = {
    "a.py": "U = os.getenv('A_URL', 'http://b:80')\n\ndef f(x):\n    return requests.get(f'{U}/{x}', timeout=3)\n",
    "A.java": '@FeignClient(name = "b") class A { @Value("${a.b:c}") String u; void f() { rest.getForObject("http://" + u, X.class); } }',
    "a.go": 'package a\nfunc f() { h := os.Getenv("B_HOST"); if h == "" { h = "b" }\n http.Get(fmt.Sprintf("http://%s/x", h)) }\n',
    "A.cs": 'class A { void F() { var u = configuration["A:B"] ?? $"http://b/{x}"; client.GetAsync(u); } }',
    "a.php": "<?php class A { private $u = 'http://b'; function f() { return curl_init($this->u . \"/$x\"); } }",
    "pom.xml": "<dependency><artifactId>spring-kafka</artifactId><scope>test</scope></dependency>",
    "go.mod": "module a\nrequire (\n\tgithub.com/lib/pq v1.0.0 // indirect\n)\n",
    "composer.json": '{"require": {"predis/predis": "^1"}}',
    "config.json": '{"BillingAddress": "b:8080"}',
    "src/main/resources/application.yml": "spring:\n  data: {mongodb: {uri: 'mongodb://${db:x}/y'}}\nzuul:\n  routes: {b: /b/**}\n",
    "src/main/resources/application.properties": "zuul.routes.b.serviceId=b\nspring.rabbitmq.host=mq\n",
}
ALL = (python, java, go, csharp, php, builds, keys, properties)


def facts(root: Path) -> int:
    repository = Repository.open(root)
    return sum(len(fragment.facts) for module in ALL for fragment in module.read(repository))


@pytest.mark.parametrize("name", sorted(SEEDS))
def test_mutated_files_give_facts_or_nothing(tmp_path, name):
    file = tmp_path / name
    file.parent.mkdir(parents=True, exist_ok=True)
    draw = random.Random(name)
    for _ in range(60):
        text = list(SEEDS[name])
        for _ in range(draw.randint(1, 8)):
            place = draw.randrange(len(text))
            match draw.randrange(3):
                case 0:
                    del text[place]
                case 1:
                    text.insert(place, draw.choice("{}()[]<>\"'$:/.,;=@\n\\\0é"))
                case _:
                    text[place:place] = text[place : place + draw.randint(1, 30)]
        file.write_text("".join(text), encoding="utf-8")
        assert facts(tmp_path) >= 0


@settings(max_examples=60, deadline=None)
@given(text=st.text(max_size=300), name=st.sampled_from(sorted(SEEDS)))
def test_any_text_gives_a_reading(tmp_path_factory, text, name):
    root = tmp_path_factory.mktemp("any")
    file = root / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8", errors="replace")
    assert readers.read(root).system.name == root.name


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.py", "requests.get(" * 5_000 + "'http://a'" + ")" * 5_000),
        ("a.py", "x = " + " + ".join(["'http://a'"] * 5_000)),
        ("a.py", "\n".join(f"a{i} = a{i + 1} + a{i + 1} + '://'" for i in range(1_000))),
        ("a.py", "a = a + '://'\n" * 3_000),
        ("a.py", "x = " + "[" * 5_000 + "'http://a'" + "]" * 5_000),
        ("A.java", "class A { String s = " + " + ".join(['"http://a"'] * 5_000) + "; }"),
        ("a.go", "package a\nvar x = " + "T{a: " * 5_000 + '"http://a"' + "}" * 5_000),
        ("A.cs", "class A { object o = " + "new Uri(" * 5_000 + '"http://a"' + ")" * 5_000 + "; }"),
        ("a.php", "<?php " + "curl_init(" * 5_000 + '"http://a"' + ")" * 5_000 + ";"),
        ("pom.xml", "<dependency>" * 30_000),
        ("pom.xml", "<!--" * 30_000),
        ("composer.json", '{"require":' * 20_000),
        ("config.json", '{"a":' * 20_000 + '"http://a:80"'),
    ],
)
def test_nested_and_endless_files_are_read_in_bounded_steps(tmp_path, name, text):
    (tmp_path / name).write_text(text, encoding="utf-8")
    assert facts(tmp_path) <= 10_000


def test_functions_that_call_each_other_many_times_are_worked_out_once(tmp_path):
    chain = "".join(f"def f{i}():\n" + f"    f{i + 1}()\n" * 100 for i in range(5))
    loop = "def g():\n    h()\ndef h():\n    g()\n    requests.get('http://b')\n"
    text = f"@app.get('/x')\ndef x():\n    f0()\n    g()\n{chain}def f5():\n    pass\n{loop}"
    (tmp_path / "app.py").write_text(text, encoding="utf-8")
    (tmp_path / "requirements.txt").write_text("flask\n", encoding="utf-8")
    assert [operation.trigger.name for operation in readers.read(tmp_path).system.operations] == ["GET /x"]
