#!/usr/bin/env python3
"""Compares this engine with llama.cpp on the same files, and writes what it found as Markdown.

    tests/peers/engine_parity.py LLAMA_BIN_DIR PENNYWEIGHT [-o docs/engine-parity.md]

LLAMA_BIN_DIR holds llama-perplexity and llama-quantize, and llama-server for greedy texts.
Ends with 1 where the two differ by more than llama.cpp differs from itself.
"""

import argparse
import dataclasses
import math
import pathlib
import sys
import tempfile

import parity_document
from gguf_tensors import differences
from llama_cpp import Failed, Llama, Pennyweight
from saved_logits import SavedLogits, compare

ARCHITECTURES = ["llama", "mixtral", "mistral3", "qwen2", "qwen3", "qwen3moe", "phi3", "phimoe",
                 "gemma", "gemma2", "gemma3", "exaone", "exaone4", "smollm3", "granite"]
MIXTURES = ["F16", "BF16", "Q8_0", "Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q2_K", "Q3_K_S", "Q3_K_M",
            "Q3_K_L", "Q4_K_S", "Q4_K_M", "Q5_K_S", "Q5_K_M", "Q6_K", "IQ4_NL", "IQ4_XS",
            "MXFP4_MOE"]
SOME = ["mixtral", "qwen2", "qwen3moe", "phi3", "gemma", "gemma3", "exaone"]
QUANTIZED = ["llama", "mixtral", "gemma2", "phi3"]
# Metadata that llama.cpp is told to read otherwise: what a rule that is not followed looks like.
FAULTS = [
    ("llama", "rope.freq_base=float:10000"), ("mistral3", "rope.scaling.factor=float:1"),
    ("mistral3", "attention.temperature_scale=float:0"),
    ("qwen2", "rope.scaling.factor=float:1"), ("qwen3moe", "expert_used_count=int:1"),
    ("phi3", "rope.scaling.original_context_length=int:4096"),
    ("phi3", "rope.scaling.attn_factor=float:1"), ("gemma2", "attention.sliding_window=int:65"),
    ("gemma2", "attn_logit_softcapping=float:50"), ("gemma3", "attention.sliding_window=int:65"),
    ("exaone4", "attention.sliding_window=int:65"), ("granite", "residual_scale=float:1")]
GREEDY = ["llama:F32", "llama:Q4_K_M", "mixtral:F32", "qwen2:Q8_0", "qwen3moe:F32", "phi3:Q4_0",
          "granite:F16"]
PROMPTS = ["the of and", "A question: what is the total of this invoice?", "12 + 30 =",
           "한국어 모델의 답"]
TOKENS = 32
# Random bytes are no text to a server, and "<unk>" is text to its grammars.
ASCII = "root ::= [ -;=-~]*"
WORDS = ("the of and to in is that for it as was with be on not by are this at from have or an "
         "they which one you were all there would invoice total (x+y) 12,347 kalo midu "
         "\ud55c\uad6d\uc5b4 \ubaa8\ub378 na\u00efve \u2013 \U0001f642").split()


@dataclasses.dataclass
class Setup:
    context: int = 256
    chunks: int = 8
    threads: int = 1


@dataclasses.dataclass
class Row:
    """One file in both engines."""
    shape: str
    kind: str
    ours: float
    theirs: float
    kld: float
    same_top: float
    batch_kld: float  # llama.cpp's own: batches of 1 against batches of 512
    batch_top: float
    plain_kld: float  # its own: without flash attention against with it
    ours_plain_kld: float  # this engine against it without flash attention


def make_text(words):
    """The same words in the same disorder everywhere, from a linear congruential generator."""
    state, out = 1, []
    for _ in range(words):
        state = (state * 6364136223846793005 + 1442695040888963407) % 2**64
        out.append(WORDS[(state >> 33) % len(WORDS)])
    return " ".join(out)


