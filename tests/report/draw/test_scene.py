from msgspec import structs
from sample_result import sample

from backend_expert.report.draw.scene import around, connected, folded, grouped, scene_of, worst_nodes
from backend_expert.report.order import arrange
from backend_expert.review.result import Result


def widespread_result() -> Result:
    """Return the sample with its last finding on every component."""
    base = sample()
    return structs.replace(base, nodes=tuple(structs.replace(node, findings=(*node.findings, "a9")) for node in base.nodes))


def test_two_protocols_between_two_components_are_one_edge() -> None:
    result = sample()
    second = structs.replace(result.edges[0], protocol="http", synchronous=False, findings=("a6",))
    joined = scene_of(structs.replace(result, edges=(*result.edges, second)), arrange(result))
    assert len(joined.edges) == len(result.edges)
    assert joined.edges[0].protocol == "postgresql, http"
    assert joined.edges[0].synchronous
    assert joined.edges[0].findings == ("a6",)


def test_a_finding_that_is_everywhere_is_not_marked_everywhere() -> None:
    result = widespread_result()
    scene = scene_of(result, arrange(result))
    assert scene.widespread == ("a9",)
    assert all("F9" not in scene.marks(node) for node in scene.nodes)
    assert scene_of(sample(), arrange(sample())).widespread == ()


def test_components_that_nothing_touches_stand_apart() -> None:
    result = sample()
    fewer = structs.replace(result, edges=tuple(edge for edge in result.edges if "bank" not in (edge.caller, edge.callee)))
    inside, apart = connected(scene_of(fewer, arrange(fewer)))
    assert [node.name for node in apart] == ["bank"]
    assert len(inside.nodes) == len(result.nodes) - 1


def test_groups_become_one_node_each_with_all_their_findings() -> None:
    scene = grouped(scene_of(sample(), arrange(sample())), "pt-BR")
    assert [node.name for node in scene.nodes] == ["data", "edge", "externo", "shop"]
    assert scene.nodes[0].technology == "3 componentes"
    assert scene.nodes[0].findings == ("a3", "a4", "a7", "a6")
    assert [(edge.caller, edge.callee) for edge in scene.edges] == [("edge", "shop"), ("shop", "data"), ("shop", "externo")]


def test_the_worst_component_comes_first_with_what_it_touches() -> None:
    scene = scene_of(sample(), arrange(sample()))
    worst = worst_nodes(scene)
    assert [node.name for node in worst[:2]] == ["orders", "payment"]
    near = around(scene, worst[1])
    assert {node.name for node in near.nodes} == {"orders", "payment", "bank", "postgres"}
    assert all("payment" in (edge.caller, edge.callee) for edge in near.edges)


def test_components_that_nothing_tells_apart_are_drawn_as_one() -> None:
    base = sample()
    twins = tuple(structs.replace(base.nodes[0], name=f"twin-{n}", kind="service") for n in range(6))
    calls = tuple(structs.replace(base.edges[0], caller="gateway", callee=twin.name) for twin in twins)
    result = structs.replace(base, nodes=(*base.nodes, *twins), edges=(*base.edges, *calls))
    whole = scene_of(result, arrange(result))
    scene = folded(whole, "en")
    assert scene.folds == {"twin-0 and 5 more": tuple(twin.name for twin in twins)}
    assert len(scene.nodes) == len(whole.nodes) - 5
    assert len(scene.edges) == len(whole.edges) - 5
    assert {node.name for node in base.nodes} <= {node.name for node in scene.nodes}


def test_what_carries_a_finding_is_never_folded() -> None:
    base = sample()
    twins = tuple(structs.replace(base.nodes[0], name=f"twin-{n}", findings=("a8",)) for n in range(5))
    marked = tuple(structs.replace(base.edges[0], caller="gateway", callee=f"peer-{n}", findings=("a6",)) for n in range(5))
    peers = tuple(structs.replace(base.nodes[0], name=f"peer-{n}") for n in range(5))
    result = structs.replace(base, nodes=(*base.nodes, *twins, *peers), edges=(*base.edges, *marked))
    scene = scene_of(result, arrange(result))
    assert folded(scene, "en").nodes == scene.nodes
