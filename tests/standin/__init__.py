"""Local stand-ins for the live services, over real HTTP and the real Kafka protocol.

``python -m tests.standin`` starts all of them and prints their addresses and a config that uses
them. Their answers are the project's own, made in the form of the real ones; see `sky`.
"""
