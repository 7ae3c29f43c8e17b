"""Telling people: what goes out to services that they chose."""
