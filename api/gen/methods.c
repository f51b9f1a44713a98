/* Made by tools/gen_api.py from the .proto files in api/: change those instead. */
#include "api/method.h"

#include "c2.pb-c.h"
#include "engine.pb-c.h"

static const struct api_segment api_c2_new_client_path0[] = {
	{ "e4", NULL, false },
	{ "client", NULL, false },
	{ NULL, "client.name", false },
};
static const struct api_route api_c2_new_client_routes[] = {
	{ API_POST, "/e4/client/{client.name}", api_c2_new_client_path0, 3, true },
};
static const struct api_flag api_c2_new_client_flags[] = {
	{ "name", "client.name", API_FLAG_STRING,
	  true, NULL,
	  "Name of the client." },
	{ "key", "key", API_FLAG_KEY_FILE,
	  false, "key",
	  "File with the raw 32-byte key: symmetric, or Ed25519 public in public-key mode." },
	{ "password", "key", API_FLAG_PASSWORD_FILE,
	  false, "key",
	  "File with a password of at least 16 characters from which the key is derived." },
};

static const struct api_segment api_c2_remove_client_path0[] = {
	{ "e4", NULL, false },
	{ "client", NULL, false },
	{ NULL, "client.name", false },
};
static const struct api_route api_c2_remove_client_routes[] = {
	{ API_DELETE, "/e4/client/{client.name}", api_c2_remove_client_path0, 3, false },
};
static const struct api_flag api_c2_remove_client_flags[] = {
	{ "name", "client.name", API_FLAG_STRING,
	  true, NULL,
	  "Name of the client." },
	{ "rotate-key", "rotateKey", API_FLAG_BOOL,
	  false, NULL,
	  "Rotate the key of the topics it leaves; without it the server setting decides." },
};

static const struct api_segment api_c2_reset_client_path0[] = {
	{ "e4", NULL, false },
	{ "client", NULL, false },
	{ NULL, "client.name", false },
};
static const struct api_route api_c2_reset_client_routes[] = {
	{ API_PUT, "/e4/client/{client.name}", api_c2_reset_client_path0, 3, true },
};
static const struct api_flag api_c2_reset_client_flags[] = {
	{ "name", "client.name", API_FLAG_STRING,
	  true, NULL,
	  "Name of the client." },
};

static const struct api_segment api_c2_new_client_key_path0[] = {
	{ "e4", NULL, false },
	{ "client", NULL, false },
	{ NULL, "client.name", false },
};
static const struct api_route api_c2_new_client_key_routes[] = {
	{ API_PATCH, "/e4/client/{client.name}", api_c2_new_client_key_path0, 3, true },
};
static const struct api_flag api_c2_new_client_key_flags[] = {
	{ "name", "client.name", API_FLAG_STRING,
	  true, NULL,
	  "Name of the client." },
};

static const struct api_segment api_c2_new_topic_path0[] = {
	{ "e4", NULL, false },
	{ "topic", NULL, false },
	{ NULL, "topic", true },
};
static const struct api_route api_c2_new_topic_routes[] = {
	{ API_POST, "/e4/topic/{topic=**}", api_c2_new_topic_path0, 3, true },
};
static const struct api_flag api_c2_new_topic_flags[] = {
	{ "name", "topic", API_FLAG_STRING,
	  true, NULL,
	  "Name of the topic." },
};

static const struct api_segment api_c2_remove_topic_path0[] = {
	{ "e4", NULL, false },
	{ "topic", NULL, false },
	{ NULL, "topic", true },
};
static const struct api_route api_c2_remove_topic_routes[] = {
	{ API_DELETE, "/e4/topic/{topic=**}", api_c2_remove_topic_path0, 3, false },
};
static const struct api_flag api_c2_remove_topic_flags[] = {
	{ "name", "topic", API_FLAG_STRING,
	  true, NULL,
	  "Name of the topic." },
};

static const struct api_segment api_c2_new_topic_client_path0[] = {
	{ "e4", NULL, false },
	{ "client", NULL, false },
	{ NULL, "client.name", false },
	{ "topic", NULL, false },
	{ NULL, "topic", true },
};
static const struct api_route api_c2_new_topic_client_routes[] = {
	{ API_PUT, "/e4/client/{client.name}/topic/{topic=**}", api_c2_new_topic_client_path0, 5, true },
};
static const struct api_flag api_c2_new_topic_client_flags[] = {
	{ "client", "client.name", API_FLAG_STRING,
	  true, NULL,
	  "Name of the client." },
	{ "topic", "topic", API_FLAG_STRING,
	  true, NULL,
	  "Name of the topic." },
};

static const struct api_segment api_c2_remove_topic_client_path0[] = {
	{ "e4", NULL, false },
	{ "client", NULL, false },
	{ NULL, "client.name", false },
	{ "topic", NULL, false },
	{ NULL, "topic", true },
};
static const struct api_route api_c2_remove_topic_client_routes[] = {
	{ API_DELETE, "/e4/client/{client.name}/topic/{topic=**}", api_c2_remove_topic_client_path0, 5, false },
};
static const struct api_flag api_c2_remove_topic_client_flags[] = {
	{ "client", "client.name", API_FLAG_STRING,
	  true, NULL,
	  "Name of the client." },
	{ "topic", "topic", API_FLAG_STRING,
	  true, NULL,
	  "Name of the topic." },
	{ "rotate-key", "rotateKey", API_FLAG_BOOL,
	  false, NULL,
	  "Rotate the key of the topics it leaves; without it the server setting decides." },
};

static const struct api_segment api_c2_count_topics_for_client_path0[] = {
	{ "e4", NULL, false },
	{ "client", NULL, false },
	{ NULL, "client.name", false },
	{ "topics", NULL, false },
	{ "count", NULL, false },
};
static const struct api_route api_c2_count_topics_for_client_routes[] = {
	{ API_GET, "/e4/client/{client.name}/topics/count", api_c2_count_topics_for_client_path0, 5, false },
};
static const struct api_flag api_c2_count_topics_for_client_flags[] = {
	{ "topics", NULL, API_FLAG_SELECT,
	  true, NULL,
	  "Count topics." },
	{ "client", "client.name", API_FLAG_STRING,
	  true, NULL,
	  "Name of the client." },
};

static const struct api_segment api_c2_get_topics_for_client_path0[] = {
	{ "e4", NULL, false },
	{ "client", NULL, false },
	{ NULL, "client.name", false },
	{ "topics", NULL, false },
};
static const struct api_route api_c2_get_topics_for_client_routes[] = {
	{ API_GET, "/e4/client/{client.name}/topics", api_c2_get_topics_for_client_path0, 4, false },
};
static const struct api_flag api_c2_get_topics_for_client_flags[] = {
	{ "name", "client.name", API_FLAG_STRING,
	  true, NULL,
	  "Name of the client." },
	{ "offset", "offset", API_FLAG_INT64,
	  false, NULL,
	  "How many to skip first." },
	{ "count", "count", API_FLAG_INT64,
	  false, NULL,
	  "How many to list at most; 0 lists all." },
};

static const struct api_segment api_c2_count_clients_for_topic_path0[] = {
	{ "e4", NULL, false },
	{ "topic", NULL, false },
	{ NULL, "topic", true },
	{ "clients", NULL, false },
	{ "count", NULL, false },
};
static const struct api_route api_c2_count_clients_for_topic_routes[] = {
	{ API_GET, "/e4/topic/{topic=**}/clients/count", api_c2_count_clients_for_topic_path0, 5, false },
};
static const struct api_flag api_c2_count_clients_for_topic_flags[] = {
	{ "clients", NULL, API_FLAG_SELECT,
	  true, NULL,
	  "Count clients." },
	{ "topic", "topic", API_FLAG_STRING,
	  true, NULL,
	  "Name of the topic." },
};

static const struct api_segment api_c2_get_clients_for_topic_path0[] = {
	{ "e4", NULL, false },
	{ "topic", NULL, false },
	{ NULL, "topic", true },
	{ "clients", NULL, false },
};
static const struct api_route api_c2_get_clients_for_topic_routes[] = {
	{ API_GET, "/e4/topic/{topic=**}/clients", api_c2_get_clients_for_topic_path0, 4, false },
};
static const struct api_flag api_c2_get_clients_for_topic_flags[] = {
	{ "name", "topic", API_FLAG_STRING,
	  true, NULL,
	  "Name of the topic." },
	{ "offset", "offset", API_FLAG_INT64,
	  false, NULL,
	  "How many to skip first." },
	{ "count", "count", API_FLAG_INT64,
	  false, NULL,
	  "How many to list at most; 0 lists all." },
};

