#include "menu.h"
int not_for_this_firmware;
