`timescale 1ns/1ps
// A core, one memory behind an arbiter like LiteX's, and a custom function unit that can be quick, slow or moody.
// Loads +program=FILE ($readmemh), stops at the first store to the upper half, then writes +dump=FILE.
module Bench (
    input             clk,
    input             reset,
    input      [1:0]  cfu_mode,     // 0 same cycle, 1 next cycle, 2 five cycles, 3 any time, up to four under way
    input             slow_memory,  // acknowledge after 1 cycle, or after 1 to 8
    input             interrupts,   // of the timer: at random moments for 31 cycles
    input      [31:0] seed,
    output reg        stopped
);
    localparam WORDS = 16384;
    reg [31:0] memory [0:WORDS-1];
    reg [8*256-1:0] name;
    initial if ($value$plusargs("program=%s", name)) $readmemh(name, memory);

    reg [31:0] dice;
    always @(posedge clk)
        dice <= reset ? (seed | 32'd1) : {dice[30:0], dice[31] ^ dice[21] ^ dice[1] ^ dice[0]};

    reg [4:0] timer;
    always @(posedge clk)
        if (reset) timer <= 0;
        else if (timer != 0) timer <= timer - 1;
        else if (interrupts && dice[15:8] == 0) timer <= 31;

    wire        i_cyc, i_stb, d_cyc, d_stb, d_we;
    wire [29:0] i_adr, d_adr;
    wire [31:0] d_mosi;
    wire [3:0]  d_sel;
    wire        cmd_valid, cmd_ready, rsp_valid, rsp_ready;
    wire [9:0]  function_id;
    wire [31:0] a, b, answer;

    VexRiscv core (
        .clk(clk), .reset(reset), .externalResetVector(32'd0),
        .timerInterrupt(timer != 0), .softwareInterrupt(1'b0), .externalInterruptArray(32'd0),
`ifdef WITH_CFU
        .CfuPlugin_bus_cmd_valid(cmd_valid), .CfuPlugin_bus_cmd_ready(cmd_ready),
        .CfuPlugin_bus_cmd_payload_function_id(function_id),
        .CfuPlugin_bus_cmd_payload_inputs_0(a), .CfuPlugin_bus_cmd_payload_inputs_1(b),
        .CfuPlugin_bus_rsp_valid(rsp_valid), .CfuPlugin_bus_rsp_ready(rsp_ready),
        .CfuPlugin_bus_rsp_payload_outputs_0(answer),
`endif
        .iBusWishbone_CYC(i_cyc), .iBusWishbone_STB(i_stb), .iBusWishbone_ADR(i_adr),
        .iBusWishbone_ACK(ack && !data_turn), .iBusWishbone_DAT_MISO(read), .iBusWishbone_ERR(1'b0),
        .iBusWishbone_WE(), .iBusWishbone_DAT_MOSI(), .iBusWishbone_SEL(), .iBusWishbone_CTI(), .iBusWishbone_BTE(),
        .dBusWishbone_CYC(d_cyc), .dBusWishbone_STB(d_stb), .dBusWishbone_ADR(d_adr),
        .dBusWishbone_ACK(ack && data_turn), .dBusWishbone_DAT_MISO(read), .dBusWishbone_ERR(1'b0),
        .dBusWishbone_WE(d_we), .dBusWishbone_DAT_MOSI(d_mosi), .dBusWishbone_SEL(d_sel),
        .dBusWishbone_CTI(), .dBusWishbone_BTE()
    );

    // The bus changes hands only while its holder does not ask.
    reg         data_turn, ack;
    reg  [2:0]  wait_cycles;
    reg  [31:0] read;
    wire        asked = data_turn ? d_cyc && d_stb : i_cyc && i_stb;
    wire [29:0] address = data_turn ? d_adr : i_adr;
    wire        writes = data_turn && d_we;
    always @(posedge clk) begin
        ack <= 0;
        if (reset) begin
            data_turn <= 0;
            wait_cycles <= 0;
            stopped <= 0;
        end else if (!(data_turn ? d_cyc : i_cyc)) begin
            data_turn <= !data_turn;
        end else if (asked && !ack) begin
            if (wait_cycles != 0) wait_cycles <= wait_cycles - 1;
            else begin
                ack <= 1;
                wait_cycles <= slow_memory ? dice[4:2] : 3'd0;
                read <= memory[address[13:0]];
                if (writes && address[29]) stopped <= 1;
                else if (writes) begin
                    if (d_sel[0]) memory[address[13:0]][7:0]   <= d_mosi[7:0];
                    if (d_sel[1]) memory[address[13:0]][15:8]  <= d_mosi[15:8];
                    if (d_sel[2]) memory[address[13:0]][23:16] <= d_mosi[23:16];
                    if (d_sel[3]) memory[address[13:0]][31:24] <= d_mosi[31:24];
                end
            end
        end
    end
    always @(posedge stopped) if ($value$plusargs("dump=%s", name)) $writememh(name, memory);

    // funct3 0: a pure function; 1: mixes its operands into a state; 2: commands so far.
    reg  [31:0] state, commands;
    wire [31:0] mixed = ({state[26:0], state[31:27]} ^ (a + {b[30:0], 1'b0})) + {25'd0, function_id[9:3]};
    wire [31:0] result = function_id[2:0] == 0 ? a + {b[15:0], b[31:16]} + {25'd0, function_id[9:3]}
                       : function_id[2:0] == 1 ? mixed : commands;
    wire accept = cmd_valid && cmd_ready;
    wire answered = rsp_valid && rsp_ready;

    reg  [31:0] queue [0:3];
    reg  [1:0]  head, tail;
    reg  [2:0]  length;
    reg  [2:0]  countdown;
    reg         shown;
    wire at_once = cfu_mode == 0 || (cfu_mode == 3 && length == 0 && dice[3]);
    assign cmd_ready = cfu_mode == 0 ? rsp_ready
                     : cfu_mode == 1 ? length == 0 || rsp_ready
                     : cfu_mode == 2 ? length == 0
                     : length < 4 && dice[0];
    // Must not follow rsp_ready, not even through cmd_ready.
    assign rsp_valid = cfu_mode == 0 ? cmd_valid : shown || (at_once && cmd_valid && dice[0]);
    assign answer = shown ? queue[head] : result;
    always @(posedge clk) begin
        if (reset) begin
            head <= 0; tail <= 0; length <= 0; shown <= 0; state <= 0; commands <= 0; countdown <= 0;
        end else begin
            if (accept) begin
                commands <= commands + 1;
                if (function_id[2:0] == 1) state <= mixed;
            end
            if (cfu_mode != 0) begin
                if (accept && !(at_once && answered)) begin
                    queue[tail] <= result;
                    tail <= tail + 1;
                end
                if (answered && shown) head <= head + 1;
                length <= length + {2'd0, accept && !(at_once && answered)} - {2'd0, answered && shown};
                countdown <= accept ? 3'd3 : countdown == 0 ? 3'd0 : countdown - 1;
                if (answered) shown <= cfu_mode == 1 && accept;
                else if (at_once && accept) shown <= 1;
                else if (!shown) case (cfu_mode)
                    1: shown <= accept;
                    2: shown <= length != 0 && countdown == 0;
                    3: shown <= length != 0 && dice[7];
                    default: ;
                endcase
            end
        end
    end
endmodule
