/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One act as an SVG picture: lanes for CPU, driver, TLB and walker, engines. */
#ifndef PICTURE_H
#define PICTURE_H

#include "report.h"

void picture_write(FILE *out, const struct log *log, const struct lives *lives,
		   const struct act *act);

/* @text with what HTML takes for its own written otherwise, between the two. */
void picture_text(FILE *out, const char *before, const char *text,
		  const char *behind);

#endif /* PICTURE_H */
