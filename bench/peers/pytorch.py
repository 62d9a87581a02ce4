"""GRU4Rec in PyTorch, as a peer to train against: the same weights to begin with, the same batches in the same order.

    python3 pytorch.py FOLDER padded|packed THREADS

FOLDER has what bench/peers/pytorch.ts wrote. `padded` pads a batch to its longest history and takes the loss over real positions
only after the scores of all; `packed` runs the GRU over a PackedSequence and scores real positions alone. Answers on stdout, a JSON
object a line: first what it is and the loss of the first batch without dropout, then, for each line on stdin, the seconds that all batches took.
"""

import ctypes
import json
import sys
import time

import torch
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_sequence

folder, form, threads = sys.argv[1], sys.argv[2], int(sys.argv[3])
torch.set_num_threads(threads)
torch.manual_seed(1)
with open(f"{folder}/config.json") as file:
    config = json.load(file)


def floats(name, shape):
    return torch.frombuffer(bytearray(open(f"{folder}/{name}", "rb").read()), dtype=torch.float32).reshape(shape).clone()


def integers(name):
    return torch.frombuffer(bytearray(open(f"{folder}/{name}", "rb").read()), dtype=torch.int32).long()


class Model(torch.nn.Module):
    """Item embedding, dropout, GRU, scores by the same embedding."""

    def __init__(self):
        super().__init__()
        width, hidden = config["embedding"], config["hidden"]
        self.embedding = torch.nn.Embedding(config["items"], width)
        self.dropout = torch.nn.Dropout(config["dropout"])
        self.gru = torch.nn.GRU(width, hidden, batch_first=True)
        with torch.no_grad():
            for name, shape in config["weights"]:
                own = self.embedding.weight if name == "embedding.weight" else getattr(self.gru, name.split(".")[-1])
                own.copy_(floats(name, shape))

    def scores_padded(self, inputs):
        output, _ = self.gru(self.dropout(self.embedding(inputs)))
        return output @ self.embedding.weight.T

    def scores_packed(self, packed):
        inputs = PackedSequence(self.dropout(self.embedding(packed.data)), packed.batch_sizes)
        output, _ = self.gru(inputs)
        return output.data @ self.embedding.weight.T


offsets = integers("offsets.i32").tolist()
items = integers("items.i32")
order = integers("order.i32").tolist()
sequences = [items[offsets[i] : offsets[i + 1]] for i in range(len(offsets) - 1)]
batches = [order[i : i + config["batch"]] for i in range(0, len(order), config["batch"])]
model = Model()
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
IGNORED = -100


def loss_of(batch):
    """Mean cross-entropy over the real positions of a batch."""
    rows = sorted((sequences[i] for i in batch), key=len, reverse=True)
    inputs, targets = [row[:-1] for row in rows], [row[1:] for row in rows]
    if form == "padded":
        scores = model.scores_padded(pad_sequence(inputs, batch_first=True))
        wanted = pad_sequence(targets, batch_first=True, padding_value=IGNORED)
        return torch.nn.functional.cross_entropy(scores.flatten(0, 1), wanted.flatten(), ignore_index=IGNORED)
    lengths = torch.tensor([len(row) for row in inputs])
    packed = pack_padded_sequence(pad_sequence(inputs, batch_first=True), lengths, batch_first=True)
    wanted = pack_padded_sequence(pad_sequence(targets, batch_first=True), lengths, batch_first=True).data
    return torch.nn.functional.cross_entropy(model.scores_packed(packed), wanted)


def core_type():
    """The kernels that OpenBLAS chose for this processor; empty where PyTorch brings its own products."""
    try:
        name = ctypes.CDLL("libopenblas.so.0").openblas_get_corename
        name.restype = ctypes.c_char_p
        return name().decode()
    except (OSError, AttributeError):
        return ""


model.eval()
with torch.no_grad():
    first = loss_of(batches[0]).item()
print(json.dumps({"version": torch.__version__, "coreType": core_type(), "loss": first}), flush=True)
model.train()
for _ in sys.stdin:
    start = time.perf_counter()
    for batch in batches:
        optimizer.zero_grad(set_to_none=True)
        loss_of(batch).backward()
        optimizer.step()
    print(json.dumps({"seconds": time.perf_counter() - start}), flush=True)
