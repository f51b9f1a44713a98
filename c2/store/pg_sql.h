/*
 * The statements in PostgreSQL's dialect. No row is refused by an error, which
 * would end the transaction: a write that cannot be changes nothing. Integers
 * are bound as bigint, so a column of another type has a cast. Plans are those
 * of the session's settings (pg_conn.c), and held by a test.
 */
#ifndef C2_STORE_PG_SQL_H
#define C2_STORE_PG_SQL_H

/* In the order of get_client. */
#define CLIENT_COLUMNS                                                                             \
	"c.id, c.name, c.e4id, c.key, c.private_key, c.key_rev, c.n_old_keys, c.c2_rev,"           \
	" c.wanted_rev, c.sent_rev, c.confirmed_rev, c.reset_rev, c.reset_peers_rev,"              \
	" c.last_stamp, c.clock_offset, c.next_at, c.attempts, c.nonce, c.asked_at, c.last_seen,"  \
	" c.recheck_at, c.reason, c.type, c.behind_since, c.key_at"

/* In the order of put_client_values. */
#define CLIENT_VALUES                                                                              \
	"key, private_key, key_rev, c2_rev, wanted_rev, sent_rev, confirmed_rev, reset_rev,"       \
	" reset_peers_rev, last_stamp, clock_offset, next_at, attempts, nonce, asked_at,"          \
	" last_seen, recheck_at, reason, type, behind_since, key_at"

#define TOPIC_COLUMNS                                                                              \
	"t.id, t.name, t.hash, t.key, t.rev, t.rotated_at, t.n_members, t.walk_rev,"               \
	" t.walk_client, t.removed"

/*
 * The one row that belongs to each row before: with LATERAL and OFFSET 0 the
 * planner cannot turn the join round and walk all clients or topics instead.
 */
#define OF_CLIENT(id) "LATERAL (SELECT * FROM client WHERE client.id = " id " OFFSET 0) c"
#define OF_TOPIC "LATERAL (SELECT * FROM topic WHERE topic.id = m.topic_id OFFSET 0) t"

/* Ids as the text of a JSON array; read as one of PostgreSQL's own, that is a cast. */
#define ANY_OF(ids) "ANY (translate(" ids ", '[]', '{}')::bigint[])"

/* What a member shall have: the newer of its topic's key and of its being attached. */
#define WANT "greatest(m.rev, t.rev)"

/* The last column is for the driver: which transaction to ask for if its commit is not answered. */
#define PG_STATE_LOCK                                                                              \
	"SELECT revision, last_client, last_topic, last_event, n_clients, n_topics,"               \
	" last_record, pg_current_xact_id()::text::bigint FROM state FOR UPDATE"
#define PG_STATE_READ                                                                              \
	"SELECT revision, last_client, last_topic, last_event, n_clients, n_topics,"               \
	" last_record FROM state"
#define PG_STATE_PUT                                                                               \
	"UPDATE state SET (revision, last_client, last_topic, last_event, n_clients, n_topics,"    \
	" last_record) = ($1,$2,$3,$4,$5,$6,$7)"
#define PG_META_GET "SELECT value FROM meta WHERE name = $1"
#define PG_META_PUT                                                                                \
	"INSERT INTO meta (name, value) VALUES ($1,$2) ON CONFLICT (name) DO UPDATE SET value ="   \
	" excluded.value"
#define PG_EVENT_INSERT                                                                            \
	"INSERT INTO event (seq, type, at_ms, source, target) VALUES ($1,$2,$3,$4,$5)"
#define PG_EVENTS_AFTER                                                                            \
	"SELECT seq, type, at_ms, source, target FROM event WHERE seq > $1 ORDER BY seq LIMIT $2"
#define PG_EVENTS_PRUNE "DELETE FROM event WHERE seq <= $1"
#define PG_CLIENT_BY_NAME "SELECT " CLIENT_COLUMNS " FROM client c WHERE c.name = $1"
#define PG_CLIENT_BY_E4ID "SELECT " CLIENT_COLUMNS " FROM client c WHERE c.e4id = $1"
#define PG_CLIENT_BY_ID "SELECT " CLIENT_COLUMNS " FROM client c WHERE c.id = $1"
#define PG_CLIENT_INSERT                                                                           \
	"INSERT INTO client (" CLIENT_VALUES ", name, e4id, id) VALUES"                            \
	" ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,$13::bigint::integer,$14,$15,$16,$17,$18::"      \
	"bigint::integer,$19::bigint::integer,$20,$21,$22,$23,$24)"                                \
	" ON CONFLICT DO NOTHING"
