BEGIN TRANSACTION;
CREATE TABLE access_log (
	id INTEGER NOT NULL, 
	time FLOAT NOT NULL, 
	who VARCHAR(64) NOT NULL, 
	via VARCHAR(16) NOT NULL, 
	action VARCHAR(32) NOT NULL, 
	path VARCHAR(255) NOT NULL, 
	status INTEGER NOT NULL, 
	CONSTRAINT pk_access_log PRIMARY KEY (id)
);
INSERT INTO "access_log" VALUES(1,1.79528867941859960558e+09,'local','socket','deploy','/labs',422);
INSERT INTO "access_log" VALUES(2,1.79528867956207704549e+09,'local','socket','deploy','/labs',202);
INSERT INTO "access_log" VALUES(3,1.79528868206851983067e+09,'local','socket','deploy','/labs',422);
INSERT INTO "access_log" VALUES(4,1.79528868222732043268e+09,'local','socket','deploy','/labs',202);
INSERT INTO "access_log" VALUES(5,1.79528868488905429846e+09,'local','socket','take_down','/labs/two',202);
INSERT INTO "access_log" VALUES(6,1.79528868654401564598e+09,'local','socket','link','/labs/one/wires',202);
INSERT INTO "access_log" VALUES(7,1.79528868816530251507e+09,'local','socket','add_user','/users',201);
INSERT INTO "access_log" VALUES(8,1.79528868965433907513e+09,'local','socket','add_user','/users',201);
INSERT INTO "access_log" VALUES(9,1.79528869126787471769e+09,'local','socket','add_token','/users/una/tokens',201);
INSERT INTO "access_log" VALUES(10,1.79528869314547657965e+09,'local','socket','share','/labs/one/shares/una',204);
INSERT INTO "access_log" VALUES(11,1.79528869493485236166e+09,'local','socket','deploy','/labs',422);
INSERT INTO "access_log" VALUES(12,1.79528869503054642675e+09,'local','socket','deploy','/labs',202);
INSERT INTO "access_log" VALUES(13,1.79528869675991368292e+09,'local','socket','extend','/labs/one/extend',200);
INSERT INTO "access_log" VALUES(14,1.79528869799797749515e+09,'local','socket','stop','/server/stop',202);
INSERT INTO "access_log" VALUES(15,1.79528870680634522437e+09,'local','socket','deploy','/labs',422);
INSERT INTO "access_log" VALUES(16,1.79528870686601972582e+09,'local','socket','deploy','/labs',502);
INSERT INTO "access_log" VALUES(17,1.79528870795580983163e+09,'local','socket','stop','/server/stop',202);
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('0002');
CREATE TABLE history (
	id INTEGER NOT NULL, 
	sandbox_id INTEGER NOT NULL, 
	time FLOAT NOT NULL, 
	who VARCHAR(64) NOT NULL, 
	what VARCHAR(32) NOT NULL, 
	why TEXT NOT NULL, 
	told BOOLEAN NOT NULL, 
	CONSTRAINT pk_history PRIMARY KEY (id), 
	CONSTRAINT fk_history_sandbox_id FOREIGN KEY(sandbox_id) REFERENCES sandboxes (id) ON DELETE CASCADE
);
INSERT INTO "history" VALUES(1,1,1.79528867948106837272e+09,'local','booked','asked for',0);
INSERT INTO "history" VALUES(2,1,1.7952886795296275616e+09,'local','deploying','its time begins now',0);
INSERT INTO "history" VALUES(3,1,1.79528868036821484567e+09,'rackless','ready','every machine, port and wire is there',0);
INSERT INTO "history" VALUES(4,2,1.79528868213325142858e+09,'local','booked','asked for',0);
INSERT INTO "history" VALUES(5,2,1.79528868217830300333e+09,'local','deploying','its time begins now',0);
INSERT INTO "history" VALUES(6,2,1.79528868303364849091e+09,'rackless','ready','every machine, port and wire is there',0);
INSERT INTO "history" VALUES(7,2,1.79528868486482715604e+09,'local','tearing-down','down was asked for',0);
INSERT INTO "history" VALUES(8,2,1.79528868496399593348e+09,'rackless','ended','nothing is left of it',0);
INSERT INTO "history" VALUES(9,3,1.79528869498810744287e+09,'local','booked','asked for',0);
INSERT INTO "history" VALUES(10,1,1.7952886967520644665e+09,'local','extended','ends 2026-11-21 21:18 UTC',0);
CREATE TABLE inventory (
	sandbox_id INTEGER NOT NULL, 
	router VARCHAR(32) NOT NULL, 
	document JSON NOT NULL, 
	taken FLOAT NOT NULL, 
	CONSTRAINT pk_inventory PRIMARY KEY (sandbox_id, router), 
	CONSTRAINT fk_inventory_sandbox_id FOREIGN KEY(sandbox_id) REFERENCES sandboxes (id) ON DELETE CASCADE
);
INSERT INTO "inventory" VALUES(1,'west','{"system_name": "west", "system_description": "Pretended router", "system_object_id": "1.3.6.1.4.1.8072.3.2.10", "chassis": "pretended", "serial": "", "cards": [{"slot": 0, "description": "card at 128.0.0.16", "serial": ""}], "ports": [{"name": "ge-0/0/0", "mac": "52:38:97:4c:92:22", "speed": 1000000000, "mtu": 1500, "admin_up": true, "oper_up": true, "description": "", "addresses": [], "card": 0}, {"name": "ge-0/0/1", "mac": "52:38:97:4c:92:23", "speed": 1000000000, "mtu": 1500, "admin_up": true, "oper_up": false, "description": "", "addresses": [], "card": 0}]}',1.79528868025638842576e+09);
INSERT INTO "inventory" VALUES(1,'east','{"system_name": "east", "system_description": "Pretended router", "system_object_id": "1.3.6.1.4.1.8072.3.2.10", "chassis": "pretended", "serial": "", "cards": [{"slot": 0, "description": "card at 128.0.0.16", "serial": ""}], "ports": [{"name": "ge-0/0/0", "mac": "52:24:11:1d:7b:62", "speed": 1000000000, "mtu": 1500, "admin_up": true, "oper_up": true, "description": "", "addresses": [], "card": 0}]}',1.79528868026372027399e+09);
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
INSERT INTO "job_events" VALUES('one-deploy-83690c87',1,1.79528867956733179092e+09,'check','begin','checking that this place can bear the lab');
INSERT INTO "job_events" VALUES('one-deploy-83690c87',2,1.79528867956832027439e+09,'check','done','0.0 s');
INSERT INTO "job_events" VALUES('one-deploy-83690c87',3,1.79528867994197058677e+09,'make','begin','making 4 machines with their disks and internal networks');
INSERT INTO "job_events" VALUES('one-deploy-83690c87',4,1.7952886799647016525e+09,'make','done','0.0 s');
INSERT INTO "job_events" VALUES('one-deploy-83690c87',5,1.79528867997501373294e+09,'wire','begin','connecting the wires');
INSERT INTO "job_events" VALUES('one-deploy-83690c87',6,1.7952886799922065735e+09,'wire','done','0.0 s');
INSERT INTO "job_events" VALUES('one-deploy-83690c87',7,1.79528868002422070508e+09,'start west-vcp','begin','starting west-vcp');
INSERT INTO "job_events" VALUES('one-deploy-83690c87',8,1.79528868003682351116e+09,'start west-vcp','note','waiting for west-vcp to boot and answer on its host channel');
INSERT INTO "job_events" VALUES('one-deploy-83690c87',9,1.79528868003723239901e+09,'start west-vcp','done','0.0 s');
INSERT INTO "job_events" VALUES('one-deploy-83690c87',10,1.79528868004923796656e+09,'start east-vfp0','begin','starting east-vfp0');
INSERT INTO "job_events" VALUES('one-deploy-83690c87',11,1.795288680074614048e+09,'start east-vfp0','note','waiting for east-vfp0 to boot and answer on its host channel');
INSERT INTO "job_events" VALUES('one-deploy-83690c87',12,1.79528868008458280559e+09,'start east-vcp','begin','starting east-vcp');
INSERT INTO "job_events" VALUES('one-deploy-83690c87',13,1.79528868008498334882e+09,'start east-vfp0','done','0.0 s');
INSERT INTO "job_events" VALUES('one-deploy-83690c87',14,1.79528868008784413335e+09,'bootstrap west','begin','bootstrapping west over its serial line');
INSERT INTO "job_events" VALUES('one-deploy-83690c87',15,1.79528868009626126284e+09,'start east-vcp','note','waiting for east-vcp to boot and answer on its host channel');
INSERT INTO "job_events" VALUES('one-deploy-83690c87',16,1.79528868009758281703e+09,'start east-vcp','done','0.0 s');
INSERT INTO "job_events" VALUES('one-deploy-83690c87',17,1.79528868010386919978e+09,'bootstrap west','note','waiting for the login prompt');
INSERT INTO "job_events" VALUES('one-deploy-83690c87',18,1795288680.10546,'bootstrap west','note','waiting for west to take logins over SSH');
INSERT INTO "job_events" VALUES('one-deploy-83690c87',19,1.79528868011055207248e+09,'bootstrap west','done','0.0 s');
INSERT INTO "job_events" VALUES('one-deploy-83690c87',20,1.79528868013020968439e+09,'configure west','begin','loading the start-up configuration of west');
INSERT INTO "job_events" VALUES('one-deploy-83690c87',21,1.79528868015292906762e+09,'configure west','done','0.0 s');
INSERT INTO "job_events" VALUES('one-deploy-83690c87',22,1.79528868015488362319e+09,'start west-vfp0','begin','starting west-vfp0');
INSERT INTO "job_events" VALUES('one-deploy-83690c87',23,1.79528868015672612187e+09,'bootstrap east','begin','bootstrapping east over its serial line');
INSERT INTO "job_events" VALUES('one-deploy-83690c87',24,1.79528868017820167541e+09,'start west-vfp0','note','waiting for west-vfp0 to boot and answer on its host channel');
INSERT INTO "job_events" VALUES('one-deploy-83690c87',25,1.79528868018601298331e+09,'ports west','begin','waiting for every port of west');
INSERT INTO "job_events" VALUES('one-deploy-83690c87',26,1.7952886801868424416e+09,'start west-vfp0','done','0.0 s');
INSERT INTO "job_events" VALUES('one-deploy-83690c87',27,1.79528868018997097015e+09,'bootstrap east','note','waiting for the login prompt');
INSERT INTO "job_events" VALUES('one-deploy-83690c87',28,1.79528868019265294081e+09,'bootstrap east','note','waiting for east to take logins over SSH');
INSERT INTO "job_events" VALUES('one-deploy-83690c87',29,1.79528868019940304754e+09,'ports west','done','0.0 s');
INSERT INTO "job_events" VALUES('one-deploy-83690c87',30,1.79528868020283961294e+09,'bootstrap east','done','0.0 s');
INSERT INTO "job_events" VALUES('one-deploy-83690c87',31,1.79528868022349953649e+09,'configure east','begin','loading the start-up configuration of east');
INSERT INTO "job_events" VALUES('one-deploy-83690c87',32,1.79528868022788858408e+09,'configure east','done','0.0 s');
INSERT INTO "job_events" VALUES('one-deploy-83690c87',33,1.79528868023159670829e+09,'ports east','begin','waiting for every port of east');
INSERT INTO "job_events" VALUES('one-deploy-83690c87',34,1.79528868024649739271e+09,'ports east','done','0.0 s');
INSERT INTO "job_events" VALUES('one-deploy-83690c87',35,1.79528868025175094604e+09,'inventory west','begin','reading the inventory of west over SNMP');
INSERT INTO "job_events" VALUES('one-deploy-83690c87',36,1.7952886802585418224e+09,'inventory west','done','0.0 s');
INSERT INTO "job_events" VALUES('one-deploy-83690c87',37,1.79528868026007604598e+09,'inventory east','begin','reading the inventory of east over SNMP');
INSERT INTO "job_events" VALUES('one-deploy-83690c87',38,1.79528868026467156408e+09,'inventory east','done','0.0 s');
INSERT INTO "job_events" VALUES('one-deploy-83690c87',39,1.79528868036688494681e+09,'ready','begin','comparing what is there with the plan');
INSERT INTO "job_events" VALUES('one-deploy-83690c87',40,1.79528868036929869656e+09,'ready','done','0.0 s');
INSERT INTO "job_events" VALUES('two-deploy-40fdcd59',1,1.79528868225456523892e+09,'check','begin','checking that this place can bear the lab');
INSERT INTO "job_events" VALUES('two-deploy-40fdcd59',2,1.79528868225538659093e+09,'check','done','0.0 s');
INSERT INTO "job_events" VALUES('two-deploy-40fdcd59',3,1.79528868226043701169e+09,'make','begin','making 4 machines with their disks and internal networks');
INSERT INTO "job_events" VALUES('two-deploy-40fdcd59',4,1.79528868228564739226e+09,'make','done','0.0 s');
INSERT INTO "job_events" VALUES('two-deploy-40fdcd59',5,1.79528868231842327115e+09,'wire','begin','connecting the wires');
INSERT INTO "job_events" VALUES('two-deploy-40fdcd59',6,1.79528868235769343371e+09,'wire','done','0.0 s');
INSERT INTO "job_events" VALUES('two-deploy-40fdcd59',7,1.79528868240172648426e+09,'start west-vcp','begin','starting west-vcp');
INSERT INTO "job_events" VALUES('two-deploy-40fdcd59',8,1.79528868241528701777e+09,'start east-vcp','begin','starting east-vcp');
INSERT INTO "job_events" VALUES('two-deploy-40fdcd59',9,1.7952886824338591099e+09,'start west-vcp','note','waiting for west-vcp to boot and answer on its host channel');
INSERT INTO "job_events" VALUES('two-deploy-40fdcd59',10,1.79528868244429373746e+09,'start west-vcp','done','0.0 s');
INSERT INTO "job_events" VALUES('two-deploy-40fdcd59',11,1.7952886824516284466e+09,'start east-vcp','note','waiting for east-vcp to boot and answer on its host channel');
INSERT INTO "job_events" VALUES('two-deploy-40fdcd59',12,1.79528868245629882817e+09,'start east-vcp','done','0.0 s');
INSERT INTO "job_events" VALUES('two-deploy-40fdcd59',13,1.79528868245748639102e+09,'start west-vfp0','begin','starting west-vfp0');
INSERT INTO "job_events" VALUES('two-deploy-40fdcd59',14,1.79528868247239947316e+09,'start west-vfp0','note','waiting for west-vfp0 to boot and answer on its host channel');
INSERT INTO "job_events" VALUES('two-deploy-40fdcd59',15,1.79528868247636795045e+09,'start east-vfp0','begin','starting east-vfp0');
INSERT INTO "job_events" VALUES('two-deploy-40fdcd59',16,1.79528868247732949258e+09,'start west-vfp0','done','0.0 s');
INSERT INTO "job_events" VALUES('two-deploy-40fdcd59',17,1.79528868248731255535e+09,'start east-vfp0','note','waiting for east-vfp0 to boot and answer on its host channel');
INSERT INTO "job_events" VALUES('two-deploy-40fdcd59',18,1.79528868248922920231e+09,'start east-vfp0','done','0.0 s');
INSERT INTO "job_events" VALUES('two-deploy-40fdcd59',19,1.79528868249445319174e+09,'bootstrap east','begin','bootstrapping east over its serial line');
INSERT INTO "job_events" VALUES('two-deploy-40fdcd59',20,1.79528868249839949605e+09,'bootstrap east','note','waiting for the login prompt');
INSERT INTO "job_events" VALUES('two-deploy-40fdcd59',21,1.79528868249980092051e+09,'bootstrap east','note','waiting for east to take logins over SSH');
INSERT INTO "job_events" VALUES('two-deploy-40fdcd59',22,1.79528868250435566901e+09,'bootstrap east','done','0.0 s');
INSERT INTO "job_events" VALUES('two-deploy-40fdcd59',23,1.79528868253395652767e+09,'configure east','begin','loading the start-up configuration of east');
INSERT INTO "job_events" VALUES('two-deploy-40fdcd59',24,1.795288682538611412e+09,'configure east','done','0.0 s');
INSERT INTO "job_events" VALUES('two-deploy-40fdcd59',25,1.79528868256418824194e+09,'ports east','begin','waiting for every port of east');
INSERT INTO "job_events" VALUES('two-deploy-40fdcd59',26,1.7952886825795440674e+09,'ports east','done','0.0 s');
INSERT INTO "job_events" VALUES('two-deploy-40fdcd59',27,1.7952886825985505581e+09,'inventory east','begin','reading the inventory of east over SNMP');
INSERT INTO "job_events" VALUES('two-deploy-40fdcd59',28,1.7952886826032164097e+09,'inventory east','done','0.0 s');
INSERT INTO "job_events" VALUES('two-deploy-40fdcd59',29,1.79528868272738385196e+09,'bootstrap west','begin','bootstrapping west over its serial line');
INSERT INTO "job_events" VALUES('two-deploy-40fdcd59',30,1.79528868275491642952e+09,'bootstrap west','note','waiting for the login prompt');
INSERT INTO "job_events" VALUES('two-deploy-40fdcd59',31,1.79528868276297616955e+09,'bootstrap west','note','waiting for west to take logins over SSH');
INSERT INTO "job_events" VALUES('two-deploy-40fdcd59',32,1.79528868281056714056e+09,'bootstrap west','done','0.1 s');
INSERT INTO "job_events" VALUES('two-deploy-40fdcd59',33,1.79528868286039900784e+09,'configure west','begin','loading the start-up configuration of west');
INSERT INTO "job_events" VALUES('two-deploy-40fdcd59',34,1.79528868287921500204e+09,'configure west','done','0.0 s');
INSERT INTO "job_events" VALUES('two-deploy-40fdcd59',35,1.79528868291088271142e+09,'ports west','begin','waiting for every port of west');
INSERT INTO "job_events" VALUES('two-deploy-40fdcd59',36,1.79528868294276642801e+09,'ports west','done','0.0 s');
INSERT INTO "job_events" VALUES('two-deploy-40fdcd59',37,1795288682.96462,'inventory west','begin','reading the inventory of west over SNMP');
INSERT INTO "job_events" VALUES('two-deploy-40fdcd59',38,1.79528868297035312656e+09,'inventory west','done','0.0 s');
INSERT INTO "job_events" VALUES('two-deploy-40fdcd59',39,1.79528868303225493433e+09,'ready','begin','comparing what is there with the plan');
INSERT INTO "job_events" VALUES('two-deploy-40fdcd59',40,1.79528868303959393505e+09,'ready','done','0.0 s');
INSERT INTO "job_events" VALUES('two-teardown-0f6a960a',1,1.79528868489438676835e+09,'remove','begin','removing all that carries the lab''s mark');
INSERT INTO "job_events" VALUES('two-teardown-0f6a960a',2,1.79528868495392084124e+09,'remove','done','0.1 s');
INSERT INTO "job_events" VALUES('two-teardown-0f6a960a',3,1.79528868495887970919e+09,'release','begin','giving back ports and secrets');
INSERT INTO "job_events" VALUES('two-teardown-0f6a960a',4,1.79528868496587538719e+09,'release','done','0.0 s');
INSERT INTO "job_events" VALUES('one-link-a192639e',1,1.79528868651256418229e+09,'link','begin','putting the wire west:ge-0/0/0 -- east:ge-0/0/0 down');
INSERT INTO "job_events" VALUES('one-link-a192639e',2,1.79528868651706671709e+09,'link','done','0.0 s');
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
	resumed INTEGER NOT NULL, server VARCHAR(64) DEFAULT '' NOT NULL, 
	CONSTRAINT pk_jobs PRIMARY KEY (id), 
	CONSTRAINT fk_jobs_sandbox_id FOREIGN KEY(sandbox_id) REFERENCES sandboxes (id) ON DELETE CASCADE
);
INSERT INTO "jobs" VALUES('one-deploy-83690c87',1,'deploy','{}','succeeded','null','null',1.79528867953028750418e+09,1.79528868038188362116e+09,0,0,'');
INSERT INTO "jobs" VALUES('two-deploy-40fdcd59',2,'deploy','{}','succeeded','null','null',1.79528868217874312406e+09,1.79528868305223727229e+09,0,0,'');
INSERT INTO "jobs" VALUES('two-teardown-0f6a960a',2,'teardown','{"save": []}','succeeded','null','null',1.79528868486525917057e+09,1.79528868496486639972e+09,0,0,'');
INSERT INTO "jobs" VALUES('one-link-a192639e',1,'link','{"segment": "wire-d66d95eabb", "ends": ["west:ge-0/0/0", "east:ge-0/0/0"], "up": false}','succeeded','null','null',1.79528868649647307398e+09,1.79528868654057908059e+09,0,0,'');
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
INSERT INTO "machines" VALUES(1,'west-vcp','west','controller',NULL,'running','it takes logins over SSH',1.79528868010928177828e+09,1,'["ssh-ed25519 3e3b3a1b0d267dfedbfa3d12c148319747d4424c4a2d2a4b90920b303e9348f8 west-vcp"]','/var/lib/rackless-kept/s/transcripts/one/west-vcp.log');
INSERT INTO "machines" VALUES(1,'west-vfp0','west','card',0,'running','it answers on its host channel',1.79528868018502664569e+09,0,'["ssh-ed25519 6ee5b62b5e2863095ae7cbb6ee367d80b13a760bd0f80baac6947ecfd5a5f636 west-vfp0"]','/var/lib/rackless-kept/s/transcripts/one/west-vfp0.log');
INSERT INTO "machines" VALUES(1,'east-vcp','east','controller',NULL,'running','it takes logins over SSH',1.79528868020200753213e+09,1,'["ssh-ed25519 da929b70967ee6ffb5c850986d66f5178b37974faab23c2acfd765f13db55a0d east-vcp"]','/var/lib/rackless-kept/s/transcripts/one/east-vcp.log');
INSERT INTO "machines" VALUES(1,'east-vfp0','east','card',0,'running','it answers on its host channel',1.79528868008260464664e+09,0,'["ssh-ed25519 1d5309ee289f414cae11a0f8e88e55f67722e17d167719f691b31d1b32047949 east-vfp0"]','/var/lib/rackless-kept/s/transcripts/one/east-vfp0.log');
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
CREATE TABLE "sandboxes" (
	id INTEGER NOT NULL, 
	name VARCHAR(32) NOT NULL, 
	state VARCHAR(16) NOT NULL, 
	reason TEXT NOT NULL, 
	digest VARCHAR(64) NOT NULL, 
	"plan" JSON NOT NULL, 
	created FLOAT NOT NULL, 
	since FLOAT NOT NULL, 
	boot_id VARCHAR(64) NOT NULL, 
	owner VARCHAR(64) DEFAULT 'local' NOT NULL, 
	begins FLOAT DEFAULT '0' NOT NULL, 
	ends FLOAT, 
	saves BOOLEAN DEFAULT 0 NOT NULL, 
	warned BOOLEAN DEFAULT 0 NOT NULL, 
	memory FLOAT DEFAULT '0' NOT NULL, 
	processors FLOAT DEFAULT '0' NOT NULL, 
	disk FLOAT DEFAULT '0' NOT NULL, 
	consoles FLOAT DEFAULT '0' NOT NULL, 
	forwards FLOAT DEFAULT '0' NOT NULL, 
	CONSTRAINT pk_sandboxes PRIMARY KEY (id)
);
INSERT INTO "sandboxes" VALUES(1,'one','ready','every machine, port and wire is there','6a2e386f57576ab1cd8ceddc730605ceabcf2685ed4a227a35f9645a2833a952','{"sandbox": "one", "provider": "fake", "blueprint": {"name": "one", "routers": [{"name": "west", "family": "reference", "cards": 1, "ports_per_card": 2, "controller_memory": null, "card_memory": null, "login": {"user": "lab", "password": null}, "snmp": {"community": null}, "fxp0": {"address": null, "gateway": null}, "startup": "west.set"}, {"name": "east", "family": "reference", "cards": 1, "ports_per_card": 1, "controller_memory": null, "card_memory": null, "login": {"user": "lab", "password": null}, "snmp": {"community": null}, "fxp0": {"address": null, "gateway": null}, "startup": null}], "hosts": [], "wires": [{"ends": [{"owner": "west", "port": "ge-0/0/0"}, {"owner": "east", "port": "ge-0/0/0"}]}], "files": [["west.set", "set system time-zone UTC\n"]]}, "machines": [{"sandbox": "one", "name": "west-vcp", "owner": "west", "family": "reference", "role": "controller", "image": "reference", "memory": 256, "vcpus": 1, "disks": [{"sandbox": "one", "name": "west-vcp-disk0", "image": "reference"}], "nics": [{"index": 0, "role": "management", "mac": "52:59:75:b1:99:c0", "label": "fxp0", "segment": null, "address": "172.29.241.42/16"}, {"index": 1, "role": "internal", "mac": "52:59:75:b1:99:c1", "label": "int", "segment": "west-internal", "address": "128.0.0.1/16"}], "slot": null, "console_port": 9300, "forwards": [{"service": "ssh", "proto": "tcp", "host_port": 20000, "guest_port": 22}, {"service": "netconf", "proto": "tcp", "host_port": 20001, "guest_port": 830}, {"service": "snmp", "proto": "udp", "host_port": 20002, "guest_port": 161}]}, {"sandbox": "one", "name": "west-vfp0", "owner": "west", "family": "reference", "role": "card", "image": "reference", "memory": 160, "vcpus": 1, "disks": [{"sandbox": "one", "name": "west-vfp0-disk0", "image": "reference"}], "nics": [{"index": 0, "role": "management", "mac": "52:38:97:4c:92:20", "label": "mgmt", "segment": null, "address": null}, {"index": 1, "role": "internal", "mac": "52:38:97:4c:92:21", "label": "int", "segment": "west-internal", "address": "128.0.0.16/16"}, {"index": 2, "role": "traffic", "mac": "52:38:97:4c:92:22", "label": "ge-0/0/0", "segment": null, "address": null}, {"index": 3, "role": "traffic", "mac": "52:38:97:4c:92:23", "label": "ge-0/0/1", "segment": null, "address": null}], "slot": 0, "console_port": 9301, "forwards": []}, {"sandbox": "one", "name": "east-vcp", "owner": "east", "family": "reference", "role": "controller", "image": "reference", "memory": 256, "vcpus": 1, "disks": [{"sandbox": "one", "name": "east-vcp-disk0", "image": "reference"}], "nics": [{"index": 0, "role": "management", "mac": "52:30:ac:cd:5f:e0", "label": "fxp0", "segment": null, "address": "172.29.72.95/16"}, {"index": 1, "role": "internal", "mac": "52:30:ac:cd:5f:e1", "label": "int", "segment": "east-internal", "address": "128.0.0.1/16"}], "slot": null, "console_port": 9302, "forwards": [{"service": "ssh", "proto": "tcp", "host_port": 20003, "guest_port": 22}, {"service": "netconf", "proto": "tcp", "host_port": 20004, "guest_port": 830}, {"service": "snmp", "proto": "udp", "host_port": 20005, "guest_port": 161}]}, {"sandbox": "one", "name": "east-vfp0", "owner": "east", "family": "reference", "role": "card", "image": "reference", "memory": 160, "vcpus": 1, "disks": [{"sandbox": "one", "name": "east-vfp0-disk0", "image": "reference"}], "nics": [{"index": 0, "role": "management", "mac": "52:24:11:1d:7b:60", "label": "mgmt", "segment": null, "address": null}, {"index": 1, "role": "internal", "mac": "52:24:11:1d:7b:61", "label": "int", "segment": "east-internal", "address": "128.0.0.16/16"}, {"index": 2, "role": "traffic", "mac": "52:24:11:1d:7b:62", "label": "ge-0/0/0", "segment": null, "address": null}], "slot": 0, "console_port": 9303, "forwards": []}], "segments": [{"sandbox": "one", "name": "west-internal", "kind": "internal", "ports": [{"sandbox": "one", "machine": "west-vcp", "nic": 1}, {"sandbox": "one", "machine": "west-vfp0", "nic": 1}], "mtu": 9600}, {"sandbox": "one", "name": "east-internal", "kind": "internal", "ports": [{"sandbox": "one", "machine": "east-vcp", "nic": 1}, {"sandbox": "one", "machine": "east-vfp0", "nic": 1}], "mtu": 9600}, {"sandbox": "one", "name": "wire-d66d95eabb", "kind": "wire", "ports": [{"sandbox": "one", "machine": "west-vfp0", "nic": 2}, {"sandbox": "one", "machine": "east-vfp0", "nic": 2}], "mtu": 9500}], "wires": [{"wire": {"ends": [{"owner": "west", "port": "ge-0/0/0"}, {"owner": "east", "port": "ge-0/0/0"}]}, "segment": "wire-d66d95eabb", "ports": [{"sandbox": "one", "machine": "west-vfp0", "nic": 2}, {"sandbox": "one", "machine": "east-vfp0", "nic": 2}]}]}',1.79528867947969555853e+09,1.79528868036820340157e+09,'bc76c118-2c7b-4457-86ca-86ebc8f4a800','local',1.7952886794642004967e+09,1.79529589674784541136e+09,0,0,832.0,4.0,0.0,4.0,6.0);
INSERT INTO "sandboxes" VALUES(2,'two','ended','nothing is left of it','a904f1ac68cb8f230c5ff20c4762c54130ceee3bb669189d2193db7af0fd4ea9','{"sandbox": "two", "provider": "fake", "blueprint": {"name": "two", "routers": [{"name": "west", "family": "reference", "cards": 1, "ports_per_card": 2, "controller_memory": null, "card_memory": null, "login": {"user": "lab", "password": null}, "snmp": {"community": null}, "fxp0": {"address": null, "gateway": null}, "startup": "west.set"}, {"name": "east", "family": "reference", "cards": 1, "ports_per_card": 1, "controller_memory": null, "card_memory": null, "login": {"user": "lab", "password": null}, "snmp": {"community": null}, "fxp0": {"address": null, "gateway": null}, "startup": null}], "hosts": [], "wires": [{"ends": [{"owner": "west", "port": "ge-0/0/0"}, {"owner": "east", "port": "ge-0/0/0"}]}], "files": []}, "machines": [{"sandbox": "two", "name": "west-vcp", "owner": "west", "family": "reference", "role": "controller", "image": "reference", "memory": 256, "vcpus": 1, "disks": [{"sandbox": "two", "name": "west-vcp-disk0", "image": "reference"}], "nics": [{"index": 0, "role": "management", "mac": "52:a9:f7:15:67:60", "label": "fxp0", "segment": null, "address": "172.29.12.80/16"}, {"index": 1, "role": "internal", "mac": "52:a9:f7:15:67:61", "label": "int", "segment": "west-internal", "address": "128.0.0.1/16"}], "slot": null, "console_port": 9304, "forwards": [{"service": "ssh", "proto": "tcp", "host_port": 20006, "guest_port": 22}, {"service": "netconf", "proto": "tcp", "host_port": 20007, "guest_port": 830}, {"service": "snmp", "proto": "udp", "host_port": 20008, "guest_port": 161}]}, {"sandbox": "two", "name": "west-vfp0", "owner": "west", "family": "reference", "role": "card", "image": "reference", "memory": 160, "vcpus": 1, "disks": [{"sandbox": "two", "name": "west-vfp0-disk0", "image": "reference"}], "nics": [{"index": 0, "role": "management", "mac": "52:8b:d0:7b:2d:c0", "label": "mgmt", "segment": null, "address": null}, {"index": 1, "role": "internal", "mac": "52:8b:d0:7b:2d:c1", "label": "int", "segment": "west-internal", "address": "128.0.0.16/16"}, {"index": 2, "role": "traffic", "mac": "52:8b:d0:7b:2d:c2", "label": "ge-0/0/0", "segment": null, "address": null}, {"index": 3, "role": "traffic", "mac": "52:8b:d0:7b:2d:c3", "label": "ge-0/0/1", "segment": null, "address": null}], "slot": 0, "console_port": 9305, "forwards": []}, {"sandbox": "two", "name": "east-vcp", "owner": "east", "family": "reference", "role": "controller", "image": "reference", "memory": 256, "vcpus": 1, "disks": [{"sandbox": "two", "name": "east-vcp-disk0", "image": "reference"}], "nics": [{"index": 0, "role": "management", "mac": "52:61:dc:85:6d:20", "label": "fxp0", "segment": null, "address": "172.29.136.109/16"}, {"index": 1, "role": "internal", "mac": "52:61:dc:85:6d:21", "label": "int", "segment": "east-internal", "address": "128.0.0.1/16"}], "slot": null, "console_port": 9306, "forwards": [{"service": "ssh", "proto": "tcp", "host_port": 20009, "guest_port": 22}, {"service": "netconf", "proto": "tcp", "host_port": 20010, "guest_port": 830}, {"service": "snmp", "proto": "udp", "host_port": 20011, "guest_port": 161}]}, {"sandbox": "two", "name": "east-vfp0", "owner": "east", "family": "reference", "role": "card", "image": "reference", "memory": 160, "vcpus": 1, "disks": [{"sandbox": "two", "name": "east-vfp0-disk0", "image": "reference"}], "nics": [{"index": 0, "role": "management", "mac": "52:39:d6:0a:6f:60", "label": "mgmt", "segment": null, "address": null}, {"index": 1, "role": "internal", "mac": "52:39:d6:0a:6f:61", "label": "int", "segment": "east-internal", "address": "128.0.0.16/16"}, {"index": 2, "role": "traffic", "mac": "52:39:d6:0a:6f:62", "label": "ge-0/0/0", "segment": null, "address": null}], "slot": 0, "console_port": 9307, "forwards": []}], "segments": [{"sandbox": "two", "name": "west-internal", "kind": "internal", "ports": [{"sandbox": "two", "machine": "west-vcp", "nic": 1}, {"sandbox": "two", "machine": "west-vfp0", "nic": 1}], "mtu": 9600}, {"sandbox": "two", "name": "east-internal", "kind": "internal", "ports": [{"sandbox": "two", "machine": "east-vcp", "nic": 1}, {"sandbox": "two", "machine": "east-vfp0", "nic": 1}], "mtu": 9600}, {"sandbox": "two", "name": "wire-d66d95eabb", "kind": "wire", "ports": [{"sandbox": "two", "machine": "west-vfp0", "nic": 2}, {"sandbox": "two", "machine": "east-vfp0", "nic": 2}], "mtu": 9500}], "wires": [{"wire": {"ends": [{"owner": "west", "port": "ge-0/0/0"}, {"owner": "east", "port": "ge-0/0/0"}]}, "segment": "wire-d66d95eabb", "ports": [{"sandbox": "two", "machine": "west-vfp0", "nic": 2}, {"sandbox": "two", "machine": "east-vfp0", "nic": 2}]}]}',1.79528868213268947597e+09,1.79528868496398496621e+09,'bc76c118-2c7b-4457-86ca-86ebc8f4a800','local',1.79528868213040471079e+09,NULL,0,0,832.0,4.0,0.0,4.0,6.0);
INSERT INTO "sandboxes" VALUES(3,'four','booked','','512bede5ddc2d48310572ec44c07ccb6a3a22ad78a01289cc934a30112fb0c91','{"sandbox": "four", "provider": "fake", "blueprint": {"name": "four", "routers": [{"name": "west", "family": "reference", "cards": 1, "ports_per_card": 2, "controller_memory": null, "card_memory": null, "login": {"user": "lab", "password": null}, "snmp": {"community": null}, "fxp0": {"address": null, "gateway": null}, "startup": "west.set"}, {"name": "east", "family": "reference", "cards": 1, "ports_per_card": 1, "controller_memory": null, "card_memory": null, "login": {"user": "lab", "password": null}, "snmp": {"community": null}, "fxp0": {"address": null, "gateway": null}, "startup": null}], "hosts": [], "wires": [{"ends": [{"owner": "west", "port": "ge-0/0/0"}, {"owner": "east", "port": "ge-0/0/0"}]}], "files": [["west.set", "set system time-zone UTC\n"]]}, "machines": [{"sandbox": "four", "name": "west-vcp", "owner": "west", "family": "reference", "role": "controller", "image": "reference", "memory": 256, "vcpus": 1, "disks": [{"sandbox": "four", "name": "west-vcp-disk0", "image": "reference"}], "nics": [{"index": 0, "role": "management", "mac": "52:1d:2c:e1:0f:c0", "label": "fxp0", "segment": null, "address": "172.29.208.252/16"}, {"index": 1, "role": "internal", "mac": "52:1d:2c:e1:0f:c1", "label": "int", "segment": "west-internal", "address": "128.0.0.1/16"}], "slot": null, "console_port": null, "forwards": []}, {"sandbox": "four", "name": "west-vfp0", "owner": "west", "family": "reference", "role": "card", "image": "reference", "memory": 160, "vcpus": 1, "disks": [{"sandbox": "four", "name": "west-vfp0-disk0", "image": "reference"}], "nics": [{"index": 0, "role": "management", "mac": "52:9f:c0:69:bf:60", "label": "mgmt", "segment": null, "address": null}, {"index": 1, "role": "internal", "mac": "52:9f:c0:69:bf:61", "label": "int", "segment": "west-internal", "address": "128.0.0.16/16"}, {"index": 2, "role": "traffic", "mac": "52:9f:c0:69:bf:62", "label": "ge-0/0/0", "segment": null, "address": null}, {"index": 3, "role": "traffic", "mac": "52:9f:c0:69:bf:63", "label": "ge-0/0/1", "segment": null, "address": null}], "slot": 0, "console_port": null, "forwards": []}, {"sandbox": "four", "name": "east-vcp", "owner": "east", "family": "reference", "role": "controller", "image": "reference", "memory": 256, "vcpus": 1, "disks": [{"sandbox": "four", "name": "east-vcp-disk0", "image": "reference"}], "nics": [{"index": 0, "role": "management", "mac": "52:0d:96:f6:da:80", "label": "fxp0", "segment": null, "address": "172.29.252.54/16"}, {"index": 1, "role": "internal", "mac": "52:0d:96:f6:da:81", "label": "int", "segment": "east-internal", "address": "128.0.0.1/16"}], "slot": null, "console_port": null, "forwards": []}, {"sandbox": "four", "name": "east-vfp0", "owner": "east", "family": "reference", "role": "card", "image": "reference", "memory": 160, "vcpus": 1, "disks": [{"sandbox": "four", "name": "east-vfp0-disk0", "image": "reference"}], "nics": [{"index": 0, "role": "management", "mac": "52:17:f5:a3:76:60", "label": "mgmt", "segment": null, "address": null}, {"index": 1, "role": "internal", "mac": "52:17:f5:a3:76:61", "label": "int", "segment": "east-internal", "address": "128.0.0.16/16"}, {"index": 2, "role": "traffic", "mac": "52:17:f5:a3:76:62", "label": "ge-0/0/0", "segment": null, "address": null}], "slot": 0, "console_port": null, "forwards": []}], "segments": [{"sandbox": "four", "name": "west-internal", "kind": "internal", "ports": [{"sandbox": "four", "machine": "west-vcp", "nic": 1}, {"sandbox": "four", "machine": "west-vfp0", "nic": 1}], "mtu": 9600}, {"sandbox": "four", "name": "east-internal", "kind": "internal", "ports": [{"sandbox": "four", "machine": "east-vcp", "nic": 1}, {"sandbox": "four", "machine": "east-vfp0", "nic": 1}], "mtu": 9600}, {"sandbox": "four", "name": "wire-d66d95eabb", "kind": "wire", "ports": [{"sandbox": "four", "machine": "west-vfp0", "nic": 2}, {"sandbox": "four", "machine": "east-vfp0", "nic": 2}], "mtu": 9500}], "wires": [{"wire": {"ends": [{"owner": "west", "port": "ge-0/0/0"}, {"owner": "east", "port": "ge-0/0/0"}]}, "segment": "wire-d66d95eabb", "ports": [{"sandbox": "four", "machine": "west-vfp0", "nic": 2}, {"sandbox": "four", "machine": "east-vfp0", "nic": 2}]}]}',1.79528869498754954335e+09,1.79528869498754954335e+09,'bc76c118-2c7b-4457-86ca-86ebc8f4a800','local',2208988800.0,2208996000.0,0,0,832.0,4.0,0.0,4.0,6.0);
CREATE TABLE secrets (
	sandbox_id INTEGER NOT NULL, 
	holder VARCHAR(32) NOT NULL, 
	kind VARCHAR(16) NOT NULL, 
	value TEXT NOT NULL, 
	CONSTRAINT pk_secrets PRIMARY KEY (sandbox_id, holder, kind), 
	CONSTRAINT fk_secrets_sandbox_id FOREIGN KEY(sandbox_id) REFERENCES sandboxes (id) ON DELETE CASCADE
);
INSERT INTO "secrets" VALUES(1,'west','password','D6IWwQQ8eAQ6SUxU');
INSERT INTO "secrets" VALUES(1,'west','root','mcYs4I4zcd77jpc1');
INSERT INTO "secrets" VALUES(1,'west','community','FYNFzBelUjUftcpz');
INSERT INTO "secrets" VALUES(1,'east','password','KYSpZOquDR3em2mY');
INSERT INTO "secrets" VALUES(1,'east','root','foKABPp5qf9n4UzQ');
INSERT INTO "secrets" VALUES(1,'east','community','hgG7_jUIpTD9s-z_');
INSERT INTO "secrets" VALUES(3,'west','password','bZdzsf8KUPLaP8Z6');
INSERT INTO "secrets" VALUES(3,'west','root','h29P3C1SEnHVn9rf');
INSERT INTO "secrets" VALUES(3,'west','community','3PCUAdKQ-mB0EjAt');
INSERT INTO "secrets" VALUES(3,'east','password','BtODbAIUze9DyEae');
INSERT INTO "secrets" VALUES(3,'east','root','Cdjn87dGCVd0NjDe');
INSERT INTO "secrets" VALUES(3,'east','community','fydMdwRbww2A3NzR');
CREATE TABLE servers (
	id VARCHAR(64) NOT NULL, 
	host VARCHAR(255) NOT NULL, 
	pid INTEGER NOT NULL, 
	started FLOAT NOT NULL, 
	seen FLOAT NOT NULL, 
	CONSTRAINT pk_servers PRIMARY KEY (id)
);
CREATE TABLE shares (
	sandbox_id INTEGER NOT NULL, 
	user VARCHAR(64) NOT NULL, 
	CONSTRAINT pk_shares PRIMARY KEY (sandbox_id, user), 
	CONSTRAINT fk_shares_sandbox_id FOREIGN KEY(sandbox_id) REFERENCES sandboxes (id) ON DELETE CASCADE, 
	CONSTRAINT fk_shares_user FOREIGN KEY(user) REFERENCES users (name) ON DELETE CASCADE
);
INSERT INTO "shares" VALUES(1,'una');
CREATE TABLE tokens (
	id INTEGER NOT NULL, 
	user VARCHAR(64) NOT NULL, 
	label VARCHAR(64) NOT NULL, 
	digest VARCHAR(64) NOT NULL, 
	created FLOAT NOT NULL, 
	expires FLOAT, 
	used FLOAT, 
	CONSTRAINT pk_tokens PRIMARY KEY (id), 
	CONSTRAINT fk_tokens_user FOREIGN KEY(user) REFERENCES users (name) ON DELETE CASCADE, 
	CONSTRAINT uq_tokens_digest UNIQUE (digest), 
	CONSTRAINT uq_tokens_user_label UNIQUE (user, label)
);
INSERT INTO "tokens" VALUES(1,'una','ci','1a0908fc056862698f03b63a857b9861b5ef1c434a303948e276478f9819ed11',1.79528869126609563833e+09,1.79788069126486444466e+09,NULL);
CREATE TABLE users (
	name VARCHAR(64) NOT NULL, 
	role VARCHAR(16) NOT NULL, 
	password TEXT, 
	disabled BOOLEAN NOT NULL, 
	created FLOAT NOT NULL, 
	CONSTRAINT pk_users PRIMARY KEY (name)
);
INSERT INTO "users" VALUES('una','user',NULL,0,1.79528868816173696517e+09);
INSERT INTO "users" VALUES('olga','operator',NULL,0,1.79528868965188431738e+09);
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
INSERT INTO "wires" VALUES(1,'wire-d66d95eabb','west:ge-0/0/0','east:ge-0/0/0','west-vfp0',2,'east-vfp0',2,'down','link was asked for',1.79528868651643633844e+09);
CREATE UNIQUE INDEX ix_sandboxes_live_name ON sandboxes (name) WHERE state != 'ended';
CREATE INDEX ix_history_sandbox_id ON history (sandbox_id);
CREATE INDEX ix_history_told ON history (told);
COMMIT;
