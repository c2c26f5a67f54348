"""A package, so that its tests share one Chromium: fixtures live as long as tests of it follow each other."""
