"""Proofs on real processes: what goes wrong at a bedside, done on purpose. See docs/testing.md."""
