"""The modules that decide something, and the tests that are to notice a wrong decision."""

from collections.abc import Mapping

_STORE = (
    "tests/store/test_store_contract.py",
    "tests/store/test_second_study.py",
    "tests/store/test_placing_and_acting.py",
    "tests/store/test_what_is_told.py",
)
_CAMPAIGN = (
    "tests/campaign/test_campaign.py",
    "tests/campaign/test_decisions.py",
    "tests/campaign/test_by_the_clock.py",
    "tests/campaign/test_hours.py",
    "tests/campaign/test_stop_gain.py",
)

DECIDERS: Mapping[str, tuple[str, ...]] = {
    "dse/pareto.py": ("tests/results/test_pareto.py",),
    "dse/results/front.py": ("tests/results/test_front.py", "tests/results/test_constraints.py"),
    "dse/results/clock_model.py": ("tests/results/test_clock_model.py",),
    "dse/campaign/promotion.py": (
        "tests/results/test_front.py",
        "tests/campaign/test_wanted_clock.py",
    ),
    "dse/campaign/campaign.py": _CAMPAIGN,
    "dse/store/leases.py": (*_STORE, "tests/store/test_limits.py"),
    "dse/store/limits.py": ("tests/store/test_limits.py",),
    "dse/store/queries.py": _STORE,
    "dse/store/store.py": (
        *_STORE,
        "tests/store/test_what_people_do.py",
        "tests/store/test_copying.py",
    ),
    "dse/suggest/improvement.py": (
        "tests/suggest/test_improvement.py",
        "tests/suggest/test_improvement_sampled.py",
    ),
    "dse/suggest/evidence.py": ("tests/suggest/test_evidence.py",),
    "dse/suggest/stopping.py": ("tests/campaign/test_stop_gain.py",),
    "dse/suggest/cost.py": (
        "tests/suggest/test_cost.py",
        "tests/suggest/test_cost_by_definition.py",
    ),
    "dse/suggest/relevance.py": (
        "tests/suggest/test_relevance.py",
        "tests/suggest/test_learning_from_others.py",
    ),
    "dse/dashboard/data/selection.py": ("tests/dashboard/test_selection.py",),
    "dse/dashboard/web/security.py": ("tests/dashboard/test_access.py",),
    "dse/config/trust.py": (
        "tests/config/test_trust.py",
        "tests/config/test_hooks_are_code.py",
    ),
    "runners/pipeline/cache.py": (
        "tests/pipeline/test_cache.py",
        "tests/pipeline/test_remote_cache.py",
        "tests/pipeline/test_untrusted_entries.py",
    ),
    "runners/pipeline/pipeline.py": (
        "tests/pipeline/test_walk.py",
        "tests/pipeline/test_pipeline.py",
    ),
    "runners/stages/place/report.py": ("tests/stages/place/test_report.py",),
    "runners/stages/place/settle.py": (
        "tests/stages/place/test_settle.py",
        "tests/stages/place/test_which_clock.py",
    ),
    "hw_templates/soc/fpga/ecp5/pll.py": ("tests/targets/test_ecp5_pll.py",),
    "sw_templates/quantise.py": ("tests/firmware/test_quantise.py",),
    "sw_templates/memory_plan.py": ("tests/firmware/test_memory_plan.py",),
}
