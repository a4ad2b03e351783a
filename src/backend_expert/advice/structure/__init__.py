"""Remedies that change who knows whom."""
