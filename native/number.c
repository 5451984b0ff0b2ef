/* See number.h. */
#include "number.h"

#include <errno.h>

int number_parse(const char *text, size_t length, uint64_t max, uint64_t *number)
{
	uint64_t sum = 0;

	if (length == 0)
		return EINVAL;
	for (size_t i = 0; i < length; i++) {
		if (text[i] < '0' || text[i] > '9')
			return EINVAL;
		uint64_t digit = (uint64_t)(text[i] - '0');
		if (digit > max || sum > (max - digit) / 10)
			return ERANGE;
		sum = sum * 10 + digit;
	}
	*number = sum;
	return 0;
}

/* (uid_t)-1 means "leave it" to the setres*id calls: as an id it would silently drop nothing. */
int number_parse_id(const char *text, size_t length, uint32_t *id)
{
	uint64_t number = 0;
	int error = number_parse(text, length, UINT32_MAX - 1, &number);

	if (error == 0)
		*id = (uint32_t)number;
	return error;
}
