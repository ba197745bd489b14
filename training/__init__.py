"""Training of the default model: renders pages, trains, evaluates and exports a small PaliGemma 2."""
