/*
 * The tables, in the schema e4. Names and topics are sorted by their bytes
 * (collation C). Foreign keys would lock the rows that they point to and ask
 * for each of them once more; the one lock of all writers makes the test in
 * the statement itself as good, and removing is done by the triggers here.
 */
#include "c2/store/schema/pg.h"

/* Everything that is counted, in the row whose lock is that of the writers. */
#define STATE                                                                                      \
	"CREATE TABLE meta ("                                                                      \
	"  name text COLLATE \"C\" PRIMARY KEY,"                                                   \
	"  value bytea NOT NULL"                                                                   \
	");"                                                                                       \
	"CREATE TABLE state ("                                                                     \
	"  one bigint PRIMARY KEY DEFAULT 1 CHECK (one = 1),"                                      \
	"  revision bigint NOT NULL DEFAULT 0,"                                                    \
	"  last_client bigint NOT NULL DEFAULT 0,"                                                 \
	"  last_topic bigint NOT NULL DEFAULT 0,"                                                  \
	"  n_clients bigint NOT NULL DEFAULT 0,"                                                   \
	"  n_topics bigint NOT NULL DEFAULT 0,"                                                    \
	"  last_event bigint NOT NULL DEFAULT 0,"                                                  \
	"  checks bigint NOT NULL DEFAULT 0"                                                       \
	") WITH (fillfactor = 10);"                                                                \
	"INSERT INTO state DEFAULT VALUES;"

/* No check of a length here: PostgreSQL would parse its text again for each row that comes. */
#define CLIENT                                                                                     \
	"CREATE TABLE client ("                                                                    \
	"  id bigint PRIMARY KEY,"                                                                 \
	"  key_rev bigint NOT NULL,"                                                               \
	"  c2_rev bigint NOT NULL,"                                                                \
	"  wanted_rev bigint NOT NULL,"                                                            \
	"  sent_rev bigint NOT NULL,"                                                              \
	"  confirmed_rev bigint NOT NULL,"                                                         \
	"  reset_rev bigint NOT NULL,"                                                             \
	"  reset_peers_rev bigint NOT NULL,"                                                       \
	"  last_stamp bigint NOT NULL,"                                                            \
	"  clock_offset bigint NOT NULL,"                                                          \
	"  next_at bigint NOT NULL,"                                                               \
	"  asked_at bigint NOT NULL,"                                                              \
	"  last_seen bigint NOT NULL,"                                                             \
	"  recheck_at bigint NOT NULL,"                                                            \
	"  behind_since bigint NOT NULL,"                                                          \
	"  attempts integer NOT NULL,"                                                             \
	"  reason integer NOT NULL,"                                                               \
	"  n_old_keys integer NOT NULL DEFAULT 0,"                                                 \
	"  n_links integer NOT NULL DEFAULT 0,"                                                    \
	"  name text COLLATE \"C\" NOT NULL,"                                                      \
	"  e4id bytea NOT NULL,"                                                                   \
	"  key bytea,"                                                                             \
	"  private_key bytea,"                                                                     \
	"  nonce bytea"                                                                            \
	") WITH (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_cost_delay = 0);"        \
	"CREATE UNIQUE INDEX client_name ON client (name);"                                        \
	"CREATE UNIQUE INDEX client_e4id ON client (e4id);"                                        \
	"CREATE INDEX client_due ON client (next_at) WHERE next_at > 0;"

/*
 * How many clients may still hold each of our own keys: few rows, so the least
 * is found at once. Clients that hold none (rev 0, all of them in symmetric
 * mode) have no row: they are the rest of n_clients.
 */
#define C2_USE                                                                                     \
	"CREATE TABLE c2_use (rev bigint PRIMARY KEY, n bigint NOT NULL);"                         \
	"CREATE FUNCTION c2_use_add(at bigint, d bigint) RETURNS void LANGUAGE sql AS $$"          \
	"  INSERT INTO e4.c2_use AS u SELECT at, d WHERE at > 0"                                   \
	"    ON CONFLICT (rev) DO UPDATE SET n = u.n + d;"                                         \
	"  DELETE FROM e4.c2_use WHERE rev = at AND n = 0"                                         \
	"$$;"                                                                                      \
	"CREATE FUNCTION client_c2() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"                 \
	"  IF TG_OP <> 'INSERT' THEN PERFORM e4.c2_use_add(old.c2_rev, -1); END IF;"               \
	"  IF TG_OP <> 'DELETE' THEN PERFORM e4.c2_use_add(new.c2_rev, 1); END IF;"                \
	"  RETURN NULL;"                                                                           \
	"END $$;"                                                                                  \
	"CREATE TRIGGER client_c2_in AFTER INSERT ON client FOR EACH ROW"                          \
	"  WHEN (new.c2_rev > 0) EXECUTE FUNCTION client_c2();"                                    \
	"CREATE TRIGGER client_c2_out AFTER DELETE ON client FOR EACH ROW"                         \
	"  WHEN (old.c2_rev > 0) EXECUTE FUNCTION client_c2();"                                    \
	"CREATE TRIGGER client_c2 AFTER UPDATE OF c2_rev ON client FOR EACH ROW"                   \
	"  WHEN (old.c2_rev <> new.c2_rev) EXECUTE FUNCTION client_c2();"

