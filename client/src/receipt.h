/* What both ends of a receipt share (protocol.md section 8). */
#ifndef E4_SRC_RECEIPT_H
#define E4_SRC_RECEIPT_H

#include "e4/protocol.h"

#define E4_RECEIPT_VERSION 1
#define E4_RECEIPT_AD_LEN 18 /* stamp | "e4-receipt" */

/* The associated data that keeps receipts and commands apart. */
void e4_receipt_ad(uint8_t ad[E4_RECEIPT_AD_LEN], const uint8_t stamp[E4_STAMP_LEN]);

#endif
