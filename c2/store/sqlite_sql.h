/*
 * Every statement, once. The order of tables is fixed with CROSS JOIN and the
 * index with INDEXED BY where a wrong guess of the planner would read a whole
 * table: the database is never analysed.
 */
#ifndef C2_STORE_SQLITE_SQL_H
#define C2_STORE_SQLITE_SQL_H

/* In the order of get_client. */
#define SQL_CLIENT                                                                                 \
	"c.id, c.name, c.e4id, c.key, c.private_key, c.key_rev, c.n_old_keys, c.c2_rev,"           \
	" c.wanted_rev, c.sent_rev, c.confirmed_rev, c.reset_rev, c.reset_peers_rev,"              \
	" c.last_stamp, c.clock_offset, c.next_at, c.attempts, c.nonce, c.asked_at,"               \
	" c.last_seen, c.recheck_at, c.reason, c.type"

/* In the order of put_client_values. */
#define SQL_CLIENT_VALUES                                                                          \
	"key, private_key, key_rev, c2_rev, wanted_rev, sent_rev, confirmed_rev, reset_rev,"       \
	" reset_peers_rev, last_stamp, clock_offset, next_at, attempts, nonce, asked_at,"          \
	" last_seen, recheck_at, reason, type"
#define SQL_19 "?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?"

#define SQL_TOPIC                                                                                  \
	"t.id, t.name, t.hash, t.key, t.rev, t.rotated_at, t.n_members, t.walk_rev,"               \
	" t.walk_client, t.removed"

/* What a member shall have: the newer of its topic's key and of its being attached. */
#define SQL_WANT "max(m.rev, t.rev)"

