"""NAPALM's junos driver, unmodified: what it reads, and how it configures. Runs in .venv-clients; login on standard input."""

import json
import sys

import napalm

login = json.load(sys.stdin)
options = {"port": login["port"], "ssh_config_file": "/dev/null"}
with napalm.get_network_driver("junos")(login["host"], login["user"], login["password"], optional_args=options) as device:
    facts = device.get_facts()
    assert (facts["vendor"], facts["model"]) == ("Juniper", "VMX")
    assert {"ge-0/0/0", "ge-1/0/1"} <= set(facts["interface_list"])
    assert device.get_interfaces()["ge-0/0/0"]["is_up"]
    assert device.get_interfaces_counters()["ge-0/0/0"]["tx_octets"] > 0
    assert device.get_interfaces_ip()["ge-0/0/0.0"]["ipv4"] == {"10.0.0.1": {"prefix_length": 30}}
    assert any(row["interface"] == "em1.0" for row in device.get_arp_table())
    assert device.get_route_to("10.0.0.0/30")["10.0.0.0/30"][0]["protocol"] == "Direct"
    assert device.get_environment()["memory"]["available_ram"] > 0
    assert login["user"] in device.get_users()
    for name in ("bgp_neighbors", "bgp_neighbors_detail", "lldp_neighbors", "lldp_neighbors_detail", "ntp_servers", "ntp_stats",
                 "snmp_information", "optics", "probes_results", "network_instances", "ipv6_neighbors_table"):  # fmt: skip
        getattr(device, f"get_{name}")()
    assert device.ping("10.0.0.1", count=2)["success"]["packet_loss"] == 0
    assert device.traceroute("10.0.0.1")["success"][1]["probes"][1]["ip_address"] == "10.0.0.1"
    device.load_merge_candidate(config="set interfaces ge-1/0/1 description napalm")
    assert "napalm" in device.compare_config()
    device.commit_config(revert_in=120)
    assert device.has_pending_commit()
    device.confirm_commit()
    assert not device.has_pending_commit()
    device.rollback()
    device.load_replace_candidate(config=device.get_config()["running"])
    assert device.compare_config() == ""
    device.discard_config()
print("done")
