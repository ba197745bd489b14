"""Fine-tuning: labels, presets, adapters, and the two ways to compute a loss (training/finetune.py is the command)."""
