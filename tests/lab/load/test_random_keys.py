import itertools

import numpy as np

from backend_expert.lab.load import random_keys
from backend_expert.lab.load.labels import hashed

MASK = (1 << 64) - 1


def mix(value: int) -> int:
    value = ((value ^ (value >> 30)) * int(random_keys.MULTIPLY_A)) & MASK
    value = ((value ^ (value >> 27)) * int(random_keys.MULTIPLY_B)) & MASK
    return value ^ (value >> 31)


def test_the_compiled_finaliser_is_the_published_one() -> None:
    for value in (0, 1, 12345, MASK, 1 << 63):
        assert int(random_keys.mix(np.uint64(value))) == mix(value)


def test_no_two_draws_of_a_request_share_a_key() -> None:
    """8 steps × 4 attempts × 4 branches × 3 rounds × 10 domains × 20 requests: the prototype had 62 keys for the first three."""
    domains = [
        int(getattr(random_keys, name))
        for name in ("CHILD", "SERVICE", "BALANCING", "JITTER", "CHOICE", "LOSS", "HOP", "HEDGE", "SECOND", "ARRIVAL")
    ]
    steps = [hashed(f"operation/Call/target/{number}") for number in range(8)]
    stream = hashed("1/GET /")
    seen = set()
    count = 0
    for request in range(20):
        frame = mix((stream + request * int(random_keys.REQUEST)) & MASK)
        for step, attempt, branch, turn, domain in itertools.product(steps, range(4), range(4), range(3), domains):
            key = frame + step + attempt * int(random_keys.ATTEMPT) + branch * int(random_keys.BRANCH)
            key += turn * int(random_keys.LOOP_SALTS[0]) + domain
            seen.add(mix(key & MASK))
            count += 1
    assert len(seen) == count


def test_uniform_numbers_lie_strictly_between_0_and_1_and_are_even() -> None:
    values = np.array([random_keys.uniform(np.uint64(7 + at)) for at in range(20_000)])
    assert values.min() > 0
    assert values.max() < 1
    # Kolmogorov-Smirnov: 1.95 / sqrt(n) is the 0.1 % point.
    distance = np.abs(np.sort(values) - (np.arange(20_000) + 0.5) / 20_000).max()
    assert distance < 1.95 / np.sqrt(20_000)


def test_exponential_numbers_follow_their_law_to_the_tail() -> None:
    values = np.sort([random_keys.exponential(np.uint64(hashed(f"exponential {at}"))) for at in range(100_000)])
    distance = np.abs(1 - np.exp(-values) - (np.arange(100_000) + 0.5) / 100_000).max()
    assert distance < 1.95 / np.sqrt(100_000)
    assert abs(values.mean() - 1) < 0.013  # four standard errors
    assert abs((values > 7.7).mean() - np.exp(-7.7)) < 0.0003  # beyond the last layer


def test_other_laws_have_the_mean_and_variation_they_were_asked_for() -> None:
    from backend_expert.lab.load.places import law_numbers
    from backend_expert.lab.load.scenario import Law

    for law, close in (
        (Law("gamma", 0.5), 0.02),
        (Law("gamma", 1.4), 0.04),
        (Law("lognormal", 1.0), 0.05),
        (Law("pareto", 1.2), 0.3),
    ):
        code, shape = law_numbers(law)
        values = np.array([random_keys.draw(np.uint64(hashed(f"{law} {at}")), code, 10.0, shape) for at in range(40_000)])
        assert abs(values.mean() / 10 - 1) < 0.03
        assert abs(values.std() / values.mean() / law.variation - 1) < close
