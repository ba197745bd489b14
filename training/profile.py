"""The exported model's profile: how the service shows it pages and reads its answers."""

_WORDS = {
    "prompt": "ocr",
    "view": "tiles",
    "size": 224,
    "x_height": 10.5,
    "min_scale": 0.2,
    "max_scale": 2.0,
    "overlap": 72,
    "fit": "stretch",
    "box": "yxyx-before",
    "loc_bins": 1024,
    "max_tokens": 640,
    "min_confidence": 0.25,
}
_REGION = {"view": "region", "size": 224, "fit": "letterbox", "loc_bins": 1024}
_PAGE = {"view": "page", "size": 224, "fit": "letterbox", "loc_bins": 1024}

# How every task that is trained wants to be asked.
TASKS = {
    "ocr": _WORDS,
    "table": _REGION
    | {
        "prompt": "table structure",
        "fit": "stretch",
        "box": "yxyx-before",
        "max_tokens": 320,
        "grammar": "table_structure",
        "steps": {"text": _WORDS | {"max_scale": 3.0, "min_confidence": 0.15}},
    },
    "molecule": _REGION | {"prompt": "molecule", "box": "atoms", "max_tokens": 512, "grammar": "atoms"},
    "omr": _REGION
    | {
        "prompt": "omr",
        "box": "none",
        "max_tokens": 512,
        "grammar": "omr_bar",
        "steps": {"measures": _REGION | {"prompt": "detect measure", "box": "yxyx-before", "max_tokens": 128}},
    },
    "regions": _PAGE
    | {
        "prompt": "detect text ; table ; molecule ; staff ; film ; picture",
        "box": "yxyx-before",
        "max_tokens": 320,
        "grammar": "detect",
        "min_confidence": 0.3,
    },
    "detect": _PAGE | {"prompt": "detect", "box": "yxyx-before", "max_tokens": 256, "grammar": "detect"},
    "answer": _PAGE | {"prompt": "answer en", "box": "none", "max_tokens": 8},
    "caption": _PAGE | {"prompt": "caption en", "box": "none", "max_tokens": 160},
}

# What the exported weights can do. A task comes in when its scores say so, and the model's card with it: what has no entry is
# refused as unsupported instead of being answered wrongly.
RELEASED = ("ocr",)

PROFILE = {"name": "mini", "format": 1, "tasks": {name: TASKS[name] for name in RELEASED}}
