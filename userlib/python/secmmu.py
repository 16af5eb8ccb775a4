# SPDX-License-Identifier: LGPL-2.1-or-later
"""Jobs for a secmmu device on numpy arrays, as they are.

    import numpy, secmmu

    with secmmu.Device() as device, device.queue() as queue:
        x = numpy.arange(1000, dtype=numpy.float32)
        y = numpy.ones_like(x)
        queue.saxpy(y, 2.0, x)          # y += 2 * x, by the device

A thin layer over libsecmmu: no array is copied, pinned or converted, the
device is handed its memory. So an array has to be contiguous and of the type
that the job works on, else ValueError or TypeError. What the library returns
as an error is raised as OSError, with its errno.

Every call waits until its job is done, with the interpreter's lock released. A
queue belongs to one thread at a time; different queues may be used at the same
time. After a fork the child gets EPERM.
"""
import ctypes
import os

import numpy

_lib = ctypes.CDLL("libsecmmu.so.1")
_size = ctypes.c_size_t
_pointer = ctypes.c_void_p

# struct secmmu and struct secmmu_queue are the library's own business; both are
# smaller than this in its first major version.
_OPAQUE = 1024


def _function(name, *arguments):
    function = getattr(_lib, "secmmu_" + name)
    function.argtypes = arguments
    function.restype = ctypes.c_int
    return function


_open = _function("open", _pointer, ctypes.c_char_p)
_queue_init = _function("queue_init", _pointer, _pointer, ctypes.c_uint,
                        ctypes.c_uint)
_fill = _function("fill", _pointer, _pointer, ctypes.c_uint64, _size)
_copy = _function("copy", _pointer, _pointer, _pointer, _size)
_compare = _function("compare", _pointer, _pointer, _pointer, _size,
                     ctypes.POINTER(_size))
_crc32c = _function("crc32c", _pointer, _pointer, _size,
                    ctypes.POINTER(ctypes.c_uint32))
_reduce_u64 = _function("reduce_u64", _pointer, _pointer, _size,
                        ctypes.POINTER(ctypes.c_uint64))
_reduce_f32 = _function("reduce_f32", _pointer, _pointer, _size,
                        ctypes.POINTER(ctypes.c_double))
_atomic_add = _function("atomic_add", _pointer, _pointer, ctypes.c_uint,
                        ctypes.c_uint64, ctypes.POINTER(ctypes.c_uint64))
_atomic_cas = _function("atomic_cas", _pointer, _pointer, ctypes.c_uint,
                        ctypes.c_uint64, ctypes.c_uint64,
                        ctypes.POINTER(ctypes.c_uint64))
_list_walk = _function("list_walk", _pointer, _pointer, _size, _size,
                       ctypes.c_uint64, ctypes.POINTER(ctypes.c_uint64),
                       ctypes.POINTER(ctypes.c_uint64))
_gather = _function("gather", _pointer, _pointer, _pointer, _size, _size)
_scatter = _function("scatter", _pointer, _pointer, _pointer, _size, _size)
_saxpy = _function("saxpy", _pointer, _pointer, ctypes.c_float, _pointer,
                   _size)
_gemm = _function("gemm", _pointer, _pointer, _pointer, _pointer,
                  ctypes.c_uint, ctypes.c_uint, ctypes.c_uint)
for _name in ("close", "queue_exit"):
    getattr(_lib, "secmmu_" + _name).argtypes = [_pointer]
    getattr(_lib, "secmmu_" + _name).restype = None


def _check(what, ret):
    if ret < 0:
        raise OSError(-ret, what + ": " + os.strerror(-ret))


def _memory(array, dtype=None, write=False):
    """The address of an array's memory, if a job can use it."""
    if not isinstance(array, numpy.ndarray):
        raise TypeError("not a numpy array")
    if array.dtype.hasobject:
        raise TypeError("an array of Python objects has no bytes for a device")
    if not array.flags.c_contiguous:
        raise ValueError("the array is not contiguous")
    if write and not array.flags.writeable:
        raise ValueError("the array is read-only")
    if dtype is not None and array.dtype != dtype:
        raise TypeError("an array of %s is wanted, not of %s" %
                        (numpy.dtype(dtype), array.dtype))
    return array.ctypes.data


def _word(array):
    """The address of a word, which is an array of one."""
    memory = _memory(array, write=True)
    if array.dtype not in (numpy.uint32, numpy.uint64):
        raise TypeError("a uint32 or uint64 is wanted, not %s" % array.dtype)
    if array.size != 1:
        raise ValueError("one word is wanted, as in a[i:i+1]")
    return memory


def _offset(array, field):
    """Where in a node the device finds a field."""
    if field not in (array.dtype.names or ()):
        raise TypeError("the nodes have no field '%s'" % field)
    if array.dtype[field] != numpy.uint64:
        raise TypeError("the field '%s' is no uint64" % field)
    return array.dtype.fields[field][1]


class Device:
    """An open device (a context). path: the node, or None for /dev/secmmu0."""

    def __init__(self, path=None):
        self._context = ctypes.create_string_buffer(_OPAQUE)
        self._is_open = False
        self._queues = set()
        _check("open", _open(self._context,
                             os.fsencode(path) if path else None))
        self._is_open = True

    def queue(self, entries=64):
        """A queue for up to that many jobs; a power of two."""
        if not self._is_open:
            raise ValueError("the device is closed")
        queue = Queue(self, entries)
        self._queues.add(queue)
        return queue

    def close(self):
        """Close it, and those of its queues that are still open."""
        if self._is_open:
            self._is_open = False
            for queue in list(self._queues):
                queue.close()
            _lib.secmmu_close(self._context)

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.close()