static const struct api_segment api_c2_count_clients_path0[] = {
	{ "e4", NULL, false },
	{ "clients", NULL, false },
	{ "count", NULL, false },
};
static const struct api_route api_c2_count_clients_routes[] = {
	{ API_GET, "/e4/clients/count", api_c2_count_clients_path0, 3, false },
};
static const struct api_flag api_c2_count_clients_flags[] = {
	{ "clients", NULL, API_FLAG_SELECT,
	  true, NULL,
	  "Count clients." },
};

static const struct api_segment api_c2_get_clients_path0[] = {
	{ "e4", NULL, false },
	{ "clients", NULL, false },
};
static const struct api_route api_c2_get_clients_routes[] = {
	{ API_GET, "/e4/clients", api_c2_get_clients_path0, 2, false },
};
static const struct api_flag api_c2_get_clients_flags[] = {
	{ "offset", "offset", API_FLAG_INT64,
	  false, NULL,
	  "How many to skip first." },
	{ "count", "count", API_FLAG_INT64,
	  false, NULL,
	  "How many to list at most; 0 lists all." },
};

static const struct api_segment api_c2_count_topics_path0[] = {
	{ "e4", NULL, false },
	{ "topics", NULL, false },
	{ "count", NULL, false },
};
static const struct api_route api_c2_count_topics_routes[] = {
	{ API_GET, "/e4/topics/count", api_c2_count_topics_path0, 3, false },
};
static const struct api_flag api_c2_count_topics_flags[] = {
	{ "topics", NULL, API_FLAG_SELECT,
	  true, NULL,
	  "Count topics." },
};

static const struct api_segment api_c2_get_topics_path0[] = {
	{ "e4", NULL, false },
	{ "topics", NULL, false },
};
static const struct api_route api_c2_get_topics_routes[] = {
	{ API_GET, "/e4/topics", api_c2_get_topics_path0, 2, false },
};
static const struct api_flag api_c2_get_topics_flags[] = {
	{ "offset", "offset", API_FLAG_INT64,
	  false, NULL,
	  "How many to skip first." },
	{ "count", "count", API_FLAG_INT64,
	  false, NULL,
	  "How many to list at most; 0 lists all." },
};

static const struct api_segment api_c2_link_client_path0[] = {
	{ "e4", NULL, false },
	{ "client", NULL, false },
	{ NULL, "targetClient.name", false },
	{ "link", NULL, false },
	{ NULL, "sourceClient.name", false },
};
static const struct api_route api_c2_link_client_routes[] = {
	{ API_POST, "/e4/client/{targetClient.name}/link/{sourceClient.name}", api_c2_link_client_path0, 5, true },
};
static const struct api_flag api_c2_link_client_flags[] = {
	{ "source", "sourceClient.name", API_FLAG_STRING,
	  true, NULL,
	  "Name of the client whose key it is about." },
	{ "target", "targetClient.name", API_FLAG_STRING,
	  true, NULL,
	  "Name of the client that holds the list." },
};

static const struct api_segment api_c2_unlink_client_path0[] = {
	{ "e4", NULL, false },
	{ "client", NULL, false },
	{ NULL, "targetClient.name", false },
	{ "unlink", NULL, false },
	{ NULL, "sourceClient.name", false },
};
static const struct api_route api_c2_unlink_client_routes[] = {
	{ API_DELETE, "/e4/client/{targetClient.name}/unlink/{sourceClient.name}", api_c2_unlink_client_path0, 5, false },
};
static const struct api_flag api_c2_unlink_client_flags[] = {
	{ "source", "sourceClient.name", API_FLAG_STRING,
	  true, NULL,
	  "Name of the client whose key it is about." },
	{ "target", "targetClient.name", API_FLAG_STRING,
	  true, NULL,
	  "Name of the client that holds the list." },
};

static const struct api_segment api_c2_count_linked_clients_path0[] = {
	{ "e4", NULL, false },
	{ "client", NULL, false },
	{ NULL, "client.name", false },
	{ "link", NULL, false },
	{ "count", NULL, false },
};
static const struct api_route api_c2_count_linked_clients_routes[] = {
	{ API_GET, "/e4/client/{client.name}/link/count", api_c2_count_linked_clients_path0, 5, false },
};
static const struct api_flag api_c2_count_linked_clients_flags[] = {
	{ "name", "client.name", API_FLAG_STRING,
	  true, NULL,
	  "Name of the client." },
};

static const struct api_segment api_c2_get_linked_clients_path0[] = {
	{ "e4", NULL, false },
	{ "client", NULL, false },
	{ NULL, "client.name", false },
	{ "link", NULL, false },
};
static const struct api_route api_c2_get_linked_clients_routes[] = {
	{ API_GET, "/e4/client/{client.name}/link", api_c2_get_linked_clients_path0, 4, false },
};
static const struct api_flag api_c2_get_linked_clients_flags[] = {
	{ "name", "client.name", API_FLAG_STRING,
	  true, NULL,
	  "Name of the client." },
	{ "offset", "offset", API_FLAG_INT64,
	  false, NULL,
	  "How many to skip first." },
	{ "count", "count", API_FLAG_INT64,
	  false, NULL,
	  "How many to list at most; 0 lists all." },
};

static const struct api_segment api_c2_send_client_pub_key_path0[] = {
	{ "e4", NULL, false },
	{ "send-client-pubkey", NULL, false },
};
static const struct api_route api_c2_send_client_pub_key_routes[] = {
	{ API_POST, "/e4/send-client-pubkey", api_c2_send_client_pub_key_path0, 2, true },
};
static const struct api_flag api_c2_send_client_pub_key_flags[] = {
	{ "source", "sourceClient.name", API_FLAG_STRING,
	  true, NULL,
	  "Name of the client whose key it is about." },
	{ "target", "targetClient.name", API_FLAG_STRING,
	  true, NULL,
	  "Name of the client that gets the command." },
};

static const struct api_segment api_c2_remove_client_pub_key_path0[] = {
	{ "e4", NULL, false },
	{ "remove-client-pubkey", NULL, false },
};
static const struct api_route api_c2_remove_client_pub_key_routes[] = {
	{ API_POST, "/e4/remove-client-pubkey", api_c2_remove_client_pub_key_path0, 2, true },
};
static const struct api_flag api_c2_remove_client_pub_key_flags[] = {
	{ "source", "sourceClient.name", API_FLAG_STRING,
	  true, NULL,
	  "Name of the client whose key it is about." },
	{ "target", "targetClient.name", API_FLAG_STRING,
	  true, NULL,
	  "Name of the client that gets the command." },
};

static const struct api_segment api_c2_reset_client_pub_keys_path0[] = {
	{ "e4", NULL, false },
	{ "reset-client-pubkeys", NULL, false },
};
static const struct api_route api_c2_reset_client_pub_keys_routes[] = {
	{ API_POST, "/e4/reset-client-pubkeys", api_c2_reset_client_pub_keys_path0, 2, true },
};
static const struct api_flag api_c2_reset_client_pub_keys_flags[] = {
	{ "target", "targetClient.name", API_FLAG_STRING,
	  true, NULL,
	  "Name of the client that gets the command." },
};

static const struct api_segment api_c2_new_c2_key_path0[] = {
	{ "e4", NULL, false },
	{ "new-c2-key", NULL, false },
};
static const struct api_route api_c2_new_c2_key_routes[] = {
	{ API_POST, "/e4/new-c2-key", api_c2_new_c2_key_path0, 2, true },
};
static const struct api_flag api_c2_new_c2_key_flags[] = {
	{ "force", "force", API_FLAG_BOOL,
	  true, NULL,
	  "Confirms that every device is to be sent a new server key." },
	{ "drop-oldest", "dropOldest", API_FLAG_BOOL,
	  false, NULL,
	  "Gives up devices that confirmed none of the last four keys." },
};

static const struct api_segment api_c2_get_c2_public_key_path0[] = {
	{ "e4", NULL, false },
	{ "c2-public-key", NULL, false },
};
static const struct api_route api_c2_get_c2_public_key_routes[] = {
	{ API_GET, "/e4/c2-public-key", api_c2_get_c2_public_key_path0, 2, false },
};

static const struct api_segment api_c2_protect_message_path0[] = {
	{ "e4", NULL, false },
	{ "protect-message", NULL, false },
};
static const struct api_route api_c2_protect_message_routes[] = {
	{ API_POST, "/e4/protect-message", api_c2_protect_message_path0, 2, true },
};
static const struct api_flag api_c2_protect_message_flags[] = {
	{ "topic", "topic", API_FLAG_STRING,
	  true, NULL,
	  "Name of the topic." },
	{ "message", "binaryData", API_FLAG_BASE64,
	  true, NULL,
	  "The message, as base64." },
};