#define PG_CLIENT_UPDATE                                                                           \
	"UPDATE client SET (" CLIENT_VALUES ") ="                                                  \
	" ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,$13::bigint::integer,$14,$15,$16,$17,$18::"      \
	"bigint::integer,$19::bigint::integer,$20,$21)"                                            \
	" WHERE id = $22"
#define PG_CLIENT_STATE                                                                            \
	"UPDATE client SET (sent_rev, confirmed_rev, last_stamp, clock_offset, next_at,"           \
	" attempts, nonce, asked_at, last_seen, recheck_at, reason, behind_since) ="               \
	" ($1,$2,$3,$4,$5,$6::bigint::integer,$7,$8,$9,$10,$11::bigint::integer,$12) WHERE id = "  \
	"$13"
#define PG_CLIENT_DELETE "DELETE FROM client WHERE id = $1 RETURNING name"
#define PG_CLIENTS                                                                                 \
	"SELECT name FROM client WHERE name > $1 AND $2::bigint = 0 ORDER BY name LIMIT $3"        \
	" OFFSET $4"
#define PG_CLIENTS_DUE                                                                             \
	"SELECT " CLIENT_COLUMNS " FROM client c WHERE c.next_at > 0 AND c.next_at <= $1 ORDER"    \
	" BY c.next_at LIMIT $2"
#define PG_CLIENTS_NEXT_AT "SELECT min(next_at) FROM client WHERE next_at > 0"
#define PG_CLIENTS_AFTER                                                                           \
	"SELECT " CLIENT_COLUMNS " FROM client c WHERE c.id > $1 ORDER BY c.id LIMIT $2"
#define PG_CLIENTS_MIN_C2_REV                                                                      \
	"SELECT CASE WHEN $1 > (SELECT coalesce(sum(n), 0)::bigint FROM c2_use) THEN 0 ELSE"       \
	" (SELECT min(rev) FROM c2_use) END"
#define PG_CLIENTS_C2_FROM "SELECT coalesce(sum(n), 0)::bigint FROM c2_use WHERE rev >= $1"
#define PG_CLIENTS_FROM                                                                            \
	"SELECT " CLIENT_COLUMNS " FROM client c WHERE c.name >= $1 ORDER BY c.name LIMIT $2"
#define PG_TAG_CLIENTS_FROM                                                                        \
	"SELECT " CLIENT_COLUMNS " FROM client_tag g, " OF_CLIENT(                                 \
		"g.client_id") " WHERE"                                                            \
			       " g.tag = $1 AND g.name >= $2 ORDER BY g.name LIMIT $3"
#define PG_CLIENT_TAGS "SELECT tag FROM client_tag WHERE client_id = $1 ORDER BY tag"
#define PG_CLIENT_TAG_PUT                                                                          \
	"INSERT INTO client_tag (tag, name, client_id) SELECT $1::text, name, id FROM client"      \
	" WHERE id = $2 ON CONFLICT (tag, name) DO UPDATE SET client_id = excluded.client_id"
#define PG_CLIENT_TAG_DELETE "DELETE FROM client_tag WHERE client_id = $1 AND tag = $2"
#define PG_OLD_KEY_PUT                                                                             \
	"INSERT INTO old_key (client_id, rev, key) SELECT id, $2::bigint, $3::bytea FROM client"   \
	" WHERE id = $1 ON CONFLICT (client_id, rev) DO UPDATE SET key = excluded.key"
#define PG_OLD_KEYS "SELECT client_id, rev, key FROM old_key WHERE client_id = $1 ORDER BY rev"
#define PG_OLD_KEYS_DROP "DELETE FROM old_key WHERE client_id = $1 AND rev < $2"
#define PG_C2_KEY_PUT                                                                              \
	"INSERT INTO c2_key (rev, private_key, public_key) VALUES ($1,$2,$3) ON CONFLICT (rev)"    \
	" DO UPDATE SET private_key = excluded.private_key, public_key = excluded.public_key"
