"""Make the helpers beside these tests, and the seeded corpus, importable by their plain names."""

import sys
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[2] / "flows")]
