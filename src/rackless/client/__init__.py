"""The HTTP client over the server's unix socket; starts the server on first use."""
