/*
 * The statements in the dialect that MariaDB and MySQL share: neither RETURNING
 * nor what only one of them has. The order of tables is fixed with STRAIGHT_JOIN
 * and the index with FORCE INDEX where a wrong guess of the planner would read a
 * whole table. A row that cannot be is refused by an error, which undoes the
 * statement alone.
 */
#ifndef C2_STORE_MARIA_SQL_H
#define C2_STORE_MARIA_SQL_H

/* In the order of get_client. */
#define CLIENT_COLUMNS                                                                             \
	"c.id, c.name, c.e4id, c.`key`, c.private_key, c.key_rev,"                                 \
	" (SELECT count(*) FROM old_key k WHERE k.client_id = c.id), c.c2_rev, c.wanted_rev,"      \
	" c.sent_rev, c.confirmed_rev, c.reset_rev, c.reset_peers_rev, c.last_stamp,"              \
	" c.clock_offset, c.next_at, c.attempts, c.nonce, c.asked_at, c.last_seen,"                \
	" c.recheck_at, c.reason, c.type, c.behind_since, c.key_at"

#define TOPIC_COLUMNS                                                                              \
	"t.id, t.name, t.hash, t.`key`, t.rev, t.rotated_at, t.n_members, t.walk_rev,"             \
	" t.walk_client, t.live IS NULL"

/* What a member shall have: the newer of its topic's key and of its being attached. */
#define WANT "GREATEST(slice.rev, t.rev)"
#define COUNT_OF(condition) "CAST(coalesce(sum(" condition "), 0) AS SIGNED)"

/* Ids as the text of a JSON array. */
#define IDS "JSON_TABLE(CONVERT(? USING utf8mb4), '$[*]' COLUMNS (id BIGINT PATH '$')) "

#define MARIA_STATE_READ                                                                           \
	"SELECT revision, last_client, last_topic, last_event, n_clients, n_topics,"               \
	" last_record FROM state"
#define MARIA_STATE_LOCK MARIA_STATE_READ " FOR UPDATE"
#define MARIA_STATE_PUT                                                                            \
	"UPDATE state SET revision = ?, last_client = ?, last_topic = ?, last_event = ?,"          \
	" n_clients = ?, n_topics = ?, last_record = ?"
#define MARIA_META_GET "SELECT value FROM meta WHERE name = ?"
#define MARIA_META_PUT                                                                             \
	"INSERT INTO meta (name, value) VALUES (?,?) ON DUPLICATE KEY UPDATE value ="              \
	" VALUES(value)"
#define MARIA_EVENT_INSERT "INSERT INTO event (seq, type, at_ms, source, target) VALUES (?,?,?,?,?)"
#define MARIA_EVENTS_AFTER                                                                         \
	"SELECT seq, type, at_ms, source, target FROM event WHERE seq > ? ORDER BY seq LIMIT ?"
#define MARIA_EVENTS_PRUNE "DELETE FROM event WHERE seq <= ?"
#define MARIA_CLIENT_BY_NAME "SELECT " CLIENT_COLUMNS " FROM client c WHERE c.name = ?"
#define MARIA_CLIENT_BY_E4ID "SELECT " CLIENT_COLUMNS " FROM client c WHERE c.e4id = ?"
#define MARIA_CLIENT_BY_ID "SELECT " CLIENT_COLUMNS " FROM client c WHERE c.id = ?"
/* Values in the order of put_client_values. */
#define MARIA_CLIENT_INSERT                                                                        \
	"INSERT INTO client (`key`, private_key, key_rev, c2_rev, wanted_rev, sent_rev,"           \
	" confirmed_rev, reset_rev, reset_peers_rev, last_stamp, clock_offset, next_at, attempts," \
	" nonce, asked_at, last_seen, recheck_at, reason, type, behind_since, key_at, name, "      \
	"e4id, id) "                                                                               \
	"VALUES"                                                                                   \
	" (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)"
/* The key of ours that it held before is told as the last id that was inserted, plus 1. */
#define MARIA_CLIENT_UPDATE                                                                        \
	"UPDATE client SET `key` = ?, private_key = ?, key_rev = ?, c2_rev = ? + 0 *"              \
	" LAST_INSERT_ID(c2_rev + 1), wanted_rev = ?, sent_rev = ?, confirmed_rev = ?,"            \
	" reset_rev = ?, reset_peers_rev = ?, last_stamp = ?, clock_offset = ?, next_at = ?,"      \
	" attempts = ?, nonce = ?, asked_at = ?, last_seen = ?, recheck_at = ?, reason = ?,"       \
	" type = ?, behind_since = ?, key_at = ? WHERE id = ?"