#define SQL_ROWS(X)                                                                                \
	X(SQL_BEGIN, "BEGIN IMMEDIATE")                                                            \
	X(SQL_COMMIT, "COMMIT")                                                                    \
	X(SQL_ROLLBACK, "ROLLBACK")                                                                \
	X(SQL_CHECK_READ, "SELECT checks FROM state")                                              \
	X(SQL_CHECK_WRITE, "UPDATE state SET checks = checks + 1")                                 \
	X(SQL_REVISION, "SELECT revision FROM state")                                              \
	X(SQL_REVISION_NEXT, "UPDATE state SET revision = revision + 1 RETURNING revision")        \
	X(SQL_META_GET, "SELECT value FROM meta WHERE name = ?")                                   \
	X(SQL_META_PUT, "INSERT INTO meta (name, value) VALUES (?,?)"                              \
			" ON CONFLICT (name) DO UPDATE SET value = excluded.value")                \
	X(SQL_EVENT_NUMBER, "UPDATE state SET last_event = last_event + 1 RETURNING last_event")   \
	X(SQL_EVENT_INSERT,                                                                        \
	  "INSERT INTO event (seq, type, at_ms, source, target) VALUES (?,?,?,?,?)")               \
	X(SQL_EVENTS_AFTER, "SELECT seq, type, at_ms, source, target FROM event WHERE seq > ?"     \
			    " ORDER BY seq LIMIT ?")                                               \
	X(SQL_EVENTS_LAST, "SELECT last_event FROM state")                                         \
	X(SQL_EVENTS_PRUNE, "DELETE FROM event WHERE seq <= (SELECT last_event FROM state) - ?")   \
	X(SQL_CLIENT_BY_NAME, "SELECT " SQL_CLIENT " FROM client c WHERE c.name = ?")              \
	X(SQL_CLIENT_BY_E4ID, "SELECT " SQL_CLIENT " FROM client c WHERE c.e4id = ?")              \
	X(SQL_CLIENT_BY_ID, "SELECT " SQL_CLIENT " FROM client c WHERE c.id = ?")                  \
	X(SQL_CLIENT_INSERT, "INSERT INTO client (" SQL_CLIENT_VALUES ", name, e4id, id)"          \
			     " VALUES (" SQL_19 ",?,?, (SELECT last_client + 1 FROM state))"       \
			     " RETURNING id")                                                      \
	X(SQL_CLIENT_UPDATE,                                                                       \
	  "UPDATE client SET (" SQL_CLIENT_VALUES ") = (" SQL_19 ") WHERE id = ?")                 \
	X(SQL_CLIENT_DELETE, "DELETE FROM client WHERE id = ? RETURNING name")                     \
	X(SQL_CLIENTS, "SELECT name FROM client INDEXED BY client_name WHERE name > ?1"            \
		       " ORDER BY name LIMIT ?3 OFFSET ?4")                                        \
	X(SQL_CLIENTS_COUNT, "SELECT n_clients FROM state")                                        \
	X(SQL_CLIENTS_DUE,                                                                         \
	  "SELECT " SQL_CLIENT " FROM client c INDEXED BY client_due"                              \
	  " WHERE c.next_at > 0 AND c.next_at <= ? ORDER BY c.next_at, c.id LIMIT ?")              \
	X(SQL_CLIENTS_NEXT_AT,                                                                     \
	  "SELECT min(next_at) FROM client INDEXED BY client_due WHERE next_at > 0")               \
	X(SQL_CLIENTS_AFTER,                                                                       \
	  "SELECT " SQL_CLIENT " FROM client c WHERE c.id > ? ORDER BY c.id LIMIT ?")              \
	X(SQL_CLIENTS_MIN_C2_REV,                                                                  \
	  "SELECT CASE WHEN (SELECT n_clients FROM state) > (SELECT total(n) FROM c2_use)"         \
	  " THEN 0 ELSE (SELECT min(rev) FROM c2_use) END")                                        \
	X(SQL_CLIENTS_FROM, "SELECT " SQL_CLIENT " FROM client c INDEXED BY client_name"           \
			    " WHERE c.name >= ? ORDER BY c.name LIMIT ?")                          \
	X(SQL_TAG_CLIENTS_FROM,                                                                    \
	  "SELECT " SQL_CLIENT " FROM client_tag g CROSS JOIN client c ON c.id = g.client_id"      \
	  " WHERE g.tag = ? AND g.name >= ? ORDER BY g.name LIMIT ?")                              \
	X(SQL_CLIENT_TAGS, "SELECT tag FROM client_tag INDEXED BY client_tag_client"               \
			   " WHERE client_id = ? ORDER BY tag")                                    \
	X(SQL_CLIENT_TAG_PUT, "INSERT INTO client_tag (tag, name, client_id)"                      \
			      " SELECT ?, name, id FROM client WHERE id = ?"                       \
			      " ON CONFLICT (tag, name) DO UPDATE SET tag = excluded.tag")         \
	X(SQL_CLIENT_TAG_DELETE, "DELETE FROM client_tag INDEXED BY client_tag_client"             \
				 " WHERE client_id = ? AND tag = ?")                               \
	X(SQL_OLD_KEY_PUT, "INSERT INTO old_key (client_id, rev, key) VALUES (?,?,?)"              \
			   " ON CONFLICT (client_id, rev) DO UPDATE SET key = excluded.key")       \
	X(SQL_OLD_KEYS,                                                                            \
	  "SELECT client_id, rev, key FROM old_key WHERE client_id = ? ORDER BY rev")              \
	X(SQL_OLD_KEYS_DROP, "DELETE FROM old_key WHERE client_id = ? AND rev < ?")                \
	X(SQL_C2_KEY_PUT, "INSERT INTO c2_key (rev, private_key, public_key) VALUES (?,?,?)"       \
			  " ON CONFLICT (rev) DO UPDATE SET private_key = excluded.private_key,"   \
			  " public_key = excluded.public_key")                                     \
	X(SQL_C2_KEYS, "SELECT rev, private_key, public_key FROM c2_key ORDER BY rev")             \
	X(SQL_C2_KEYS_DROP, "DELETE FROM c2_key WHERE rev < ?")                                    \
	X(SQL_TOPIC_BY_NAME,                                                                       \
	  "SELECT " SQL_TOPIC " FROM topic t WHERE t.name = ? AND t.removed = 0")                  \
	X(SQL_TOPIC_BY_ID, "SELECT " SQL_TOPIC " FROM topic t WHERE t.id = ?")                     \
	X(SQL_TOPIC_INSERT,                                                                        \
	  "INSERT INTO topic (key, rev, rotated_at, walk_rev, walk_client, removed, name, hash, "  \
	  "id)"                                                                                    \
	  " VALUES (?,?,?,?,?,?,?,?, (SELECT last_topic + 1 FROM state)) RETURNING id")            \
	X(SQL_TOPIC_UPDATE,                                                                        \
	  "UPDATE topic SET (key, rev, rotated_at, walk_rev, walk_client) = (?,?,?,?,?)"           \
	  " WHERE removed = ? AND id = ?")                                                         \
	X(SQL_TOPIC_UPDATE_REMOVED,                                                                \
	  "UPDATE topic SET (key, rev, rotated_at, walk_rev, walk_client, removed)"                \
	  " = (?,?,?,?,?,?) WHERE id = ? RETURNING name")                                          \
	X(SQL_TOPIC_DELETE, "DELETE FROM topic WHERE id = ? RETURNING name")                       \
	X(SQL_TOPICS,                                                                              \
	  "SELECT name FROM topic INDEXED BY topic_name WHERE removed = 0 AND name > ?1"           \
	  " ORDER BY name LIMIT ?3 OFFSET ?4")                                                     \
	X(SQL_TOPICS_FROM, "SELECT " SQL_TOPIC " FROM topic t INDEXED BY topic_name"               \
			   " WHERE t.removed = 0 AND t.name >= ? ORDER BY t.name LIMIT ?")         \
	X(SQL_TOPICS_COUNT, "SELECT n_topics FROM state")                                          \
	X(SQL_TOPICS_TO_WALK, "SELECT " SQL_TOPIC " FROM topic t INDEXED BY topic_walk"            \
			      " WHERE t.walk_rev < t.rev ORDER BY t.rev LIMIT ?")                  \
	X(SQL_TOPIC_PROGRESS,                                                                      \
	  "SELECT count(*),"                                                                       \
	  " sum(c.reset_rev >= " SQL_WANT "),"                                                     \
	  " sum(c.reset_rev < " SQL_WANT " AND c.confirmed_rev >= " SQL_WANT "),"                  \
	  " sum(c.reset_rev < " SQL_WANT " AND c.confirmed_rev < " SQL_WANT                        \
	  " AND c.sent_rev >= " SQL_WANT ")"                                                       \
	  " FROM topic t CROSS JOIN member m ON m.topic_id = t.id"                                 \
	  " CROSS JOIN client c ON c.id = m.client_id"                                             \
	  " WHERE t.id = ? AND m.removed = 0")                                                     \
	X(SQL_MEMBER, "SELECT client_id, topic_id, rev, removed FROM member"                       \
		      " WHERE topic_id = ? AND client_id = ?")                                     \
	X(SQL_MEMBER_PUT,                                                                          \
	  "INSERT INTO member (topic_id, client_id, rev, removed) VALUES (?,?,?,?)"                \
	  " ON CONFLICT (topic_id, client_id)"                                                     \
	  " DO UPDATE SET rev = excluded.rev, removed = excluded.removed")                         \
	X(SQL_MEMBER_DELETE, "DELETE FROM member WHERE topic_id = ? AND client_id = ?")            \
	X(SQL_CLIENT_MEMBERS,                                                                      \
	  "SELECT m.client_id, m.topic_id, m.rev, m.removed, t.hash, t.key, t.rev, t.removed"      \
	  " FROM member m INDEXED BY member_client CROSS JOIN topic t ON t.id = m.topic_id"        \
	  " WHERE m.client_id = ? ORDER BY t.hash, t.id")                                          \
	X(SQL_TOPIC_MEMBERS,                                                                       \
	  "SELECT " SQL_CLIENT " FROM member m CROSS JOIN client c ON c.id = m.client_id"          \
	  " WHERE m.topic_id = ? AND m.client_id > ? ORDER BY m.client_id LIMIT ?")                \
	X(SQL_CLIENT_TOPICS, "SELECT t.name FROM member m INDEXED BY member_client"                \
			     " CROSS JOIN topic t ON t.id = m.topic_id"                            \
			     " WHERE m.client_id = ? AND m.removed = 0 AND t.removed = 0"          \
			     " ORDER BY t.name LIMIT ? OFFSET ?")                                  \
	X(SQL_CLIENT_TOPICS_COUNT, "SELECT count(*) FROM member m INDEXED BY member_client"        \
				   " CROSS JOIN topic t ON t.id = m.topic_id"                      \
				   " WHERE m.client_id = ? AND m.removed = 0 AND t.removed = 0")   \
	X(SQL_TOPIC_CLIENTS,                                                                       \
	  "SELECT c.name FROM member m CROSS JOIN client c ON c.id = m.client_id"                  \
	  " WHERE m.topic_id = ? AND m.removed = 0 ORDER BY c.name LIMIT ? OFFSET ?")              \
	X(SQL_TOPIC_CLIENTS_MANY,                                                                  \
	  "SELECT c.name FROM client c INDEXED BY client_name WHERE c.name > ?1"                   \
	  " AND EXISTS (SELECT 1 FROM member m WHERE m.topic_id = ?2"                              \
	  " AND m.client_id = c.id AND m.removed = 0) ORDER BY c.name LIMIT ?3 OFFSET ?4")         \
	X(SQL_TOPIC_IS_LARGE, "SELECT t.n_members > 2000 AND t.n_members > s.n_clients / 16"       \
			      " FROM topic t, state s WHERE t.id = ?")                             \
	X(SQL_LINK_PUT, "INSERT OR IGNORE INTO link (target_id, source_id) VALUES (?,?)")          \
	X(SQL_LINK_DELETE, "DELETE FROM link WHERE target_id = ? AND source_id = ?")               \
	X(SQL_LINKS, "SELECT c.name FROM link l CROSS JOIN client c ON c.id = l.source_id"         \
		     " WHERE l.target_id = ? ORDER BY c.name LIMIT ? OFFSET ?")                    \
	X(SQL_LINKS_COUNT, "SELECT n_links FROM client WHERE id = ?")                              \
	X(SQL_LINK_CLIENTS,                                                                        \
	  "SELECT " SQL_CLIENT " FROM link l CROSS JOIN client c ON c.id = l.source_id"            \
	  " WHERE l.target_id = ? AND l.source_id > ? ORDER BY l.source_id LIMIT ?")               \
	X(SQL_PEER_PUT,                                                                            \
	  "INSERT INTO peer (target_id, e4id, source_id, rev, removed)"                            \
	  " VALUES (?,?,nullif(?,0),?,?) ON CONFLICT (target_id, e4id) DO UPDATE"                  \
	  " SET source_id = excluded.source_id, rev = excluded.rev, removed = excluded.removed")   \
	X(SQL_PEER_DELETE, "DELETE FROM peer WHERE target_id = ? AND e4id = ?")                    \
	X(SQL_CLIENT_PEERS,                                                                        \
	  "SELECT p.target_id, p.source_id, p.e4id, p.rev, p.removed, c.key, c.key_rev"            \
	  " FROM peer p LEFT JOIN client c ON c.id = p.source_id"                                  \
	  " WHERE p.target_id = ? ORDER BY p.e4id")                                                \
	X(SQL_PEER_HOLDERS, "SELECT " SQL_CLIENT " FROM peer p INDEXED BY peer_source"             \
			    " CROSS JOIN client c ON c.id = p.target_id"                           \
			    " WHERE p.source_id = ? AND p.removed = 0 AND p.target_id > ?"         \
			    " ORDER BY p.target_id LIMIT ?")

enum sql_id {
#define X(id, text) id,
	SQL_ROWS(X)
#undef X
		SQL_N
};

#endif
