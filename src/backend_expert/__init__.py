"""Backend Expert: a senior backend engineer as software, whose advice has been tried in a lab before it is printed."""

__version__ = "0.1.0"
