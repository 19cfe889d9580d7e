"""File systems of a test's own: the process gets mounts that nobody else sees, and lays them on folders."""

import errno
import fcntl
import os
import pathlib
import stat
import struct
import subprocess
import sys
import tempfile
import unittest
import uuid

from node_process import run_tests

INSIDE = "WEIR_TEST_MOUNTS"  # set for the process that has mounts of its own
BOOT_ID = "/proc/sys/kernel/random/boot_id"
LOOP_CONTROL, LOOP_CTL_GET_FREE, LOOP_MAJOR = "/dev/loop-control", 0x4C82, 7
EXT4_IOC_SHUTDOWN, NO_LOG_FLUSH = 0x8004587D, 2


def run_tests_with_own_mounts():
    if INSIDE not in os.environ and may_mount():
        os.execvpe("unshare", ["unshare", "-m", "--propagation", "private", sys.executable, *sys.argv],
                   {**os.environ, INSIDE: "1"})
    run_tests()


def may_mount():
    return os.geteuid() == 0 and subprocess.run(["unshare", "-m", "true"], capture_output=True).returncode == 0


def require_mounts():
    """Skips where the test's user may not mount; fails instead where everything is required."""
    if INSIDE in os.environ:
        return
    if os.environ.get("WEIR_REQUIRE_SERVERS") == "1":
        raise AssertionError("only root may mount a small file system")
    raise unittest.SkipTest("only root may mount a small file system")


def require_ext4():
    """The same for a file system in a file. A kernel that has no loop device or no ext4 excuses from it."""
    require_mounts()
    if "ext4" not in pathlib.Path("/proc/filesystems").read_text():
        raise unittest.SkipTest("this kernel has no ext4")
    try:
        free_loop_device()
    except OSError as problem:
        if problem.errno in (errno.ENOENT, errno.ENODEV, errno.ENXIO):
            raise unittest.SkipTest(f"this kernel has no loop devices: {problem}") from None
        raise


def free_loop_device():
    """Makes the device files where nobody did, as in a container."""
    if not os.path.exists(LOOP_CONTROL):
        os.mknod(LOOP_CONTROL, 0o600 | stat.S_IFCHR, os.makedev(10, 237))
    control = os.open(LOOP_CONTROL, os.O_RDWR)
    try:
        number = fcntl.ioctl(control, LOOP_CTL_GET_FREE)
    finally:
        os.close(control)
    if not os.path.exists(f"/dev/loop{number}"):
        os.mknod(f"/dev/loop{number}", 0o600 | stat.S_IFBLK, os.makedev(LOOP_MAJOR, number))


def call(*words):
    done = subprocess.run([str(w) for w in words], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, f"{words}: {done.stdout}{done.stderr}"


class memory_disk:
    """A tmpfs."""

    def __init__(self, at, size_mib):
        self.at = at
        at.mkdir()
        call("mount", "-t", "tmpfs", "-o", f"size={size_mib}m", "tmpfs", at)

    def remove(self):
        subprocess.run(["umount", "-l", self.at], check=False)


class ext4_disk:
    """An ext4 in a file beside the folder. commit_s: how often its journal is written where nobody syncs."""

    def __init__(self, at, size_mib, commit_s=5):
        self.at, self.commit_s = at, commit_s
        at.mkdir()
        self.image = at.with_suffix(".img")
        self.image.touch()
        os.truncate(self.image, size_mib << 20)
        call("mkfs.ext4", "-q", "-F", "-m", "0", "-E", "lazy_itable_init=0,lazy_journal_init=0", self.image)
        self.mount()

    def mount(self):
        free_loop_device()
        call("mount", "-t", "ext4", "-o", f"loop,commit={self.commit_s}", self.image, self.at)

    def cut(self):
        """From here on nothing reaches the file any more, neither data nor journal, as when the power goes."""
        folder = os.open(self.at, os.O_RDONLY)
        try:
            fcntl.ioctl(folder, EXT4_IOC_SHUTDOWN, struct.pack("I", NO_LOG_FLUSH))
        finally:
            os.close(folder)

    def power_up(self):
        """After cut(), once nobody has files open: the machine boots anew with what the file holds."""
        call("umount", self.at)
        self.mount()
        boot_id.change()

    def remove(self):
        subprocess.run(["umount", "-l", self.at], check=False)


class boot_id:
    """What this process and its children read as the machine's: one file lies over it, for as long as they run."""

    file = None

    @classmethod
    def change(cls):
        if cls.file is None:
            cls.file = tempfile.NamedTemporaryFile(prefix="weir-boot-id-", mode="w")
            call("mount", "--bind", cls.file.name, BOOT_ID)
        cls.file.seek(0)
        cls.file.write(f"{uuid.uuid4()}\n")
        cls.file.flush()
