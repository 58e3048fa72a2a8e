"""Derivatives for research: in directions, of single examples, in the inputs, and curvature."""
