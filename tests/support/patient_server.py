"""`rpm-service`, but a turn of its event loop that takes long is no alarm.

How long it takes says something of the machine that the tests share, and nothing of the server;
the alarm would stand for a minute beside those that a test looks at.
"""

from math import inf

from rpm_service import cli
from rpm_service.application import monitoring


def main() -> None:
    monitoring.LAG_S_MAX = inf
    cli.main()


if __name__ == "__main__":
    main()
