/*
 * The tables. Sizes were measured (bench_store): the member table is nearly all
 * of the file, so it has integers only and no rowid. A flag or a small zero
 * costs no byte beyond its header, an absent blob is null.
 */
#include "c2/store/schema/sqlite.h"

/* Everything that is counted, in one row that most transactions touch anyway. */
#define STATE                                                                                      \
	"CREATE TABLE meta ("                                                                      \
	"  name TEXT NOT NULL PRIMARY KEY,"                                                        \
	"  value BLOB NOT NULL"                                                                    \
	") STRICT, WITHOUT ROWID;"                                                                 \
	"CREATE TABLE state ("                                                                     \
	"  one INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),"                                      \
	"  revision INTEGER NOT NULL DEFAULT 0,"                                                   \
	"  last_client INTEGER NOT NULL DEFAULT 0,"                                                \
	"  last_topic INTEGER NOT NULL DEFAULT 0,"                                                 \
	"  n_clients INTEGER NOT NULL DEFAULT 0,"                                                  \
	"  n_topics INTEGER NOT NULL DEFAULT 0,"                                                   \
	"  last_event INTEGER NOT NULL DEFAULT 0,"                                                 \
	"  checks INTEGER NOT NULL DEFAULT 0"                                                      \
	") STRICT;"                                                                                \
	"INSERT INTO state (one) VALUES (1);"

/*
 * Ids are never given again: a cursor like topic.walk_client must not meet a
 * new client under the number of a removed one. They come from state, not from
 * AUTOINCREMENT, whose table would be one more page in every commit.
 */
#define CLIENT                                                                                     \
	"CREATE TABLE client ("                                                                    \
	"  id INTEGER PRIMARY KEY,"                                                                \
	"  name TEXT NOT NULL,"                                                                    \
	"  e4id BLOB NOT NULL CHECK (length(e4id) = 16),"                                          \
	"  key BLOB,"                                                                              \
	"  private_key BLOB,"                                                                      \
	"  key_rev INTEGER NOT NULL,"                                                              \
	"  n_old_keys INTEGER NOT NULL DEFAULT 0,"                                                 \
	"  n_links INTEGER NOT NULL DEFAULT 0,"                                                    \
	"  c2_rev INTEGER NOT NULL,"                                                               \
	"  wanted_rev INTEGER NOT NULL,"                                                           \
	"  sent_rev INTEGER NOT NULL,"                                                             \
	"  confirmed_rev INTEGER NOT NULL,"                                                        \
	"  reset_rev INTEGER NOT NULL,"                                                            \
	"  reset_peers_rev INTEGER NOT NULL,"                                                      \
	"  last_stamp INTEGER NOT NULL,"                                                           \
	"  clock_offset INTEGER NOT NULL,"                                                         \
	"  next_at INTEGER NOT NULL,"                                                              \
	"  attempts INTEGER NOT NULL,"                                                             \
	"  nonce BLOB,"                                                                            \
	"  asked_at INTEGER NOT NULL,"                                                             \
	"  last_seen INTEGER NOT NULL,"                                                            \
	"  recheck_at INTEGER NOT NULL,"                                                           \
	"  reason INTEGER NOT NULL"                                                                \
	") STRICT;"                                                                                \
	"CREATE UNIQUE INDEX client_name ON client (name);"                                        \
	"CREATE UNIQUE INDEX client_e4id ON client (e4id);"                                        \
	"CREATE INDEX client_due ON client (next_at) WHERE next_at > 0;"

/*
 * How many clients may still hold each of our own keys: few rows, so the least
 * is found at once. Clients that hold none (rev 0, all of them in symmetric
 * mode) have no row: they are the rest of n_clients.
 */
