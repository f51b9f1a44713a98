/*
 * The methods of the API as data: one row each, made from the .proto files.
 * Fronts, command line and audit read these tables and hold no list of their
 * own. Everything here is constant and lives as long as the program.
 */
#ifndef API_METHOD_H
#define API_METHOD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <protobuf-c/protobuf-c.h>

#include "api/gen/methods.h"

/* Each role may do all that the roles before it may. */
enum api_role {
	API_ROLE_NONE, /* no method has it, so it may not even call the public ones */
	API_ROLE_PUBLIC,
	API_ROLE_VIEWER,
	API_ROLE_OPERATOR,
	API_ROLE_ADMIN,
};

enum api_verb { API_GET, API_POST, API_PUT, API_PATCH, API_DELETE, API_N_VERBS };

/* One part of a path: either text, or the field of the request that it fills. */
struct api_segment {
	const char *literal;
	const char *field; /* dotted: client.name */
	bool rest;         /* takes one or more parts of the path, slashes included */
};

struct api_route {
	enum api_verb verb;
	const char *path; /* the template, for people */
	const struct api_segment *segments;
	size_t n_segments;
	bool body; /* the request is expected as a JSON body */
};

enum api_flag_kind {
	API_FLAG_STRING,
	API_FLAG_BOOL,
	API_FLAG_INT64,
	API_FLAG_BASE64,
	API_FLAG_KEY_FILE,      /* file with a raw key, - for standard input */
	API_FLAG_PASSWORD_FILE, /* file with a password that the key is derived from */
	API_FLAG_SELECT,        /* fills nothing: chooses among methods of the same words */
	API_FLAG_LIST,          /* texts or numbers with commas between; enums as below */
	API_FLAG_CHOICE,        /* a value of an enum by its name or the last part of it */
	API_FLAG_FILE,          /* c2cli's own: a path, - for a standard stream */
	API_FLAG_SETTING,       /* c2cli's own: KEY=VALUE of a JSON object; can be repeated */
};

struct api_flag {
	const char *name;  /* without dashes */
	const char *field; /* dotted path in the request, null for API_FLAG_SELECT */
	enum api_flag_kind kind;
	bool required;
	const char *one_of; /* of the flags with the same word exactly one is given; or null */
	const char *help;
};

enum api_command_kind {
	API_COMMAND_CALL,
	API_COMMAND_LIST,   /* page by page through offset and count; one repeated field answers */
	API_COMMAND_STREAM, /* server stream */
	API_COMMAND_PROGRESS, /* asked once, or again until all is confirmed */
	API_COMMAND_CURSOR,   /* again with the cursor of the answer, until that is empty */
	API_COMMAND_IMPORT,   /* c2cli's own: the rows of a file, in batches */
	API_COMMAND_EXPORT,   /* c2cli's own: what a search finds, as rows */
	API_COMMAND_APPLY,    /* c2cli's own: the rules of a file */
	API_COMMAND_SIMULATE, /* c2cli's own: a rule on the simulator */
	API_COMMAND_PAUSE,    /* c2cli's own: a ChangeRule that pauses */
	API_COMMAND_RESUME,   /* and one that ends the pause */
};

/*
 * Methods can share their words; the flags given then choose the one that
 * knows them all and whose required flags are among them.
 */
struct api_command {
	const char *words; /* "client create"; null: none */
	enum api_command_kind kind;
	const struct api_flag *flags;
	size_t n_flags;
};

struct api_method {
	const char *service;   /* "pb.C2" */
	const char *name;      /* "NewClient" */
	const char *grpc_path; /* "/pb.C2/NewClient" */
	const char *help;      /* one sentence */
	const ProtobufCMessageDescriptor *request, *response;
	enum api_role role; /* the least that may call it */
	bool audited;
	bool server_stream;
	const struct api_route *routes; /* null for a method that only gRPC reaches */
	size_t n_routes;
	struct api_command cli;
};

/* Indexed by enum api_method_id. */
extern const struct api_method api_methods[API_N_METHODS];

/* Fields that hold keys or plaintext: never logged, never printed. */
struct api_secret_field {
	const ProtobufCMessageDescriptor *message;
	uint32_t number;
};

extern const struct api_secret_field api_secret_fields[];
extern const size_t api_n_secret_fields;

#define API_NO_FILE (~0u)

/* A .proto file as the serialized FileDescriptorProto that reflection hands out. */
struct api_file {
	const char *name;
	const uint8_t *bytes;
	size_t len;
	const char *const *symbols; /* full names of all it defines, ended by null */
	const unsigned *needs;      /* indices of the files it imports, ended by API_NO_FILE */
};

extern const struct api_file api_files[];
extern const size_t api_n_files;

/* Full names of all services, ended by null. */
extern const char *const api_services[];

#endif
