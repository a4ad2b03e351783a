"""One module a remedy, found by walking the package: when it fits, what it changes (System -> System), how it is tried."""

from backend_expert.advice.catalogue import Example, Remedy, all_remedies, remedies_for, remedy

__all__ = ["Example", "Remedy", "all_remedies", "remedies_for", "remedy"]
