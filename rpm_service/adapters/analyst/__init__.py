"""Analyses, in a process of their own."""
