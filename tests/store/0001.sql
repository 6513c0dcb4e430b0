BEGIN TRANSACTION;
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('0001');
CREATE TABLE inventory (
	sandbox_id INTEGER NOT NULL, 
	router VARCHAR(32) NOT NULL, 
	document JSON NOT NULL, 
	taken FLOAT NOT NULL, 
	CONSTRAINT pk_inventory PRIMARY KEY (sandbox_id, router), 
	CONSTRAINT fk_inventory_sandbox_id FOREIGN KEY(sandbox_id) REFERENCES sandboxes (id) ON DELETE CASCADE
);
INSERT INTO "inventory" VALUES(1,'east','{"system_name": "east", "system_description": "Pretended router", "system_object_id": "1.3.6.1.4.1.8072.3.2.10", "chassis": "pretended", "serial": "", "cards": [{"slot": 0, "description": "card at 128.0.0.16", "serial": ""}], "ports": [{"name": "ge-0/0/0", "mac": "52:24:11:1d:7b:62", "speed": 1000000000, "mtu": 1500, "admin_up": true, "oper_up": true, "description": "", "addresses": [], "card": 0}]}',1.79528866258865714075e+09);
INSERT INTO "inventory" VALUES(1,'west','{"system_name": "west", "system_description": "Pretended router", "system_object_id": "1.3.6.1.4.1.8072.3.2.10", "chassis": "pretended", "serial": "", "cards": [{"slot": 0, "description": "card at 128.0.0.16", "serial": ""}], "ports": [{"name": "ge-0/0/0", "mac": "52:38:97:4c:92:22", "speed": 1000000000, "mtu": 1500, "admin_up": true, "oper_up": true, "description": "", "addresses": [], "card": 0}, {"name": "ge-0/0/1", "mac": "52:38:97:4c:92:23", "speed": 1000000000, "mtu": 1500, "admin_up": true, "oper_up": false, "description": "", "addresses": [], "card": 0}]}',1.79528866259429526332e+09);
CREATE TABLE job_events (
	job VARCHAR(64) NOT NULL, 
	number INTEGER NOT NULL, 
	time FLOAT NOT NULL, 
	step VARCHAR(128) NOT NULL, 
	kind VARCHAR(16) NOT NULL, 
	text TEXT NOT NULL, 
	CONSTRAINT pk_job_events PRIMARY KEY (job, number), 
	CONSTRAINT fk_job_events_job FOREIGN KEY(job) REFERENCES jobs (id) ON DELETE CASCADE
);
INSERT INTO "job_events" VALUES('one-deploy-5c4070e5',1,1.79528866203155040739e+09,'check','begin','checking that this place can bear the lab');
INSERT INTO "job_events" VALUES('one-deploy-5c4070e5',2,1.79528866203950524327e+09,'check','done','0.0 s');
INSERT INTO "job_events" VALUES('one-deploy-5c4070e5',3,1.79528866208561825755e+09,'make','begin','making 4 machines with their disks and internal networks');
INSERT INTO "job_events" VALUES('one-deploy-5c4070e5',4,1.79528866211476707459e+09,'make','done','0.0 s');
INSERT INTO "job_events" VALUES('one-deploy-5c4070e5',5,1.79528866213854908944e+09,'wire','begin','connecting the wires');
INSERT INTO "job_events" VALUES('one-deploy-5c4070e5',6,1.79528866214560961726e+09,'wire','done','0.0 s');
INSERT INTO "job_events" VALUES('one-deploy-5c4070e5',7,1.79528866222469782832e+09,'start east-vcp','begin','starting east-vcp');
INSERT INTO "job_events" VALUES('one-deploy-5c4070e5',8,1.79528866223721981047e+09,'start east-vcp','note','waiting for east-vcp to boot and answer on its host channel');
INSERT INTO "job_events" VALUES('one-deploy-5c4070e5',9,1.79528866223781371114e+09,'start east-vcp','done','0.0 s');
INSERT INTO "job_events" VALUES('one-deploy-5c4070e5',10,1.79528866224613285066e+09,'start west-vcp','begin','starting west-vcp');
INSERT INTO "job_events" VALUES('one-deploy-5c4070e5',11,1.79528866224665260313e+09,'start west-vfp0','begin','starting west-vfp0');
INSERT INTO "job_events" VALUES('one-deploy-5c4070e5',12,1.7952886622954843044e+09,'start west-vcp','note','waiting for west-vcp to boot and answer on its host channel');
INSERT INTO "job_events" VALUES('one-deploy-5c4070e5',13,1.79528866236354327202e+09,'start west-vfp0','note','waiting for west-vfp0 to boot and answer on its host channel');
INSERT INTO "job_events" VALUES('one-deploy-5c4070e5',14,1.79528866237059974665e+09,'start west-vcp','done','0.1 s');
INSERT INTO "job_events" VALUES('one-deploy-5c4070e5',15,1.79528866240327668194e+09,'start west-vfp0','done','0.2 s');
INSERT INTO "job_events" VALUES('one-deploy-5c4070e5',16,1.79528866242692112923e+09,'start east-vfp0','begin','starting east-vfp0');
INSERT INTO "job_events" VALUES('one-deploy-5c4070e5',17,1.79528866243612956997e+09,'start east-vfp0','note','waiting for east-vfp0 to boot and answer on its host channel');
INSERT INTO "job_events" VALUES('one-deploy-5c4070e5',18,1.79528866243769288065e+09,'start east-vfp0','done','0.0 s');
INSERT INTO "job_events" VALUES('one-deploy-5c4070e5',19,1.7952886624797849655e+09,'bootstrap east','begin','bootstrapping east over its serial line');
INSERT INTO "job_events" VALUES('one-deploy-5c4070e5',20,1.79528866248024487495e+09,'bootstrap west','begin','bootstrapping west over its serial line');
INSERT INTO "job_events" VALUES('one-deploy-5c4070e5',21,1.79528866248600888246e+09,'bootstrap east','note','waiting for the login prompt');
INSERT INTO "job_events" VALUES('one-deploy-5c4070e5',22,1.79528866248659539229e+09,'bootstrap west','note','waiting for the login prompt');
INSERT INTO "job_events" VALUES('one-deploy-5c4070e5',23,1.79528866248761272434e+09,'bootstrap east','note','waiting for east to take logins over SSH');
INSERT INTO "job_events" VALUES('one-deploy-5c4070e5',24,1.79528866248952031136e+09,'bootstrap west','note','waiting for west to take logins over SSH');
INSERT INTO "job_events" VALUES('one-deploy-5c4070e5',25,1.7952886624979143143e+09,'bootstrap east','done','0.0 s');
INSERT INTO "job_events" VALUES('one-deploy-5c4070e5',26,1.79528866249991655348e+09,'bootstrap west','done','0.0 s');
INSERT INTO "job_events" VALUES('one-deploy-5c4070e5',27,1.79528866251991939544e+09,'configure west','begin','loading the start-up configuration of west');
INSERT INTO "job_events" VALUES('one-deploy-5c4070e5',28,1.79528866252498173717e+09,'configure west','done','0.0 s');
INSERT INTO "job_events" VALUES('one-deploy-5c4070e5',29,1.79528866253097724916e+09,'configure east','begin','loading the start-up configuration of east');
INSERT INTO "job_events" VALUES('one-deploy-5c4070e5',30,1.79528866254590654377e+09,'ports west','begin','waiting for every port of west');
INSERT INTO "job_events" VALUES('one-deploy-5c4070e5',31,1.79528866254690480227e+09,'configure east','done','0.0 s');
INSERT INTO "job_events" VALUES('one-deploy-5c4070e5',32,1.79528866255502510067e+09,'ports west','done','0.0 s');
INSERT INTO "job_events" VALUES('one-deploy-5c4070e5',33,1.79528866255902099608e+09,'ports east','begin','waiting for every port of east');
INSERT INTO "job_events" VALUES('one-deploy-5c4070e5',34,1.79528866256391954423e+09,'ports east','done','0.0 s');
INSERT INTO "job_events" VALUES('one-deploy-5c4070e5',35,1.79528866258365345006e+09,'inventory east','begin','reading the inventory of east over SNMP');
INSERT INTO "job_events" VALUES('one-deploy-5c4070e5',36,1.79528866258950734139e+09,'inventory east','done','0.0 s');
INSERT INTO "job_events" VALUES('one-deploy-5c4070e5',37,1.79528866259107208248e+09,'inventory west','begin','reading the inventory of west over SNMP');
INSERT INTO "job_events" VALUES('one-deploy-5c4070e5',38,1.79528866259501481057e+09,'inventory west','done','0.0 s');
INSERT INTO "job_events" VALUES('one-deploy-5c4070e5',39,1.7952886626979987621e+09,'ready','begin','comparing what is there with the plan');
INSERT INTO "job_events" VALUES('one-deploy-5c4070e5',40,1.79528866270054435726e+09,'ready','done','0.0 s');
INSERT INTO "job_events" VALUES('two-deploy-ac0fcacf',1,1.79528866466950583462e+09,'check','begin','checking that this place can bear the lab');
INSERT INTO "job_events" VALUES('two-deploy-ac0fcacf',2,1.79528866467085719106e+09,'check','done','0.0 s');
INSERT INTO "job_events" VALUES('two-deploy-ac0fcacf',3,1.79528866468782353398e+09,'make','begin','making 4 machines with their disks and internal networks');
INSERT INTO "job_events" VALUES('two-deploy-ac0fcacf',4,1.79528866471783518795e+09,'make','done','0.0 s');
INSERT INTO "job_events" VALUES('two-deploy-ac0fcacf',5,1.7952886647835359573e+09,'wire','begin','connecting the wires');
INSERT INTO "job_events" VALUES('two-deploy-ac0fcacf',6,1.79528866483989024164e+09,'wire','done','0.0 s');
INSERT INTO "job_events" VALUES('two-deploy-ac0fcacf',7,1.79528866495019221306e+09,'start west-vcp','begin','starting west-vcp');
INSERT INTO "job_events" VALUES('two-deploy-ac0fcacf',8,1.79528866496214938161e+09,'start west-vcp','note','waiting for west-vcp to boot and answer on its host channel');
INSERT INTO "job_events" VALUES('two-deploy-ac0fcacf',9,1.7952886649634020328e+09,'start west-vcp','done','0.0 s');
INSERT INTO "job_events" VALUES('two-deploy-ac0fcacf',10,1.79528866496593546872e+09,'start east-vcp','begin','starting east-vcp');
INSERT INTO "job_events" VALUES('two-deploy-ac0fcacf',11,1.7952886649730775356e+09,'start west-vfp0','begin','starting west-vfp0');
INSERT INTO "job_events" VALUES('two-deploy-ac0fcacf',12,1.79528866500869488712e+09,'start east-vcp','note','waiting for east-vcp to boot and answer on its host channel');
INSERT INTO "job_events" VALUES('two-deploy-ac0fcacf',13,1.79528866501126551629e+09,'start east-vcp','done','0.0 s');
INSERT INTO "job_events" VALUES('two-deploy-ac0fcacf',14,1.7952886650252172947e+09,'start east-vfp0','begin','starting east-vfp0');
INSERT INTO "job_events" VALUES('two-deploy-ac0fcacf',15,1.79528866504713892934e+09,'start west-vfp0','note','waiting for west-vfp0 to boot and answer on its host channel');
INSERT INTO "job_events" VALUES('two-deploy-ac0fcacf',16,1.79528866507270121579e+09,'bootstrap west','begin','bootstrapping west over its serial line');
INSERT INTO "job_events" VALUES('two-deploy-ac0fcacf',17,1.79528866507395911213e+09,'start west-vfp0','done','0.1 s');
INSERT INTO "job_events" VALUES('two-deploy-ac0fcacf',18,1.79528866507553029065e+09,'bootstrap east','begin','bootstrapping east over its serial line');
INSERT INTO "job_events" VALUES('two-deploy-ac0fcacf',19,1.79528866515904712676e+09,'start east-vfp0','note','waiting for east-vfp0 to boot and answer on its host channel');
INSERT INTO "job_events" VALUES('two-deploy-ac0fcacf',20,1.79528866517030930515e+09,'start east-vfp0','done','0.2 s');
INSERT INTO "job_events" VALUES('two-deploy-ac0fcacf',21,1.79528866519164681438e+09,'bootstrap west','note','waiting for the login prompt');
INSERT INTO "job_events" VALUES('two-deploy-ac0fcacf',22,1.79528866519415426254e+09,'bootstrap east','note','waiting for the login prompt');
INSERT INTO "job_events" VALUES('two-deploy-ac0fcacf',23,1.795288665194987297e+09,'bootstrap west','note','waiting for west to take logins over SSH');
INSERT INTO "job_events" VALUES('two-deploy-ac0fcacf',24,1.79528866523178982734e+09,'bootstrap east','note','waiting for east to take logins over SSH');
INSERT INTO "job_events" VALUES('two-deploy-ac0fcacf',25,1.79528866527595615384e+09,'bootstrap west','done','0.2 s');
INSERT INTO "job_events" VALUES('two-deploy-ac0fcacf',26,1.79528866527768182761e+09,'bootstrap east','done','0.2 s');
INSERT INTO "job_events" VALUES('two-deploy-ac0fcacf',27,1.79528866532673740379e+09,'configure east','begin','loading the start-up configuration of east');
INSERT INTO "job_events" VALUES('two-deploy-ac0fcacf',28,1.79528866533138251309e+09,'configure west','begin','loading the start-up configuration of west');
INSERT INTO "job_events" VALUES('two-deploy-ac0fcacf',29,1.79528866534668493266e+09,'configure east','done','0.0 s');
INSERT INTO "job_events" VALUES('two-deploy-ac0fcacf',30,1.79528866537483930585e+09,'configure west','done','0.0 s');
INSERT INTO "job_events" VALUES('two-deploy-ac0fcacf',31,1.79528866538019013401e+09,'ports east','begin','waiting for every port of east');
INSERT INTO "job_events" VALUES('two-deploy-ac0fcacf',32,1.79528866541467714305e+09,'ports west','begin','waiting for every port of west');
INSERT INTO "job_events" VALUES('two-deploy-ac0fcacf',33,1.79528866541733813288e+09,'ports east','done','0.0 s');
INSERT INTO "job_events" VALUES('two-deploy-ac0fcacf',34,1.79528866550014591218e+09,'inventory east','begin','reading the inventory of east over SNMP');
INSERT INTO "job_events" VALUES('two-deploy-ac0fcacf',35,1.79528866550066065789e+09,'ports west','done','0.1 s');
INSERT INTO "job_events" VALUES('two-deploy-ac0fcacf',36,1.79528866550780415536e+09,'inventory east','done','0.0 s');
INSERT INTO "job_events" VALUES('two-deploy-ac0fcacf',37,1.79528866553434276577e+09,'inventory west','begin','reading the inventory of west over SNMP');
INSERT INTO "job_events" VALUES('two-deploy-ac0fcacf',38,1.79528866554474520684e+09,'inventory west','done','0.0 s');
INSERT INTO "job_events" VALUES('two-deploy-ac0fcacf',39,1.79528866564422035214e+09,'ready','begin','comparing what is there with the plan');
INSERT INTO "job_events" VALUES('two-deploy-ac0fcacf',40,1.79528866564638328552e+09,'ready','done','0.0 s');
INSERT INTO "job_events" VALUES('two-teardown-4d5439f0',1,1.79528866747256803516e+09,'remove','begin','removing all that carries the lab''s mark');
INSERT INTO "job_events" VALUES('two-teardown-4d5439f0',2,1.79528866750223875048e+09,'remove','done','0.0 s');
INSERT INTO "job_events" VALUES('two-teardown-4d5439f0',3,1.79528866751962280267e+09,'release','begin','giving back ports and secrets');
INSERT INTO "job_events" VALUES('two-teardown-4d5439f0',4,1.79528866752557730674e+09,'release','done','0.0 s');
INSERT INTO "job_events" VALUES('one-link-b836d02a',1,1.79528866903395247457e+09,'link','begin','putting the wire west:ge-0/0/0 -- east:ge-0/0/0 down');
INSERT INTO "job_events" VALUES('one-link-b836d02a',2,1.79528866903740119938e+09,'link','done','0.0 s');
CREATE TABLE jobs (
	id VARCHAR(64) NOT NULL, 
	sandbox_id INTEGER NOT NULL, 
	verb VARCHAR(16) NOT NULL, 
	arguments JSON NOT NULL, 
	state VARCHAR(16) NOT NULL, 
	error JSON, 
	result JSON, 
	started FLOAT NOT NULL, 
	ended FLOAT, 
	cancelled BOOLEAN NOT NULL, 
	resumed INTEGER NOT NULL, 
	CONSTRAINT pk_jobs PRIMARY KEY (id), 
	CONSTRAINT fk_jobs_sandbox_id FOREIGN KEY(sandbox_id) REFERENCES sandboxes (id) ON DELETE CASCADE
);
INSERT INTO "jobs" VALUES('one-deploy-5c4070e5',1,'deploy','{}','succeeded','null','null',1.79528866186309552194e+09,1.79528866270925164224e+09,0,0);
INSERT INTO "jobs" VALUES('two-deploy-ac0fcacf',2,'deploy','{}','succeeded','null','null',1.79528866462361836437e+09,1.79528866565875625613e+09,0,0);
INSERT INTO "jobs" VALUES('two-teardown-4d5439f0',2,'teardown','{}','succeeded','null','null',1.79528866743441152574e+09,1795288667.52488,0,0);
INSERT INTO "jobs" VALUES('one-link-b836d02a',1,'link','{"segment": "wire-d66d95eabb", "ends": ["west:ge-0/0/0", "east:ge-0/0/0"], "up": false}','succeeded','null','null',1.79528866901040196416e+09,1.79528866904388165475e+09,0,0);
CREATE TABLE machines (
	sandbox_id INTEGER NOT NULL, 
	name VARCHAR(64) NOT NULL, 
	owner VARCHAR(32) NOT NULL, 
	role VARCHAR(16) NOT NULL, 
	slot INTEGER, 
	state VARCHAR(16) NOT NULL, 
	reason TEXT NOT NULL, 
	since FLOAT NOT NULL, 
	configured BOOLEAN NOT NULL, 
	host_keys JSON NOT NULL, 
	transcript TEXT NOT NULL, 
	CONSTRAINT pk_machines PRIMARY KEY (sandbox_id, name), 
	CONSTRAINT fk_machines_sandbox_id FOREIGN KEY(sandbox_id) REFERENCES sandboxes (id) ON DELETE CASCADE
);
INSERT INTO "machines" VALUES(1,'west-vcp','west','controller',NULL,'running','it takes logins over SSH',1.79528866249909234051e+09,1,'["ssh-ed25519 3e3b3a1b0d267dfedbfa3d12c148319747d4424c4a2d2a4b90920b303e9348f8 west-vcp"]','/var/lib/rackless-kept/s/transcripts/one/west-vcp.log');
INSERT INTO "machines" VALUES(1,'west-vfp0','west','card',0,'running','it answers on its host channel',1.79528866239962983132e+09,0,'["ssh-ed25519 6ee5b62b5e2863095ae7cbb6ee367d80b13a760bd0f80baac6947ecfd5a5f636 west-vfp0"]','/var/lib/rackless-kept/s/transcripts/one/west-vfp0.log');
INSERT INTO "machines" VALUES(1,'east-vcp','east','controller',NULL,'running','it takes logins over SSH',1.79528866249603438372e+09,1,'["ssh-ed25519 da929b70967ee6ffb5c850986d66f5178b37974faab23c2acfd765f13db55a0d east-vcp"]','/var/lib/rackless-kept/s/transcripts/one/east-vcp.log');
INSERT INTO "machines" VALUES(1,'east-vfp0','east','card',0,'running','it answers on its host channel',1.79528866243705940248e+09,0,'["ssh-ed25519 1d5309ee289f414cae11a0f8e88e55f67722e17d167719f691b31d1b32047949 east-vfp0"]','/var/lib/rackless-kept/s/transcripts/one/east-vfp0.log');
CREATE TABLE pools (
	pool VARCHAR(16) NOT NULL, 
	value INTEGER NOT NULL, 
	sandbox_id INTEGER NOT NULL, 
	holder VARCHAR(96) NOT NULL, 
	CONSTRAINT pk_pools PRIMARY KEY (pool, value), 
	CONSTRAINT fk_pools_sandbox_id FOREIGN KEY(sandbox_id) REFERENCES sandboxes (id) ON DELETE CASCADE, 
	CONSTRAINT uq_pools_sandbox_id_pool_holder UNIQUE (sandbox_id, pool, holder)
);
INSERT INTO "pools" VALUES('console',9300,1,'west-vcp');
INSERT INTO "pools" VALUES('console',9301,1,'west-vfp0');
INSERT INTO "pools" VALUES('console',9302,1,'east-vcp');
INSERT INTO "pools" VALUES('console',9303,1,'east-vfp0');
INSERT INTO "pools" VALUES('forward',20000,1,'west-vcp ssh');
INSERT INTO "pools" VALUES('forward',20001,1,'west-vcp netconf');
INSERT INTO "pools" VALUES('forward',20002,1,'west-vcp snmp');
INSERT INTO "pools" VALUES('forward',20003,1,'east-vcp ssh');
INSERT INTO "pools" VALUES('forward',20004,1,'east-vcp netconf');
INSERT INTO "pools" VALUES('forward',20005,1,'east-vcp snmp');
CREATE TABLE ports (
	sandbox_id INTEGER NOT NULL, 
	machine VARCHAR(64) NOT NULL, 
	nic INTEGER NOT NULL, 
	owner VARCHAR(32) NOT NULL, 
	label VARCHAR(32) NOT NULL, 
	planned_mac VARCHAR(17) NOT NULL, 
	mac VARCHAR(17), 
	CONSTRAINT pk_ports PRIMARY KEY (sandbox_id, machine, nic), 
	CONSTRAINT fk_ports_sandbox_id FOREIGN KEY(sandbox_id) REFERENCES sandboxes (id) ON DELETE CASCADE, 
	CONSTRAINT uq_ports_sandbox_id_owner_label UNIQUE (sandbox_id, owner, label)
);
INSERT INTO "ports" VALUES(1,'west-vfp0',2,'west','ge-0/0/0','52:38:97:4c:92:22','52:38:97:4c:92:22');
INSERT INTO "ports" VALUES(1,'west-vfp0',3,'west','ge-0/0/1','52:38:97:4c:92:23','52:38:97:4c:92:23');
INSERT INTO "ports" VALUES(1,'east-vfp0',2,'east','ge-0/0/0','52:24:11:1d:7b:62','52:24:11:1d:7b:62');
CREATE TABLE sandboxes (
	id INTEGER NOT NULL, 
	name VARCHAR(32) NOT NULL, 
	state VARCHAR(16) NOT NULL, 
	reason TEXT NOT NULL, 
	digest VARCHAR(64) NOT NULL, 
	"plan" JSON NOT NULL, 
	created FLOAT NOT NULL, 
	since FLOAT NOT NULL, 
	boot_id VARCHAR(64) NOT NULL, 
	CONSTRAINT pk_sandboxes PRIMARY KEY (id)
);
INSERT INTO "sandboxes" VALUES(1,'one','ready','every machine, port and wire is there','6a2e386f57576ab1cd8ceddc730605ceabcf2685ed4a227a35f9645a2833a952','{"sandbox": "one", "provider": "fake", "blueprint": {"name": "one", "routers": [{"name": "west", "family": "reference", "cards": 1, "ports_per_card": 2, "controller_memory": null, "card_memory": null, "login": {"user": "lab", "password": null}, "snmp": {"community": null}, "fxp0": {"address": null, "gateway": null}, "startup": "west.set"}, {"name": "east", "family": "reference", "cards": 1, "ports_per_card": 1, "controller_memory": null, "card_memory": null, "login": {"user": "lab", "password": null}, "snmp": {"community": null}, "fxp0": {"address": null, "gateway": null}, "startup": null}], "hosts": [], "wires": [{"ends": [{"owner": "west", "port": "ge-0/0/0"}, {"owner": "east", "port": "ge-0/0/0"}]}], "files": [["west.set", "set system time-zone UTC\n"]]}, "machines": [{"sandbox": "one", "name": "west-vcp", "owner": "west", "family": "reference", "role": "controller", "image": "reference", "memory": 256, "vcpus": 1, "disks": [{"sandbox": "one", "name": "west-vcp-disk0", "image": "reference"}], "nics": [{"index": 0, "role": "management", "mac": "52:59:75:b1:99:c0", "label": "fxp0", "segment": null, "address": "172.29.241.42/16"}, {"index": 1, "role": "internal", "mac": "52:59:75:b1:99:c1", "label": "int", "segment": "west-internal", "address": "128.0.0.1/16"}], "slot": null, "console_port": 9300, "forwards": [{"service": "ssh", "proto": "tcp", "host_port": 20000, "guest_port": 22}, {"service": "netconf", "proto": "tcp", "host_port": 20001, "guest_port": 830}, {"service": "snmp", "proto": "udp", "host_port": 20002, "guest_port": 161}]}, {"sandbox": "one", "name": "west-vfp0", "owner": "west", "family": "reference", "role": "card", "image": "reference", "memory": 160, "vcpus": 1, "disks": [{"sandbox": "one", "name": "west-vfp0-disk0", "image": "reference"}], "nics": [{"index": 0, "role": "management", "mac": "52:38:97:4c:92:20", "label": "mgmt", "segment": null, "address": null}, {"index": 1, "role": "internal", "mac": "52:38:97:4c:92:21", "label": "int", "segment": "west-internal", "address": "128.0.0.16/16"}, {"index": 2, "role": "traffic", "mac": "52:38:97:4c:92:22", "label": "ge-0/0/0", "segment": null, "address": null}, {"index": 3, "role": "traffic", "mac": "52:38:97:4c:92:23", "label": "ge-0/0/1", "segment": null, "address": null}], "slot": 0, "console_port": 9301, "forwards": []}, {"sandbox": "one", "name": "east-vcp", "owner": "east", "family": "reference", "role": "controller", "image": "reference", "memory": 256, "vcpus": 1, "disks": [{"sandbox": "one", "name": "east-vcp-disk0", "image": "reference"}], "nics": [{"index": 0, "role": "management", "mac": "52:30:ac:cd:5f:e0", "label": "fxp0", "segment": null, "address": "172.29.72.95/16"}, {"index": 1, "role": "internal", "mac": "52:30:ac:cd:5f:e1", "label": "int", "segment": "east-internal", "address": "128.0.0.1/16"}], "slot": null, "console_port": 9302, "forwards": [{"service": "ssh", "proto": "tcp", "host_port": 20003, "guest_port": 22}, {"service": "netconf", "proto": "tcp", "host_port": 20004, "guest_port": 830}, {"service": "snmp", "proto": "udp", "host_port": 20005, "guest_port": 161}]}, {"sandbox": "one", "name": "east-vfp0", "owner": "east", "family": "reference", "role": "card", "image": "reference", "memory": 160, "vcpus": 1, "disks": [{"sandbox": "one", "name": "east-vfp0-disk0", "image": "reference"}], "nics": [{"index": 0, "role": "management", "mac": "52:24:11:1d:7b:60", "label": "mgmt", "segment": null, "address": null}, {"index": 1, "role": "internal", "mac": "52:24:11:1d:7b:61", "label": "int", "segment": "east-internal", "address": "128.0.0.16/16"}, {"index": 2, "role": "traffic", "mac": "52:24:11:1d:7b:62", "label": "ge-0/0/0", "segment": null, "address": null}], "slot": 0, "console_port": 9303, "forwards": []}], "segments": [{"sandbox": "one", "name": "west-internal", "kind": "internal", "ports": [{"sandbox": "one", "machine": "west-vcp", "nic": 1}, {"sandbox": "one", "machine": "west-vfp0", "nic": 1}], "mtu": 9600}, {"sandbox": "one", "name": "east-internal", "kind": "internal", "ports": [{"sandbox": "one", "machine": "east-vcp", "nic": 1}, {"sandbox": "one", "machine": "east-vfp0", "nic": 1}], "mtu": 9600}, {"sandbox": "one", "name": "wire-d66d95eabb", "kind": "wire", "ports": [{"sandbox": "one", "machine": "west-vfp0", "nic": 2}, {"sandbox": "one", "machine": "east-vfp0", "nic": 2}], "mtu": 9500}], "wires": [{"wire": {"ends": [{"owner": "west", "port": "ge-0/0/0"}, {"owner": "east", "port": "ge-0/0/0"}]}, "segment": "wire-d66d95eabb", "ports": [{"sandbox": "one", "machine": "west-vfp0", "nic": 2}, {"sandbox": "one", "machine": "east-vfp0", "nic": 2}]}]}',1.79528866179529643064e+09,1.79528866269924473764e+09,'bc76c118-2c7b-4457-86ca-86ebc8f4a800');
INSERT INTO "sandboxes" VALUES(2,'two','ended','nothing is left of it','a904f1ac68cb8f230c5ff20c4762c54130ceee3bb669189d2193db7af0fd4ea9','{"sandbox": "two", "provider": "fake", "blueprint": {"name": "two", "routers": [{"name": "west", "family": "reference", "cards": 1, "ports_per_card": 2, "controller_memory": null, "card_memory": null, "login": {"user": "lab", "password": null}, "snmp": {"community": null}, "fxp0": {"address": null, "gateway": null}, "startup": "west.set"}, {"name": "east", "family": "reference", "cards": 1, "ports_per_card": 1, "controller_memory": null, "card_memory": null, "login": {"user": "lab", "password": null}, "snmp": {"community": null}, "fxp0": {"address": null, "gateway": null}, "startup": null}], "hosts": [], "wires": [{"ends": [{"owner": "west", "port": "ge-0/0/0"}, {"owner": "east", "port": "ge-0/0/0"}]}], "files": []}, "machines": [{"sandbox": "two", "name": "west-vcp", "owner": "west", "family": "reference", "role": "controller", "image": "reference", "memory": 256, "vcpus": 1, "disks": [{"sandbox": "two", "name": "west-vcp-disk0", "image": "reference"}], "nics": [{"index": 0, "role": "management", "mac": "52:a9:f7:15:67:60", "label": "fxp0", "segment": null, "address": "172.29.12.80/16"}, {"index": 1, "role": "internal", "mac": "52:a9:f7:15:67:61", "label": "int", "segment": "west-internal", "address": "128.0.0.1/16"}], "slot": null, "console_port": 9304, "forwards": [{"service": "ssh", "proto": "tcp", "host_port": 20006, "guest_port": 22}, {"service": "netconf", "proto": "tcp", "host_port": 20007, "guest_port": 830}, {"service": "snmp", "proto": "udp", "host_port": 20008, "guest_port": 161}]}, {"sandbox": "two", "name": "west-vfp0", "owner": "west", "family": "reference", "role": "card", "image": "reference", "memory": 160, "vcpus": 1, "disks": [{"sandbox": "two", "name": "west-vfp0-disk0", "image": "reference"}], "nics": [{"index": 0, "role": "management", "mac": "52:8b:d0:7b:2d:c0", "label": "mgmt", "segment": null, "address": null}, {"index": 1, "role": "internal", "mac": "52:8b:d0:7b:2d:c1", "label": "int", "segment": "west-internal", "address": "128.0.0.16/16"}, {"index": 2, "role": "traffic", "mac": "52:8b:d0:7b:2d:c2", "label": "ge-0/0/0", "segment": null, "address": null}, {"index": 3, "role": "traffic", "mac": "52:8b:d0:7b:2d:c3", "label": "ge-0/0/1", "segment": null, "address": null}], "slot": 0, "console_port": 9305, "forwards": []}, {"sandbox": "two", "name": "east-vcp", "owner": "east", "family": "reference", "role": "controller", "image": "reference", "memory": 256, "vcpus": 1, "disks": [{"sandbox": "two", "name": "east-vcp-disk0", "image": "reference"}], "nics": [{"index": 0, "role": "management", "mac": "52:61:dc:85:6d:20", "label": "fxp0", "segment": null, "address": "172.29.136.109/16"}, {"index": 1, "role": "internal", "mac": "52:61:dc:85:6d:21", "label": "int", "segment": "east-internal", "address": "128.0.0.1/16"}], "slot": null, "console_port": 9306, "forwards": [{"service": "ssh", "proto": "tcp", "host_port": 20009, "guest_port": 22}, {"service": "netconf", "proto": "tcp", "host_port": 20010, "guest_port": 830}, {"service": "snmp", "proto": "udp", "host_port": 20011, "guest_port": 161}]}, {"sandbox": "two", "name": "east-vfp0", "owner": "east", "family": "reference", "role": "card", "image": "reference", "memory": 160, "vcpus": 1, "disks": [{"sandbox": "two", "name": "east-vfp0-disk0", "image": "reference"}], "nics": [{"index": 0, "role": "management", "mac": "52:39:d6:0a:6f:60", "label": "mgmt", "segment": null, "address": null}, {"index": 1, "role": "internal", "mac": "52:39:d6:0a:6f:61", "label": "int", "segment": "east-internal", "address": "128.0.0.16/16"}, {"index": 2, "role": "traffic", "mac": "52:39:d6:0a:6f:62", "label": "ge-0/0/0", "segment": null, "address": null}], "slot": 0, "console_port": 9307, "forwards": []}], "segments": [{"sandbox": "two", "name": "west-internal", "kind": "internal", "ports": [{"sandbox": "two", "machine": "west-vcp", "nic": 1}, {"sandbox": "two", "machine": "west-vfp0", "nic": 1}], "mtu": 9600}, {"sandbox": "two", "name": "east-internal", "kind": "internal", "ports": [{"sandbox": "two", "machine": "east-vcp", "nic": 1}, {"sandbox": "two", "machine": "east-vfp0", "nic": 1}], "mtu": 9600}, {"sandbox": "two", "name": "wire-d66d95eabb", "kind": "wire", "ports": [{"sandbox": "two", "machine": "west-vfp0", "nic": 2}, {"sandbox": "two", "machine": "east-vfp0", "nic": 2}], "mtu": 9500}], "wires": [{"wire": {"ends": [{"owner": "west", "port": "ge-0/0/0"}, {"owner": "east", "port": "ge-0/0/0"}]}, "segment": "wire-d66d95eabb", "ports": [{"sandbox": "two", "machine": "west-vfp0", "nic": 2}, {"sandbox": "two", "machine": "east-vfp0", "nic": 2}]}]}',1.79528866458419919015e+09,1.79528866752452182769e+09,'bc76c118-2c7b-4457-86ca-86ebc8f4a800');
CREATE TABLE secrets (
	sandbox_id INTEGER NOT NULL, 
	holder VARCHAR(32) NOT NULL, 
	kind VARCHAR(16) NOT NULL, 
	value TEXT NOT NULL, 
	CONSTRAINT pk_secrets PRIMARY KEY (sandbox_id, holder, kind), 
	CONSTRAINT fk_secrets_sandbox_id FOREIGN KEY(sandbox_id) REFERENCES sandboxes (id) ON DELETE CASCADE
);
INSERT INTO "secrets" VALUES(1,'west','password','0mmUrnbOZl8bRJv0');
INSERT INTO "secrets" VALUES(1,'west','root','VPVVhIalgMEABhmk');
INSERT INTO "secrets" VALUES(1,'west','community','BVkve7e1SaHDlgDF');
INSERT INTO "secrets" VALUES(1,'east','password','I2kr2SFNnL4saZxw');
INSERT INTO "secrets" VALUES(1,'east','root','_lIQBiBcFkgX89QT');
INSERT INTO "secrets" VALUES(1,'east','community','5U7Sg5vI-HeIraty');
CREATE TABLE wires (
	sandbox_id INTEGER NOT NULL, 
	segment VARCHAR(64) NOT NULL, 
	end_a VARCHAR(64) NOT NULL, 
	end_b VARCHAR(64) NOT NULL, 
	machine_a VARCHAR(64) NOT NULL, 
	nic_a INTEGER NOT NULL, 
	machine_b VARCHAR(64) NOT NULL, 
	nic_b INTEGER NOT NULL, 
	state VARCHAR(16) NOT NULL, 
	reason TEXT NOT NULL, 
	since FLOAT NOT NULL, 
	CONSTRAINT pk_wires PRIMARY KEY (sandbox_id, segment), 
	CONSTRAINT fk_wires_sandbox_id FOREIGN KEY(sandbox_id) REFERENCES sandboxes (id) ON DELETE CASCADE
);
INSERT INTO "wires" VALUES(1,'wire-d66d95eabb','west:ge-0/0/0','east:ge-0/0/0','west-vfp0',2,'east-vfp0',2,'down','link was asked for',1.79528866903684353826e+09);
CREATE UNIQUE INDEX ix_sandboxes_live_name ON sandboxes (name) WHERE state != 'ended';
COMMIT;
