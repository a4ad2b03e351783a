"""Remedies that leave less open to others."""
