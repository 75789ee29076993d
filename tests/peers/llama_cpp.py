"""Runs the programs of llama.cpp and of Pennyweight that the comparison needs."""

import json
import pathlib
import re
import socket
import subprocess
import time
import urllib.error
import urllib.request


class Failed(Exception):
    """A program did not do what it was asked; the message is its last words."""


def run(command, text=None):
    done = subprocess.run(
        [str(part) for part in command], input=text, capture_output=True, encoding="utf-8",
        errors="replace", check=False)
    if done.returncode != 0:
        words = (done.stderr or done.stdout).strip()[-300:]
        raise Failed(f"{pathlib.Path(command[0]).name} ended with {done.returncode}: {words}")
    return done.stdout + done.stderr if text is None else done.stdout


class Llama:
    def __init__(self, folder, threads):
        self.folder, self.threads = pathlib.Path(folder), threads

    def has(self, program):
        return (self.folder / program).exists()

    def version(self):
        text = run([self.folder / "llama-perplexity", "--version"])
        return re.search(r"version: (.*)", text).group(1)

    def save_logits(self, model, text, setup, base, *, batch=512, flash="auto", keys=()):
        """Writes its distributions to `base`; `keys` are metadata to read otherwise.

        They are all that is used: its last lines of text are sometimes lost when it ends.
        """
        pathlib.Path(base).unlink(missing_ok=True)
        command = [self.folder / "llama-perplexity", "-m", model, "-f", text, "-c", setup.context,
                   "-b", batch, "-ub", batch, "-t", self.threads, "--chunks", setup.chunks,
                   "-fa", flash, "--kl-divergence-base", base]
        for key in keys:
            command += ["--override-kv", key]
        run(command)

    def quantize(self, source, target, mixture):
        run([self.folder / "llama-quantize", source, target, mixture, self.threads])

    def greedy(self, model, prompts, count, grammar):
        """The ids that follow each prompt of ids. What is no UTF-8 is an error to the server."""
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        command = [self.folder / "llama-server", "-m", model, "-c", 1024, "-t", self.threads,
                   "-fa", "off", "--host", "127.0.0.1", "--port", port, "-np", 1]
        with subprocess.Popen([str(part) for part in command], stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL) as server:
            try:
                _wait(server, port)
                return [_complete(port, prompt, count, grammar) for prompt in prompts]
            finally:
                server.terminate()


def _wait(server, port):
    for _ in range(300):
        if server.poll() is not None:
            raise Failed(f"llama-server ended with {server.returncode}")
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    raise Failed("llama-server was not ready within 30 s")


def _complete(port, prompt, count, grammar):
    body = {"prompt": prompt, "n_predict": count, "temperature": 0, "top_k": 1,
            "return_tokens": True, "cache_prompt": False, "grammar": grammar}
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/completion", json.dumps(body).encode(),
        {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=120) as reply:
        return json.load(reply)["tokens"]


class Pennyweight:
    def __init__(self, program, threads):
        self.program, self.threads = program, threads

    def version(self):
        return " ".join(run([self.program, "--version"]).split()[:2])

    def synth(self, shape, path, margin=0):
        if not pathlib.Path(path).exists():
            run([self.program, "model", "synth", shape, "--margin", margin, "-o", path])

    def quantize(self, source, target, mixture):
        run([self.program, "model", "quantize", source, target, mixture, "-t", self.threads])

    def fidelity(self, model, base):
        return json.loads(run([self.program, "model", "perplexity", model, "--logits", base,
                               "-t", self.threads, "--json"], ""))

    def tokens(self, model, text):
        out = run([self.program, "model", "tokenize", model, "--whole"], text)
        return [int(word) for word in out.split()]

    def greedy(self, model, prompt, count, grammar):
        """With "ids", and "top_logprobs": the likeliest tokens at each place."""
        return json.loads(run([self.program, "model", "generate", model, "--prompt", prompt,
                               "--raw", "-n", count, "--temperature", 0, "--json", "--grammar",
                               grammar, "--top-logprobs", 20, "-t", self.threads], ""))
