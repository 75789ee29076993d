"""Next-token distributions as llama-perplexity --kl-divergence-base saves them: 16 bits each."""

import array
import math
import struct


class SavedLogits:
    def __init__(self, path):
        with open(path, "rb") as file:
            data = file.read()
        magic, self.context, self.vocabulary, self.chunks = struct.unpack_from("<8siii", data)
        if magic != b"_logits_":
            raise ValueError(f"{path} holds no saved logits")
        at = 20 + 4 * self.context * self.chunks
        self.tokens = list(struct.unpack_from(f"<{self.context * self.chunks}i", data, 20))
        rows = self.chunks * (self.context - 1 - self.context // 2)
        words = 2 * ((self.vocabulary + 1) // 2)
        self.rows, self.steps = [], []
        for _ in range(rows):
            step, lowest = struct.unpack_from("<ff", data, at)
            quants = array.array("H", data[at + 8 : at + 8 + 2 * self.vocabulary])
            self.rows.append(_normal([step * q + lowest for q in quants]))
            self.steps.append(step)
            at += 8 + 2 * words

    def rounding_kld(self):
        """What the rounding to 16 bits adds: half the variance of an even spread over a step."""
        return sum(step * step / 24 for step in self.steps) / len(self.steps)

    def perplexity(self):
        """Over the second half of each chunk, as llama-perplexity counts."""
        half, logs = self.context // 2, []
        for i, row in enumerate(self.rows):
            chunk, place = divmod(i, self.context - 1 - half)
            logs.append(row[self.tokens[chunk * self.context + half + place + 1]])
        return math.exp(-math.fsum(logs) / len(logs))

    def clipped(self):
        """Whether what is 16 nats below the likeliest was cut off."""
        return any(step * 65535 > 15.999 for step in self.steps)


def _normal(logs):
    most = max(logs)
    total = most + math.log(math.fsum(math.exp(x - most) for x in logs))
    return [x - total for x in logs]


def compare(a, b):
    """(mean KLD of b against a in nats, share of rows whose likeliest token is the same)."""
    if a.tokens != b.tokens:
        raise ValueError("saved logits of different texts")
    klds, same = [], 0
    for p, q in zip(a.rows, b.rows):
        klds.append(max(0.0, math.fsum(math.exp(x) * (x - y) for x, y in zip(p, q))))
        same += p.index(max(p)) == q.index(max(q))
    return math.fsum(klds) / len(klds), same / len(klds)
