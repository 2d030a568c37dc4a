"""Calls out: https, signed, again and again until they are taken."""
