"""Measurements: ratios against peers in one interleaved run, never timed tests."""
