"""The tests; a package, so that ``python -m tests.standin`` runs from the repository's root."""
