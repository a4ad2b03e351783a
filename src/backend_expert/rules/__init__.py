"""One module a problem, found by walking the package: `rules/<family>/<rule>.py` with its page in two languages beside it."""

from backend_expert.rules.catalogue import Rule, all_rules, check, rule

__all__ = ["Rule", "all_rules", "check", "rule"]
