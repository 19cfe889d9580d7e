"""What a running process has cost so far, from /proc."""

import os
import pathlib

TICKS = os.sysconf("SC_CLK_TCK")


def cpu_s(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def peak_mb(pid):
    for entry in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if entry.startswith("VmHWM"):
            return int(entry.split()[1]) // 1024
    return 0
