#!/usr/bin/env python3
"""Writes the images of this folder, good ones and hostile ones, and `expected.txt`: what the example
says of them. The hashes there are those of the decoder below, which reads the files, not of the pixels
that they were made from."""

import hashlib
import pathlib
import struct
import zlib

FOLDER = pathlib.Path(__file__).parent
SIGNATURE = b"\x89PNG\r\n\x1a\n"
CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
COLORS = {0: "gray", 2: "rgb", 3: "palette", 4: "gray and alpha", 6: "rgb and alpha"}
# Start and step of the columns, then of the rows, of Adam7's passes.
ADAM7 = [(0, 8, 0, 8), (4, 8, 0, 8), (0, 4, 4, 8), (2, 4, 0, 4), (0, 2, 2, 4), (1, 2, 0, 2), (0, 1, 1, 2)]


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def header(width, height, depth, color, interlace=0):
    return chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, color, 0, 0, interlace))


def png(*chunks):
    return SIGNATURE + b"".join(chunks) + chunk(b"IEND", b"")


def passes(width, height, interlace):
    """For each pass the coordinates of its pixels, row by row."""
    for x0, dx, y0, dy in ADAM7 if interlace else [(0, 1, 0, 1)]:
        columns = range(x0, width, dx)
        if columns:
            yield [[(x, y) for x in columns] for y in range(y0, height, dy)]


