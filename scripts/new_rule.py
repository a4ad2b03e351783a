"""Write the three files of a new rule: the check, its page in English, its page in Portuguese.

    python scripts/new_rule.py late-fee delivery

Nothing else has to be edited: rules are found by walking the package. The tests of the pages fail until the pages say what the rule does.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

from backend_expert.rules import all_rules

PACKAGE = Path(__file__).resolve().parent.parent / "src" / "backend_expert" / "rules"
PREFIXES = {
    "resilience": "BE-RES",
    "consistency": "BE-CON",
    "scale": "BE-SCA",
    "data": "BE-DAT",
    "api": "BE-API",
    "security": "BE-SEC",
    "delivery": "BE-DEL",
    "structure": "BE-STR",
}
FIRST_OWN_NUMBER = 101
"""Numbers below are those of the catalogue of checks; a rule that is not in it counts from here."""

CHECK = '''"""{title}, in one sentence."""

from __future__ import annotations

from collections.abc import Iterator

from backend_expert.model import Finding, Severity, System, Text
from backend_expert.rules.catalogue import rule
from backend_expert.rules.paths import distinct, place_of


@rule(
    "{name}",
    code="{code}",
    family="{family}",
    severity=Severity.MEDIUM,
    en="{title}",
    pt="{title}",
)
def {function}(system: System) -> Iterator[Finding]:
    """Yield one finding for each root cause, the component to change first in front; unknown is never absent."""
    for component in system.components:
        if component.name == "example-of-{name}":
            yield Finding(
                rule="{name}",
                severity=Severity.MEDIUM,
                subject=component.name,
                components=(component.name,),
                title=Text(f"`{{component.name}}` …", f"`{{component.name}}` …"),
                why=Text("The consequence, with its arithmetic.", "A consequência, com a conta."),
                evidence=distinct(place_of(component)),
            )
'''

FILES = """```yaml title="system.yaml"
schema: backend-expert/system/1
components:
  {component}: {{kind: service}}{mark}
```"""

HEADINGS = {
    ".md": (
        ("What it finds", "What fires, what counts as one finding, and what is left alone because it is unknown."),
        ("Why it hurts", "The consequence, with real numbers and the arithmetic that leads to them."),
        ("Example", "{bad}"),
        ("Do instead", "What a senior engineer would do, precisely.\n\n{good}"),
        ("When not to", "- When the remedy costs more than the problem."),
        ("How we verify", "Which lab tries it, and what must change there; or why no lab can."),
        ("False positives", "- What looks like it and is not.\n\n{good}"),
        ("References", "- Author, *Title*, chapter."),
    ),
    ".pt-BR.md": (
        ("O que encontra", "O que dispara, o que conta como um achado e o que fica de fora por ser desconhecido."),
        ("Por que dói", "A consequência, com números reais e a conta que leva a eles."),
        ("Exemplo", "{bad}"),
        ("Faça assim", "O que um engenheiro sênior faria, com precisão.\n\n{good}"),
        ("Quando não", "- Quando o remédio custa mais que o problema."),
        ("Como verificamos", "Que laboratório testa isto e o que precisa mudar nele; ou por que nenhum pode."),
        ("Falsos positivos", "- O que parece e não é.\n\n{good}"),
        ("Referências", "- Autor, *Título*, capítulo."),
    ),
}


def main(arguments: list[str]) -> int:
    """Write the files; return 2 with one sentence when the name or the family cannot be used."""
    if len(arguments) != 2:
        return refuse("usage: new_rule.py NAME FAMILY, for example: new_rule.py late-fee delivery")
    name, family = arguments
    if re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)+", name) is None:
        return refuse(f"'{name}' is not a kebab-case name of a problem, such as 'call-without-timeout'")
    if family not in PREFIXES:
        return refuse(f"there is no family '{family}'; choose one of {', '.join(PREFIXES)}")
    if name in {rule.id for rule in all_rules()}:
        return refuse(f"there is already a rule '{name}'; ids are never reused")
    for path in write(name, family, PACKAGE):
        print(path)
    return 0


def write(name: str, family: str, package: Path) -> tuple[Path, ...]:
    """Write the three files below a package of rules and return their paths."""
    stem = name.replace("-", "_")
    title = name.replace("-", " ").capitalize()
    folder = package / family
    if not folder.is_dir():
        folder.mkdir()
        (folder / "__init__.py").write_text(f'"""Problems of the family {family}."""\n', encoding="utf-8")
    check = CHECK.format(name=name, code=next_code(family), family=family, title=title, function=stem)
    (folder / f"{stem}.py").write_text(check, encoding="utf-8")
    bad = FILES.format(component=f"example-of-{name}", mark=f"  # finds: {name}")
    good = FILES.format(component="example", mark="")
    for suffix, headings in HEADINGS.items():
        parts = [f"# {title}", *(f"## {heading}\n\n{text.format(bad=bad, good=good)}" for heading, text in headings)]
        (folder / f"{stem}{suffix}").write_text("\n\n".join(parts) + "\n", encoding="utf-8")
    return tuple(folder / f"{stem}{suffix}" for suffix in (".py", *HEADINGS))


def next_code(family: str) -> str:
    """Return the first number of our own that no rule of the family has."""
    taken = {rule.code for rule in all_rules()}
    number = FIRST_OWN_NUMBER
    while f"{PREFIXES[family]}-{number}" in taken:
        number += 1
    return f"{PREFIXES[family]}-{number}"


def refuse(problem: str) -> int:
    """Print a problem where errors go."""
    print(problem, file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