#define MARIA_CLIENT_STATE                                                                         \
	"UPDATE client SET sent_rev = ?, confirmed_rev = ?, last_stamp = ?, clock_offset = ?,"     \
	" next_at = ?, attempts = ?, nonce = ?, asked_at = ?, last_seen = ?, recheck_at = ?,"      \
	" reason = ?, behind_since = ? WHERE id = ?"
/* Each of the three that delete is a question whose answer is wanted; see maria_driver.c. */
#define MARIA_CLIENT_DELETE "SELECT name FROM client WHERE id = ?"
#define MARIA_CLIENTS                                                                              \
	"SELECT name FROM client FORCE INDEX (client_name) WHERE name > ? AND ? = 0 ORDER BY"      \
	" name LIMIT ? OFFSET ?"
#define MARIA_CLIENTS_DUE                                                                          \
	"SELECT " CLIENT_COLUMNS " FROM client c FORCE INDEX (client_due) WHERE c.next_at > 0 AND" \
	" c.next_at <= ? ORDER BY c.next_at, c.id LIMIT ?"
#define MARIA_CLIENTS_NEXT_AT                                                                      \
	"SELECT min(next_at) FROM client FORCE INDEX (client_due) WHERE next_at > 0"
#define MARIA_CLIENTS_AFTER                                                                        \
	"SELECT " CLIENT_COLUMNS                                                                   \
	" FROM client c FORCE INDEX (PRIMARY) WHERE c.id > ? ORDER BY c.id LIMIT ?"
#define MARIA_CLIENTS_MIN_C2_REV                                                                   \
	"SELECT CASE WHEN ? > (SELECT coalesce(sum(n), 0) FROM c2_use) THEN 0 ELSE"                \
	" (SELECT min(rev) FROM c2_use WHERE n > 0) END"
#define MARIA_CLIENTS_C2_FROM "SELECT " COUNT_OF("n") " FROM c2_use WHERE rev >= ?"
#define MARIA_CLIENTS_FROM                                                                         \
	"SELECT " CLIENT_COLUMNS                                                                   \
	" FROM client c FORCE INDEX (client_name) WHERE c.name >= ? ORDER BY c.name LIMIT ?"
#define MARIA_TAG_CLIENTS_FROM                                                                     \
	"SELECT " CLIENT_COLUMNS " FROM client_tag g FORCE INDEX (PRIMARY) STRAIGHT_JOIN client c" \
	" FORCE INDEX (PRIMARY) ON c.id = g.client_id WHERE g.tag = ? AND g.name >= ? ORDER BY"    \
	" g.name LIMIT ?"
#define MARIA_CLIENT_TAGS                                                                          \
	"SELECT tag FROM client_tag FORCE INDEX (client_tag_client) WHERE client_id = ? ORDER BY"  \
	" tag"
#define MARIA_CLIENT_TAG_PUT                                                                       \
	"INSERT INTO client_tag (tag, name, client_id) SELECT ?, name, id FROM client WHERE id ="  \
	" ? ON DUPLICATE KEY UPDATE client_id = VALUES(client_id)"
#define MARIA_CLIENT_TAG_DELETE "DELETE FROM client_tag WHERE client_id = ? AND tag = ?"
#define MARIA_OLD_KEY_PUT                                                                          \
	"INSERT INTO old_key (client_id, rev, `key`) VALUES (?,?,?) ON DUPLICATE KEY UPDATE"       \
	" `key` = VALUES(`key`)"
#define MARIA_OLD_KEYS "SELECT client_id, rev, `key` FROM old_key WHERE client_id = ? ORDER BY rev"
#define MARIA_OLD_KEYS_DROP "DELETE FROM old_key WHERE client_id = ? AND rev < ?"
#define MARIA_C2_KEY_PUT                                                                           \
	"INSERT INTO c2_key (rev, private_key, public_key) VALUES (?,?,?) ON DUPLICATE KEY"        \
	" UPDATE private_key = VALUES(private_key), public_key = VALUES(public_key)"
