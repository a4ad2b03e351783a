"""Artefacts in, one System out, with the evidence of every fact."""
