/*
 * The statements in SQLite's dialect. The order of tables is fixed with CROSS
 * JOIN and the index with INDEXED BY where a wrong guess of the planner would
 * read a whole table: the database is never analysed.
 */
#ifndef C2_STORE_SQLITE_SQL_H
#define C2_STORE_SQLITE_SQL_H

/* In the order of get_client. */
#define CLIENT_COLUMNS                                                                             \
	"c.id, c.name, c.e4id, c.key, c.private_key, c.key_rev, c.n_old_keys, c.c2_rev,"           \
	" c.wanted_rev, c.sent_rev, c.confirmed_rev, c.reset_rev, c.reset_peers_rev,"              \
	" c.last_stamp, c.clock_offset, c.next_at, c.attempts, c.nonce, c.asked_at,"               \
	" c.last_seen, c.recheck_at, c.reason, c.type, c.behind_since, c.key_at"

/* In the order of put_client_values. */
#define CLIENT_VALUES                                                                              \
	"key, private_key, key_rev, c2_rev, wanted_rev, sent_rev, confirmed_rev, reset_rev,"       \
	" reset_peers_rev, last_stamp, clock_offset, next_at, attempts, nonce, asked_at,"          \
	" last_seen, recheck_at, reason, type, behind_since, key_at"
#define VALUES_21 "?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?"

#define TOPIC_COLUMNS                                                                              \
	"t.id, t.name, t.hash, t.key, t.rev, t.rotated_at, t.n_members, t.walk_rev,"               \
	" t.walk_client, t.removed"

/* What a member shall have: the newer of its topic's key and of its being attached. */
#define WANT "max(m.rev, t.rev)"

#define LITE_STATE_LOCK                                                                            \
	"SELECT revision, last_client, last_topic, last_event, n_clients, n_topics,"               \
	" last_record FROM state"
#define LITE_STATE_READ LITE_STATE_LOCK
#define LITE_STATE_PUT                                                                             \
	"UPDATE state SET (revision, last_client, last_topic, last_event, n_clients, n_topics,"    \
	" last_record) = (?,?,?,?,?,?,?)"
#define LITE_META_GET "SELECT value FROM meta WHERE name = ?"
#define LITE_META_PUT                                                                              \
	"INSERT INTO meta (name, value) VALUES (?,?) ON CONFLICT (name) DO UPDATE SET value ="     \
	" excluded.value"
#define LITE_EVENT_INSERT "INSERT INTO event (seq, type, at_ms, source, target) VALUES (?,?,?,?,?)"
#define LITE_EVENTS_AFTER                                                                          \
	"SELECT seq, type, at_ms, source, target FROM event WHERE seq > ? ORDER BY seq LIMIT ?"
#define LITE_EVENTS_PRUNE "DELETE FROM event WHERE seq <= ?"
#define LITE_CLIENT_BY_NAME "SELECT " CLIENT_COLUMNS " FROM client c WHERE c.name = ?"
#define LITE_CLIENT_BY_E4ID "SELECT " CLIENT_COLUMNS " FROM client c WHERE c.e4id = ?"
#define LITE_CLIENT_BY_ID "SELECT " CLIENT_COLUMNS " FROM client c WHERE c.id = ?"
#define LITE_CLIENT_INSERT                                                                         \
	"INSERT INTO client (" CLIENT_VALUES ", name, e4id, id) VALUES (" VALUES_21 ",?,?,?)"
#define LITE_CLIENT_UPDATE "UPDATE client SET (" CLIENT_VALUES ") = (" VALUES_21 ") WHERE id = ?"
#define LITE_CLIENT_STATE                                                                          \
	"UPDATE client SET (sent_rev, confirmed_rev, last_stamp, clock_offset, next_at,"           \
	" attempts, nonce, asked_at, last_seen, recheck_at, reason, behind_since) ="               \
	" (?,?,?,?,?,?,?,?,?,?,?,?)"                                                               \
	" WHERE id = ?"
#define LITE_CLIENT_DELETE "DELETE FROM client WHERE id = ? RETURNING name"
#define LITE_CLIENTS                                                                               \
	"SELECT name FROM client INDEXED BY client_name WHERE name > ?1 ORDER BY name LIMIT ?3"    \
	" OFFSET ?4"
#define LITE_CLIENTS_DUE                                                                           \
	"SELECT " CLIENT_COLUMNS " FROM client c INDEXED BY client_due WHERE c.next_at > 0 AND"    \
	" c.next_at <= ? ORDER BY c.next_at, c.id LIMIT ?"
