#include "kit.h"

int main(void)
{
	return END();
}
