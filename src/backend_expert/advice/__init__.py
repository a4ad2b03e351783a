"""One module a remedy, found by walking the package: when it fits, what it changes (System -> System), how it is tried.

`prove` tries all of them on a system and its findings in the load lab.
"""

from backend_expert.advice.catalogue import Example, Remedy, all_remedies, remedies_for, remedy, remedy_named, repairs
from backend_expert.advice.proof import Band, Interval, Measure, Proof, Proposal, Proving, Series
from backend_expert.advice.prove import prove
from backend_expert.advice.trial import Bench

__all__ = [
    "Band",
    "Bench",
    "Example",
    "Interval",
    "Measure",
    "Proof",
    "Proposal",
    "Proving",
    "Remedy",
    "Series",
    "all_remedies",
    "prove",
    "remedies_for",
    "remedy",
    "remedy_named",
    "repairs",
]
