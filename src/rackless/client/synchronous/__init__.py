"""The client for everybody else. All but ways.py is written by packaging/generate_client.py out of `asynchronous`."""
