"""Checking in bulk (DOMAIN SH-14): many rows at once, files from a page, lists that are watched. No more data back than was sent in."""
