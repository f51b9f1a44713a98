/* The key of control messages in PK mode, from either end (protocol.md section 3). */
#include "e4/protocol.h"

#include "declassify.h"

static bool agree(uint8_t key[32], const uint8_t scalar[32], const uint8_t point[32])
{
	uint8_t shared[32];
	bool ok = e4_x25519(shared, scalar, point);

	E4_PUBLIC(&ok, sizeof ok);
	if (ok)
		e4_sha3_256(key, shared, sizeof shared);
	else
		e4_wipe(key, 32);
	e4_wipe(shared, sizeof shared);
	return ok;
}

bool e4_control_key_device(uint8_t key[32], const uint8_t private_key[64],
			   const uint8_t c2_public[32])
{
	uint8_t scalar[32];
	bool ok;

	e4_ed25519_to_x25519_scalar(scalar, private_key);
	ok = agree(key, scalar, c2_public);
	e4_wipe(scalar, sizeof scalar);
	return ok;
}

bool e4_control_key_c2(uint8_t key[32], const uint8_t c2_private[32],
		       const uint8_t client_public[32])
{
	uint8_t point[32];

	if (!e4_ed25519_to_x25519_public(point, client_public)) {
		e4_wipe(key, 32);
		return false;
	}
	return agree(key, c2_private, point);
}
