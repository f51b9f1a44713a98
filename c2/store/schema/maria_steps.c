/*
 * The tables. Names and topics are VARBINARY: compared by their bytes, and
 * without padding, which utf8mb4_bin has. There are no triggers: with the binary
 * log on, making one needs a right that no ordinary user has; what other dialects
 * count in them is counted when it is asked for (few rows) or by us.
 */
#include "c2/store/schema/maria.h"

#define TABLE(name, columns) "CREATE TABLE IF NOT EXISTS " name " (" columns ") ENGINE=InnoDB"

#define META                                                                                       \
	TABLE("meta", "  name VARBINARY(255) PRIMARY KEY,"                                         \
		      "  value MEDIUMBLOB NOT NULL")

/* Everything that is counted, in the row whose lock is that of the writers. */
#define STATE                                                                                      \
	TABLE("state", "  one BIGINT PRIMARY KEY,"                                                 \
		       "  revision BIGINT NOT NULL DEFAULT 0,"                                     \
		       "  last_client BIGINT NOT NULL DEFAULT 0,"                                  \
		       "  last_topic BIGINT NOT NULL DEFAULT 0,"                                   \
		       "  n_clients BIGINT NOT NULL DEFAULT 0,"                                    \
		       "  n_topics BIGINT NOT NULL DEFAULT 0,"                                     \
		       "  last_event BIGINT NOT NULL DEFAULT 0,"                                   \
		       "  checks BIGINT NOT NULL DEFAULT 0,"                                       \
		       "  CHECK (one = 1)")

/*
 * The number of the last commit of each process, by which it learns whether a
 * commit was done of which it did not see the answer.
 */
#define WRITER                                                                                     \
	TABLE("writer", "  id BIGINT PRIMARY KEY,"                                                 \
			"  n BIGINT NOT NULL,"                                                     \
			"  at BIGINT NOT NULL")

#define CLIENT                                                                                     \
	TABLE("client", "  id BIGINT PRIMARY KEY,"                                                 \
			"  name VARBINARY(255) NOT NULL,"                                          \
			"  e4id BINARY(16) NOT NULL,"                                              \
			"  `key` VARBINARY(255),"                                                  \
			"  private_key VARBINARY(255),"                                            \
			"  key_rev BIGINT NOT NULL,"                                               \
			"  c2_rev BIGINT NOT NULL,"                                                \
			"  wanted_rev BIGINT NOT NULL,"                                            \
			"  sent_rev BIGINT NOT NULL,"                                              \
			"  confirmed_rev BIGINT NOT NULL,"                                         \
			"  reset_rev BIGINT NOT NULL,"                                             \
			"  reset_peers_rev BIGINT NOT NULL,"                                       \
			"  last_stamp BIGINT NOT NULL,"                                            \
			"  clock_offset BIGINT NOT NULL,"                                          \
			"  next_at BIGINT NOT NULL,"                                               \
			"  attempts INT NOT NULL,"                                                 \
			"  nonce VARBINARY(16),"                                                   \
			"  asked_at BIGINT NOT NULL,"                                              \
			"  last_seen BIGINT NOT NULL,"                                             \
			"  recheck_at BIGINT NOT NULL,"                                            \
			"  reason INT NOT NULL,"                                                   \
			"  type INT NOT NULL,"                                                     \
			"  behind_since BIGINT NOT NULL,"                                          \
			"  UNIQUE KEY client_name (name),"                                         \
			"  UNIQUE KEY client_e4id (e4id),"                                         \
			"  KEY client_due (next_at, id)")

/*
 * How many clients may still hold each of our own keys: few rows. Clients that
 * hold none (rev 0, all of them in symmetric mode) have no row: they are the rest
 * of n_clients.
 */
#define C2_USE                                                                                     \
	TABLE("c2_use", "  rev BIGINT PRIMARY KEY,"                                                \
			"  n BIGINT NOT NULL")

/* The name is kept beside the tag so that a page of a tag is in order; names never change. */
#define TAG                                                                                        \
	TABLE("client_tag", "  tag VARBINARY(255) NOT NULL,"                                       \
			    "  name VARBINARY(255) NOT NULL,"                                      \
			    "  client_id BIGINT NOT NULL,"                                         \
			    "  PRIMARY KEY (tag, name),"                                           \
			    "  KEY client_tag_client (client_id, tag),"                            \
			    "  FOREIGN KEY (client_id) REFERENCES client (id) ON DELETE CASCADE")

#define OLD_KEY                                                                                    \
	TABLE("old_key", "  client_id BIGINT NOT NULL,"                                            \
			 "  rev BIGINT NOT NULL,"                                                  \
			 "  `key` VARBINARY(255),"                                                 \
			 "  PRIMARY KEY (client_id, rev),"                                         \
			 "  FOREIGN KEY (client_id) REFERENCES client (id) ON DELETE CASCADE")

#define C2_KEY                                                                                     \
	TABLE("c2_key", "  rev BIGINT PRIMARY KEY,"                                                \
			"  private_key VARBINARY(255),"                                            \
			"  public_key BINARY(32) NOT NULL")

/*
 * live is 1, or null for a removed topic, whose name may be in use again while
 * it lives on for its members: a unique key takes any number of nulls.
 */
