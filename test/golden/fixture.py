"""Shared by every make_*.py: numbers on an exact grid, and one way of writing JSON. Needs only torch and the standard library."""

import base64
import json
import os
import struct

import torch

torch.set_default_dtype(torch.float64)
torch.set_num_threads(1)

FOLDER = os.path.dirname(os.path.abspath(__file__))
GRID = 128  # inputs are multiples of 1/128: short in JSON, and exact in f32 as well as in f64
DIGITS = 9  # significant digits of computed numbers: off by at most 5e-9 of themselves


def on_grid(tensor):
    """Rounds to multiples of 1/GRID."""
    return torch.round(tensor * GRID) / GRID


def uniform(generator, *shape, bound=1.0):
    """Draws numbers on the grid from [-bound, bound]."""
    return on_grid((torch.rand(*shape, generator=generator) * 2 - 1) * bound)


def normal(generator, *shape, scale=1.0):
    """Draws numbers on the grid from N(0, scale²)."""
    return on_grid(torch.randn(*shape, generator=generator) * scale)


def as_bytes(tensor):
    """Writes numbers on the grid, of size below 1, as base64 of one signed byte each: 128 times the number."""
    numbers = [round(value * GRID) for value in tensor.flatten().tolist()]
    return base64.b64encode(struct.pack(f"{len(numbers)}b", *numbers)).decode()


def as_floats(values):
    """Writes numbers as base64 of their f32."""
    return base64.b64encode(struct.pack(f"<{len(values)}f", *values)).decode()


def plain(value):
    """Turns tensors into nested lists of rounded numbers, whole numbers into integers."""
    if isinstance(value, torch.Tensor):
        return plain(value.detach().tolist())
    if isinstance(value, dict):
        return {key: plain(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(one) for one in value]
    if isinstance(value, float):
        rounded = float(f"{value:.{DIGITS}g}")
        return int(rounded) if rounded == int(rounded) and abs(rounded) < 2**31 else rounded
    return value


def write(name, snippet, about, cases, **shared):
    """Writes one fixture, a case a line; shared is what its cases have in common."""
    head = {"snippet": os.path.basename(snippet), "torch": torch.__version__, "about": about, **plain(shared)}
    lines = ",\n".join(json.dumps(plain(case), separators=(",", ":"), allow_nan=False) for case in cases)
    text = json.dumps(head)[:-1] + ', "cases": [\n' + lines + "\n]}\n"
    path = os.path.join(FOLDER, name)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    print(f"{name}: {len(text):,} bytes, {len(cases)} cases")
