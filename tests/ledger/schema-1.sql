BEGIN TRANSACTION;
CREATE TABLE facts (
	name VARCHAR(40) NOT NULL, 
	value TEXT NOT NULL, 
	PRIMARY KEY (name)
);
INSERT INTO "facts" VALUES('schema','1');
CREATE TABLE intents (
	run VARCHAR(40) NOT NULL, 
	n INTEGER NOT NULL, 
	attempt INTEGER NOT NULL, 
	at FLOAT NOT NULL, 
	mark VARCHAR(40) NOT NULL, 
	planned TEXT NOT NULL, 
	PRIMARY KEY (run, n, attempt), 
	FOREIGN KEY(run) REFERENCES runs (id)
);
INSERT INTO "intents" VALUES('20261102T020000Z-6b0d',1,1,1793584800.0,'8d116ece-1738-f7d9-3d9c-172411e20b8f','{"n":1,"source":"rows.csv","line":2,"key":"2500ec5a-0000-4000-8000-000000000001","id":"2500ec5a-0000-4000-8000-000000000001","etag":"\"00000001-0000-0100-0000-9e3779b10000\"","outcome":"planned","cause":"to_send","reason":"","warnings":[],"columns":{"Id":"2500ec5a-0000-4000-8000-000000000001","Stage":"","Deal":"Renamed 1","Probability":"40","Amount":"","Notes":"","Team":""},"fields":[{"path":"/name","observed":"Deal 1","desired":"Renamed 1"},{"path":"/salesStage","observed":null,"desired":"40"}],"operations":[{"op":"replace","path":"/name","value":"Renamed 1"},{"op":"add","path":"/salesStage","value":"40"}],"attempts":0,"request_ids":[]}');
INSERT INTO "intents" VALUES('20261102T020000Z-6b0d',2,1,1793584800.0,'90c192cf-d3ac-94af-0f21-ddb66cad4a26','{"n":2,"source":"rows.csv","line":3,"key":"2500ec5a-0000-4000-8000-000000000002","id":"2500ec5a-0000-4000-8000-000000000002","etag":"\"00000002-0000-0100-0000-3c6ef3620000\"","outcome":"planned","cause":"to_send","reason":"","warnings":[],"columns":{"Id":"2500ec5a-0000-4000-8000-000000000002","Stage":"","Deal":"Renamed 2","Probability":"40","Amount":"","Notes":"","Team":""},"fields":[{"path":"/name","observed":"Deal 2","desired":"Renamed 2"},{"path":"/salesStage","observed":null,"desired":"40"}],"operations":[{"op":"replace","path":"/name","value":"Renamed 2"},{"op":"add","path":"/salesStage","value":"40"}],"attempts":0,"request_ids":[]}');
INSERT INTO "intents" VALUES('20261102T020000Z-8e81',1,1,1793584800.0,'6b4cb242-4a23-d596-2217-beaddbc496cb','{"n":1,"source":"rows.csv","line":2,"key":"2500ec5a-0000-4000-8000-000000000003","id":"2500ec5a-0000-4000-8000-000000000003","etag":"\"00000003-0000-0100-0000-daa66d130000\"","outcome":"planned","cause":"to_send","reason":"","warnings":[],"columns":{"Id":"2500ec5a-0000-4000-8000-000000000003","Stage":"","Deal":"Renamed 3","Probability":"","Amount":"","Notes":"","Team":""},"fields":[{"path":"/name","observed":"Deal 3","desired":"Renamed 3"}],"operations":[{"op":"replace","path":"/name","value":"Renamed 3"}],"attempts":0,"request_ids":[]}');
CREATE TABLE normal_forms (
	remote TEXT NOT NULL, 
	referral VARCHAR(64) NOT NULL, 
	path TEXT NOT NULL, 
	desired TEXT NOT NULL, 
	held TEXT NOT NULL, 
	weight INTEGER NOT NULL, 
	PRIMARY KEY (remote, referral, path)
);
INSERT INTO "normal_forms" VALUES('http://127.0.0.1:9/v1.0/engagements/referrals','2500ec5a-0000-4000-8000-000000000004','/name','"Long"','"Lon"',2);
CREATE TABLE outcomes (
	run VARCHAR(40) NOT NULL, 
	n INTEGER NOT NULL, 
	cause VARCHAR(40) NOT NULL, 
	settled TEXT NOT NULL, 
	PRIMARY KEY (run, n), 
	FOREIGN KEY(run) REFERENCES runs (id)
)
 WITHOUT ROWID

