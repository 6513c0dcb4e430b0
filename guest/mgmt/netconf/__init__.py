"""NETCONF (RFC 6241, RFC 6242) and the dialect's own XML management protocol, inside the management daemon."""
