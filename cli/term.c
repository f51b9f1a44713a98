#define _GNU_SOURCE
#include "cli/term.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "base/utf8.h"

/* Length of the UTF-8 character at p, 0 if it is none or one that acts on the terminal. */
static size_t printable(const uint8_t *p, size_t len)
{
	size_t n = utf8_char(p, len);
	uint32_t c = p[0];

	if (n == 0 || c < 0x20 || c == 0x7f)
		return 0;
	if (n == 2 && c == 0xc2 && p[1] < 0xa0) /* C1 controls */
		return 0;
	if (n != 3)
		return n;
	/* Marks that turn the direction of writing can make a name look like another. */
	c = (c & 0x0fu) << 12 | (p[1] & 0x3fu) << 6 | (p[2] & 0x3fu);
	if ((c >= 0x200e && c <= 0x200f) || (c >= 0x2028 && c <= 0x202e) ||
	    (c >= 0x2066 && c <= 0x2069))
		return 0;
	return n;
}

size_t term_escape(char *out, size_t cap, const char *text, size_t len)
{
	const uint8_t *p = (const uint8_t *)text;
	size_t n = 0;

	for (size_t i = 0; i < len;) {
		size_t step = printable(p + i, len - i);

		if (n + 5 > cap)
			break;
		if (step > 0)
			memcpy(out + n, p + i, step);
		else
			snprintf(out + n, 5, "\\x%02x", p[i]);
		n += step > 0 ? step : 4;
		i += step > 0 ? step : 1;
	}
	out[n] = 0;
	return n;
}

void term_put(FILE *f, const char *text, size_t len)
{
	const uint8_t *p = (const uint8_t *)text;

	for (size_t i = 0; i < len;) {
		size_t step = printable(p + i, len - i);

		if (step > 0)
			fwrite(p + i, 1, step, f);
		else
			fprintf(f, "\\x%02x", p[i]);
		i += step > 0 ? step : 1;
	}
}

bool term_is_plain(const char *text, size_t len)
{
	const uint8_t *p = (const uint8_t *)text;

	for (size_t i = 0; i < len;) {
		size_t step = printable(p + i, len - i);

		if (step == 0)
			return false;
		i += step;
	}
	return true;
}

static bool read_answer(int fd, char *out, size_t cap, struct err *err)
{
	size_t n = 0;
	char c;

	for (;;) {
		ssize_t r = read(fd, &c, 1);

		if (r < 0 && errno == EINTR)
			continue;
		if (r <= 0 || c == '\n')
			break;
		if (n + 1 == cap)
			return err_set(err, ERR_INVALID, "the answer is longer than %zu bytes",
				       cap - 1);
		out[n++] = c;
	}
	out[n] = 0;
	return n > 0 || err_set(err, ERR_INVALID, "nothing was typed");
}

bool term_ask_secret(const char *question, char *out, size_t cap, struct err *err)
{
	struct termios was, quiet;
	int fd = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
	bool ok;

	if (fd < 0 || tcgetattr(fd, &was) < 0) {
		if (fd >= 0)
			close(fd);
		return err_set(err, ERR_INVALID, "there is no terminal to ask on");
	}
	quiet = was;
	quiet.c_lflag = (quiet.c_lflag & ~(tcflag_t)ECHO) | ICANON | ISIG;
	quiet.c_iflag |= ICRNL;
	tcsetattr(fd, TCSAFLUSH, &quiet);
	dprintf(fd, "%s: ", question);
	ok = read_answer(fd, out, cap, err);
	tcsetattr(fd, TCSAFLUSH, &was);
	dprintf(fd, "\n");
	close(fd);
	if (!ok)
		explicit_bzero(out, cap);
	return ok;
}

void term_progress(FILE *f, int64_t done, int64_t total, const char *text)
{
	struct winsize size;
	int width = 80, text_len = (int)strlen(text), bar, full;

	if (ioctl(fileno(f), TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
		width = size.ws_col;
	bar = width - text_len - 4;
	bar = bar > 40 ? 40 : bar < 5 ? 5 : bar;
	full = total > 0 ? (int)(done * bar / total) : bar;
	fprintf(f, "\r[");
	for (int i = 0; i < bar; i++)
		fputc(i < full ? '#' : '.', f);
	fprintf(f, "] %s\033[K", text);
	fflush(f);
}

/* Copy one word to where it is read from (it only gets shorter); null: an open quote. */
static char *take_word(char *in, char **end)
{
	char *out = in, quote = 0;

	for (; *in && (quote || !strchr(" \t\r\n", *in)); in++) {
		if (*in == quote) {
			quote = 0;
		} else if (!quote && (*in == '\'' || *in == '"')) {
			quote = *in;
		} else if (*in == '\\' && in[1] &&
			   (!quote || (quote == '"' && strchr("\"\\", in[1])))) {
			*out++ = *++in;
		} else {
			*out++ = *in;
		}
	}
	*end = *in ? in + 1 : in;
	*out = 0;
	return quote ? NULL : *end;
}

bool term_split(char *line, char **words, size_t cap, size_t *n, struct err *err)
{
	*n = 0;
	for (;;) {
		char *end;

		line += strspn(line, " \t\r\n");
		if (!*line)
			return true;
		if (*n == cap)
			return err_set(err, ERR_INVALID, "more than %zu words", cap);
		words[(*n)++] = line;
		if (!take_word(line, &end))
			return err_set(err, ERR_INVALID, "a quote is not closed");
		line = end;
	}
}