#define KEYS                                                                                       \
	"CREATE TABLE old_key ("                                                                   \
	"  client_id bigint NOT NULL,"                                                             \
	"  rev bigint NOT NULL,"                                                                   \
	"  key bytea,"                                                                             \
	"  PRIMARY KEY (client_id, rev)"                                                           \
	");"                                                                                       \
	"CREATE FUNCTION old_key_count() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"             \
	"  IF TG_OP = 'INSERT' THEN"                                                               \
	"    UPDATE e4.client SET n_old_keys = n_old_keys + 1 WHERE id = new.client_id;"           \
	"  ELSE"                                                                                   \
	"    UPDATE e4.client SET n_old_keys = n_old_keys - 1 WHERE id = old.client_id;"           \
	"  END IF;"                                                                                \
	"  RETURN NULL;"                                                                           \
	"END $$;"                                                                                  \
	"CREATE TRIGGER old_key_count AFTER INSERT OR DELETE ON old_key FOR EACH ROW"              \
	"  EXECUTE FUNCTION old_key_count();"                                                      \
	"CREATE TABLE c2_key ("                                                                    \
	"  rev bigint PRIMARY KEY,"                                                                \
	"  private_key bytea,"                                                                     \
	"  public_key bytea NOT NULL CHECK (length(public_key) = 32)"                              \
	");"

/* A name may be in use again while the removed topic of that name lives on for its members. */
#define TOPIC                                                                                      \
	"CREATE TABLE topic ("                                                                     \
	"  id bigint PRIMARY KEY,"                                                                 \
	"  rev bigint NOT NULL,"                                                                   \
	"  rotated_at bigint NOT NULL,"                                                            \
	"  n_members bigint NOT NULL DEFAULT 0,"                                                   \
	"  walk_rev bigint NOT NULL,"                                                              \
	"  walk_client bigint NOT NULL,"                                                           \
	"  removed boolean NOT NULL,"                                                              \
	"  name text COLLATE \"C\" NOT NULL,"                                                      \
	"  hash bytea NOT NULL CHECK (length(hash) = 16),"                                         \
	"  key bytea"                                                                              \
	") WITH (fillfactor = 70);"                                                                \
	"CREATE UNIQUE INDEX topic_name ON topic (name) WHERE NOT removed;"                        \
	"CREATE INDEX topic_rev ON topic (rev);"                                                   \
	"CREATE INDEX topic_walk ON topic (rev) WHERE walk_rev < rev;"

/*
 * In the order in which a rotation walks; the index is in the order in which a
 * device is served. was: the flag before the last write, true for a new row,
 * so that a write tells by how much the number of live members changes.
 */
#define MEMBER                                                                                     \
	"CREATE TABLE member ("                                                                    \
	"  topic_id bigint NOT NULL,"                                                              \
	"  client_id bigint NOT NULL,"                                                             \
	"  rev bigint NOT NULL,"                                                                   \
	"  removed boolean NOT NULL,"                                                              \
	"  was boolean NOT NULL,"                                                                  \
	"  PRIMARY KEY (topic_id, client_id)"                                                      \
	");"                                                                                       \
	"CREATE INDEX member_client ON member (client_id);"                                        \
	"CREATE FUNCTION topic_out() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"                 \
	"  DELETE FROM e4.member WHERE topic_id = old.id;"                                         \
	"  RETURN NULL;"                                                                           \
	"END $$;"                                                                                  \
	"CREATE TRIGGER topic_out AFTER DELETE ON topic FOR EACH ROW"                              \
	"  EXECUTE FUNCTION topic_out();"

#define LINK                                                                                       \
	"CREATE TABLE link ("                                                                      \
	"  target_id bigint NOT NULL,"                                                             \
	"  source_id bigint NOT NULL,"                                                             \
	"  PRIMARY KEY (target_id, source_id)"                                                     \
	");"                                                                                       \
	"CREATE INDEX link_source ON link (source_id);"                                            \
	"CREATE FUNCTION link_count() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"                \
	"  IF TG_OP = 'INSERT' THEN"                                                               \
	"    UPDATE e4.client SET n_links = n_links + 1 WHERE id = new.target_id;"                 \
	"  ELSE"                                                                                   \
	"    UPDATE e4.client SET n_links = n_links - 1 WHERE id = old.target_id;"                 \
	"  END IF;"                                                                                \
	"  RETURN NULL;"                                                                           \
	"END $$;"                                                                                  \
	"CREATE TRIGGER link_count AFTER INSERT OR DELETE ON link FOR EACH ROW"                    \
	"  EXECUTE FUNCTION link_count();"

