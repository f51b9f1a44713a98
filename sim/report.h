/* The result of a fleet's run: for people, for programs, as a picture. */
#ifndef SIM_REPORT_H
#define SIM_REPORT_H

#include <stdio.h>

#include "sim/fleet.h"

void report_text(FILE *f, const struct fleet_config *cfg, const struct fleet_result *r);
void report_json(FILE *f, const struct fleet_config *cfg, const struct fleet_result *r);
void report_svg(FILE *f, const struct fleet_config *cfg, const struct fleet_result *r);

#endif