class Parity:
    def __init__(self, llama, pennyweight, work, setup):
        self.llama, self.pennyweight, self.work, self.setup = llama, pennyweight, work, setup
        self.text = work / "text.txt"
        self.text.write_text(make_text(setup.chunks * setup.context), encoding="utf-8")
        self.rounding = 0.0

    def model(self, shape, kind, margin=0):
        path = self.work / f"{shape}-{kind}-{margin}.gguf"
        self.pennyweight.synth(f"tiny-{shape}:{kind}", path, margin)
        return path

    def saved(self, model, setup=None, **how):
        """The distributions of llama.cpp, with batches of 512 and its other defaults."""
        base = self.work / "logits.bin"
        self.llama.save_logits(model, self.text, setup or self.setup, base, **how)
        logits = SavedLogits(base)
        if logits.clipped():
            raise Failed(f"{model.name} is too sure of itself: saved logits are cut off")
        return logits

    def check_tokens(self, model, logits):
        text = self.text.read_text(encoding="utf-8")
        ours = self.pennyweight.tokens(model, text)
        if ours[: len(logits.tokens) - 1] != logits.tokens[1:]:
            raise Failed(f"{model.name}: the text has other tokens")

    def row(self, shape, kind):
        print(f"tiny-{shape} {kind}", file=sys.stderr)
        model = self.model(shape, kind)
        single = self.saved(model, batch=1)
        plain = self.saved(model, flash="off")
        plain_kld = self.pennyweight.fidelity(model, self.work / "logits.bin")["mean_kld"]
        logits = self.saved(model)
        ours = self.pennyweight.fidelity(model, self.work / "logits.bin")
        self.check_tokens(model, logits)
        self.rounding = max(self.rounding, logits.rounding_kld())
        return Row(f"tiny-{shape}", kind, ours["perplexity"], logits.perplexity(),
                   ours["mean_kld"], ours["same_top_rate"], *compare(logits, single),
                   compare(logits, plain)[0], plain_kld)

    def faults(self):
        """[(shape, key, mean KLD that it makes)]"""
        out = []
        for shape, key in FAULTS:
            model = self.model(shape, "F32")
            right = self.saved(model)
            wrong = self.saved(model, keys=[f"{shape}.{key}"])
            out.append((f"tiny-{shape}", key, compare(right, wrong)[0]))
        return out

    def quantized(self, mixture):
        """(tensors that differ, files that llama.cpp runs alike)"""
        other, loaded = [], 0
        for shape in QUANTIZED:
            source = self.model(shape, "F32")
            ours, theirs = self.work / "ours.gguf", self.work / "theirs.gguf"
            ours.unlink(missing_ok=True)
            self.pennyweight.quantize(source, ours, mixture)
            self.llama.quantize(source, theirs, mixture)
            other += [f"{shape}: {name}" for name in differences(ours, theirs)]
            other += [f"{shape}, synth: {name}" for name in
                      differences(ours, self.model(shape, mixture))]
            few = Setup(self.setup.context, 2)
            loaded += self.saved(ours, few).rows == self.saved(theirs, few).rows
        return other, loaded

    def greedy(self, name, margin):
        """For each prompt where the texts part, and how sure we were there; None: nowhere."""
        shape, kind = name.split(":")
        model = self.model(shape, kind, margin)
        grammar = self.work / "ascii.gbnf"
        grammar.write_text(ASCII, encoding="utf-8")
        ours = [self.pennyweight.greedy(model, prompt, TOKENS, grammar) for prompt in PROMPTS]
        theirs = self.llama.greedy(model, [one["prompt_ids"] for one in ours], TOKENS, ASCII)
        return [_parting(one, ids) for one, ids in zip(ours, theirs)]


def _parting(ours, theirs):
    """(place, how much likelier our token is to us than theirs, in nats), or None."""
    for at, (a, b) in enumerate(zip(ours["ids"], theirs)):
        if a != b:
            likely = {top["id"]: top["logprob"] for top in ours["top_logprobs"][at]}
            return at, ours["logprobs"][at] - likely.get(b, -math.inf)
    return None


def measure(parity, with_greedy):
    found = parity_document.Findings()
    found.architectures = [parity.row(shape, kind)
                           for shape in ARCHITECTURES for kind in ("F32", "F16")]
    kinds = [kind for kind in MIXTURES if kind not in ("F16", "MXFP4_MOE")] + ["MXFP4"]
    found.types = [parity.row("llama", kind) for kind in kinds]
    found.types += [parity.row("mixtral", "MXFP4_MOE")]
    found.types += [parity.row(shape, kind)
                    for shape in SOME for kind in ("Q8_0", "Q4_0", "Q4_K_M")]
    print("faults, quantizing, greedy texts", file=sys.stderr)
    found.faults = parity.faults()
    found.quantized = {mixture: parity.quantized(mixture) for mixture in MIXTURES}
    if with_greedy:
        found.greedy = [(name, margin, parity.greedy(name, margin))
                        for margin in (4, 0) for name in GREEDY]
    found.rounding = parity.rounding
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("llama_bin_dir", help="folder of llama.cpp's programs")
    parser.add_argument("pennyweight", help="our program")
    parser.add_argument("-o", "--output", help="Markdown file; standard output where left out")
    parser.add_argument("-t", "--threads", type=int, default=1, help="of both engines")
    parser.add_argument("--chunks", type=int, default=8, help="of 256 tokens")
    options = parser.parse_args()
    llama = Llama(options.llama_bin_dir, options.threads)
    pennyweight = Pennyweight(options.pennyweight, options.threads)
    setup = Setup(chunks=options.chunks, threads=options.threads)
    try:
        with tempfile.TemporaryDirectory() as work:
            parity = Parity(llama, pennyweight, pathlib.Path(work), setup)
            found = measure(parity, llama.has("llama-server"))
            found.versions = (llama.version(), pennyweight.version())
    except (Failed, OSError) as error:
        print(f"engine_parity: {error}", file=sys.stderr)
        return 2
    document = parity_document.write(found, setup, QUANTIZED, len(PROMPTS), TOKENS)
    if options.output:
        pathlib.Path(options.output).write_text(document, encoding="utf-8")
    else:
        print(document, end="")
    failures = found.failures(len(QUANTIZED))
    for line in failures:
        print(f"differs: {line}", file=sys.stderr)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
