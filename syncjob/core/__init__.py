"""Decide: values in, values out; no file, socket, clock, chance or log."""
