"""A time and a right ToO file."""

NOW = 61120.0
GOOD = "name: SN2026abc\nra: 10:20:30.5\ndec: -05:15:20\n"
