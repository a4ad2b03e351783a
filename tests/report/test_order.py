from msgspec import structs
from sample_result import sample

from backend_expert.model import Severity
from backend_expert.report.order import arrange, severity_counts


def test_findings_are_numbered_worst_first_and_one_cause_stays_together() -> None:
    order = arrange(sample())
    assert [order.label(each.id) for each in order.findings] == [f"F{n}" for n in range(1, 10)]
    assert order.findings[0].severity is Severity.CRITICAL
    rules = [group.rule for group in order.groups]
    assert len(rules) == len(set(rules))
    assert [len(group.findings) for group in order.groups if group.rule == "no-health-probe"] == [2]


def test_the_order_does_not_depend_on_the_order_of_recommendations() -> None:
    result = sample()
    turned = structs.replace(result, recommendations=result.recommendations[::-1])
    assert [each.rank for each in arrange(turned).recommended] == [1, 2, 3, 4]
    assert arrange(turned).homes == arrange(result).homes


def test_a_recommendation_is_opened_once_and_a_rejected_one_apart() -> None:
    order = arrange(sample())
    assert order.homes["timeout-budget:orders"] == "a1"
    assert "circuit-breaker:orders" not in order.homes
    assert [each.remedy for each in order.rejected] == ["circuit-breaker"]
    assert [each.remedy for each in order.advised] == ["private-network"]
    assert order.answers(order.recommended[0]) == ("F1", "F2")


def test_what_no_lab_measures_is_told_in_the_order_of_its_findings_and_the_cheaper_first() -> None:
    result = sample()
    (advised,) = arrange(result).advised
    order = arrange(result)
    first, last = order.findings[0].id, order.findings[-1].id
    places = (("c", "days", last), ("b", "hours", last), ("a", "weeks", first))
    several = tuple(structs.replace(advised, id=name, effort=effort, findings=(finding,)) for name, effort, finding in places)
    assert [each.id for each in arrange(structs.replace(result, recommendations=several)).advised] == ["a", "b", "c"]


def test_what_was_not_measured_is_not_said_to_be_without_gain() -> None:
    result = sample()
    rejected = tuple(each for each in result.recommendations if each.status == "rejected")
    (advised,) = arrange(result).advised
    said = {}
    for name, recommendations in (("lab", (*rejected, advised)), ("no lab", (advised,)), ("no advice", ())):
        said[name] = arrange(structs.replace(result, recommendations=recommendations)).why_nothing_first
    assert said == {"lab": "no-remedy-helps", "no lab": "nothing-measured", "no advice": "no-remedy-helps"}
    assert arrange(structs.replace(result, findings=(), recommendations=())).why_nothing_first == "nothing-to-do"


def test_counts_leave_out_what_is_absent() -> None:
    counts = severity_counts(arrange(sample()).findings)
    assert counts == ((Severity.CRITICAL, 1), (Severity.HIGH, 4), (Severity.MEDIUM, 2), (Severity.LOW, 2))
