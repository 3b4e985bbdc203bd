#include "protocol.h"

#include "uart.h"

static uint32_t crc;

static void crc_start(void)
{
    crc = 0xffffffffu;
}

/* CRC-32 (IEEE 802.3), a bit at a time: small, and fast enough for a UART. */
static void crc_add(uint8_t byte)
{
    crc ^= byte;
    for (int bit = 0; bit < 8; ++bit) {
        crc = (crc >> 1) ^ ((crc & 1u) ? 0xedb88320u : 0u);
    }
}

static uint8_t read_byte(void)
{
    const uint8_t byte = uart_read();
    crc_add(byte);
    return byte;
}

static uint32_t read_u32(void)
{
    uint32_t value = 0;
    for (int shift = 0; shift < 32; shift += 8) {
        value |= (uint32_t)read_byte() << shift;
    }
    return value;
}

static void wait_for_mark(void)
{
    uint8_t last = 0;
    for (;;) {
        const uint8_t byte = uart_read();
        if (last == 'T' && byte == 'M') {
            return;
        }
        last = byte;
    }
}

static uint32_t capacity_of(const frame_part *parts, uint32_t part_count)
{
    uint32_t capacity = 0;
    for (uint32_t i = 0; i < part_count; ++i) {
        capacity += parts[i].count;
    }
    return capacity;
}

/* Reads `length` bytes, at most what the parts hold together. */
static void read_parts(const frame_part *parts, uint32_t length)
{
    for (; length > 0; ++parts) {
        uint8_t *bytes = parts->bytes;
        const uint32_t count = length < parts->count ? length : parts->count;
        for (uint32_t i = 0; i < count; ++i) {
            bytes[i] = read_byte();
        }
        length -= count;
    }
}

frame_header frame_read(const frame_part *parts, uint32_t part_count)
{
    frame_header header;
    wait_for_mark();
    crc_start();
    header.type = read_byte();
    header.sequence = read_byte();
    header.length = read_u32();
    header.intact = 0;
    if (header.length > capacity_of(parts, part_count)) { /* a broken length must not make us wait for 4 GB */
        return header;
    }
    read_parts(parts, header.length);
    const uint32_t expected = ~crc;
    header.intact = read_u32() == expected;
    return header;
}

static void write_byte(uint8_t byte)
{
    crc_add(byte);
    uart_write(byte);
}

void frame_u32(uint32_t value)
{
    for (int shift = 0; shift < 32; shift += 8) {
        write_byte((uint8_t)(value >> shift));
    }
}

void frame_bytes(const void *bytes, uint32_t count)
{
    const uint8_t *const from = bytes;
    for (uint32_t i = 0; i < count; ++i) {
        write_byte(from[i]);
    }
}

void frame_begin(uint8_t type, uint8_t sequence, uint32_t length)
{
    uart_write('T');
    uart_write('M');
    crc_start();
    write_byte(type);
    write_byte(sequence);
    frame_u32(length);
}

void frame_end(void)
{
    frame_u32(~crc);
}
