"""The report's section 4.1 in miniature: what size, resolution and learning rate do to transfers.

    python -m training.sweep [--seeds 1] [--samples 1.0] [--minutes 120]   run what is missing of the grid, then stop
    python -m training.sweep.plots                                         draw docs/images/sweep-*.svg from the results

Three sizes, the default model's first layers, are trained at 56 pixels on one mixture (stage 1), go on at 112 (stage 2), and
each of the six bases is transferred to each task with seven learning rates, in the report's proportions. A run is a line of
results.jsonl and is never repeated; bases lie beside the state of training and are made again where they are missing.
"""
