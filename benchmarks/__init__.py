"""How fast chatcore is, and whether it keeps its budgets: `python -m benchmarks`. README.md says how to read it."""
