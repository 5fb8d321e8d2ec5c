"""Parcels: what the counter hands in, and what the workers do with it."""
VERSION = "1.0.0"