#define MARIA_C2_KEYS "SELECT rev, private_key, public_key FROM c2_key ORDER BY rev"
#define MARIA_C2_KEYS_DROP "DELETE FROM c2_key WHERE rev < ?"
#define MARIA_TOPIC_BY_NAME "SELECT " TOPIC_COLUMNS " FROM topic t WHERE t.name = ? AND t.live = 1"
#define MARIA_TOPIC_BY_ID "SELECT " TOPIC_COLUMNS " FROM topic t WHERE t.id = ?"
#define MARIA_TOPIC_INSERT                                                                         \
	"INSERT INTO topic (`key`, rev, rotated_at, walk_rev, walk_client, live, name, hash, id)"  \
	" VALUES (?,?,?,?,?,IF(?,NULL,1),?,?,?)"
#define MARIA_TOPIC_UPDATE                                                                         \
	"UPDATE topic SET `key` = ?, rev = ?, rotated_at = ?, walk_rev = ?, walk_client = ?"       \
	" WHERE (live IS NULL) = ? AND id = ?"
#define MARIA_TOPIC_UPDATE_REMOVED                                                                 \
	"UPDATE topic SET `key` = ?, rev = ?, rotated_at = ?, walk_rev = ?, walk_client = ?,"      \
	" live = IF(?,NULL,1) WHERE id = ?"
#define MARIA_TOPIC_DELETE "SELECT name, live IS NULL FROM topic WHERE id = ?"
#define MARIA_TOPIC_COUNT "UPDATE topic SET n_members = n_members + ? WHERE id = ?"
#define MARIA_TOPICS                                                                               \
	"SELECT name FROM topic FORCE INDEX (topic_name) WHERE live = 1 AND name > ? AND ? = 0"    \
	" ORDER BY name LIMIT ? OFFSET ?"
#define MARIA_TOPICS_FROM                                                                          \
	"SELECT " TOPIC_COLUMNS " FROM topic t FORCE INDEX (topic_name) WHERE t.live = 1 AND"      \
	" t.name >= ? ORDER BY t.name LIMIT ?"
#define MARIA_TOPICS_TO_WALK                                                                       \
	"SELECT " TOPIC_COLUMNS " FROM topic t FORCE INDEX (topic_walk) WHERE t.to_walk > 0 ORDER" \
	" BY t.to_walk LIMIT ?"
#define IS_LIVE "slice.removed = 0"
#define IS_WITHHELD IS_LIVE " AND c.reset_rev >= " WANT
#define IS_CONFIRMED IS_LIVE " AND c.reset_rev < " WANT " AND c.confirmed_rev >= " WANT
#define IS_SENT                                                                                    \
	IS_LIVE " AND c.reset_rev < " WANT " AND c.confirmed_rev < " WANT " AND c.sent_rev "       \
		">= " WANT
#define SLICE_OF_TOPIC                                                                             \
	" FROM topic t STRAIGHT_JOIN (SELECT client_id, rev, removed FROM member FORCE INDEX"      \
	" (member_topic) WHERE topic_id = ? AND client_id > ? ORDER BY client_id LIMIT ?) slice"   \
	" STRAIGHT_JOIN client c FORCE INDEX (PRIMARY) ON c.id = slice.client_id WHERE t.id = ?"
#define MARIA_TOPIC_PROGRESS                                                                       \
	"SELECT coalesce(max(slice.client_id), 0), count(*), " COUNT_OF(IS_LIVE) ", " COUNT_OF(    \
		IS_WITHHELD) ", " COUNT_OF(IS_CONFIRMED) ", " COUNT_OF(IS_SENT) SLICE_OF_TOPIC
#define MARIA_MEMBER                                                                               \
	"SELECT client_id, topic_id, rev, removed FROM member WHERE topic_id = ? AND client_id = " \
	"?"
/* The flag before the write is told as the last id that was inserted, plus 1; 0: a new row. */
#define MARIA_MEMBER_PUT                                                                           \
	"INSERT INTO member (topic_id, client_id, rev, removed) VALUES (?,?,?,?) ON DUPLICATE KEY" \
	" UPDATE rev = VALUES(rev) + 0 * LAST_INSERT_ID(removed + 1), removed = VALUES(removed)"