#define PG_C2_KEYS "SELECT rev, private_key, public_key FROM c2_key ORDER BY rev"
#define PG_C2_KEYS_DROP "DELETE FROM c2_key WHERE rev < $1"
#define PG_TOPIC_BY_NAME "SELECT " TOPIC_COLUMNS " FROM topic t WHERE t.name = $1 AND NOT t.removed"
#define PG_TOPIC_BY_ID "SELECT " TOPIC_COLUMNS " FROM topic t WHERE t.id = $1"
#define PG_TOPIC_INSERT                                                                            \
	"INSERT INTO topic (key, rev, rotated_at, walk_rev, walk_client, removed, name, hash,"     \
	" id) VALUES ($1,$2,$3,$4,$5,$6::bigint <> 0,$7,$8,$9) ON CONFLICT DO NOTHING"
#define PG_TOPIC_UPDATE                                                                            \
	"UPDATE topic SET (key, rev, rotated_at, walk_rev, walk_client) = ($1,$2,$3,$4,$5) WHERE"  \
	" removed = ($6::bigint <> 0) AND id = $7"
#define PG_TOPIC_UPDATE_REMOVED                                                                    \
	"UPDATE topic SET (key, rev, rotated_at, walk_rev, walk_client, removed) ="                \
	" ($1,$2,$3,$4,$5,$6::bigint <> 0) WHERE id = $7 AND ($6::bigint <> 0 OR NOT EXISTS "      \
	"(SELECT 1 "                                                                               \
	"FROM topic o WHERE o.name = topic.name AND NOT o.removed))"
#define PG_TOPIC_DELETE "DELETE FROM topic WHERE id = $1 RETURNING name, removed"
#define PG_TOPIC_COUNT "UPDATE topic SET n_members = n_members + $1 WHERE id = $2"
#define PG_TOPICS                                                                                  \
	"SELECT name FROM topic WHERE NOT removed AND name > $1 AND $2::bigint = 0 ORDER BY name"  \
	" LIMIT $3 OFFSET $4"
#define PG_TOPICS_AFTER                                                                            \
	"SELECT " TOPIC_COLUMNS " FROM topic t WHERE t.id > $1 ORDER BY t.id LIMIT $2"
#define PG_TOPICS_FROM                                                                             \
	"SELECT " TOPIC_COLUMNS " FROM topic t WHERE NOT t.removed AND t.name >= $1"               \
	" ORDER BY t.name LIMIT $2"
#define PG_TOPICS_TO_WALK                                                                          \
	"SELECT " TOPIC_COLUMNS " FROM topic t WHERE t.walk_rev < t.rev ORDER BY t.rev LIMIT $1"
#define PG_TOPIC_PROGRESS                                                                          \
	"SELECT count(*), count(*) FILTER (WHERE c.reset_rev >= " WANT "), count(*) FILTER"        \
	" (WHERE c.reset_rev < " WANT " AND c.confirmed_rev >= " WANT "), count(*) FILTER (WHERE"  \
	" c.reset_rev < " WANT " AND c.confirmed_rev < " WANT " AND c.sent_rev >= " WANT           \
	") FROM topic t, LATERAL (SELECT client_id, rev FROM member WHERE topic_id = t.id AND NOT" \
	" removed OFFSET 0) m, LATERAL (SELECT reset_rev, confirmed_rev, sent_rev FROM client"     \
	" WHERE id = m.client_id OFFSET 0) c WHERE t.id = $1"
#define PG_MEMBER                                                                                  \
	"SELECT client_id, topic_id, rev, removed FROM member WHERE topic_id = $1 AND client_id"   \
	" = $2"
#define PG_MEMBER_PUT                                                                              \
	"INSERT INTO member (topic_id, client_id, rev, removed, was) SELECT t.id, c.id,"           \
	" $3::bigint, $4::bigint <> 0, true FROM topic t, client c WHERE t.id = $1 AND c.id = $2"  \
	" ON CONFLICT (topic_id, client_id) DO UPDATE SET rev = excluded.rev, was ="               \
	" member.removed, removed = excluded.removed RETURNING was::integer - removed::integer"