#define LITE_CLIENTS_NEXT_AT                                                                       \
	"SELECT min(next_at) FROM client INDEXED BY client_due WHERE next_at > 0"
#define LITE_CLIENTS_AFTER                                                                         \
	"SELECT " CLIENT_COLUMNS " FROM client c WHERE c.id > ? ORDER BY c.id LIMIT ?"
#define LITE_CLIENTS_MIN_C2_REV                                                                    \
	"SELECT CASE WHEN ? > (SELECT total(n) FROM c2_use)"                                       \
	" THEN 0 ELSE (SELECT min(rev) FROM c2_use) END"
#define LITE_CLIENTS_FROM                                                                          \
	"SELECT " CLIENT_COLUMNS " FROM client c INDEXED BY client_name WHERE c.name >= ?"         \
	" ORDER BY c.name LIMIT ?"
#define LITE_TAG_CLIENTS_FROM                                                                      \
	"SELECT " CLIENT_COLUMNS " FROM client_tag g CROSS JOIN client c ON c.id = g.client_id"    \
	" WHERE g.tag = ? AND g.name >= ? ORDER BY g.name LIMIT ?"
#define LITE_CLIENT_TAGS                                                                           \
	"SELECT tag FROM client_tag INDEXED BY client_tag_client WHERE client_id = ? ORDER BY tag"
#define LITE_CLIENT_TAG_PUT                                                                        \
	"INSERT INTO client_tag (tag, name, client_id) SELECT ?, name, id FROM client"             \
	" WHERE id = ? ON CONFLICT (tag, name) DO UPDATE SET client_id = excluded.client_id"
#define LITE_CLIENT_TAG_DELETE                                                                     \
	"DELETE FROM client_tag INDEXED BY client_tag_client WHERE client_id = ? AND tag = ?"
#define LITE_CLIENTS_C2_FROM "SELECT ifnull(sum(n), 0) FROM c2_use WHERE rev >= ?"
#define LITE_OLD_KEY_PUT                                                                           \
	"INSERT INTO old_key (client_id, rev, key) VALUES (?,?,?) ON CONFLICT (client_id, rev)"    \
	" DO UPDATE SET key = excluded.key"
#define LITE_OLD_KEYS "SELECT client_id, rev, key FROM old_key WHERE client_id = ? ORDER BY rev"
#define LITE_OLD_KEYS_DROP "DELETE FROM old_key WHERE client_id = ? AND rev < ?"
#define LITE_C2_KEY_PUT                                                                            \
	"INSERT INTO c2_key (rev, private_key, public_key) VALUES (?,?,?) ON CONFLICT (rev) DO"    \
	" UPDATE SET private_key = excluded.private_key, public_key = excluded.public_key"
#define LITE_C2_KEYS "SELECT rev, private_key, public_key FROM c2_key ORDER BY rev"
#define LITE_C2_KEYS_DROP "DELETE FROM c2_key WHERE rev < ?"
#define LITE_TOPIC_BY_NAME                                                                         \
	"SELECT " TOPIC_COLUMNS " FROM topic t WHERE t.name = ? AND t.removed = 0"
#define LITE_TOPIC_BY_ID "SELECT " TOPIC_COLUMNS " FROM topic t WHERE t.id = ?"
#define LITE_TOPIC_INSERT                                                                          \
	"INSERT INTO topic (key, rev, rotated_at, walk_rev, walk_client, removed, name, hash,"     \
	" id) VALUES (?,?,?,?,?,?,?,?,?)"
#define LITE_TOPIC_UPDATE                                                                          \
	"UPDATE topic SET (key, rev, rotated_at, walk_rev, walk_client) = (?,?,?,?,?) WHERE"       \
	" removed = ? AND id = ?"
#define LITE_TOPIC_UPDATE_REMOVED                                                                  \
	"UPDATE topic SET (key, rev, rotated_at, walk_rev, walk_client, removed) = (?,?,?,?,?,?)"  \
	" WHERE id = ?"
#define LITE_TOPIC_DELETE "DELETE FROM topic WHERE id = ? RETURNING name, removed"
#define LITE_TOPIC_COUNT "UPDATE topic SET n_members = n_members + ? WHERE id = ?"
#define LITE_TOPICS                                                                                \
	"SELECT name FROM topic INDEXED BY topic_name WHERE removed = 0 AND name > ?1 ORDER BY"    \
	" name LIMIT ?3 OFFSET ?4"
#define LITE_TOPICS_AFTER                                                                          \
	"SELECT " TOPIC_COLUMNS " FROM topic t WHERE t.id > ? ORDER BY t.id LIMIT ?"
