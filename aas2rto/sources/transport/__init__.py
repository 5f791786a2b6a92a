"""How services are reached: HTTP, Kafka, and the pace that each allows."""
