"""Running a study: asking for designs, leasing trials to workers, promoting the best ones."""

from dse.campaign.campaign import Campaign, Timing

__all__ = ["Campaign", "Timing"]
