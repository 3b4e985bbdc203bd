/*
 * A QEMU plugin that counts the instructions of one call: per address, and between marks.
 *
 * Counting starts when `begin` executes (it is counted) and ends before `end` does; each time a mark
 * executes, the count so far is noted. Then the counts are written to `out` and counting is over:
 *
 *     total N
 *     mark ADDRESS COUNT          the count before this mark, in the order of execution
 *     at ADDRESS COUNT            how often this instruction executed
 *
 *     -plugin count.so,base=0x..,begin=0x..,end=0x..,marks=0x..:0x..,out=FILE
 *
 * Version 1 of QEMU's plugin interface; Debian's QEMU ships no header for it, so what is used is declared
 * here (QEMU documentation, "TCG Plugins"). Instructions outside the 8 MiB from `base` are in the total only.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef uint64_t qemu_plugin_id_t;
struct qemu_plugin_tb;
struct qemu_plugin_insn;
typedef struct qemu_info qemu_info_t;

extern void qemu_plugin_register_vcpu_tb_trans_cb(qemu_plugin_id_t,
                                                  void (*)(qemu_plugin_id_t, struct qemu_plugin_tb *));
extern void qemu_plugin_register_vcpu_insn_exec_cb(struct qemu_plugin_insn *, void (*)(unsigned int, void *),
                                                   int, void *);
extern void qemu_plugin_register_vcpu_insn_exec_inline(struct qemu_plugin_insn *, int, void *, uint64_t);
extern size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *);
extern struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *, size_t);
extern uint64_t qemu_plugin_insn_vaddr(const struct qemu_plugin_insn *);

#define EXPORT __attribute__((visibility("default")))
#define SLOTS (1u << 22) /* one a halfword of code */
#define MAX_MARKS 4096
#define NO_REGISTERS 0
#define ADD_U64 0

typedef struct {
    uint64_t address, count;
} mark;

EXPORT int qemu_plugin_version = 1;

static uint64_t counts[SLOTS];
static uint64_t total;
static uint64_t base, begin, end;
static uint64_t marks[MAX_MARKS];
static size_t mark_count;
static mark seen[MAX_MARKS];
static size_t seen_count;
static const char *out = "counts";
static enum { WAITING, COUNTING, DONE } state;

static void on_begin(unsigned int cpu, void *address)
{
    (void)cpu;
    (void)address;
    if (state == WAITING) {
        memset(counts, 0, sizeof counts);
        total = 0;
        seen_count = 0;
        state = COUNTING;
    }
}

static void on_mark(unsigned int cpu, void *address)
{
    (void)cpu;
    if (state == COUNTING && seen_count < MAX_MARKS) {
        seen[seen_count].address = (uint64_t)(uintptr_t)address;
        seen[seen_count++].count = total;
    }
}

static void on_end(unsigned int cpu, void *address)
{
    FILE *file;
    (void)cpu;
    (void)address;
    if (state != COUNTING) {
        return;
    }
    state = DONE;
    file = fopen(out, "w");
    if (!file) {
        return;
    }
    fprintf(file, "total %llu\n", (unsigned long long)total);
    for (size_t i = 0; i < seen_count; ++i) {
        fprintf(file, "mark %llx %llu\n", (unsigned long long)seen[i].address,
                (unsigned long long)seen[i].count);
    }
    for (uint32_t i = 0; i < SLOTS; ++i) {
        if (counts[i]) {
            fprintf(file, "at %llx %llu\n", (unsigned long long)(base + 2 * i), (unsigned long long)counts[i]);
        }
    }
    fclose(file);
}

static void on_block(qemu_plugin_id_t id, struct qemu_plugin_tb *block)
{
    const size_t length = qemu_plugin_tb_n_insns(block);
    (void)id;
    for (size_t i = 0; i < length; ++i) {
        struct qemu_plugin_insn *instruction = qemu_plugin_tb_get_insn(block, i);
        const uint64_t address = qemu_plugin_insn_vaddr(instruction);
        void *const given = (void *)(uintptr_t)address;
        /* Callbacks run before the instruction, and before what is counted of it. */
        if (address == begin) {
            qemu_plugin_register_vcpu_insn_exec_cb(instruction, on_begin, NO_REGISTERS, given);
        }
        if (address == end) {
            qemu_plugin_register_vcpu_insn_exec_cb(instruction, on_end, NO_REGISTERS, given);
        }
        for (size_t k = 0; k < mark_count; ++k) {
            if (address == marks[k]) {
                qemu_plugin_register_vcpu_insn_exec_cb(instruction, on_mark, NO_REGISTERS, given);
            }
        }
        qemu_plugin_register_vcpu_insn_exec_inline(instruction, ADD_U64, &total, 1);
        if (address >= base && (address - base) / 2 < SLOTS) {
            uint64_t *const slot = &counts[(address - base) / 2];
            qemu_plugin_register_vcpu_insn_exec_inline(instruction, ADD_U64, slot, 1);
        }
    }
}

EXPORT int qemu_plugin_install(qemu_plugin_id_t id, const qemu_info_t *info, int argc, char **argv)
{
    (void)info;
    for (int i = 0; i < argc; ++i) {
        if (!strncmp(argv[i], "base=", 5)) {
            base = strtoull(argv[i] + 5, NULL, 0);
        } else if (!strncmp(argv[i], "begin=", 6)) {
            begin = strtoull(argv[i] + 6, NULL, 0);
        } else if (!strncmp(argv[i], "end=", 4)) {
            end = strtoull(argv[i] + 4, NULL, 0);
        } else if (!strncmp(argv[i], "out=", 4)) {
            out = strdup(argv[i] + 4);
        } else if (!strncmp(argv[i], "marks=", 6)) {
            for (char *at = argv[i] + 6; *at && mark_count < MAX_MARKS; at += *at == ':') {
                marks[mark_count++] = strtoull(at, &at, 0);
            }
        }
    }
    qemu_plugin_register_vcpu_tb_trans_cb(id, on_block);
    return 0;
}