;
INSERT INTO "outcomes" VALUES('20261102T020000Z-6b0d',1,'confirmed','{"n":1,"source":"rows.csv","line":2,"key":"2500ec5a-0000-4000-8000-000000000001","id":"2500ec5a-0000-4000-8000-000000000001","etag":"\"00000001-0000-0100-0000-9e3779b10000\"","outcome":"applied","cause":"confirmed","reason":"","warnings":[],"columns":{"Id":"2500ec5a-0000-4000-8000-000000000001","Stage":"","Deal":"Renamed 1","Probability":"40","Amount":"","Notes":"","Team":""},"fields":[{"path":"/name","observed":"Deal 1","desired":"Renamed 1"},{"path":"/salesStage","observed":null,"desired":"40"}],"operations":[{"op":"replace","path":"/name","value":"Renamed 1"},{"op":"add","path":"/salesStage","value":"40"}],"attempts":1,"request_ids":["00000003-5a4d-4b0c-8000-000000000000"]}');
INSERT INTO "outcomes" VALUES('20261102T020000Z-6b0d',2,'confirmed','{"n":2,"source":"rows.csv","line":3,"key":"2500ec5a-0000-4000-8000-000000000002","id":"2500ec5a-0000-4000-8000-000000000002","etag":"\"00000002-0000-0100-0000-3c6ef3620000\"","outcome":"applied","cause":"confirmed","reason":"","warnings":[],"columns":{"Id":"2500ec5a-0000-4000-8000-000000000002","Stage":"","Deal":"Renamed 2","Probability":"40","Amount":"","Notes":"","Team":""},"fields":[{"path":"/name","observed":"Deal 2","desired":"Renamed 2"},{"path":"/salesStage","observed":null,"desired":"40"}],"operations":[{"op":"replace","path":"/name","value":"Renamed 2"},{"op":"add","path":"/salesStage","value":"40"}],"attempts":1,"request_ids":["00000004-5a4d-4b0c-8000-000000000000"]}');
INSERT INTO "outcomes" VALUES('20261102T020000Z-8e81',1,'answer_unknown','{"n":1,"source":"rows.csv","line":2,"key":"2500ec5a-0000-4000-8000-000000000003","id":"2500ec5a-0000-4000-8000-000000000003","etag":"\"00000003-0000-0100-0000-daa66d130000\"","outcome":"unsettled","cause":"answer_unknown","reason":"sent, the answer is unknown, the next run looks; the remote gave no answer: status 502","warnings":[],"columns":{"Id":"2500ec5a-0000-4000-8000-000000000003","Stage":"","Deal":"Renamed 3","Probability":"","Amount":"","Notes":"","Team":""},"fields":[{"path":"/name","observed":"Deal 3","desired":"Renamed 3"}],"operations":[{"op":"replace","path":"/name","value":"Renamed 3"}],"attempts":1,"request_ids":[]}');
CREATE TABLE runs (
	id VARCHAR(40) NOT NULL, 
	job VARCHAR(64) NOT NULL, 
	remote TEXT NOT NULL, 
	"plan" VARCHAR(40) NOT NULL, 
	facts TEXT NOT NULL, 
	began FLOAT NOT NULL, 
	ended FLOAT, 
	exit_code INTEGER, 
	requests TEXT, 
	PRIMARY KEY (id), 
	UNIQUE ("plan")
);
INSERT INTO "runs" VALUES('20261102T020000Z-6b0d','scene','http://127.0.0.1:9/v1.0/engagements/referrals','36f675cc-81e7-4ef5-e8e2-5d940ed90475','{"job":"scene","remote":"http://127.0.0.1:9/v1.0/engagements/referrals","tenant":null,"plan":"36f675cc-81e7-4ef5-e8e2-5d940ed90475","source":"rows.csv","digest":"sha256:153c5fc4e8d523b1ddb9442619eca5f12b1d84bb6acb986a4bdfc5233a16de59","columns":["Id","Stage","Deal","Probability","Amount","Notes","Team"],"correlation_id":"6513270e-269e-0d37-f2a7-4de452e6b438","allowed":[],"notes":[]}',1793584800.0,1793584800.0,0,'{"PATCH":2}');
INSERT INTO "runs" VALUES('20261102T020000Z-8e81','scene','http://127.0.0.1:9/v1.0/engagements/referrals','0cb1e29c-658c-da14-95e6-0af593bd04cf','{"job":"scene","remote":"http://127.0.0.1:9/v1.0/engagements/referrals","tenant":null,"plan":"0cb1e29c-658c-da14-95e6-0af593bd04cf","source":"rows.csv","digest":"sha256:de316807418f0fe3419e778f0a230c4adaef1556f30eebdc507929f77db09af1","columns":["Id","Stage","Deal","Probability","Amount","Notes","Team"],"correlation_id":"a170b338-3926-3059-f28c-105d1fb17c23","allowed":[],"notes":[]}',1793584800.0,1.79358480000297904012e+09,3,'{"PATCH":1,"GET":5}');
CREATE INDEX intents_by_run ON intents (run, n);
COMMIT;
