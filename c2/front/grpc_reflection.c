/*
 * Server reflection: tools ask for the description of the API. v1 and v1alpha
 * have the same messages on the wire, so one set of types serves both.
 */
#include <string.h>

#include "c2/front/grpc_inner.h"
#include "grpc/reflection.pb-c.h"

#define V1(name) Grpc__Reflection__V1__##name
#define REQUEST(name) GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__MESSAGE_REQUEST_##name
#define RESPONSE(name) GRPC__REFLECTION__V1__SERVER_REFLECTION_RESPONSE__MESSAGE_RESPONSE_##name

/* Files are few; each is sent once, before or after those that need it. */
enum { FILES_MAX = 32 };

struct answer {
	struct arena arena;
	V1(ServerReflectionResponse) response;
};

static const struct api_file *file_by_name(const char *name)
{
	for (size_t i = 0; i < api_n_files; i++) {
		if (strcmp(api_files[i].name, name) == 0)
			return &api_files[i];
	}
	return NULL;
}

static const struct api_file *file_by_symbol(const char *symbol)
{
	for (size_t i = 0; i < api_n_files; i++) {
		for (const char *const *s = api_files[i].symbols; *s; s++) {
			if (strcmp(*s, symbol) == 0)
				return &api_files[i];
		}
	}
	return NULL;
}

static void answer_error(struct answer *a, enum err_code code, const char *text)
{
	V1(ErrorResponse) *error = arena_alloc(&a->arena, sizeof *error);

	grpc__reflection__v1__error_response__init(error);
	error->error_code = err_row(code)->grpc;
	error->error_message = arena_copy(&a->arena, text, strlen(text));
	a->response.message_response_case = RESPONSE(ERROR_RESPONSE);
	a->response.error_response = error;
}

/* The file and all it needs, itself first. */
static size_t collect(const struct api_file *file, const struct api_file *out[FILES_MAX])
{
	size_t n = 0;

	out[n++] = file;
	for (size_t at = 0; at < n; at++) {
		for (const unsigned *need = out[at]->needs; *need != API_NO_FILE; need++) {
			const struct api_file *f = &api_files[*need];
			bool there = n == FILES_MAX;

			for (size_t i = 0; i < n; i++)
				there |= out[i] == f;
			if (!there)
				out[n++] = f;
		}
	}
	return n;
}

static void answer_file(struct answer *a, const struct api_file *file)
{
	const struct api_file *files[FILES_MAX];
	V1(FileDescriptorResponse) * response;
	size_t n;

	if (!file) {
		answer_error(a, ERR_NOT_FOUND, "not described here");
		return;
	}
	n = collect(file, files);
	response = arena_alloc(&a->arena, sizeof *response);
	grpc__reflection__v1__file_descriptor_response__init(response);
	response->n_file_descriptor_proto = n;
	response->file_descriptor_proto =
		arena_alloc(&a->arena, n * sizeof *response->file_descriptor_proto);
	for (size_t i = 0; i < n; i++) {
		/* Packing only reads it. */
		response->file_descriptor_proto[i] =
			(ProtobufCBinaryData){files[i]->len, front_unconst(files[i]->bytes)};
	}
	a->response.message_response_case = RESPONSE(FILE_DESCRIPTOR_RESPONSE);
	a->response.file_descriptor_response = response;
}

static void answer_services(struct answer *a)
{
	V1(ListServiceResponse) *list = arena_alloc(&a->arena, sizeof *list);
	size_t n = 0;

	while (api_services[n])
		n++;
	grpc__reflection__v1__list_service_response__init(list);
	list->n_service = n;
	list->service = arena_alloc(&a->arena, n * sizeof(void *));
	for (size_t i = 0; i < n; i++) {
		list->service[i] = arena_alloc(&a->arena, sizeof **list->service);
		grpc__reflection__v1__service_response__init(list->service[i]);
		list->service[i]->name =
			arena_copy(&a->arena, api_services[i], strlen(api_services[i]));
	}
	a->response.message_response_case = RESPONSE(LIST_SERVICES_RESPONSE);
	a->response.list_services_response = list;
}

static void answer_fill(struct answer *a, const V1(ServerReflectionRequest) * req)
{
	switch ((int)req->message_request_case) {
	case REQUEST(FILE_BY_FILENAME):
		answer_file(a, file_by_name(req->file_by_filename));
		break;
	case REQUEST(FILE_CONTAINING_SYMBOL):
		answer_file(a, file_by_symbol(req->file_containing_symbol));
		break;
	case REQUEST(LIST_SERVICES):
		answer_services(a);
		break;
	default:
		answer_error(a, ERR_UNIMPLEMENTED, "only files, symbols and services are told");
	}
}

static void on_request(struct grpc_stream *s, const ProtobufCMessage *request)
{
	/* The answer quotes the request; packing only reads it. */
	V1(ServerReflectionRequest) *req = front_unconst(request);
	struct answer a = {.arena = ARENA_INIT};
	struct err err;

	grpc__reflection__v1__server_reflection_response__init(&a.response);
	a.response.valid_host = req->host;
	a.response.original_request = req;
	answer_fill(&a, req);
	if (!grpc_stream_send(s, &a.response.base)) {
		err_set(&err, ERR_EXHAUSTED, "too many answers wait to be read");
		grpc_stream_finish(s, &err);
	}
	arena_free(&a.arena);
}

const struct grpc_handler grpc_reflection = {
	.path = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
	.role = API_ROLE_VIEWER,
	.request = &grpc__reflection__v1__server_reflection_request__descriptor,
	.many = true,
	.on_message = on_request,
};

const struct grpc_handler grpc_reflection_alpha = {
	.path = "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
	.role = API_ROLE_VIEWER,
	.request = &grpc__reflection__v1__server_reflection_request__descriptor,
	.many = true,
	.on_message = on_request,
};