class Queue:
    """A queue, made by Device.queue(). Arrays are given to its jobs."""

    def __init__(self, device, entries):
        self._device = device
        self._queue = ctypes.create_string_buffer(_OPAQUE)
        self._is_open = False
        _check("queue", _queue_init(self._queue, device._context, entries, 0))
        self._is_open = True

    def close(self):
        """End the queue; no job of it touches memory afterwards."""
        if self._is_open:
            self._is_open = False
            _lib.secmmu_queue_exit(self._queue)
            self._device._queues.discard(self)

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.close()

    def _call(self, what, function, *arguments):
        if not self._is_open:
            raise ValueError("the queue is closed")
        _check(what, function(self._queue, *arguments))

    def fill(self, array, pattern=0):
        """Every 8 bytes of the array become pattern, an unsigned integer."""
        self._call("fill", _fill, _memory(array, write=True), pattern,
                   array.nbytes)

    def copy(self, to, source):
        """to[...] = source, byte by byte; both as many bytes long."""
        memory = _memory(to, write=True), _memory(source)
        if to.nbytes != source.nbytes:
            raise ValueError("arrays of two lengths")
        self._call("copy", _copy, *memory, to.nbytes)

    def compare(self, a, b):
        """The offset of the first byte that differs, or None."""
        memory = _memory(a), _memory(b)
        if a.nbytes != b.nbytes:
            raise ValueError("arrays of two lengths")
        at = _size()
        self._call("compare", _compare, *memory, a.nbytes, ctypes.byref(at))
        return at.value if at.value < a.nbytes else None

    def crc32c(self, array, crc=0):
        """CRC-32C of the array's bytes; crc continues an earlier one."""
        value = ctypes.c_uint32(crc)
        self._call("crc32c", _crc32c, _memory(array), array.nbytes,
                   ctypes.byref(value))
        return value.value

    def sum(self, array):
        """The sum of uint64 (modulo 2**64) or float32 (as a double)."""
        memory = _memory(array)
        if array.dtype == numpy.float32:
            function, value = _reduce_f32, ctypes.c_double()
        elif array.dtype == numpy.uint64:
            function, value = _reduce_u64, ctypes.c_uint64()
        else:
            raise TypeError("an array of uint64 or float32 is wanted, not of %s"
                            % array.dtype)
        self._call("sum", function, memory, array.size, ctypes.byref(value))
        return value.value

    def atomic_add(self, word, add):
        """word += add, in one step for CPUs too; the word before is returned.

        A uint32 or uint64 of an array, as a[i:i+1].
        """
        old = ctypes.c_uint64()
        self._call("atomic_add", _atomic_add, _word(word), word.itemsize, add,
                   ctypes.byref(old))
        return old.value

    def atomic_cas(self, word, expected, desired):
        """The word becomes desired if it is expected; returned as it was."""
        old = ctypes.c_uint64()
        self._call("atomic_cas", _atomic_cas, _word(word), word.itemsize,
                   expected, desired, ctypes.byref(old))
        return old.value

    def list_walk(self, nodes, link, payload, max_nodes):
        """The sum of payloads (modulo 2**64) from nodes[0] on, and how many.

        link and payload name fields of a structured array, both uint64. A link
        is the address of the next node, wherever that is, or 0. A list of more
        than max_nodes is an OSError, E2BIG.
        """
        memory = _memory(nodes)
        total, visited = ctypes.c_uint64(), ctypes.c_uint64()
        if not nodes.size:
            raise ValueError("there is no first node")
        self._call("list_walk", _list_walk, memory, _offset(nodes, link),
                   _offset(nodes, payload), max_nodes, ctypes.byref(total),
                   ctypes.byref(visited))
        return total.value, visited.value

    def gather(self, to, addresses):
        """to[i] = the element at addresses[i], a uint64."""
        memory = _memory(to, write=True), _memory(addresses, numpy.uint64)
        if to.size != addresses.size:
            raise ValueError("arrays of two lengths")
        self._call("gather", _gather, *memory, to.itemsize, to.size)

    def scatter(self, addresses, source):
        """The element at addresses[i] = source[i]."""
        memory = _memory(addresses, numpy.uint64), _memory(source)
        if source.size != addresses.size:
            raise ValueError("arrays of two lengths")
        self._call("scatter", _scatter, *memory, source.itemsize, source.size)

    def saxpy(self, y, a, x):
        """y += a * x, float32."""
        memory = _memory(y, numpy.float32, True), _memory(x, numpy.float32)
        if x.size != y.size:
            raise ValueError("arrays of two lengths")
        self._call("saxpy", _saxpy, memory[0], a, memory[1], x.size)

    def gemm(self, a, b, c=None):
        """The matrix product a @ b, float32; into c if it is given."""
        memory = _memory(a, numpy.float32), _memory(b, numpy.float32)
        if a.ndim != 2 or b.ndim != 2 or a.shape[1] != b.shape[0]:
            raise ValueError("these are no matrices to multiply")
        shape = (a.shape[0], b.shape[1])
        if c is None:
            c = numpy.empty(shape, numpy.float32)
        result = _memory(c, numpy.float32, True)
        if c.shape != shape:
            raise ValueError("the result has another shape")
        self._call("gemm", _gemm, result, *memory, shape[0], shape[1],
                   a.shape[1])
        return c
