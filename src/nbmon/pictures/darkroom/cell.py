"""What the process of a job gives up before it looks at a stranger's bytes. It cannot take any of it back.

Its limits (setrlimit(2)), its rights if it has root's, and by a seccomp filter (seccomp(2)) every system call
that opens or changes a file by name, reaches the network, or another process. Landlock (landlock(7)) says
the same of files once more, where the kernel has it. The filter is written by hand: it is forty numbers, and
the bindings of libseccomp need that library on the machine. What it forbids fails with EPERM.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import platform
import resource
import signal
import struct

from nbmon.pictures.darkroom.limits import Limits, memory

NICENESS = 5  # plain pictures are sent before others are made
DESCRIPTORS = 32  # of which a handful are open
NOBODY = 65_534
PR_SET_PDEATHSIG, PR_SET_SECCOMP, PR_SET_NO_NEW_PRIVS = 1, 22, 38  # <linux/prctl.h>
SECCOMP_MODE_FILTER = 2
LANDLOCK_CREATE_RULESET, LANDLOCK_RESTRICT_SELF = 444, 446  # the same on all architectures
LANDLOCK_FILES = (1 << 13) - 1  # every right of the first version: nothing is opened, made or run by name

# <linux/audit.h>, and <asm/unistd.h> of each: files by name; network; programs and other processes; the rest
# of the kernel that a decoder has no business with.
_X86_64 = (
    0xC000003E,
    "2 76 82 83 84 85 86 87 88 90 92 94 132 133 188 189 235 257 258 259 260 261 263 264 265 266 268 280 303 "
    "304 316 437 452  "
    "41 42 43 49 50 53 288  "
    "57 58 59 62 101 200 310 311 322 424 434 438  "
    "155 161 165 166 248 250 272 298 308 321 323 425 426 427",
)
_AARCH64 = (
    0xC00000B7,
    "5 6 33 34 35 36 37 38 45 53 54 56 88 264 265 276 437 452  "
    "198 199 200 201 202 203 242  "
    "117 129 130 221 270 271 281 424 434 438  "
    "39 40 41 51 97 217 219 241 268 280 282 425 426 427",
)
ARCHITECTURES = {"x86_64": _X86_64, "aarch64": _AARCH64}
_libc = ctypes.CDLL(None, use_errno=True)
X32 = 0x40000000  # bit of the system calls of another ABI of x86-64
_LOAD, _EQUAL, _ABOVE, _RETURN = 0x20, 0x15, 0x35, 0x06  # <linux/bpf_common.h>
_ALLOW, _REFUSE = 0x7FFF0000, 0x00050001  # SECCOMP_RET_ALLOW, SECCOMP_RET_ERRNO with EPERM


def enter(limits: Limits, parent: int) -> None:
    """Give everything up, the filter where the kernel has it. Ends the process if `parent` is gone."""
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD):
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # EFBIG instead
    signal.set_wakeup_fd(-1)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    with contextlib.suppress(PermissionError):  # a unit of systemd may forbid it, and then bounds all of us
        os.nice(NICENESS)
    limit(resource.RLIMIT_AS, memory(limits, limits.pixels))
    limit(resource.RLIMIT_CPU, limits.cpu_seconds)
    limit(resource.RLIMIT_FSIZE, limits.result_bytes)
    limit(resource.RLIMIT_NOFILE, DESCRIPTORS)
    limit(resource.RLIMIT_CORE, 0)
    libc = _libc
    _be_nobody()
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)  # after setuid(2), which undoes it
    if os.getppid() != parent:  # it has died before that was said
        os._exit(0)
    libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    _no_files(libc)
    _few_calls(libc)


def limit(which: int, value: int) -> None:
    """Set one of the limits of setrlimit(2), or leave it where it is lower."""
    _, hard = resource.getrlimit(which)
    if hard != resource.RLIM_INFINITY:
        value = min(value, hard)
    resource.setrlimit(which, (value, value))


def _be_nobody() -> None:
    if os.geteuid() != 0:
        return
    with contextlib.suppress(PermissionError):  # of a root without these rights, as in a container
        os.setgroups([])
        os.setresgid(NOBODY, NOBODY, NOBODY)
        os.setresuid(NOBODY, NOBODY, NOBODY)


def _no_files(libc: ctypes.CDLL) -> None:
    rights = (ctypes.c_uint64 * 1)(LANDLOCK_FILES)
    rules = libc.syscall(LANDLOCK_CREATE_RULESET, ctypes.byref(rights), ctypes.sizeof(rights), 0)
    if rules >= 0:
        libc.syscall(LANDLOCK_RESTRICT_SELF, rules, 0)
        os.close(rules)


def program(machine: str) -> bytes:
    """The filter for that architecture, as BPF (struct sock_filter each); empty where it is not known."""
    if machine not in ARCHITECTURES:
        return b""
    architecture, numbers = ARCHITECTURES[machine]
    refused = [int(number) for number in numbers.split()]
    end = len(refused)
    lines = [
        (_LOAD, 0, 0, 4),  # seccomp_data.arch
        (_EQUAL, 0, end + 3, architecture),
        (_LOAD, 0, 0, 0),  # seccomp_data.nr
        (_ABOVE, end + 1, 0, X32),
        *((_EQUAL, end - i, 0, number) for i, number in enumerate(refused)),
        (_RETURN, 0, 0, _ALLOW),
        (_RETURN, 0, 0, _REFUSE),
    ]
    return b"".join(struct.pack("<HBBI", *line) for line in lines)


def _few_calls(libc: ctypes.CDLL) -> None:
    code = program(platform.machine())
    if not code:
        return

    class Program(ctypes.Structure):  # struct sock_fprog
        _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_char_p))

    given = Program(len(code) // 8, code)
    libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.byref(given), 0, 0)
