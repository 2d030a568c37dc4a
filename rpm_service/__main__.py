"""`python -m rpm_service` is `rpm-service`."""

from rpm_service.cli import main

if __name__ == "__main__":
    main()
