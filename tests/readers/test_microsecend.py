"""The comparison with published diagrams, on a diagram small enough to count by hand."""

from __future__ import annotations

from backend_expert.model import Attachment, Call, Component, Kind, Operation, System, Trigger

DIAGRAM = {
    "services": [
        {"name": "order_service", "stereotypes": ["internal"]},
        {"name": "stock", "stereotypes": ["internal"]},
        {"name": "registry", "stereotypes": ["service_discovery", "infrastructural"]},
        {"name": "mailer", "stereotypes": ["internal"]},
    ],
    "information_flows": [
        {"sender": "stock", "receiver": "order_service"},
        {"sender": "order_service", "receiver": "registry"},
        {"sender": "mailer", "receiver": "stock"},
        {"sender": "user", "receiver": "stock"},
    ],
}
SYSTEM = System(
    name="shop",
    components=(
        Component(name="orders", kind=Kind.SERVICE, attachments=(Attachment(target="registry"),)),
        Component(name="registry", kind=Kind.PLATFORM, attachments=(Attachment(target="stock-1"),)),
        Component(name="stock-1", kind=Kind.SERVICE, aliases=("Stock",)),
    ),
    operations=(
        Operation(name="orders http", component="orders", trigger=Trigger(kind="http"), steps=(Call(operation="stock-1 http"),)),
        Operation(name="stock-1 http", component="stock-1", trigger=Trigger(kind="http")),
    ),
)


def test_links_are_compared_without_direction_and_without_outsiders(script):
    microsecend = script("microsecend")
    found = microsecend.score(DIAGRAM, SYSTEM, {"order_service": "orders"})
    assert (found.links.right, found.links.wrong, found.links.missed) == (2, 1, 1)
    assert (found.business.right, found.business.wrong, found.business.missed) == (1, 0, 1)
    assert (found.services.right, found.services.missed) == (3, 1)
    assert "link not in the diagram: registry — stock" in found.remarks


def test_endpoints_are_compared_without_names_of_parameters(script, tree):
    realworld = script("realworld")
    root = tree(
        {
            "api/requirements.txt": "flask\n",
            "api/app.py": "import requests\n\n@app.route('/tags/<int:id>')\ndef tags(id):\n    pass\n",
        }
    )
    assert realworld.endpoints(root) == {"GET /tags/{}"}
    assert len(realworld.SPECIFIED) == 19