#define C2_USE                                                                                     \
	"CREATE TABLE c2_use (rev INTEGER PRIMARY KEY, n INTEGER NOT NULL) STRICT;"                \
	"CREATE TRIGGER client_in AFTER INSERT ON client BEGIN"                                    \
	"  UPDATE state SET n_clients = n_clients + 1, last_client = new.id;"                      \
	"  INSERT INTO c2_use SELECT new.c2_rev, 1 WHERE new.c2_rev > 0"                           \
	"    ON CONFLICT (rev) DO UPDATE SET n = n + 1;"                                           \
	"END;"                                                                                     \
	"CREATE TRIGGER client_out AFTER DELETE ON client BEGIN"                                   \
	"  UPDATE state SET n_clients = n_clients - 1;"                                            \
	"  UPDATE c2_use SET n = n - 1 WHERE rev = old.c2_rev;"                                    \
	"  DELETE FROM c2_use WHERE rev = old.c2_rev AND n = 0;"                                   \
	"END;"                                                                                     \
	"CREATE TRIGGER client_c2 AFTER UPDATE OF c2_rev ON client"                                \
	"  WHEN old.c2_rev <> new.c2_rev BEGIN"                                                    \
	"  INSERT INTO c2_use SELECT new.c2_rev, 1 WHERE new.c2_rev > 0"                           \
	"    ON CONFLICT (rev) DO UPDATE SET n = n + 1;"                                           \
	"  UPDATE c2_use SET n = n - 1 WHERE rev = old.c2_rev;"                                    \
	"  DELETE FROM c2_use WHERE rev = old.c2_rev AND n = 0;"                                   \
	"END;"

#define KEYS                                                                                       \
	"CREATE TABLE old_key ("                                                                   \
	"  client_id INTEGER NOT NULL REFERENCES client ON DELETE CASCADE,"                        \
	"  rev INTEGER NOT NULL,"                                                                  \
	"  key BLOB,"                                                                              \
	"  PRIMARY KEY (client_id, rev)"                                                           \
	") STRICT, WITHOUT ROWID;"                                                                 \
	"CREATE TRIGGER old_key_in AFTER INSERT ON old_key BEGIN"                                  \
	"  UPDATE client SET n_old_keys = n_old_keys + 1 WHERE id = new.client_id;"                \
	"END;"                                                                                     \
	"CREATE TRIGGER old_key_out AFTER DELETE ON old_key BEGIN"                                 \
	"  UPDATE client SET n_old_keys = n_old_keys - 1 WHERE id = old.client_id;"                \
	"END;"                                                                                     \
	"CREATE TABLE c2_key ("                                                                    \
	"  rev INTEGER PRIMARY KEY,"                                                               \
	"  private_key BLOB,"                                                                      \
	"  public_key BLOB NOT NULL CHECK (length(public_key) = 32)"                               \
	") STRICT;"

/*
 * A name may be in use again while the removed topic of that name lives on for
 * its members. removed is in the index so that a page needs nothing else.
 */
#define TOPIC                                                                                      \
	"CREATE TABLE topic ("                                                                     \
	"  id INTEGER PRIMARY KEY,"                                                                \
	"  name TEXT NOT NULL,"                                                                    \
	"  hash BLOB NOT NULL CHECK (length(hash) = 16),"                                          \
	"  key BLOB,"                                                                              \
	"  rev INTEGER NOT NULL,"                                                                  \
	"  rotated_at INTEGER NOT NULL,"                                                           \
	"  n_members INTEGER NOT NULL DEFAULT 0,"                                                  \
	"  walk_rev INTEGER NOT NULL,"                                                             \
	"  walk_client INTEGER NOT NULL,"                                                          \
	"  removed INTEGER NOT NULL CHECK (removed IN (0, 1))"                                     \
	") STRICT;"                                                                                \
	"CREATE UNIQUE INDEX topic_name ON topic (name, removed) WHERE removed = 0;"               \
	"CREATE INDEX topic_walk ON topic (rev) WHERE walk_rev < rev;"                             \
	"CREATE TRIGGER topic_in AFTER INSERT ON topic BEGIN"                                      \
	"  UPDATE state SET n_topics = n_topics + 1 - new.removed, last_topic = new.id;"           \
	"END;"                                                                                     \
	"CREATE TRIGGER topic_out AFTER DELETE ON topic WHEN old.removed = 0 BEGIN"                \
	"  UPDATE state SET n_topics = n_topics - 1;"                                              \
	"END;"                                                                                     \
	"CREATE TRIGGER topic_live AFTER UPDATE OF removed ON topic"                               \
	"  WHEN old.removed <> new.removed BEGIN"                                                  \
	"  UPDATE state SET n_topics = n_topics + old.removed - new.removed;"                      \
	"END;"

