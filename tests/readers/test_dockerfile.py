"""What a Dockerfile says of its image."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from textwrap import dedent

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend_expert.readers import dockerfile
from backend_expert.readers.dockerfile import image_of, instructions
from backend_expert.readers.fragment import Image
from backend_expert.readers.repository import Repository

Tree = Callable[[dict[str, str]], Path]


def image(text: str) -> Image:
    found, unread = image_of("orders/Dockerfile", dedent(text))
    assert found is not None
    assert unread == ()
    return found


def settings(text: str) -> dict[str, str]:
    return {each.name: each.value for each in image(text).settings}


def test_the_last_stage_counts() -> None:
    found = image("""\
        FROM golang:1.24 AS build
        ENV ONLY_HERE=1
        EXPOSE 1
        FROM --platform=linux/amd64 alpine:3.20
        COPY --from=build /app /app
        EXPOSE 8080 9090/udp
        USER app:app
        ENTRYPOINT ["/app", "serve"]
        """)
    assert found.base == "alpine:3.20"
    assert found.directory == "orders"
    assert found.ports == (8080, 9090)
    assert found.user == "app:app"
    assert found.command == "/app serve"
    assert found.settings == ()
    assert [str(place) for place in found.evidence] == ["orders/Dockerfile:4", "orders/Dockerfile:6", "orders/Dockerfile:6"]


def test_a_stage_on_an_earlier_one_takes_over_what_it_said() -> None:
    found = image("""\
        FROM node:22 AS base
        ENV PORT=3000
        EXPOSE 3000
        CMD ["node", "dev.js"]
        FROM base AS production
        ENTRYPOINT ["node"]
        CMD ["main.js"]
        """)
    assert (found.base, found.ports, found.command) == ("node:22", (3000,), "node main.js")
    assert [(each.name, each.evidence[0].line) for each in found.settings] == [("PORT", 2)]


def test_an_entrypoint_resets_the_command_that_came_with_the_base() -> None:
    assert image('FROM a AS b\nCMD ["old"]\nFROM b\nENTRYPOINT ["new"]\n').command == "new"
    assert image('FROM a\nCMD ["kept"]\nENTRYPOINT ["new"]\n').command == "new kept"


def test_arguments_before_from_fill_the_base_and_reach_a_stage_only_when_it_asks() -> None:
    found = image("""\
        ARG VERSION=16
        ARG REGISTRY="docker.io/library"
        FROM ${REGISTRY}/postgres:$VERSION
        ENV WITHOUT=v${VERSION:-none}
        ARG VERSION
        ARG MODE=fast
        ENV WITH=$VERSION MODE_OF="${MODE}" OPEN=${NOBODY} FLAG=${MODE:+on}
        """)
    assert found.base == "docker.io/library/postgres:16"
    assert {each.name: each.value for each in found.settings} == {
        "WITHOUT": "vnone",
        "WITH": "16",
        "MODE_OF": "fast",
        "OPEN": "${NOBODY}",
        "FLAG": "on",
    }


def test_both_forms_of_env_and_the_lines_of_a_continued_one() -> None:
    found = image("""\
        FROM nginx
        ENV OLD the whole rest = of the line
        ENV CART_HOST=cart \\
            # a comment in between
            USER_HOST='user' \\

            TITLE="two words" ESCAPED=a\\ b
        """)
    assert [(each.name, each.value, each.evidence[0].line) for each in found.settings] == [
        ("CART_HOST", "cart", 3),
        ("ESCAPED", "a b", 7),
        ("OLD", "the whole rest = of the line", 2),
        ("TITLE", "two words", 7),
        ("USER_HOST", "user", 5),
    ]


def test_passwords_never_enter() -> None:
    assert settings("FROM mysql\nENV MYSQL_PASSWORD=hunter2 DSN=mysql://a:hunter2@db/x\n")["MYSQL_PASSWORD"].startswith("<secret:")
    assert "hunter2" not in settings("FROM mysql\nENV DSN=mysql://a:hunter2@db/x\n")["DSN"]


@pytest.mark.parametrize(
    ("line", "expected"),
    [("HEALTHCHECK --interval=5s CMD curl localhost", True), ("HEALTHCHECK NONE", False), ("EXPOSE 1", False)],
)
def test_health_checks(line: str, expected: bool) -> None:
    assert image(f"FROM a\n{line}\n").healthcheck is expected


def test_shell_forms_and_broken_list_forms() -> None:
    assert image("FROM a\nCMD node server.js\n").command == "node server.js"
    assert image("FROM a\nCMD ['node', 'x']\n").command == "['node', 'x']"


def test_port_ranges_and_ports_that_are_none() -> None:
    assert image("FROM a\nARG P=81\nEXPOSE 7000-7002/tcp $P $OPEN words\n").ports == (81, 7000, 7001, 7002)


def test_here_documents_are_no_instructions() -> None:
    text = "FROM a\nRUN <<EOF\nUSER root\nEXPOSE 22\nEOF\nCOPY <<-'ONE' <<TWO /x/\nEXPOSE 23\n\tONE\nEXPOSE 24\nTWO\nEXPOSE 80\n"
    assert image(text).ports == (80,)
    assert image("FROM a\nRUN cat <<EOF\nEXPOSE 80\n").ports == (80,)


def test_the_escape_directive_and_onbuild() -> None:
    found = image("# escape=`\nFROM a\nENV A=1 `\n  B=c:\\dir\\\nONBUILD EXPOSE 99\nEXPOSE 1\n")
    assert found.ports == (1,)
    assert [each.name for each in found.settings] == ["A", "B"]


def test_what_is_no_instruction_is_listed_with_its_line() -> None:
    found, unread = image_of("Dockerfile", "FROM a\nEXPOSE 1\n<<<<<<< HEAD\nEXPOSE 2\n=======\n")
    assert found is not None
    assert found.ports == (1, 2)
    assert [(each.line, each.partly) for each in unread] == [(3, True)]
    assert "such lines: 2" in unread[0].reason.en


def test_without_from_there_is_no_image() -> None:
    found, unread = image_of("Dockerfile", "RUN true\n")
    assert found is None
    assert "FROM" in unread[0].reason.en


def test_a_variable_that_doubles_itself_stays_small() -> None:
    found = settings("FROM a\nENV A=xxxxxxxx\n" + "ENV A=$A$A\n" * 60)
    assert len(found["A"]) <= 2_048


def test_files_by_every_usual_name(tree: Tree) -> None:
    names = ["Dockerfile", "a/Dockerfile.prod", "b/api.Dockerfile", "c/Containerfile"]
    others = {"d/Dockerfile.dockerignore": "x\n", "e/README.md": "FROM a\n", "f/Dockerfile": "RUN a\n"}
    found = list(dockerfile.read(Repository.open(tree(dict.fromkeys(names, "FROM a\n") | others))))
    assert [each.file for fragment in found for each in fragment.images] == sorted(names, key=str)
    assert [each.file for fragment in found for each in fragment.unread] == ["f/Dockerfile"]


LINES = st.sampled_from(
    [
        "FROM a AS b",
        "FROM b",
        "FROM",
        "ENV",
        "ENV A=$A$B ",
        'ENV A "b',
        "ARG",
        "ARG A=${B",
        "EXPOSE 99999999 1-",
        "CMD [",
        "CMD [1,{}]",
        "USER",
        "HEALTHCHECK",
        "RUN <<E <<F",
        "E",
        "\\",
        "# escape=`",
        "`",
        'ENTRYPOINT ["a"',
        "\\ \\",
        "'",
        '"',
        "=",
        "COPY <<A b",
    ]
)


@given(st.lists(st.one_of(LINES, st.text(max_size=20)), max_size=12))
def test_any_text_gives_an_image_or_a_listed_problem(lines: list[str]) -> None:
    text = "\n".join(lines)
    found, unread = image_of("x/Dockerfile", text)
    count = text.count("\n") + 1
    assert found is not None or unread
    assert all(0 <= each.line <= count for each in unread)
    if found is not None:
        assert all(1 <= place.line <= count for each in found.settings for place in each.evidence)
    assert all(1 <= each.line <= count for each in instructions(text))


def test_more_stages_than_anybody_writes_are_refused() -> None:
    found, unread = image_of("Dockerfile", "FROM a\n" * (dockerfile.STAGE_LIMIT + 1))
    assert found is None
    assert [each.line for each in unread] == [dockerfile.STAGE_LIMIT + 1]


def test_a_list_form_nested_without_end_stays_text() -> None:
    assert image("FROM a\nCMD " + "[" * 100_000 + "\n").command.startswith("[[[")
