"""What nextpnr writes of a PLL: the words of its tiles in Project Trellis' text format."""

from hw_templates.soc.fpga.ecp5.pll import PllClocks, outputs, settings_for


def routed_pll(reference_hz: int, clocks: PllClocks) -> str:
    """Return the section of a PLL that makes clocks; an output that is not used has words, too."""
    settings = settings_for(reference_hz, clocks.clock_hz, clocks.cfu_clock_percent)
    words = {
        "CLKI_DIV": settings.input_divider - 1,
        "CLKFB_DIV": settings.feedback_divider - 1,
    }
    made = {output.name: output for output in outputs(settings, clocks)}
    for name in ("OP", "OS", "OS2", "OS3"):
        output = made.get(name)
        words[f"CLK{name}_DIV"] = 7 if output is None else output.divider - 1
        words[f"CLK{name}_CPHASE"] = 0 if output is None else output.coarse
        words[f"CLK{name}_FPHASE"] = 0 if output is None else output.fine
    return "\n".join(
        [
            ".tile_group MIB_R50C2:PLL0_LL MIB_R50C3:BANKREF8",
            *(
                f"word: {name} {number:0{3 if 'FPHASE' in name else 7}b}"
                for name, number in words.items()
            ),
            "word: ICP_CURRENT 01100",
            "enum: MODE EHXPLLL",
            "enum: FEEDBK_PATH INT_OS3",
        ]
    )
