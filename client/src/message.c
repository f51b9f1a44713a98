/* Messages under one symmetric key: stamp | tag | ciphertext (protocol.md section 2). */
#include "e4/protocol.h"

#include "bytes.h"
#include "declassify.h"

void e4_message_seal(uint8_t *out, const uint8_t key[32], uint64_t stamp, const uint8_t *in,
		     size_t len)
{
	struct e4_siv_key k;

	e4_siv_key_once(&k, key);
	e4_put64(out, stamp);
	e4_siv_seal(&k, out + E4_STAMP_LEN, out, E4_STAMP_LEN, in, len);
	e4_wipe(&k, sizeof k);
}

bool e4_message_open(uint8_t *out, uint64_t *stamp, const uint8_t key[32], const uint8_t *in,
		     size_t len)
{
	struct e4_siv_key k;
	bool ok;

	*stamp = 0;
	if (len < E4_OVERHEAD_SK)
		return false;
	e4_siv_key_once(&k, key);
	ok = e4_siv_open(&k, out, in, E4_STAMP_LEN, in + E4_STAMP_LEN, len - E4_STAMP_LEN);
	E4_PUBLIC(&ok, sizeof ok);
	if (ok)
		*stamp = e4_get64(in);
	e4_wipe(&k, sizeof k);
	return ok;
}
