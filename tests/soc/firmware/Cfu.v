// A CFU for tests: adds both operands and the function number, one cycle later.
module Cfu (
    input             cmd_valid,
    output            cmd_ready,
    input      [9:0]  cmd_payload_function_id,
    input      [31:0] cmd_payload_inputs_0,
    input      [31:0] cmd_payload_inputs_1,
    output reg        rsp_valid,
    input             rsp_ready,
    output reg [31:0] rsp_payload_outputs_0,
    input             clk,
    input             reset
);
    assign cmd_ready = ~rsp_valid;
    always @(posedge clk) begin
        if (reset) begin
            rsp_valid <= 1'b0;
        end else if (cmd_valid && cmd_ready) begin
            rsp_valid <= 1'b1;
            rsp_payload_outputs_0 <=
                cmd_payload_inputs_0 + cmd_payload_inputs_1 + {22'd0, cmd_payload_function_id};
        end else if (rsp_ready) begin
            rsp_valid <= 1'b0;
        end
    end
endmodule
