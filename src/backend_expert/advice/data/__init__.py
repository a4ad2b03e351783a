"""Remedies for problems of schemas and statements."""
