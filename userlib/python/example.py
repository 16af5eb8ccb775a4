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

    # Pointers: the nodes of a list, in any order, and elements by address.
    nodes = numpy.zeros(1000, [("value", numpy.uint64), ("next", numpy.uint64)])
    order = numpy.random.default_rng(3).permutation(999) + 1
    order = numpy.concatenate(([0], order)).astype(numpy.uint64)
    places = numpy.uint64(nodes.ctypes.data) + order * numpy.uint64(nodes.itemsize)
    nodes["next"][order[:-1]] = places[1:]
    nodes["value"] = order
    assert queue.list_walk(nodes, "next", "value", 1000) == (499500, 1000)
    try:
        queue.list_walk(nodes, "next", "value", 999)
    except OSError as e:
        assert e.errno == errno.E2BIG
    else:
        raise AssertionError("the list is longer")
    values = numpy.empty(1000, numpy.uint64)
    queue.gather(values, places)
    assert (values == nodes["value"][order]).all()
    queue.scatter(places, values + numpy.uint64(1))
    assert (nodes["value"] == order + numpy.uint64(1)).all()
    print("list_walk, gather, scatter: right")

    counters = numpy.array([5, 2**32 - 1], numpy.uint32)
    assert queue.atomic_add(counters[1:], 3) == 2**32 - 1
    assert queue.atomic_cas(counters[:1], 4, 7) == 5
    assert queue.atomic_cas(counters[:1], 5, 8) == 5
    assert counters.tolist() == [8, 2]
    assert queue.atomic_add(words[1:2], 2**64 - 1) == 1 and words[1] == 0
    print("atomic_add, atomic_cas: right")

    # An array in a file: numpy maps it, the device reads and writes it.
    in_file = numpy.memmap("/tmp/array", numpy.float32, "w+", shape=x.shape)
    queue.saxpy(in_file, 1.0, x)
    assert (in_file == x).all()
    print("an array in a file: right")

    for error, call in (
            (ValueError, lambda: queue.fill(words[::2])),
            (ValueError, lambda: queue.copy(copy, words[1:])),
            (ValueError, lambda: queue.saxpy(y, 2.0, x[1:])),
            (ValueError, lambda: queue.atomic_add(words, 1)),
            (ValueError, lambda: queue.gather(values, places[1:])),
            (ValueError, lambda: queue.scatter(places[1:], values)),
            (ValueError, lambda: queue.list_walk(nodes[:0], "next", "value", 1)),
            (TypeError, lambda: queue.atomic_cas(y[:1], 0, 1)),
            (TypeError, lambda: queue.gather(values, places.astype(">u8"))),
            (TypeError, lambda: queue.list_walk(words, "next", "value", 1)),
            (TypeError, lambda: queue.list_walk(nodes, "next", "other", 1)),
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
