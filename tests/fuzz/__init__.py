"""What nobody would write, at every door: ``make fuzz MINUTES=10``, and a short run in the tests.

A *door* takes what comes from outside: a file, an answer of a service, a message, a word. It is
given damaged pieces of what was recorded (mutations go deeper than noise), and pieces put together
by its own grammar. See `tests.fuzz.door` for what must never happen.
"""
