"""Measure what a user waits for: the time and the length of the first history, and how many flows are seen to the end.

Run `python benchmarks/states/flows.py [REPOSITORY ...]`. Without a repository it explores the 120 flows of the corpus that are broken or
repaired, at their bounds; with repositories the flows recovered from each. Times are processor time of one core.
"""

import statistics
import sys
import time
from collections import Counter
from pathlib import Path

TESTS = Path(__file__).parents[2] / "tests"
sys.path[:0] = [str(TESTS / "lab" / "states"), str(TESTS / "flows")]

import corpus  # noqa: E402

from backend_expert.lab.states import Flow, explore, flows_of, parse_flow  # noqa: E402
from backend_expert.lab.states.explore import prepared  # noqa: E402
from backend_expert.review.recover import recover  # noqa: E402


def measured(flows: list[Flow]) -> None:
    """Explore the flows; print times, arrows of the shortest histories, and how many answers of each kind there are."""
    took, arrows, answers, ended = [], [], Counter[str](), 0
    for flow in flows:
        start = time.process_time()
        verdict = explore(flow)
        took.append(time.process_time() - start)
        arrows += [answer.history.depth for answer in verdict.answers if answer.history is not None]
        answers.update(answer.verdict for answer in verdict.answers)
        ended += all(answer.verdict != "capped" for answer in verdict.answers)
    print(f"  {len(flows)} flows: {', '.join(f'{count} {name}' for name, count in sorted(answers.items()))}")
    print(f"  not capped: {ended} of {len(flows)}; time median {statistics.median(took):.2f} s, longest {max(took):.1f} s")
    if arrows:
        ordered = sorted(arrows)
        print(
            f"  {len(arrows)} histories: median {statistics.median(arrows):.0f} steps, 95 % have at most "
            f"{ordered[max(0, -(-95 * len(ordered) // 100) - 1)]}, at most 25 steps: {sum(each <= 25 for each in arrows)}"
        )


def main() -> None:
    """Print one block for the corpus, or one for each repository with a flow."""
    if len(sys.argv) == 1:
        print("corpus")
        texts = [
            corpus.text_of(anomaly, kind, name) for anomaly in corpus.CLASSES for kind in ("bad", "fixed") for name in corpus.FLOWS
        ]
        measured([prepared(parse_flow(text)) for text in texts])
    for path in map(Path, sys.argv[1:]):
        flows = list(flows_of(recover(path).system))
        print(path.name if flows else f"{path.name}: no flow was recovered")
        if flows:
            measured(flows)


if __name__ == "__main__":
    main()
