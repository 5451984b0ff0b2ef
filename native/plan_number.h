/* Numbers of a plan: digits and nothing else. Private to the parser. */
#ifndef COMPART_PLAN_NUMBER_H
#define COMPART_PLAN_NUMBER_H

#include <stddef.h>
#include <stdint.h>

/* 0, EINVAL for what is no number, or ERANGE above max. */
int plan_number(const char *text, size_t length, uint64_t max, uint64_t *number);

/* A user or group id; ERANGE for the one that means none. */
int plan_id(const char *text, size_t length, uint32_t *id);

#endif
