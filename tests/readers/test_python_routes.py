"""Routes of Python programs whose prefixes stand in other files."""

from __future__ import annotations

import pytest

from backend_expert.model import walk


@pytest.fixture
def routes(joined):
    def read(files: dict[str, str]) -> list[str]:
        system = joined(
            "api: {build: ./api}", {"api/requirements.txt": "flask\n"} | {f"api/{name}": text for name, text in files.items()}
        )
        return [each.trigger.name for each in system.operations if each.trigger.name]

    return read


def test_routers_are_mounted_under_names_of_other_files(routes):
    files = {
        "app/main.py": """
            from fastapi import FastAPI
            from app.api.items import items
            from app.api import users, orders as o
            from .api.health import router as health_router
            app = FastAPI()
            app.include_router(items, prefix="/v1/items")
            app.include_router(users.router, prefix="/v1/users")
            app.include_router(o.router)
            app.include_router(health_router, prefix=settings.PREFIX)
        """,
        "app/settings.py": 'class Settings:\n    PREFIX: str = "/internal"  # timeout\n',
        "app/api/items.py": """
            items = APIRouter()

            @items.get("/{id}/")
            def one(id):
                pass

            @items.post("")
            def make():
                pass
        """,
        "app/api/users.py": 'router = APIRouter()\n\n@router.get("/me")\ndef me():\n    pass\n',
        "app/api/orders.py": 'router = APIRouter(prefix="/orders")\n\n@router.delete("/{id}")\ndef gone(id):\n    pass\n',
        "app/api/health.py": 'router = APIRouter()\n\n@router.get("/live")\ndef live():\n    pass\n',
    }
    assert routes(files) == [
        "DELETE /orders/{id}",
        "GET /internal/live",
        "GET /v1/items/{id}",
        "GET /v1/users/me",
        "POST /v1/items",
    ]


def test_routers_inside_routers_and_two_places(routes):
    files = {
        "main.py": 'from api import api\napp.include_router(api, prefix="/a")\napp.include_router(api, prefix="/b")\n',
        "api.py": 'from items import router\napi = APIRouter()\napi.include_router(router, prefix="/items")\n',
        "items.py": 'router = APIRouter()\n\n@router.get("/x")\ndef x():\n    pass\n',
    }
    assert routes(files) == ["GET /a/items/x", "GET /b/items/x"]


def test_the_prefix_of_a_registration_takes_the_place_of_a_blueprint_s_own(routes):
    files = {
        "main.py": "from views import one, other\napp.register_blueprint(one, url_prefix='/new')\napp.register_blueprint(other)\n",
        "views.py": """
            one = Blueprint('one', __name__, url_prefix='/old')
            other = Blueprint('other', __name__, url_prefix='/kept')

            @one.route('/a/<int:id>', methods=['PUT'])
            def a(id):
                pass

            @other.route('/b')
            def b():
                pass
        """,
    }
    assert routes(files) == ["GET /kept/b", "PUT /new/a/{id}"]


def test_url_configurations_of_django_include_each_other(joined):
    system = joined(
        "api: {build: ./api}\nstock: {image: acme/stock}",
        {
            "api/requirements.txt": "django\n",
            "api/shop/urls.py": """
                from django.urls import include, path, re_path
                urlpatterns = [
                    path("api/", include("orders.urls")),
                    re_path(r"^old/(?P<id>[0-9]+)/$", views.old),
                    path("class/", views.List.as_view()),
                ]
            """,
            "api/orders/urls.py": """
                from rest_framework.routers import DefaultRouter
                router = DefaultRouter()
                router.register(r"items", views.ItemSet)
                urlpatterns = [path("orders/<int:id>", views.order), path("v2/", include(router.urls))]
            """,
            "api/orders/views.py": "import requests\n\ndef order(request, id):\n    requests.get('http://stock/x')\n",
        },
    )
    names = [each.trigger.name for each in system.operations if each.component == "api" and each.trigger.name]
    assert names == ["ALL /api/orders/{id}", "ALL /api/v2/items", "ALL /api/v2/items/{id}", "ALL /class", "ALL /old/{id}"]
    assert len([*walk(system.operation("api ALL /api/orders/{id}").steps)]) > 1


def test_routers_that_mount_each_other_end(routes):
    files = {
        "a.py": "from b import b\na = APIRouter()\na.include_router(b, prefix='/b')\n\n@a.get('/x')\ndef x():\n    pass\n",
        "b.py": "from a import a\nb = APIRouter()\nb.include_router(a, prefix='/a')\n",
    }
    (name,) = routes(files)
    assert name.endswith("/x")