#define LITE_TOPICS_FROM                                                                           \
	"SELECT " TOPIC_COLUMNS " FROM topic t INDEXED BY topic_name WHERE t.removed = 0"          \
	" AND t.name >= ? ORDER BY t.name LIMIT ?"
#define LITE_TOPICS_TO_WALK                                                                        \
	"SELECT " TOPIC_COLUMNS " FROM topic t INDEXED BY topic_walk WHERE t.walk_rev < t.rev"     \
	" ORDER BY t.rev LIMIT ?"
#define LITE_TOPIC_PROGRESS                                                                        \
	"SELECT count(*), sum(c.reset_rev >= " WANT "), sum(c.reset_rev < " WANT                   \
	" AND c.confirmed_rev >= " WANT "), sum(c.reset_rev < " WANT                               \
	" AND c.confirmed_rev < " WANT " AND c.sent_rev >= " WANT                                  \
	") FROM topic t CROSS JOIN member m ON m.topic_id = t.id"                                  \
	" CROSS JOIN client c ON c.id = m.client_id WHERE t.id = ? AND m.removed = 0"
#define LITE_MEMBER                                                                                \
	"SELECT client_id, topic_id, rev, removed FROM member WHERE topic_id = ? AND client_id ="  \
	" ?"
#define LITE_MEMBER_PUT                                                                            \
	"INSERT INTO member (topic_id, client_id, rev, removed) VALUES (?,?,?,?) ON CONFLICT"      \
	" (topic_id, client_id) DO UPDATE SET rev = excluded.rev, removed = excluded.removed"
#define LITE_MEMBER_DELETE "DELETE FROM member WHERE topic_id = ? AND client_id = ?"
#define LITE_CLIENT_MEMBERS                                                                        \
	"SELECT m.client_id, m.topic_id, m.rev, m.removed, t.hash, t.key, t.rev, t.removed FROM"   \
	" member m CROSS JOIN topic t ON t.id = m.topic_id WHERE"                                  \
	" m.client_id = ? ORDER BY t.hash, t.id"
#define LITE_CLIENTS_MEMBERS                                                                       \
	"SELECT client_id, topic_id, rev, removed FROM member WHERE client_id IN"                  \
	" (SELECT value FROM json_each(?)) ORDER BY client_id"
#define LITE_CLIENTS_MEMBERS_IN                                                                    \
	"SELECT client_id, topic_id, rev, removed FROM member WHERE client_id IN"                  \
	" (SELECT value FROM json_each(?)) AND topic_id IN (SELECT value FROM json_each(?))"
#define LITE_TOPICS_NEWER                                                                          \
	"SELECT id FROM topic INDEXED BY topic_rev WHERE rev > ? ORDER BY rev DESC LIMIT ?"
#define LITE_TOPICS_KEYS                                                                           \
	"SELECT id, hash, key, rev, removed FROM topic WHERE id IN"                                \
	" (SELECT value FROM json_each(?)) ORDER BY id"
#define LITE_TOPIC_MEMBERS                                                                         \
	"SELECT " CLIENT_COLUMNS " FROM member m CROSS JOIN client c ON c.id = m.client_id WHERE"  \
	" m.topic_id = ? AND m.client_id > ? ORDER BY m.client_id LIMIT ?"
#define LITE_CLIENT_TOPICS                                                                         \
	"SELECT t.name FROM member m CROSS JOIN topic t ON t.id ="                                 \
	" m.topic_id WHERE m.client_id = ? AND m.removed = 0 AND t.removed = 0 ORDER BY t.name"    \
	" LIMIT ? OFFSET ?"
#define LITE_CLIENT_TOPICS_COUNT                                                                   \
	"SELECT count(*) FROM member m CROSS JOIN topic t ON t.id ="                               \
	" m.topic_id WHERE m.client_id = ? AND m.removed = 0 AND t.removed = 0"
#define LITE_TOPIC_CLIENTS                                                                         \
	"SELECT c.name FROM member m CROSS JOIN client c ON c.id = m.client_id WHERE m.topic_id"   \
	" = ? AND m.removed = 0 ORDER BY c.name LIMIT ? OFFSET ?"
#define LITE_TOPIC_CLIENTS_MANY                                                                    \
	"SELECT c.name FROM client c INDEXED BY client_name WHERE c.name > ?1 AND EXISTS (SELECT"  \
	" 1 FROM member m WHERE m.topic_id = ?2 AND m.client_id = c.id AND m.removed = 0) ORDER"   \
	" BY c.name LIMIT ?3 OFFSET ?4"
