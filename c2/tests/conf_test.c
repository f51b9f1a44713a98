/* What the key server's settings must be together before it starts. */
#include "c2/conf.h"

#include "tests/check.h"

static struct c2_conf conf;
static struct c2_plan plan;
static struct err err;

/* The plan for the defaults and these settings; fewer than four end with null. */
static bool planned(const char *a, const char *b, const char *c, const char *d)
{
	const char *const sets[] = {"custody.key_file=/k", a, b, c, d};
	bool ok = true;

	conf_defaults(&conf, c2_conf_keys, c2_conf_n_keys);
	err = (struct err){0};
	for (size_t i = 0; i < sizeof sets / sizeof *sets && sets[i]; i++)
		ok = ok && conf_set(&conf, c2_conf_keys, c2_conf_n_keys, sets[i], &err);
	ok = ok && c2_conf_plan(&plan, &conf, &err);
	conf_free(&conf, c2_conf_keys, c2_conf_n_keys);
	return ok;
}

static void the_defaults_with_a_custody_are_good(void)
{
	CHECK(planned(NULL, NULL, NULL, NULL));
	CHECK(!plan.tls);
	CHECK_EQ(plan.log_level, LOG_INFO);
	CHECK(planned("http.listen=127.0.0.1:0", "grpc.listen=[::1]:0", "log.level=error", NULL));
	CHECK_EQ(plan.log_level, LOG_ERROR);
}

static void other_machines_are_let_in_only_with_tls_and_tokens(void)
{
	static const char *const open[] = {"http.listen=0.0.0.0:1", "grpc.listen=0.0.0.0:1",
					   "http.listen=[::]:1", "grpc.listen=192.0.2.1:1",
					   "http.listen=[::ffff:192.0.2.1]:1"};

	for (size_t i = 0; i < sizeof open / sizeof *open; i++) {
		CHECK(!planned(open[i], NULL, NULL, NULL));
		CHECK_EQ(err.code, ERR_CONFIG);
		CHECK(strstr(err.text, "TLS") && strstr(err.text, "auth.token_file"));
		CHECK(!planned(open[i], "auth.token_file=/t", NULL, NULL));
		CHECK(!planned(open[i], "tls.cert=/c", "tls.key=/k", NULL));
		CHECK(planned(open[i], "tls.cert=/c", "tls.key=/k", "auth.token_file=/t"));
		CHECK(plan.tls);
	}
}

static void names_are_no_addresses(void)
{
	CHECK(!planned("http.listen=localhost:1", NULL, NULL, NULL));
	CHECK(strstr(err.text, "http.listen"));
	CHECK(!planned("grpc.listen=127.0.0.1", NULL, NULL, NULL));
	CHECK(strstr(err.text, "grpc.listen"));
}

static void pairs_need_both_halves(void)
{
	CHECK(!planned("db.password_file=/p", NULL, NULL, NULL));
	CHECK(strstr(err.text, "db.url"));
	CHECK(planned("db.password_file=/p", "db.url=postgres://u@h/d", "db.path=", NULL));
	CHECK(!planned("db.path=", NULL, NULL, NULL));
	CHECK(!planned("tls.cert=/c", NULL, NULL, NULL));
	CHECK(!planned("tls.key=/k", NULL, NULL, NULL));
	CHECK(!planned("mqtt.cert=/c", NULL, NULL, NULL));
	CHECK(!planned("mqtt.persistent=true", NULL, NULL, NULL));
	CHECK(planned("mqtt.persistent=true", "mqtt.client_id=c2-{host}", NULL, NULL));
	CHECK(!planned("mqtt.persistent=true", "mqtt.client_id=c2-{random}", NULL, NULL));
}

static void exactly_one_custody_is_needed(void)
{
	CHECK(!planned("custody.passphrase_file=/p", NULL, NULL, NULL));
	CHECK(!planned("custody.key_file=", NULL, NULL, NULL));
	CHECK(planned("custody.key_file=", "custody.passphrase_file=/p", NULL, NULL));
}

static void values_out_of_range_are_refused_by_name(void)
{
	CHECK(!planned("mqtt.qos=3", NULL, NULL, NULL) && strstr(err.text, "mqtt.qos"));
	CHECK(!planned("mqtt.window=0", NULL, NULL, NULL) && strstr(err.text, "mqtt.window"));
	CHECK(!planned("mqtt.version=4", NULL, NULL, NULL) && strstr(err.text, "mqtt.version"));
	CHECK(!planned("crypto.mode=none", NULL, NULL, NULL) && strstr(err.text, "crypto.mode"));
	CHECK(!planned("db.path=", NULL, NULL, NULL));
}

/* Every row can be applied to every setting's limits, and what it sets stays overridable. */
static void a_profile_sets_the_defaults_of_its_broker(void)
{
	for (size_t i = 0; i < c2_n_profiles; i++) {
		conf_defaults(&conf, c2_conf_keys, c2_conf_n_keys);
		CHECK(conf_set(&conf, c2_conf_keys, c2_conf_n_keys, "custody.key_file=/k", &err));
		CHECK(c2_profile_apply(&conf, c2_profiles[i].name, &err));
		CHECK(c2_conf_plan(&plan, &conf, &err));
		if (strcmp(c2_profiles[i].name, "aws") == 0) {
			CHECK_EQ(conf.mqtt_qos, 1);
			CHECK_EQ(conf.mqtt_rate, 100);
			CHECK_STR(conf.mqtt_alpn, "x-amzn-mqtt-ca");
			CHECK(conf_set(&conf, c2_conf_keys, c2_conf_n_keys, "mqtt.qos=0", &err));
			CHECK_EQ(conf.mqtt_qos, 0);
		}
		conf_free(&conf, c2_conf_keys, c2_conf_n_keys);
	}
	conf_defaults(&conf, c2_conf_keys, c2_conf_n_keys);
	CHECK(!c2_profile_apply(&conf, "rabbitmq", &err));
	conf_free(&conf, c2_conf_keys, c2_conf_n_keys);
}

/* The choice and the table are one list. */
static void every_profile_can_be_chosen(void)
{
	for (size_t i = 0; i < c2_n_profiles; i++) {
		char set[64];

		snprintf(set, sizeof set, "mqtt.profile=%s", c2_profiles[i].name);
		CHECK(planned(set, NULL, NULL, NULL));
	}
	CHECK(!planned("mqtt.profile=none", NULL, NULL, NULL));
	for (size_t i = 0; i < c2_conf_n_keys; i++) {
		size_t n = 1;

		if (strcmp(c2_conf_keys[i].name, "mqtt.profile") != 0)
			continue;
		for (const char *c = c2_conf_keys[i].choices; *c; c++)
			n += *c == '|';
		CHECK_EQ(n, c2_n_profiles);
	}
}

int main(void)
{
	RUN(the_defaults_with_a_custody_are_good);
	RUN(other_machines_are_let_in_only_with_tls_and_tokens);
	RUN(names_are_no_addresses);
	RUN(pairs_need_both_halves);
	RUN(exactly_one_custody_is_needed);
	RUN(values_out_of_range_are_refused_by_name);
	RUN(a_profile_sets_the_defaults_of_its_broker);
	RUN(every_profile_can_be_chosen);
	return END();
}
