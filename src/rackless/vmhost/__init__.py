"""A VM host: the machine under a router, which its administrative guest looks after (docs/reference/vmhost-channel.md)."""
