"""The exported model's profile: how the service shows it pages and reads its answers."""

PROFILE = {
    "name": "mini",
    "format": 1,
    "tasks": {
        "ocr": {
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
    },
}