#define PG_MEMBER_DELETE                                                                           \
	"DELETE FROM member WHERE topic_id = $1 AND client_id = $2 RETURNING removed::integer -"   \
	" 1"
#define PG_CLIENT_MEMBERS                                                                          \
	"SELECT m.client_id, m.topic_id, m.rev, m.removed, t.hash, t.key, t.rev, t.removed FROM"   \
	" member m, " OF_TOPIC " WHERE m.client_id = $1 ORDER BY t.hash, t.id"
#define PG_CLIENTS_MEMBERS                                                                         \
	"SELECT client_id, topic_id, rev, removed FROM member WHERE client_id = " ANY_OF(          \
		"$1") " ORDER BY client_id"
#define PG_CLIENTS_MEMBERS_IN                                                                      \
	"SELECT client_id, topic_id, rev, removed FROM member WHERE client_id = " ANY_OF(          \
		"$1") " AND topic_id = " ANY_OF("$2") " ORDER BY client_id"
#define PG_TOPICS_NEWER "SELECT id FROM topic WHERE rev > $1 ORDER BY rev DESC LIMIT $2"
#define PG_TOPICS_KEYS                                                                             \
	"SELECT id, hash, key, rev, removed FROM topic WHERE id = " ANY_OF("$1") " ORDER BY id"
#define PG_TOPIC_MEMBERS                                                                           \
	"SELECT " CLIENT_COLUMNS                                                                   \
	" FROM member m, " OF_CLIENT("m.client_id") " WHERE"                                       \
						    " m.topic_id = $1 AND m.client_id > $2 ORDER " \
						    "BY m.client_id LIMIT $3"
#define PG_CLIENT_TOPICS                                                                           \
	"SELECT t.name FROM member m, " OF_TOPIC " WHERE m.client_id = $1"                         \
	" AND NOT m.removed AND NOT t.removed ORDER BY t.name LIMIT $2 OFFSET $3"
#define PG_CLIENT_TOPICS_COUNT                                                                     \
	"SELECT count(*) FROM member m, " OF_TOPIC " WHERE m.client_id = $1"                       \
	" AND NOT m.removed AND NOT t.removed"
#define PG_TOPIC_CLIENTS                                                                           \
	"SELECT c.name FROM member m, " OF_CLIENT(                                                 \
		"m.client_id") " WHERE m.topic_id = $1"                                            \
			       " AND NOT m.removed ORDER BY c.name LIMIT $2 OFFSET $3"
/* A scalar, not EXISTS, which the planner would turn round into a sort of all members. */
#define PG_TOPIC_CLIENTS_MANY                                                                      \
	"SELECT c.name FROM client c WHERE c.name > $1 AND (SELECT NOT m.removed FROM member m"    \
	" WHERE m.topic_id = $2 AND m.client_id = c.id) ORDER BY c.name LIMIT $3 OFFSET $4"
#define PG_TOPIC_IS_LARGE                                                                          \
	"SELECT t.n_members > 2000 AND t.n_members > s.n_clients / 16 FROM topic t, state s"       \
	" WHERE t.id = $1"
#define PG_LINK_PUT                                                                                \
	"INSERT INTO link (target_id, source_id) SELECT a.id, b.id FROM client a, client b WHERE"  \
	" a.id = $1 AND b.id = $2 ON CONFLICT (target_id, source_id) DO UPDATE SET source_id ="    \
	" excluded.source_id"
#define PG_LINK_DELETE "DELETE FROM link WHERE target_id = $1 AND source_id = $2"
#define PG_LINKS                                                                                   \
	"SELECT c.name FROM link l, " OF_CLIENT(                                                   \
		"l.source_id") " WHERE l.target_id = $1"                                           \
			       " ORDER BY c.name LIMIT $2 OFFSET $3"
#define PG_LINKS_COUNT "SELECT n_links FROM client WHERE id = $1"
#define PG_LINK_CLIENTS                                                                            \
	"SELECT " CLIENT_COLUMNS                                                                   \
	" FROM link l, " OF_CLIENT("l.source_id") " WHERE"                                         \
						  " l.target_id = $1 AND l.source_id > $2 ORDER "  \
						  "BY l.source_id LIMIT $3"