/* The difference of live members. */
#define MARIA_MEMBER_DELETE "SELECT removed - 1 FROM member WHERE topic_id = ? AND client_id = ?"
#define OF_CLIENT "STRAIGHT_JOIN client c FORCE INDEX (PRIMARY) ON c.id = "
#define OF_TOPIC "STRAIGHT_JOIN topic t FORCE INDEX (PRIMARY) ON t.id = m.topic_id"
#define MARIA_CLIENT_MEMBERS                                                                       \
	"SELECT m.client_id, m.topic_id, m.rev, m.removed, t.hash, t.`key`, t.rev, t.live IS NULL" \
	" FROM member m FORCE INDEX (PRIMARY) " OF_TOPIC                                           \
	" WHERE m.client_id = ? ORDER BY t.hash, t.id"
#define MARIA_CLIENTS_MEMBERS                                                                      \
	"SELECT m.client_id, m.topic_id, m.rev, m.removed FROM " IDS "i STRAIGHT_JOIN member m"    \
	" FORCE INDEX (PRIMARY) ON m.client_id = i.id ORDER BY m.client_id"
#define MARIA_CLIENTS_MEMBERS_IN                                                                   \
	"SELECT m.client_id, m.topic_id, m.rev, m.removed FROM " IDS "i STRAIGHT_JOIN " IDS        \
	"j STRAIGHT_JOIN member m FORCE INDEX (PRIMARY) ON m.client_id = i.id AND m.topic_id ="    \
	" j.id ORDER BY m.client_id"
#define MARIA_TOPICS_NEWER                                                                         \
	"SELECT id FROM topic FORCE INDEX (topic_rev) WHERE rev > ? ORDER BY rev DESC LIMIT ?"
#define MARIA_TOPICS_KEYS                                                                          \
	"SELECT t.id, t.hash, t.`key`, t.rev, t.live IS NULL FROM " IDS                            \
	"i STRAIGHT_JOIN topic t FORCE INDEX (PRIMARY) ON t.id = i.id ORDER BY t.id"
#define MARIA_TOPIC_MEMBERS                                                                        \
	"SELECT " CLIENT_COLUMNS " FROM member m FORCE INDEX (member_topic) " OF_CLIENT            \
	"m.client_id WHERE m.topic_id = ? AND m.client_id > ? ORDER BY m.client_id LIMIT ?"
#define LIVE_TOPICS_OF                                                                             \
	" FROM member m FORCE INDEX (PRIMARY) " OF_TOPIC                                           \
	" WHERE m.client_id = ? AND m.removed = 0 AND t.live = 1"
#define MARIA_CLIENT_TOPICS "SELECT t.name" LIVE_TOPICS_OF " ORDER BY t.name LIMIT ? OFFSET ?"
#define MARIA_CLIENT_TOPICS_COUNT "SELECT count(*)" LIVE_TOPICS_OF
#define MARIA_TOPIC_CLIENTS                                                                        \
	"SELECT c.name FROM member m FORCE INDEX (member_topic) " OF_CLIENT                        \
	"m.client_id WHERE m.topic_id = ? AND m.removed = 0 ORDER BY c.name LIMIT ? OFFSET ?"
#define MARIA_TOPIC_CLIENTS_MANY                                                                   \
	"SELECT c.name FROM client c FORCE INDEX (client_name) STRAIGHT_JOIN member m FORCE"       \
	" INDEX (PRIMARY) WHERE c.name > ? AND m.topic_id = ? AND m.client_id = c.id AND"          \
	" m.removed = 0 ORDER BY c.name LIMIT ? OFFSET ?"
#define MARIA_TOPIC_IS_LARGE                                                                       \
	"SELECT t.n_members > 2000 AND t.n_members > s.n_clients / 16 FROM topic t, state s"       \
	" WHERE t.id = ?"
#define MARIA_LINK_PUT                                                                             \
	"INSERT INTO link (target_id, source_id) VALUES (?,?) ON DUPLICATE KEY UPDATE source_id =" \
	" VALUES(source_id)"
#define MARIA_LINK_DELETE "DELETE FROM link WHERE target_id = ? AND source_id = ?"
#define MARIA_LINKS                                                                                \
	"SELECT c.name FROM link l FORCE INDEX (PRIMARY) " OF_CLIENT                               \
	"l.source_id WHERE l.target_id = ? ORDER BY c.name LIMIT ? OFFSET ?"
