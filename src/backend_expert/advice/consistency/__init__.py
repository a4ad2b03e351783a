"""Remedies that keep what several places say of one fact in agreement."""
