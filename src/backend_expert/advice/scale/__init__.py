"""Remedies that let a system do more work, or the same work with less."""
