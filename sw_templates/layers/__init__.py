"""What operators share: bases of layers, tables, windows, walks over tensors."""