#define MARIA_LINKS_COUNT "SELECT count(*) FROM link WHERE target_id = ?"
#define MARIA_LINK_CLIENTS                                                                         \
	"SELECT " CLIENT_COLUMNS " FROM link l FORCE INDEX (PRIMARY) " OF_CLIENT                   \
	"l.source_id WHERE l.target_id = ? AND l.source_id > ? ORDER BY l.source_id LIMIT ?"
#define MARIA_PEER_PUT                                                                             \
	"INSERT INTO peer (target_id, e4id, source_id, rev, removed) VALUES"                       \
	" (?,?,nullif(?,0),?,?) ON DUPLICATE KEY UPDATE source_id = VALUES(source_id), rev ="      \
	" VALUES(rev), removed = VALUES(removed)"
#define MARIA_PEER_DELETE "DELETE FROM peer WHERE target_id = ? AND e4id = ?"
#define MARIA_CLIENT_PEERS                                                                         \
	"SELECT p.target_id, p.source_id, p.e4id, p.rev, p.removed, c.`key`, c.key_rev FROM peer"  \
	" p FORCE INDEX (PRIMARY) LEFT JOIN client c ON c.id = p.source_id WHERE p.target_id = ?"  \
	" ORDER BY p.e4id"
#define MARIA_PEER_HOLDERS                                                                         \
	"SELECT " CLIENT_COLUMNS " FROM peer p FORCE INDEX (peer_source) " OF_CLIENT               \
	"p.target_id WHERE p.source_id = ? AND p.removed = 0 AND p.target_id > ? ORDER BY"         \
	" p.target_id LIMIT ?"

/* What the questions that delete are followed by, with the same parameters. */
#define SQL_CLIENT_LEAVES                                                                          \
	"UPDATE member m FORCE INDEX (PRIMARY) STRAIGHT_JOIN topic t ON t.id = m.topic_id"         \
	" SET t.n_members = t.n_members - 1 WHERE m.client_id = ? AND m.removed = 0"
#define SQL_CLIENT_C2                                                                              \
	"UPDATE client c STRAIGHT_JOIN c2_use u ON u.rev = c.c2_rev SET u.n = u.n - 1 WHERE"       \
	" c.id = ?"
#define SQL_CLIENT_GOES "DELETE FROM client WHERE id = ?"
#define SQL_TOPIC_GOES "DELETE FROM topic WHERE id = ?"
#define SQL_MEMBER_GOES "DELETE FROM member WHERE topic_id = ? AND client_id = ?"

#define SQL_C2_COUNT                                                                               \
	"INSERT INTO c2_use (rev, n) VALUES (?,?) ON DUPLICATE KEY UPDATE n = n + VALUES(n)"

/* The states of many clients, as the text of a JSON array of arrays. */
#define SQL_STATES                                                                                 \
	"UPDATE JSON_TABLE(CONVERT(? USING utf8mb4), '$[*]' COLUMNS (id BIGINT PATH '$[0]',"       \
	" sent_rev BIGINT PATH '$[1]', confirmed_rev BIGINT PATH '$[2]', last_stamp BIGINT PATH"   \
	" '$[3]', clock_offset BIGINT PATH '$[4]', next_at BIGINT PATH '$[5]', attempts INT PATH"  \
	" '$[6]', asked_at BIGINT PATH '$[7]', last_seen BIGINT PATH '$[8]', recheck_at BIGINT"    \
	" PATH '$[9]', reason INT PATH '$[10]', behind_since BIGINT PATH '$[11]', nonce"           \
	" VARCHAR(32) PATH '$[12]')) u STRAIGHT_JOIN client c FORCE INDEX (PRIMARY) ON c.id ="     \
	" u.id SET c.sent_rev = u.sent_rev, c.confirmed_rev = u.confirmed_rev, c.last_stamp ="     \
	" u.last_stamp, c.clock_offset = u.clock_offset, c.next_at = u.next_at, c.attempts ="      \
	" u.attempts, c.asked_at = u.asked_at, c.last_seen = u.last_seen, c.recheck_at ="          \
	" u.recheck_at, c.reason = u.reason, c.behind_since = u.behind_since, c.nonce ="           \
	" UNHEX(nullif(u.nonce, REPEAT('0', 32)))"

