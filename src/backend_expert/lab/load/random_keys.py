"""Counter-based random numbers: a draw is a function of who draws it, never of what was drawn before.

The key of a request mixes the seed, its stream and its number; the key of a call mixes the caller's key, the site and the attempt; a draw
mixes the frame's key, the step and the domain. Request i is therefore the same request before and after a change, whatever else happens.
The finaliser is Stafford's variant 13 of MurmurHash3's, as in SplitMix64 (Steele, Lea and Flood, OOPSLA 2014). Everything that
enters a sum is a random odd constant times a small number, or a 64-bit hash: such sums do not collide.
"""

# mypy: disable-error-code="no-any-return"

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from backend_expert.lab.load.jit import compiled, inlined
from backend_expert.lab.load.rows import Index, Key
from backend_expert.lab.load.vocabulary import LawCode

SHIFT_A, SHIFT_B, SHIFT_C, SHIFT_MANTISSA = np.uint64(30), np.uint64(27), np.uint64(31), np.uint64(11)
MULTIPLY_A, MULTIPLY_B = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
LAYER = np.uint64(255)
TO_UNIT = 1.0 / (1 << 53)

# Domains and steps: odd, and without structure (digits of π).
ARRIVAL = np.uint64(0x243F6A8885A308D3)
REQUEST = np.uint64(0x13198A2E03707345)
CHILD = np.uint64(0xA4093822299F31D1)
ATTEMPT = np.uint64(0x082EFA98EC4E6C89)
BRANCH = np.uint64(0x452821E638D01377)
SERVICE = np.uint64(0xBE5466CF34E90C6D)
BALANCING = np.uint64(0xC0AC29B7C97C50DD)
JITTER = np.uint64(0x3F84D5B5B5470917)
CHOICE = np.uint64(0x9216D5D98979FB1B)
LOSS = np.uint64(0xD1310BA698DFB5AD)
HOP = np.uint64(0x2FFD72DBD01ADFB7)
HEDGE = np.uint64(0xB8E1AFED6A267E97)
SECOND = np.uint64(0xBA7C9045F12C7F99)
POPULAR = np.uint64(0x718BCD5882154AEF)
PATIENCE = np.uint64(0x7B54A41DC25A59B5)
THINK = np.uint64(0x9C30D5392AF26013)
ROUND = np.uint64(0x24A19947B3916CF7)
LOOP_SALTS = np.array([0x0801F2E2858EFC17, 0x636920D871574E69, 0xA458FEA3F4933D7F, 0x0D95748F728EB659], np.uint64)

CONSTANT, EXPONENTIAL, GAMMA, LOGNORMAL, PARETO = map(np.int64, LawCode)


@inlined
def mix(x: Key) -> Key:
    """Return 64 bits that depend on every bit of `x`."""
    x = (x ^ (x >> SHIFT_A)) * MULTIPLY_A
    x = (x ^ (x >> SHIFT_B)) * MULTIPLY_B
    return x ^ (x >> SHIFT_C)


@inlined
def uniform(x: Key) -> float:
    """Return a number strictly between 0 and 1 for a key."""
    return (np.float64(np.int64(mix(x) >> SHIFT_MANTISSA)) + 0.5) * TO_UNIT


def _ziggurat() -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return limits, widths and heights of 256 layers under e^-x (Marsaglia and Tsang, Journal of Statistical Software 5(8), 2000)."""
    edge, area, scale = 7.69711747013104972, 0.0039496598225815571993, 2.0**53
    limits, widths, heights = np.zeros(256), np.zeros(256), np.zeros(256)
    bottom = area / math.exp(-edge)
    limits[0], widths[0], heights[0] = edge / bottom * scale, bottom / scale, 1.0
    widths[255], heights[255] = edge / scale, math.exp(-edge)
    outer = inner = edge
    for layer in range(254, 0, -1):
        inner = -math.log(area / outer + math.exp(-outer))
        limits[layer + 1] = inner / outer * scale
        widths[layer], heights[layer] = inner / scale, math.exp(-inner)
        outer = inner
    return limits, widths, heights


LIMITS, WIDTHS, HEIGHTS = _ziggurat()
EDGE = 7.69711747013104972


@inlined
def exponential(x: Key) -> float:
    """Return an exponential number of mean 1 for a key: in 99 % of the cases one product, with no logarithm."""
    bits = mix(x)
    layer = np.int64(bits & LAYER)
    height = np.float64(np.int64(bits >> SHIFT_MANTISSA))
    if height < LIMITS[layer]:
        return height * WIDTHS[layer]
    return _exponential_at_the_edge(x, layer, height * WIDTHS[layer])


@compiled
def _exponential_at_the_edge(x: Key, layer: Index, value: float) -> float:
    while True:
        if layer == 0:
            return EDGE - math.log(uniform(x + SECOND))
        if HEIGHTS[layer] + uniform(x + SECOND) * (HEIGHTS[layer - 1] - HEIGHTS[layer]) < math.exp(-value):
            return value
        x = x + ROUND
        bits = mix(x)
        layer = np.int64(bits & LAYER)
        height = np.float64(np.int64(bits >> SHIFT_MANTISSA))
        value = height * WIDTHS[layer]
        if height < LIMITS[layer]:
            return value


@compiled
def _normal(x: Key) -> float:
    return math.sqrt(-2.0 * math.log(uniform(x))) * math.cos(2.0 * math.pi * uniform(x + SECOND))


@compiled
def _gamma(x: Key, shape: float) -> float:
    """Draw from a gamma law of mean `shape` (Marsaglia and Tsang, ACM TOMS 26, 2000); shapes below 1 are boosted."""
    boost = 1.0
    if shape < 1.0:
        boost = uniform(x + ROUND * ROUND) ** (1.0 / shape)
        shape += 1.0
    d = shape - 1.0 / 3.0
    c = 1.0 / math.sqrt(9.0 * d)
    while True:
        x = x + ROUND
        normal = _normal(x)
        v = (1.0 + c * normal) ** 3
        if v > 0.0 and math.log(uniform(x + CHOICE)) < 0.5 * normal * normal + d - d * v + d * math.log(v):
            return boost * d * v


@compiled
def _unusual(x: Key, law: int, mean: float, shape: float) -> float:
    if law == GAMMA:
        return mean / shape * _gamma(x, shape)
    if law == LOGNORMAL:
        return mean * math.exp(shape * _normal(x) - 0.5 * shape * shape)
    return mean * (shape - 1.0) * (uniform(x) ** (-1.0 / shape) - 1.0)  # Lomax: a Pareto law that starts at 0


@inlined
def draw(x: Key, law: int, mean: float, shape: float) -> float:
    """Return a time of the given law and mean for a key.

    `shape` is the shape of the gamma law, the sigma of the log-normal law, the tail index of the Pareto law.
    """
    if law == EXPONENTIAL:
        return mean * exponential(x)
    if law == CONSTANT:
        return mean
    return _unusual(x, law, mean, shape)