static const struct api_segment api_c2_unprotect_message_path0[] = {
	{ "e4", NULL, false },
	{ "unprotect-message", NULL, false },
};
static const struct api_route api_c2_unprotect_message_routes[] = {
	{ API_POST, "/e4/unprotect-message", api_c2_unprotect_message_path0, 2, true },
};
static const struct api_flag api_c2_unprotect_message_flags[] = {
	{ "topic", "topic", API_FLAG_STRING,
	  true, NULL,
	  "Name of the topic." },
	{ "message", "protectedBinaryData", API_FLAG_BASE64,
	  true, NULL,
	  "The protected message, as base64." },
};

static const struct api_flag api_c2_subscribe_to_event_stream_flags[] = {
	{ "after", "afterSequence", API_FLAG_INT64,
	  false, NULL,
	  "Start with the events kept after this sequence number." },
	{ "all", "all", API_FLAG_BOOL,
	  false, NULL,
	  "Show also clients that are removed, and alarms." },
};

static const struct api_segment api_c2_list_events_path0[] = {
	{ "e4", NULL, false },
	{ "events", NULL, false },
};
static const struct api_route api_c2_list_events_routes[] = {
	{ API_GET, "/e4/events", api_c2_list_events_path0, 2, false },
};

static const struct api_segment api_c2_health_check_path0[] = {
	{ "e4", NULL, false },
	{ "health-check", NULL, false },
};
static const struct api_route api_c2_health_check_routes[] = {
	{ API_GET, "/e4/health-check", api_c2_health_check_path0, 2, false },
};

static const struct api_segment api_c2_get_crypto_mode_path0[] = {
	{ "e4", NULL, false },
	{ "crypto-mode", NULL, false },
};
static const struct api_route api_c2_get_crypto_mode_routes[] = {
	{ API_GET, "/e4/crypto-mode", api_c2_get_crypto_mode_path0, 2, false },
};

static const struct api_segment api_c2_get_topic_status_path0[] = {
	{ "e4", NULL, false },
	{ "topic", NULL, false },
	{ NULL, "topic", true },
	{ "status", NULL, false },
};
static const struct api_route api_c2_get_topic_status_routes[] = {
	{ API_GET, "/e4/topic/{topic=**}/status", api_c2_get_topic_status_path0, 4, false },
};
static const struct api_flag api_c2_get_topic_status_flags[] = {
	{ "topic", "topic", API_FLAG_STRING,
	  true, NULL,
	  "Name of the topic." },
};

static const struct api_segment api_c2_get_client_status_path0[] = {
	{ "e4", NULL, false },
	{ "client", NULL, false },
	{ NULL, "client.name", false },
	{ "status", NULL, false },
};
static const struct api_route api_c2_get_client_status_routes[] = {
	{ API_GET, "/e4/client/{client.name}/status", api_c2_get_client_status_path0, 4, false },
};
static const struct api_flag api_c2_get_client_status_flags[] = {
	{ "client", "client.name", API_FLAG_STRING,
	  true, NULL,
	  "Name of the client." },
};

static const struct api_segment api_c2_batch_path0[] = {
	{ "e4", NULL, false },
	{ "batch", NULL, false },
};
static const struct api_route api_c2_batch_routes[] = {
	{ API_POST, "/e4/batch", api_c2_batch_path0, 2, true },
};

static const struct api_segment api_c2_change_client_path0[] = {
	{ "e4", NULL, false },
	{ "client", NULL, false },
	{ NULL, "client", false },
	{ "settings", NULL, false },
};
static const struct api_route api_c2_change_client_routes[] = {
	{ API_PATCH, "/e4/client/{client}/settings", api_c2_change_client_path0, 4, true },
};
static const struct api_flag api_c2_change_client_flags[] = {
	{ "name", "client", API_FLAG_STRING,
	  true, NULL,
	  "Name of the client." },
	{ "type", "type", API_FLAG_CHOICE,
	  false, NULL,
	  "producer, consumer, both or unknown: consumers get new keys before producers." },
	{ "tag", "addTags", API_FLAG_LIST,
	  false, NULL,
	  "Tags to give it, as name or name=value; a new value takes the place of the old one." },
	{ "untag", "removeTags", API_FLAG_LIST,
	  false, NULL,
	  "Tags to take away; a name alone takes the tag whatever its value." },
};

static const struct api_segment api_c2_search_clients_path0[] = {
	{ "e4", NULL, false },
	{ "search", NULL, false },
	{ "clients", NULL, false },
};
static const struct api_route api_c2_search_clients_routes[] = {
	{ API_GET, "/e4/search/clients", api_c2_search_clients_path0, 3, false },
};
static const struct api_flag api_c2_search_clients_flags[] = {
	{ "prefix", "prefix", API_FLAG_STRING,
	  false, NULL,
	  "Names that begin with this." },
	{ "contains", "contains", API_FLAG_STRING,
	  false, NULL,
	  "Names that hold this." },
	{ "tag", "tags", API_FLAG_LIST,
	  false, NULL,
	  "Clients with all of these tags." },
	{ "type", "type", API_FLAG_CHOICE,
	  false, NULL,
	  "Clients of this type: producer, consumer or both." },
	{ "status", "statuses", API_FLAG_LIST,
	  false, NULL,
	  "States of delivery: waiting, sent, confirmed." },
	{ "with-topics", "withTopics", API_FLAG_BOOL,
	  false, NULL,
	  "Also the topics that each is attached to." },
};

static const struct api_segment api_c2_search_topics_path0[] = {
	{ "e4", NULL, false },
	{ "search", NULL, false },
	{ "topics", NULL, false },
};
static const struct api_route api_c2_search_topics_routes[] = {
	{ API_GET, "/e4/search/topics", api_c2_search_topics_path0, 3, false },
};
static const struct api_flag api_c2_search_topics_flags[] = {
	{ "prefix", "prefix", API_FLAG_STRING,
	  false, NULL,
	  "Names that begin with this." },
	{ "contains", "contains", API_FLAG_STRING,
	  false, NULL,
	  "Names that hold this." },
};

static const struct api_segment api_c2_change_group_path0[] = {
	{ "e4", NULL, false },
	{ "group", NULL, false },
};
static const struct api_route api_c2_change_group_routes[] = {
	{ API_POST, "/e4/group", api_c2_change_group_path0, 2, true },
};
static const struct api_flag api_c2_change_group_flags[] = {
	{ "tag", "tags", API_FLAG_LIST,
	  false, NULL,
	  "Clients with all of these tags." },
	{ "prefix", "prefix", API_FLAG_STRING,
	  false, NULL,
	  "Clients whose names begin with this." },
	{ "type", "type", API_FLAG_CHOICE,
	  false, NULL,
	  "Clients of this type: producer, consumer or both." },
	{ "all", "all", API_FLAG_BOOL,
	  false, NULL,
	  "All clients: without it a group has to be given." },
	{ "attach", "attach", API_FLAG_STRING,
	  false, "what",
	  "Attach them to this topic." },
	{ "detach", "detach", API_FLAG_STRING,
	  false, "what",
	  "Detach them from this topic." },
	{ "new-keys", "newKeys", API_FLAG_BOOL,
	  false, "what",
	  "Give each of them a new key." },
	{ "rotate-key", "rotateKey", API_FLAG_BOOL,
	  false, NULL,
	  "Rotate the key of the topic they leave, once, at the end; without it the server setting decides." },
	{ "cursor", "cursor", API_FLAG_STRING,
	  false, NULL,
	  "Go on where an interrupted call said it was." },
};

static const struct api_segment api_c2_get_unconfirmed_clients_path0[] = {
	{ "e4", NULL, false },
	{ "clients", NULL, false },
	{ "unconfirmed", NULL, false },
};
static const struct api_route api_c2_get_unconfirmed_clients_routes[] = {
	{ API_GET, "/e4/clients/unconfirmed", api_c2_get_unconfirmed_clients_path0, 3, false },
};
static const struct api_flag api_c2_get_unconfirmed_clients_flags[] = {
	{ "topic", "topic", API_FLAG_STRING,
	  false, NULL,
	  "Only members that have not confirmed this topic's key." },
};

