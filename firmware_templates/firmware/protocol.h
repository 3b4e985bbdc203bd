/*
 * Frames over the UART, little-endian:
 *
 *     'T' 'M' | type: u8 | sequence: u8 | length: u32 | payload | CRC-32 of type to payload: u32
 *
 * The answer carries the request's sequence number.
 *
 *     request                              answer
 *     'Q' nothing                          'q' input bytes: u32, output bytes: u32, model: u64
 *     'I' all inputs                       'i' counter ticks: u32, stack used: u32, all outputs
 *     'L' all inputs                       'l' layer: u32, its output; for each layer in order, then 'i'
 *     anything else, or a broken frame     'e' code: u8
 *     (a fault, unasked)                   'f' sp: u32, FAULT_STATUS, then what the core pushed: r0-r3, r12,
 *                                              lr, pc, xpsr, or nothing when the stack overflowed
 *
 * `model` is the first 8 bytes of the SHA-256 of model.tflite. 'L' is there when the project is compiled with
 * -DPREFIX_TRACE; its layers are those of report.json that are in the arena as a whole.
 */
#ifndef TINYML_PROTOCOL_H
#define TINYML_PROTOCOL_H

#include <stdint.h>

#define FRAME_QUERY 'Q'
#define FRAME_QUERY_ANSWER 'q'
#define FRAME_INFER 'I'
#define FRAME_INFER_ANSWER 'i'
#define FRAME_LAYERS 'L'
#define FRAME_LAYER_ANSWER 'l'
#define FRAME_ERROR 'e'
#define FRAME_FAULT 'f'

#define ERROR_CHECKSUM 1u
#define ERROR_LENGTH 2u
#define ERROR_TYPE 3u

typedef struct {
    uint8_t type, sequence;
    uint32_t length;
    uint8_t intact; /* the checksum was right, and the payload fitted */
} frame_header;

/* A piece of memory that a payload is spread over, in order. */
typedef struct {
    void *bytes;
    uint32_t count;
} frame_part;

/* Waits for a frame, whose payload goes to `parts`; one that is longer than they are is not read. */
frame_header frame_read(const frame_part *parts, uint32_t part_count);

/* An answer is begun with its whole length, then given piece by piece, then ended. */
void frame_begin(uint8_t type, uint8_t sequence, uint32_t length);
void frame_bytes(const void *bytes, uint32_t count);
void frame_u32(uint32_t value);
void frame_end(void);

#endif
