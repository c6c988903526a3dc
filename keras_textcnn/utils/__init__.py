"""Devices, signals, locks and the terminal."""