static const struct api_segment api_c2_get_c2_key_status_path0[] = {
	{ "e4", NULL, false },
	{ "c2-key", NULL, false },
	{ "status", NULL, false },
};
static const struct api_route api_c2_get_c2_key_status_routes[] = {
	{ API_GET, "/e4/c2-key/status", api_c2_get_c2_key_status_path0, 3, false },
};
static const struct api_flag api_c2_get_c2_key_status_flags[] = {
	{ "c2-key", NULL, API_FLAG_SELECT,
	  true, NULL,
	  "Tell it of the server's own key." },
};

static const struct api_segment api_c2_automation_engine_list_rules_path0[] = {
	{ "rules", NULL, false },
};
static const struct api_route api_c2_automation_engine_list_rules_routes[] = {
	{ API_GET, "/rules", api_c2_automation_engine_list_rules_path0, 1, false },
};

static const struct api_segment api_c2_automation_engine_get_rule_path0[] = {
	{ "rules", NULL, false },
	{ NULL, "ruleId", false },
};
static const struct api_route api_c2_automation_engine_get_rule_routes[] = {
	{ API_GET, "/rules/{ruleId}", api_c2_automation_engine_get_rule_path0, 2, false },
};
static const struct api_flag api_c2_automation_engine_get_rule_flags[] = {
	{ "rule", "ruleId", API_FLAG_INT64,
	  true, NULL,
	  "Number of the rule." },
};

static const struct api_segment api_c2_automation_engine_add_rule_path0[] = {
	{ "rules", NULL, false },
};
static const struct api_route api_c2_automation_engine_add_rule_routes[] = {
	{ API_POST, "/rules", api_c2_automation_engine_add_rule_path0, 1, true },
};
static const struct api_flag api_c2_automation_engine_add_rule_flags[] = {
	{ "description", "description", API_FLAG_STRING,
	  true, NULL,
	  "What the rule is for." },
	{ "action", "action", API_FLAG_CHOICE,
	  true, NULL,
	  "What it does: rotation, detach or notify." },
	{ "force", "options.force", API_FLAG_BOOL,
	  false, NULL,
	  "Rotate also within the grace period of the devices, and whatever engine.risk_limit says." },
	{ "waves", "options.waves", API_FLAG_LIST,
	  false, NULL,
	  "Percentages of the targets, such as 1,10,100: each wave waits for the receipts of the one before." },
	{ "wave-wait", "options.waveWait", API_FLAG_INT64,
	  false, NULL,
	  "Seconds that a wave has for its receipts (default 600)." },
	{ "wave-confirmed", "options.waveConfirmed", API_FLAG_INT64,
	  false, NULL,
	  "Percentage of a wave's devices that must confirm (default 90)." },
	{ "retry-for", "options.retryFor", API_FLAG_INT64,
	  false, NULL,
	  "Seconds in which what fails is tried again (default: a day)." },
	{ "topic", "options.topic", API_FLAG_STRING,
	  false, NULL,
	  "Topic that a detach takes clients from." },
	{ "webhook", "options.webhook", API_FLAG_STRING,
	  false, NULL,
	  "URL that a notify posts to." },
	{ "email", "options.email", API_FLAG_STRING,
	  false, NULL,
	  "Address that a notify writes to." },
	{ "dry-run", "dryRun", API_FLAG_BOOL,
	  false, NULL,
	  "Only check, and show what it would match and when it would fire." },
};

static const struct api_segment api_c2_automation_engine_update_rule_path0[] = {
	{ "rules", NULL, false },
};
static const struct api_route api_c2_automation_engine_update_rule_routes[] = {
	{ API_PUT, "/rules", api_c2_automation_engine_update_rule_path0, 1, true },
};

static const struct api_segment api_c2_automation_engine_delete_rule_path0[] = {
	{ "rules", NULL, false },
	{ NULL, "ruleId", false },
};
static const struct api_route api_c2_automation_engine_delete_rule_routes[] = {
	{ API_DELETE, "/rules/{ruleId}", api_c2_automation_engine_delete_rule_path0, 2, false },
};
static const struct api_flag api_c2_automation_engine_delete_rule_flags[] = {
	{ "rule", "ruleId", API_FLAG_INT64,
	  true, NULL,
	  "Number of the rule." },
};

static const struct api_segment api_c2_automation_engine_change_rule_path0[] = {
	{ "rules", NULL, false },
	{ NULL, "ruleId", false },
};
static const struct api_route api_c2_automation_engine_change_rule_routes[] = {
	{ API_PATCH, "/rules/{ruleId}", api_c2_automation_engine_change_rule_path0, 2, true },
};

static const struct api_segment api_c2_automation_engine_run_rule_path0[] = {
	{ "rules", NULL, false },
	{ NULL, "ruleId", false },
	{ "run", NULL, false },
};
static const struct api_route api_c2_automation_engine_run_rule_routes[] = {
	{ API_POST, "/rules/{ruleId}/run", api_c2_automation_engine_run_rule_path0, 3, true },
};
static const struct api_flag api_c2_automation_engine_run_rule_flags[] = {
	{ "rule", "ruleId", API_FLAG_INT64,
	  true, NULL,
	  "Number of the rule." },
	{ "force", "force", API_FLAG_BOOL,
	  false, NULL,
	  "Rotate also within the grace period of the devices." },
};

static const struct api_segment api_c2_automation_engine_list_runs_path0[] = {
	{ "runs", NULL, false },
};
static const struct api_route api_c2_automation_engine_list_runs_routes[] = {
	{ API_GET, "/runs", api_c2_automation_engine_list_runs_path0, 1, false },
};
static const struct api_flag api_c2_automation_engine_list_runs_flags[] = {
	{ "rule", "ruleId", API_FLAG_INT64,
	  false, NULL,
	  "Number of the rule; all rules without it." },
};

static const struct api_segment api_c2_automation_engine_get_schedule_path0[] = {
	{ "rules", NULL, false },
	{ NULL, "ruleId", false },
	{ "schedule", NULL, false },
};
static const struct api_route api_c2_automation_engine_get_schedule_routes[] = {
	{ API_GET, "/rules/{ruleId}/schedule", api_c2_automation_engine_get_schedule_path0, 3, false },
};
static const struct api_flag api_c2_automation_engine_get_schedule_flags[] = {
	{ "rule", "ruleId", API_FLAG_INT64,
	  true, NULL,
	  "Number of the rule." },
	{ "count", "count", API_FLAG_INT64,
	  false, NULL,
	  "How many; 10 without it, at most 1000." },
};

static const struct api_segment api_c2_automation_engine_get_rule_fleet_path0[] = {
	{ "rules", NULL, false },
	{ NULL, "ruleId", false },
	{ "fleet", NULL, false },
};
static const struct api_route api_c2_automation_engine_get_rule_fleet_routes[] = {
	{ API_GET, "/rules/{ruleId}/fleet", api_c2_automation_engine_get_rule_fleet_path0, 3, false },
};
static const struct api_flag api_c2_automation_engine_get_rule_fleet_flags[] = {
	{ "rule", "ruleId", API_FLAG_INT64,
	  true, NULL,
	  "Number of the rule." },
};

static const struct api_segment api_c2_automation_engine_raise_alarm_path0[] = {
	{ "alarms", NULL, false },
};
static const struct api_route api_c2_automation_engine_raise_alarm_routes[] = {
	{ API_POST, "/alarms", api_c2_automation_engine_raise_alarm_path0, 1, true },
};
static const struct api_flag api_c2_automation_engine_raise_alarm_flags[] = {
	{ "client", "client", API_FLAG_STRING,
	  false, NULL,
	  "The client that it is about." },
	{ "topic", "topic", API_FLAG_STRING,
	  false, NULL,
	  "The topic that it is about." },
};

static const struct api_segment api_c2_automation_engine_health_check_path0[] = {
	{ "health-check", NULL, false },
};
static const struct api_route api_c2_automation_engine_health_check_routes[] = {
	{ API_GET, "/health-check", api_c2_automation_engine_health_check_path0, 1, false },
};

