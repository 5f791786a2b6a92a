"""AAS2RTO: a greedy follow-up prioritisation scheduler for astronomical transients.

The seven steps of one cycle stand in :mod:`aas2rto.loop`; the method is that of
A&A 698, A153 (2025), doi:10.1051/0004-6361/202452099.
"""

__version__ = "0.1.0"
