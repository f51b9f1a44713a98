/* The automation engine's view of a fleet, over the core in the same process. */
#ifndef C2_FLEET_CORE_H
#define C2_FLEET_CORE_H

#include "c2/core/core.h"
#include "engine/fleet.h"

struct fleet fleet_of_core(struct core *core);

#endif
