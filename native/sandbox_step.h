/* The steps of a boot plan: what is bound and covered in the sandbox while its root is being made. */
#ifndef COMPART_SANDBOX_STEP_H
#define COMPART_SANDBOX_STEP_H

#include "boot_plan.h"
#include "uml.h"

/* Where the root is made: descriptors. */
struct stage {
	int host;    /* the root of the sources */
	int root;    /* the root to be */
	int tmp;     /* its /tmp */
	int late;    /* the places for what is bound later */
	int covers;  /* the folder of what covers others: on the file system of the root, out of sight */
	int context; /* of that file system (tree.h) */
	unsigned int covered;
	struct uml_error *error;
};

/* Takes one step; 0, or -1 and *stage->error, its step bind or cover. */
int sandbox_step(struct stage *stage, const struct boot_step *step);

#endif
