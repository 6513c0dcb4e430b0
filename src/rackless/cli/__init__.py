"""The command line: an HTTP client of the server, one file a noun. Modules import what is slow inside their functions."""
