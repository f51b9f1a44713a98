/*
 * The statements by what they answer; each dialect has the text of every one
 * (sqlite_sql.h). Parameters are bound and columns read in the order of the
 * function that uses the statement.
 */
#ifndef C2_STORE_SQL_ID_H
#define C2_STORE_SQL_ID_H

#define SQL_IDS(X)                                                                                 \
	X(STATE_LOCK) /* in a transaction: what it starts from */                                  \
	X(STATE_READ) /* the same columns outside of one */                                        \
	X(STATE_PUT)                                                                               \
	X(META_GET)                                                                                \
	X(META_PUT)                                                                                \
	X(EVENT_INSERT)                                                                            \
	X(EVENTS_AFTER)                                                                            \
	X(EVENTS_PRUNE)                                                                            \
	X(CLIENT_BY_NAME)                                                                          \
	X(CLIENT_BY_E4ID)                                                                          \
	X(CLIENT_BY_ID)                                                                            \
	X(CLIENT_INSERT)                                                                           \
	X(CLIENT_UPDATE)                                                                           \
	X(CLIENT_STATE)                                                                            \
	X(CLIENT_DELETE)                                                                           \
	X(CLIENTS)                                                                                 \
	X(CLIENTS_DUE)                                                                             \
	X(CLIENTS_NEXT_AT)                                                                         \
	X(CLIENTS_AFTER)                                                                           \
	X(CLIENTS_MIN_C2_REV)                                                                      \
	X(CLIENTS_FROM)                                                                            \
	X(TAG_CLIENTS_FROM)                                                                        \
	X(CLIENT_TAGS)                                                                             \
	X(CLIENT_TAG_PUT)                                                                          \
	X(CLIENT_TAG_DELETE)                                                                       \
	X(CLIENTS_C2_FROM)                                                                         \
	X(OLD_KEY_PUT)                                                                             \
	X(OLD_KEYS)                                                                                \
	X(OLD_KEYS_DROP)                                                                           \
	X(C2_KEY_PUT)                                                                              \
	X(C2_KEYS)                                                                                 \
	X(C2_KEYS_DROP)                                                                            \
	X(TOPIC_BY_NAME)                                                                           \
	X(TOPIC_BY_ID)                                                                             \
	X(TOPIC_INSERT)                                                                            \
	X(TOPIC_UPDATE)                                                                            \
	X(TOPIC_UPDATE_REMOVED)                                                                    \
	X(TOPIC_DELETE)                                                                            \
	X(TOPIC_COUNT)                                                                             \
	X(TOPICS)                                                                                  \
	X(TOPICS_AFTER)                                                                            \
	X(TOPICS_FROM)                                                                             \
	X(TOPICS_TO_WALK)                                                                          \
	X(TOPIC_PROGRESS)                                                                          \
	X(MEMBER)                                                                                  \
	X(MEMBER_PUT)                                                                              \
	X(MEMBER_DELETE)                                                                           \
	X(CLIENT_MEMBERS)                                                                          \
	X(CLIENTS_MEMBERS) /* in ascending order of client */                                      \
	X(CLIENTS_MEMBERS_IN)                                                                      \
	X(TOPICS_NEWER)                                                                            \
	X(TOPICS_KEYS) /* in ascending order of id */                                              \
	X(TOPIC_MEMBERS)                                                                           \
	X(CLIENT_TOPICS)                                                                           \
	X(CLIENT_TOPICS_COUNT)                                                                     \
	X(TOPIC_CLIENTS)                                                                           \
	X(TOPIC_CLIENTS_MANY)                                                                      \
	X(TOPIC_IS_LARGE)                                                                          \
	X(LINK_PUT)                                                                                \
	X(LINK_DELETE)                                                                             \
	X(LINKS)                                                                                   \
	X(LINKS_COUNT)                                                                             \
	X(LINK_CLIENTS)                                                                            \
	X(PEER_PUT)                                                                                \
	X(PEER_DELETE)                                                                             \
	X(CLIENT_PEERS)                                                                            \
	X(PEER_HOLDERS)                                                                            \
	X(RECORD_GET)                                                                              \
	X(RECORD_INSERT)                                                                           \
	X(RECORD_UPDATE)                                                                           \
	X(RECORD_DELETE)                                                                           \
	X(RECORDS)                                                                                 \
	X(RECORDS_DOWN)                                                                            \
	X(RECORDS_OF)                                                                              \
	X(RECORDS_OF_DOWN)                                                                         \
	X(RECORDS_TRIM)                                                                            \
	X(RECORDS_TRIM_OF)                                                                         \
	X(DUMP_META)                                                                               \
	X(LOAD_META)                                                                               \
	X(DUMP_CLIENT)                                                                             \
	X(LOAD_CLIENT)                                                                             \
	X(DUMP_OLD_KEY)                                                                            \
	X(LOAD_OLD_KEY)                                                                            \
	X(DUMP_C2_KEY)                                                                             \
	X(LOAD_C2_KEY)                                                                             \
	X(DUMP_TOPIC)                                                                              \
	X(LOAD_TOPIC)                                                                              \
	X(DUMP_MEMBER)                                                                             \
	X(LOAD_MEMBER)                                                                             \
	X(DUMP_LINK)                                                                               \
	X(LOAD_LINK)                                                                               \
	X(DUMP_PEER)                                                                               \
	X(LOAD_PEER)                                                                               \
	X(DUMP_EVENT)                                                                              \
	X(LOAD_EVENT)                                                                              \
	X(DUMP_TAG)                                                                                \
	X(LOAD_TAG)                                                                                \
	X(DUMP_RECORD)                                                                             \
	X(LOAD_RECORD)                                                                             \
	X(DUMP_STATE)                                                                              \
	X(LOAD_STATE)

enum sql_id {
#define X(id) SQL_##id,
	SQL_IDS(X)
#undef X
		SQL_N
};

#endif
