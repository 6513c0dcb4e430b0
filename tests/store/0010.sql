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
INSERT INTO "access_log" VALUES(1,1.79529204528362035754e+09,'local','socket','deploy','/v1/labs',422);
INSERT INTO "access_log" VALUES(2,1.79529204553026866912e+09,'local','socket','deploy','/v1/labs',202);
INSERT INTO "access_log" VALUES(3,1.79529204910709500311e+09,'local','socket','deploy','/v1/labs',422);
INSERT INTO "access_log" VALUES(4,1.79529204919178724288e+09,'local','socket','deploy','/v1/labs',202);
INSERT INTO "access_log" VALUES(5,1.79529205234892678261e+09,'local','socket','take_down','/v1/labs/two',202);
INSERT INTO "access_log" VALUES(6,1.7952920537658212185e+09,'local','socket','link','/v1/labs/one/wires',202);
INSERT INTO "access_log" VALUES(7,1795292055.19733,'local','socket','add_user','/v1/users',201);
INSERT INTO "access_log" VALUES(8,1.795292056661128521e+09,'local','socket','add_user','/v1/users',201);
INSERT INTO "access_log" VALUES(9,1.79529205857440423959e+09,'local','socket','add_token','/v1/users/una/tokens',201);
INSERT INTO "access_log" VALUES(10,1.79529206021814393993e+09,'local','socket','share','/v1/labs/one/shares/una',204);
INSERT INTO "access_log" VALUES(11,1.79529206241814446448e+09,'local','socket','deploy','/v1/labs',422);
INSERT INTO "access_log" VALUES(12,1.79529206247452974322e+09,'local','socket','deploy','/v1/labs',202);
INSERT INTO "access_log" VALUES(13,1.79529206421648955343e+09,'local','socket','extend','/v1/labs/one/extend',200);
INSERT INTO "access_log" VALUES(14,1.79529206624487757681e+09,'local','socket','stop','/v1/server/stop',202);
INSERT INTO "access_log" VALUES(15,1.79529207825465631485e+09,'local','socket','deploy','/v1/labs',422);
INSERT INTO "access_log" VALUES(16,1.79529207833097147941e+09,'local','socket','deploy','/v1/labs',502);
INSERT INTO "access_log" VALUES(17,1.79529208055474901201e+09,'local','socket','stop','/v1/server/stop',202);
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('0010');
CREATE TABLE answers (
	"key" VARCHAR(64) NOT NULL, 
	digest VARCHAR(64) NOT NULL, 
	server VARCHAR(64) NOT NULL, 
	since FLOAT NOT NULL, 
	status INTEGER, 
	media VARCHAR(64) NOT NULL, 
	body BLOB NOT NULL, 
	CONSTRAINT pk_answers PRIMARY KEY ("key")
);
INSERT INTO "answers" VALUES('8da59bfb3bd01ba280aa1be2b6f642bfaf313111ab7873cbe7709bbd6666be50','00717569a4f84490a19c367e9c730482e623760da0ee49c501ad1425c81c9228','',1.79529204526418519017e+09,422,'application/problem+json',X'7B2274797065223A2275726E3A7261636B6C6573733A70726F626C656D3A66696C65732D6E6565646564222C227469746C65223A2246696C657320617265206E656564656420746861742077657265206E6F742073656E74222C22737461747573223A3432322C2264657461696C223A2254686520626C75657072696E742072656665727320746F20776573742E7365742E222C22636F6465223A2266696C65732D6E6565646564222C2268696E74223A2253656E64207468652066696C657320616C6F6E6720776974682069742E222C2270726F626C656D73223A5B5D2C2266696C6573223A5B22776573742E736574225D7D');
INSERT INTO "answers" VALUES('fdfeb5e663fee9e421e7a82d046b104d2444521fd293ece50831555f236a8ad8','978ef69a010b0b23812a22c4c93fb8ecc50cd52cae9a261831006f171a142102','',1.79529204529058575628e+09,202,'application/json',X'7B226A6F62223A226F6E652D6465706C6F792D6230626338383536222C226C6162223A226F6E65222C226B696E64223A226E6577222C22776173223A22222C227374617465223A2272756E6E696E67222C22726573756C74223A6E756C6C7D');
INSERT INTO "answers" VALUES('69b7863bfbd746daecda911b3659a8ed7c82086384c46d9db39133c324249828','05034271e0556012b8cab148f4e1c18ebc312cf915dc5349d0c3ee02e1cfb3f7','',1.79529204910106325154e+09,422,'application/problem+json',X'7B2274797065223A2275726E3A7261636B6C6573733A70726F626C656D3A66696C65732D6E6565646564222C227469746C65223A2246696C657320617265206E656564656420746861742077657265206E6F742073656E74222C22737461747573223A3432322C2264657461696C223A2254686520626C75657072696E742072656665727320746F20776573742E7365742E222C22636F6465223A2266696C65732D6E6565646564222C2268696E74223A2253656E64207468652066696C657320616C6F6E6720776974682069742E222C2270726F626C656D73223A5B5D2C2266696C6573223A5B22776573742E736574225D7D');
INSERT INTO "answers" VALUES('2a1af18e6f8196c2a9c87b134bb232ae88c8687f06f11c771041b7273605d4f9','5ff19fcd9f437095ead677ec2695e02a3b497f7069b2f79e5ae6cd73a4ce9c91','',1.79529204911199021335e+09,202,'application/json',X'7B226A6F62223A2274776F2D6465706C6F792D3533323239633265222C226C6162223A2274776F222C226B696E64223A226E6577222C22776173223A22222C227374617465223A2272756E6E696E67222C22726573756C74223A6E756C6C7D');
INSERT INTO "answers" VALUES('9cdf715d53baccf93b37d75a0f7995192e787ffdcce331781a3750da65c92059','7335fcb09b8c0d480e631ebeb5628ae646c5fc2042839ccc1026eaeb19b7800b','',1.79529205232646608351e+09,202,'application/json',X'7B226A6F62223A2274776F2D74656172646F776E2D3830343631313137222C226C6162223A2274776F222C226B696E64223A226E6577222C22776173223A227265616479222C227374617465223A2272756E6E696E67222C22726573756C74223A6E756C6C7D');
INSERT INTO "answers" VALUES('44801b4f1fedf05147034dc527e86c46cebe6508a2f255d282a83d682c9d2685','f3aab9c6aedfcb551bcfa88946ed18b9b3f9151199333e9854c75148afe64a0b','',1.79529205370163798339e+09,202,'application/json',X'7B226A6F62223A226F6E652D6C696E6B2D3764633531376434222C226C6162223A226F6E65222C226B696E64223A226E6577222C22776173223A227265616479222C227374617465223A22737563636565646564222C22726573756C74223A6E756C6C7D');
INSERT INTO "answers" VALUES('59264efc66c1813043a8b09078d4c3f8f351914d9208f3a13ca8bb712ac21bf6','5d463498893aa59d219d431e315dd5c0833bb65fc1ccfdb093982fc1e4fbe793','',1.79529205519264745713e+09,201,'application/json',X'7B226E616D65223A22756E61222C22726F6C65223A2275736572222C2270617373776F7264223A66616C73652C2264697361626C6564223A66616C73652C2263726561746564223A313739353239323035352E3139343931372C2270726F7669646572223A6E756C6C7D');
INSERT INTO "answers" VALUES('9a0623bccdc7a2c74b2cadbb6ec08b423b07136ffbf1ce37bce95b50f68fe49b','2b38d816a07a92a9594f4d0fb2957e00e5132e66ce0d89592349e12aa2a9c4c2','',1.79529205665770721436e+09,201,'application/json',X'7B226E616D65223A226F6C6761222C22726F6C65223A226F70657261746F72222C2270617373776F7264223A66616C73652C2264697361626C6564223A66616C73652C2263726561746564223A313739353239323035362E363539363733372C2270726F7669646572223A6E756C6C7D');
INSERT INTO "answers" VALUES('8e529364aedf1e55bdf808e6e7f060716cc8b2dd1d7050f167bcc1f35f2dc0ef','07e0531e25a94a331d4dede32a9bfd2af3559ccf8043a5fd7b7f38a8c0b10c7d','',1.79529206018073129655e+09,204,'application/json',X'');
INSERT INTO "answers" VALUES('706d5f1134e53ede4f922095d325088e4c6ef0a479fc3a1e193e367973338d63','b564cbdf6c36e1d351471efe72af182bfb00c0c609c90c524808ee5af5178edd','',1.79529206241259574891e+09,422,'application/problem+json',X'7B2274797065223A2275726E3A7261636B6C6573733A70726F626C656D3A66696C65732D6E6565646564222C227469746C65223A2246696C657320617265206E656564656420746861742077657265206E6F742073656E74222C22737461747573223A3432322C2264657461696C223A2254686520626C75657072696E742072656665727320746F20776573742E7365742E222C22636F6465223A2266696C65732D6E6565646564222C2268696E74223A2253656E64207468652066696C657320616C6F6E6720776974682069742E222C2270726F626C656D73223A5B5D2C2266696C6573223A5B22776573742E736574225D7D');
INSERT INTO "answers" VALUES('66cefa9d8d6404575e374b418667283224893b806319fd3b82b7b020bcb2ea00','d404fff1d80ef18ecab5b4ab06b1ff596d9a46196c01f6d391dd5db09315002a','',1.79529206242716383935e+09,202,'application/json',X'7B226A6F62223A22222C226C6162223A22666F7572222C226B696E64223A22626F6F6B6564222C22776173223A22222C227374617465223A2272756E6E696E67222C22726573756C74223A6E756C6C7D');
INSERT INTO "answers" VALUES('8b08f8b47259228ea9f6a9bdcfb2bfde4376ccdc9cfdce6528430c3ef5ae5c58','1c1347e8e2217a6a36c1ff5070c9134dd460507a20fae0deb069970944b68ebb','',1.79529206419960522646e+09,200,'application/json',X'7B226E616D65223A226F6E65222C227374617465223A227265616479222C22626567696E73223A313739353239323034352E3333303235392C22656E6473223A313739353239393236342E323034363537337D');
INSERT INTO "answers" VALUES('abd67852b212777d9e24db5d33249298888e3c81e3a88246b0e925e3eb082017','70495bb403ebe6be82f5838cb442d19aa593f359d096033daec5bd538686cebc','',1.795292066241625309e+09,202,'application/json',X'7B226A6F6273223A5B5D7D');
INSERT INTO "answers" VALUES('a3412bf7a14dbde2d45b50c556e3914df144a6d17ae70f6231390aa2ab75b3ea','ce88ae48351ea522123ac76322c82b718d36d3f6caaa561151e9cfd7fee45ed4','',1.79529207823047089577e+09,422,'application/problem+json',X'7B2274797065223A2275726E3A7261636B6C6573733A70726F626C656D3A66696C65732D6E6565646564222C227469746C65223A2246696C657320617265206E656564656420746861742077657265206E6F742073656E74222C22737461747573223A3432322C2264657461696C223A2254686520626C75657072696E742072656665727320746F20776573742E7365742E222C22636F6465223A2266696C65732D6E6565646564222C2268696E74223A2253656E64207468652066696C657320616C6F6E6720776974682069742E222C2270726F626C656D73223A5B5D2C2266696C6573223A5B22776573742E736574225D7D');
INSERT INTO "answers" VALUES('6868c22c47daf5c79accc9bffa08d421949951aeae916fa2e234214bef09ab26','2c1dd3e758db4fc46826dcb4ab36b58c81385c88c8217788b1a9e143d79c482c','',1.79529208053228211405e+09,202,'application/json',X'7B226A6F6273223A5B5D7D');
CREATE TABLE blueprints (
	sandbox_id INTEGER NOT NULL, 
	text TEXT NOT NULL, 
	file VARCHAR(255) NOT NULL, 
	files JSON NOT NULL, 
	since FLOAT NOT NULL, 
	who VARCHAR(64) NOT NULL, 
	CONSTRAINT pk_blueprints PRIMARY KEY (sandbox_id), 
	CONSTRAINT fk_blueprints_sandbox_id FOREIGN KEY(sandbox_id) REFERENCES sandboxes (id) ON DELETE CASCADE
);
INSERT INTO "blueprints" VALUES(1,'name: one
routers:
  west: {cards: 1, ports_per_card: 2, startup: west.set}
  east: {cards: 1, ports_per_card: 1}
wires:
  - [west:ge-0/0/0, east:ge-0/0/0]
','one.yaml','{"west.set": "set system time-zone UTC\n"}',1.79529204535395765307e+09,'local');
INSERT INTO "blueprints" VALUES(3,'name: four
routers:
  west: {cards: 1, ports_per_card: 2, startup: west.set}
  east: {cards: 1, ports_per_card: 1}
wires:
  - [west:ge-0/0/0, east:ge-0/0/0]
','four.yaml','{"west.set": "set system time-zone UTC\n"}',1.79529206245592498777e+09,'local');
CREATE TABLE events (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	time FLOAT NOT NULL, 
	lab VARCHAR(32) NOT NULL, 
	kind VARCHAR(16) NOT NULL, 
	audience JSON NOT NULL, 
	data JSON NOT NULL
);
INSERT INTO "events" VALUES(1,1.79529204533716654776e+09,'one','lab','["local"]','{"name": "one", "state": "booked", "reason": ""}');
INSERT INTO "events" VALUES(2,1.79529204543579554553e+09,'one','lab','["local"]','{"name": "one", "state": "deploying", "reason": "its time begins now"}');
INSERT INTO "events" VALUES(3,1.79529204543700575827e+09,'one','job','["local"]','{"lab": "one", "id": "one-deploy-b0bc8856", "verb": "deploy", "state": "running"}');
INSERT INTO "events" VALUES(4,1.79529204575631690021e+09,'one','step','["local"]','{"lab": "one", "job": "one-deploy-b0bc8856", "number": 1, "step": "check", "kind": "begin", "text": "checking that this place can bear the lab"}');
INSERT INTO "events" VALUES(5,1.79529204575864672656e+09,'one','step','["local"]','{"lab": "one", "job": "one-deploy-b0bc8856", "number": 2, "step": "check", "kind": "done", "text": "0.0 s"}');
INSERT INTO "events" VALUES(6,1.79529204578126263614e+09,'one','step','["local"]','{"lab": "one", "job": "one-deploy-b0bc8856", "number": 3, "step": "make", "kind": "begin", "text": "making 4 machines with their disks and internal networks"}');
INSERT INTO "events" VALUES(7,1.7952920458607470989e+09,'one','step','["local"]','{"lab": "one", "job": "one-deploy-b0bc8856", "number": 4, "step": "make", "kind": "done", "text": "0.1 s"}');
INSERT INTO "events" VALUES(8,1.79529204595802736278e+09,'one','step','["local"]','{"lab": "one", "job": "one-deploy-b0bc8856", "number": 5, "step": "wire", "kind": "begin", "text": "connecting the wires"}');
INSERT INTO "events" VALUES(9,1.79529204596352624898e+09,'one','link','["local"]','{"lab": "one", "ends": ["west:ge-0/0/0", "east:ge-0/0/0"], "state": "connected"}');
INSERT INTO "events" VALUES(10,1.79529204596462154384e+09,'one','step','["local"]','{"lab": "one", "job": "one-deploy-b0bc8856", "number": 6, "step": "wire", "kind": "done", "text": "0.0 s"}');
INSERT INTO "events" VALUES(11,1.79529204607771611214e+09,'one','step','["local"]','{"lab": "one", "job": "one-deploy-b0bc8856", "number": 7, "step": "start west-vcp", "kind": "begin", "text": "starting west-vcp"}');
INSERT INTO "events" VALUES(12,1.79529204608326935764e+09,'one','machine','["local"]','{"lab": "one", "name": "west-vcp", "state": "starting", "reason": "power on", "role": "controller"}');
INSERT INTO "events" VALUES(13,1.79529204608868575097e+09,'one','step','["local"]','{"lab": "one", "job": "one-deploy-b0bc8856", "number": 8, "step": "start west-vcp", "kind": "note", "text": "waiting for west-vcp to boot and answer on its host channel"}');
INSERT INTO "events" VALUES(14,1.79529204609530091286e+09,'one','step','["local"]','{"lab": "one", "job": "one-deploy-b0bc8856", "number": 9, "step": "start west-vcp", "kind": "done", "text": "0.0 s"}');
INSERT INTO "events" VALUES(15,1.79529204611291050915e+09,'one','step','["local"]','{"lab": "one", "job": "one-deploy-b0bc8856", "number": 10, "step": "start west-vfp0", "kind": "begin", "text": "starting west-vfp0"}');
INSERT INTO "events" VALUES(16,1.79529204611747193343e+09,'one','step','["local"]','{"lab": "one", "job": "one-deploy-b0bc8856", "number": 11, "step": "start east-vcp", "kind": "begin", "text": "starting east-vcp"}');
INSERT INTO "events" VALUES(17,1.79529204612351202968e+09,'one','step','["local"]','{"lab": "one", "job": "one-deploy-b0bc8856", "number": 12, "step": "start east-vfp0", "kind": "begin", "text": "starting east-vfp0"}');
INSERT INTO "events" VALUES(18,1.79529204612810564046e+09,'one','machine','["local"]','{"lab": "one", "name": "west-vfp0", "state": "starting", "reason": "power on", "role": "card"}');
INSERT INTO "events" VALUES(19,1.79529204612957382202e+09,'one','machine','["local"]','{"lab": "one", "name": "east-vcp", "state": "starting", "reason": "power on", "role": "controller"}');
INSERT INTO "events" VALUES(20,1.79529204613170838356e+09,'one','machine','["local"]','{"lab": "one", "name": "east-vfp0", "state": "starting", "reason": "power on", "role": "card"}');
INSERT INTO "events" VALUES(21,1.79529204614263749118e+09,'one','step','["local"]','{"lab": "one", "job": "one-deploy-b0bc8856", "number": 13, "step": "start west-vfp0", "kind": "note", "text": "waiting for west-vfp0 to boot and answer on its host channel"}');
INSERT INTO "events" VALUES(22,1.79529204616083478927e+09,'one','step','["local"]','{"lab": "one", "job": "one-deploy-b0bc8856", "number": 14, "step": "start east-vcp", "kind": "note", "text": "waiting for east-vcp to boot and answer on its host channel"}');
INSERT INTO "events" VALUES(23,1.79529204616306376461e+09,'one','step','["local"]','{"lab": "one", "job": "one-deploy-b0bc8856", "number": 15, "step": "start east-vfp0", "kind": "note", "text": "waiting for east-vfp0 to boot and answer on its host channel"}');
INSERT INTO "events" VALUES(24,1.7952920461644263268e+09,'one','machine','["local"]','{"lab": "one", "name": "west-vfp0", "state": "running", "reason": "it answers on its host channel", "role": "card"}');
INSERT INTO "events" VALUES(25,1.79529204617003726963e+09,'one','step','["local"]','{"lab": "one", "job": "one-deploy-b0bc8856", "number": 16, "step": "start east-vcp", "kind": "done", "text": "0.0 s"}');
INSERT INTO "events" VALUES(26,1.79529204617622470852e+09,'one','machine','["local"]','{"lab": "one", "name": "east-vfp0", "state": "running", "reason": "it answers on its host channel", "role": "card"}');
INSERT INTO "events" VALUES(27,1.79529204617894792557e+09,'one','step','["local"]','{"lab": "one", "job": "one-deploy-b0bc8856", "number": 17, "step": "start west-vfp0", "kind": "done", "text": "0.1 s"}');
INSERT INTO "events" VALUES(28,1.79529204618112254139e+09,'one','step','["local"]','{"lab": "one", "job": "one-deploy-b0bc8856", "number": 18, "step": "start east-vfp0", "kind": "done", "text": "0.1 s"}');
INSERT INTO "events" VALUES(29,1.79529204621095800397e+09,'one','step','["local"]','{"lab": "one", "job": "one-deploy-b0bc8856", "number": 19, "step": "bootstrap east", "kind": "begin", "text": "bootstrapping east over its serial line"}');
INSERT INTO "events" VALUES(30,1.79529204621205615991e+09,'one','step','["local"]','{"lab": "one", "job": "one-deploy-b0bc8856", "number": 20, "step": "bootstrap west", "kind": "begin", "text": "bootstrapping west over its serial line"}');
INSERT INTO "events" VALUES(31,1.79529204624074935911e+09,'one','machine','["local"]','{"lab": "one", "name": "east-vcp", "state": "bootstrapping", "reason": "serial dialogue", "role": "controller"}');
INSERT INTO "events" VALUES(32,1.79529204624334621422e+09,'one','machine','["local"]','{"lab": "one", "name": "west-vcp", "state": "bootstrapping", "reason": "serial dialogue", "role": "controller"}');
INSERT INTO "events" VALUES(33,1.79529204625630831723e+09,'one','step','["local"]','{"lab": "one", "job": "one-deploy-b0bc8856", "number": 21, "step": "bootstrap east", "kind": "note", "text": "waiting for the login prompt"}');
INSERT INTO "events" VALUES(34,1.79529204625924158097e+09,'one','step','["local"]','{"lab": "one", "job": "one-deploy-b0bc8856", "number": 22, "step": "bootstrap west", "kind": "note", "text": "waiting for the login prompt"}');
INSERT INTO "events" VALUES(35,1.79529204626384639737e+09,'one','step','["local"]','{"lab": "one", "job": "one-deploy-b0bc8856", "number": 23, "step": "bootstrap east", "kind": "note", "text": "waiting for east to take logins over SSH"}');
INSERT INTO "events" VALUES(36,1.79529204626473975177e+09,'one','step','["local"]','{"lab": "one", "job": "one-deploy-b0bc8856", "number": 24, "step": "bootstrap west", "kind": "note", "text": "waiting for west to take logins over SSH"}');
INSERT INTO "events" VALUES(37,1.79529204626782059673e+09,'one','machine','["local"]','{"lab": "one", "name": "east-vcp", "state": "running", "reason": "it takes logins over SSH", "role": "controller"}');
INSERT INTO "events" VALUES(38,1.79529204627624440187e+09,'one','step','["local"]','{"lab": "one", "job": "one-deploy-b0bc8856", "number": 25, "step": "bootstrap east", "kind": "done", "text": "0.1 s"}');
INSERT INTO "events" VALUES(39,1.79529204629754090315e+09,'one','machine','["local"]','{"lab": "one", "name": "west-vcp", "state": "running", "reason": "it takes logins over SSH", "role": "controller"}');
INSERT INTO "events" VALUES(40,1.79529204629987168312e+09,'one','step','["local"]','{"lab": "one", "job": "one-deploy-b0bc8856", "number": 26, "step": "bootstrap west", "kind": "done", "text": "0.1 s"}');
INSERT INTO "events" VALUES(41,1.79529204634597802162e+09,'one','step','["local"]','{"lab": "one", "job": "one-deploy-b0bc8856", "number": 27, "step": "configure east", "kind": "begin", "text": "loading the start-up configuration of east"}');
INSERT INTO "events" VALUES(42,1.79529204635215759279e+09,'one','step','["local"]','{"lab": "one", "job": "one-deploy-b0bc8856", "number": 28, "step": "configure east", "kind": "done", "text": "0.0 s"}');
INSERT INTO "events" VALUES(43,1.79529204636376118662e+09,'one','step','["local"]','{"lab": "one", "job": "one-deploy-b0bc8856", "number": 29, "step": "ports east", "kind": "begin", "text": "waiting for every port of east"}');
INSERT INTO "events" VALUES(44,1.79529204637143349645e+09,'one','step','["local"]','{"lab": "one", "job": "one-deploy-b0bc8856", "number": 30, "step": "ports east", "kind": "done", "text": "0.0 s"}');
INSERT INTO "events" VALUES(45,1795292046.38158,'one','step','["local"]','{"lab": "one", "job": "one-deploy-b0bc8856", "number": 31, "step": "inventory east", "kind": "begin", "text": "reading the inventory of east over SNMP"}');
INSERT INTO "events" VALUES(46,1.79529204638686847687e+09,'one','step','["local"]','{"lab": "one", "job": "one-deploy-b0bc8856", "number": 32, "step": "inventory east", "kind": "done", "text": "0.0 s"}');
INSERT INTO "events" VALUES(47,1.79529204650863242155e+09,'one','step','["local"]','{"lab": "one", "job": "one-deploy-b0bc8856", "number": 33, "step": "configure west", "kind": "begin", "text": "loading the start-up configuration of west"}');
INSERT INTO "events" VALUES(48,1.79529204652103281016e+09,'one','step','["local"]','{"lab": "one", "job": "one-deploy-b0bc8856", "number": 34, "step": "configure west", "kind": "done", "text": "0.0 s"}');
INSERT INTO "events" VALUES(49,1.79529204653411746019e+09,'one','step','["local"]','{"lab": "one", "job": "one-deploy-b0bc8856", "number": 35, "step": "ports west", "kind": "begin", "text": "waiting for every port of west"}');
INSERT INTO "events" VALUES(50,1.79529204653956890105e+09,'one','step','["local"]','{"lab": "one", "job": "one-deploy-b0bc8856", "number": 36, "step": "ports west", "kind": "done", "text": "0.0 s"}');
INSERT INTO "events" VALUES(51,1.79529204655577039723e+09,'one','step','["local"]','{"lab": "one", "job": "one-deploy-b0bc8856", "number": 37, "step": "inventory west", "kind": "begin", "text": "reading the inventory of west over SNMP"}');
INSERT INTO "events" VALUES(52,1.79529204656012320515e+09,'one','step','["local"]','{"lab": "one", "job": "one-deploy-b0bc8856", "number": 38, "step": "inventory west", "kind": "done", "text": "0.0 s"}');
INSERT INTO "events" VALUES(53,1.79529204664803862566e+09,'one','step','["local"]','{"lab": "one", "job": "one-deploy-b0bc8856", "number": 39, "step": "ready", "kind": "begin", "text": "comparing what is there with the plan"}');
INSERT INTO "events" VALUES(54,1.79529204665122103694e+09,'one','lab','["local"]','{"name": "one", "state": "ready", "reason": "every machine, port and wire is there"}');
INSERT INTO "events" VALUES(55,1.79529204665225076672e+09,'one','step','["local"]','{"lab": "one", "job": "one-deploy-b0bc8856", "number": 40, "step": "ready", "kind": "done", "text": "0.0 s"}');
INSERT INTO "events" VALUES(56,1.79529204666692471506e+09,'one','job','["local"]','{"lab": "one", "id": "one-deploy-b0bc8856", "verb": "deploy", "state": "succeeded"}');
INSERT INTO "events" VALUES(57,1.79529204912965130802e+09,'two','lab','["local"]','{"name": "two", "state": "booked", "reason": ""}');
INSERT INTO "events" VALUES(58,1.79529204915016865726e+09,'two','lab','["local"]','{"name": "two", "state": "deploying", "reason": "its time begins now"}');
INSERT INTO "events" VALUES(59,1.79529204915081143376e+09,'two','job','["local"]','{"lab": "two", "id": "two-deploy-53229c2e", "verb": "deploy", "state": "running"}');
INSERT INTO "events" VALUES(60,1795292049.19126,'two','step','["local"]','{"lab": "two", "job": "two-deploy-53229c2e", "number": 1, "step": "check", "kind": "begin", "text": "checking that this place can bear the lab"}');
INSERT INTO "events" VALUES(61,1.79529204920570826533e+09,'two','step','["local"]','{"lab": "two", "job": "two-deploy-53229c2e", "number": 2, "step": "check", "kind": "done", "text": "0.0 s"}');
INSERT INTO "events" VALUES(62,1.79529204922687554354e+09,'two','step','["local"]','{"lab": "two", "job": "two-deploy-53229c2e", "number": 3, "step": "make", "kind": "begin", "text": "making 4 machines with their disks and internal networks"}');
INSERT INTO "events" VALUES(63,1.79529204927518868445e+09,'two','step','["local"]','{"lab": "two", "job": "two-deploy-53229c2e", "number": 4, "step": "make", "kind": "done", "text": "0.0 s"}');
INSERT INTO "events" VALUES(64,1.79529204929919266697e+09,'two','step','["local"]','{"lab": "two", "job": "two-deploy-53229c2e", "number": 5, "step": "wire", "kind": "begin", "text": "connecting the wires"}');
INSERT INTO "events" VALUES(65,1.79529204931984734533e+09,'two','link','["local"]','{"lab": "two", "ends": ["west:ge-0/0/0", "east:ge-0/0/0"], "state": "connected"}');
INSERT INTO "events" VALUES(66,1.79529204933098435401e+09,'two','step','["local"]','{"lab": "two", "job": "two-deploy-53229c2e", "number": 6, "step": "wire", "kind": "done", "text": "0.0 s"}');
INSERT INTO "events" VALUES(67,1.79529204937843847277e+09,'two','step','["local"]','{"lab": "two", "job": "two-deploy-53229c2e", "number": 7, "step": "start west-vcp", "kind": "begin", "text": "starting west-vcp"}');
INSERT INTO "events" VALUES(68,1.79529204939574289325e+09,'two','machine','["local"]','{"lab": "two", "name": "west-vcp", "state": "starting", "reason": "power on", "role": "controller"}');
INSERT INTO "events" VALUES(69,1.7952920494044308662e+09,'two','step','["local"]','{"lab": "two", "job": "two-deploy-53229c2e", "number": 8, "step": "start west-vcp", "kind": "note", "text": "waiting for west-vcp to boot and answer on its host channel"}');
INSERT INTO "events" VALUES(70,1.79529204940764379504e+09,'two','step','["local"]','{"lab": "two", "job": "two-deploy-53229c2e", "number": 9, "step": "start west-vcp", "kind": "done", "text": "0.0 s"}');
INSERT INTO "events" VALUES(71,1.79529204944774627679e+09,'two','step','["local"]','{"lab": "two", "job": "two-deploy-53229c2e", "number": 10, "step": "start east-vcp", "kind": "begin", "text": "starting east-vcp"}');
INSERT INTO "events" VALUES(72,1.79529204945659255979e+09,'two','machine','["local"]','{"lab": "two", "name": "east-vcp", "state": "starting", "reason": "power on", "role": "controller"}');
INSERT INTO "events" VALUES(73,1.79529204947471928595e+09,'two','step','["local"]','{"lab": "two", "job": "two-deploy-53229c2e", "number": 11, "step": "start east-vcp", "kind": "note", "text": "waiting for east-vcp to boot and answer on its host channel"}');
INSERT INTO "events" VALUES(74,1.79529204947618603702e+09,'two','step','["local"]','{"lab": "two", "job": "two-deploy-53229c2e", "number": 12, "step": "start east-vcp", "kind": "done", "text": "0.0 s"}');
INSERT INTO "events" VALUES(75,1.79529204948795914655e+09,'two','step','["local"]','{"lab": "two", "job": "two-deploy-53229c2e", "number": 13, "step": "start west-vfp0", "kind": "begin", "text": "starting west-vfp0"}');
INSERT INTO "events" VALUES(76,1.79529204950870227815e+09,'two','step','["local"]','{"lab": "two", "job": "two-deploy-53229c2e", "number": 14, "step": "start east-vfp0", "kind": "begin", "text": "starting east-vfp0"}');
INSERT INTO "events" VALUES(77,1.79529204951704835892e+09,'two','machine','["local"]','{"lab": "two", "name": "west-vfp0", "state": "starting", "reason": "power on", "role": "card"}');
INSERT INTO "events" VALUES(78,1.7952920495197939873e+09,'two','machine','["local"]','{"lab": "two", "name": "east-vfp0", "state": "starting", "reason": "power on", "role": "card"}');
INSERT INTO "events" VALUES(79,1.79529204952964711186e+09,'two','step','["local"]','{"lab": "two", "job": "two-deploy-53229c2e", "number": 15, "step": "start west-vfp0", "kind": "note", "text": "waiting for west-vfp0 to boot and answer on its host channel"}');
INSERT INTO "events" VALUES(80,1.79529204954371953014e+09,'two','step','["local"]','{"lab": "two", "job": "two-deploy-53229c2e", "number": 16, "step": "start east-vfp0", "kind": "note", "text": "waiting for east-vfp0 to boot and answer on its host channel"}');
INSERT INTO "events" VALUES(81,1.79529204954513978958e+09,'two','machine','["local"]','{"lab": "two", "name": "west-vfp0", "state": "running", "reason": "it answers on its host channel", "role": "card"}');
INSERT INTO "events" VALUES(82,1.79529204954835247998e+09,'two','step','["local"]','{"lab": "two", "job": "two-deploy-53229c2e", "number": 17, "step": "bootstrap east", "kind": "begin", "text": "bootstrapping east over its serial line"}');
INSERT INTO "events" VALUES(83,1.79529204954934644704e+09,'two','step','["local"]','{"lab": "two", "job": "two-deploy-53229c2e", "number": 18, "step": "bootstrap west", "kind": "begin", "text": "bootstrapping west over its serial line"}');
INSERT INTO "events" VALUES(84,1.79529204955255985258e+09,'two','machine','["local"]','{"lab": "two", "name": "east-vfp0", "state": "running", "reason": "it answers on its host channel", "role": "card"}');
INSERT INTO "events" VALUES(85,1.7952920495595257282e+09,'two','step','["local"]','{"lab": "two", "job": "two-deploy-53229c2e", "number": 19, "step": "start west-vfp0", "kind": "done", "text": "0.1 s"}');
INSERT INTO "events" VALUES(86,1.79529204956718254088e+09,'two','step','["local"]','{"lab": "two", "job": "two-deploy-53229c2e", "number": 20, "step": "start east-vfp0", "kind": "done", "text": "0.1 s"}');
INSERT INTO "events" VALUES(87,1.79529204957930564883e+09,'two','machine','["local"]','{"lab": "two", "name": "east-vcp", "state": "bootstrapping", "reason": "serial dialogue", "role": "controller"}');
INSERT INTO "events" VALUES(88,1.79529204958345150943e+09,'two','machine','["local"]','{"lab": "two", "name": "west-vcp", "state": "bootstrapping", "reason": "serial dialogue", "role": "controller"}');
INSERT INTO "events" VALUES(89,1.79529204960196208957e+09,'two','step','["local"]','{"lab": "two", "job": "two-deploy-53229c2e", "number": 21, "step": "bootstrap east", "kind": "note", "text": "waiting for the login prompt"}');
INSERT INTO "events" VALUES(90,1.79529204960966610907e+09,'two','step','["local"]','{"lab": "two", "job": "two-deploy-53229c2e", "number": 22, "step": "bootstrap west", "kind": "note", "text": "waiting for the login prompt"}');
INSERT INTO "events" VALUES(91,1.79529204961670494082e+09,'two','step','["local"]','{"lab": "two", "job": "two-deploy-53229c2e", "number": 23, "step": "bootstrap east", "kind": "note", "text": "waiting for east to take logins over SSH"}');
INSERT INTO "events" VALUES(92,1.79529204961756467823e+09,'two','step','["local"]','{"lab": "two", "job": "two-deploy-53229c2e", "number": 24, "step": "bootstrap west", "kind": "note", "text": "waiting for west to take logins over SSH"}');
INSERT INTO "events" VALUES(93,1.79529204963079333304e+09,'two','machine','["local"]','{"lab": "two", "name": "east-vcp", "state": "running", "reason": "it takes logins over SSH", "role": "controller"}');
INSERT INTO "events" VALUES(94,1.79529204963267278666e+09,'two','machine','["local"]','{"lab": "two", "name": "west-vcp", "state": "running", "reason": "it takes logins over SSH", "role": "controller"}');
INSERT INTO "events" VALUES(95,1.79529204963392090797e+09,'two','step','["local"]','{"lab": "two", "job": "two-deploy-53229c2e", "number": 25, "step": "bootstrap east", "kind": "done", "text": "0.1 s"}');
INSERT INTO "events" VALUES(96,1.79529204964354062077e+09,'two','step','["local"]','{"lab": "two", "job": "two-deploy-53229c2e", "number": 26, "step": "bootstrap west", "kind": "done", "text": "0.1 s"}');
INSERT INTO "events" VALUES(97,1.7952920496493649482e+09,'two','step','["local"]','{"lab": "two", "job": "two-deploy-53229c2e", "number": 27, "step": "configure east", "kind": "begin", "text": "loading the start-up configuration of east"}');
INSERT INTO "events" VALUES(98,1.79529204966714668275e+09,'two','step','["local"]','{"lab": "two", "job": "two-deploy-53229c2e", "number": 28, "step": "configure east", "kind": "done", "text": "0.0 s"}');
INSERT INTO "events" VALUES(99,1.79529204967064499854e+09,'two','step','["local"]','{"lab": "two", "job": "two-deploy-53229c2e", "number": 29, "step": "configure west", "kind": "begin", "text": "loading the start-up configuration of west"}');
INSERT INTO "events" VALUES(100,1.79529204970836305617e+09,'two','step','["local"]','{"lab": "two", "job": "two-deploy-53229c2e", "number": 30, "step": "ports east", "kind": "begin", "text": "waiting for every port of east"}');
INSERT INTO "events" VALUES(101,1.7952920497112221718e+09,'two','step','["local"]','{"lab": "two", "job": "two-deploy-53229c2e", "number": 31, "step": "configure west", "kind": "done", "text": "0.0 s"}');
INSERT INTO "events" VALUES(102,1795292049.71798,'two','step','["local"]','{"lab": "two", "job": "two-deploy-53229c2e", "number": 32, "step": "ports east", "kind": "done", "text": "0.0 s"}');
INSERT INTO "events" VALUES(103,1.79529204975541496281e+09,'two','step','["local"]','{"lab": "two", "job": "two-deploy-53229c2e", "number": 33, "step": "ports west", "kind": "begin", "text": "waiting for every port of west"}');
INSERT INTO "events" VALUES(104,1.79529204976435947417e+09,'two','step','["local"]','{"lab": "two", "job": "two-deploy-53229c2e", "number": 34, "step": "ports west", "kind": "done", "text": "0.0 s"}');
INSERT INTO "events" VALUES(105,1.79529204979169440268e+09,'two','step','["local"]','{"lab": "two", "job": "two-deploy-53229c2e", "number": 35, "step": "inventory east", "kind": "begin", "text": "reading the inventory of east over SNMP"}');
INSERT INTO "events" VALUES(106,1.79529204979481434825e+09,'two','step','["local"]','{"lab": "two", "job": "two-deploy-53229c2e", "number": 36, "step": "inventory west", "kind": "begin", "text": "reading the inventory of west over SNMP"}');
INSERT INTO "events" VALUES(107,1.79529204980885434151e+09,'two','step','["local"]','{"lab": "two", "job": "two-deploy-53229c2e", "number": 37, "step": "inventory east", "kind": "done", "text": "0.0 s"}');
INSERT INTO "events" VALUES(108,1.79529204981355714797e+09,'two','step','["local"]','{"lab": "two", "job": "two-deploy-53229c2e", "number": 38, "step": "inventory west", "kind": "done", "text": "0.0 s"}');
INSERT INTO "events" VALUES(109,1.79529205008814811712e+09,'two','step','["local"]','{"lab": "two", "job": "two-deploy-53229c2e", "number": 39, "step": "ready", "kind": "begin", "text": "comparing what is there with the plan"}');
INSERT INTO "events" VALUES(110,1.79529205009192466737e+09,'two','lab','["local"]','{"name": "two", "state": "ready", "reason": "every machine, port and wire is there"}');
INSERT INTO "events" VALUES(111,1.79529205009424638753e+09,'two','step','["local"]','{"lab": "two", "job": "two-deploy-53229c2e", "number": 40, "step": "ready", "kind": "done", "text": "0.0 s"}');
INSERT INTO "events" VALUES(112,1.795292050109023571e+09,'two','job','["local"]','{"lab": "two", "id": "two-deploy-53229c2e", "verb": "deploy", "state": "succeeded"}');
INSERT INTO "events" VALUES(113,1.79529205233551883693e+09,'two','lab','["local"]','{"name": "two", "state": "tearing-down", "reason": "down was asked for"}');
INSERT INTO "events" VALUES(114,1.79529205233659648892e+09,'two','job','["local"]','{"lab": "two", "id": "two-teardown-80461117", "verb": "teardown", "state": "running"}');
INSERT INTO "events" VALUES(115,1.79529205235167574881e+09,'two','step','["local"]','{"lab": "two", "job": "two-teardown-80461117", "number": 1, "step": "remove", "kind": "begin", "text": "removing all that carries the lab''s mark"}');
INSERT INTO "events" VALUES(116,1.7952920524131243229e+09,'two','machine','["local"]','{"lab": "two", "name": "east-vcp", "state": "removed", "reason": "taken down", "role": "controller"}');
INSERT INTO "events" VALUES(117,1.7952920524156854153e+09,'two','machine','["local"]','{"lab": "two", "name": "east-vfp0", "state": "removed", "reason": "taken down", "role": "card"}');
INSERT INTO "events" VALUES(118,1.79529205241660380363e+09,'two','machine','["local"]','{"lab": "two", "name": "west-vcp", "state": "removed", "reason": "taken down", "role": "controller"}');
INSERT INTO "events" VALUES(119,1.7952920524174864292e+09,'two','machine','["local"]','{"lab": "two", "name": "west-vfp0", "state": "removed", "reason": "taken down", "role": "card"}');
INSERT INTO "events" VALUES(120,1.79529205241857576372e+09,'two','step','["local"]','{"lab": "two", "job": "two-teardown-80461117", "number": 2, "step": "remove", "kind": "done", "text": "0.1 s"}');
INSERT INTO "events" VALUES(121,1.79529205244249582293e+09,'two','step','["local"]','{"lab": "two", "job": "two-teardown-80461117", "number": 3, "step": "release", "kind": "begin", "text": "giving back ports and secrets"}');
INSERT INTO "events" VALUES(122,1.79529205245141482358e+09,'two','lab','["local"]','{"name": "two", "state": "ended", "reason": "nothing is left of it"}');
INSERT INTO "events" VALUES(123,1.79529205245222544672e+09,'two','job','["local"]','{"lab": "two", "id": "two-teardown-80461117", "verb": "teardown", "state": "succeeded"}');
INSERT INTO "events" VALUES(124,1.795292052457224369e+09,'two','step','["local"]','{"lab": "two", "job": "two-teardown-80461117", "number": 4, "step": "release", "kind": "done", "text": "0.0 s"}');
INSERT INTO "events" VALUES(125,1.79529205370899057388e+09,'one','job','["local"]','{"lab": "one", "id": "one-link-7dc517d4", "verb": "link", "state": "running"}');
INSERT INTO "events" VALUES(126,1.7952920537266442776e+09,'one','step','["local"]','{"lab": "one", "job": "one-link-7dc517d4", "number": 1, "step": "link", "kind": "begin", "text": "putting the wire west:ge-0/0/0 -- east:ge-0/0/0 down"}');
INSERT INTO "events" VALUES(127,1.79529205373183941836e+09,'one','link','["local"]','{"lab": "one", "ends": ["west:ge-0/0/0", "east:ge-0/0/0"], "state": "down"}');
INSERT INTO "events" VALUES(128,1.79529205373336791995e+09,'one','step','["local"]','{"lab": "one", "job": "one-link-7dc517d4", "number": 2, "step": "link", "kind": "done", "text": "0.0 s"}');
INSERT INTO "events" VALUES(129,1.79529205375145196909e+09,'one','job','["local"]','{"lab": "one", "id": "one-link-7dc517d4", "verb": "link", "state": "succeeded"}');
INSERT INTO "events" VALUES(130,1.79529206245430493354e+09,'four','lab','["local"]','{"name": "four", "state": "booked", "reason": ""}');
INSERT INTO "events" VALUES(131,1.79529206420749378207e+09,'one','lab','["local", "una"]','{"name": "one", "state": "ready", "reason": "every machine, port and wire is there"}');
CREATE TABLE groups (
	name VARCHAR(64) NOT NULL, 
	created FLOAT NOT NULL, 
	quota JSON NOT NULL, 
	CONSTRAINT pk_groups PRIMARY KEY (name)
);
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
INSERT INTO "history" VALUES(1,1,1.79529204533598113055e+09,'local','booked','asked for',0);
INSERT INTO "history" VALUES(2,1,1.79529204543413805966e+09,'local','deploying','its time begins now',0);
INSERT INTO "history" VALUES(3,1,1.79529204665063071245e+09,'rackless','ready','every machine, port and wire is there',0);
INSERT INTO "history" VALUES(4,2,1.79529204912909483909e+09,'local','booked','asked for',0);
INSERT INTO "history" VALUES(5,2,1.79529204914939093584e+09,'local','deploying','its time begins now',0);
INSERT INTO "history" VALUES(6,2,1.7952920500910115242e+09,'rackless','ready','every machine, port and wire is there',0);
INSERT INTO "history" VALUES(7,2,1.79529205233442139622e+09,'local','tearing-down','down was asked for',0);
INSERT INTO "history" VALUES(8,2,1.79529205245073270793e+09,'rackless','ended','nothing is left of it',0);
INSERT INTO "history" VALUES(9,3,1.79529206244961547856e+09,'local','booked','asked for',0);
INSERT INTO "history" VALUES(10,1,1.7952920642062969208e+09,'local','extended','ends 2026-11-21 22:14 UTC',0);
CREATE TABLE identities (
	provider VARCHAR(64) NOT NULL, 
	subject VARCHAR(255) NOT NULL, 
	user VARCHAR(64) NOT NULL, 
	CONSTRAINT pk_identities PRIMARY KEY (provider, subject), 
	CONSTRAINT fk_identities_user FOREIGN KEY(user) REFERENCES users (name) ON DELETE CASCADE, 
	CONSTRAINT uq_identities_user UNIQUE (user)
);
CREATE TABLE inventory (
	sandbox_id INTEGER NOT NULL, 
	router VARCHAR(32) NOT NULL, 
	document JSON NOT NULL, 
	taken FLOAT NOT NULL, 
	CONSTRAINT pk_inventory PRIMARY KEY (sandbox_id, router), 
	CONSTRAINT fk_inventory_sandbox_id FOREIGN KEY(sandbox_id) REFERENCES sandboxes (id) ON DELETE CASCADE
);
INSERT INTO "inventory" VALUES(1,'east','{"system_name": "east", "system_description": "Pretended router", "system_object_id": "1.3.6.1.4.1.8072.3.2.10", "chassis": "pretended", "serial": "", "cards": [{"slot": 0, "description": "card at 128.0.0.16", "serial": ""}], "ports": [{"name": "ge-0/0/0", "mac": "52:24:11:1d:7b:62", "speed": 1000000000, "mtu": 1500, "admin_up": true, "oper_up": true, "description": "", "addresses": [], "card": 0}]}',1.79529204638538074497e+09);
INSERT INTO "inventory" VALUES(1,'west','{"system_name": "west", "system_description": "Pretended router", "system_object_id": "1.3.6.1.4.1.8072.3.2.10", "chassis": "pretended", "serial": "", "cards": [{"slot": 0, "description": "card at 128.0.0.16", "serial": ""}], "ports": [{"name": "ge-0/0/0", "mac": "52:38:97:4c:92:22", "speed": 1000000000, "mtu": 1500, "admin_up": true, "oper_up": true, "description": "", "addresses": [], "card": 0}, {"name": "ge-0/0/1", "mac": "52:38:97:4c:92:23", "speed": 1000000000, "mtu": 1500, "admin_up": true, "oper_up": false, "description": "", "addresses": [], "card": 0}]}',1.79529204655909013742e+09);
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
INSERT INTO "job_events" VALUES('one-deploy-b0bc8856',1,1.79529204574610280992e+09,'check','begin','checking that this place can bear the lab');
INSERT INTO "job_events" VALUES('one-deploy-b0bc8856',2,1.79529204575813198085e+09,'check','done','0.0 s');
INSERT INTO "job_events" VALUES('one-deploy-b0bc8856',3,1.79529204578066563604e+09,'make','begin','making 4 machines with their disks and internal networks');
INSERT INTO "job_events" VALUES('one-deploy-b0bc8856',4,1.7952920458601386547e+09,'make','done','0.1 s');
INSERT INTO "job_events" VALUES('one-deploy-b0bc8856',5,1.79529204595733666424e+09,'wire','begin','connecting the wires');
INSERT INTO "job_events" VALUES('one-deploy-b0bc8856',6,1.79529204596417140955e+09,'wire','done','0.0 s');
INSERT INTO "job_events" VALUES('one-deploy-b0bc8856',7,1.79529204607722306253e+09,'start west-vcp','begin','starting west-vcp');
INSERT INTO "job_events" VALUES('one-deploy-b0bc8856',8,1.7952920460881824494e+09,'start west-vcp','note','waiting for west-vcp to boot and answer on its host channel');
INSERT INTO "job_events" VALUES('one-deploy-b0bc8856',9,1.79529204608912682536e+09,'start west-vcp','done','0.0 s');
INSERT INTO "job_events" VALUES('one-deploy-b0bc8856',10,1.79529204611231279369e+09,'start west-vfp0','begin','starting west-vfp0');
INSERT INTO "job_events" VALUES('one-deploy-b0bc8856',11,1.7952920461168942451e+09,'start east-vcp','begin','starting east-vcp');
INSERT INTO "job_events" VALUES('one-deploy-b0bc8856',12,1.79529204611931753163e+09,'start east-vfp0','begin','starting east-vfp0');
INSERT INTO "job_events" VALUES('one-deploy-b0bc8856',13,1.79529204614214277268e+09,'start west-vfp0','note','waiting for west-vfp0 to boot and answer on its host channel');
INSERT INTO "job_events" VALUES('one-deploy-b0bc8856',14,1795292046.16005,'start east-vcp','note','waiting for east-vcp to boot and answer on its host channel');
INSERT INTO "job_events" VALUES('one-deploy-b0bc8856',15,1.79529204616260814665e+09,'start east-vfp0','note','waiting for east-vfp0 to boot and answer on its host channel');
INSERT INTO "job_events" VALUES('one-deploy-b0bc8856',16,1.79529204616484618179e+09,'start east-vcp','done','0.0 s');
INSERT INTO "job_events" VALUES('one-deploy-b0bc8856',17,1.79529204617849397662e+09,'start west-vfp0','done','0.1 s');
INSERT INTO "job_events" VALUES('one-deploy-b0bc8856',18,1.79529204618066954611e+09,'start east-vfp0','done','0.1 s');
INSERT INTO "job_events" VALUES('one-deploy-b0bc8856',19,1.79529204621018600466e+09,'bootstrap east','begin','bootstrapping east over its serial line');
INSERT INTO "job_events" VALUES('one-deploy-b0bc8856',20,1.7952920462116243839e+09,'bootstrap west','begin','bootstrapping west over its serial line');
INSERT INTO "job_events" VALUES('one-deploy-b0bc8856',21,1.7952920462557611465e+09,'bootstrap east','note','waiting for the login prompt');
INSERT INTO "job_events" VALUES('one-deploy-b0bc8856',22,1.79529204625875854492e+09,'bootstrap west','note','waiting for the login prompt');
INSERT INTO "job_events" VALUES('one-deploy-b0bc8856',23,1.7952920462633624077e+09,'bootstrap east','note','waiting for east to take logins over SSH');
INSERT INTO "job_events" VALUES('one-deploy-b0bc8856',24,1.79529204626431107515e+09,'bootstrap west','note','waiting for west to take logins over SSH');
INSERT INTO "job_events" VALUES('one-deploy-b0bc8856',25,1.79529204627572631838e+09,'bootstrap east','done','0.1 s');
INSERT INTO "job_events" VALUES('one-deploy-b0bc8856',26,1.7952920462993524074e+09,'bootstrap west','done','0.1 s');
INSERT INTO "job_events" VALUES('one-deploy-b0bc8856',27,1.79529204634509301184e+09,'configure east','begin','loading the start-up configuration of east');
INSERT INTO "job_events" VALUES('one-deploy-b0bc8856',28,1.79529204635163426402e+09,'configure east','done','0.0 s');
INSERT INTO "job_events" VALUES('one-deploy-b0bc8856',29,1.79529204636324834828e+09,'ports east','begin','waiting for every port of east');
INSERT INTO "job_events" VALUES('one-deploy-b0bc8856',30,1.79529204637091517452e+09,'ports east','done','0.0 s');
INSERT INTO "job_events" VALUES('one-deploy-b0bc8856',31,1.79529204638108444216e+09,'inventory east','begin','reading the inventory of east over SNMP');
INSERT INTO "job_events" VALUES('one-deploy-b0bc8856',32,1.79529204638634061813e+09,'inventory east','done','0.0 s');
INSERT INTO "job_events" VALUES('one-deploy-b0bc8856',33,1.7952920465079679489e+09,'configure west','begin','loading the start-up configuration of west');
INSERT INTO "job_events" VALUES('one-deploy-b0bc8856',34,1.7952920465144321918e+09,'configure west','done','0.0 s');
INSERT INTO "job_events" VALUES('one-deploy-b0bc8856',35,1.79529204653346681594e+09,'ports west','begin','waiting for every port of west');
INSERT INTO "job_events" VALUES('one-deploy-b0bc8856',36,1.79529204653903222085e+09,'ports west','done','0.0 s');
INSERT INTO "job_events" VALUES('one-deploy-b0bc8856',37,1.79529204655527472494e+09,'inventory west','begin','reading the inventory of west over SNMP');
INSERT INTO "job_events" VALUES('one-deploy-b0bc8856',38,1.79529204655967497819e+09,'inventory west','done','0.0 s');
INSERT INTO "job_events" VALUES('one-deploy-b0bc8856',39,1.79529204664748978613e+09,'ready','begin','comparing what is there with the plan');
INSERT INTO "job_events" VALUES('one-deploy-b0bc8856',40,1.79529204665181851387e+09,'ready','done','0.0 s');
INSERT INTO "job_events" VALUES('two-deploy-53229c2e',1,1.79529204919034266474e+09,'check','begin','checking that this place can bear the lab');
INSERT INTO "job_events" VALUES('two-deploy-53229c2e',2,1.79529204920497322079e+09,'check','done','0.0 s');
INSERT INTO "job_events" VALUES('two-deploy-53229c2e',3,1.79529204922626948355e+09,'make','begin','making 4 machines with their disks and internal networks');
INSERT INTO "job_events" VALUES('two-deploy-53229c2e',4,1.79529204927451348306e+09,'make','done','0.0 s');
INSERT INTO "job_events" VALUES('two-deploy-53229c2e',5,1.79529204929858708381e+09,'wire','begin','connecting the wires');
INSERT INTO "job_events" VALUES('two-deploy-53229c2e',6,1.79529204933038687708e+09,'wire','done','0.0 s');
INSERT INTO "job_events" VALUES('two-deploy-53229c2e',7,1.79529204937770581248e+09,'start west-vcp','begin','starting west-vcp');
INSERT INTO "job_events" VALUES('two-deploy-53229c2e',8,1.795292049403911829e+09,'start west-vcp','note','waiting for west-vcp to boot and answer on its host channel');
INSERT INTO "job_events" VALUES('two-deploy-53229c2e',9,1.79529204940715312959e+09,'start west-vcp','done','0.0 s');
INSERT INTO "job_events" VALUES('two-deploy-53229c2e',10,1.7952920494471797943e+09,'start east-vcp','begin','starting east-vcp');
INSERT INTO "job_events" VALUES('two-deploy-53229c2e',11,1.79529204947386932366e+09,'start east-vcp','note','waiting for east-vcp to boot and answer on its host channel');
INSERT INTO "job_events" VALUES('two-deploy-53229c2e',12,1.79529204947572708136e+09,'start east-vcp','done','0.0 s');
INSERT INTO "job_events" VALUES('two-deploy-53229c2e',13,1.79529204948736667633e+09,'start west-vfp0','begin','starting west-vfp0');
INSERT INTO "job_events" VALUES('two-deploy-53229c2e',14,1.79529204950782489769e+09,'start east-vfp0','begin','starting east-vfp0');
INSERT INTO "job_events" VALUES('two-deploy-53229c2e',15,1.79529204952906084064e+09,'start west-vfp0','note','waiting for west-vfp0 to boot and answer on its host channel');
INSERT INTO "job_events" VALUES('two-deploy-53229c2e',16,1.79529204954311275479e+09,'start east-vfp0','note','waiting for east-vfp0 to boot and answer on its host channel');
INSERT INTO "job_events" VALUES('two-deploy-53229c2e',17,1.79529204954561281198e+09,'bootstrap east','begin','bootstrapping east over its serial line');
INSERT INTO "job_events" VALUES('two-deploy-53229c2e',18,1.79529204954890966418e+09,'bootstrap west','begin','bootstrapping west over its serial line');
INSERT INTO "job_events" VALUES('two-deploy-53229c2e',19,1.79529204955831861497e+09,'start west-vfp0','done','0.1 s');
INSERT INTO "job_events" VALUES('two-deploy-53229c2e',20,1.79529204956659507752e+09,'start east-vfp0','done','0.1 s');
INSERT INTO "job_events" VALUES('two-deploy-53229c2e',21,1.79529204960125899313e+09,'bootstrap east','note','waiting for the login prompt');
INSERT INTO "job_events" VALUES('two-deploy-53229c2e',22,1.79529204960900664331e+09,'bootstrap west','note','waiting for the login prompt');
INSERT INTO "job_events" VALUES('two-deploy-53229c2e',23,1.79529204961621904369e+09,'bootstrap east','note','waiting for east to take logins over SSH');
INSERT INTO "job_events" VALUES('two-deploy-53229c2e',24,1.7952920496171476841e+09,'bootstrap west','note','waiting for west to take logins over SSH');
INSERT INTO "job_events" VALUES('two-deploy-53229c2e',25,1.7952920496333580017e+09,'bootstrap east','done','0.1 s');
INSERT INTO "job_events" VALUES('two-deploy-53229c2e',26,1.79529204963722348212e+09,'bootstrap west','done','0.1 s');
INSERT INTO "job_events" VALUES('two-deploy-53229c2e',27,1.79529204964879083626e+09,'configure east','begin','loading the start-up configuration of east');
INSERT INTO "job_events" VALUES('two-deploy-53229c2e',28,1.79529204966652178765e+09,'configure east','done','0.0 s');
INSERT INTO "job_events" VALUES('two-deploy-53229c2e',29,1.79529204967007851604e+09,'configure west','begin','loading the start-up configuration of west');
INSERT INTO "job_events" VALUES('two-deploy-53229c2e',30,1.7952920497076592445e+09,'ports east','begin','waiting for every port of east');
INSERT INTO "job_events" VALUES('two-deploy-53229c2e',31,1795292049.71075,'configure west','done','0.0 s');
INSERT INTO "job_events" VALUES('two-deploy-53229c2e',32,1.79529204971735978132e+09,'ports east','done','0.0 s');
INSERT INTO "job_events" VALUES('two-deploy-53229c2e',33,1.79529204975415277475e+09,'ports west','begin','waiting for every port of west');
INSERT INTO "job_events" VALUES('two-deploy-53229c2e',34,1.79529204976377773283e+09,'ports west','done','0.0 s');
INSERT INTO "job_events" VALUES('two-deploy-53229c2e',35,1.79529204979089045523e+09,'inventory east','begin','reading the inventory of east over SNMP');
INSERT INTO "job_events" VALUES('two-deploy-53229c2e',36,1.79529204979371261596e+09,'inventory west','begin','reading the inventory of west over SNMP');
INSERT INTO "job_events" VALUES('two-deploy-53229c2e',37,1.79529204980824637414e+09,'inventory east','done','0.0 s');
INSERT INTO "job_events" VALUES('two-deploy-53229c2e',38,1.79529204981298685069e+09,'inventory west','done','0.0 s');
INSERT INTO "job_events" VALUES('two-deploy-53229c2e',39,1.79529205008693122863e+09,'ready','begin','comparing what is there with the plan');
INSERT INTO "job_events" VALUES('two-deploy-53229c2e',40,1.79529205009364771841e+09,'ready','done','0.0 s');
INSERT INTO "job_events" VALUES('two-teardown-80461117',1,1.7952920523511648178e+09,'remove','begin','removing all that carries the lab''s mark');
INSERT INTO "job_events" VALUES('two-teardown-80461117',2,1.7952920524181263447e+09,'remove','done','0.1 s');
INSERT INTO "job_events" VALUES('two-teardown-80461117',3,1.79529205244197535514e+09,'release','begin','giving back ports and secrets');
INSERT INTO "job_events" VALUES('two-teardown-80461117',4,1.79529205245676374428e+09,'release','done','0.0 s');
INSERT INTO "job_events" VALUES('one-link-7dc517d4',1,1.79529205372591042517e+09,'link','begin','putting the wire west:ge-0/0/0 -- east:ge-0/0/0 down');
INSERT INTO "job_events" VALUES('one-link-7dc517d4',2,1.79529205373283720021e+09,'link','done','0.0 s');
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
INSERT INTO "jobs" VALUES('one-deploy-b0bc8856',1,'deploy','{}','succeeded','null','null',1.795292045436050415e+09,1.79529204666613054273e+09,0,0,'');
INSERT INTO "jobs" VALUES('two-deploy-53229c2e',2,'deploy','{}','succeeded','null','null',1.79529204915037298197e+09,1.79529205010566830641e+09,0,0,'');
INSERT INTO "jobs" VALUES('two-teardown-80461117',2,'teardown','{"save": []}','succeeded','null','null',1.79529205233584880823e+09,1.79529205245182800292e+09,0,0,'');
INSERT INTO "jobs" VALUES('one-link-7dc517d4',1,'link','{"segment": "wire-d66d95eabb", "ends": ["west:ge-0/0/0", "east:ge-0/0/0"], "up": false}','succeeded','null','null',1.79529205370841550828e+09,1.79529205375098037714e+09,0,0,'');
CREATE TABLE layouts (
	sandbox_id INTEGER NOT NULL, 
	name VARCHAR(64) NOT NULL, 
	x FLOAT NOT NULL, 
	y FLOAT NOT NULL, 
	CONSTRAINT pk_layouts PRIMARY KEY (sandbox_id, name), 
	CONSTRAINT fk_layouts_sandbox_id FOREIGN KEY(sandbox_id) REFERENCES sandboxes (id) ON DELETE CASCADE
);
CREATE TABLE lock_log (
	id INTEGER NOT NULL, 
	name VARCHAR(64) NOT NULL, 
	token INTEGER NOT NULL, 
	time FLOAT NOT NULL, 
	who VARCHAR(64) NOT NULL, 
	what VARCHAR(16) NOT NULL, 
	why TEXT NOT NULL, 
	CONSTRAINT pk_lock_log PRIMARY KEY (id)
);
CREATE TABLE locks (
	name VARCHAR(64) NOT NULL, 
	token INTEGER NOT NULL, 
	held BOOLEAN NOT NULL, 
	owner VARCHAR(64) NOT NULL, 
	holder VARCHAR(128) NOT NULL, 
	sandbox_id INTEGER, 
	since FLOAT NOT NULL, 
	expires FLOAT, 
	CONSTRAINT pk_locks PRIMARY KEY (name)
);
CREATE TABLE login_attempts (
	"key" VARCHAR(255) NOT NULL, 
	count INTEGER NOT NULL, 
	last FLOAT NOT NULL, 
	CONSTRAINT pk_login_attempts PRIMARY KEY ("key")
);
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
INSERT INTO "machines" VALUES(1,'west-vcp','west','controller',NULL,'running','it takes logins over SSH',1.79529204629701328276e+09,1,'["ssh-ed25519 3e3b3a1b0d267dfedbfa3d12c148319747d4424c4a2d2a4b90920b303e9348f8 west-vcp"]','/var/lib/rackless-kept/s/transcripts/one/west-vcp.log');
INSERT INTO "machines" VALUES(1,'west-vfp0','west','card',0,'running','it answers on its host channel',1.79529204616401791578e+09,0,'["ssh-ed25519 6ee5b62b5e2863095ae7cbb6ee367d80b13a760bd0f80baac6947ecfd5a5f636 west-vfp0"]','/var/lib/rackless-kept/s/transcripts/one/west-vfp0.log');
INSERT INTO "machines" VALUES(1,'east-vcp','east','controller',NULL,'running','it takes logins over SSH',1.79529204626739978794e+09,1,'["ssh-ed25519 da929b70967ee6ffb5c850986d66f5178b37974faab23c2acfd765f13db55a0d east-vcp"]','/var/lib/rackless-kept/s/transcripts/one/east-vcp.log');
INSERT INTO "machines" VALUES(1,'east-vfp0','east','card',0,'running','it answers on its host channel',1.79529204617576432223e+09,0,'["ssh-ed25519 1d5309ee289f414cae11a0f8e88e55f67722e17d167719f691b31d1b32047949 east-vfp0"]','/var/lib/rackless-kept/s/transcripts/one/east-vfp0.log');
CREATE TABLE members (
	"group" VARCHAR(64) NOT NULL, 
	user VARCHAR(64) NOT NULL, 
	provider VARCHAR(64), 
	CONSTRAINT pk_members PRIMARY KEY ("group", user), 
	CONSTRAINT fk_members_group FOREIGN KEY("group") REFERENCES groups (name) ON DELETE CASCADE, 
	CONSTRAINT fk_members_user FOREIGN KEY(user) REFERENCES users (name) ON DELETE CASCADE
);
CREATE TABLE openid_logins (
	digest VARCHAR(64) NOT NULL, 
	provider VARCHAR(64) NOT NULL, 
	nonce VARCHAR(64) NOT NULL, 
	verifier VARCHAR(64) NOT NULL, 
	redirect TEXT NOT NULL, 
	expires FLOAT NOT NULL, 
	CONSTRAINT pk_openid_logins PRIMARY KEY (digest)
);
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
	forwards FLOAT DEFAULT '0' NOT NULL, outline JSON DEFAULT '{}' NOT NULL, plan_key VARCHAR(32) DEFAULT '' NOT NULL, labs FLOAT DEFAULT '0' NOT NULL, routers FLOAT DEFAULT '0' NOT NULL, machines FLOAT DEFAULT '0' NOT NULL, leaving JSON DEFAULT '[]' NOT NULL, 
	CONSTRAINT pk_sandboxes PRIMARY KEY (id)
);
INSERT INTO "sandboxes" VALUES(1,'one','ready','every machine, port and wire is there','3f90e32851265f8a593af534c79b2c1131eddd31c6ab0c926a9e17ad8a953d73','{"sandbox": "one", "provider": "fake", "blueprint": {"name": "one", "routers": [{"name": "west", "family": "reference", "cards": 1, "ports_per_card": 2, "controller_memory": null, "card_memory": null, "login": {"user": "lab", "password": null}, "snmp": {"community": null}, "fxp0": {"address": null, "gateway": null}, "startup": "west.set"}, {"name": "east", "family": "reference", "cards": 1, "ports_per_card": 1, "controller_memory": null, "card_memory": null, "login": {"user": "lab", "password": null}, "snmp": {"community": null}, "fxp0": {"address": null, "gateway": null}, "startup": null}], "hosts": [], "wires": [{"ends": [{"owner": "west", "port": "ge-0/0/0"}, {"owner": "east", "port": "ge-0/0/0"}], "planned": false}], "hooks": [], "locks": [], "files": [["west.set", "set system time-zone UTC\n"]]}, "machines": [{"sandbox": "one", "name": "west-vcp", "owner": "west", "family": "reference", "role": "controller", "image": "reference", "memory": 256, "vcpus": 1, "disks": [{"sandbox": "one", "name": "west-vcp-disk0", "image": "reference"}], "nics": [{"index": 0, "role": "management", "mac": "52:59:75:b1:99:c0", "label": "fxp0", "segment": null, "address": "172.29.241.42/16"}, {"index": 1, "role": "internal", "mac": "52:59:75:b1:99:c1", "label": "int", "segment": "west-internal", "address": "128.0.0.1/16"}], "slot": null, "console_port": 9300, "forwards": [{"service": "ssh", "proto": "tcp", "host_port": 20000, "guest_port": 22}, {"service": "netconf", "proto": "tcp", "host_port": 20001, "guest_port": 830}, {"service": "snmp", "proto": "udp", "host_port": 20002, "guest_port": 161}]}, {"sandbox": "one", "name": "west-vfp0", "owner": "west", "family": "reference", "role": "card", "image": "reference", "memory": 160, "vcpus": 1, "disks": [{"sandbox": "one", "name": "west-vfp0-disk0", "image": "reference"}], "nics": [{"index": 0, "role": "management", "mac": "52:38:97:4c:92:20", "label": "mgmt", "segment": null, "address": null}, {"index": 1, "role": "internal", "mac": "52:38:97:4c:92:21", "label": "int", "segment": "west-internal", "address": "128.0.0.16/16"}, {"index": 2, "role": "traffic", "mac": "52:38:97:4c:92:22", "label": "ge-0/0/0", "segment": null, "address": null}, {"index": 3, "role": "traffic", "mac": "52:38:97:4c:92:23", "label": "ge-0/0/1", "segment": null, "address": null}], "slot": 0, "console_port": 9301, "forwards": []}, {"sandbox": "one", "name": "east-vcp", "owner": "east", "family": "reference", "role": "controller", "image": "reference", "memory": 256, "vcpus": 1, "disks": [{"sandbox": "one", "name": "east-vcp-disk0", "image": "reference"}], "nics": [{"index": 0, "role": "management", "mac": "52:30:ac:cd:5f:e0", "label": "fxp0", "segment": null, "address": "172.29.72.95/16"}, {"index": 1, "role": "internal", "mac": "52:30:ac:cd:5f:e1", "label": "int", "segment": "east-internal", "address": "128.0.0.1/16"}], "slot": null, "console_port": 9302, "forwards": [{"service": "ssh", "proto": "tcp", "host_port": 20003, "guest_port": 22}, {"service": "netconf", "proto": "tcp", "host_port": 20004, "guest_port": 830}, {"service": "snmp", "proto": "udp", "host_port": 20005, "guest_port": 161}]}, {"sandbox": "one", "name": "east-vfp0", "owner": "east", "family": "reference", "role": "card", "image": "reference", "memory": 160, "vcpus": 1, "disks": [{"sandbox": "one", "name": "east-vfp0-disk0", "image": "reference"}], "nics": [{"index": 0, "role": "management", "mac": "52:24:11:1d:7b:60", "label": "mgmt", "segment": null, "address": null}, {"index": 1, "role": "internal", "mac": "52:24:11:1d:7b:61", "label": "int", "segment": "east-internal", "address": "128.0.0.16/16"}, {"index": 2, "role": "traffic", "mac": "52:24:11:1d:7b:62", "label": "ge-0/0/0", "segment": null, "address": null}], "slot": 0, "console_port": 9303, "forwards": []}], "segments": [{"sandbox": "one", "name": "west-internal", "kind": "internal", "ports": [{"sandbox": "one", "machine": "west-vcp", "nic": 1}, {"sandbox": "one", "machine": "west-vfp0", "nic": 1}], "mtu": 9600}, {"sandbox": "one", "name": "east-internal", "kind": "internal", "ports": [{"sandbox": "one", "machine": "east-vcp", "nic": 1}, {"sandbox": "one", "machine": "east-vfp0", "nic": 1}], "mtu": 9600}, {"sandbox": "one", "name": "wire-d66d95eabb", "kind": "wire", "ports": [{"sandbox": "one", "machine": "west-vfp0", "nic": 2}, {"sandbox": "one", "machine": "east-vfp0", "nic": 2}], "mtu": 9500}], "wires": [{"wire": {"ends": [{"owner": "west", "port": "ge-0/0/0"}, {"owner": "east", "port": "ge-0/0/0"}], "planned": false}, "segment": "wire-d66d95eabb", "ports": [{"sandbox": "one", "machine": "west-vfp0", "nic": 2}, {"sandbox": "one", "machine": "east-vfp0", "nic": 2}]}]}',1.79529204533443355554e+09,1.79529204665062093728e+09,'bc76c118-2c7b-4457-86ca-86ebc8f4a800','local',1.79529204533025908471e+09,1.79529926420465731616e+09,0,0,832.0,4.0,0.0,4.0,6.0,'{"provider": "fake", "routers": 2, "hosts": 0, "memory": 832}','207c5b7254504487aeae1f4933b65163',1.0,2.0,4.0,'[]');
INSERT INTO "sandboxes" VALUES(2,'two','ended','nothing is left of it','b57fc3eae7c4b4bec76674d9c922e5f08385424bc98e3975527f733edf31136c','{"sandbox": "two", "provider": "fake", "blueprint": {"name": "two", "routers": [{"name": "west", "family": "reference", "cards": 1, "ports_per_card": 2, "controller_memory": null, "card_memory": null, "login": {"user": "lab", "password": null}, "snmp": {"community": null}, "fxp0": {"address": null, "gateway": null}, "startup": "west.set"}, {"name": "east", "family": "reference", "cards": 1, "ports_per_card": 1, "controller_memory": null, "card_memory": null, "login": {"user": "lab", "password": null}, "snmp": {"community": null}, "fxp0": {"address": null, "gateway": null}, "startup": null}], "hosts": [], "wires": [{"ends": [{"owner": "west", "port": "ge-0/0/0"}, {"owner": "east", "port": "ge-0/0/0"}], "planned": false}], "hooks": [], "locks": [], "files": []}, "machines": [{"sandbox": "two", "name": "west-vcp", "owner": "west", "family": "reference", "role": "controller", "image": "reference", "memory": 256, "vcpus": 1, "disks": [{"sandbox": "two", "name": "west-vcp-disk0", "image": "reference"}], "nics": [{"index": 0, "role": "management", "mac": "52:a9:f7:15:67:60", "label": "fxp0", "segment": null, "address": "172.29.12.80/16"}, {"index": 1, "role": "internal", "mac": "52:a9:f7:15:67:61", "label": "int", "segment": "west-internal", "address": "128.0.0.1/16"}], "slot": null, "console_port": 9304, "forwards": [{"service": "ssh", "proto": "tcp", "host_port": 20006, "guest_port": 22}, {"service": "netconf", "proto": "tcp", "host_port": 20007, "guest_port": 830}, {"service": "snmp", "proto": "udp", "host_port": 20008, "guest_port": 161}]}, {"sandbox": "two", "name": "west-vfp0", "owner": "west", "family": "reference", "role": "card", "image": "reference", "memory": 160, "vcpus": 1, "disks": [{"sandbox": "two", "name": "west-vfp0-disk0", "image": "reference"}], "nics": [{"index": 0, "role": "management", "mac": "52:8b:d0:7b:2d:c0", "label": "mgmt", "segment": null, "address": null}, {"index": 1, "role": "internal", "mac": "52:8b:d0:7b:2d:c1", "label": "int", "segment": "west-internal", "address": "128.0.0.16/16"}, {"index": 2, "role": "traffic", "mac": "52:8b:d0:7b:2d:c2", "label": "ge-0/0/0", "segment": null, "address": null}, {"index": 3, "role": "traffic", "mac": "52:8b:d0:7b:2d:c3", "label": "ge-0/0/1", "segment": null, "address": null}], "slot": 0, "console_port": 9305, "forwards": []}, {"sandbox": "two", "name": "east-vcp", "owner": "east", "family": "reference", "role": "controller", "image": "reference", "memory": 256, "vcpus": 1, "disks": [{"sandbox": "two", "name": "east-vcp-disk0", "image": "reference"}], "nics": [{"index": 0, "role": "management", "mac": "52:61:dc:85:6d:20", "label": "fxp0", "segment": null, "address": "172.29.136.109/16"}, {"index": 1, "role": "internal", "mac": "52:61:dc:85:6d:21", "label": "int", "segment": "east-internal", "address": "128.0.0.1/16"}], "slot": null, "console_port": 9306, "forwards": [{"service": "ssh", "proto": "tcp", "host_port": 20009, "guest_port": 22}, {"service": "netconf", "proto": "tcp", "host_port": 20010, "guest_port": 830}, {"service": "snmp", "proto": "udp", "host_port": 20011, "guest_port": 161}]}, {"sandbox": "two", "name": "east-vfp0", "owner": "east", "family": "reference", "role": "card", "image": "reference", "memory": 160, "vcpus": 1, "disks": [{"sandbox": "two", "name": "east-vfp0-disk0", "image": "reference"}], "nics": [{"index": 0, "role": "management", "mac": "52:39:d6:0a:6f:60", "label": "mgmt", "segment": null, "address": null}, {"index": 1, "role": "internal", "mac": "52:39:d6:0a:6f:61", "label": "int", "segment": "east-internal", "address": "128.0.0.16/16"}, {"index": 2, "role": "traffic", "mac": "52:39:d6:0a:6f:62", "label": "ge-0/0/0", "segment": null, "address": null}], "slot": 0, "console_port": 9307, "forwards": []}], "segments": [{"sandbox": "two", "name": "west-internal", "kind": "internal", "ports": [{"sandbox": "two", "machine": "west-vcp", "nic": 1}, {"sandbox": "two", "machine": "west-vfp0", "nic": 1}], "mtu": 9600}, {"sandbox": "two", "name": "east-internal", "kind": "internal", "ports": [{"sandbox": "two", "machine": "east-vcp", "nic": 1}, {"sandbox": "two", "machine": "east-vfp0", "nic": 1}], "mtu": 9600}, {"sandbox": "two", "name": "wire-d66d95eabb", "kind": "wire", "ports": [{"sandbox": "two", "machine": "west-vfp0", "nic": 2}, {"sandbox": "two", "machine": "east-vfp0", "nic": 2}], "mtu": 9500}], "wires": [{"wire": {"ends": [{"owner": "west", "port": "ge-0/0/0"}, {"owner": "east", "port": "ge-0/0/0"}], "planned": false}, "segment": "wire-d66d95eabb", "ports": [{"sandbox": "two", "machine": "west-vfp0", "nic": 2}, {"sandbox": "two", "machine": "east-vfp0", "nic": 2}]}]}',1.79529204912834239003e+09,1.79529205245072245597e+09,'bc76c118-2c7b-4457-86ca-86ebc8f4a800','local',1.79529204912561202046e+09,NULL,0,0,832.0,4.0,0.0,4.0,6.0,'{"provider": "fake", "routers": 2, "hosts": 0, "memory": 832}','dc6689b95fc644a4a834024ec6cdd70a',1.0,2.0,4.0,'[]');
INSERT INTO "sandboxes" VALUES(3,'four','booked','','23c5eae14c91093d6355550b22a2f89cb71505b51b2ff7aafe9085e878835738','{"sandbox": "four", "provider": "fake", "blueprint": {"name": "four", "routers": [{"name": "west", "family": "reference", "cards": 1, "ports_per_card": 2, "controller_memory": null, "card_memory": null, "login": {"user": "lab", "password": null}, "snmp": {"community": null}, "fxp0": {"address": null, "gateway": null}, "startup": "west.set"}, {"name": "east", "family": "reference", "cards": 1, "ports_per_card": 1, "controller_memory": null, "card_memory": null, "login": {"user": "lab", "password": null}, "snmp": {"community": null}, "fxp0": {"address": null, "gateway": null}, "startup": null}], "hosts": [], "wires": [{"ends": [{"owner": "west", "port": "ge-0/0/0"}, {"owner": "east", "port": "ge-0/0/0"}], "planned": false}], "hooks": [], "locks": [], "files": [["west.set", "set system time-zone UTC\n"]]}, "machines": [{"sandbox": "four", "name": "west-vcp", "owner": "west", "family": "reference", "role": "controller", "image": "reference", "memory": 256, "vcpus": 1, "disks": [{"sandbox": "four", "name": "west-vcp-disk0", "image": "reference"}], "nics": [{"index": 0, "role": "management", "mac": "52:1d:2c:e1:0f:c0", "label": "fxp0", "segment": null, "address": "172.29.208.252/16"}, {"index": 1, "role": "internal", "mac": "52:1d:2c:e1:0f:c1", "label": "int", "segment": "west-internal", "address": "128.0.0.1/16"}], "slot": null, "console_port": null, "forwards": []}, {"sandbox": "four", "name": "west-vfp0", "owner": "west", "family": "reference", "role": "card", "image": "reference", "memory": 160, "vcpus": 1, "disks": [{"sandbox": "four", "name": "west-vfp0-disk0", "image": "reference"}], "nics": [{"index": 0, "role": "management", "mac": "52:9f:c0:69:bf:60", "label": "mgmt", "segment": null, "address": null}, {"index": 1, "role": "internal", "mac": "52:9f:c0:69:bf:61", "label": "int", "segment": "west-internal", "address": "128.0.0.16/16"}, {"index": 2, "role": "traffic", "mac": "52:9f:c0:69:bf:62", "label": "ge-0/0/0", "segment": null, "address": null}, {"index": 3, "role": "traffic", "mac": "52:9f:c0:69:bf:63", "label": "ge-0/0/1", "segment": null, "address": null}], "slot": 0, "console_port": null, "forwards": []}, {"sandbox": "four", "name": "east-vcp", "owner": "east", "family": "reference", "role": "controller", "image": "reference", "memory": 256, "vcpus": 1, "disks": [{"sandbox": "four", "name": "east-vcp-disk0", "image": "reference"}], "nics": [{"index": 0, "role": "management", "mac": "52:0d:96:f6:da:80", "label": "fxp0", "segment": null, "address": "172.29.252.54/16"}, {"index": 1, "role": "internal", "mac": "52:0d:96:f6:da:81", "label": "int", "segment": "east-internal", "address": "128.0.0.1/16"}], "slot": null, "console_port": null, "forwards": []}, {"sandbox": "four", "name": "east-vfp0", "owner": "east", "family": "reference", "role": "card", "image": "reference", "memory": 160, "vcpus": 1, "disks": [{"sandbox": "four", "name": "east-vfp0-disk0", "image": "reference"}], "nics": [{"index": 0, "role": "management", "mac": "52:17:f5:a3:76:60", "label": "mgmt", "segment": null, "address": null}, {"index": 1, "role": "internal", "mac": "52:17:f5:a3:76:61", "label": "int", "segment": "east-internal", "address": "128.0.0.16/16"}, {"index": 2, "role": "traffic", "mac": "52:17:f5:a3:76:62", "label": "ge-0/0/0", "segment": null, "address": null}], "slot": 0, "console_port": null, "forwards": []}], "segments": [{"sandbox": "four", "name": "west-internal", "kind": "internal", "ports": [{"sandbox": "four", "machine": "west-vcp", "nic": 1}, {"sandbox": "four", "machine": "west-vfp0", "nic": 1}], "mtu": 9600}, {"sandbox": "four", "name": "east-internal", "kind": "internal", "ports": [{"sandbox": "four", "machine": "east-vcp", "nic": 1}, {"sandbox": "four", "machine": "east-vfp0", "nic": 1}], "mtu": 9600}, {"sandbox": "four", "name": "wire-d66d95eabb", "kind": "wire", "ports": [{"sandbox": "four", "machine": "west-vfp0", "nic": 2}, {"sandbox": "four", "machine": "east-vfp0", "nic": 2}], "mtu": 9500}], "wires": [{"wire": {"ends": [{"owner": "west", "port": "ge-0/0/0"}, {"owner": "east", "port": "ge-0/0/0"}], "planned": false}, "segment": "wire-d66d95eabb", "ports": [{"sandbox": "four", "machine": "west-vfp0", "nic": 2}, {"sandbox": "four", "machine": "east-vfp0", "nic": 2}]}]}',1.79529206244890213008e+09,1.79529206244890213008e+09,'bc76c118-2c7b-4457-86ca-86ebc8f4a800','local',2208988800.0,2208996000.0,0,0,832.0,4.0,0.0,4.0,6.0,'{"provider": "fake", "routers": 2, "hosts": 0, "memory": 832}','ba2804387f724df6a087d0790fab71ef',1.0,2.0,4.0,'[]');
CREATE TABLE secrets (
	sandbox_id INTEGER NOT NULL, 
	holder VARCHAR(32) NOT NULL, 
	kind VARCHAR(16) NOT NULL, 
	value TEXT NOT NULL, 
	CONSTRAINT pk_secrets PRIMARY KEY (sandbox_id, holder, kind), 
	CONSTRAINT fk_secrets_sandbox_id FOREIGN KEY(sandbox_id) REFERENCES sandboxes (id) ON DELETE CASCADE
);
INSERT INTO "secrets" VALUES(1,'west','password','UMQPHgpQrbSZ3Sid');
INSERT INTO "secrets" VALUES(1,'west','root','AujSwovvcN7UWltR');
INSERT INTO "secrets" VALUES(1,'west','community','YhepxFpQ0R1o4mdG');
INSERT INTO "secrets" VALUES(1,'east','password','XRARBR-AtWDA_3AH');
INSERT INTO "secrets" VALUES(1,'east','root','vwgmkHrdMGMT47IC');
INSERT INTO "secrets" VALUES(1,'east','community','o6vrORErgH6Eoyvd');
INSERT INTO "secrets" VALUES(3,'west','password','jhHW1rmv_3FBvOGF');
INSERT INTO "secrets" VALUES(3,'west','root','rjuxc_H4jm0u_e8Q');
INSERT INTO "secrets" VALUES(3,'west','community','XZirJD9OtBB9R9HT');
INSERT INTO "secrets" VALUES(3,'east','password','P4KHeQbYCK8NNk4M');
INSERT INTO "secrets" VALUES(3,'east','root','9uq0eG_KrwYfv5lR');
INSERT INTO "secrets" VALUES(3,'east','community','GEGZqs8Yhol-N8ig');
CREATE TABLE servers (
	id VARCHAR(64) NOT NULL, 
	host VARCHAR(255) NOT NULL, 
	pid INTEGER NOT NULL, 
	started FLOAT NOT NULL, 
	seen FLOAT NOT NULL, 
	CONSTRAINT pk_servers PRIMARY KEY (id)
);
CREATE TABLE sessions (
	id INTEGER NOT NULL, 
	user VARCHAR(64) NOT NULL, 
	digest VARCHAR(64) NOT NULL, 
	created FLOAT NOT NULL, 
	seen FLOAT NOT NULL, 
	expires FLOAT NOT NULL, 
	how VARCHAR(64) NOT NULL, 
	source VARCHAR(64) NOT NULL, 
	agent VARCHAR(255) NOT NULL, 
	CONSTRAINT pk_sessions PRIMARY KEY (id), 
	CONSTRAINT uq_sessions_digest UNIQUE (digest)
);
CREATE TABLE shares (
	sandbox_id INTEGER NOT NULL, 
	user VARCHAR(64) NOT NULL, 
	CONSTRAINT pk_shares PRIMARY KEY (sandbox_id, user), 
	CONSTRAINT fk_shares_sandbox_id FOREIGN KEY(sandbox_id) REFERENCES sandboxes (id) ON DELETE CASCADE, 
	CONSTRAINT fk_shares_user FOREIGN KEY(user) REFERENCES users (name) ON DELETE CASCADE
);
INSERT INTO "shares" VALUES(1,'una');
CREATE TABLE tickets (
	digest VARCHAR(64) NOT NULL, 
	user VARCHAR(64) NOT NULL, 
	expires FLOAT NOT NULL, 
	session_expires FLOAT NOT NULL, 
	CONSTRAINT pk_tickets PRIMARY KEY (digest)
);
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
INSERT INTO "tokens" VALUES(1,'una','ci','b40cf08c28167076376288a34bcf647a6bc2c3c7d408127e04d53cf63ac8ecac',1.79529205857233524327e+09,1797884058.57105,NULL);
CREATE TABLE user_quotas (
	user VARCHAR(64) NOT NULL, 
	quota JSON NOT NULL, 
	CONSTRAINT pk_user_quotas PRIMARY KEY (user), 
	CONSTRAINT fk_user_quotas_user FOREIGN KEY(user) REFERENCES users (name) ON DELETE CASCADE
);
CREATE TABLE users (
	name VARCHAR(64) NOT NULL, 
	role VARCHAR(16) NOT NULL, 
	password TEXT, 
	disabled BOOLEAN NOT NULL, 
	created FLOAT NOT NULL, 
	CONSTRAINT pk_users PRIMARY KEY (name)
);
INSERT INTO "users" VALUES('una','user',NULL,0,1.79529205519491696354e+09);
INSERT INTO "users" VALUES('olga','operator',NULL,0,1.79529205665967369082e+09);
CREATE TABLE vlan_ports (
	sandbox_id INTEGER NOT NULL, 
	machine VARCHAR(64) NOT NULL, 
	nic INTEGER NOT NULL, 
	vlan VARCHAR(32) NOT NULL, 
	mode VARCHAR(8) NOT NULL, 
	connection VARCHAR(64) NOT NULL, 
	CONSTRAINT pk_vlan_ports PRIMARY KEY (sandbox_id, machine, nic), 
	CONSTRAINT fk_vlan_ports_sandbox_id FOREIGN KEY(sandbox_id) REFERENCES sandboxes (id) ON DELETE CASCADE
);
CREATE TABLE "wires" (
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
	drawn BOOLEAN DEFAULT 0 NOT NULL, 
	CONSTRAINT pk_wires PRIMARY KEY (sandbox_id, segment), 
	CONSTRAINT fk_wires_sandbox_id FOREIGN KEY(sandbox_id) REFERENCES sandboxes (id) ON DELETE CASCADE
);
INSERT INTO "wires" VALUES(1,'wire-d66d95eabb','west:ge-0/0/0','east:ge-0/0/0','west-vfp0',2,'east-vfp0',2,'down','link was asked for',1.7952920537313382626e+09,0);
CREATE UNIQUE INDEX ix_sandboxes_live_name ON sandboxes (name) WHERE state != 'ended';
CREATE INDEX ix_history_sandbox_id ON history (sandbox_id);
CREATE INDEX ix_history_told ON history (told);
CREATE INDEX ix_jobs_sandbox_id_started ON jobs (sandbox_id, started);
CREATE INDEX ix_jobs_state ON jobs (state);
CREATE INDEX ix_sandboxes_name ON sandboxes (name);
CREATE INDEX ix_answers_since ON answers (since);
CREATE INDEX ix_sessions_user ON sessions (user);
CREATE INDEX ix_sandboxes_state_since ON sandboxes (state, since);
CREATE INDEX ix_lock_log_name ON lock_log (name);
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('events',131);
COMMIT;
