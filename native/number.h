/* Numbers as words: digits and nothing else. */
#ifndef COMPART_NUMBER_H
#define COMPART_NUMBER_H

#include <stddef.h>
#include <stdint.h>

/* 0, EINVAL for what is no number, or ERANGE above max. */
int number_parse(const char *text, size_t length, uint64_t max, uint64_t *number);

/* A user or group id; ERANGE for the one that means none. */
int number_parse_id(const char *text, size_t length, uint32_t *id);

#endif