#define LITE_TOPIC_IS_LARGE                                                                        \
	"SELECT t.n_members > 2000 AND t.n_members > s.n_clients / 16 FROM topic t, state s"       \
	" WHERE t.id = ?"
#define LITE_LINK_PUT                                                                              \
	"INSERT INTO link (target_id, source_id) VALUES (?,?) ON CONFLICT (target_id, source_id)"  \
	" DO UPDATE SET source_id = excluded.source_id"
#define LITE_LINK_DELETE "DELETE FROM link WHERE target_id = ? AND source_id = ?"
#define LITE_LINKS                                                                                 \
	"SELECT c.name FROM link l CROSS JOIN client c ON c.id = l.source_id WHERE l.target_id ="  \
	" ? ORDER BY c.name LIMIT ? OFFSET ?"
#define LITE_LINKS_COUNT "SELECT n_links FROM client WHERE id = ?"
#define LITE_LINK_CLIENTS                                                                          \
	"SELECT " CLIENT_COLUMNS " FROM link l CROSS JOIN client c ON c.id = l.source_id WHERE"    \
	" l.target_id = ? AND l.source_id > ? ORDER BY l.source_id LIMIT ?"
#define LITE_PEER_PUT                                                                              \
	"INSERT INTO peer (target_id, e4id, source_id, rev, removed) VALUES"                       \
	" (?,?,nullif(?,0),?,?) ON CONFLICT (target_id, e4id) DO UPDATE SET source_id ="           \
	" excluded.source_id, rev = excluded.rev, removed = excluded.removed"
#define LITE_PEER_DELETE "DELETE FROM peer WHERE target_id = ? AND e4id = ?"
#define LITE_CLIENT_PEERS                                                                          \
	"SELECT p.target_id, p.source_id, p.e4id, p.rev, p.removed, c.key, c.key_rev FROM peer p"  \
	" LEFT JOIN client c ON c.id = p.source_id WHERE p.target_id = ? ORDER BY p.e4id"
#define LITE_PEER_HOLDERS                                                                          \
	"SELECT " CLIENT_COLUMNS " FROM peer p INDEXED BY peer_source CROSS JOIN client c ON"      \
	" c.id = p.target_id WHERE p.source_id = ? AND p.removed = 0 AND p.target_id > ? ORDER"    \
	" BY p.target_id LIMIT ?"
#define RECORD_COLUMNS "SELECT kind, id, owner, version, body FROM record WHERE kind = "
#define LITE_RECORD_GET RECORD_COLUMNS "? AND id = ?"
#define LITE_RECORD_INSERT                                                                         \
	"INSERT INTO record (owner, version, body, kind, id) VALUES (?,?,?,?,?)"                   \
	" ON CONFLICT (kind, id) DO NOTHING"
#define LITE_RECORD_UPDATE                                                                         \
	"UPDATE record SET owner = ?, version = ?, body = ? WHERE kind = ? AND id = ?"             \
	" AND version = ?"
#define LITE_RECORD_DELETE "DELETE FROM record WHERE kind = ? AND id = ? AND version = ?"
#define LITE_RECORDS RECORD_COLUMNS "? AND id > ? ORDER BY id LIMIT ?"
#define LITE_RECORDS_DOWN RECORD_COLUMNS "? AND id < ? ORDER BY id DESC LIMIT ?"
#define LITE_RECORDS_OF RECORD_COLUMNS "? AND owner = ? AND id > ? ORDER BY id LIMIT ?"
#define LITE_RECORDS_OF_DOWN RECORD_COLUMNS "? AND owner = ? AND id < ? ORDER BY id DESC LIMIT ?"
#define LITE_RECORDS_TRIM                                                                          \
	"DELETE FROM record WHERE kind = ?1 AND id IN (SELECT id FROM record WHERE kind = ?1"      \
	" ORDER BY id DESC LIMIT ?2 OFFSET ?3)"
#define LITE_RECORDS_TRIM_OF                                                                       \
	"DELETE FROM record WHERE kind = ?1 AND id IN (SELECT id FROM record WHERE kind = ?1"      \
	" AND owner = ?2 ORDER BY id DESC LIMIT ?3 OFFSET ?4)"

