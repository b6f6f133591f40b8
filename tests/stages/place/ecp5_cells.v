// Behaviour of the ECP5's block RAM and multiplier as far as yosys' mapping uses them; its own
// models of the two are empty. Lattice FPGA-TN-02204 (memory), FPGA-TN-02205 (multiplier).

// Memory is 1024 words of 18 bit. Widths below 9 leave the ninth bit of each byte alone.
module DP16KD_port #(parameter WIDTH = 18, parameter MODE = "NORMAL") (
    input [13:0] address, input enable, input write, input reset, input [17:0] din,
    input [17:0] word, output [9:0] index, output [17:0] mask, output [17:0] placed,
    output [17:0] shifted, output writes
);
    wire [4:0] shift = WIDTH >= 18 ? 5'd0 : (address[3] ? 5'd9 : 5'd0) + (
        WIDTH == 4 ? {2'd0, address[2], 2'd0} :
        WIDTH == 2 ? {2'd0, address[2:1], 1'd0} :
        WIDTH == 1 ? {2'd0, address[2:0]} : 5'd0);
    wire [17:0] bits = WIDTH >= 18 ? {{9{address[1]}}, {9{address[0]}}} :
        WIDTH == 9 ? 18'h1ff : WIDTH == 4 ? 18'hf : WIDTH == 2 ? 18'h3 : 18'h1;
    assign index = address[13:4];
    assign mask = bits << shift;
    assign placed = din << shift;
    assign shifted = (word >> shift) & (WIDTH >= 18 ? 18'h3ffff : bits);
    assign writes = enable & write & ~reset;
endmodule

module DP16KD (
    input DIA17, DIA16, DIA15, DIA14, DIA13, DIA12, DIA11, DIA10, DIA9,
    input DIA8, DIA7, DIA6, DIA5, DIA4, DIA3, DIA2, DIA1, DIA0,
    input ADA13, ADA12, ADA11, ADA10, ADA9, ADA8, ADA7, ADA6, ADA5, ADA4, ADA3, ADA2, ADA1, ADA0,
    input CEA, OCEA, CLKA, WEA, RSTA, CSA2, CSA1, CSA0,
    output DOA17, DOA16, DOA15, DOA14, DOA13, DOA12, DOA11, DOA10, DOA9,
    output DOA8, DOA7, DOA6, DOA5, DOA4, DOA3, DOA2, DOA1, DOA0,
    input DIB17, DIB16, DIB15, DIB14, DIB13, DIB12, DIB11, DIB10, DIB9,
    input DIB8, DIB7, DIB6, DIB5, DIB4, DIB3, DIB2, DIB1, DIB0,
    input ADB13, ADB12, ADB11, ADB10, ADB9, ADB8, ADB7, ADB6, ADB5, ADB4, ADB3, ADB2, ADB1, ADB0,
    input CEB, OCEB, CLKB, WEB, RSTB, CSB2, CSB1, CSB0,
    output DOB17, DOB16, DOB15, DOB14, DOB13, DOB12, DOB11, DOB10, DOB9,
    output DOB8, DOB7, DOB6, DOB5, DOB4, DOB3, DOB2, DOB1, DOB0
);
    parameter DATA_WIDTH_A = 18, DATA_WIDTH_B = 18;
    parameter REGMODE_A = "NOREG", REGMODE_B = "NOREG";
    parameter RESETMODE = "SYNC", ASYNC_RESET_RELEASE = "SYNC", GSR = "ENABLED";
    parameter CSDECODE_A = "0b000", CSDECODE_B = "0b000";
    parameter WRITEMODE_A = "NORMAL", WRITEMODE_B = "NORMAL";
    parameter CLKAMUX = "CLKA", CLKBMUX = "CLKB";
%INITVAL%
    localparam [20479:0] INIT = {%INIT%};
    reg [17:0] memory [0:1023];
    integer i;
    initial for (i = 0; i < 1024; i = i + 1) memory[i] = INIT[20*i +: 18];

    wire [17:0] dia = {DIA17, DIA16, DIA15, DIA14, DIA13, DIA12, DIA11, DIA10, DIA9,
        DIA8, DIA7, DIA6, DIA5, DIA4, DIA3, DIA2, DIA1, DIA0};
    wire [17:0] dib = {DIB17, DIB16, DIB15, DIB14, DIB13, DIB12, DIB11, DIB10, DIB9,
        DIB8, DIB7, DIB6, DIB5, DIB4, DIB3, DIB2, DIB1, DIB0};
    wire [13:0] ada = {ADA13, ADA12, ADA11, ADA10, ADA9, ADA8, ADA7, ADA6, ADA5, ADA4, ADA3, ADA2,
        ADA1, ADA0};
    wire [13:0] adb = {ADB13, ADB12, ADB11, ADB10, ADB9, ADB8, ADB7, ADB6, ADB5, ADB4, ADB3, ADB2,
        ADB1, ADB0};
    reg [17:0] qa = 0, qb = 0;
    assign {DOA17, DOA16, DOA15, DOA14, DOA13, DOA12, DOA11, DOA10, DOA9,
        DOA8, DOA7, DOA6, DOA5, DOA4, DOA3, DOA2, DOA1, DOA0} = REGMODE_A == "OUTREG" ? ra : qa;
    assign {DOB17, DOB16, DOB15, DOB14, DOB13, DOB12, DOB11, DOB10, DOB9,
        DOB8, DOB7, DOB6, DOB5, DOB4, DOB3, DOB2, DOB1, DOB0} = REGMODE_B == "OUTREG" ? rb : qb;
    wire clka = CLKAMUX == "INV" ? ~CLKA : CLKA;
    wire clkb = CLKBMUX == "INV" ? ~CLKB : CLKB;
    // A register behind each port's output, with an enable of its own.
    reg [17:0] ra = 0, rb = 0;
    always @(posedge clka) if (RSTA) ra <= 0; else if (OCEA) ra <= qa;
    always @(posedge clkb) if (RSTB) rb <= 0; else if (OCEB) rb <= qb;

    generate if (DATA_WIDTH_A == 36) begin : wide_write
        // One write port of 36 bit, DIB above DIA; port B reads.
        wire [8:0] index = ada[13:5];
        wire [35:0] mask = {{9{ada[3]}}, {9{ada[2]}}, {9{ada[1]}}, {9{ada[0]}}};
        always @(posedge clka) if (CEA & WEA) begin
            memory[{index, 1'b0}] <= (memory[{index, 1'b0}] & ~mask[17:0]) | (dia & mask[17:0]);
            memory[{index, 1'b1}] <= (memory[{index, 1'b1}] & ~mask[35:18]) | (dib & mask[35:18]);
        end
    end else begin : port_a
        wire [9:0] index;
        wire [17:0] mask, placed, shifted;
        wire writes;
        wire [17:0] word = memory[index];
        DP16KD_port #(.WIDTH(DATA_WIDTH_A), .MODE(WRITEMODE_A)) port (
            .address(ada), .enable(CEA), .write(WEA), .reset(RSTA), .din(dia), .word(word),
            .index(index), .mask(mask), .placed(placed), .shifted(shifted), .writes(writes));
        always @(posedge clka) begin
            if (writes) memory[index] <= (word & ~mask) | (placed & mask);
            if (RSTA) qa <= 0;
            else if (CEA) begin
                if (!WEA || WRITEMODE_A == "READBEFOREWRITE") qa <= shifted;
                else if (WRITEMODE_A == "WRITETHROUGH") qa <= dia;
            end
        end
    end endgenerate

    generate if (DATA_WIDTH_B == 36) begin : wide_read
        wire [8:0] index = adb[13:5];
        always @(posedge clkb) begin
            if (RSTB) {qb, qa} <= 0;
            else if (CEB) {qb, qa} <= {memory[{index, 1'b1}], memory[{index, 1'b0}]};
        end
    end else begin : port_b
        wire [9:0] index;
        wire [17:0] mask, placed, shifted;
        wire writes;
        wire [17:0] word = memory[index];
        DP16KD_port #(.WIDTH(DATA_WIDTH_B), .MODE(WRITEMODE_B)) port (
            .address(adb), .enable(CEB), .write(WEB), .reset(RSTB), .din(dib), .word(word),
            .index(index), .mask(mask), .placed(placed), .shifted(shifted), .writes(writes));
        always @(posedge clkb) begin
            if (writes) memory[index] <= (word & ~mask) | (placed & mask);
            if (RSTB) qb <= 0;
            else if (CEB) begin
                if (!WEB || WRITEMODE_B == "READBEFOREWRITE") qb <= shifted;
                else if (WRITEMODE_B == "WRITETHROUGH") qb <= dib;
            end
        end
    end endgenerate
endmodule

// With its output register, the only one that is used.
module MULT18X18D (
%MULT%
    input SIGNEDA, SIGNEDB, SOURCEA, SOURCEB, CLK0, CE0, RST0
);
    parameter REG_OUTPUT_CLK = "NONE", REG_OUTPUT_CE = "CE0", REG_OUTPUT_RST = "RST0";
    reg [35:0] register = 0;
    wire signed [18:0] a = {SIGNEDA & A17, %A%};
    wire signed [18:0] b = {SIGNEDB & B17, %B%};
    wire signed [37:0] product = a * b;
    always @(posedge CLK0) if (RST0) register <= 0; else if (CE0) register <= product[35:0];
    assign {%P%} = REG_OUTPUT_CLK == "CLK0" ? register : product[35:0];
endmodule
