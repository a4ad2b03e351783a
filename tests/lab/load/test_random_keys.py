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
