"""Messengers: one channel per file; each delivers a `Message` and says how that went."""

from __future__ import annotations

from aas2rto.registry import Registry

MESSENGERS = Registry("messenger", __name__)
messenger = MESSENGERS.register
