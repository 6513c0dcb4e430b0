"""What the server does by itself as long as it lives, each a task: heartbeats."""
