/*
 * The registers of an AES peripheral, of the kind that microcontrollers have:
 * key in, data in, start, wait while busy, data out. On a chip the two
 * functions are one volatile access each:
 *
 *   #define AES_REG(r) (((volatile uint32_t *)0x40026000)[r])
 *
 * Here aes_peripheral.c is the hardware.
 */
#ifndef AES_PERIPHERAL_H
#define AES_PERIPHERAL_H

#include <stdint.h>

enum aes_register {
	AES_CONTROL = 0,  /* write AES_START */
	AES_STATUS = 1,   /* read AES_BUSY */
	AES_KEY = 4,      /* 8 words, written in order, first byte lowest; they can't be read */
	AES_DATA_IN = 12, /* 4 words */
	AES_DATA_OUT = 16 /* 4 words */
};

#define AES_START 1u
#define AES_CLEAR 2u /* forget the key and the data */
#define AES_BUSY 1u

void aes_register_write(unsigned r, uint32_t value);
uint32_t aes_register_read(unsigned r);

#endif
