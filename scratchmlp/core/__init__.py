"""The pure core: no file, clock, screen, environment or global state; NumPy and toolz alone."""
