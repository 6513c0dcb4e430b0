"""The HTTP API: one file a noun. Bodies are typed; an error is `{code, message, hint, problems}` with the status of its kind."""