#define MEMBER_TRIGGERS                                                                            \
	"CREATE TRIGGER member_in AFTER INSERT ON member WHEN new.removed = 0 BEGIN"               \
	"  UPDATE topic SET n_members = n_members + 1 WHERE id = new.topic_id;"                    \
	"END;"                                                                                     \
	"CREATE TRIGGER member_out AFTER DELETE ON member WHEN old.removed = 0 BEGIN"              \
	"  UPDATE topic SET n_members = n_members - 1 WHERE id = old.topic_id;"                    \
	"END;"                                                                                     \
	"CREATE TRIGGER member_live AFTER UPDATE OF removed ON member"                             \
	"  WHEN old.removed <> new.removed BEGIN"                                                  \
	"  UPDATE topic SET n_members = n_members + old.removed - new.removed"                     \
	"    WHERE id = new.topic_id;"                                                             \
	"END;"

/* In the order in which a rotation walks; the index is in the order in which a device is served. */
#define MEMBER                                                                                     \
	"CREATE TABLE member ("                                                                    \
	"  topic_id INTEGER NOT NULL REFERENCES topic ON DELETE CASCADE,"                          \
	"  client_id INTEGER NOT NULL REFERENCES client ON DELETE CASCADE,"                        \
	"  rev INTEGER NOT NULL,"                                                                  \
	"  removed INTEGER NOT NULL CHECK (removed IN (0, 1)),"                                    \
	"  PRIMARY KEY (topic_id, client_id)"                                                      \
	") STRICT, WITHOUT ROWID;"                                                                 \
	"CREATE INDEX member_client ON member (client_id);" MEMBER_TRIGGERS

#define LINK                                                                                       \
	"CREATE TABLE link ("                                                                      \
	"  target_id INTEGER NOT NULL REFERENCES client ON DELETE CASCADE,"                        \
	"  source_id INTEGER NOT NULL REFERENCES client ON DELETE CASCADE,"                        \
	"  PRIMARY KEY (target_id, source_id)"                                                     \
	") STRICT, WITHOUT ROWID;"                                                                 \
	"CREATE INDEX link_source ON link (source_id);"                                            \
	"CREATE TRIGGER link_in AFTER INSERT ON link BEGIN"                                        \
	"  UPDATE client SET n_links = n_links + 1 WHERE id = new.target_id;"                      \
	"END;"                                                                                     \
	"CREATE TRIGGER link_out AFTER DELETE ON link BEGIN"                                       \
	"  UPDATE client SET n_links = n_links - 1 WHERE id = old.target_id;"                      \
	"END;"

/* source_id is null once the source is gone; e4id still tells the device which key to drop. */
#define PEER                                                                                       \
	"CREATE TABLE peer ("                                                                      \
	"  target_id INTEGER NOT NULL REFERENCES client ON DELETE CASCADE,"                        \
	"  e4id BLOB NOT NULL CHECK (length(e4id) = 16),"                                          \
	"  source_id INTEGER REFERENCES client ON DELETE SET NULL,"                                \
	"  rev INTEGER NOT NULL,"                                                                  \
	"  removed INTEGER NOT NULL CHECK (removed IN (0, 1)),"                                    \
	"  PRIMARY KEY (target_id, e4id)"                                                          \
	") STRICT, WITHOUT ROWID;"                                                                 \
	"CREATE INDEX peer_source ON peer (source_id, target_id) WHERE source_id IS NOT NULL;"

#define EVENT                                                                                      \
	"CREATE TABLE event ("                                                                     \
	"  seq INTEGER PRIMARY KEY,"                                                               \
	"  type INTEGER NOT NULL,"                                                                 \
	"  at_ms INTEGER NOT NULL,"                                                                \
	"  source TEXT NOT NULL,"                                                                  \
	"  target TEXT NOT NULL"                                                                   \
	") STRICT;"

static const char *const step_1[] = {STATE,  CLIENT, C2_USE, KEYS,  TOPIC,
				     MEMBER, LINK,   PEER,   EVENT, 0};

/*
 * The other way round: a device is served far more often than a walk comes by,
 * and finds its rows side by side; the walk needs nothing but the index.
 */
