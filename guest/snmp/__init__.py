"""SNMP of the reference router: an AgentX sub-agent of snmpd with the router's own tables. Standard library only."""
