"""What is known, how surely, and from which line: the vocabulary every other value of the model is made of."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct


class Certainty(StrEnum):
    """How a fact came to be known, from the surest to the least sure."""

    MEASURED = "measured"
    DECLARED = "declared"
    RECOVERED = "recovered"
    ASSUMED = "assumed"


SUREST_FIRST = tuple(Certainty)


class Evidence(Struct, frozen=True, order=True):
    """Point at the lines of one file that show a fact.

    `file` is relative to the root of the reviewed repository with forward slashes; lines count from 1; `end_line` is 0 when the
    fact stands on one line; `reader` names the format that was read (`compose`, `kubernetes`, `system.yaml` …).
    """

    file: str
    line: int
    reader: str
    end_line: int = 0

    def __str__(self) -> str:
        lines = f"{self.line}-{self.end_line}" if self.end_line > self.line else f"{self.line}"
        return f"{self.file}:{lines}"


class Estimate(Struct, frozen=True, order=True):
    """Hold a number with what is known of its error.

    `spread` is a factor: 90 % of the plausible values lie between `value / spread` and `value * spread` (log-normal). It is 1 for
    an exact number. Units are in the name of the field that holds the estimate (`timeout_ms`, `rate_per_s`).
    """

    value: float
    spread: float = 1.0
    certainty: Certainty = Certainty.DECLARED
    evidence: tuple[Evidence, ...] = ()

    @property
    def assumed(self) -> bool:
        """Tell whether nobody stated this number and it comes from the table of defaults."""
        return self.certainty is Certainty.ASSUMED


class Text(Struct, frozen=True, order=True):
    """Hold one sentence in English and in Brazilian Portuguese, both written by a person."""

    en: str
    pt: str

    def __str__(self) -> str:
        return self.en

    def in_language(self, language: str) -> str:
        """Return the sentence in `en` or `pt-BR`; any other language gives English."""
        return self.pt if language == "pt-BR" else self.en


class Unread(Struct, frozen=True, order=True):
    """Say what could not be read and why, so that silence is never taken for a clean result.

    `partly` is true where some of the file was understood (a template, an unknown key). `line` is 0 for the file as a whole.
    """

    file: str
    line: int
    reason: Text
    partly: bool = False