#define TIMES_7(x) x x x x x x x
#define TIMES_8(x) x TIMES_7(x)
#define PARAMS_64 "?" TIMES_8(TIMES_7(",?")) TIMES_7(",?")
#define SQL_ABSENT                                                                                 \
	"SELECT name, e4id FROM client WHERE name IN (" PARAMS_64 ") UNION ALL SELECT name, e4id"  \
	" FROM client WHERE e4id IN (" PARAMS_64 ")"
#define RECORD_BY(index)                                                                           \
	"SELECT kind, id, owner, version, body FROM record FORCE INDEX (" index ") WHERE kind = ?"
#define MARIA_RECORD_GET RECORD_BY("PRIMARY") " AND id = ?"
#define MARIA_RECORD_INSERT "INSERT INTO record (owner, version, body, kind, id) VALUES (?,?,?,?,?)"
#define MARIA_RECORD_UPDATE                                                                        \
	"UPDATE record SET owner = ?, version = ?, body = ? WHERE kind = ? AND id = ?"             \
	" AND version = ?"
#define MARIA_RECORD_DELETE "DELETE FROM record WHERE kind = ? AND id = ? AND version = ?"
#define MARIA_RECORDS RECORD_BY("PRIMARY") " AND id > ? ORDER BY id LIMIT ?"
#define MARIA_RECORDS_DOWN RECORD_BY("PRIMARY") " AND id < ? ORDER BY id DESC LIMIT ?"
#define MARIA_RECORDS_OF RECORD_BY("record_owner") " AND owner = ? AND id > ? ORDER BY id LIMIT ?"
#define MARIA_RECORDS_OF_DOWN                                                                      \
	RECORD_BY("record_owner") " AND owner = ? AND id < ? ORDER BY id DESC LIMIT ?"
/* What is derived is at most a page, and its limit keeps it from being joined away. */
#define RECORD_TRIM(index, of)                                                                     \
	"DELETE r FROM (SELECT kind, id FROM record FORCE INDEX (" index ") WHERE kind = ?" of     \
	" ORDER BY id DESC LIMIT ? OFFSET ?) o STRAIGHT_JOIN record r FORCE INDEX (PRIMARY)"       \
	" ON r.kind = o.kind AND r.id = o.id"
#define MARIA_RECORDS_TRIM RECORD_TRIM("PRIMARY", "")
#define MARIA_RECORDS_TRIM_OF RECORD_TRIM("record_owner", " AND owner = ?")

#define SQL_C2_COUNT_ALL                                                                           \
	"INSERT INTO c2_use (rev, n) SELECT c2_rev, count(*) FROM client WHERE c2_rev > 0 GROUP"   \
	" BY c2_rev"

/*
 * Whole tables for a backup, in the order in which they lie on the disk. A key of
 * two columns is compared column by column: for rows as a whole, (a, b) > (?, ?),
 * no index is used. The types are told, for a parameter that is compared with
 * nothing directly has none.
 */
#define PLACE(a, a_type, b, b_type)                                                                \
	" FROM (SELECT CAST(? AS " a_type ") AS " a ", CAST(? AS " b_type ") AS " b ") p"
#define AFTER(table, a, b)                                                                         \
	" STRAIGHT_JOIN " table " m FORCE INDEX (PRIMARY) WHERE m." a " > p." a " OR (m." a        \
	" = p." a " AND m." b " > p." b ") ORDER BY m." a ", m." b " LIMIT ?"
#define MARIA_DUMP_META "SELECT name, value FROM meta WHERE name > ? ORDER BY name LIMIT ?"
#define MARIA_LOAD_META "INSERT INTO meta (name, value) VALUES (?,?)"
#define MARIA_DUMP_CLIENT                                                                          \
	"SELECT id, name, e4id, `key`, private_key, key_rev, c2_rev, wanted_rev, sent_rev, "       \
	"confirmed_rev, reset_rev, reset_peers_rev, last_stamp, clock_offset, next_at, attempts, " \
	"nonce, asked_at, last_seen, recheck_at, reason, behind_since, type, key_at FROM client "  \
	"WHERE id "                                                                                \
	"> ? ORDER BY id LIMIT ?"
#define MARIA_LOAD_CLIENT                                                                          \
	"INSERT INTO client (id, name, e4id, `key`, private_key, key_rev, c2_rev, wanted_rev, "    \
	"sent_rev, confirmed_rev, reset_rev, reset_peers_rev, last_stamp, clock_offset, next_at, " \
	"attempts, nonce, asked_at, last_seen, recheck_at, reason, behind_since, type, key_at) "   \
	"VALUES "                                                                                  \
	"(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)"
