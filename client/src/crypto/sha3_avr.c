/* Keccak-f[1600] (FIPS 202 section 3) in AVR assembly. */
#include "sha3.h"