#define PG_PEER_PUT                                                                                \
	"INSERT INTO peer (target_id, e4id, source_id, rev, removed) SELECT c.id, $2::bytea,"      \
	" nullif($3::bigint, 0), $4::bigint, $5::bigint <> 0 FROM client c WHERE c.id = $1 AND"    \
	" ($3 = 0 OR EXISTS (SELECT 1 FROM client s WHERE s.id = $3)) ON CONFLICT (target_id,"     \
	" e4id) DO UPDATE SET source_id = excluded.source_id, rev = excluded.rev, removed ="       \
	" excluded.removed"
#define PG_PEER_DELETE "DELETE FROM peer WHERE target_id = $1 AND e4id = $2"
#define PG_CLIENT_PEERS                                                                            \
	"SELECT p.target_id, p.source_id, p.e4id, p.rev, p.removed, c.key, c.key_rev FROM peer p"  \
	" LEFT JOIN LATERAL (SELECT key, key_rev FROM client WHERE id = p.source_id OFFSET 0) c"   \
	" ON true WHERE p.target_id = $1 ORDER BY p.e4id"
#define PG_PEER_HOLDERS                                                                            \
	"SELECT " CLIENT_COLUMNS                                                                   \
	" FROM peer p, " OF_CLIENT("p.target_id") " WHERE"                                         \
						  " p.source_id = $1 AND NOT p.removed AND "       \
						  "p.target_id > $2 ORDER BY p.target_id LIMIT $3"
#define RECORD_COLUMNS "SELECT kind, id, owner, version, body FROM record WHERE kind = "
#define PG_RECORD_GET RECORD_COLUMNS "$1 AND id = $2"
#define PG_RECORD_INSERT                                                                           \
	"INSERT INTO record (owner, version, body, kind, id) VALUES ($1,$2,$3,$4,$5)"              \
	" ON CONFLICT (kind, id) DO NOTHING"
#define PG_RECORD_UPDATE                                                                           \
	"UPDATE record SET owner = $1, version = $2, body = $3 WHERE kind = $4 AND id = $5"        \
	" AND version = $6"
#define PG_RECORD_DELETE "DELETE FROM record WHERE kind = $1 AND id = $2 AND version = $3"
#define PG_RECORDS RECORD_COLUMNS "$1 AND id > $2 ORDER BY id LIMIT $3"
#define PG_RECORDS_DOWN RECORD_COLUMNS "$1 AND id < $2 ORDER BY id DESC LIMIT $3"
#define PG_RECORDS_OF RECORD_COLUMNS "$1 AND owner = $2 AND id > $3 ORDER BY id LIMIT $4"
#define PG_RECORDS_OF_DOWN RECORD_COLUMNS "$1 AND owner = $2 AND id < $3 ORDER BY id DESC LIMIT $4"
#define PG_RECORDS_TRIM                                                                            \
	"DELETE FROM record WHERE kind = $1 AND id = ANY (ARRAY(SELECT id FROM record WHERE"       \
	" kind = $1 ORDER BY id DESC LIMIT $2 OFFSET $3))"
#define PG_RECORDS_TRIM_OF                                                                         \
	"DELETE FROM record WHERE kind = $1 AND id = ANY (ARRAY(SELECT id FROM record WHERE"       \
	" kind = $1 AND owner = $2 ORDER BY id DESC LIMIT $3 OFFSET $4))"

/* Whole tables for a backup, in the order of store_columns (core/rows.c). */
#define PG_DUMP_META "SELECT name, value FROM meta WHERE name > $1 ORDER BY name LIMIT $2"
#define PG_LOAD_META "INSERT INTO meta (name, value) VALUES ($1,$2)"
#define PG_DUMP_CLIENT                                                                             \
	"SELECT id, name, e4id, key, private_key, key_rev, c2_rev, wanted_rev,"                    \
	" sent_rev, confirmed_rev, reset_rev, reset_peers_rev, last_stamp,"                        \
	" clock_offset, next_at, attempts, nonce, asked_at, last_seen,"                            \
	" recheck_at, reason, behind_since, type, key_at FROM client WHERE id > $1 ORDER BY id "   \
	"LIMIT $2"
