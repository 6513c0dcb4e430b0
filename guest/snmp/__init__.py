"""SNMP of the reference router: what snmpd asks by pass_persist. Standard library only; imports nothing of `rackless`."""
