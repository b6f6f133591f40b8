"""What is said of placing where nothing, one design or several were measured both ways."""

from dse.results.placing import PlacingAdds


def test_without_a_design_of_both_the_usual_is_said() -> None:
    assert PlacingAdds(metric="lut4", shares=()).text == (
        "lut4 of what is not placed is what synthesis counts; placing usually adds 1 to 4 %"
    )


def test_several_are_a_range_and_their_median() -> None:
    text = PlacingAdds(metric="lut4", shares=(0.013, 0.019, 0.028)).text
    assert "+1.3 to +2.8 %, +1.9 % in the median, in the 3 designs of this study" in text
    assert "+1.3 % in the one design" in PlacingAdds(metric="lut4", shares=(0.013,)).text
