/* Well-formed UTF-8: shortest form, no surrogates, nothing over U+10FFFF. */
#ifndef BASE_UTF8_H
#define BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>

/* Bytes of the character at the start of text, of which len are left; 0 if there is none. */
size_t utf8_char(const void *text, size_t len);

/* All of text is UTF-8; zero bytes are characters like others. */
bool utf8_is_valid(const void *text, size_t len);

#endif
