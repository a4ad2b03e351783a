"""Interpreters of the step programs, and what they measure."""