#define PG_LOAD_CLIENT                                                                             \
	"INSERT INTO client (id, name, e4id, key, private_key, key_rev, c2_rev,"                   \
	" wanted_rev, sent_rev, confirmed_rev, reset_rev, reset_peers_rev,"                        \
	" last_stamp, clock_offset, next_at, attempts, nonce, asked_at,"                           \
	" last_seen, recheck_at, reason, behind_since, type, key_at) VALUES"                       \
	" ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,$13,$14,$15,$16::bigint::integer,$17,$18,$19,$"  \
	"20,$21::bigint::integer,$22,$23::bigint::integer,$24)"
#define PG_DUMP_OLD_KEY                                                                            \
	"SELECT client_id, rev, key FROM old_key WHERE (client_id, rev) > ($1,$2)"                 \
	" ORDER BY client_id, rev LIMIT $3"
#define PG_LOAD_OLD_KEY "INSERT INTO old_key (client_id, rev, key) VALUES ($1,$2,$3)"
#define PG_DUMP_C2_KEY                                                                             \
	"SELECT rev, private_key, public_key FROM c2_key WHERE rev > $1 ORDER BY"                  \
	" rev LIMIT $2"
#define PG_LOAD_C2_KEY "INSERT INTO c2_key (rev, private_key, public_key) VALUES ($1,$2,$3)"
#define PG_DUMP_TOPIC                                                                              \
	"SELECT id, name, hash, key, rev, rotated_at, n_members, walk_rev,"                        \
	" walk_client, removed FROM topic WHERE id > $1 ORDER BY id LIMIT $2"
#define PG_LOAD_TOPIC                                                                              \
	"INSERT INTO topic (id, name, hash, key, rev, rotated_at, n_members,"                      \
	" walk_rev, walk_client, removed) VALUES"                                                  \
	" ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10::bigint <> 0)"
#define PG_DUMP_MEMBER                                                                             \
	"SELECT topic_id, client_id, rev, removed FROM member WHERE (topic_id,"                    \
	" client_id) > ($1,$2) ORDER BY topic_id, client_id LIMIT $3"
#define PG_LOAD_MEMBER                                                                             \
	"INSERT INTO member (topic_id, client_id, rev, removed, was) VALUES"                       \
	" ($1,$2,$3,$4::bigint <> 0,$4::bigint <> 0)"
#define PG_DUMP_LINK                                                                               \
	"SELECT target_id, source_id FROM link WHERE (target_id, source_id) >"                     \
	" ($1,$2) ORDER BY target_id, source_id LIMIT $3"
#define PG_LOAD_LINK "INSERT INTO link (target_id, source_id) VALUES ($1,$2)"
#define PG_DUMP_PEER                                                                               \
	"SELECT target_id, e4id, source_id, rev, removed FROM peer WHERE"                          \
	" (target_id, e4id) > ($1,$2) ORDER BY target_id, e4id LIMIT $3"
#define PG_LOAD_PEER                                                                               \
	"INSERT INTO peer (target_id, e4id, source_id, rev, removed) VALUES"                       \
	" ($1,$2,nullif($3::bigint,0),$4,$5::bigint <> 0)"
#define PG_DUMP_EVENT                                                                              \
	"SELECT seq, type, at_ms, source, target FROM event WHERE seq > $1 ORDER"                  \
	" BY seq LIMIT $2"
#define PG_LOAD_EVENT                                                                              \
	"INSERT INTO event (seq, type, at_ms, source, target) VALUES"                              \
	" ($1,$2,$3,$4,$5)"
#define PG_DUMP_STATE PG_STATE_READ
#define PG_LOAD_STATE PG_STATE_PUT
#define PG_DUMP_TAG                                                                                \
	"SELECT tag, name, client_id FROM client_tag WHERE (tag, name) > ($1,$2) ORDER BY tag,"    \
	" name LIMIT $3"
#define PG_LOAD_TAG "INSERT INTO client_tag (tag, name, client_id) VALUES ($1,$2,$3)"
#define PG_DUMP_RECORD                                                                             \
	"SELECT kind, id, owner, version, body FROM record WHERE (kind, id) > ($1,$2)"             \
	" ORDER BY kind, id LIMIT $3"
#define PG_LOAD_RECORD "INSERT INTO record (kind, id, owner, version, body) VALUES ($1,$2,$3,$4,$5)"

#endif