#define MARIA_DUMP_OLD_KEY                                                                         \
	"SELECT m.client_id, m.rev, m.`key`" PLACE("client_id", "SIGNED", "rev", "SIGNED")         \
		AFTER("old_key", "client_id", "rev")
#define MARIA_LOAD_OLD_KEY "INSERT INTO old_key (client_id, rev, `key`) VALUES (?,?,?)"
#define MARIA_DUMP_C2_KEY                                                                          \
	"SELECT rev, private_key, public_key FROM c2_key WHERE rev > ? ORDER BY rev LIMIT ?"
#define MARIA_LOAD_C2_KEY "INSERT INTO c2_key (rev, private_key, public_key) VALUES (?,?,?)"
#define MARIA_DUMP_TOPIC                                                                           \
	"SELECT id, name, hash, `key`, rev, rotated_at, n_members, walk_rev, walk_client, live "   \
	"IS NULL FROM topic WHERE id > ? ORDER BY id LIMIT ?"
#define MARIA_LOAD_TOPIC                                                                           \
	"INSERT INTO topic (id, name, hash, `key`, rev, rotated_at, n_members, walk_rev, "         \
	"walk_client, live) VALUES (?,?,?,?,?,?,?,?,?,IF(?,NULL,1))"
#define MARIA_DUMP_MEMBER                                                                          \
	"SELECT m.topic_id, m.client_id, m.rev, m.removed" PLACE("topic_id", "SIGNED",             \
								 "client_id", "SIGNED")            \
		AFTER("member", "client_id", "topic_id")
#define MARIA_LOAD_MEMBER "INSERT INTO member (topic_id, client_id, rev, removed) VALUES (?,?,?,?)"
/* 32 at a time: no other table has as many rows. */
#define AND_ROW ",(?,?,?,?)"
#define SQL_LOAD_MEMBERS MARIA_LOAD_MEMBER TIMES_8(AND_ROW AND_ROW AND_ROW) TIMES_7(AND_ROW)
#define MARIA_DUMP_LINK                                                                            \
	"SELECT m.target_id, m.source_id" PLACE("target_id", "SIGNED", "source_id", "SIGNED")      \
		AFTER("link", "target_id", "source_id")
#define MARIA_LOAD_LINK "INSERT INTO link (target_id, source_id) VALUES (?,?)"
#define MARIA_DUMP_PEER                                                                            \
	"SELECT m.target_id, m.e4id, m.source_id, m.rev, m.removed" PLACE(                         \
		"target_id", "SIGNED", "e4id", "BINARY") AFTER("peer", "target_id", "e4id")
#define MARIA_LOAD_PEER                                                                            \
	"INSERT INTO peer (target_id, e4id, source_id, rev, removed) VALUES (?,?,nullif(?,0),?,?)"
#define MARIA_DUMP_EVENT                                                                           \
	"SELECT seq, type, at_ms, source, target FROM event WHERE seq > ? ORDER BY seq LIMIT ?"
#define MARIA_LOAD_EVENT "INSERT INTO event (seq, type, at_ms, source, target) VALUES (?,?,?,?,?)"
#define MARIA_DUMP_TAG                                                                             \
	"SELECT m.tag, m.name, m.client_id" PLACE("tag", "BINARY", "name", "BINARY")               \
		AFTER("client_tag", "tag", "name")
#define MARIA_LOAD_TAG "INSERT INTO client_tag (tag, name, client_id) VALUES (?,?,?)"
#define MARIA_DUMP_RECORD                                                                          \
	"SELECT m.kind, m.id, m.owner, m.version, m.body" PLACE("kind", "SIGNED", "id", "SIGNED")  \
		AFTER("record", "kind", "id")
#define MARIA_LOAD_RECORD "INSERT INTO record (kind, id, owner, version, body) VALUES (?,?,?,?,?)"
#define MARIA_DUMP_STATE MARIA_STATE_READ
#define MARIA_LOAD_STATE MARIA_STATE_PUT
#define MARIA_TOPICS_AFTER                                                                         \
	"SELECT " TOPIC_COLUMNS " FROM topic t WHERE t.id > ? ORDER BY t.id LIMIT ?"

#endif
