"""math.json: elementary functions by the standard library (math, statistics), which shares no code with a JavaScript engine."""

import math
from statistics import NormalDist

from fixture import write

INPUTS = [-100, -20.5, -9, -3, -1, -0.5, -0.125, -1e-3, -1e-9, 0, 1e-9, 1e-3, 0.125, 0.5, 1, 2, 3, 9, 20.5, 100]
PROBABILITIES = [1e-300, 1e-30, 1e-10, 1e-4, 0.02, 0.25, 0.4999, 0.5, 0.75, 0.975, 0.9999, 0.999999999]


def sigmoid(x):
    return 1 / (1 + math.exp(-x)) if x >= 0 else math.exp(x) / (1 + math.exp(x))


write(
    "math.json",
    __file__,
    "rows are [x, f(x)]; normalQuantile is the inverse of the standard normal distribution function",
    [
        {"name": "exp", "rows": [[x, math.exp(x)] for x in INPUTS]},
        {"name": "sigmoid", "rows": [[x, sigmoid(x)] for x in INPUTS]},
        {"name": "tanh", "rows": [[x, math.tanh(x)] for x in INPUTS]},
        {"name": "erfc", "rows": [[x, math.erfc(x)] for x in INPUTS if x < 25]},
        {"name": "normalQuantile", "rows": [[p, NormalDist().inv_cdf(p)] for p in PROBABILITIES]},
    ],
)
