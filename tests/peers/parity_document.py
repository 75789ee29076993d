"""What was found, as Markdown."""

import dataclasses
import textwrap

NEAR_TIE = 0.1  # nats between the tokens where two texts part


@dataclasses.dataclass
class Findings:
    versions: tuple = ("", "")  # of llama.cpp, of this program
    architectures: list = dataclasses.field(default_factory=list)  # rows, see engine_parity.Row
    types: list = dataclasses.field(default_factory=list)
    faults: list = dataclasses.field(default_factory=list)  # (shape, key, KLD)
    quantized: dict = dataclasses.field(default_factory=dict)  # mixture: (tensors, files alike)
    greedy: list = dataclasses.field(default_factory=list)  # (model, margin, partings)
    rounding: float = 0  # KLD that comes from saving 16 bits

    def rows(self):
        return self.architectures + self.types

    def floor(self):
        return 10 * self.rounding

    def failures(self, files):
        out = [f"{r.shape} {r.kind}: mean KLD {r.kld:.1e}, its own noise {r.batch_kld:.1e}"
               for r in self.rows() if r.kld > max(r.batch_kld, self.floor())]
        for mixture, (tensors, alike) in self.quantized.items():
            out += [f"{mixture}: {name}" for name in tensors]
            if alike < files:
                out.append(f"{mixture}: llama.cpp runs {alike} of {files} files alike")
        for model, margin, partings in self.greedy:
            out += [f"tiny-{model}, margin {margin}: texts part at {part[0]}"
                    for part in partings if part and (margin > 0 or part[1] >= NEAR_TIE)]
        return out


HEAD = """# Engine parity

This engine and llama.cpp on the same files: `{theirs}` and `{ours}`. Made by

```sh
tests/peers/engine_parity.py LLAMA_BIN_DIR PENNYWEIGHT -o docs/engine-parity.md
```

where the first is the folder of your llama.cpp's programs. It needs Python 3 and ends with 1 where the two
differ by more than llama.cpp differs from itself.

**The models have random weights**: `pennyweight model synth tiny-ARCH:TYPE`, 2 to 64 layers of width 256, norms and
biases random too, with the window, caps and rope scaling of the architecture at work within 256 tokens. They show
whether two engines compute the same function; they say nothing about how good a trained model's answers are. Their
distributions are flat, so the likeliest token is often a near-tie: 100 % is not to be expected of any pair of engines
that round.

## Distributions

A generated text of {words} words, {chunks} chunks of {context} tokens; the second half of each chunk is predicted,
{predictions} distributions a file, from the tokens of the text and not from the engine's own. llama-perplexity saves its
distributions (`--kl-divergence-base`, batches of 512, `-t {threads}`, its defaults otherwise), and `pennyweight model
perplexity FILE --logits SAVED` compares. KLD is the Kullback-Leibler divergence in nats, the mean over the text.

- *ours*: this engine from llama.cpp.
- *its batch 1*: llama.cpp with batches of 1 from itself with batches of 512, same file: **its own noise**, and the bar.
- *its -fa off*: llama.cpp without flash attention from itself with it, both in batches of 512.
- *ours, -fa off*: this engine from llama.cpp without flash attention.

Saved distributions are 16 bits a token. That alone makes a KLD of up to {rounding:.0e} (half the variance of rounding to the
steps in the files), twice that where both sides are saved: figures near 1e-9 are this floor.
"""

FAULTS = """
## What a fault would look like

Could this method miss a rule that is not followed? llama.cpp, told to read one key of the F32 file otherwise, from
itself with the file as it is:

| model | key read otherwise | mean KLD | ours, key as it is |
|---|---|---|---|
"""

WHY = """
## What is not equal, and why

- **Attention.** With flash attention and batches llama.cpp keeps probabilities and sums in f32, as this engine does, and
  F32 files agree to about the floor. For a batch of 1 it sums values in f16; without flash attention it rounds
  probabilities to f16. Both move its own results by more than this engine is away: compare its two columns.
- **GELU** in gemma files comes from a table of f16 results there; this engine rounds its argument to f16, not its result.
- **Quantized, F16 and BF16 weights.** Activations are rounded before they are multiplied (docs/numerics.md), in both
  engines alike. Sums in another order put some of them on the other side of a rounding step, which then moves all that
  follows. The size of this is that of the rounding itself, which is why *ours* grows with the coarseness of
  activations and stays below *its batch 1*.
- **Experts.** Where two experts are nearly tied for the last place, such a step changes which one is used, and the
  distribution with it.
- **Keys without effect** are ignored alike: `attention.scale` outside granite, the sliding window of llama and phi3 files, the
  window of exaone4 models that have not 64 layers.
- **`<unk>` under a grammar** is the text "<unk>" to llama.cpp; this engine never lets it answer one. The grammar of the greedy
  texts leaves "<" out.

`tests/local_backend/model/architectures_test.cpp` compares every architecture with a float64 implementation written apart,
in every variant of its keys: that is the referee where two engines could share a mistake.
"""