/* source_id is null once the source is gone; e4id still tells the device which key to drop. */
#define PEER                                                                                       \
	"CREATE TABLE peer ("                                                                      \
	"  target_id bigint NOT NULL,"                                                             \
	"  e4id bytea NOT NULL CHECK (length(e4id) = 16),"                                         \
	"  source_id bigint,"                                                                      \
	"  rev bigint NOT NULL,"                                                                   \
	"  removed boolean NOT NULL,"                                                              \
	"  PRIMARY KEY (target_id, e4id)"                                                          \
	");"                                                                                       \
	"CREATE INDEX peer_source ON peer (source_id, target_id) WHERE source_id IS NOT NULL;"     \
	"CREATE FUNCTION client_out() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"                \
	"  UPDATE e4.topic SET n_members = n_members - 1 WHERE id IN"                              \
	"    (SELECT topic_id FROM e4.member WHERE client_id = old.id AND NOT removed);"           \
	"  DELETE FROM e4.member WHERE client_id = old.id;"                                        \
	"  DELETE FROM e4.old_key WHERE client_id = old.id;"                                       \
	"  DELETE FROM e4.link WHERE target_id = old.id;"                                          \
	"  DELETE FROM e4.link WHERE source_id = old.id;"                                          \
	"  DELETE FROM e4.peer WHERE target_id = old.id;"                                          \
	"  UPDATE e4.peer SET source_id = NULL WHERE source_id = old.id;"                          \
	"  RETURN NULL;"                                                                           \
	"END $$;"                                                                                  \
	"CREATE TRIGGER client_out AFTER DELETE ON client FOR EACH ROW"                            \
	"  EXECUTE FUNCTION client_out();"

#define EVENT                                                                                      \
	"CREATE TABLE event ("                                                                     \
	"  seq bigint PRIMARY KEY,"                                                                \
	"  type bigint NOT NULL,"                                                                  \
	"  at_ms bigint NOT NULL,"                                                                 \
	"  source text NOT NULL,"                                                                  \
	"  target text NOT NULL"                                                                   \
	");"

static const char *const step_1[] = {STATE,  CLIENT, C2_USE, KEYS,  TOPIC,
				     MEMBER, LINK,   PEER,   EVENT, 0};

/* The name is kept beside the tag so that a page of a tag is in order; names never change. */
#define TAGS                                                                                       \
	"ALTER TABLE client ADD COLUMN type integer NOT NULL DEFAULT 0;"                           \
	"CREATE TABLE client_tag ("                                                                \
	"  client_id bigint NOT NULL,"                                                             \
	"  tag text COLLATE \"C\" NOT NULL,"                                                       \
	"  name text COLLATE \"C\" NOT NULL,"                                                      \
	"  PRIMARY KEY (tag, name)"                                                                \
	");"                                                                                       \
	"CREATE INDEX client_tag_client ON client_tag (client_id, tag);"                           \
	"CREATE FUNCTION client_tags_out() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"           \
	"  DELETE FROM e4.client_tag WHERE client_id = old.id;"                                    \
	"  RETURN NULL;"                                                                           \
	"END $$;"                                                                                  \
	"CREATE TRIGGER client_tags_out AFTER DELETE ON client FOR EACH ROW"                       \
	"  EXECUTE FUNCTION client_tags_out();"

static const char *const step_2[] = {TAGS, 0};

#define RECORDS                                                                                    \
	"ALTER TABLE state ADD COLUMN last_record bigint NOT NULL DEFAULT 0;"                      \
	"CREATE TABLE record ("                                                                    \
	"  kind bigint NOT NULL,"                                                                  \
	"  id bigint NOT NULL,"                                                                    \
	"  owner bigint NOT NULL,"                                                                 \
	"  version bigint NOT NULL,"                                                               \
	"  body bytea NOT NULL,"                                                                   \
	"  PRIMARY KEY (kind, id)"                                                                 \
	");"                                                                                       \
	"CREATE INDEX record_owner ON record (kind, owner, id);"

#define KEY_AGE "ALTER TABLE client ADD COLUMN key_at bigint NOT NULL DEFAULT 0;"

static const char *const step_records[] = {RECORDS, KEY_AGE, 0};

const char *const *const pg_schema_steps[] = {step_1, step_2, step_records};

const int pg_schema_n_steps = sizeof pg_schema_steps / sizeof pg_schema_steps[0];
