module dot_product #(parameter LANES = 4) (
    input [31:0] a, input [31:0] b, input signed [8:0] offset, output reg signed [31:0] sum
);
    integer i;
    always @* begin
        sum = 0;
        for (i = 0; i < LANES; i = i + 1)
            sum = sum + ($signed(a[8 * i +: 8]) + offset) * $signed(b[8 * i +: 8]);
    end
endmodule
