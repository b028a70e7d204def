"""What Python has no call for: where this thread's stack, stack pointer and errno lie; bare system calls."""

from __future__ import annotations

import ctypes
import os

# Byte offsets of the stack pointer in ucontext_t: gregs[REG_RSP], and uc_mcontext.sp.
STACK_POINTER = {"x86_64": 160, "aarch64": 432}
SYS_SETRESUID = {"x86_64": 117, "aarch64": 147}
CONTEXT = 8192  # bytes, more than any ucontext_t

_libc = ctypes.CDLL(None, use_errno=True)
_libc.getenv.restype = ctypes.c_char_p


def getenv(name: str) -> str:
    """The C library's variable; "" if there is none."""
    return (_libc.getenv(name.encode()) or b"").decode(errors="replace")


def errno_place() -> str:
    """Where this thread's errno lies, and in whose memory."""
    where = _libc.__errno_location
    where.restype = ctypes.c_void_p
    return f"{where():#x} in process {os.getpid()}"


def knows_registers() -> bool:
    """Whether the place of the stack pointer in a context is known for this machine."""
    return os.uname().machine in STACK_POINTER


def stack_pointer() -> str:
    """Which stack the register points into: that of `getcontext` as it is called from here."""
    return f"a place in the stack {_named(_mapping_of(_stack_pointer()))}"


def stack() -> str:
    """The stack on which this runs, by pthread_getattr_np(3), and in whose memory."""
    attributes, low, size = ctypes.create_string_buffer(128), ctypes.c_void_p(), ctypes.c_size_t()
    myself = _libc.pthread_self
    myself.restype = ctypes.c_ulong
    if _libc.pthread_getattr_np(ctypes.c_ulong(myself()), attributes):
        raise OSError("pthread_getattr_np refused")
    _libc.pthread_attr_getstack(attributes, ctypes.byref(low), ctypes.byref(size))
    _libc.pthread_attr_destroy(attributes)
    return _named((low.value or 0) + size.value)


def _stack_pointer() -> int:
    buffer = ctypes.create_string_buffer(CONTEXT)
    if _libc.getcontext(buffer):
        raise OSError(ctypes.get_errno(), "getcontext refused")
    at = STACK_POINTER[os.uname().machine]
    return int.from_bytes(buffer.raw[at : at + 8], "little")


def _mapping_of(address: int) -> int:
    """The end of the mapping in which an address lies; a main stack grows at its other end."""
    with open("/proc/thread-self/maps", encoding="utf-8", errors="replace") as lines:  # noqa: PTH123 - by line
        for line in lines:
            low, high = (int(one, 16) for one in line.split(" ", 1)[0].split("-"))
            if low <= address < high:
                return high
    raise OSError(f"{address:#x} is in no mapping")


def _named(end: int) -> str:
    return f"below {end:#x} in process {os.getpid()}"


def knows_setresuid() -> bool:
    """Whether the number of the system call is known for this machine."""
    return os.uname().machine in SYS_SETRESUID


def raw_setresuid(user: int) -> None:
    """The effective user of this thread alone: past the C library, which would tell the others. OSError."""
    if _libc.syscall(SYS_SETRESUID[os.uname().machine], -1, user, -1):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
