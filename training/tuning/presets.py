"""The settings that the PaliGemma 2 report (Steiner et al. 2024, arXiv 2412.03555) publishes, by task."""

from __future__ import annotations

from typing import NamedTuple

# Stages 1 and 2 are trained at 2e-5, times 0.5 for the 3B model and 0.25 for 10B and 28B (section 3).
BASE_RATE = 2e-5
SIZE_FACTOR = {2304: 0.5, 3584: 0.25, 4608: 0.25}  # by the decoder's width
SIZE_NAME = {2304: "3B", 3584: "10B", 4608: "28B"}


class Preset(NamedTuple):
    """How a task is fine-tuned, and how a checkpoint made so is asked."""

    rate: float  # of the 3B model
    epochs: int  # of labels as many as the report had; see finetune.py for few
    batch: int
    label_smoothing: float
    weight_decay: float
    max_tokens: int  # longest answer
    prompt: str
    fit: str
    box: str
    cited: str


PRESETS = {
    "ocr": Preset(1e-5, 10, 256, 0.1, 0.0, 2048, "ocr", "stretch", "yxyx-before",
                  "section 4.2 and appendix B.1: 15,000 steps of 256; rates 1e-6 to 1e-4 tried; best at 896 px"),
    "table": Preset(1e-4, 10, 256, 0.0, 0.0, 4096, "table", "letterbox", "none",
                    "section 4.3 and appendix B.2: as text, without label smoothing; white padding to a square"),
    "molecule": Preset(1e-4, 10, 256, 0.1, 0.0, 256, "molecule", "letterbox", "none", "section 4.4 and appendix B.3: 30,000 steps of 256"),
    "omr": Preset(1e-4, 10, 256, 0.1, 0.0, 1024, "music", "letterbox", "none", "section 4.5 and appendix B.4: as molecules, longer answers"),
    "caption": Preset(1e-5, 10, 256, 0.0, 1e-6, 192, "caption en", "stretch", "none",
                      "section 4.6 and appendix B.5 (DOCCI): rates of the common grid 3e-6, 1e-5, 3e-5"),
    "answer": Preset(6e-6, 10, 256, 0.0, 6e-7, 32, "answer en", "stretch", "none",
                     "Table 14, DocVQA at 224 px: best at 6e-6 (3B), 3e-6 (10B and 28B) of 3e-7 to 3e-5; section 4.1"),
    "spatial": Preset(1e-6, 10, 1024, 0.0, 3e-7, 18, "answer en", "stretch", "none", "section 4.7 and appendix B.6 (VSR): grid 1e-7 to 3e-6"),
    "cxr": Preset(5e-6, 8, 256, 0.0, 0.0, 512, "report", "letterbox", "none",
                  "section 4.8 and appendix B.7: 8 epochs, no label smoothing, dropout or weight decay"),
}

# The rates of Table 14 (DocVQA, validation, 224 px) by size, and what they reached: why larger models take lower ones.
TABLE_14_RATES = (3e-7, 6e-7, 1e-6, 3e-6, 6e-6, 1e-5, 3e-5)
TABLE_14_DOCVQA = {
    "3B": (37.8, 37.9, 37.3, 39.4, 40.2, 38.7, 32.5),
    "10B": (42.4, 40.9, 42.2, 44.1, 41.4, 39.8, 29.6),
    "28B": (42.7, 42.1, 43.1, 45.2, 42.1, 40.5, 30.9),
}


def preset(task: str) -> Preset:
    """The preset of a task; captions' for one the report does not have."""
    return PRESETS.get(task, PRESETS["caption"])


def rate(task: str, width: int, lora: bool) -> float:
    """The rate to begin with. Larger models take half of the 3B model's (Table 14, and the factors of stages 1 and 2);
    adapters ten times that of a full run, which is custom and not the report's. The default model, which is a thousand
    times smaller, takes what was measured on it (docs/finetuning.md)."""
    if width < 1024:
        return 3e-3 if lora else 1e-3
    factor = SIZE_FACTOR.get(width, 0.5) / SIZE_FACTOR[2304]
    return preset(task).rate * factor * (10 if lora else 1)


def stage_rate(width: int) -> float:
    """The rate of stages 1 and 2 for a decoder of this width: for going on with pre-training, not for a task."""
    return BASE_RATE * SIZE_FACTOR.get(width, 0.5)
