"""Objects out of YAML text."""

from __future__ import annotations

from textwrap import dedent

from hypothesis import given
from hypothesis import strategies as st

from backend_expert.readers.kubernetes.manifests import BROKEN_LIMIT, manifests


def test_two_documents_keep_their_lines() -> None:
    found, unread = manifests(
        "a.yaml",
        dedent("""\
        apiVersion: v1
        kind: Service
        metadata: {name: one, namespace: shop}
        ---
        # a comment
        apiVersion: apps/v1
        kind: Deployment
        metadata:
          name: two
        """),
    )
    assert [(each.group, each.kind, each.name, each.namespace, each.line) for each in found] == [
        ("", "Service", "one", "shop", 1),
        ("apps", "Deployment", "two", "", 6),
    ]
    assert unread == []


def test_a_list_gives_its_items() -> None:
    found, _ = manifests(
        "a.json",
        '{"apiVersion": "v1", "kind": "List", "items": [\n{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}}]}',
    )
    assert [(each.kind, each.name, each.line) for each in found] == [("Pod", "p", 2)]


def test_a_broken_document_in_the_middle_is_listed_and_the_others_are_read() -> None:
    text = dedent("""\
        apiVersion: v1
        kind: Service
        metadata: {name: first}
        ---
        apiVersion: v1
        kind: "Service
        metadata: {name: broken
        ---
        apiVersion: v1
        kind: Service
        metadata: {name: last}
        """)
    found, unread = manifests("a.yaml", text)
    assert [(each.name, each.line) for each in found] == [("first", 1), ("last", 9)]
    assert len(unread) == 1
    assert unread[0].partly
    assert 5 <= unread[0].line <= 9
    assert "the other documents of the file were read" in unread[0].reason.en


def test_a_file_with_nothing_readable_is_no_partly_read_file() -> None:
    found, unread = manifests("a.yaml", "apiVersion: v1\nkind: [\n")
    assert found == []
    assert [(each.partly, each.line > 0) for each in unread] == [(False, True)]


def test_other_yaml_is_nobodys_business() -> None:
    assert manifests("a.yaml", "services:\n  web: {image: nginx}\n") == ([], [])
    assert manifests("a.yaml", "- apiVersion: v1\n  kind: Pod\n") == ([], [])


def test_a_bomb_cannot_hide_among_documents() -> None:
    bomb = "a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\n"
    bomb += "d: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c]\ne: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d]\nf: [*e,*e,*e,*e,*e,*e,*e,*e,*e]\n"
    found, unread = manifests("a.yaml", "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\n---\n" + bomb)
    assert [each.name for each in found] == ["p"]
    assert "unfolds" in unread[0].reason.en


def test_a_file_of_broken_documents_is_given_up() -> None:
    _, unread = manifests("a.yaml", "---\napiVersion: [\nkind\n" * (BROKEN_LIMIT + 30))
    assert len(unread) == BROKEN_LIMIT + 1


@given(st.text(alphabet="apiVersonkd: v1\n-[]{}&*'\"|>#!\t", max_size=200))
def test_any_text_gives_objects_or_a_listed_problem(text: str) -> None:
    found, unread = manifests("a.yaml", f"apiVersion: v1\nkind: Pod\n{text}")
    lines = text.count("\n") + 3
    assert all(1 <= each.line <= lines for each in found)
    assert all(1 <= each.line <= lines + 1 for each in unread)
