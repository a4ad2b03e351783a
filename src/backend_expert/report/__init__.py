"""Render a Result: terminal, Markdown, HTML, JSON."""
