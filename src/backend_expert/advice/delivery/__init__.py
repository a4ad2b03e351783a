"""Remedies in how a system is rolled out and watched."""
