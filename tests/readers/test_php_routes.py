"""Routes of PHP programs: groups and resources of Laravel, YAML files of Symfony."""

from __future__ import annotations

import pytest

from backend_expert.model import System

CONTROLLER = """<?php
class OrderController {
    public function index() { }
    public function store() { $c = curl_init('http://stock:8080/items'); }
    public function __invoke() { curl_init('http://stock:8080/one'); }
}
"""


@pytest.fixture
def shop(joined):
    def read(files: dict[str, str], services: str = "api: {build: ./api}") -> System:
        known = {"api/composer.json": '{"require": {"laravel/framework": "*"}}', "api/app/OrderController.php": CONTROLLER}
        return joined(f"{services}\nstock: {{image: acme/stock}}", known | {f"api/{name}": text for name, text in files.items()})

    return read


def routes(system: System) -> dict[str, int]:
    return {each.trigger.name: len(each.steps) for each in system.operations if each.component == "api" and each.trigger.name}


def test_groups_and_prefixes_stand_before_the_path(shop):
    text = """<?php
        Route::group(['prefix' => 'v1', 'middleware' => 'auth'], function () {
            Route::prefix('orders')->middleware('x')->group(function () {
                Route::get('{id:slug}', 'OrderController@index')->name('one');
            });
            Route::middleware('throttle')->post('orders', [OrderController::class, 'store']);
        });
        Route::match(['put', 'patch'], 'x', function () { });
        Route::get($name, 'OrderController@index');
    """
    assert routes(shop({"routes/web.php": text})) == {"GET /v1/orders/{id}": 2, "POST /v1/orders": 3, "PUT /x": 2, "PATCH /x": 2}


def test_resources_answer_what_their_options_leave(shop):
    text = "<?php\nRoute::resource('orders', 'OrderController', ['only' => ['index', 'store']]);\n"
    text += "Route::apiResource('items', ItemController::class, ['except' => ['destroy', 'update']]);\n"
    assert routes(shop({"routes/api.php": text})) == {
        "GET /api/items": 2,
        "GET /api/items/{id}": 2,
        "GET /api/orders": 2,
        "POST /api/items": 2,
        "POST /api/orders": 3,
    }


def test_yaml_files_of_symfony_name_their_controllers(shop):
    text = """
        orders_list:
          path: /orders/{page<\\d+>}
          controller: App\\OrderController
          methods: [GET, HEAD]
        orders_make: {path: /orders, controller: 'App\\OrderController::store', methods: POST}
        elsewhere: {path: /x, controller: App\\Missing}
        broken: 7
    """
    assert routes(shop({"config/routes/orders.yaml": text})) == {
        "GET /orders/{page}": 3,
        "HEAD /orders/{page}": 3,
        "POST /orders": 3,
    }


def test_a_broken_yaml_file_is_listed(tree):
    from backend_expert import readers

    root = tree(
        {
            "composer.json": '{"require": {"symfony/framework-bundle": "*"}}',
            "a/OrderController.php": CONTROLLER,
            "config/routes.yaml": "a: [",
        }
    )
    assert [each.line for each in readers.read(root).unread if each.file == "config/routes.yaml"]


def test_sources_that_are_mounted_into_an_image_without_any(shop):
    services = "api: {build: ./docker/php, volumes: ['./api:/var/www']}"
    system = shop(
        {"routes/web.php": "<?php\nRoute::get('x', 'OrderController@index');\n", "../docker/php/Dockerfile": "FROM php:8\n"},
        services,
    )
    assert system.component("api").source == "api"
    assert routes(system) == {"GET /x": 2}


def test_of_one_code_base_each_component_runs_what_stands_under_its_name(joined):
    service = "{}: {{build: {{context: '.', dockerfile: Dockerfile}}, ports: ['{}:80']}}\n"
    services = service.format("shop_admin", 81) + service.format("shop_front", 82)
    route = "<?php\nRoute::get('{}', function () {{ }});\n"
    files = {
        "composer.json": '{"require": {"laravel/framework": "*"}}',
        "Dockerfile": "FROM php:8\nCOPY . .\n",
        "apps/admin/routes.php": route.format("a"),
        "apps/front/routes.php": route.format("f"),
        "apps/common.php": route.format("health"),
    }
    names = [each.name for each in joined(services, files).operations if each.trigger.name]
    assert names == ["shop_admin GET /a", "shop_admin GET /health", "shop_front GET /f", "shop_front GET /health"]
