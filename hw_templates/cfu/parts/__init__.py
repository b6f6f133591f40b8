"""Parts that families of CFUs share: how they take commands, multiply, requantise and answer."""
