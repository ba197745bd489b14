"""The released checkpoints' way to a loss: transformers' own forward pass, in bfloat16 where wanted, with gradient
checkpoints. Prompts and answers are put together here, token by token, as the engine does it:

    <image> x N, <bos>, prompt, newline | answer, <eos>

The first part sees itself fully, the answer what is before it; only the answer is learnt."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from tokenizers import Tokenizer
from torch import Tensor, nn
from transformers import PaliGemmaForConditionalGeneration

from training.tuning import lora
from training.tuning.labels import Asked


class Spelling:
    """Token ids by the checkpoint's own tokenizer.json and config.json."""

    def __init__(self, base: Path, config: dict):
        path = base / "tokenizer.json"
        if not path.exists():
            raise ValueError(f"{base} has no tokenizer.json: take the folder of the released checkpoint as it is published")
        self.tokenizer = Tokenizer.from_file(str(path))
        vision = config["vision_config"]
        self.size = vision.get("image_size", 224)
        self.image = config.get("image_token_index", config.get("image_token_id"))
        self.images = (self.size // vision.get("patch_size", 14)) ** 2
        special = {"bos": ("<bos>", config.get("bos_token_id", 2)), "eos": ("<eos>", config.get("eos_token_id", 1)), "pad": ("<pad>", config.get("pad_token_id", 0))}
        ids = {k: self._id(token, fallback) for k, (token, fallback) in special.items()}
        self.bos, self.eos, self.pad = ids["bos"], ids["eos"], ids["pad"]
        self.newline = self._id("\n", None)

    def _id(self, token: str, fallback: int | None) -> int:
        found = self.tokenizer.token_to_id(token)
        if found is None and fallback is None:
            raise ValueError(f"tokenizer.json has no token {token!r}")
        return fallback if found is None else found

    def encode(self, text: str) -> list[int]:
        return self.tokenizer.encode(text, add_special_tokens=False).ids

    def prefix(self, prompt: str) -> list[int]:
        return [self.image] * self.images + [self.bos] + self.encode(prompt) + [self.newline]


class Released:
    """A checkpoint of the published architecture as something to fine-tune."""

    def __init__(self, base: Path, config: dict, device: torch.device, dtype: torch.dtype, max_tokens: int, checkpoints: bool, soft_caps: bool):
        self.spelling = Spelling(base, config)
        self.max_tokens, self.device = max_tokens, device
        # Eager attention: others leave the soft-cap of attention out.
        self.net = PaliGemmaForConditionalGeneration.from_pretrained(base, dtype=dtype, attn_implementation="eager")
        self.net.to(device)
        if not soft_caps:
            remove_soft_caps(self.net)
        self.net.config.use_cache = False
        if checkpoints:
            self.net.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
        self.net.train()
        self.cut = 0  # answers that were longer than max_tokens

    def adapt(self, rank: int, alpha: float, decoder_only: bool) -> None:
        """Train adapters alone."""
        lora.adapt(self.net, rank, alpha, decoder_only)

    def freeze_vision(self) -> None:
        """Leave the vision tower as it is."""
        self.net.model.vision_tower.requires_grad_(False)

    def parameters(self) -> list[Tensor]:
        return [p for p in self.net.parameters() if p.requires_grad]

    def batch(self, asked: list[Asked]) -> dict[str, Tensor]:
        """Tokens, kinds (0 before the answer, 1 of it) and pixels, padded on the right."""
        rows = []
        for a in asked:
            prefix, answer = self.spelling.prefix(a.prompt), self.spelling.encode(a.answer) + [self.spelling.eos]
            if len(answer) > self.max_tokens:
                self.cut += 1
                answer = answer[: self.max_tokens]
            rows.append((prefix, answer))
        length = max(len(p) + len(a) for p, a in rows)
        tokens = torch.full((len(rows), length), self.spelling.pad)
        kinds, seen = torch.zeros_like(tokens), torch.zeros_like(tokens)
        for i, (prefix, answer) in enumerate(rows):
            n = len(prefix) + len(answer)
            tokens[i, :n], seen[i, :n] = torch.tensor(prefix + answer), 1
            kinds[i, len(prefix) : n] = 1
        pixels = torch.from_numpy(np.stack([a.pixels for a in asked])).permute(0, 3, 1, 2).float() / 127.5 - 1
        made = {"input_ids": tokens, "token_type_ids": kinds, "attention_mask": seen, "pixel_values": pixels}
        return {k: v.to(self.device) for k, v in made.items()}

    def scores(self, batch: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
        """Scores of the answers' tokens, float32 [M, vocabulary], and the tokens. Only the rows that predict them go
        through the output table: a quarter of a million columns are dear."""
        kinds, tokens = batch["token_type_ids"], batch["input_ids"]
        first = int(kinds.argmax(1).min())  # of all answers
        keep = torch.arange(first - 1, tokens.shape[1] - 1, device=tokens.device)
        pixels = batch["pixel_values"].to(self.net.dtype)
        logits = self.net(**{**batch, "pixel_values": pixels}, logits_to_keep=keep).logits
        wanted = kinds[:, first:] == 1
        return logits[wanted].float(), tokens[:, first:][wanted]

    def loss(self, asked: list[Asked], smoothing: float) -> Tensor:
        """Cross entropy of the answers' tokens."""
        scores, truth = self.scores(self.batch(asked))
        return F.cross_entropy(scores, truth, label_smoothing=smoothing)

    def trained(self) -> dict[str, Tensor]:
        """What changed, by transformers' names."""
        return lora.trained(self.net)


def remove_soft_caps(net: nn.Module) -> None:
    """Without the caps of attention and logits, as the report has it in transfer (section 3); the exported configuration
    then says so, too."""
    text = net.config.text_config
    text.attn_logit_softcapping = text.final_logit_softcapping = None
    for module in net.modules():
        if hasattr(module, "attn_logit_softcapping"):
            module.attn_logit_softcapping = None
