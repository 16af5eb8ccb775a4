# SPDX-License-Identifier: LGPL-2.1-or-later
"""The device beside numpy, on the same arrays. Usage: python3 example.py"""
import errno

import numpy

import secmmu

with secmmu.Device() as device, device.queue() as queue:
    x = numpy.arange(100000, dtype=numpy.float32)
    y = numpy.ones_like(x)
    want = y + 2 * x
    queue.saxpy(y, 2.0, x)
    assert (y == want).all()
    print("saxpy: numpy's result")

    a = numpy.random.default_rng(1).integers(0, 9, (60, 80))
    b = numpy.random.default_rng(2).integers(0, 9, (80, 40))
    c = queue.gemm(a.astype(numpy.float32), b.astype(numpy.float32))
    assert (c == a @ b).all()
    print("gemm: numpy's result")

    words = numpy.arange(1 << 20, dtype=numpy.uint64)
    assert queue.sum(words) == int(words.sum())
    copy = numpy.empty_like(words)
    queue.copy(copy, words)
    assert queue.compare(copy, words) is None
    copy[123456] += numpy.uint64(1)
    assert queue.compare(copy, words) == 123456 * 8
    queue.fill(copy)
    assert not copy.any()
    assert queue.crc32c(numpy.frombuffer(b"123456789", numpy.uint8)) == 0xe3069283
    print("sum, copy, compare, fill, crc32c: right")

    # An array in a file: numpy maps it, the device reads and writes it.
    in_file = numpy.memmap("/tmp/array", numpy.float32, "w+", shape=x.shape)
    queue.saxpy(in_file, 1.0, x)
    assert (in_file == x).all()
    print("an array in a file: right")

    for error, call in (
            (ValueError, lambda: queue.fill(words[::2])),
            (ValueError, lambda: queue.copy(copy, words[1:])),
            (ValueError, lambda: queue.saxpy(y, 2.0, x[1:])),
            (TypeError, lambda: queue.sum(words.astype(numpy.int32))),
            (TypeError, lambda: queue.sum(list(x))),
            (TypeError, lambda: queue.fill(numpy.array([[], {}], object))),
            (TypeError, lambda: queue.saxpy(y, 2.0, x.astype(">f4")))):
        try:
            call()
        except error:
            continue
        raise AssertionError("an array was taken that does not fit")
    print("arrays that do not fit are refused")

for closed in (device.queue, lambda: queue.fill(x)):
    try:
        closed()
    except ValueError:
        continue
    raise AssertionError("it is closed")

try:
    secmmu.Device("/dev/null/none")
except OSError as e:
    assert e.errno == errno.ENOTDIR
    print("no device:", e)
