"""The faults that must be survived: number, what happens, and where. The single list of them.

`make faults` runs the tests of this folder; each names its fault by `@pytest.mark.fault(NUMBER)`.
A fault without a test counts as not survived.
"""

FAULTS: dict[int, str] = {
    1: "SIGKILL during download or copy, at each write and at random",
    2: "source slower than the timeout, or cut at half",
    3: "source changed under a fixed digest",
    4: "source file grows while it is read",
    5: "the same partition ingested twice at once",
    6: "SQL source dies in mid-cursor",
    7: "disk full",
    8: "file size limit",
    9: "disk quota",
    10: "EIO on fsync",
    11: "slow disk",
    12: "read-only file system, wrong owner",
    13: "out of memory in training",
    14: "an expectation raises",
    15: "validation killed between quarantine and acceptance",
    16: "quarantine unwritable",
    17: "SIGKILL in each DVC stage",
    18: "stale or empty DVC lock, its pid used again",
    19: "damaged DVC cache object",
    20: "missing DVC cache object",
    22: "push rejected, another run won",
    23: "run commit killed at each write",
    24: "Git state broken",
    32: "slot port taken",
    35: "deployer killed at each write",
    36: "two deployers, an old one wakes",
    37: "all processes killed at once",
    38: "champion killed under load",
    39: "champion frozen under load",
    40: "crash loop",
    42: "gateway killed",
    43: "route file truncated, invalid, edited in place, deleted",
    50: "scheduler and API server killed or stopped in mid-task",
    51: "run cleared and run again; two runs at once",
}
