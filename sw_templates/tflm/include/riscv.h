// CFU-Playground's way to write an instruction; here all are of the custom function unit.
#ifndef RISCV_H
#define RISCV_H
#include "cfu.h"
#define CUSTOM0 0x0B
#define opcode_R(opcode, funct3, funct7, rs1, rs2) cfu_op(funct3, funct7, rs1, rs2)
#endif
