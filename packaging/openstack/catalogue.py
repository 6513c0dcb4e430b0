"""Fill the new keystone: services and where they are, the services' own user, and a project of a user without privileges."""

import sys

from configuration import GLANCE, NEUTRON, NOVA, PASSWORD, PLACEMENT

import openstack

cloud = openstack.connect(cloud=sys.argv[1])
identity = cloud.identity
SERVICES = {"image": GLANCE, "placement": PLACEMENT, "network": NEUTRON, "compute": f"{NOVA}/v2.1"}
for kind, url in SERVICES.items():
    service = identity.create_service(type=kind, name=kind)
    identity.create_endpoint(service_id=service.id, interface="public", region_id="RegionOne", url=url)
roles = {role.name: role for role in identity.roles()}
# Admin and service: without the second, detaching an interface fails with nothing but a line in nova's log.
for name, wanted in (("service", ("admin", "service")), ("tenant", ("member",))):
    project = identity.create_project(name=name, domain_id="default")
    user = identity.create_user(name=name, password=PASSWORD, domain_id="default", default_project_id=project.id)
    for role in wanted:
        identity.assign_project_role_to_user(project, user, roles[role])