#define TOPIC                                                                                      \
	TABLE("topic", "  id BIGINT PRIMARY KEY,"                                                  \
		       "  name VARBINARY(512) NOT NULL,"                                           \
		       "  hash BINARY(16) NOT NULL,"                                               \
		       "  `key` VARBINARY(255),"                                                   \
		       "  rev BIGINT NOT NULL,"                                                    \
		       "  rotated_at BIGINT NOT NULL,"                                             \
		       "  n_members BIGINT NOT NULL DEFAULT 0,"                                    \
		       "  walk_rev BIGINT NOT NULL,"                                               \
		       "  walk_client BIGINT NOT NULL,"                                            \
		       "  live TINYINT,"                                                           \
		       "  to_walk BIGINT GENERATED ALWAYS AS (IF(walk_rev < rev, rev, NULL))"      \
		       "    STORED,"                                                               \
		       "  UNIQUE KEY topic_name (live, name),"                                     \
		       "  KEY topic_walk (to_walk),"                                               \
		       "  KEY topic_rev (rev)")

/*
 * A device finds its rows side by side; a walk over a topic's members needs
 * nothing but the index.
 */
#define MEMBER                                                                                     \
	TABLE("member", "  client_id BIGINT NOT NULL,"                                             \
			"  topic_id BIGINT NOT NULL,"                                              \
			"  rev BIGINT NOT NULL,"                                                   \
			"  removed TINYINT NOT NULL,"                                              \
			"  PRIMARY KEY (client_id, topic_id),"                                     \
			"  KEY member_topic (topic_id, client_id),"                                \
			"  FOREIGN KEY (client_id) REFERENCES client (id) ON DELETE CASCADE,"      \
			"  FOREIGN KEY (topic_id) REFERENCES topic (id) ON DELETE CASCADE")

#define LINK                                                                                       \
	TABLE("link", "  target_id BIGINT NOT NULL,"                                               \
		      "  source_id BIGINT NOT NULL,"                                               \
		      "  PRIMARY KEY (target_id, source_id),"                                      \
		      "  KEY link_source (source_id),"                                             \
		      "  FOREIGN KEY (target_id) REFERENCES client (id) ON DELETE CASCADE,"        \
		      "  FOREIGN KEY (source_id) REFERENCES client (id) ON DELETE CASCADE")

/* source_id is null once the source is gone; e4id still tells the device which key to drop. */
#define PEER                                                                                       \
	TABLE("peer", "  target_id BIGINT NOT NULL,"                                               \
		      "  e4id BINARY(16) NOT NULL,"                                                \
		      "  source_id BIGINT,"                                                        \
		      "  rev BIGINT NOT NULL,"                                                     \
		      "  removed TINYINT NOT NULL,"                                                \
		      "  PRIMARY KEY (target_id, e4id),"                                           \
		      "  KEY peer_source (source_id, target_id),"                                  \
		      "  FOREIGN KEY (target_id) REFERENCES client (id) ON DELETE CASCADE,"        \
		      "  FOREIGN KEY (source_id) REFERENCES client (id) ON DELETE SET NULL")

#define EVENT                                                                                      \
	TABLE("event", "  seq BIGINT PRIMARY KEY,"                                                 \
		       "  type BIGINT NOT NULL,"                                                   \
		       "  at_ms BIGINT NOT NULL,"                                                  \
		       "  source VARBINARY(255) NOT NULL,"                                         \
		       "  target VARBINARY(512) NOT NULL")

static const char *const step_1[] = {
	META,   STATE,   "INSERT IGNORE INTO state (one) VALUES (1)",
	WRITER, CLIENT,  TAG,
	C2_USE, OLD_KEY, C2_KEY,
	TOPIC,  MEMBER,  LINK,
	PEER,   EVENT,   0,
};

#define RECORD                                                                                     \
	TABLE("record", "  kind BIGINT NOT NULL,"                                                  \
			"  id BIGINT NOT NULL,"                                                    \
			"  owner BIGINT NOT NULL,"                                                 \
			"  version BIGINT NOT NULL,"                                               \
			"  body MEDIUMBLOB NOT NULL,"                                              \
			"  PRIMARY KEY (kind, id),"                                                \
			"  KEY record_owner (kind, owner, id)")

/* No step may mind that it was done before: each statement is kept at once, and the number last. */
#define ADD_COLUMN(table, column, type)                                                            \
	"SET @step = IF((SELECT count(*) FROM information_schema.columns WHERE table_schema ="     \
	" database() AND table_name = '" table "' AND column_name = '" column "') = 0,"            \
	" 'ALTER TABLE " table " ADD COLUMN " column " " type "', 'DO 0');"                        \
	"PREPARE step FROM @step; EXECUTE step; DEALLOCATE PREPARE step"

static const char *const step_records[] = {
	RECORD, ADD_COLUMN("state", "last_record", "BIGINT NOT NULL DEFAULT 0"),
	ADD_COLUMN("client", "key_at", "BIGINT NOT NULL DEFAULT 0"), 0};

const char *const *const maria_schema_steps[] = {step_1, step_records};

const int maria_schema_n_steps = sizeof maria_schema_steps / sizeof maria_schema_steps[0];