#define MEMBER_2                                                                                   \
	"CREATE TABLE member_2 ("                                                                  \
	"  client_id INTEGER NOT NULL REFERENCES client ON DELETE CASCADE,"                        \
	"  topic_id INTEGER NOT NULL REFERENCES topic ON DELETE CASCADE,"                          \
	"  rev INTEGER NOT NULL,"                                                                  \
	"  removed INTEGER NOT NULL CHECK (removed IN (0, 1)),"                                    \
	"  PRIMARY KEY (client_id, topic_id)"                                                      \
	") STRICT, WITHOUT ROWID;"                                                                 \
	"INSERT INTO member_2 SELECT client_id, topic_id, rev, removed FROM member"                \
	"  ORDER BY client_id, topic_id;"                                                          \
	"DROP TABLE member;"                                                                       \
	"ALTER TABLE member_2 RENAME TO member;"                                                   \
	"CREATE INDEX member_topic ON member (topic_id);" MEMBER_TRIGGERS

/* Which topics have a new key: mostly few, so the others need not be looked at for each device. */
#define TOPIC_REV "CREATE INDEX topic_rev ON topic (rev);"

static const char *const step_members[] = {MEMBER_2, TOPIC_REV, 0};

/* The name is kept beside the tag so that a page of a tag is in order; names never change. */
#define TAGS                                                                                       \
	"ALTER TABLE client ADD COLUMN type INTEGER NOT NULL DEFAULT 0;"                           \
	"CREATE TABLE client_tag ("                                                                \
	"  tag TEXT NOT NULL,"                                                                     \
	"  name TEXT NOT NULL,"                                                                    \
	"  client_id INTEGER NOT NULL REFERENCES client ON DELETE CASCADE,"                        \
	"  PRIMARY KEY (tag, name)"                                                                \
	") STRICT, WITHOUT ROWID;"                                                                 \
	"CREATE INDEX client_tag_client ON client_tag (client_id);"

/* The counters in state are written by the commit (sql_db.h): what triggers did for them is gone.
 */
#define COUNTERS                                                                                   \
	"DROP TRIGGER client_in;"                                                                  \
	"DROP TRIGGER client_out;"                                                                 \
	"DROP TRIGGER topic_in;"                                                                   \
	"DROP TRIGGER topic_out;"                                                                  \
	"DROP TRIGGER topic_live;"                                                                 \
	"CREATE TRIGGER client_in AFTER INSERT ON client WHEN new.c2_rev > 0 BEGIN"                \
	"  INSERT INTO c2_use VALUES (new.c2_rev, 1) ON CONFLICT (rev) DO UPDATE SET n = n + 1;"   \
	"END;"                                                                                     \
	"CREATE TRIGGER client_out AFTER DELETE ON client WHEN old.c2_rev > 0 BEGIN"               \
	"  UPDATE c2_use SET n = n - 1 WHERE rev = old.c2_rev;"                                    \
	"  DELETE FROM c2_use WHERE rev = old.c2_rev AND n = 0;"                                   \
	"END;"

static const char *const step_tags[] = {TAGS, COUNTERS, 0};

/* Rows of before count as behind since the first time that they are looked at. */
static const char *const step_behind[] = {
	"ALTER TABLE client ADD COLUMN behind_since INTEGER NOT NULL DEFAULT 0;", 0};

/* With a rowid: what bodies are long would be in the way of a search by key. */
#define RECORDS                                                                                    \
	"ALTER TABLE state ADD COLUMN last_record INTEGER NOT NULL DEFAULT 0;"                     \
	"CREATE TABLE record ("                                                                    \
	"  kind INTEGER NOT NULL,"                                                                 \
	"  id INTEGER NOT NULL,"                                                                   \
	"  owner INTEGER NOT NULL,"                                                                \
	"  version INTEGER NOT NULL,"                                                              \
	"  body BLOB NOT NULL,"                                                                    \
	"  PRIMARY KEY (kind, id)"                                                                 \
	") STRICT;"                                                                                \
	"CREATE INDEX record_owner ON record (kind, owner, id);"

#define KEY_AGE "ALTER TABLE client ADD COLUMN key_at INTEGER NOT NULL DEFAULT 0;"

static const char *const step_records[] = {RECORDS, KEY_AGE, 0};

const char *const *const sqlite_schema_steps[] = {step_1, step_members, step_tags, step_behind,
						  step_records};

const int sqlite_schema_n_steps = sizeof sqlite_schema_steps / sizeof sqlite_schema_steps[0];
