"""One durable verb a file: deploy, connect, disconnect, link, restart, save, teardown; and what they share."""