def predict(kind, left, up, corner):
    if kind == 4:
        guess = left + up - corner
        return min((left, up, corner), key=lambda one: abs(guess - one))
    return [0, left, up, (left + up) // 2][kind]


def filter_row(kind, row, before, step, is_encoding):
    """A row filtered, or brought back; `before` is the row above, not filtered."""
    result = bytearray()
    plain = row if is_encoding else result
    for at, byte in enumerate(row):
        left, corner = (plain[at - step], before[at - step]) if at >= step else (0, 0)
        guess = predict(kind, left, before[at], corner)
        result.append((byte - guess if is_encoding else byte + guess) % 256)
    return bytes(result)


def encode(width, height, depth, color, sample, interlace=0, extra=b""):
    """An image whose samples are `sample(x, y, channel)`; its rows take all filters in turn."""
    channels, raw, kind = CHANNELS[color], bytearray(), 0
    step = max(1, channels * depth // 8)
    for rows in passes(width, height, interlace):
        before = bytes((len(rows[0]) * channels * depth + 7) // 8) if rows else b""
        for row in rows:
            bits = "".join(format(sample(x, y, c), f"0{depth}b") for x, y in row for c in range(channels))
            packed = int(bits.ljust(len(before) * 8, "0"), 2).to_bytes(len(before), "big")
            raw += bytes([kind]) + filter_row(kind, packed, before, step, True)
            before, kind = packed, (kind + 1) % 5
    data = zlib.compress(bytes(raw), 9)
    # Two chunks: their border is nothing to the stream.
    half = len(data) // 2
    chunks = [chunk(b"IDAT", data[:half]), chunk(b"IDAT", data[half:])]
    return png(header(width, height, depth, color, interlace), extra, *chunks)


def decode(file):
    """Width, height, depth, colour type, and the pixels as 8-bit RGBA."""
    assert file.startswith(SIGNATURE)
    at, chunks = len(SIGNATURE), {}
    while at < len(file):
        length, kind = struct.unpack_from(">I4s", file, at)
        data = file[at + 8 : at + 8 + length]
        assert zlib.crc32(kind + data) == struct.unpack_from(">I", file, at + 8 + length)[0]
        chunks[kind] = chunks.get(kind, b"") + data
        at += 12 + length
    width, height, depth, color, _, _, interlace = struct.unpack(">IIBBBBB", chunks[b"IHDR"])
    raw, at, channels = zlib.decompress(chunks[b"IDAT"]), 0, CHANNELS[color]
    step = max(1, channels * depth // 8)
    pixels = bytearray(width * height * 4)
    for rows in passes(width, height, interlace):
        before = bytes((len(rows[0]) * channels * depth + 7) // 8) if rows else b""
        for row in rows:
            packed = raw[at + 1 : at + 1 + len(before)]
            before = filter_row(raw[at], packed, before, step, False)
            at += 1 + len(before)
            bits = int.from_bytes(before, "big")
            shift = len(before) * 8
            for x, y in row:
                samples = []
                for _ in range(channels):
                    shift -= depth
                    samples.append(bits >> shift & (1 << depth) - 1)
                place = 4 * (y * width + x)
                pixels[place : place + 4] = to_rgba(samples, depth, color, chunks)
    assert at == len(raw)
    return width, height, depth, color, bytes(pixels)


def to_rgba(samples, depth, color, chunks):
    if color == 3:
        index = samples[0]
        alphas = chunks.get(b"tRNS", b"")
        alpha = alphas[index] if index < len(alphas) else 255
        return chunks[b"PLTE"][3 * index : 3 * index + 3] + bytes([alpha])
    values = [value >> 8 if depth == 16 else value * 255 // ((1 << depth) - 1) for value in samples]
    if color in (0, 4):
        values = values[:1] * 3 + values[1:]
    return bytes(values if color in (4, 6) else values + [255])


def wave(top):
    """Samples from 0 to `top` that follow no line, and are the same everywhere: integers alone."""
    return lambda x, y, c: (x * x * 7 + y * y * 5 + x * y * (c + 2) + 40 * c) * top // 4099 % (top + 1)


PALETTE = chunk(b"PLTE", bytes(value * 37 % 256 for value in range(3 * 16)))
SHORT_ROWS = chunk(b"IDAT", zlib.compress(bytes(3 * 25)))

# In the order in which they are shown. Hostile ones come with what is to be said of them.
IMAGES = [
    ("01-rgb.png", encode(48, 32, 8, 2, wave(255))),
    ("02-not-a-png.png", b"GIF89a, or whatever else", "refused: InvalidMagicBytes"),
    ("03-interlaced.png", encode(61, 43, 8, 6, wave(255), interlace=1)),
    ("04-no-rows.png", png(header(8, 8, 8, 2), SHORT_ROWS), "the decoder crashed"),
    ("05-gray-1.png", encode(19, 7, 1, 0, wave(1))),
    ("06-huge.png", png(header(40000, 40000, 8, 6), SHORT_ROWS), "the decoder crashed"),
    ("07-gray-16.png", encode(33, 9, 16, 0, wave(65535))),
    ("08-bomb.png", png(header(64, 64, 8, 2), chunk(b"IDAT", zlib.compress(bytes(8 << 20), 9))), "the decoder crashed"),
    ("09-palette.png", encode(30, 30, 4, 3, wave(15), extra=PALETTE + chunk(b"tRNS", bytes([0, 80, 160])))),
    ("10-no-palette.png", encode(4, 4, 8, 3, wave(255)), "the decoder crashed"),
    ("11-short-transparency.png", encode(4, 4, 8, 0, wave(255), extra=chunk(b"tRNS", b"x")), "the decoder crashed"),
    ("12-gray-alpha.png", encode(17, 23, 8, 4, wave(255), interlace=1)),
    ("13-bad-crc.png", encode(9, 9, 8, 2, wave(255))[:-1] + b"!", "refused: IncorrectChunkCrc"),
    ("14-cut.png", encode(9, 9, 8, 2, wave(255))[:120], "refused: MissingBytes"),
    ("15-empty.png", b"", "refused: MissingBytes"),
    ("16-rgb-16.png", encode(12, 40, 16, 2, wave(65535))),
]


def main():
    lines = []
    for name, file, *verdict in IMAGES:
        (FOLDER / name).write_bytes(file)
        if not verdict:
            width, height, depth, color, pixels = decode(file)
            digest = hashlib.sha256(pixels).hexdigest()
            verdict = [f"{width} x {height}, {depth}-bit {COLORS[color]}, sha256 {digest}"]
        lines.append(f"{name}: {verdict[0]}\n")
    (FOLDER / "expected.txt").write_text("".join(lines))


main()
