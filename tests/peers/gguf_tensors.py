"""Reads the tensors of a GGUF file: enough to compare two files byte for byte."""

import math
import struct

# Of each value type in metadata: bytes.
_SIZES = {0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8}
_STRING, _ARRAY = 8, 9


class _Reader:
    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, layout):
        values = struct.unpack_from("<" + layout, self.data, self.at)
        self.at += struct.calcsize("<" + layout)
        return values[0]

    def text(self):
        size = self.take("Q")
        self.at += size
        return self.data[self.at - size : self.at].decode("utf-8", "replace")

    def value(self, kind):
        if kind == _STRING:
            return self.text()
        if kind == _ARRAY:
            inner, count = self.take("I"), self.take("Q")
            return [self.value(inner) for _ in range(count)]
        self.at += _SIZES[kind]
        return self.data[self.at - _SIZES[kind] : self.at]


def tensors(path):
    """{name: (type id, shape, bytes)} of a GGUF file in one part."""
    with open(path, "rb") as file:
        reader = _Reader(file.read())
    if reader.take("4s") != b"GGUF" or reader.take("I") not in (2, 3):
        raise ValueError(f"{path} is no GGUF file of version 2 or 3")
    tensor_count, keys = reader.take("Q"), reader.take("Q")
    alignment = 32
    for _ in range(keys):
        key = reader.text()
        value = reader.value(reader.take("I"))
        if key == "general.alignment":
            alignment = struct.unpack("<I", value)[0]
    infos = []
    for _ in range(tensor_count):
        name = reader.text()
        shape = tuple(reader.take("Q") for _ in range(reader.take("I")))
        infos.append((name, reader.take("I"), shape, reader.take("Q")))
    start = math.ceil(reader.at / alignment) * alignment
    # A tensor reaches to the next one; the zeros between them are the writer's, not the tensor's.
    ends = sorted(offset for *_, offset in infos) + [len(reader.data) - start]
    out = {}
    for name, kind, shape, offset in infos:
        end = min(e for e in ends if e > offset)
        out[name] = (kind, shape, reader.data[start + offset : start + end])
    return out


def differences(a, b):
    """Names of tensors whose type, shape or bytes are not the same in two files."""
    a, b = tensors(a), tensors(b)
    return [name for name in sorted(set(a) | set(b)) if a.get(name) != b.get(name)]