/* Whole tables for a backup, in the order of store_columns (core/rows.c). */
#define LITE_DUMP_META "SELECT name, value FROM meta WHERE name > ? ORDER BY name LIMIT ?"
#define LITE_LOAD_META "INSERT INTO meta (name, value) VALUES (?,?)"
#define LITE_DUMP_CLIENT                                                                           \
	"SELECT id, name, e4id, key, private_key, key_rev, c2_rev, wanted_rev,"                    \
	" sent_rev, confirmed_rev, reset_rev, reset_peers_rev, last_stamp,"                        \
	" clock_offset, next_at, attempts, nonce, asked_at, last_seen,"                            \
	" recheck_at, reason, behind_since, type, key_at FROM client WHERE id > ? ORDER BY id "    \
	"LIMIT ?"
#define LITE_LOAD_CLIENT                                                                           \
	"INSERT INTO client (id, name, e4id, key, private_key, key_rev, c2_rev,"                   \
	" wanted_rev, sent_rev, confirmed_rev, reset_rev, reset_peers_rev,"                        \
	" last_stamp, clock_offset, next_at, attempts, nonce, asked_at,"                           \
	" last_seen, recheck_at, reason, behind_since, type, key_at) VALUES"                       \
	" (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)"
#define LITE_DUMP_OLD_KEY                                                                          \
	"SELECT client_id, rev, key FROM old_key WHERE (client_id, rev) > (?,?)"                   \
	" ORDER BY client_id, rev LIMIT ?"
#define LITE_LOAD_OLD_KEY "INSERT INTO old_key (client_id, rev, key) VALUES (?,?,?)"
#define LITE_DUMP_C2_KEY                                                                           \
	"SELECT rev, private_key, public_key FROM c2_key WHERE rev > ? ORDER BY"                   \
	" rev LIMIT ?"
#define LITE_LOAD_C2_KEY "INSERT INTO c2_key (rev, private_key, public_key) VALUES (?,?,?)"
#define LITE_DUMP_TOPIC                                                                            \
	"SELECT id, name, hash, key, rev, rotated_at, n_members, walk_rev,"                        \
	" walk_client, removed FROM topic WHERE id > ? ORDER BY id LIMIT ?"
/* Triggers count the members. */
#define LITE_LOAD_TOPIC                                                                            \
	"INSERT INTO topic (id, name, hash, key, rev, rotated_at, n_members,"                      \
	" walk_rev, walk_client, removed) VALUES (?,?,?,?,?,?,0*?,?,?,?)"
#define LITE_DUMP_MEMBER                                                                           \
	"SELECT topic_id, client_id, rev, removed FROM member WHERE (topic_id,"                    \
	" client_id) > (?,?) ORDER BY topic_id, client_id LIMIT ?"
#define LITE_LOAD_MEMBER "INSERT INTO member (topic_id, client_id, rev, removed) VALUES (?,?,?,?)"
#define LITE_DUMP_LINK                                                                             \
	"SELECT target_id, source_id FROM link WHERE (target_id, source_id) >"                     \
	" (?,?) ORDER BY target_id, source_id LIMIT ?"
#define LITE_LOAD_LINK "INSERT INTO link (target_id, source_id) VALUES (?,?)"
#define LITE_DUMP_PEER                                                                             \
	"SELECT target_id, e4id, source_id, rev, removed FROM peer WHERE"                          \
	" (target_id, e4id) > (?,?) ORDER BY target_id, e4id LIMIT ?"
#define LITE_LOAD_PEER                                                                             \
	"INSERT INTO peer (target_id, e4id, source_id, rev, removed) VALUES"                       \
	" (?,?,nullif(?,0),?,?)"
#define LITE_DUMP_EVENT                                                                            \
	"SELECT seq, type, at_ms, source, target FROM event WHERE seq > ? ORDER"                   \
	" BY seq LIMIT ?"
#define LITE_LOAD_EVENT "INSERT INTO event (seq, type, at_ms, source, target) VALUES (?,?,?,?,?)"
#define LITE_DUMP_STATE LITE_STATE_READ
#define LITE_LOAD_STATE LITE_STATE_PUT
#define LITE_DUMP_TAG                                                                              \
	"SELECT tag, name, client_id FROM client_tag WHERE (tag, name) > (?,?) ORDER BY tag,"      \
	" name LIMIT ?"
#define LITE_LOAD_TAG "INSERT INTO client_tag (tag, name, client_id) VALUES (?,?,?)"
#define LITE_DUMP_RECORD                                                                           \
	"SELECT kind, id, owner, version, body FROM record WHERE (kind, id) > (?,?)"               \
	" ORDER BY kind, id LIMIT ?"
#define LITE_LOAD_RECORD "INSERT INTO record (kind, id, owner, version, body) VALUES (?,?,?,?,?)"

#endif
