// A CFU as a student writes one: several files, an include, blocking and non-blocking mixed.
`include "rtl/opcodes.vh"

module Cfu #(
    parameter LANES = 4,
    parameter SHIFT_IN_CFU = 1
) (
    input               cmd_valid,
    output              cmd_ready,
    input      [9:0]    cmd_payload_function_id,
    input      [31:0]   cmd_payload_inputs_0,
    input      [31:0]   cmd_payload_inputs_1,
    output reg          rsp_valid,
    input               rsp_ready,
    output reg [31:0]   rsp_payload_outputs_0,
    input               reset,
    input               clk
);
    wire [2:0] op = cmd_payload_function_id[2:0];
    wire [6:0] sub = cmd_payload_function_id[9:3];
    wire signed [31:0] dot;
    reg signed [31:0] acc;
    reg signed [8:0] offset;
    reg signed [31:0] step;

    dot_product #(.LANES(LANES)) products (
        .a(cmd_payload_inputs_0), .b(cmd_payload_inputs_1), .offset(offset), .sum(dot)
    );

    assign cmd_ready = ~rsp_valid;

    always @(posedge clk) begin
        if (reset) begin
            acc <= 0;
            offset <= 0;
            step <= 0;
            rsp_valid <= 0;
        end else if (rsp_valid) begin
            rsp_valid <= ~rsp_ready;
        end else if (cmd_valid) begin
            rsp_valid <= 1;
            case (op)
                `OP_RESET: begin acc <= 0; rsp_payload_outputs_0 <= acc; end
                `OP_MAC: begin
                    step = acc + dot;  // blocking on purpose
                    acc <= step;
                    rsp_payload_outputs_0 <= step;
                end
                `OP_OFFSET: begin offset <= cmd_payload_inputs_0[8:0]; rsp_payload_outputs_0 <= 0; end
                `OP_MAX: rsp_payload_outputs_0 <=
                    $signed(cmd_payload_inputs_0) > $signed(cmd_payload_inputs_1)
                        ? cmd_payload_inputs_0 : cmd_payload_inputs_1;
                `OP_ROUND: rsp_payload_outputs_0 <=
                    SHIFT_IN_CFU ? rounded(cmd_payload_inputs_0, cmd_payload_inputs_1[4:0]) : 0;
                default: rsp_payload_outputs_0 <= sub;
            endcase
        end
    end

    function [31:0] rounded(input signed [31:0] value, input [4:0] exponent);
        reg [31:0] mask;
        reg signed [31:0] shifted;
        begin
            mask = (32'd1 << exponent) - 1;
            shifted = value >>> exponent;
            rounded = shifted + ((value & mask) > ((mask >> 1) + (value < 0)) ? 32'd1 : 32'd0);
        end
    endfunction
endmodule
