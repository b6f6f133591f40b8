`define OP_RESET  3'd0
`define OP_MAC    3'd1
`define OP_OFFSET 3'd2
`define OP_MAX    3'd3
`define OP_ROUND  3'd4
