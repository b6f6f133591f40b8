"""ResNet-8 of MLPerf Tiny image classification, trained by this project on CIFAR-10.

``data`` and ``evaluate`` need the project's main dependencies only; ``network``, ``train`` and
``quantise`` import TensorFlow, which the extra ``train`` installs.
"""
