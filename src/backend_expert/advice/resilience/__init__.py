"""Remedies that keep one failure from spreading or lasting."""