def fill(text):
    return textwrap.fill(text, 112, break_long_words=False, break_on_hyphens=False) + "\n"


def table(rows):
    lines = ["| model | type | PPL ours | PPL theirs | KLD ours | its batch 1 | its -fa off | ours, -fa off "
             "| same top, ours | its batch 1 |", "|---|---|---|---|---|---|---|---|---|---|"]
    for r in rows:
        lines.append(
            f"| {r.shape} | {r.kind} | {r.ours:.3f} | {r.theirs:.3f} | {r.kld:.1e} | "
            f"{r.batch_kld:.1e} | {r.plain_kld:.1e} | {r.ours_plain_kld:.1e} | "
            f"{100 * r.same_top:.1f} % | {100 * r.batch_top:.1f} % |")
    return "\n".join(lines) + "\n"


def verdict(found):
    rows = found.rows()
    within = [r for r in rows if r.kld <= max(r.batch_kld, found.floor())]
    worst = max(rows, key=lambda r: r.kld / max(r.batch_kld, found.floor()))
    tops = sum(r.same_top >= r.batch_top for r in rows)
    plain = [r for r in found.architectures if r.kind == "F32"]
    return "\n" + fill(
        f"**{len(within)} of {len(rows)} files lie within llama.cpp's own noise.** F32 files: mean KLD "
        f"{min(r.kld for r in plain):.0e} to {max(r.kld for r in plain):.0e}. The file nearest to the noise is "
        f"{worst.shape} {worst.kind}, with {worst.kld / max(worst.batch_kld, found.floor()):.2f} of it. "
        f"The likeliest token is the same at least as often as between its own two batch sizes in {tops} of "
        f"{len(rows)}. The tokens of the text were the same in all.")


def faults(found):
    ours = {r.shape: r.kld for r in found.architectures if r.kind == "F32"}
    return FAULTS + "".join(f"| {shape} | `{key}` | {kld:.1e} | {ours[shape]:.1e} |\n"
                            for shape, key, kld in found.faults)


def quantized(found, shapes):
    tensors = sum(len(names) for names, _ in found.quantized.values())
    alike = sum(alike for _, alike in found.quantized.values())
    text = "\n## Quantizing\n\n" + fill(
        "`model quantize` and llama-quantize, each from the same F32 file of "
        f"{', '.join('tiny-' + shape for shape in shapes)}, to {', '.join(found.quantized)}; and "
        "`model synth` of that type. Name, type, shape and bytes of every tensor are compared, "
        "and llama-perplexity runs our file and its own.")
    text += "\n" + fill(
        f"**{tensors} tensors differ** in {len(found.quantized) * len(shapes)} pairs of files; "
        "llama.cpp gives the same distributions, bit for bit, for both files of "
        f"{alike} pairs.")
    for mixture, (names, _) in found.quantized.items():
        if names:
            text += f"\n- {mixture}: {', '.join(names[:8])}\n"
    return text


def greedy(found, prompts, tokens):
    if not found.greedy:
        return "\n## Greedy texts\n\nNot compared: there was no llama-server.\n"
    text = "\n## Greedy texts\n\n" + fill(
        f"{tokens} tokens, temperature 0, from {prompts} prompts without a template, of `model generate "
        "--raw` and of llama-server (`-fa off`, no prompt cache), both bound to printable ASCII by a "
        "grammar, since random bytes are no text to a server. With a margin (`model synth --margin 4`) "
        "the head predicts a next token clearly, nearly whatever the layers say: **equal texts there are "
        "no evidence about attention, rope or feed-forward**, only about tokens, embedding, head and the "
        "loop. Without a margin, one near-tie that falls the other way makes another text.")
    text += ("\n| model | margin | equal texts | where the others part (how much likelier our token "
             "is to us, nats) |\n|---|---|---|---|\n")
    for model, margin, partings in found.greedy:
        parts = [f"token {p[0] + 1} ({p[1]:.4f})" for p in partings if p]
        text += (f"| tiny-{model} | {margin} | {len(partings) - len(parts)} of {len(partings)} | "
                 f"{', '.join(parts)} |\n")
    return text


def write(found, setup, shapes, prompts, tokens):
    theirs, ours = found.versions
    head = HEAD.format(
        theirs="llama.cpp " + theirs, ours=ours, words=setup.chunks * setup.context, threads=setup.threads,
        chunks=setup.chunks, context=setup.context, rounding=found.rounding,
        predictions=setup.chunks * (setup.context - 1 - setup.context // 2))
    return (head + verdict(found) + "\n### Architectures\n\n" + table(found.architectures) +
            "\n### Types\n\nMixtures as llama-quantize makes them; MXFP4 is all matrices.\n\n" +
            table(found.types) + faults(found) + quantized(found, shapes) +
            greedy(found, prompts, tokens) + WHY)
