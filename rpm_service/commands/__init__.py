"""What a person types: one file per command, composed by rpm_service.cli."""
