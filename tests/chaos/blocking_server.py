"""`rpm-service`, but its event loop is blocked on demand: the product itself has no such points.

SIGUSR1 blocks it for a second, SIGUSR2 for a minute. RPM_BLOCKED_S_MAX, where it is set, is how
long its watchdog bears that.
"""

import os
import signal
import time

from rpm_service import cli
from rpm_service.commands import watchdog

MOMENT_S, LONG_S = 1.0, 60.0


def main() -> None:
    watchdog.BLOCKED_S_MAX = float(os.environ.get("RPM_BLOCKED_S_MAX", watchdog.BLOCKED_S_MAX))
    # A handler runs on the thread of the event loop, between two instructions.
    signal.signal(signal.SIGUSR1, lambda *_: time.sleep(MOMENT_S))
    signal.signal(signal.SIGUSR2, lambda *_: time.sleep(LONG_S))
    cli.main()


if __name__ == "__main__":
    main()