const struct api_method api_methods[API_N_METHODS] = {
	[API_C2_NEW_CLIENT] = {
		.service = "pb.C2",
		.name = "NewClient",
		.grpc_path = "/pb.C2/NewClient",
		.help = "Create a client with its key, or overwrite the key of an existing one; nothing is sent to the device.",
		.request = &pb__new_client_request__descriptor,
		.response = &pb__new_client_response__descriptor,
		.role = API_ROLE_OPERATOR,
		.audited = true,
		.server_stream = false,
		.routes = api_c2_new_client_routes,
		.n_routes = 1,
		.cli = { "client create", API_COMMAND_CALL, api_c2_new_client_flags, 3 },
	},
	[API_C2_REMOVE_CLIENT] = {
		.service = "pb.C2",
		.name = "RemoveClient",
		.grpc_path = "/pb.C2/RemoveClient",
		.help = "Forget a client, its links and its place in topics.",
		.request = &pb__remove_client_request__descriptor,
		.response = &pb__remove_client_response__descriptor,
		.role = API_ROLE_OPERATOR,
		.audited = true,
		.server_stream = false,
		.routes = api_c2_remove_client_routes,
		.n_routes = 1,
		.cli = { "client remove", API_COMMAND_CALL, api_c2_remove_client_flags, 2 },
	},
	[API_C2_RESET_CLIENT] = {
		.service = "pb.C2",
		.name = "ResetClient",
		.grpc_path = "/pb.C2/ResetClient",
		.help = "Make the device forget all topic keys, by the command ResetTopics.",
		.request = &pb__reset_client_request__descriptor,
		.response = &pb__reset_client_response__descriptor,
		.role = API_ROLE_OPERATOR,
		.audited = true,
		.server_stream = false,
		.routes = api_c2_reset_client_routes,
		.n_routes = 1,
		.cli = { "client reset", API_COMMAND_CALL, api_c2_reset_client_flags, 1 },
	},
	[API_C2_NEW_CLIENT_KEY] = {
		.service = "pb.C2",
		.name = "NewClientKey",
		.grpc_path = "/pb.C2/NewClientKey",
		.help = "Give a client a new key that the server makes, by the command SetIDKey; in public-key mode its new public key then goes to the clients in its linked list.",
		.request = &pb__new_client_key_request__descriptor,
		.response = &pb__new_client_key_response__descriptor,
		.role = API_ROLE_OPERATOR,
		.audited = true,
		.server_stream = false,
		.routes = api_c2_new_client_key_routes,
		.n_routes = 1,
		.cli = { "client new-key", API_COMMAND_CALL, api_c2_new_client_key_flags, 1 },
	},
	[API_C2_NEW_TOPIC] = {
		.service = "pb.C2",
		.name = "NewTopic",
		.grpc_path = "/pb.C2/NewTopic",
		.help = "Create a topic, or rotate the key of an existing one and send it to every attached client.",
		.request = &pb__new_topic_request__descriptor,
		.response = &pb__new_topic_response__descriptor,
		.role = API_ROLE_OPERATOR,
		.audited = true,
		.server_stream = false,
		.routes = api_c2_new_topic_routes,
		.n_routes = 1,
		.cli = { "topic create", API_COMMAND_CALL, api_c2_new_topic_flags, 1 },
	},
	[API_C2_REMOVE_TOPIC] = {
		.service = "pb.C2",
		.name = "RemoveTopic",
		.grpc_path = "/pb.C2/RemoveTopic",
		.help = "Forget a topic and its key.",
		.request = &pb__remove_topic_request__descriptor,
		.response = &pb__remove_topic_response__descriptor,
		.role = API_ROLE_OPERATOR,
		.audited = true,
		.server_stream = false,
		.routes = api_c2_remove_topic_routes,
		.n_routes = 1,
		.cli = { "topic remove", API_COMMAND_CALL, api_c2_remove_topic_flags, 1 },
	},
	[API_C2_NEW_TOPIC_CLIENT] = {
		.service = "pb.C2",
		.name = "NewTopicClient",
		.grpc_path = "/pb.C2/NewTopicClient",
		.help = "Attach a client to a topic: the device gets the key of the topic.",
		.request = &pb__new_topic_client_request__descriptor,
		.response = &pb__new_topic_client_response__descriptor,
		.role = API_ROLE_OPERATOR,
		.audited = true,
		.server_stream = false,
		.routes = api_c2_new_topic_client_routes,
		.n_routes = 1,
		.cli = { "attach", API_COMMAND_CALL, api_c2_new_topic_client_flags, 2 },
	},
	[API_C2_REMOVE_TOPIC_CLIENT] = {
		.service = "pb.C2",
		.name = "RemoveTopicClient",
		.grpc_path = "/pb.C2/RemoveTopicClient",
		.help = "Detach a client from a topic: the device forgets the key of the topic, and the topic can get a new one.",
		.request = &pb__remove_topic_client_request__descriptor,
		.response = &pb__remove_topic_client_response__descriptor,
		.role = API_ROLE_OPERATOR,
		.audited = true,
		.server_stream = false,
		.routes = api_c2_remove_topic_client_routes,
		.n_routes = 1,
		.cli = { "detach", API_COMMAND_CALL, api_c2_remove_topic_client_flags, 3 },
	},
	[API_C2_COUNT_TOPICS_FOR_CLIENT] = {
		.service = "pb.C2",
		.name = "CountTopicsForClient",
		.grpc_path = "/pb.C2/CountTopicsForClient",
		.help = "Count the topics a client is attached to.",
		.request = &pb__count_topics_for_client_request__descriptor,
		.response = &pb__count_topics_for_client_response__descriptor,
		.role = API_ROLE_VIEWER,
		.audited = false,
		.server_stream = false,
		.routes = api_c2_count_topics_for_client_routes,
		.n_routes = 1,
		.cli = { "count", API_COMMAND_CALL, api_c2_count_topics_for_client_flags, 2 },
	},
	[API_C2_GET_TOPICS_FOR_CLIENT] = {
		.service = "pb.C2",
		.name = "GetTopicsForClient",
		.grpc_path = "/pb.C2/GetTopicsForClient",
		.help = "List the topics a client is attached to, ordered by name.",
		.request = &pb__get_topics_for_client_request__descriptor,
		.response = &pb__get_topics_for_client_response__descriptor,
		.role = API_ROLE_VIEWER,
		.audited = false,
		.server_stream = false,
		.routes = api_c2_get_topics_for_client_routes,
		.n_routes = 1,
		.cli = { "client list-topics", API_COMMAND_LIST, api_c2_get_topics_for_client_flags, 3 },
	},
	[API_C2_COUNT_CLIENTS_FOR_TOPIC] = {
		.service = "pb.C2",
		.name = "CountClientsForTopic",
		.grpc_path = "/pb.C2/CountClientsForTopic",
		.help = "Count the clients attached to a topic.",
		.request = &pb__count_clients_for_topic_request__descriptor,
		.response = &pb__count_clients_for_topic_response__descriptor,
		.role = API_ROLE_VIEWER,
		.audited = false,
		.server_stream = false,
		.routes = api_c2_count_clients_for_topic_routes,
		.n_routes = 1,
		.cli = { "count", API_COMMAND_CALL, api_c2_count_clients_for_topic_flags, 2 },
	},
	[API_C2_GET_CLIENTS_FOR_TOPIC] = {
		.service = "pb.C2",
		.name = "GetClientsForTopic",
		.grpc_path = "/pb.C2/GetClientsForTopic",
		.help = "List the clients attached to a topic, ordered by name.",
		.request = &pb__get_clients_for_topic_request__descriptor,
		.response = &pb__get_clients_for_topic_response__descriptor,
		.role = API_ROLE_VIEWER,
		.audited = false,
		.server_stream = false,
		.routes = api_c2_get_clients_for_topic_routes,
		.n_routes = 1,
		.cli = { "topic list-clients", API_COMMAND_LIST, api_c2_get_clients_for_topic_flags, 3 },
	},
	[API_C2_COUNT_CLIENTS] = {
		.service = "pb.C2",
		.name = "CountClients",
		.grpc_path = "/pb.C2/CountClients",
		.help = "Count all clients.",
		.request = &pb__count_clients_request__descriptor,
		.response = &pb__count_clients_response__descriptor,
		.role = API_ROLE_VIEWER,
		.audited = false,
		.server_stream = false,
		.routes = api_c2_count_clients_routes,
		.n_routes = 1,
		.cli = { "count", API_COMMAND_CALL, api_c2_count_clients_flags, 1 },
	},
	[API_C2_GET_CLIENTS] = {
		.service = "pb.C2",
		.name = "GetClients",
		.grpc_path = "/pb.C2/GetClients",
		.help = "List all clients, ordered by name.",
		.request = &pb__get_clients_request__descriptor,
		.response = &pb__get_clients_response__descriptor,
		.role = API_ROLE_VIEWER,
		.audited = false,
		.server_stream = false,
		.routes = api_c2_get_clients_routes,
		.n_routes = 1,
		.cli = { "client list", API_COMMAND_LIST, api_c2_get_clients_flags, 2 },
	},
	[API_C2_COUNT_TOPICS] = {
		.service = "pb.C2",
		.name = "CountTopics",
		.grpc_path = "/pb.C2/CountTopics",
		.help = "Count all topics.",
		.request = &pb__count_topics_request__descriptor,
		.response = &pb__count_topics_response__descriptor,
		.role = API_ROLE_VIEWER,
		.audited = false,
		.server_stream = false,
		.routes = api_c2_count_topics_routes,
		.n_routes = 1,
		.cli = { "count", API_COMMAND_CALL, api_c2_count_topics_flags, 1 },
	},
	[API_C2_GET_TOPICS] = {
		.service = "pb.C2",
		.name = "GetTopics",
		.grpc_path = "/pb.C2/GetTopics",
		.help = "List all topics, ordered by name.",
		.request = &pb__get_topics_request__descriptor,
		.response = &pb__get_topics_response__descriptor,
		.role = API_ROLE_VIEWER,
		.audited = false,
		.server_stream = false,
		.routes = api_c2_get_topics_routes,
		.n_routes = 1,
		.cli = { "topic list", API_COMMAND_LIST, api_c2_get_topics_flags, 2 },
	},
	[API_C2_LINK_CLIENT] = {
		.service = "pb.C2",
		.name = "LinkClient",
		.grpc_path = "/pb.C2/LinkClient",
		.help = "Put the source client in the linked list of the target client: when the target gets a new key, its public key goes to the clients in that list.",
		.request = &pb__link_client_request__descriptor,
		.response = &pb__link_client_response__descriptor,
		.role = API_ROLE_OPERATOR,
		.audited = true,
		.server_stream = false,
		.routes = api_c2_link_client_routes,
		.n_routes = 1,
		.cli = { "client link-client", API_COMMAND_CALL, api_c2_link_client_flags, 2 },
	},
	[API_C2_UNLINK_CLIENT] = {
		.service = "pb.C2",
		.name = "UnlinkClient",
		.grpc_path = "/pb.C2/UnlinkClient",
		.help = "Take the source client out of the linked list of the target client; succeeds also when it was not in it.",
		.request = &pb__unlink_client_request__descriptor,
		.response = &pb__unlink_client_response__descriptor,
		.role = API_ROLE_OPERATOR,
		.audited = true,
		.server_stream = false,
		.routes = api_c2_unlink_client_routes,
		.n_routes = 1,
		.cli = { "client unlink-client", API_COMMAND_CALL, api_c2_unlink_client_flags, 2 },
	},
	[API_C2_COUNT_LINKED_CLIENTS] = {
		.service = "pb.C2",
		.name = "CountLinkedClients",
		.grpc_path = "/pb.C2/CountLinkedClients",
		.help = "Count the clients in the linked list of a client.",
		.request = &pb__count_linked_clients_request__descriptor,
		.response = &pb__count_linked_clients_response__descriptor,
		.role = API_ROLE_VIEWER,
		.audited = false,
		.server_stream = false,
		.routes = api_c2_count_linked_clients_routes,
		.n_routes = 1,
		.cli = { "client count-linked-clients", API_COMMAND_CALL, api_c2_count_linked_clients_flags, 1 },
	},
	[API_C2_GET_LINKED_CLIENTS] = {
		.service = "pb.C2",
		.name = "GetLinkedClients",
		.grpc_path = "/pb.C2/GetLinkedClients",
		.help = "List the clients in the linked list of a client, ordered by name.",
		.request = &pb__get_linked_clients_request__descriptor,
		.response = &pb__get_linked_clients_response__descriptor,
		.role = API_ROLE_VIEWER,
		.audited = false,
		.server_stream = false,
		.routes = api_c2_get_linked_clients_routes,
		.n_routes = 1,
		.cli = { "client list-linked-clients", API_COMMAND_LIST, api_c2_get_linked_clients_flags, 3 },
	},
	[API_C2_SEND_CLIENT_PUB_KEY] = {
		.service = "pb.C2",
		.name = "SendClientPubKey",
		.grpc_path = "/pb.C2/SendClientPubKey",
		.help = "Send the public key of the source client to the target client; public-key mode only.",
		.request = &pb__send_client_pub_key_request__descriptor,
		.response = &pb__send_client_pub_key_response__descriptor,
		.role = API_ROLE_OPERATOR,
		.audited = true,
		.server_stream = false,
		.routes = api_c2_send_client_pub_key_routes,
		.n_routes = 1,
		.cli = { "client send-pubkey", API_COMMAND_CALL, api_c2_send_client_pub_key_flags, 2 },
	},
	[API_C2_REMOVE_CLIENT_PUB_KEY] = {
		.service = "pb.C2",
		.name = "RemoveClientPubKey",
		.grpc_path = "/pb.C2/RemoveClientPubKey",
		.help = "Make the target client forget the public key of the source client; public-key mode only.",
		.request = &pb__remove_client_pub_key_request__descriptor,
		.response = &pb__remove_client_pub_key_response__descriptor,
		.role = API_ROLE_OPERATOR,
		.audited = true,
		.server_stream = false,
		.routes = api_c2_remove_client_pub_key_routes,
		.n_routes = 1,
		.cli = { "client remove-pubkey", API_COMMAND_CALL, api_c2_remove_client_pub_key_flags, 2 },
	},
	[API_C2_RESET_CLIENT_PUB_KEYS] = {
		.service = "pb.C2",
		.name = "ResetClientPubKeys",
		.grpc_path = "/pb.C2/ResetClientPubKeys",
		.help = "Make the target client forget all public keys of other clients; public-key mode only.",
		.request = &pb__reset_client_pub_keys_request__descriptor,
		.response = &pb__reset_client_pub_keys_response__descriptor,
		.role = API_ROLE_OPERATOR,
		.audited = true,
		.server_stream = false,
		.routes = api_c2_reset_client_pub_keys_routes,
		.n_routes = 1,
		.cli = { "client reset-pubkeys", API_COMMAND_CALL, api_c2_reset_client_pub_keys_flags, 1 },
	},
	[API_C2_NEW_C2_KEY] = {
		.service = "pb.C2",
		.name = "NewC2Key",
		.grpc_path = "/pb.C2/NewC2Key",
		.help = "Give the server a new key pair and send its public key to every client; public-key mode only.",
		.request = &pb__new_c2_key_request__descriptor,
		.response = &pb__new_c2_key_response__descriptor,
		.role = API_ROLE_ADMIN,
		.audited = true,
		.server_stream = false,
		.routes = api_c2_new_c2_key_routes,
		.n_routes = 1,
		.cli = { "new-c2key", API_COMMAND_CALL, api_c2_new_c2_key_flags, 2 },
	},
	[API_C2_GET_C2_PUBLIC_KEY] = {
		.service = "pb.C2",
		.name = "GetC2PublicKey",
		.grpc_path = "/pb.C2/GetC2PublicKey",
		.help = "The server's newest public key, which every client of it is made with; public-key mode only.",
		.request = &pb__get_c2_public_key_request__descriptor,
		.response = &pb__get_c2_public_key_response__descriptor,
		.role = API_ROLE_VIEWER,
		.audited = false,
		.server_stream = false,
		.routes = api_c2_get_c2_public_key_routes,
		.n_routes = 1,
		.cli = { "c2-public-key", API_COMMAND_CALL, NULL, 0 },
	},
	[API_C2_PROTECT_MESSAGE] = {
		.service = "pb.C2",
		.name = "ProtectMessage",
		.grpc_path = "/pb.C2/ProtectMessage",
		.help = "Protect a message with the key of a topic, in the symmetric format in both modes.",
		.request = &pb__protect_message_request__descriptor,
		.response = &pb__protect_message_response__descriptor,
		.role = API_ROLE_OPERATOR,
		.audited = true,
		.server_stream = false,
		.routes = api_c2_protect_message_routes,
		.n_routes = 1,
		.cli = { "protect-message", API_COMMAND_CALL, api_c2_protect_message_flags, 2 },
	},
	[API_C2_UNPROTECT_MESSAGE] = {
		.service = "pb.C2",
		.name = "UnprotectMessage",
		.grpc_path = "/pb.C2/UnprotectMessage",
		.help = "Open a message that was protected with the key of a topic, in the symmetric format.",
		.request = &pb__unprotect_message_request__descriptor,
		.response = &pb__unprotect_message_response__descriptor,
		.role = API_ROLE_OPERATOR,
		.audited = true,
		.server_stream = false,
		.routes = api_c2_unprotect_message_routes,
		.n_routes = 1,
		.cli = { "unprotect-message", API_COMMAND_CALL, api_c2_unprotect_message_flags, 2 },
	},
	[API_C2_SUBSCRIBE_TO_EVENT_STREAM] = {
		.service = "pb.C2",
		.name = "SubscribeToEventStream",
		.grpc_path = "/pb.C2/SubscribeToEventStream",
		.help = "Follow the events as they happen, from now on or from a sequence number.",
		.request = &pb__subscribe_to_event_stream_request__descriptor,
		.response = &pb__event__descriptor,
		.role = API_ROLE_VIEWER,
		.audited = false,
		.server_stream = true,
		.routes = NULL,
		.n_routes = 0,
		.cli = { "events", API_COMMAND_STREAM, api_c2_subscribe_to_event_stream_flags, 2 },
	},
	[API_C2_LIST_EVENTS] = {
		.service = "pb.C2",
		.name = "ListEvents",
		.grpc_path = "/pb.C2/ListEvents",
		.help = "A page of the events that are kept, for a reader that keeps its place.",
		.request = &pb__list_events_request__descriptor,
		.response = &pb__list_events_response__descriptor,
		.role = API_ROLE_VIEWER,
		.audited = false,
		.server_stream = false,
		.routes = api_c2_list_events_routes,
		.n_routes = 1,
		.cli = { NULL, API_COMMAND_CALL, NULL, 0 },
	},
	[API_C2_HEALTH_CHECK] = {
		.service = "pb.C2",
		.name = "HealthCheck",
		.grpc_path = "/pb.C2/HealthCheck",
		.help = "Check that the server works: Code 0 while it is healthy.",
		.request = &pb__health_check_request__descriptor,
		.response = &pb__health_check_response__descriptor,
		.role = API_ROLE_PUBLIC,
		.audited = false,
		.server_stream = false,
		.routes = api_c2_health_check_routes,
		.n_routes = 1,
		.cli = { "health", API_COMMAND_CALL, NULL, 0 },
	},
	[API_C2_GET_CRYPTO_MODE] = {
		.service = "pb.C2",
		.name = "GetCryptoMode",
		.grpc_path = "/pb.C2/GetCryptoMode",
		.help = "Tell whether the server and its devices use symmetric or public keys.",
		.request = &pb__get_crypto_mode_request__descriptor,
		.response = &pb__get_crypto_mode_response__descriptor,
		.role = API_ROLE_VIEWER,
		.audited = false,
		.server_stream = false,
		.routes = api_c2_get_crypto_mode_routes,
		.n_routes = 1,
		.cli = { "crypto-mode", API_COMMAND_CALL, NULL, 0 },
	},
	[API_C2_GET_TOPIC_STATUS] = {
		.service = "pb.C2",
		.name = "GetTopicStatus",
		.grpc_path = "/pb.C2/GetTopicStatus",
		.help = "Tell how far the current key of a topic has come: sent, confirmed, waiting.",
		.request = &pb__get_topic_status_request__descriptor,
		.response = &pb__get_topic_status_response__descriptor,
		.role = API_ROLE_VIEWER,
		.audited = false,
		.server_stream = false,
		.routes = api_c2_get_topic_status_routes,
		.n_routes = 1,
		.cli = { "status", API_COMMAND_PROGRESS, api_c2_get_topic_status_flags, 1 },
	},
	[API_C2_GET_CLIENT_STATUS] = {
		.service = "pb.C2",
		.name = "GetClientStatus",
		.grpc_path = "/pb.C2/GetClientStatus",
		.help = "Tell what a client was sent, what it confirmed, and what is next.",
		.request = &pb__get_client_status_request__descriptor,
		.response = &pb__get_client_status_response__descriptor,
		.role = API_ROLE_VIEWER,
		.audited = false,
		.server_stream = false,
		.routes = api_c2_get_client_status_routes,
		.n_routes = 1,
		.cli = { "status", API_COMMAND_PROGRESS, api_c2_get_client_status_flags, 1 },
	},
	[API_C2_BATCH] = {
		.service = "pb.C2",
		.name = "Batch",
		.grpc_path = "/pb.C2/Batch",
		.help = "Do many operations as one: all of them, or none and the error says which one failed; c2cli import sends files this way.",
		.request = &pb__batch_request__descriptor,
		.response = &pb__batch_response__descriptor,
		.role = API_ROLE_OPERATOR,
		.audited = true,
		.server_stream = false,
		.routes = api_c2_batch_routes,
		.n_routes = 1,
		.cli = { NULL, API_COMMAND_CALL, NULL, 0 },
	},
	[API_C2_CHANGE_CLIENT] = {
		.service = "pb.C2",
		.name = "ChangeClient",
		.grpc_path = "/pb.C2/ChangeClient",
		.help = "Set the type of a client, give it tags or take them away.",
		.request = &pb__change_client_request__descriptor,
		.response = &pb__change_client_response__descriptor,
		.role = API_ROLE_OPERATOR,
		.audited = true,
		.server_stream = false,
		.routes = api_c2_change_client_routes,
		.n_routes = 1,
		.cli = { "client set", API_COMMAND_CALL, api_c2_change_client_flags, 4 },
	},
	[API_C2_SEARCH_CLIENTS] = {
		.service = "pb.C2",
		.name = "SearchClients",
		.grpc_path = "/pb.C2/SearchClients",
		.help = "Find clients by name, tag, type and state of delivery, ordered by name.",
		.request = &pb__search_clients_request__descriptor,
		.response = &pb__search_clients_response__descriptor,
		.role = API_ROLE_VIEWER,
		.audited = false,
		.server_stream = false,
		.routes = api_c2_search_clients_routes,
		.n_routes = 1,
		.cli = { "client search", API_COMMAND_CURSOR, api_c2_search_clients_flags, 6 },
	},
	[API_C2_SEARCH_TOPICS] = {
		.service = "pb.C2",
		.name = "SearchTopics",
		.grpc_path = "/pb.C2/SearchTopics",
		.help = "Find topics by name, ordered by name.",
		.request = &pb__search_topics_request__descriptor,
		.response = &pb__search_topics_response__descriptor,
		.role = API_ROLE_VIEWER,
		.audited = false,
		.server_stream = false,
		.routes = api_c2_search_topics_routes,
		.n_routes = 1,
		.cli = { "topic search", API_COMMAND_CURSOR, api_c2_search_topics_flags, 2 },
	},
	[API_C2_CHANGE_GROUP] = {
		.service = "pb.C2",
		.name = "ChangeGroup",
		.grpc_path = "/pb.C2/ChangeGroup",
		.help = "Attach, detach or give new keys to all clients that a search finds, page by page: each page is one change.",
		.request = &pb__change_group_request__descriptor,
		.response = &pb__change_group_response__descriptor,
		.role = API_ROLE_OPERATOR,
		.audited = true,
		.server_stream = false,
		.routes = api_c2_change_group_routes,
		.n_routes = 1,
		.cli = { "group change", API_COMMAND_CURSOR, api_c2_change_group_flags, 9 },
	},
	[API_C2_GET_UNCONFIRMED_CLIENTS] = {
		.service = "pb.C2",
		.name = "GetUnconfirmedClients",
		.grpc_path = "/pb.C2/GetUnconfirmedClients",
		.help = "List the clients that have not confirmed what they shall have, and why, in the order in which they were made.",
		.request = &pb__get_unconfirmed_clients_request__descriptor,
		.response = &pb__get_unconfirmed_clients_response__descriptor,
		.role = API_ROLE_VIEWER,
		.audited = false,
		.server_stream = false,
		.routes = api_c2_get_unconfirmed_clients_routes,
		.n_routes = 1,
		.cli = { "client list-unconfirmed", API_COMMAND_CURSOR, api_c2_get_unconfirmed_clients_flags, 1 },
	},
	[API_C2_GET_C2_KEY_STATUS] = {
		.service = "pb.C2",
		.name = "GetC2KeyStatus",
		.grpc_path = "/pb.C2/GetC2KeyStatus",
		.help = "Tell how many clients have confirmed the server's newest public key; public-key mode only.",
		.request = &pb__get_c2_key_status_request__descriptor,
		.response = &pb__get_c2_key_status_response__descriptor,
		.role = API_ROLE_VIEWER,
		.audited = false,
		.server_stream = false,
		.routes = api_c2_get_c2_key_status_routes,
		.n_routes = 1,
		.cli = { "status", API_COMMAND_PROGRESS, api_c2_get_c2_key_status_flags, 1 },
	},
	[API_C2_AUTOMATION_ENGINE_LIST_RULES] = {
		.service = "pb.C2AutomationEngine",
		.name = "ListRules",
		.grpc_path = "/pb.C2AutomationEngine/ListRules",
		.help = "All rules, each with its triggers, targets, last and next execution.",
		.request = &pb__list_rules_request__descriptor,
		.response = &pb__rules_response__descriptor,
		.role = API_ROLE_VIEWER,
		.audited = false,
		.server_stream = false,
		.routes = api_c2_automation_engine_list_rules_routes,
		.n_routes = 1,
		.cli = { "rule list", API_COMMAND_CALL, NULL, 0 },
	},
	[API_C2_AUTOMATION_ENGINE_GET_RULE] = {
		.service = "pb.C2AutomationEngine",
		.name = "GetRule",
		.grpc_path = "/pb.C2AutomationEngine/GetRule",
		.help = "One rule, with what its targets match now and what is wrong with them.",
		.request = &pb__get_rule_request__descriptor,
		.response = &pb__rule_response__descriptor,
		.role = API_ROLE_VIEWER,
		.audited = false,
		.server_stream = false,
		.routes = api_c2_automation_engine_get_rule_routes,
		.n_routes = 1,
		.cli = { "rule show", API_COMMAND_CALL, api_c2_automation_engine_get_rule_flags, 1 },
	},
	[API_C2_AUTOMATION_ENGINE_ADD_RULE] = {
		.service = "pb.C2AutomationEngine",
		.name = "AddRule",
		.grpc_path = "/pb.C2AutomationEngine/AddRule",
		.help = "Make a rule; a time trigger first fires at its next due time.",
		.request = &pb__add_rule_request__descriptor,
		.response = &pb__rule_response__descriptor,
		.role = API_ROLE_OPERATOR,
		.audited = true,
		.server_stream = false,
		.routes = api_c2_automation_engine_add_rule_routes,
		.n_routes = 1,
		.cli = { "rule create", API_COMMAND_CALL, api_c2_automation_engine_add_rule_flags, 11 },
	},
	[API_C2_AUTOMATION_ENGINE_UPDATE_RULE] = {
		.service = "pb.C2AutomationEngine",
		.name = "UpdateRule",
		.grpc_path = "/pb.C2AutomationEngine/UpdateRule",
		.help = "Replace a rule: triggers and targets with known ids stay as they are, missing ones are removed, those with id 0 are made.",
		.request = &pb__update_rule_request__descriptor,
		.response = &pb__rule_response__descriptor,
		.role = API_ROLE_OPERATOR,
		.audited = true,
		.server_stream = false,
		.routes = api_c2_automation_engine_update_rule_routes,
		.n_routes = 1,
		.cli = { NULL, API_COMMAND_CALL, NULL, 0 },
	},
	[API_C2_AUTOMATION_ENGINE_DELETE_RULE] = {
		.service = "pb.C2AutomationEngine",
		.name = "DeleteRule",
		.grpc_path = "/pb.C2AutomationEngine/DeleteRule",
		.help = "Delete a rule; what it is doing right now ends after the step under way.",
		.request = &pb__delete_rule_request__descriptor,
		.response = &pb__delete_rule_response__descriptor,
		.role = API_ROLE_OPERATOR,
		.audited = true,
		.server_stream = false,
		.routes = api_c2_automation_engine_delete_rule_routes,
		.n_routes = 1,
		.cli = { "rule delete", API_COMMAND_CALL, api_c2_automation_engine_delete_rule_flags, 1 },
	},
	[API_C2_AUTOMATION_ENGINE_CHANGE_RULE] = {
		.service = "pb.C2AutomationEngine",
		.name = "ChangeRule",
		.grpc_path = "/pb.C2AutomationEngine/ChangeRule",
		.help = "Change a part of a rule: pause it, add or remove a trigger or a target.",
		.request = &pb__change_rule_request__descriptor,
		.response = &pb__rule_response__descriptor,
		.role = API_ROLE_OPERATOR,
		.audited = true,
		.server_stream = false,
		.routes = api_c2_automation_engine_change_rule_routes,
		.n_routes = 1,
		.cli = { NULL, API_COMMAND_CALL, NULL, 0 },
	},
	[API_C2_AUTOMATION_ENGINE_RUN_RULE] = {
		.service = "pb.C2AutomationEngine",
		.name = "RunRule",
		.grpc_path = "/pb.C2AutomationEngine/RunRule",
		.help = "Carry out a rule now, whatever its triggers say.",
		.request = &pb__run_rule_request__descriptor,
		.response = &pb__run_rule_response__descriptor,
		.role = API_ROLE_OPERATOR,
		.audited = true,
		.server_stream = false,
		.routes = api_c2_automation_engine_run_rule_routes,
		.n_routes = 1,
		.cli = { "rule run", API_COMMAND_CALL, api_c2_automation_engine_run_rule_flags, 2 },
	},
	[API_C2_AUTOMATION_ENGINE_LIST_RUNS] = {
		.service = "pb.C2AutomationEngine",
		.name = "ListRuns",
		.grpc_path = "/pb.C2AutomationEngine/ListRuns",
		.help = "What rules did, the newest first: cause, progress and outcome.",
		.request = &pb__list_runs_request__descriptor,
		.response = &pb__list_runs_response__descriptor,
		.role = API_ROLE_VIEWER,
		.audited = false,
		.server_stream = false,
		.routes = api_c2_automation_engine_list_runs_routes,
		.n_routes = 1,
		.cli = { "rule history", API_COMMAND_CURSOR, api_c2_automation_engine_list_runs_flags, 1 },
	},
	[API_C2_AUTOMATION_ENGINE_GET_SCHEDULE] = {
		.service = "pb.C2AutomationEngine",
		.name = "GetSchedule",
		.grpc_path = "/pb.C2AutomationEngine/GetSchedule",
		.help = "The next times at which a rule fires by its time triggers.",
		.request = &pb__get_schedule_request__descriptor,
		.response = &pb__get_schedule_response__descriptor,
		.role = API_ROLE_VIEWER,
		.audited = false,
		.server_stream = false,
		.routes = api_c2_automation_engine_get_schedule_routes,
		.n_routes = 1,
		.cli = { "rule next", API_COMMAND_CALL, api_c2_automation_engine_get_schedule_flags, 2 },
	},
	[API_C2_AUTOMATION_ENGINE_GET_RULE_FLEET] = {
		.service = "pb.C2AutomationEngine",
		.name = "GetRuleFleet",
		.grpc_path = "/pb.C2AutomationEngine/GetRuleFleet",
		.help = "The devices behind a rule's targets, from a sample: how many there are, which are away and for how long.",
		.request = &pb__get_rule_fleet_request__descriptor,
		.response = &pb__get_rule_fleet_response__descriptor,
		.role = API_ROLE_VIEWER,
		.audited = false,
		.server_stream = false,
		.routes = api_c2_automation_engine_get_rule_fleet_routes,
		.n_routes = 1,
		.cli = { "rule fleet", API_COMMAND_CALL, api_c2_automation_engine_get_rule_fleet_flags, 1 },
	},
	[API_C2_AUTOMATION_ENGINE_RAISE_ALARM] = {
		.service = "pb.C2AutomationEngine",
		.name = "RaiseAlarm",
		.grpc_path = "/pb.C2AutomationEngine/RaiseAlarm",
		.help = "Tell of an alarm about a client or a topic, as monitoring does: rules can wait for it.",
		.request = &pb__raise_alarm_request__descriptor,
		.response = &pb__raise_alarm_response__descriptor,
		.role = API_ROLE_OPERATOR,
		.audited = true,
		.server_stream = false,
		.routes = api_c2_automation_engine_raise_alarm_routes,
		.n_routes = 1,
		.cli = { "alarm raise", API_COMMAND_CALL, api_c2_automation_engine_raise_alarm_flags, 2 },
	},
	[API_C2_AUTOMATION_ENGINE_HEALTH_CHECK] = {
		.service = "pb.C2AutomationEngine",
		.name = "HealthCheck",
		.grpc_path = "/pb.C2AutomationEngine/HealthCheck",
		.help = "Whether the engine works.",
		.request = &pb__health_check_request__descriptor,
		.response = &pb__health_check_response__descriptor,
		.role = API_ROLE_PUBLIC,
		.audited = false,
		.server_stream = false,
		.routes = api_c2_automation_engine_health_check_routes,
		.n_routes = 1,
		.cli = { "rule health", API_COMMAND_CALL, NULL, 0 },
	},
};

const struct api_secret_field api_secret_fields[] = {
	{ &pb__new_client_request__descriptor, 2 }, /* key */
	{ &pb__create_client__descriptor, 2 }, /* key */
	{ &pb__protect_message_request__descriptor, 2 }, /* binaryData */
	{ &pb__unprotect_message_response__descriptor, 2 }, /* binaryData */
};

const size_t api_n_secret_fields = 4;
