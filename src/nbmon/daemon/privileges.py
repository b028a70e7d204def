"""Becoming another user for good: groups, group, user, then the check that there is no way back.

See setresuid(2).
"""

from __future__ import annotations

import os

from nbmon.daemon.errors import DetachError


class Identity:
    """Who the daemon shall be.

    Names are looked up at once, so that a wrong one is told before anything forks.
    """

    def __init__(self, uid: int | str | None, gid: int | str | None, initgroups: bool = False) -> None:
        self.uid, own_gid, self.name = _user(uid)
        self.gid = _group(gid) if gid is not None else own_gid
        if self.uid is not None and self.gid is None:
            raise DetachError(f"user {uid} has no account that would name its group; give gid as well")
        self.initgroups = initgroups

    @property
    def owner(self) -> tuple[int, int]:
        """(uid, gid) as chown(2) takes them: -1 leaves one as it is."""
        return (-1 if self.uid is None else self.uid, -1 if self.gid is None else self.gid)

    def assume(self) -> None:
        """Become it; DetachError when that is not permitted, or can be taken back."""
        try:
            if self.gid is not None and (self.gid,) * 3 != os.getresgid():
                self._set_groups()
                os.setresgid(self.gid, self.gid, self.gid)
            elif self.uid is not None and (self.uid,) * 3 != os.getresuid():
                self._set_groups()
            if self.uid is not None and (self.uid,) * 3 != os.getresuid():
                os.setresuid(self.uid, self.uid, self.uid)
        except PermissionError as error:
            raise DetachError(
                f"cannot become {self}: not permitted; only root may change the user"
            ) from error
        self._check()

    def _set_groups(self) -> None:
        gid = os.getgid() if self.gid is None else self.gid
        if self.initgroups and self.name is not None:
            os.initgroups(self.name, gid)
        else:
            os.setgroups([gid])

    def _check(self) -> None:
        """No trust without a try: a step back that succeeds is a failure."""
        if self.uid in (None, 0):
            return
        for back in (os.setuid, os.setgid):
            if back is os.setgid and self.gid in (None, 0):
                continue
            try:
                back(0)
            except PermissionError:
                continue
            raise DetachError(f"became {self}, but root's rights can be taken back; refusing to run so")

    def __str__(self) -> str:
        return f"user {self.name or self.uid} (uid {self.uid}, gid {self.gid})"


def _user(uid: int | str | None) -> tuple[int | None, int | None, str | None]:
    """(uid, its own gid, its name); a number that no account has is taken as it stands."""
    if uid is None:
        return None, None, None
    import pwd

    try:
        entry = pwd.getpwnam(uid) if isinstance(uid, str) else pwd.getpwuid(uid)
    except KeyError:
        if isinstance(uid, int):
            return uid, None, None
        raise DetachError(f"there is no user {uid!r}; name one that `getent passwd` lists") from None
    return entry.pw_uid, entry.pw_gid, entry.pw_name


def _group(gid: int | str) -> int:
    if isinstance(gid, int):
        return gid
    import grp

    try:
        return grp.getgrnam(gid).gr_gid
    except KeyError:
        raise DetachError(f"there is no group {gid!r}; name one that `getent group` lists") from None
