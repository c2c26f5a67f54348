"""HTTP in and out. Nothing below this package knows HTTP."""
