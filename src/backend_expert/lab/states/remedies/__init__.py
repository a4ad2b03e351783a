"""Remedies for consistency, one module each: a function from flow to flow, tried by exploring the flow that it makes."""
