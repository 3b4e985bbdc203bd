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

frame_header frame_read(uint8_t *payload, uint32_t capacity)
{
    frame_header header;
    wait_for_mark();
    crc_start();
    header.type = read_byte();
    header.sequence = read_byte();
    header.length = read_u32();
    header.intact = 0;
    if (header.length > capacity) { /* a broken length must not make us wait for 4 GB */
        return header;
    }
    for (uint32_t i = 0; i < header.length; ++i) {
        payload[i] = read_byte();
    }
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

void frame_bytes(const uint8_t *bytes, uint32_t count)
{
    for (uint32_t i = 0; i < count; ++i) {
        write_byte(bytes[i]);
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
