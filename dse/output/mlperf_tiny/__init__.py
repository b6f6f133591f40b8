"""A results folder as MLPerf Tiny wants it: the benchmarks, the folder, and a check of it."""

from dse.output.mlperf_tiny.benchmarks import BENCHMARKS, Benchmark, benchmark_named

__all__ = ["BENCHMARKS", "Benchmark", "benchmark_named"]
