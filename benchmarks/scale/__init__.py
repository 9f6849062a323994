"""How chatcore keeps up with 100,000, a million and 10 million messages: `python -m benchmarks.scale`."""
