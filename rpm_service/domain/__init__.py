"""Decides: metrics, limits, alarm conditions and alarm signals, as pure functions of state and time."""
