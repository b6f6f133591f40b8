"""Firmware by parameters: a TFLite model in, readable C out."""
